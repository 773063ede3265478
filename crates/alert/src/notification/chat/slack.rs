//! Slack's incoming webhooks: a text for the notification and one coloured attachment of blocks an incident.

use super::super::{Told, words};
use super::{SHOWN_MAX, more, reasons, under};
use record::Notice;
use serde_json::{Value, json};

/// The body.
pub(in super::super) fn body(notices: &[&Notice], told: Told<'_>) -> String {
    let mut attachments: Vec<Value> = notices.iter().take(SHOWN_MAX).map(|n| attachment(n, told)).collect();
    attachments.extend(more(notices).map(|text| json!({ "text": text })));
    json!({ "text": escape(&words::subject(notices)), "attachments": attachments }).to_string()
}

fn attachment(notice: &Notice, told: Told<'_>) -> Value {
    let incident = &notice.incident;
    let title = escape(&words::clip(&incident.title, 500));
    let title = told.link(incident).map_or(format!("*{title}*"), |link| format!("*<{link}|{title}>*"));
    let mut blocks = vec![
        json!({ "type": "section", "text": mrkdwn(&format!("{title}\n{}", escape(&under(notice)))) }),
        json!({ "type": "section", "fields": words::parties(incident).iter()
            .map(|(name, value)| mrkdwn(&format!("*{name}*\n{}", escape(value)))).collect::<Vec<_>>() }),
    ];
    let reasons = reasons(incident);
    if !reasons.is_empty() {
        let list: Vec<_> = reasons.iter().map(|reason| format!("• {}", escape(reason))).collect();
        blocks.push(json!({ "type": "section", "text": mrkdwn(&list.join("\n")) }));
    }
    let foot = format!("{} · {} · {}", words::span(incident), incident.attack.join(", "), told.sensor);
    blocks.push(json!({ "type": "context", "elements": [mrkdwn(&escape(&foot))] }));
    json!({ "color": words::colour(incident.severity), "blocks": blocks })
}

fn mrkdwn(text: &str) -> Value {
    json!({ "type": "mrkdwn", "text": words::clip(text, 2_900) })
}

/// The three characters that Slack reads as its own.
fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
