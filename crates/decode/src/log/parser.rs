//! One stream of lines, read: which format each line is, what was counted, a small sample of what could not be read. Owns the
//! bounds of both; knows no format.

use super::{FORMATS, Heads, Line, LogError, LogFormat, syslog};
use record::{Counters, LogEntry, Timestamp};

/// Lines kept of those that could not be read.
const SAMPLE_LINES_MAX: usize = 8;
/// Bytes kept of each.
const SAMPLE_BYTES_MAX: usize = 200;
/// Different names of lines that are read and not used; more are counted together.
const NOT_USED_NAMES_MAX: usize = 64;
/// Longest such name, bytes.
const NOT_USED_NAME_BYTES_MAX: usize = 40;
/// Lines looked at to recognise a file.
const RECOGNISED_BY_LINES: usize = 500;

/// A line that could not be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unreadable {
    /// Its number, from 1.
    pub line: u64,
    /// Why.
    pub reason: &'static str,
    /// Its beginning.
    pub text: String,
}

/// What went through. `lines = used + not used + unreadable + heads`.
#[derive(Clone, Debug, Default)]
pub struct LogCounters {
    /// Lines, blank ones left out.
    pub lines: u64,
    /// Lines that told something.
    pub used: u64,
    /// Lines of a log's own frame (`#fields`, column names).
    pub heads: u64,
    /// Flows told.
    pub flows: u64,
    /// Application messages told.
    pub events: u64,
    /// Alerts told.
    pub alerts: u64,
    /// Lines read by format.
    pub formats: Counters,
    /// Lines read in which there is nothing for Tripline, by what they are.
    pub not_used: Counters,
    /// Lines that could not be read, by reason.
    pub unreadable: Counters,
    /// Lines that were longer than the bound; what is left of them was read.
    pub too_long: u64,
    /// Lines with bytes that are no UTF-8; these became marks.
    pub not_utf8: u64,
    /// The first few lines that could not be read.
    pub sample: Vec<Unreadable>,
}

/// Lines in, entries out.
#[derive(Clone, Debug)]
pub struct LogParser {
    heads: Heads,
    reference: Timestamp,
    now: Timestamp,
    counters: LogCounters,
}

impl LogParser {
    /// For one stream. `reference` gives the year and the time that lines leave out: when the file was written, or the line came.
    #[must_use]
    pub fn new(reference: Timestamp) -> Self {
        Self { heads: Heads::default(), reference, now: reference, counters: LogCounters::default() }
    }

    /// Time goes on: the reference of the lines to come.
    pub fn set_reference(&mut self, reference: Timestamp) {
        self.reference = reference;
        self.now = reference;
    }

    /// What went through so far.
    #[must_use]
    pub fn counters(&self) -> &LogCounters {
        &self.counters
    }

    /// The sample so far, which begins anew: for who keeps the newest of a stream that does not end.
    pub fn take_sample(&mut self) -> Vec<Unreadable> {
        std::mem::take(&mut self.counters.sample)
    }

    /// Reads one line without its newline; `cut` says that it was longer than [`super::LINE_BYTES_MAX`].
    pub fn line(&mut self, bytes: &[u8], cut: bool, out: &mut Vec<LogEntry>) {
        if bytes.iter().all(u8::is_ascii_whitespace) {
            return;
        }
        self.counters.lines += 1;
        self.counters.too_long += u64::from(cut);
        let lossy = String::from_utf8_lossy(bytes);
        self.counters.not_utf8 += u64::from(matches!(lossy, std::borrow::Cow::Owned(_)));
        let before = out.len();
        let line = Line::new(lossy.trim_end_matches(['\r', '\0']), self.reference, self.now);
        if let Err(error) = self.read(&line, out) {
            out.truncate(before);
            self.unreadable(error, line.text);
            return;
        }
        if let Some(ts) = line.framed.ts {
            self.now = ts;
        }
        self.count(&out[before..]);
        // Nobody is told what is not used; it is counted.
        out.retain(|entry| !matches!(entry, LogEntry::NotUsed(_)));
    }

    fn read(&mut self, line: &Line<'_>, out: &mut Vec<LogEntry>) -> Result<(), LogError> {
        let place = FORMATS.iter().position(|format| format.claims(line, &self.heads)).ok_or(LogError::Unknown)?;
        FORMATS[place].read(line, &mut self.heads, out)?;
        self.counters.formats.add(FORMATS[place].name(), 1);
        Ok(())
    }

    fn count(&mut self, entries: &[LogEntry]) {
        let mut used = false;
        let mut not_used = None;
        for entry in entries {
            match entry {
                LogEntry::Flow(_) => self.counters.flows += 1,
                LogEntry::App(_) => self.counters.events += 1,
                LogEntry::Alert(_) => self.counters.alerts += 1,
                LogEntry::NotUsed(what) => {
                    not_used = Some(what);
                    continue;
                }
            }
            used = true;
        }
        if used {
            self.counters.used += 1;
        } else if let Some(what) = not_used {
            add_bounded(&mut self.counters.not_used, what);
        } else {
            self.counters.heads += 1;
        }
    }

    fn unreadable(&mut self, error: LogError, text: &str) {
        self.counters.unreadable.add(error.name(), 1);
        if self.counters.sample.len() < SAMPLE_LINES_MAX {
            let line = self.counters.lines;
            let text = shortened(text, SAMPLE_BYTES_MAX);
            self.counters.sample.push(Unreadable { line, reason: error.name(), text });
        }
    }
}

/// At most so many bytes, whole characters, no control characters.
fn shortened(text: &str, bytes_max: usize) -> String {
    let mut out = String::new();
    for c in text.chars() {
        if out.len() + c.len_utf8() > bytes_max {
            break;
        }
        out.push(if c.is_control() { '.' } else { c });
    }
    out
}

/// One more of a name; at the bound on names, of `other`.
fn add_bounded(counters: &mut Counters, name: &str) {
    let name = shortened(name, NOT_USED_NAME_BYTES_MAX);
    let known = counters.0.contains_key(&name) || counters.0.len() < NOT_USED_NAMES_MAX;
    counters.add(if known { &name } else { "other" }, 1);
}

/// The format of a file's first bytes, when one of its first lines is a log's.
#[must_use]
pub fn recognise(first: &[u8]) -> Option<&'static str> {
    if first.contains(&0) {
        return None;
    }
    let heads = Heads::default();
    let (mut looked_at, mut framed) = (0, 0);
    for bytes in first.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()).take(RECOGNISED_BY_LINES) {
        looked_at += 1;
        let text = String::from_utf8_lossy(bytes);
        let line = Line::new(text.trim_end_matches('\r'), Timestamp(0), Timestamp(0));
        let Some(format) = FORMATS.iter().find(|format| format.claims(&line, &heads)) else { continue };
        if format.name() != syslog::Other.name() {
            return Some(format.name());
        }
        framed += 1;
    }
    // A system's log in which lines of traffic may come later.
    (framed * 2 > looked_at).then(|| syslog::Other.name())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(lines: &[&str]) -> (Vec<LogEntry>, LogCounters) {
        let (mut parser, mut out) = (LogParser::new(Timestamp(0)), Vec::new());
        for line in lines {
            parser.line(line.as_bytes(), false, &mut out);
        }
        (out, parser.counters().clone())
    }

    #[test]
    fn names_and_samples_are_bounded() {
        let lines: Vec<String> = (0..500).map(|n| format!("Jan  1 00:00:00 h program-{n}: text")).collect();
        let (_, counters) = read(&lines.iter().map(String::as_str).collect::<Vec<_>>());
        assert_eq!((counters.not_used.0.len(), counters.not_used.total()), (NOT_USED_NAMES_MAX + 1, 500));
        let long = "é".repeat(5_000);
        let (_, counters) = read(&[long.as_str(); 50]);
        assert_eq!((counters.sample.len(), counters.unreadable.total()), (SAMPLE_LINES_MAX, 50));
        assert_eq!(counters.sample[0].text.len(), SAMPLE_BYTES_MAX);
    }

    #[test]
    fn a_line_without_a_time_has_that_of_the_line_before() {
        let packet = "IN=e OUT= SRC=10.0.0.1 DST=10.0.0.2 LEN=60 PROTO=UDP SPT=1 DPT=2";
        let (entries, _) = read(&[&format!("2024-01-01T00:00:00Z h kernel: {packet}"), packet]);
        let [LogEntry::Flow(first), LogEntry::Flow(second)] = entries.as_slice() else { panic!("{entries:?}") };
        assert_eq!(first.flow.start, second.flow.start);
    }

    #[test]
    fn files_are_recognised_by_their_first_lines() {
        let packet = "IN=e OUT= SRC=10.0.0.1 DST=10.0.0.2 LEN=60 PROTO=UDP SPT=1 DPT=2\n";
        let service = "Jan  1 00:00:00 h sshd[1]: text\n";
        assert_eq!(recognise(packet.as_bytes()), Some("netfilter"));
        assert_eq!(recognise(format!("{}{packet}", service.repeat(100)).as_bytes()), Some("netfilter"));
        assert_eq!(recognise(service.as_bytes()), Some("syslog"));
        for other in ["", "hello world\n", "a,b,c\n1,2,3\n", "{\"x\":1}\n", "\0\0\0"] {
            assert_eq!(recognise(other.as_bytes()), None, "{other}");
        }
    }
}
