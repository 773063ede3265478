//! The incidents of a report as CSV (RFC 4180). Owns the columns, which are only appended.

use crate::report::Report;

const COLUMNS: [&str; 16] = [
    "id",
    "raised",
    "severity",
    "kind",
    "title",
    "status",
    "score",
    "first_seen",
    "last_seen",
    "src",
    "dest",
    "dest_port",
    "alerts",
    "attack",
    "reasons",
    "advice",
];

/// The table.
pub fn incidents(report: &Report) -> String {
    let mut text = format!("{}\r\n", COLUMNS.join(","));
    for i in &report.incidents {
        let ports: Vec<String> = i.dest_port.iter().map(u16::to_string).collect();
        let cells = [
            i.id.clone(),
            i.raised.rfc3339(),
            i.severity.name().to_owned(),
            i.kind.clone(),
            i.title.clone(),
            i.status.clone(),
            i.score.to_string(),
            i.first_seen.rfc3339(),
            i.last_seen.rfc3339(),
            i.src.join(";"),
            i.dest.join(";"),
            ports.join(";"),
            i.alerts.to_string(),
            i.attack.join(";"),
            i.reasons.join(";"),
            i.advice.clone(),
        ];
        text.push_str(&cells.map(|cell| quoted(&cell)).join(","));
        text.push_str("\r\n");
    }
    text
}

/// Text from the network that a spreadsheet would take for a formula gets an apostrophe.
fn quoted(text: &str) -> String {
    let text = if text.starts_with(['=', '+', '-', '@', '\t', '\r']) { format!("'{text}") } else { text.to_owned() };
    if text.contains([',', '"', '\n', '\r']) { format!("\"{}\"", text.replace('"', "\"\"")) } else { text }
}
