//! Telegram's Bot API `sendMessage`: its HTML, at most 4,096 characters. Who gets it (`chat_id`) the channel adds.

use super::super::{Told, words};
use super::{more, reasons, under};
use record::Notice;
use serde_json::json;
use std::fmt::Write;

/// Characters after which no further incident begins.
const TEXT_MAX: usize = 3_000;
/// Incidents shown.
const SHOWN: usize = 5;

/// The body.
pub(in super::super) fn body(notices: &[&Notice], told: Told<'_>) -> String {
    let mut text = String::new();
    if notices.len() > 1 {
        put(&mut text, &format!("<b>{}</b>\n", escape(&words::subject(notices))));
    }
    for notice in notices.iter().take(SHOWN) {
        if text.chars().count() > TEXT_MAX {
            break;
        }
        one(&mut text, notice, told);
    }
    if let Some(rest) = more(notices) {
        put(&mut text, &rest);
    }
    json!({ "text": text.trim_end(), "parse_mode": "HTML", "link_preview_options": { "is_disabled": true } })
        .to_string()
}

fn one(text: &mut String, notice: &Notice, told: Told<'_>) {
    let incident = &notice.incident;
    let title = escape(&words::clip(&incident.title, 250));
    let title = told.link(incident).map_or(title.clone(), |url| format!("<a href=\"{}\">{title}</a>", escape(&url)));
    put(text, &format!("<b>{title}</b>"));
    put(text, &escape(&under(notice)));
    for (name, value) in words::parties(incident) {
        put(text, &format!("{name}: <code>{}</code>", escape(&words::clip(&value, 120))));
    }
    for reason in reasons(incident) {
        put(text, &format!("• {}", escape(&words::clip(&reason, 120))));
    }
    put(text, &format!("{}\n", escape(&words::span(incident))));
}

fn put(text: &mut String, line: &str) {
    // Writing into a string cannot fail.
    let _ = writeln!(text, "{line}");
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
