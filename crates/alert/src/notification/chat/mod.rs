//! Messages as chat and paging services take them, one file each. Owns their limits and escapes.

pub(super) mod discord;
pub(super) mod ntfy;
pub(super) mod pagerduty;
pub(super) mod slack;
pub(super) mod teams;
pub(super) mod telegram;

use super::words;
use crate::units::reason;
use record::{Cause, Incident, Notice};

/// Incidents shown one by one in a chat; the rest is counted.
const SHOWN_MAX: usize = 8;

/// The reasons, one a line.
fn reasons(incident: &Incident) -> Vec<String> {
    incident.why.iter().take(3).map(reason).collect()
}

/// A line under the title: severity, kind, and why it is told now.
fn under(notice: &Notice) -> String {
    let incident = &notice.incident;
    let base = format!("{} · {}", words::severity(incident.severity), words::kind(incident.kind));
    match notice.cause {
        Cause::Raised => base,
        cause => format!("{base} · {}", words::cause(cause)),
    }
}

/// How many are not shown; None when all are.
fn more(notices: &[&Notice]) -> Option<String> {
    let rest = notices.len().saturating_sub(SHOWN_MAX);
    (rest > 0).then(|| format!("and {rest} more"))
}
