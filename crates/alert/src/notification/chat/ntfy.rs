//! ntfy's publishing as JSON: title, message of at most 4,096 bytes, priority and tags. The topic the channel adds.

use super::super::{Told, words};
use super::{SHOWN_MAX, more, reasons, under};
use record::{Notice, Severity};
use serde_json::{Value, json};

/// The body.
pub(in super::super) fn body(notices: &[&Notice], told: Told<'_>) -> String {
    let Some(first) = notices.first() else { return String::new() };
    let mut lines: Vec<String> = Vec::new();
    if notices.len() == 1 {
        let incident = &first.incident;
        lines.push(under(first));
        lines.extend(words::parties(incident).iter().map(|(name, value)| format!("{name}: {value}")));
        lines.extend(reasons(incident).iter().map(|reason| format!("• {reason}")));
    } else {
        let titles = notices.iter().take(SHOWN_MAX);
        lines.extend(titles.map(|n| format!("• {}: {}", words::severity(n.incident.severity), n.incident.title)));
        lines.extend(more(notices));
    }
    let (priority, tag) = match first.incident.severity {
        Severity::Low => (2, "information_source"),
        Severity::Medium => (3, "warning"),
        Severity::High => (4, "rotating_light"),
        Severity::Critical => (5, "rotating_light"),
    };
    let mut body = json!({
        "title": words::subject(notices),
        "message": words::clip(&lines.join("\n"), 1_300),
        "priority": priority,
        "tags": [tag, told.sensor],
    });
    if let (Some(url), Some(map)) = (told.link(&first.incident), body.as_object_mut()) {
        map.insert("click".to_owned(), Value::String(url));
    }
    body.to_string()
}
