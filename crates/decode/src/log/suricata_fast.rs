//! Suricata's and Snort's fast log: `03/04/2026-08:15:30.250000  [**] [1:9000017:3] NAME [**] [Classification: …] [Priority: 3] {TCP} A -> B`.

use super::build::{self, Between, text};
use super::{Heads, Line, LogError, LogFormat, fields, time};
use record::{LogEntry, Severity};

/// One alert a line.
pub(crate) struct Fast;

impl LogFormat for Fast {
    fn name(&self) -> &'static str {
        "suricata_fast"
    }
    fn claims(&self, line: &Line<'_>, _: &Heads) -> bool {
        line.text.contains("[**] [") && line.text.contains(" -> ")
    }
    fn read(&self, line: &Line<'_>, _: &mut Heads, out: &mut Vec<LogEntry>) -> Result<(), LogError> {
        let (ts, _) = time::american(line.text.trim_start()).ok_or(LogError::BadTime)?;
        let mut parts = line.text.split("[**]");
        let (named, behind) = (parts.nth(1).ok_or(LogError::Cut)?.trim(), parts.next().ok_or(LogError::Cut)?);
        let (ids, name) = named.strip_prefix('[').and_then(|rest| rest.split_once(']')).ok_or(LogError::Cut)?;
        let inside = |open: &str, close: char| behind.split_once(open)?.1.split(close).next();
        let (from, to) = behind.rsplit_once('}').unwrap_or(("", behind)).1.split_once(" -> ").ok_or(LogError::Cut)?;
        let proto = inside("{", '}').and_then(fields::protocol).unwrap_or(0);
        let between = Between::new(fields::endpoint(from.trim(), ':')?, fields::endpoint(to.trim(), ':')?, proto);
        let mut alert = build::alert("Suricata", between, ts);
        alert.signature = text(name.trim());
        alert.signature_id = ids.split(':').nth(1).and_then(|id| id.parse().ok()).unwrap_or(0);
        alert.category = text(inside("[Classification: ", ']').unwrap_or_default());
        let priority = inside("[Priority: ", ']').unwrap_or("0");
        alert.severity = match priority {
            "1" => Severity::High,
            "2" => Severity::Medium,
            _ => Severity::Low,
        };
        alert.severity_said = format!("priority {priority}");
        out.push(LogEntry::Alert(Box::new(alert)));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::LogParser;
    use super::*;
    use record::Timestamp;

    #[test]
    fn one_alert_a_line() {
        let line = "03/04/2026-08:15:30.250000  [**] [1:9000017:3] LAB odd request of a door lock [**] [Classification: Potentially Bad Traffic] [Priority: 2] {UDP} 203.0.113.95:50461 -> 192.0.2.95:3478";
        let (mut parser, mut out) = (LogParser::new(Timestamp(0)), Vec::new());
        parser.line(line.as_bytes(), false, &mut out);
        let [LogEntry::Alert(alert)] = out.as_slice() else { panic!("{:?}", parser.counters()) };
        assert_eq!(
            (alert.signature.as_str(), alert.signature_id, alert.severity),
            ("LAB odd request of a door lock", 9_000_017, Severity::Medium)
        );
        assert_eq!((alert.proto, alert.src_port, alert.dest_port), (17, 50461, 3478));
        assert_eq!(alert.category, "Potentially Bad Traffic");
    }
}
