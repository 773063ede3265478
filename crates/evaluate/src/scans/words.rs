//! Findings and changes as people say them. Owns sentences; decides nothing.

use super::{FindingReason, HostFinding};
use features::scan::{Change, ChangeKind, PortKey};
use record::Timestamp;

/// Ports named one by one.
const PORTS_NAMED: usize = 4;

/// What a host is beside its past, one sentence without full stop.
pub(super) fn sentence(finding: &HostFinding) -> String {
    let who = &finding.address;
    let before = plural(u64::from(finding.scans), "scan", "scans");
    if finding.score <= 0.0 {
        return match finding.scans {
            0 => format!("{who} was not there before, and is like other hosts"),
            _ => format!("{who} is as it was in {before} before, or changed as others did"),
        };
    }
    let mut parts = Vec::new();
    if !finding.ports_first.is_empty() {
        parts.push(format!("{} opened for the first time", ports(&finding.ports_first)));
    }
    let closed = of_kind(&finding.changes, ChangeKind::Closed);
    if !closed.is_empty() {
        parts.push(format!("{} closed", ports(&closed)));
    }
    let said = |reason: &&FindingReason| {
        let by_ports = matches!(&*reason.feature, "ports_first" | "ports_opened" | "ports_closed" | "ports_rare");
        !by_ports || finding.scans == 0
    };
    parts.extend(finding.reasons.iter().filter(said).take(2).map(against));
    let what = parts.join("; ");
    match (finding.anomalous, finding.scans) {
        (true, 0) => format!("{who}, not there before, is unlike the hosts of this network: {what}"),
        (true, _) => format!("{who} is unlike itself in {before} before, and no host like it did the same: {what}"),
        (false, _) => format!("{who} changed, but no more than what happens here by chance: {what}"),
    }
}

/// `open TCP ports 5, 3 to 4 before`.
fn against(reason: &FindingReason) -> String {
    let number = |value: f64| if value.fract().abs() < 0.005 { format!("{value:.0}") } else { format!("{value:.1}") };
    let (low, high) = (number(reason.expected_low), number(reason.expected_high));
    let range = if low == high { low } else { format!("{low} to {high}") };
    let whose = if reason.of == "group" { "on hosts like it" } else { "before" };
    format!("{} {}, {range} {whose}", reason.words, number(reason.value))
}

/// `22/tcp`, `22/tcp and 80/tcp`, `22/tcp, 23/tcp, 25/tcp, 53/tcp and 6 more ports`.
pub(super) fn ports(list: &[PortKey]) -> String {
    let named: Vec<String> = list.iter().take(PORTS_NAMED).map(ToString::to_string).collect();
    listed(&named, list.len() - named.len(), "more port", "more ports")
}

/// `a, b and c`; `a, b and 6 more`.
pub(super) fn listed(named: &[String], more: usize, one: &str, many: &str) -> String {
    if more > 0 {
        return format!("{} and {}", named.join(", "), plural(more as u64, one, many));
    }
    match named {
        [] => String::new(),
        [only] => only.clone(),
        [first @ .., last] => format!("{} and {last}", first.join(", ")),
    }
}

/// `1 host`, `12 hosts`.
pub(super) fn plural(n: u64, one: &str, many: &str) -> String {
    format!("{n} {}", if n == 1 { one } else { many })
}

/// The ports of one kind of change.
pub(super) fn of_kind(changes: &[Change], kind: ChangeKind) -> Vec<PortKey> {
    changes.iter().filter(|change| change.kind == kind).map(|change| change.key).collect()
}

/// `10:02 UTC`, with the date where that is another than that of `beside`.
pub(super) fn at(time: Timestamp, beside: Timestamp) -> String {
    let (text, other) = (time.rfc3339(), beside.rfc3339());
    match (text.get(..10), text.get(11..16)) {
        (date, Some(clock)) if date == other.get(..10) => format!("{clock} UTC"),
        (Some(date), Some(clock)) => format!("{date} {clock} UTC"),
        _ => text,
    }
}
