//! Microsoft Teams' workflows ("when a webhook request is received"): an Adaptive Card 1.4.

use super::super::{Told, words};
use super::{SHOWN_MAX, more, reasons, under};
use record::{Notice, Severity};
use serde_json::{Value, json};

/// The body.
pub(in super::super) fn body(notices: &[&Notice], told: Told<'_>) -> String {
    let mut parts: Vec<Value> = notices.iter().take(SHOWN_MAX).map(|n| container(n, told)).collect();
    parts.extend(more(notices).map(|text| block(&text, "Default", false)));
    let actions: Vec<Value> = notices
        .iter()
        .take(1)
        .filter_map(|n| told.link(&n.incident))
        .map(|url| json!({ "type": "Action.OpenUrl", "title": "Open the incident", "url": url }))
        .collect();
    json!({
        "type": "message",
        "summary": words::subject(notices),
        "attachments": [{
            "contentType": "application/vnd.microsoft.card.adaptive",
            "contentUrl": null,
            "content": {
                "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
                "type": "AdaptiveCard", "version": "1.4", "msteams": { "width": "Full" },
                "body": parts, "actions": actions,
            },
        }],
    })
    .to_string()
}

fn container(notice: &Notice, told: Told<'_>) -> Value {
    let incident = &notice.incident;
    let (style, colour) = match incident.severity {
        Severity::Low => ("default", "Default"),
        Severity::Medium => ("warning", "Warning"),
        Severity::High | Severity::Critical => ("attention", "Attention"),
    };
    let mut facts: Vec<Value> =
        words::parties(incident).iter().map(|(name, value)| json!({ "title": name, "value": value })).collect();
    facts.push(json!({ "title": "When", "value": words::span(incident) }));
    facts.push(json!({ "title": "Sensor", "value": told.sensor }));
    let list: Vec<_> = reasons(incident).iter().map(|reason| format!("- {}", escape(reason))).collect();
    json!({
        "type": "Container", "style": style, "bleed": true,
        "items": [
            block(&under(notice), colour, false),
            block(&incident.title, "Default", true),
            { "type": "FactSet", "facts": facts },
            block(&list.join("\n"), "Default", false),
        ],
    })
}

fn block(text: &str, colour: &str, strong: bool) -> Value {
    let (weight, size) = if strong { ("Bolder", "Medium") } else { ("Default", "Default") };
    json!({ "type": "TextBlock", "text": words::clip(text, 2_000), "wrap": true, "color": colour, "weight": weight, "size": size })
}

/// Text blocks read a little Markdown: names of features have underscores.
fn escape(text: &str) -> String {
    text.replace('_', "\\_").replace('*', "\\*")
}
