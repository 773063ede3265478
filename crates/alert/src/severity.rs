//! How much an incident matters: the detector's own view, moved by score, reach and how much stands behind it.

use record::{Incident, Kind, Severity};

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
