//! Suppressions: which incidents a person's false positive or rule covers, now and among those of the past. Owns the test and its
//! words; rules are `rule`'s, and who keeps suppressions, and for how long, is the caller's.

use crate::rule;
use record::{FeedbackScope, Incident, IncidentStatus, Kind, Suppression, Timestamp};

/// Reasons of a learned incident that count as its leading ones.
const LEADING: usize = 3;
/// Ports named in words.
const PORTS_NAMED: usize = 4;

/// True for kinds whose ports are no service but the victim's every door, or that have none.
fn any_port(kind: Kind) -> bool {
    matches!(kind, Kind::PortScan | Kind::Flood | Kind::ArpSpoof | Kind::NewDevice | Kind::Volume | Kind::HostDown)
}

fn same_kind(a: Kind, b: Kind) -> bool {
    a == b || (a.is_learned() && b.is_learned())
}

fn subset<T: PartialEq>(part: &[T], whole: &[T]) -> bool {
    part.iter().all(|item| whole.contains(item))
}

/// The suppression that follows from calling `incident` a false positive.
#[must_use]
pub fn suppression(
    incident: &Incident,
    id: u64,
    scope: FeedbackScope,
    created: Timestamp,
    until: Option<Timestamp>,
) -> Suppression {
    let learned = incident.kind.is_learned();
    let leading = incident.why.iter().take(if learned { LEADING } else { 0 });
    Suppression {
        id,
        incident: incident.id.clone(),
        kind: Some(incident.kind),
        scope: Some(scope),
        src: incident.src.clone(),
        dest: incident.dest.clone(),
        dest_port: incident.dest_port.clone(),
        features: leading.map(|why| why.feature.clone()).collect(),
        created,
        until,
        text: words(incident, scope),
        rule: None,
        reason: String::new(),
    }
}

/// What a scope means for this incident, as a part of a sentence ("port scans from 192.0.2.7 to 192.0.2.9").
#[must_use]
pub fn words(incident: &Incident, scope: FeedbackScope) -> String {
    let kind = incident.kind.name().replace('_', " ");
    let hosts = |list: &[record::IpAddr16]| match list {
        [] => "anywhere".to_owned(),
        [one] => one.to_string(),
        [first, rest @ ..] => format!("{first} and {} more", rest.len()),
    };
    let service = match incident.dest_port.as_slice() {
        _ if any_port(incident.kind) => String::new(),
        [] => String::new(),
        ports if ports.len() > PORTS_NAMED => format!(" at {} ports", ports.len()),
        ports => format!(" at port {}", ports.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")),
    };
    match scope {
        FeedbackScope::Pair if incident.dest.is_empty() => format!("{kind} from {}", hosts(&incident.src)),
        FeedbackScope::Pair => format!("{kind} from {} to {}", hosts(&incident.src), hosts(&incident.dest)),
        FeedbackScope::HostService => format!("{kind} from {}{service}, to any host", hosts(&incident.src)),
        FeedbackScope::Everywhere if incident.kind.is_learned() && !incident.why.is_empty() => {
            let leading: Vec<&str> = incident.why.iter().take(LEADING).map(|why| why.feature.as_str()).collect();
            format!("{kind} from any host{service}, led by {}", leading.join(" or "))
        }
        FeedbackScope::Everywhere => format!("{kind} from any host{service}"),
    }
}

/// Does `suppression` cover this incident, as it is now? One that has outgrown it, or that goes on after its end, is not covered.
#[must_use]
pub fn covers(suppression: &Suppression, incident: &Incident) -> bool {
    if suppression.until.is_some_and(|until| incident.last_seen > until) {
        return false;
    }
    if let Some(rule) = &suppression.rule {
        return rule::fits(rule, incident);
    }
    let (Some(kind), Some(scope)) = (suppression.kind, suppression.scope) else { return false };
    if !same_kind(kind, incident.kind) {
        return false;
    }
    let service = any_port(incident.kind) || subset(&incident.dest_port, &suppression.dest_port);
    let led = suppression.features.is_empty()
        || incident.why.first().is_none_or(|why| suppression.features.contains(&why.feature));
    match scope {
        FeedbackScope::Pair => subset(&incident.src, &suppression.src) && subset(&incident.dest, &suppression.dest),
        FeedbackScope::HostService => subset(&incident.src, &suppression.src) && service,
        FeedbackScope::Everywhere => service && led,
    }
}

/// All suppressions in force.
#[derive(Clone, Debug, Default)]
pub(crate) struct Suppressions(Vec<Suppression>);

impl Suppressions {
    pub(crate) fn set(&mut self, list: Vec<Suppression>) {
        self.0 = list;
    }

    /// The first that covers it.
    pub(crate) fn covering(&self, incident: &Incident) -> Option<u64> {
        self.0.iter().find(|s| covers(s, incident)).map(|s| s.id)
    }

    /// Puts the incident where the suppressions want it; true when that changed it.
    pub(crate) fn apply(&self, incident: &mut Incident) -> bool {
        if self.0.is_empty() && incident.suppressed_by.is_none() {
            return false;
        }
        match (incident.suppressed_by, self.covering(incident)) {
            (None, Some(id)) if incident.status == IncidentStatus::Open => {
                incident.status = IncidentStatus::FalsePositive;
                incident.suppressed_by = Some(id);
            }
            (Some(old), Some(id)) if old != id => incident.suppressed_by = Some(id),
            (Some(_), None) => {
                incident.suppressed_by = None;
                if incident.status == IncidentStatus::FalsePositive {
                    incident.status = IncidentStatus::Open;
                }
            }
            _ => return false,
        }
        true
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use record::{IpAddr16, Why};

    fn incident(kind: Kind, src: u8, dest: &[u8], ports: &[u16], feature: &str) -> Incident {
        let ip = |n: u8| IpAddr16::v4([10, 0, 0, n]);
        let why =
            Why { feature: feature.to_owned(), value: 1.0, expected: [0.0, 0.5], unit: String::new(), share: 1.0 };
        let mut manager = crate::IncidentManager::new(&crate::AlertConfig::default());
        manager.alert(record::Alert {
            ts: Timestamp::from_parts(1_700_000_000, 0),
            first_seen: Timestamp::from_parts(1_700_000_000, 0),
            kind,
            detector: "test",
            src: vec![ip(src)],
            dest: dest.iter().map(|n| ip(*n)).collect(),
            dest_port: ports.to_vec(),
            score: 0.5,
            severity: record::Severity::Medium,
            title: "A thing happened".to_owned(),
            why: vec![why],
            detectors: Vec::new(),
            flows: vec![1],
            packets: 1,
            story: String::new(),
            attack: Vec::new(),
        });
        manager.drain().remove(0)
    }

    fn follows(incident: &Incident, scope: FeedbackScope) -> Suppression {
        suppression(incident, 7, scope, Timestamp(0), None)
    }

    #[test]
    fn a_pair_is_both_hosts_and_the_kind() {
        let said = incident(Kind::Beacon, 1, &[9], &[443], "x");
        let rule = follows(&said, FeedbackScope::Pair);
        assert!(covers(&rule, &said));
        assert!(covers(&rule, &incident(Kind::Beacon, 1, &[9], &[8_443], "x")), "another port of the pair");
        assert!(!covers(&rule, &incident(Kind::Beacon, 1, &[8], &[443], "x")), "another target");
        assert!(!covers(&rule, &incident(Kind::Beacon, 2, &[9], &[443], "x")), "another source");
        assert!(!covers(&rule, &incident(Kind::PortScan, 1, &[9], &[443], "x")), "another kind");
        assert!(!covers(&rule, &incident(Kind::Beacon, 1, &[8, 9], &[443], "x")), "it has outgrown the pair");
        assert_eq!(rule.text, "beacon from 10.0.0.1 to 10.0.0.9");
    }

    #[test]
    fn a_host_and_service_is_any_target_at_these_ports() {
        let rule = follows(&incident(Kind::BruteForce, 1, &[9], &[22], "x"), FeedbackScope::HostService);
        assert!(covers(&rule, &incident(Kind::BruteForce, 1, &[8, 7], &[22], "x")));
        assert!(!covers(&rule, &incident(Kind::BruteForce, 1, &[9], &[23], "x")));
        assert!(!covers(&rule, &incident(Kind::BruteForce, 2, &[9], &[22], "x")));
    }

    #[test]
    fn everywhere_never_silences_the_learned_detectors_as_a_whole() {
        let rule = follows(&incident(Kind::AnomalousFlow, 1, &[9], &[443], "duration_ms"), FeedbackScope::Everywhere);
        assert!(covers(&rule, &incident(Kind::AnomalousHost, 5, &[6], &[443], "duration_ms")));
        assert!(!covers(&rule, &incident(Kind::AnomalousFlow, 5, &[6], &[443], "forward_bytes")), "another reason");
        assert!(!covers(&rule, &incident(Kind::AnomalousFlow, 5, &[6], &[22], "duration_ms")), "another service");
        let scans = follows(&incident(Kind::PortScan, 1, &[9], &[1, 2, 3], "x"), FeedbackScope::Everywhere);
        assert!(covers(&scans, &incident(Kind::PortScan, 5, &[6], &[80, 81], "y")), "ports of a scan are no service");
    }

    #[test]
    fn it_ends_when_it_was_told_to() {
        let said = incident(Kind::Beacon, 1, &[9], &[443], "x");
        let end = said.last_seen;
        let rule = suppression(&said, 7, FeedbackScope::Pair, Timestamp(0), Some(end));
        assert!(covers(&rule, &said));
        let later = Incident { last_seen: end.plus_ns(1), ..said };
        assert!(!covers(&rule, &later));
    }

    #[test]
    fn an_incident_comes_back_when_nothing_covers_it_any_more() {
        let mut said = incident(Kind::Beacon, 1, &[9], &[443], "x");
        let mut all = Suppressions::default();
        assert!(!all.apply(&mut said));
        all.set(vec![follows(&said, FeedbackScope::Pair)]);
        assert!(all.apply(&mut said));
        assert_eq!((said.status, said.suppressed_by), (IncidentStatus::FalsePositive, Some(7)));
        assert!(!all.apply(&mut said), "once is enough");
        all.set(Vec::new());
        assert!(all.apply(&mut said));
        assert_eq!((said.status, said.suppressed_by), (IncidentStatus::Open, None));
        said.status = IncidentStatus::Acknowledged;
        all.set(vec![follows(&said, FeedbackScope::Pair)]);
        assert!(!all.apply(&mut said), "what a person is working on is left to the person");
    }
}
