//! Logs of strangers: totals of real ones against other readers, a firewall collection's own expectations field by field, and bytes
//! that are no text. Ends at every byte are in `log_prefixes`.
#![allow(clippy::unwrap_used)]

mod common;

use common::data;
use decode::log::{LINE_BYTES_MAX, LineCutter, LogCounters, LogParser};
use record::{FirewallAction, LogEntry, Timestamp};
use serde_json::Value;
use std::collections::BTreeMap;
use std::io::Read;
use std::path::{Path, PathBuf};

/// What other programs counted.
const TOTALS: &str = include_str!("log_totals.tsv");
/// Where Tripline and the collection differ, and why.
const EXCEPTIONS: &str = include_str!("log_exceptions.tsv");

fn bytes(path: &Path) -> Vec<u8> {
    let mut all = Vec::new();
    // One log of the collection is damaged on purpose: what comes before its damage counts.
    let _ = source::open_unpacked(path).unwrap().read_to_end(&mut all);
    all
}

fn read(bytes: &[u8]) -> (Vec<LogEntry>, LogCounters) {
    let mut parser = LogParser::new(Timestamp::from_parts(1_767_225_600, 0));
    let (mut cutter, mut out) = (LineCutter::default(), Vec::new());
    let mut sink = |line: &[u8], cut: bool| parser.line(line, cut, &mut out);
    cutter.push(bytes, &mut sink);
    cutter.finish(&mut sink);
    (out, parser.counters().clone())
}

/// Packets and bytes of the flows that count: beginnings have a line of their own for the end.
fn sums(entries: &[LogEntry]) -> (u64, u64) {
    entries.iter().fold((0, 0), |(packets, bytes), entry| match entry {
        LogEntry::Flow(logged) => {
            let back = logged.flow.backward.unwrap_or_default();
            (packets + logged.flow.forward.packets + back.packets, bytes + logged.flow.forward.bytes + back.bytes)
        }
        _ => (packets, bytes),
    })
}

fn all_files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap().flatten() {
        if entry.path().is_dir() { all_files(&entry.path(), found) } else { found.push(entry.path()) }
    }
}

#[test]
fn totals_are_those_of_other_readers() {
    let Some(root) = data("totals_are_those_of_other_readers") else { return };
    let mut compared = 0;
    let mut wrong = Vec::new();
    for row in TOTALS.lines().filter(|row| !row.starts_with('#')) {
        let cells: Vec<&str> = row.split('\t').collect();
        let expected: Vec<u64> = cells[1..].iter().map(|cell| cell.parse().unwrap()).collect();
        let (entries, counters) = read(&bytes(&root.join("logs").join(cells[0])));
        let (packets, bytes) = sums(&entries);
        let got = vec![counters.lines, counters.flows, packets, bytes, counters.events, counters.alerts];
        if got != expected {
            wrong.push(format!("{}: {got:?}, expected {expected:?}, {:?}", cells[0], counters.unreadable));
        }
        let accounted = counters.used + counters.heads + counters.not_used.total() + counters.unreadable.total();
        assert_eq!(accounted, counters.lines, "{}: a line went missing: {counters:?}", cells[0]);
        compared += 1;
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(compared > 100, "{compared}");
}

#[test]
fn lines_that_cannot_be_read_are_the_known_ones() {
    let Some(root) = data("lines_that_cannot_be_read_are_the_known_ones") else { return };
    let mut found = BTreeMap::new();
    for row in TOTALS.lines().filter(|row| !row.starts_with('#')) {
        let name = row.split('\t').next().unwrap();
        let (_, counters) = read(&bytes(&root.join("logs").join(name)));
        if counters.unreadable.total() > 0 {
            found.insert(name, counters.unreadable.total());
        }
    }
    let known = EXCEPTIONS.lines().filter(|row| !row.starts_with('#')).filter_map(|row| {
        let mut cells = row.split('\t');
        (cells.next()? == "unreadable").then(|| Some((cells.next()?, cells.next()?.parse::<u64>().ok()?)))?
    });
    assert_eq!(found, known.collect());
}

/// What of a line can be compared, in the collection's words.
fn facts(entry: &LogEntry) -> BTreeMap<&'static str, String> {
    let mut facts = BTreeMap::new();
    let mut ends = |src: String, src_port: u16, dest: String, dest_port: u16, proto: u8| {
        facts.insert("source.ip", src);
        facts.insert("destination.ip", dest);
        if proto != 0 {
            facts.insert("transport", proto.to_string());
        }
        if matches!(proto, 6 | 17) {
            facts.insert("source.port", src_port.to_string());
            facts.insert("destination.port", dest_port.to_string());
        }
    };
    match entry {
        LogEntry::Flow(logged) => {
            let flow = &logged.flow;
            ends(flow.src.addr.to_string(), flow.src.port, flow.dest.addr.to_string(), flow.dest.port, flow.proto);
            if logged.extent == record::Extent::Whole {
                let back = flow.backward.unwrap_or_default();
                facts.insert("source.bytes", flow.forward.bytes.to_string());
                facts.insert("destination.bytes", back.bytes.to_string());
                facts.insert("source.packets", flow.forward.packets.to_string());
                facts.insert("destination.packets", back.packets.to_string());
            }
            facts.extend(logged.action.map(|action| ("action", action.name().to_owned())));
        }
        LogEntry::Alert(alert) => {
            ends(alert.src.to_string(), alert.src_port, alert.dest.to_string(), alert.dest_port, alert.proto);
            facts.extend(alert.action.map(|action| ("action", action.name().to_owned())));
        }
        _ => {}
    }
    facts
}

/// The collection's word for a deed, as one of three; None where its word is not one.
fn deed(word: &str) -> Option<&'static str> {
    Some(match word.to_ascii_lowercase().as_str() {
        "accept" | "allow" | "permitted" | "pass" | "passthrough" | "built" | "teardown" | "detect" | "alert" => {
            FirewallAction::Allowed.name()
        }
        "deny" | "denied" | "drop" | "block" | "blocked" | "dropped" => FirewallAction::Blocked.name(),
        "reset" | "reject" | "reset-both" => FirewallAction::Reset.name(),
        _ => return None,
    })
}

fn expected(value: &Value, fact: &str) -> Option<String> {
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    match fact {
        "transport" => {
            let name = text(value.pointer("/network/transport")?).to_ascii_lowercase();
            let number = match name.as_str() {
                "tcp" => "6",
                "udp" => "17",
                "icmp" => "1",
                "ipv6-icmp" => "58",
                other => other,
            };
            Some(number.to_owned())
        }
        "action" => deed(&text(value.pointer("/action/name")?)).map(str::to_owned),
        other => value.pointer(&format!("/{}", other.replace('.', "/"))).map(text),
    }
}

#[test]
fn a_collections_expectations_hold_field_by_field() {
    let Some(root) = data("a_collections_expectations_hold_field_by_field") else { return };
    let known: Vec<(&str, &str, &str)> = EXCEPTIONS
        .lines()
        .filter_map(|row| row.strip_prefix("differs\t"))
        .filter_map(|row| {
            let mut cells = row.split('\t');
            Some((cells.next()?, cells.next()?, cells.next()?))
        })
        .collect();
    let (mut compared, mut used, mut differs) = (0, 0, Vec::new());
    let mut files = Vec::new();
    all_files(&root.join("logs/firewall"), &mut files);
    files.retain(|file| file.extension().is_some_and(|end| end == "jsonl"));
    assert_eq!(files.len(), 8);
    for file in files {
        let name = file.file_stem().unwrap().to_string_lossy().into_owned();
        for row in String::from_utf8(bytes(&file)).unwrap().lines() {
            let row: Value = serde_json::from_str(row).unwrap();
            let (case, message) = (row["case"].as_str().unwrap(), row["message"].as_str().unwrap().replace('\n', " "));
            let (entries, _) = read(message.as_bytes());
            let Some(entry) = entries.first() else { continue };
            used += 1;
            for (fact, got) in facts(entry) {
                let Some(wanted) = expected(&row["expected"], fact) else { continue };
                compared += 1;
                if got != wanted && !known.contains(&(&name, case, fact)) {
                    differs.push(format!("differs\t{name}\t{case}\t{fact}\t{got}, expected {wanted}"));
                }
            }
        }
    }
    assert!(differs.is_empty(), "{} of {compared}:\n{}", differs.len(), differs.join("\n"));
    assert!(used >= 100 && compared > 600, "{used} lines, {compared} fields");
}

#[test]
fn messages_cut_anywhere_and_bytes_of_no_text_are_counted() {
    let Some(root) = data("messages_cut_anywhere_and_bytes_of_no_text_are_counted") else { return };
    let mut files = Vec::new();
    all_files(&root.join("logs/firewall"), &mut files);
    files.retain(|file| file.extension().is_some_and(|end| end == "jsonl"));
    let mut parser = LogParser::new(Timestamp(0));
    let mut out = Vec::new();
    for file in files {
        for row in String::from_utf8(bytes(&file)).unwrap().lines() {
            let row: Value = serde_json::from_str(row).unwrap();
            let message = row["message"].as_str().unwrap().as_bytes().to_vec();
            for end in 0..message.len() {
                parser.line(&message[..end], false, &mut out);
                let mut damaged = message[..=end].to_vec();
                damaged[end] = 0xff;
                parser.line(&damaged, false, &mut out);
                out.clear();
            }
        }
    }
    let counters = parser.counters();
    assert!(counters.not_utf8 > 10_000);
    let accounted = counters.used + counters.heads + counters.not_used.total() + counters.unreadable.total();
    assert_eq!(accounted, counters.lines);
}

#[test]
fn giant_lines_of_every_sort_are_cut_and_counted() {
    for begin in [
        "{\"event_type\":\"",
        "{\"ts\":",
        "#separator ",
        "#separator \\x09\n#fields\t",
        "a SRC= DST= PROTO=",
        "CEF:0|",
        "1,2/2/2 1:1,3,TRAFFIC,",
    ] {
        let mut giant = begin.as_bytes().to_vec();
        let filler = b"x=1 y,\t\"|[{\\";
        while giant.len() < 10 << 20 {
            giant.extend_from_slice(filler);
        }
        giant.extend_from_slice(b"\nshort line\n");
        let (_, counters) = read(&giant);
        assert_eq!(counters.too_long, 1, "{begin}");
        assert!(counters.sample.iter().all(|line| line.text.len() <= 200));
    }
    assert_eq!(LINE_BYTES_MAX, 1 << 20);
}
