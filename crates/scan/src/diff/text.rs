//! Changes for people: `-` was, `+` is. Owns the words and the columns.

use super::{Call, HostChange, HostDiff, PortDiff, ScanDiff, ScriptDiff};
use crate::text::{counted, headline};
use record::scan::{ScannedHost, ScannedPort};
use std::fmt::Write as _;

/// All changes; `no change` where there is none.
pub fn diff_text(diff: &ScanDiff) -> String {
    let mut text = String::new();
    // Writing into a string cannot fail.
    let _ = writeln!(text, "-{}\n+{}", call(&diff.before), call(&diff.after));
    scripts(&mut text, "Scripts before the scan", &diff.pre_scripts);
    for host in &diff.hosts {
        text.push('\n');
        match host {
            HostDiff::Gone { host } => whole(&mut text, '-', "is gone", host),
            HostDiff::New { host } => whole(&mut text, '+', "is new", host),
            HostDiff::Changed(change) => changed(&mut text, change),
        }
    }
    scripts(&mut text, "Scripts after the scan", &diff.post_scripts);
    let count = diff.hosts.len();
    let _ = match (diff.is_equal(), count) {
        (true, _) => writeln!(text, "\nno change"),
        (false, 1) => writeln!(text, "\n1 host changed"),
        (false, count) => writeln!(text, "\n{count} hosts changed"),
    };
    text
}

fn call(call: &Call) -> String {
    headline(&call.scanner, &call.version, call.started, &call.args)
}

fn whole(text: &mut String, mark: char, what: &str, host: &ScannedHost) {
    let state = host.state.as_deref().unwrap_or("unknown");
    let _ = writeln!(text, "{mark}{} {what} ({state})", shown(&host.title()));
    if let Some(counts) = counted(&host.not_shown) {
        let _ = writeln!(text, "{mark}  not shown: {counts}");
    }
    for port in host.ports.iter().filter(|port| !host.only_counts(port.state.as_deref())) {
        port_line(text, mark, port);
        port.scripts.iter().for_each(|s| script(text, mark, &s.id, &s.output));
    }
    for guess in &host.os {
        let _ = writeln!(text, "{mark}  system: {}", shown(&guess.name));
    }
    host.scripts.iter().for_each(|s| script(text, mark, &s.id, &s.output));
}

fn changed(text: &mut String, change: &HostChange) {
    if change.title_before == change.host {
        let _ = writeln!(text, " {}", shown(&change.host));
    } else {
        let _ = writeln!(text, "-{}\n+{}", shown(&change.title_before), shown(&change.host));
    }
    if let Some(state) = &change.state {
        let _ = writeln!(text, "-  is {}\n+  is {}", shown(&state.before), shown(&state.after));
    }
    if let Some(counts) = &change.not_shown {
        for (mark, counts) in [('-', &counts.before), ('+', &counts.after)] {
            if let Some(counts) = counted(counts) {
                let _ = writeln!(text, "{mark}  not shown: {counts}");
            }
        }
    }
    change.ports.iter().for_each(|port| port_diff(text, port));
    for step in &change.os {
        let (before, after) = if step.equal { (' ', None) } else { ('-', Some(&step.after)) };
        for name in &step.before {
            let _ = writeln!(text, "{before}  system: {}", shown(name));
        }
        for name in after.into_iter().flatten() {
            let _ = writeln!(text, "+  system: {}", shown(name));
        }
    }
    change.scripts.iter().for_each(|s| script_diff(text, s));
}

fn port_diff(text: &mut String, diff: &PortDiff) {
    let side = |port: &Option<ScannedPort>, hidden: bool| port.as_ref().filter(|_| !hidden).map(columns);
    let (before, after) = (side(&diff.before, diff.hidden_before), side(&diff.after, diff.hidden_after));
    if before == after {
        diff.after.iter().for_each(|port| port_line(text, ' ', port));
    } else {
        for (mark, columns) in [('-', before), ('+', after)] {
            if let Some(columns) = columns {
                let _ = writeln!(text, "{mark}  {columns}");
            }
        }
    }
    diff.scripts.iter().for_each(|s| script_diff(text, s));
}

fn port_line(text: &mut String, mark: char, port: &ScannedPort) {
    let _ = writeln!(text, "{mark}  {}", columns(port));
}

/// `443/tcp    open           ssl/http  nginx 1.20 (extra)`.
pub fn columns(port: &ScannedPort) -> String {
    let service = &port.service;
    let name = [&service.tunnel, &service.name].into_iter().flatten().map(String::as_str).collect::<Vec<_>>().join("/");
    let mut what: Vec<String> = [&service.product, &service.version].into_iter().flatten().cloned().collect();
    what.extend(service.extra.as_ref().map(|extra| format!("({extra})")));
    let spec = format!("{}/{}", port.port, port.protocol);
    let state = port.state.as_deref().unwrap_or("unknown");
    shown(format!("{spec:<10} {state:<14} {name:<14} {}", what.join(" ")).trim_end())
}

fn scripts(text: &mut String, title: &str, diffs: &[ScriptDiff]) {
    if !diffs.is_empty() {
        let _ = writeln!(text, "\n {title}");
        for diff in diffs {
            script_diff(text, diff);
        }
    }
}

fn script_diff(text: &mut String, diff: &ScriptDiff) {
    for (mark, said) in [('-', &diff.before), ('+', &diff.after)] {
        if let Some(said) = said {
            script(text, mark, &said.id, &said.output);
        }
    }
}

fn script(text: &mut String, mark: char, id: &str, output: &str) {
    let lines: Vec<_> = output.lines().collect();
    let _ = writeln!(text, "{mark}    {}: {}", shown(id), shown(lines.first().copied().unwrap_or("")));
    for line in lines.iter().skip(1) {
        let _ = writeln!(text, "{mark}      {}", shown(line));
    }
}

/// Words of a scanned host, without what would move a terminal's cursor.
pub fn shown(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect()
}
