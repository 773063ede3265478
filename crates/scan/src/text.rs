//! A scan for people: hosts with what is open. Owns the columns; escapes whatever would move a terminal's cursor.

use crate::diff::{columns, shown};
use record::scan::{ExtraPorts, Scan, ScannedHost};
use std::fmt::Write as _;

/// Characters shown of how a scan was called; a list of ports can be long.
const ARGS_CHARS_MAX: usize = 160;

/// The whole scan.
pub fn scan_text(scan: &Scan) -> String {
    let mut text = String::new();
    // Writing into a string cannot fail.
    let _ = writeln!(text, "{}", headline(&scan.scanner, &scan.version, scan.started, &scan.args));
    for host in &scan.hosts {
        write_host(&mut text, host);
    }
    let (up, all) = (scan.up(), scan.hosts.len());
    let _ = writeln!(text, "\n{all} host{} told of, {up} up", if all == 1 { "" } else { "s" });
    if let Some(why) = &scan.incomplete {
        let _ = writeln!(text, "INCOMPLETE: {}", shown(why));
    }
    text
}

/// `nmap 7.93 scan of 2026-01-02T03:04:05: nmap -n …`.
pub(crate) fn headline(scanner: &str, version: &str, started: Option<record::Timestamp>, args: &str) -> String {
    let started = started.map(|t| format!(" of {:.19}", t.rfc3339())).unwrap_or_default();
    let version = if version.is_empty() { String::new() } else { format!(" {version}") };
    let args = match args.char_indices().nth(ARGS_CHARS_MAX) {
        _ if args.is_empty() => String::new(),
        None => format!(": {args}"),
        Some((at, _)) => format!(": {} …", &args[..at]),
    };
    shown(&format!("{scanner}{version} scan{started}{args}"))
}

/// `98 closed, 2 filtered ports`; None: none are counted.
pub(crate) fn counted(counts: &[ExtraPorts]) -> Option<String> {
    let mut counts: Vec<_> = counts.iter().collect();
    counts.sort_by_key(|extra| std::cmp::Reverse(extra.count));
    let say = |extra: &&ExtraPorts| format!("{} {}", extra.count, shown(extra.state.as_deref().unwrap_or("unknown")));
    let ports = if counts.last().is_some_and(|extra| extra.count == 1) { " port" } else { " ports" };
    (!counts.is_empty()).then(|| counts.iter().map(say).collect::<Vec<_>>().join(", ") + ports)
}

fn write_host(text: &mut String, host: &ScannedHost) {
    let state = host.state.as_deref().unwrap_or("unknown");
    let vendor = host.addresses.iter().find_map(|a| a.vendor.as_deref());
    let vendor = vendor.map(|vendor| format!(", {vendor}")).unwrap_or_default();
    let _ = writeln!(text, "\n{} is {}", shown(&host.title()), shown(&format!("{state}{vendor}")));
    for port in &host.ports {
        let _ = writeln!(text, "  {}", columns(port));
        for script in &port.scripts {
            write_script(text, &script.id, &script.output);
        }
    }
    if let Some(counts) = counted(&host.not_shown) {
        let _ = writeln!(text, "  not shown: {counts}");
    }
    for guess in host.os.iter().take(3) {
        let accuracy = guess.accuracy.map(|a| format!(" ({a} %)")).unwrap_or_default();
        let _ = writeln!(text, "  perhaps {}{accuracy}", shown(&guess.name));
    }
    for script in &host.scripts {
        write_script(text, &script.id, &script.output);
    }
}

fn write_script(text: &mut String, id: &str, output: &str) {
    let mut lines = output.lines();
    let _ = writeln!(text, "    {}: {}", shown(id), shown(lines.next().unwrap_or("")));
    for line in lines {
        let _ = writeln!(text, "      {}", shown(line));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use record::scan::{ScannedPort, ScriptOutput};

    #[test]
    fn hosts_and_ports_are_told_and_cannot_write_to_the_terminal() {
        let script = ScriptOutput { id: "banner".to_owned(), output: "one\u{1b}[2J\ntwo".to_owned() };
        let port = ScannedPort {
            protocol: "tcp".to_owned(),
            port: 22,
            state: Some("open".to_owned()),
            scripts: vec![script],
            ..ScannedPort::default()
        };
        let host = ScannedHost {
            state: Some("up".to_owned()),
            names: vec!["a\u{7}".to_owned()],
            ports: vec![port],
            not_shown: vec![ExtraPorts { state: Some("closed".to_owned()), count: 9 }],
            ..ScannedHost::default()
        };
        let scan = Scan {
            scanner: "nmap".to_owned(),
            hosts: vec![host],
            incomplete: Some("why".to_owned()),
            ..Scan::default()
        };
        let expected = "nmap scan\n\na\u{fffd} is up\n  22/tcp     open\n    banner: one\u{fffd}[2J\n      two\n  not shown: 9 closed ports\n\n\
                        1 host told of, 1 up\nINCOMPLETE: why\n";
        assert_eq!(scan_text(&scan), expected);
    }
}
