//! Logs that end anywhere. Every byte of every file of the development logs is an end once: what was whole before stays as it was, the
//! rest is counted by a reason, and nothing that is told of a cut line says other than the line did.
#![allow(clippy::unwrap_used)]

mod common;

use common::data;
use decode::log::{LINE_BYTES_MAX, LineCutter, LogCounters, LogParser};
use record::{LogEntry, Timestamp};
use std::collections::BTreeMap;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Bytes of a line at whose end a field may be cut in two: these stand between fields and never in one.
const BETWEEN_FIELDS: &[u8] = b" ,;\t\"()[]=>";

fn all_files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap().flatten() {
        if entry.path().is_dir() { all_files(&entry.path(), found) } else { found.push(entry.path()) }
    }
    found.sort();
}

/// A file's lines as a reader of files gives them: unpacked, and up to where a damaged one can be unpacked.
fn unpacked(path: &Path) -> Vec<u8> {
    let mut all = Vec::new();
    let _ = source::open_unpacked(path).unwrap().read_to_end(&mut all);
    all
}

fn accounted(counters: &LogCounters) -> u64 {
    counters.used + counters.heads + counters.not_used.total() + counters.unreadable.total()
}

/// What an entry says of who and how much. Times are left out: their parts (date, clock, zone, duration) stand apart in a line.
fn facts(entry: &LogEntry) -> Vec<(&'static str, String)> {
    match entry {
        LogEntry::Flow(logged) => {
            let (flow, back) = (&logged.flow, logged.flow.backward.unwrap_or_default());
            vec![
                ("src", flow.src.addr.to_string()),
                ("src_port", flow.src.port.to_string()),
                ("dest", flow.dest.addr.to_string()),
                ("dest_port", flow.dest.port.to_string()),
                ("proto", flow.proto.to_string()),
                ("packets", flow.forward.packets.to_string()),
                ("bytes", flow.forward.bytes.to_string()),
                ("packets_back", back.packets.to_string()),
                ("bytes_back", back.bytes.to_string()),
                ("action", logged.action.map_or("", record::FirewallAction::name).to_owned()),
            ]
        }
        LogEntry::Alert(alert) => vec![
            ("src", alert.src.to_string()),
            ("src_port", alert.src_port.to_string()),
            ("dest", alert.dest.to_string()),
            ("dest_port", alert.dest_port.to_string()),
            ("proto", alert.proto.to_string()),
            ("signature_id", alert.signature_id.to_string()),
        ],
        LogEntry::App(event) => vec![("between", format!("{:?}", event.key))],
        LogEntry::NotUsed(_) => Vec::new(),
    }
}

/// Where `got`, read of a line that ends after `end` bytes, says other than the whole line: not the same, not yet told, and not the
/// beginning of the field that the cut goes through.
fn contradictions(line: &[u8], end: usize, got: &LogEntry, whole: Option<&LogEntry>) -> Vec<String> {
    let in_a_field = |byte: Option<&u8>| byte.is_some_and(|byte| !BETWEEN_FIELDS.contains(byte));
    let through_a_field = in_a_field(line[..end].last()) && in_a_field(line.get(end));
    let Some(whole) = whole else {
        // Of an alert whose receiver is no address nothing is told; cut before that, its sender is enough.
        return if matches!(got, LogEntry::Alert(_)) { Vec::new() } else { vec!["told".to_owned()] };
    };
    let told = facts(whole);
    let differs = |(place, (name, got)): (usize, (&'static str, String))| {
        let Some((_, said)) = told.get(place).filter(|(said, _)| *said == name) else { return Some(name.to_owned()) };
        let not_told = ["", "0", "::", "0.0.0.0"].contains(&got.as_str());
        let fine = *said == got || not_told || (through_a_field && said.starts_with(&got));
        (!fine).then(|| format!("{name} {got} for {said}"))
    };
    facts(got).into_iter().enumerate().filter_map(differs).collect()
}

/// A flow of a protocol with ports that has none: what is told of a line that was cut before them.
fn without_ports(entry: &LogEntry) -> bool {
    let LogEntry::Flow(logged) = entry else { return false };
    matches!(logged.flow.proto, 6 | 17) && logged.flow.src.port == 0 && logged.flow.dest.port == 0
}

/// What the cuts of all files came to.
#[derive(Default)]
struct Seen {
    cuts: u64,
    told: u64,
    wrong: BTreeMap<String, (u64, String)>,
}

impl Seen {
    /// Ends the stream inside one line, at each of its bytes; `before` has read what comes before the line.
    fn cut(&mut self, before: &LogParser, line: &[u8], compared: bool) {
        let mut whole = Vec::new();
        before.clone().line(line, false, &mut whole);
        let mut out = Vec::new();
        for end in 0..line.len() {
            let (mut parser, mut cutter) = (before.clone(), LineCutter::default());
            let mut sink = |line: &[u8], cut: bool| parser.line(line, cut, &mut out);
            cutter.push(&line[..end], &mut sink);
            cutter.finish(&mut sink);
            self.cuts += 1;
            let counters = parser.counters();
            let blank = line[..end].iter().all(u8::is_ascii_whitespace);
            assert_eq!(counters.lines, before.counters().lines + u64::from(!blank), "a cut line went missing");
            assert_eq!(accounted(counters), counters.lines, "a cut line is not accounted for: {counters:?}");
            assert!(counters.sample.len() <= 8 && counters.sample.iter().all(|line| line.text.len() <= 200));
            if compared {
                self.compare(line, end, &out, &whole, parser.counters(), before.counters());
            }
            out.clear();
        }
    }

    fn compare(
        &mut self,
        line: &[u8],
        end: usize,
        out: &[LogEntry],
        whole: &[LogEntry],
        after: &LogCounters,
        before: &LogCounters,
    ) {
        for (place, got) in out.iter().enumerate() {
            self.told += 1;
            let mut wrong = contradictions(line, end, got, whole.get(place));
            if without_ports(got) && !whole.get(place).is_some_and(without_ports) {
                wrong.push("no ports".to_owned());
            }
            if wrong.is_empty() {
                continue;
            }
            let format = after.formats.0.iter().find(|(name, n)| before.formats.0.get(*name) != Some(n));
            let format = format.map_or("", |(name, _)| name);
            let text = String::from_utf8_lossy(&line[..end]);
            let tail: String = text.chars().rev().take(60).collect::<Vec<_>>().into_iter().rev().collect();
            let kind =
                wrong.iter().map(|what| what.split(' ').next().unwrap_or_default()).collect::<Vec<_>>().join(", ");
            let slot = self.wrong.entry(format!("{format}: {kind}")).or_insert((0, format!("{wrong:?} … {tail}")));
            slot.0 += 1;
        }
    }

    /// All of one file.
    fn file(&mut self, all: &[u8], compared: bool) {
        let (mut parser, mut out) = (LogParser::new(Timestamp(0)), Vec::new());
        for line in all.split(|byte| *byte == b'\n') {
            self.cut(&parser, line, compared);
            parser.line(line, false, &mut out);
            out.clear();
        }
    }

    fn add(&mut self, other: Self) {
        self.cuts += other.cuts;
        self.told += other.told;
        for (what, (n, first)) in other.wrong {
            self.wrong.entry(what).or_insert((0, first)).0 += n;
        }
    }
}

/// Messages of the collections that wrap each in a JSON object.
fn messages(all: &[u8]) -> Vec<u8> {
    let mut found = Vec::new();
    for row in String::from_utf8_lossy(all).lines() {
        let row: serde_json::Value = serde_json::from_str(row).unwrap();
        found.extend(row["message"].as_str().unwrap().replace('\n', " ").into_bytes());
        found.push(b'\n');
    }
    found
}

fn cut_file(file: &Path) -> Seen {
    let (all, mut seen) = (unpacked(file), Seen::default());
    let wraps = file.file_name().is_some_and(|name| name.to_string_lossy().starts_with("sekoia"));
    // What a wrapped message means is asked of the message; its wrapper is no log and is only read.
    seen.file(&all, !wraps);
    if wraps {
        seen.file(&messages(&all), true);
    }
    seen
}

#[test]
fn a_log_that_ends_at_any_byte_is_counted_and_says_nothing_else() {
    let Some(root) = data("a_log_that_ends_at_any_byte_is_counted_and_says_nothing_else") else { return };
    let mut files = Vec::new();
    all_files(&root.join("logs"), &mut files);
    let (next, all) = (AtomicUsize::new(0), Mutex::new(Seen::default()));
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().map_or(1, usize::from) {
            scope.spawn(|| {
                while let Some(file) = files.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let seen = cut_file(file);
                    all.lock().unwrap().add(seen);
                }
            });
        }
    });
    let seen = all.into_inner().unwrap();
    println!("{} files, {} cuts, {} entries of cut lines", files.len(), seen.cuts, seen.told);
    let wrong: Vec<String> = seen.wrong.iter().map(|(what, (n, first))| format!("{n} × {what}: {first}")).collect();
    assert!(wrong.is_empty(), "{} kinds:\n{}", wrong.len(), wrong.join("\n"));
    assert!(files.len() > 150 && seen.cuts > 20_000_000 && seen.told > 50_000);
    assert_eq!(LINE_BYTES_MAX, 1 << 20);
}
