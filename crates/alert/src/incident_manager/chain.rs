//! Stories over several kinds: a scan, then guesses at passwords, then an upload, between the same hosts. Owns which incident another
//! one belongs to, and the time line of the first. Each step stays an incident of its own kind, searchable as such; the first one
//! carries the whole, and is what people are shown and told.

use super::{IncidentManager, Key, Live};
use crate::severity::raise;
use record::{Alert, Incident, IncidentStatus, IpAddr16, Kind, StoryStep, Timestamp};

/// Steps of one time line; later ones are counted in the last.
const STEPS_MAX: usize = 32;

/// Kinds that can be a step of an attack.
const fn is_step(kind: Kind) -> bool {
    matches!(
        kind,
        Kind::PortScan
            | Kind::HostSweep
            | Kind::BruteForce
            | Kind::LateralMovement
            | Kind::Exfiltration
            | Kind::DnsTunnel
            | Kind::Dga
            | Kind::Beacon
            | Kind::ImportedAlert
            | Kind::ProtocolMisuse
    )
}

/// The detector that keeps other tools' alerts. What they say of a pair is mostly what Tripline saw itself: told twice, it is not two
/// steps, and must not make a story worse.
const TOLD_BY_OTHERS: &str = "imported_alert";

/// Kinds after which a victim may act for the attacker.
const fn is_foothold(kind: Kind) -> bool {
    matches!(kind, Kind::BruteForce | Kind::LateralMovement | Kind::ProtocolMisuse)
}

fn shares(a: &[IpAddr16], b: &[IpAddr16]) -> bool {
    a.iter().any(|host| b.contains(host))
}

/// Does this alert go on with the story that began with `root`?
fn goes_on(root: &Incident, alert: &Alert) -> bool {
    if root.kind == alert.kind && root.timeline.is_empty() {
        return false;
    }
    let same_pair = shares(&root.src, &alert.src) && shares(&root.dest, &alert.dest);
    let gained = is_foothold(root.kind) || root.timeline.iter().any(|step| is_foothold(step.kind));
    let by_victim = gained && shares(&root.dest, &alert.src) && alert.kind != root.kind;
    same_pair || by_victim
}

impl IncidentManager {
    /// The first incident of the story that a new incident goes on with, when there is one.
    pub(super) fn story_root(&self, alert: &Alert) -> Option<Key> {
        if !is_step(alert.kind) || alert.detector == TOLD_BY_OTHERS {
            return None;
        }
        let open = |live: &Live| {
            let i = &live.incident;
            matches!(i.status, IncidentStatus::Open | IncidentStatus::Acknowledged)
                && i.suppressed_by.is_none()
                && i.part_of.is_none()
                && is_step(i.kind)
                && i.detectors.iter().all(|detector| detector.name != TOLD_BY_OTHERS)
        };
        let roots = self.live.iter().filter(|(_, live)| open(live) && goes_on(&live.incident, alert));
        // The oldest story: later ones may be its steps that came before the link was seen.
        roots.min_by_key(|(key, live)| (live.incident.first_seen, (*key).clone())).map(|(key, _)| key.clone())
    }

    /// A new incident is a step of the story of `root`.
    pub(super) fn join(&mut self, key: &Key, root: &Key) {
        let Some(first) = self.live.get_mut(root) else { return };
        let id = first.incident.id.clone();
        if first.incident.timeline.is_empty() {
            let own = step_of(first);
            first.incident.timeline.push(own);
        }
        let Some(live) = self.live.get_mut(key) else { return };
        live.incident.part_of = Some(id);
        let (step, last_seen) = (step_of(live), live.incident.last_seen);
        self.tell_root(step, last_seen, root);
    }

    /// A step has grown, or begun: the time line says so, and the story is as severe as its steps together.
    fn tell_root(&mut self, step: StoryStep, last_seen: Timestamp, root: &Key) {
        let Some(first) = self.live.get_mut(root) else { return };
        let incident = &mut first.incident;
        let steps = &mut incident.timeline;
        if let Some(known) = steps.iter_mut().find(|known| known.incident == step.incident) {
            *known = step;
        } else if steps.len() < STEPS_MAX {
            steps.push(step);
        } else if let Some(last) = steps.last_mut() {
            last.alerts += step.alerts;
        }
        steps.sort_by(|a, b| (a.ts, &a.incident).cmp(&(b.ts, &b.incident)));
        incident.last_seen = incident.last_seen.max(last_seen);
        let worst = steps.iter().map(|step| step.severity).max().unwrap_or_default();
        let mut others: Vec<Kind> = Vec::new();
        for step in steps.iter().filter(|step| step.kind != incident.kind) {
            if !others.contains(&step.kind) {
                others.push(step.kind);
            }
        }
        // One kind may be an accident; several between the same hosts are not.
        let own = if first.attacked.is_some() { raise(first.own.0) } else { first.own.0 };
        incident.severity = own.max(if others.is_empty() { worst } else { raise(worst) });
        incident.title.clone_from(&first.own.1);
        if !others.is_empty() {
            let names: Vec<String> = others.iter().map(|kind| kind.name().replace('_', " ")).collect();
            incident.title = format!("{}; then {}", first.own.1, names.join(", "));
        }
        self.mark(root);
    }

    /// After an incident changed: its own line in the time line of the story, when it is part of one.
    pub(super) fn tell_story(&mut self, key: &Key) {
        let Some(live) = self.live.get(key) else { return };
        let root = match &live.incident.part_of {
            Some(root) => self.by_id.get(root).cloned(),
            None if live.incident.timeline.is_empty() => None,
            None => Some(key.clone()),
        };
        if let Some(root) = root {
            let (step, last_seen) = (step_of(live), live.incident.last_seen);
            self.tell_root(step, last_seen, &root);
        }
    }
}

fn step_of(live: &Live) -> StoryStep {
    let incident = &live.incident;
    StoryStep {
        ts: incident.raised,
        kind: incident.kind,
        incident: incident.id.clone(),
        title: live.own.1.clone(),
        severity: live.own.0,
        alerts: incident.alerts,
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{at, ip, scan};
    use super::*;
    use crate::AlertConfig;
    use record::Severity;

    fn guess(s: i64, src: u8, dest: u8) -> Alert {
        let story = format!("{} {}", ip(src), ip(dest));
        Alert { kind: Kind::BruteForce, first_seen: at(s), title: "guessed".into(), story, ..scan(s, src, dest) }
    }

    fn upload(s: i64, src: u8) -> Alert {
        let dest = vec![IpAddr16::v4([198, 51, 100, 9])];
        Alert { kind: Kind::Exfiltration, dest, title: "uploaded".into(), ..guess(s, src, 0) }
    }

    /// What the manager tells of these alerts in the end, by order of the first.
    fn told(alerts: Vec<Alert>) -> Vec<Incident> {
        let mut manager = IncidentManager::new(&AlertConfig::default());
        for alert in alerts {
            manager.alert(alert);
        }
        let mut last: Vec<Incident> = Vec::new();
        for incident in manager.drain() {
            last.retain(|known| known.id != incident.id);
            last.push(incident);
        }
        last.sort_by_key(|incident| incident.raised);
        last
    }

    #[test]
    fn a_scan_guesses_and_an_upload_by_the_victim_are_one_story_with_a_time_line() {
        let incidents = told(vec![scan(10, 66, 5), guess(60, 66, 5), guess(70, 66, 5), upload(600, 5)]);
        let (root, steps) = incidents.split_first().unwrap_or_else(|| panic!("nothing told"));
        assert_eq!(root.kind, Kind::PortScan);
        let line: Vec<_> = root.timeline.iter().map(|step| (step.kind, step.ts, step.alerts)).collect();
        assert_eq!(
            line,
            [(Kind::PortScan, at(10), 1), (Kind::BruteForce, at(60), 2), (Kind::Exfiltration, at(600), 1)]
        );
        assert!(root.title.ends_with("; then brute force, exfiltration"), "{}", root.title);
        assert_eq!((root.severity, root.last_seen), (Severity::High, at(600)), "worse than each of its steps");
        assert_eq!(steps.len(), 2, "each step stays an incident of its own kind");
        assert!(steps.iter().all(|step| step.part_of.as_deref() == Some(root.id.as_str()) && step.timeline.is_empty()));
    }

    #[test]
    fn what_another_tool_says_of_the_same_pair_is_no_step() {
        let imported = |s| {
            let detectors = vec![record::DetectorScore { name: TOLD_BY_OTHERS.into(), score: 0.4, p_value: 1e-3 }];
            let (kind, detector) = (Kind::ImportedAlert, TOLD_BY_OTHERS);
            Alert { kind, detector, detectors, title: "Suricata: x".into(), ..guess(s, 66, 5) }
        };
        let incidents = told(vec![imported(5), scan(10, 66, 5), imported(20)]);
        assert_eq!(incidents.len(), 2);
        assert!(incidents.iter().all(|i| i.part_of.is_none() && i.timeline.is_empty()), "{incidents:?}");
    }

    #[test]
    fn other_hosts_other_times_and_repeats_of_one_kind_are_no_story() {
        let alone = |alerts| told(alerts).iter().all(|i| i.part_of.is_none() && i.timeline.is_empty());
        assert!(alone(vec![scan(10, 66, 5), guess(60, 67, 5)]), "another attacker");
        assert!(alone(vec![scan(10, 66, 5), guess(60, 66, 6)]), "another victim");
        assert!(alone(vec![scan(10, 66, 5), upload(60, 5)]), "a scanned host is no conquered one");
        assert!(alone(vec![scan(10, 66, 5), guess(60 + 7_300, 66, 5)]), "long after");
        assert!(alone(vec![scan(10, 66, 5), Alert { story: "again".into(), ..scan(20, 66, 5) }]), "the same kind");
    }

    #[test]
    fn a_closed_story_is_not_gone_on_with() {
        let mut manager = IncidentManager::new(&AlertConfig::default());
        manager.alert(scan(10, 66, 5));
        let id = manager.drain().first().map(|i| i.id.clone()).unwrap_or_default();
        manager.set_status(&id, IncidentStatus::FalsePositive);
        manager.alert(guess(60, 66, 5));
        assert!(manager.drain().iter().all(|i| i.part_of.is_none()));
    }

    #[test]
    fn a_growing_root_does_not_grow_worse_by_being_told_again() {
        let mut alerts = vec![scan(10, 66, 5), guess(60, 66, 5)];
        alerts.extend((0..20).map(|n| Alert { first_seen: at(0), ..scan(100 + n, 66, 5) }));
        let root = told(alerts).remove(0);
        assert_eq!((root.severity, root.timeline.len(), root.timeline[0].alerts), (Severity::High, 2, 21));
    }
}
