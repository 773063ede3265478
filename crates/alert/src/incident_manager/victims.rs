//! Hosts that were broken into, as far as earlier incidents say. What such a host then does to others is worth more: its incident is one
//! step more severe, and says why. Owns who counts as a victim, for how long, and the words; not the incidents.

use super::Live;
use crate::severity::raise;
use record::{Alert, Incident, IncidentStatus, IpAddr16, Kind, Severity, Timestamp, Why, timestamp::NS_PER_S};
use std::collections::BTreeMap;

/// Victims remembered; the one attacked longest ago goes first.
const VICTIMS_MAX: usize = 4096;
/// Techniques by which a host is taken that are not kinds of their own: a public application and a remote service exploited.
const EXPLOITS: [&str; 2] = ["T1190", "T1210"];
/// Name of the reason.
const REASON: &str = "time_since_the_source_was_attacked";

/// What was done to a host.
#[derive(Clone, Debug)]
pub(super) struct Attacked {
    /// Begin of the attack.
    since: Timestamp,
    /// Its latest sign.
    last: Timestamp,
    kind: Kind,
    by: Option<IpAddr16>,
    incident: String,
    /// How long that counts, seconds.
    victim_s: u32,
}

/// The table.
#[derive(Default)]
pub(super) struct Victims {
    by_host: BTreeMap<IpAddr16, Attacked>,
    forgotten: u64,
}

/// True when the target of this alert may be in the attacker's hands afterwards.
fn takes_hosts(alert: &Alert) -> bool {
    matches!(alert.kind, Kind::BruteForce | Kind::LateralMovement) || alert.attack.iter().any(|t| EXPLOITS.contains(t))
}

/// True for what a taken host is made to do.
const fn is_deed(kind: Kind) -> bool {
    matches!(
        kind,
        Kind::PortScan
            | Kind::HostSweep
            | Kind::BruteForce
            | Kind::Flood
            | Kind::DnsTunnel
            | Kind::Dga
            | Kind::Beacon
            | Kind::ArpSpoof
            | Kind::Exfiltration
            | Kind::LateralMovement
            | Kind::ImportedAlert
    )
}

impl Victims {
    /// An incident tells of an attack: its targets may be taken.
    pub(super) fn note(&mut self, alert: &Alert, incident: &Incident, victim_s: u32) {
        if !takes_hosts(alert) || incident.status == IncidentStatus::FalsePositive || incident.suppressed_by.is_some() {
            return;
        }
        for host in &alert.dest {
            let new = || Attacked {
                since: alert.first_seen,
                last: alert.ts,
                kind: alert.kind,
                by: alert.src.first().copied(),
                incident: incident.id.clone(),
                victim_s,
            };
            let known = self.by_host.entry(*host).or_insert_with(new);
            known.last = known.last.max(alert.ts);
        }
        while self.by_host.len() > VICTIMS_MAX {
            let oldest =
                self.by_host.iter().min_by_key(|(host, attacked)| (attacked.last, **host)).map(|(host, _)| *host);
            let Some(oldest) = oldest else { return };
            self.by_host.remove(&oldest);
            self.forgotten += 1;
        }
    }

    /// What was done to the source of this alert before it began, while that counts.
    pub(super) fn earlier(&mut self, alert: &Alert) -> Option<Attacked> {
        self.by_host.retain(|_, attacked| alert.ts.since(attacked.last) <= i64::from(attacked.victim_s) * NS_PER_S);
        // One source: of many, one is sooner or later a victim.
        let [source] = alert.src.as_slice() else { return None };
        let attacked = self.by_host.get(source).filter(|_| is_deed(alert.kind))?;
        (attacked.since < alert.first_seen).then(|| attacked.clone())
    }

    /// A person called this attack a false positive: nobody was its victim.
    pub(super) fn forget(&mut self, incident: &str) {
        self.by_host.retain(|_, attacked| attacked.incident != incident);
    }

    /// Victims forgotten at the bound.
    pub(super) fn forgotten(&self) -> u64 {
        self.forgotten
    }
}

impl Live {
    /// Severity of this incident alone, with what its source went through before.
    pub(super) fn weighed_by_the_past(&self, severity: Severity) -> Severity {
        if self.attacked.is_some() { raise(severity) } else { severity }
    }

    /// Says in title and reasons that the source was a victim before, and moves the score half the way to certainty.
    pub(super) fn tell_the_past(&mut self, alert: &Alert) {
        let Some(attacked) = &self.attacked else { return };
        let incident = &mut self.incident;
        let by = attacked.by.map_or_else(String::new, |by| format!(" by {by}"));
        let what = attacked.kind.name().replace('_', " ");
        if !alert.title.is_empty() {
            incident.title = format!("{}; it was itself attacked before ({what}{by})", alert.title);
        }
        incident.score = incident.score.max(f64::midpoint(f64::from(alert.score), 1.0));
        if !incident.why.iter().any(|why| why.feature == REASON) {
            let passed_s = alert.first_seen.since(attacked.since) as f64 / NS_PER_S as f64;
            let usual_s = f64::from(attacked.victim_s);
            let expected = [usual_s, usual_s];
            let why = Why { feature: REASON.to_owned(), value: passed_s, expected, unit: "s".to_owned(), share: 0.0 };
            incident.why.push(why);
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::super::tests::{at, ip, scan};
    use super::*;
    use crate::{AlertConfig, IncidentManager};

    fn guess(s: i64, src: u8, dest: u8) -> Alert {
        let story = format!("{} {}", ip(src), ip(dest));
        Alert { kind: Kind::BruteForce, first_seen: at(s), title: "guessed".into(), story, ..scan(s, src, dest) }
    }

    fn sweep(s: i64, src: u8) -> Alert {
        let (title, story) = (format!("10.0.0.{src} asked 20 hosts"), format!("{} sweep", ip(src)));
        Alert { kind: Kind::HostSweep, first_seen: at(s), title, story, score: 0.8, ..scan(s, src, 77) }
    }

    /// The sweep's incident after these alerts.
    fn swept(manager: &mut IncidentManager, alerts: Vec<Alert>) -> Incident {
        for alert in alerts {
            manager.alert(alert);
        }
        manager.drain().into_iter().rfind(|incident| incident.kind == Kind::HostSweep).unwrap()
    }

    fn manager() -> IncidentManager {
        IncidentManager::new(&AlertConfig::default())
    }

    #[test]
    fn a_sweep_of_a_host_that_was_attacked_before_is_a_step_worse_and_says_why() {
        let plain = swept(&mut manager(), vec![sweep(9000, 5)]);
        // Three hours later: the story of the guesses is over, its victim is not forgotten.
        let worse = swept(&mut manager(), vec![guess(10, 66, 5), sweep(9000, 5), sweep(9100, 5)]);
        assert_eq!((plain.severity, worse.severity), (Severity::Medium, Severity::High));
        assert_eq!(worse.title, "10.0.0.5 asked 20 hosts; it was itself attacked before (brute force by 10.0.0.66)");
        assert!(
            (worse.score - 0.9).abs() < 1e-6 && (plain.score - 0.8).abs() < 1e-6,
            "{} {}",
            worse.score,
            plain.score
        );
        let why = worse.why.iter().find(|why| why.feature == REASON).unwrap();
        assert_eq!((why.value, why.expected[0], why.unit.as_str()), (8990.0, 86_400.0, "s"));
        assert!(plain.why.iter().all(|why| why.feature != REASON));
    }

    #[test]
    fn an_exploited_server_counts_and_a_password_in_the_clear_does_not() {
        let misuse = |attack| Alert { kind: Kind::ProtocolMisuse, attack: vec![attack], ..guess(10, 66, 5) };
        assert_eq!(swept(&mut manager(), vec![misuse("T1190"), sweep(9000, 5)]).severity, Severity::High);
        assert_eq!(swept(&mut manager(), vec![misuse("T1040"), sweep(9000, 5)]).severity, Severity::Medium);
    }

    #[test]
    fn other_hosts_later_attacks_old_ones_and_false_positives_change_nothing() {
        let medium = |alerts, what: &str| {
            let incident = swept(&mut manager(), alerts);
            assert_eq!((incident.severity, incident.why.len()), (Severity::Medium, 1), "{what}");
        };
        medium(vec![guess(10, 66, 6), sweep(9000, 5)], "another victim");
        medium(vec![sweep(9000, 5), guess(9010, 66, 5), sweep(9020, 5)], "attacked after it began");
        medium(vec![guess(10, 66, 5), sweep(90_000, 5)], "a day ago");
        medium(vec![scan(10, 66, 5), sweep(9000, 5)], "only scanned");
        let many = Alert { src: vec![ip(4), ip(5)], ..sweep(9000, 5) };
        medium(vec![guess(10, 66, 5), many], "one of several sources");
        let mut manager = manager();
        manager.alert(guess(10, 66, 5));
        let id = manager.drain()[0].id.clone();
        manager.set_status(&id, IncidentStatus::FalsePositive);
        assert_eq!(swept(&mut manager, vec![sweep(9000, 5)]).severity, Severity::Medium, "a false positive");
    }

    #[test]
    fn victims_are_bounded_and_what_is_forgotten_is_counted() {
        let mut manager = manager();
        for n in 0..=VICTIMS_MAX as u32 {
            let [_, b, c, d] = n.to_be_bytes();
            let dest = vec![IpAddr16::v4([10, b, c, d])];
            manager.alert(Alert { dest, story: format!("{n}"), ..guess(i64::from(n / 100), 66, 5) });
        }
        assert_eq!(manager.victims.by_host.len(), VICTIMS_MAX);
        assert_eq!(manager.drops().0.get("victims_forgotten"), Some(&1));
    }
}
