//! Discord's webhooks: embeds, at most ten a message and 6,000 characters in all; nobody is mentioned.

use super::super::{Told, words};
use super::{SHOWN_MAX, more, reasons, under};
use record::Notice;
use serde_json::{Value, json};

/// The body.
pub(in super::super) fn body(notices: &[&Notice], told: Told<'_>) -> String {
    let embeds: Vec<Value> = notices.iter().take(SHOWN_MAX).map(|n| embed(n, told)).collect();
    let content = if notices.len() > 1 { words::subject(notices) } else { String::new() };
    let content = more(notices).map_or(content.clone(), |rest| format!("{content}, {rest}"));
    json!({ "username": "Tripline", "content": content, "embeds": embeds, "allowed_mentions": { "parse": [] } })
        .to_string()
}

fn embed(notice: &Notice, told: Told<'_>) -> Value {
    let incident = &notice.incident;
    let fields: Vec<Value> = words::parties(incident)
        .iter()
        .map(|(name, value)| json!({ "name": name, "value": words::clip(value, 150), "inline": true }))
        .collect();
    let list: Vec<_> = reasons(incident).iter().map(|reason| format!("- {}", words::clip(reason, 100))).collect();
    let text = format!("{}\n{}", under(notice), list.join("\n"));
    let mut embed = json!({
        "title": words::clip(&incident.title, 200),
        "description": escape(&words::clip(&text, 380)),
        "color": words::colour_number(incident.severity),
        "fields": fields,
        "timestamp": incident.raised.rfc3339(),
        "footer": { "text": words::clip(told.sensor, 60) },
    });
    if let (Some(url), Some(map)) = (told.link(incident), embed.as_object_mut()) {
        map.insert("url".to_owned(), Value::String(url));
    }
    embed
}

fn escape(text: &str) -> String {
    text.replace('_', "\\_").replace('*', "\\*").replace('`', "\\`")
}
