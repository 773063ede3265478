//! Plain text: the mail for people who read no HTML, and the one line of syslog.

use super::{Told, words};
use crate::units::reason;
use record::{Cause, Notice};
use std::fmt::Write;

/// Reasons told.
const REASONS_MAX: usize = 6;

/// The whole message.
pub(super) fn text(notices: &[&Notice], told: Told<'_>) -> String {
    let mut out = String::new();
    if notices.len() > 1 {
        put(&mut out, &format!("{} incidents: {}.\n", notices.len(), words::by_severity(notices)));
    }
    for notice in notices.iter().take(words::DETAILS_MAX) {
        one(&mut out, notice, told);
    }
    if let Some(rest) = words::rest(notices) {
        put(&mut out, &format!("{rest}\n"));
    }
    put(&mut out, "-- ");
    put(&mut out, &format!("Tripline on {}, channel \"{}\"", told.sensor, told.channel));
    out
}

fn one(out: &mut String, notice: &Notice, told: Told<'_>) {
    let incident = &notice.incident;
    put(out, &incident.title);
    put(
        out,
        &format!("{} severity, {}", words::severity(incident.severity), words::kind(incident.kind).to_lowercase()),
    );
    let cause = words::cause(notice.cause);
    if !cause.is_empty() {
        put(out, &cause);
    }
    put(out, "");
    for (name, value) in words::parties(incident) {
        put(out, &format!("{:<8}{value}", format!("{name}:")));
    }
    put(out, &format!("{:<8}{}", "When:", words::span(incident)));
    if !incident.attack.is_empty() {
        put(out, &format!("{:<8}{}", "ATT&CK:", incident.attack.join(", ")));
    }
    if !incident.timeline.is_empty() {
        put(out, "\nStep by step:");
        for step in words::steps(incident) {
            put(out, &format!("- {} {}", words::time(step.ts), step.title));
        }
    }
    if !incident.why.is_empty() {
        put(out, "\nWhy:");
        for why in incident.why.iter().take(REASONS_MAX) {
            put(out, &format!("- {}", reason(why)));
        }
    }
    if !incident.advice.is_empty() {
        put(out, &format!("\nWhat to do next:\n{}", incident.advice));
    }
    let place = told.link(incident).unwrap_or_else(|| format!("incident {}", incident.id));
    put(out, &format!("\n{place}\n"));
}

fn put(out: &mut String, line: &str) {
    // Writing into a string cannot fail.
    let _ = writeln!(out, "{line}");
}

/// One line for a log.
pub(super) fn line(notice: &Notice) -> String {
    let incident = &notice.incident;
    let why: Vec<_> = incident.why.iter().take(REASONS_MAX).map(reason).collect();
    let again = match notice.cause {
        Cause::Raised => String::new(),
        Cause::Rose(from) => format!(" was={}", from.name()),
        Cause::Test => " test=true".to_owned(),
    };
    let text = format!(
        "{} [severity={} kind={} incident={} alerts={}{again}] {}",
        incident.title,
        incident.severity.name(),
        incident.kind.name(),
        incident.id,
        incident.alerts,
        why.join("; ")
    );
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
