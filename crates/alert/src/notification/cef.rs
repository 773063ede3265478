//! ArcSight's Common Event Format, version 0 ("Implementing ArcSight Common Event Format", version 25): a header of seven fields
//! and `key=value` pairs.

use crate::units::reason;
use record::{Incident, IpAddr16, Severity, Timestamp};
use std::fmt::Write;

/// One line.
pub(super) fn line(incident: &Incident, sensor: &str) -> String {
    let severity = match incident.severity {
        Severity::Low => 3,
        Severity::Medium => 5,
        Severity::High => 8,
        Severity::Critical => 10,
    };
    let mut out = format!(
        "CEF:0|Tripline|Tripline|{}|{}|{}|{severity}|",
        env!("CARGO_PKG_VERSION"),
        header(incident.kind.name()),
        header(&incident.title)
    );
    let mut pairs: Vec<(&str, String)> = vec![
        ("externalId", incident.id.clone()),
        ("cat", incident.kind.name().to_owned()),
        ("rt", milliseconds(incident.raised)),
        ("start", milliseconds(incident.first_seen)),
        ("end", milliseconds(incident.last_seen)),
        ("cnt", incident.alerts.to_string()),
        ("dvchost", sensor.to_owned()),
    ];
    pairs.extend(incident.src.first().into_iter().flat_map(|ip| address("src", "c6a2", "Source IPv6 Address", ip)));
    pairs.extend(
        incident.dest.first().into_iter().flat_map(|ip| address("dst", "c6a3", "Destination IPv6 Address", ip)),
    );
    pairs.extend(incident.dest_port.first().map(|port| ("dpt", port.to_string())));
    if !incident.attack.is_empty() {
        pairs.push(("cs1Label", "ATT&CK".to_owned()));
        pairs.push(("cs1", incident.attack.join(",")));
    }
    if !incident.why.is_empty() {
        pairs.push(("msg", incident.why.iter().map(reason).collect::<Vec<_>>().join("; ")));
    }
    for (number, (name, value)) in pairs.iter().enumerate() {
        let gap = if number == 0 { "" } else { " " };
        // Writing into a string cannot fail.
        let _ = write!(out, "{gap}{name}={}", extension(value));
    }
    out
}

/// IPv6 addresses have fields of their own.
fn address(v4: &'static str, v6: &'static str, label: &str, ip: &IpAddr16) -> Vec<(&'static str, String)> {
    let text = ip.to_string();
    if !text.contains(':') {
        return vec![(v4, text)];
    }
    let name = if v6 == "c6a2" { "c6a2Label" } else { "c6a3Label" };
    vec![(v6, text), (name, label.to_owned())]
}

fn milliseconds(ts: Timestamp) -> String {
    ts.0.div_euclid(1_000_000).to_string()
}

/// In the header, `\` and `|` are escaped, and lines do not end.
fn header(text: &str) -> String {
    text.replace('\\', "\\\\").replace('|', "\\|").replace(['\r', '\n'], " ")
}

/// In the extension, `\`, `=` and line ends are.
fn extension(text: &str) -> String {
    text.replace('\\', "\\\\").replace('=', "\\=").replace("\r\n", "\\n").replace(['\r', '\n'], "\\n")
}
