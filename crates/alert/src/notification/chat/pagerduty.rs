//! PagerDuty's Events API v2: one event an incident; the same incident told again joins the first by its `dedup_key`. The
//! `routing_key` the channel adds.

use super::super::{Told, words};
use super::reasons;
use record::{Notice, Severity};
use serde_json::{Value, json};

/// The body.
pub(in super::super) fn body(notice: &Notice, told: Told<'_>) -> String {
    let incident = &notice.incident;
    let severity = match incident.severity {
        Severity::Low => "info",
        Severity::Medium => "warning",
        Severity::High => "error",
        Severity::Critical => "critical",
    };
    let links: Vec<Value> =
        told.link(incident).into_iter().map(|url| json!({ "href": url, "text": "Open the incident" })).collect();
    json!({
        "event_action": "trigger",
        "dedup_key": format!("tripline-{}", incident.id),
        "client": "Tripline",
        "links": links,
        "payload": {
            "summary": words::clip(&incident.title, 1_000),
            "source": told.sensor,
            "severity": severity,
            "timestamp": incident.raised.rfc3339(),
            "class": incident.kind.name(),
            "custom_details": {
                "from": words::list(&incident.src), "to": words::list(&incident.dest),
                "ports": words::list(&incident.dest_port), "why": reasons(incident), "attack": incident.attack,
                "advice": incident.advice, "note": words::cause(notice.cause),
            },
        },
    })
    .to_string()
}
