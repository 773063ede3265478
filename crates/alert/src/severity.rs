//! How much an incident matters: the detector's own view, moved by score, reach, how much stands behind it, and how much its hosts
//! matter to the people who own them.

use record::{Importance, Incident, IpAddr16, Kind, Severity};
use std::collections::BTreeMap;

/// Severity of a whole incident; `proposed` is the detector's own.
pub(crate) fn severity(incident: &Incident, proposed: Severity) -> Severity {
    let wide = incident.dest.len() >= 32 || incident.dest_port.len() >= 64;
    match incident.kind {
        Kind::AnomalousFlow | Kind::AnomalousHost | Kind::AnomalousPackets => learned(incident),
        Kind::PortScan | Kind::HostSweep if wide => proposed.max(Severity::High),
        // Two exact signs of one host weigh more than one.
        _ if exact_detectors(incident) >= 2 => raise(proposed),
        _ => proposed,
    }
}

/// Learned incidents are medium, low when little stands behind them, high when much does; never critical on their own.
fn learned(incident: &Incident) -> Severity {
    let best = incident.detectors.iter().map(|d| d.p_value).fold(1.0, f64::min);
    if incident.alerts >= 100 || (incident.alerts >= 20 && best <= 1e-6) {
        Severity::High
    } else if incident.alerts >= 5 || best <= 1e-5 {
        Severity::Medium
    } else {
        Severity::Low
    }
}

fn exact_detectors(incident: &Incident) -> usize {
    incident.detectors.iter().filter(|d| Kind::parse(&d.name).is_some_and(|k| !k.is_learned())).count()
}

pub(crate) fn raise(severity: Severity) -> Severity {
    match severity {
        Severity::Low => Severity::Medium,
        Severity::Medium => Severity::High,
        Severity::High | Severity::Critical => Severity::Critical,
    }
}

/// What people said of hosts; a host that is not in it was never spoken of.
pub(crate) type Importances = BTreeMap<IpAddr16, Importance>;

/// The severity beside the hosts' importance: one step up where a host of high importance is a part of it, two steps for a critical one;
/// one step down when everything that it is done to (its targets, or its sources where it has none) is of low importance.
pub(crate) fn weighed(severity: Severity, incident: &Incident, importances: &Importances) -> Severity {
    if importances.is_empty() {
        return severity;
    }
    let of = |ip: &IpAddr16| importances.get(ip).copied();
    let most = incident.src.iter().chain(&incident.dest).filter_map(of).max().unwrap_or_default();
    match most {
        Importance::Critical => raise(raise(severity)),
        Importance::High => raise(severity),
        Importance::Normal | Importance::Low => {
            let harmed = if incident.dest.is_empty() { &incident.src } else { &incident.dest };
            let unimportant = !harmed.is_empty() && harmed.iter().all(|ip| of(ip) == Some(Importance::Low));
            if unimportant { step_down(severity) } else { severity }
        }
    }
}

fn step_down(severity: Severity) -> Severity {
    match severity {
        Severity::Critical => Severity::High,
        Severity::High => Severity::Medium,
        Severity::Medium | Severity::Low => Severity::Low,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::{AlertConfig, IncidentManager};
    use record::{Alert, Timestamp};

    fn host(n: u8) -> IpAddr16 {
        IpAddr16::v4([10, 0, 0, n])
    }

    fn told(importances: &[(u8, Importance)], dest: &[u8]) -> Severity {
        let mut manager = IncidentManager::new(&AlertConfig::default());
        manager.set_importances(importances.iter().map(|(n, i)| (host(*n), *i)).collect());
        manager.alert(Alert {
            ts: Timestamp(1),
            first_seen: Timestamp(1),
            kind: Kind::Beacon,
            detector: "beacon",
            src: vec![host(1)],
            dest: dest.iter().map(|n| host(*n)).collect(),
            dest_port: vec![443],
            score: 0.5,
            severity: Severity::Medium,
            title: "A thing".to_owned(),
            why: Vec::new(),
            detectors: Vec::new(),
            flows: Vec::new(),
            packets: 1,
            story: String::new(),
            attack: Vec::new(),
        });
        manager.drain().remove(0).severity
    }

    #[test]
    fn the_most_important_host_raises_and_only_unimportant_targets_lower() {
        use Importance::{Critical, High, Low, Normal};
        assert_eq!(told(&[], &[2]), Severity::Medium);
        assert_eq!(told(&[(9, Critical)], &[2]), Severity::Medium, "a host that has no part in it");
        assert_eq!(told(&[(2, High)], &[2]), Severity::High);
        assert_eq!(told(&[(1, High)], &[2]), Severity::High, "as source as well");
        assert_eq!(told(&[(1, Low), (2, Critical)], &[2, 3]), Severity::Critical);
        assert_eq!(told(&[(2, Low)], &[2]), Severity::Low);
        assert_eq!(told(&[(2, Low)], &[2, 3]), Severity::Medium, "one target of which nobody spoke");
        assert_eq!(told(&[(1, Low)], &[2]), Severity::Medium, "what it does to others matters as before");
        assert_eq!(told(&[(1, Low)], &[]), Severity::Low);
        assert_eq!(told(&[(1, Normal), (2, Low)], &[2]), Severity::Low);
    }
}
