//! The sentences that all forms share: subject, names of kinds and severities, who did it to whom, when.

use record::{Cause, Incident, IpAddr16, Kind, Notice, Severity, StoryStep, Timestamp};
use std::collections::BTreeMap;
use std::fmt::Display;

/// Addresses and ports named before the rest is counted.
const NAMED_MAX: usize = 4;
/// Entries at which a list of an incident is full (`alert.list_max`'s default).
const LIST_FULL: usize = 64;
/// Steps of a story that are told.
const STEPS_MAX: usize = 8;
/// Longest subject, characters.
const SUBJECT_MAX: usize = 180;
/// Incidents of a digest that are told in full; the rest is counted.
pub(super) const DETAILS_MAX: usize = 20;

/// A kind for people.
pub(super) const fn kind(kind: Kind) -> &'static str {
    match kind {
        Kind::PortScan => "Port scan",
        Kind::HostSweep => "Host sweep",
        Kind::BruteForce => "Password guessing",
        Kind::Flood => "Flood",
        Kind::DnsTunnel => "DNS tunnel",
        Kind::Dga => "Generated domain names",
        Kind::Beacon => "Beacon",
        Kind::ArpSpoof => "ARP spoofing",
        Kind::Exfiltration => "Unusual upload",
        Kind::LateralMovement => "Lateral movement",
        Kind::NewDevice => "New device",
        Kind::NewService => "New service",
        Kind::PortChange => "Port change",
        Kind::HostDown => "Host down",
        Kind::Volume => "Traffic volume",
        Kind::ProtocolMisuse => "Protocol misuse",
        Kind::AnomalousFlow => "Anomalous flow",
        Kind::AnomalousHost => "Anomalous host",
        Kind::AnomalousPackets => "Anomalous packets",
        Kind::ImportedAlert => "Imported alert",
        Kind::Custom => "Own rule",
    }
}

/// A severity for people.
pub(super) const fn severity(severity: Severity) -> &'static str {
    match severity {
        Severity::Low => "Low",
        Severity::Medium => "Medium",
        Severity::High => "High",
        Severity::Critical => "Critical",
    }
}

/// What is said of why it is told now; empty for the usual reason.
pub(super) fn cause(cause: Cause) -> String {
    match cause {
        Cause::Raised => String::new(),
        Cause::Rose(from) => format!("Told again: it was {} and has become worse.", from.name()),
        Cause::Test => "This is a test. The incident is made up; nothing happened.".to_owned(),
    }
}

/// One line: severity first, so that a list of subjects sorts itself for the eye.
pub(super) fn subject(notices: &[&Notice]) -> String {
    let Some(first) = notices.first() else { return String::new() };
    let text = match (notices.len(), first.cause) {
        (1, Cause::Rose(from)) => {
            format!("[{}, was {}] {}", severity(first.incident.severity), from.name(), first.incident.title)
        }
        (1, _) => format!("[{}] {}", severity(first.incident.severity), first.incident.title),
        (n, _) => format!("[{}] {n} incidents: {}", severity(first.incident.severity), by_severity(notices)),
    };
    clip(&text, SUBJECT_MAX)
}

/// `2 critical, 5 high`.
pub(super) fn by_severity(notices: &[&Notice]) -> String {
    let mut counts: BTreeMap<std::cmp::Reverse<Severity>, usize> = BTreeMap::new();
    for notice in notices {
        *counts.entry(std::cmp::Reverse(notice.incident.severity)).or_default() += 1;
    }
    counts.iter().map(|(level, n)| format!("{n} {}", level.0.name())).collect::<Vec<_>>().join(", ")
}

/// `3 port scans (high)` of what is not told in full; None when all is.
pub(super) fn rest(notices: &[&Notice]) -> Option<String> {
    let rest = notices.get(DETAILS_MAX..).filter(|rest| !rest.is_empty())?;
    let mut kinds: BTreeMap<(std::cmp::Reverse<Severity>, &str), usize> = BTreeMap::new();
    for notice in rest {
        let incident = &notice.incident;
        *kinds.entry((std::cmp::Reverse(incident.severity), kind(incident.kind))).or_default() += 1;
    }
    let list: Vec<_> =
        kinds.iter().map(|((level, name), n)| format!("{n} × {} ({})", name.to_lowercase(), level.0.name())).collect();
    Some(format!("And {} more: {}.", rest.len(), list.join(", ")))
}

/// The first few, and how many more; `-` when there are none.
pub(super) fn list<T: Display>(items: &[T]) -> String {
    if items.is_empty() {
        return "-".to_owned();
    }
    let named: Vec<_> = items.iter().take(NAMED_MAX).map(ToString::to_string).collect();
    match items.len().saturating_sub(NAMED_MAX) {
        0 => named.join(", "),
        // At its bound a list may have left some out.
        rest if items.len() >= LIST_FULL => format!("{} and {rest} or more", named.join(", ")),
        rest => format!("{} and {rest} more", named.join(", ")),
    }
}

/// Sources, targets and ports by their headings.
pub(super) fn parties(incident: &Incident) -> Vec<(&'static str, String)> {
    let mut parties = vec![("From", hosts(&incident.src)), ("To", hosts(&incident.dest))];
    if !incident.dest_port.is_empty() {
        parties.push((if incident.dest_port.len() == 1 { "Port" } else { "Ports" }, list(&incident.dest_port)));
    }
    parties
}

fn hosts(addresses: &[IpAddr16]) -> String {
    list(addresses)
}

/// `2026-01-05 09:00:53 UTC`.
pub(super) fn time(ts: Timestamp) -> String {
    let text = ts.rfc3339();
    text.get(..19).map_or(text.clone(), |t| format!("{} UTC", t.replace('T', " ")))
}

/// `2026-01-05 09:00:53 to 09:04:10 UTC`.
pub(super) fn span(incident: &Incident) -> String {
    let (from, to) = (time(incident.first_seen), time(incident.last_seen));
    if from == to {
        return from;
    }
    let short = if from.get(..10) == to.get(..10) { to.get(11..).unwrap_or(&to).to_owned() } else { to.clone() };
    format!("{} to {short}", from.trim_end_matches(" UTC"))
}

/// The newest steps of a story, oldest first.
pub(super) fn steps(incident: &Incident) -> &[StoryStep] {
    &incident.timeline[incident.timeline.len().saturating_sub(STEPS_MAX)..]
}

/// At most `max` characters.
pub(super) fn clip(text: &str, max: usize) -> String {
    if text.chars().count() <= max {
        return text.to_owned();
    }
    let mut short: String = text.chars().take(max.saturating_sub(1)).collect();
    short.push('…');
    short
}

/// Colour of a severity that reads on light and dark ground, `#rrggbb`.
pub(super) const fn colour(severity: Severity) -> &'static str {
    match severity {
        Severity::Low => "#6b7f84",
        Severity::Medium => "#b87d10",
        Severity::High => "#d2561b",
        Severity::Critical => "#cf1f66",
    }
}

/// The same as a number.
pub(super) fn colour_number(level: Severity) -> u32 {
    u32::from_str_radix(&colour(level)[1..], 16).unwrap_or(0)
}
