//! The frame that syslog puts around a message: RFC 5424, RFC 3164 and what devices really send (no priority, a year where none
//! belongs, no host, journald's times). Owns where the header ends; knows no message.

use super::{Heads, Line, LogError, LogFormat, time};
use record::{LogEntry, Timestamp};

/// A line without its frame.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Framed<'a> {
    /// The header's time, if it has one.
    pub(super) ts: Option<Timestamp>,
    /// Who wrote it (`kernel`, `filterlog`); empty where the header does not say.
    pub(super) program: &'a str,
    /// The message itself.
    pub(super) message: &'a str,
}

/// Lines of syslog that no other format knows: of services, of the system. They say nothing of traffic that is read.
pub(super) struct Other;

impl LogFormat for Other {
    fn name(&self) -> &'static str {
        "syslog"
    }
    fn claims(&self, line: &Line<'_>, _: &Heads) -> bool {
        line.framed.ts.is_some() && !line.framed.program.is_empty()
    }
    fn read(&self, line: &Line<'_>, _: &mut Heads, out: &mut Vec<LogEntry>) -> Result<(), LogError> {
        out.push(LogEntry::NotUsed(format!("syslog {}", line.framed.program)));
        Ok(())
    }
}

/// Takes the frame off. A line without one is its own message.
pub(super) fn unframe(text: &str, reference: Timestamp) -> Framed<'_> {
    let text = text.trim_start_matches('\u{feff}').trim_start();
    let after = priority(text);
    if let Some(framed) = rfc5424(after) {
        return framed;
    }
    let Some((ts, rest)) = time::month_first(after, reference).or_else(|| time::iso_prefix(after)) else {
        let (program, message) = program(after);
        return Framed { ts: None, program, message };
    };
    // Cisco puts a colon behind the time and no host.
    if let Some(message) = rest.strip_prefix(": ").or_else(|| rest.strip_prefix(" : ")) {
        return Framed { ts: Some(ts), program: "", message };
    }
    let Some(rest) = rest.strip_prefix(' ') else { return Framed { ts: None, program: "", message: after } };
    let (program, message) = program(host(rest.trim_start()));
    Framed { ts: Some(ts), program, message }
}

/// Behind `<134>`.
fn priority(text: &str) -> &str {
    let Some(rest) = text.strip_prefix('<') else { return text };
    match rest.split_once('>') {
        Some((number, rest)) if (1..=3).contains(&number.len()) && number.bytes().all(|b| b.is_ascii_digit()) => {
            rest.trim_start()
        }
        _ => text,
    }
}

/// `1 TIME HOST PROGRAM PROCESS MESSAGE-ID DATA MESSAGE`.
fn rfc5424(text: &str) -> Option<Framed<'_>> {
    let rest = text.strip_prefix("1 ")?;
    let (time, rest) = rest.split_once(' ')?;
    let ts = if time == "-" { None } else { Some(time::iso(time)?) };
    let mut rest = rest;
    let mut program = "";
    for place in 0..4 {
        let (word, behind) = rest.split_once(' ')?;
        if place == 1 && word != "-" {
            program = word;
        }
        rest = behind;
    }
    let message = structured_data(rest)?;
    Some(Framed { ts, program, message: message.trim_start_matches('\u{feff}') })
}

/// Behind `-` or `[id name="value"]…`.
fn structured_data(text: &str) -> Option<&str> {
    if let Some(rest) = text.strip_prefix('-') {
        return Some(rest.trim_start());
    }
    let mut rest = text;
    while let Some(inner) = rest.strip_prefix('[') {
        let (mut quoted, mut escaped, mut end) = (false, false, None);
        for (place, byte) in inner.bytes().enumerate() {
            match byte {
                _ if escaped => escaped = false,
                b'\\' => escaped = true,
                b'"' => quoted = !quoted,
                b']' if !quoted => {
                    end = Some(place);
                    break;
                }
                _ => {}
            }
        }
        rest = &inner[end? + 1..];
    }
    Some(rest.trim_start())
}

/// Behind the host, when the first word is one: it ends without a colon and is no field.
fn host(text: &str) -> &str {
    match text.split_once(' ') {
        Some((word, rest)) if !word.ends_with(':') && !word.contains(['=', '%', '|', ',', '[', '"']) => {
            rest.trim_start()
        }
        _ => text,
    }
}

/// `kernel:` or `filterlog[123]:` and the message behind it.
fn program(text: &str) -> (&str, &str) {
    let Some((word, rest)) = text.split_once(": ") else { return ("", text) };
    let name = word.split('[').next().unwrap_or(word);
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '/' | '(' | ')');
    if name.is_empty() || !name.chars().all(plain) {
        return ("", text);
    }
    (name, rest.trim_start())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn parts(text: &str) -> (String, &str, &str) {
        let reference = Timestamp::parse_rfc3339("2026-01-01T00:00:00Z").unwrap();
        let framed = unframe(text, reference);
        (framed.ts.map(Timestamp::rfc3339).unwrap_or_default(), framed.program, framed.message)
    }

    #[test]
    fn both_standards() {
        let old = "<134>Nov  3 21:40:05 edge1 filterlog[1]: 7,,,31";
        assert_eq!(parts(old), ("2025-11-03T21:40:05.000000Z".into(), "filterlog", "7,,,31"));
        let new = "<134>1 2026-03-04T09:15:30+01:00 gw filterlog 411 - [meta a=\"]\\\"\"][b] 10,,,x";
        assert_eq!(parts(new), ("2026-03-04T08:15:30.000000Z".into(), "filterlog", "10,,,x"));
        assert_eq!(parts("<171>1 - h nginx - - - m").2, "m");
    }

    #[test]
    fn what_devices_send() {
        assert_eq!(parts("Mar 04 2026 08:15:30: %ASA-6-1: x").2, "%ASA-6-1: x");
        let router = "2026-03-04T09:15:30.7+01:00 10.0.0.1 firewall,info drop-guests input: in:e";
        assert_eq!(parts(router), ("2026-03-04T08:15:30.700000Z".into(), "", "firewall,info drop-guests input: in:e"));
        assert_eq!(parts("Mar  4 09:15:30 gw CEF:0|U|x").2, "CEF:0|U|x");
        assert_eq!(parts("Mar  4 09:15:30 gw [GUEST-D-1] IN=e").2, "[GUEST-D-1] IN=e");
        assert_eq!(parts("kernel: [1.2] IN=e"), (String::new(), "kernel", "[1.2] IN=e"));
        assert_eq!(parts("IN=e OUT="), (String::new(), "", "IN=e OUT="));
        assert_eq!(parts("<14>Mar  4 08:15:50 edge1 1,3/4/26 8:15,90").2, "1,3/4/26 8:15,90");
    }

    #[test]
    fn nothing_breaks_it() {
        for text in
            ["", "<", "<>", "<1>1 ", "1 2026-03-04T08:15:30Z h p - - [", "Mar  4", "Mar  4 08:15:30", "\u{feff}é: ü"]
        {
            parts(text);
        }
    }
}
