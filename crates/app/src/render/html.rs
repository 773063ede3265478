//! `analyze -o html`: one self-contained page, no script, readable in a mail client and on paper.

use super::units::{bytes, reason};
use evaluate::Outcome;
use record::Incident;
use std::io::{self, Write};

const STYLE: &str = "body{font:15px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color:#1c2430;background:#fff}\
h1{font-size:1.4rem}article{border:1px solid #d6dce5;border-left:6px solid #8a94a3;border-radius:6px;padding:.7rem 1rem;margin:1rem 0}\
.medium{border-left-color:#b7791f}.high{border-left-color:#c2410c}.critical{border-left-color:#b91c1c}\
h2{font-size:1.05rem;margin:0}.meta{color:#566173;font-size:.9rem}dl{display:grid;grid-template-columns:10rem 1fr;gap:.2rem 1rem}dt{color:#566173}dd{margin:0}\
@media(prefers-color-scheme:dark){body{background:#11161d;color:#dce3ec}article{border-color:#2b3644}.meta,dt{color:#93a0b2}}";

/// Writes the page.
pub fn analysis(output: &mut impl Write, outcome: &Outcome) -> io::Result<()> {
    let analysis = &outcome.analysis;
    let input = &analysis.input;
    let title = format!("Tripline: {} incidents in {}", analysis.incidents.len(), input.files.join(", "));
    writeln!(
        output,
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width\">"
    )?;
    writeln!(
        output,
        "<title>{}</title><style>{STYLE}</style></head><body><h1>{}</h1>",
        escape(&title),
        escape(&title)
    )?;
    for incident in &analysis.incidents {
        article(output, incident)?;
    }
    writeln!(output, "<h1>What was read</h1><dl>")?;
    let mut row = |name: &str, value: String| writeln!(output, "<dt>{name}</dt><dd>{}</dd>", escape(&value));
    row("Packets", input.packets.to_string())?;
    row("Bytes", bytes(input.bytes as f64))?;
    row("First packet", input.first.map(|t| t.to_string()).unwrap_or_default())?;
    row("Last packet", input.last.map(|t| t.to_string()).unwrap_or_default())?;
    row("Flows", analysis.flows.to_string())?;
    row("Hosts", analysis.hosts.to_string())?;
    row(
        "Learned from",
        format!("{} flows ({})", analysis.trained_on.flows, analysis.trained_on.how.replace('_', " ")),
    )?;
    row("Held back by the alert budget", outcome.held_back.len().to_string())?;
    for note in &input.notes {
        row("Note", note.clone())?;
    }
    writeln!(output, "</dl></body></html>")
}

fn article(output: &mut impl Write, incident: &Incident) -> io::Result<()> {
    writeln!(output, "<article class=\"{}\"><h2>{}</h2>", incident.severity.name(), escape(&incident.title))?;
    writeln!(
        output,
        "<p class=\"meta\">{} · {} · {} to {} · {}</p><ul>",
        incident.severity.name(),
        incident.kind.name(),
        incident.first_seen,
        incident.last_seen,
        escape(&incident.attack.join(" "))
    )?;
    for why in &incident.why {
        writeln!(output, "<li>{} ({:.0} % of the score)</li>", escape(&reason(why)), why.share * 100.0)?;
    }
    writeln!(output, "</ul><p>{}</p></article>", escape(&incident.advice))
}

/// Text from the network never becomes markup.
pub fn escape(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            c => safe.push(c),
        }
    }
    safe
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_from_the_network_cannot_become_markup() {
        assert_eq!(escape("<script>'\"&"), "&lt;script&gt;&#39;&quot;&amp;");
    }
}
