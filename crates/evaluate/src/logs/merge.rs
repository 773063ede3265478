//! Several files of logs as one stream of entries in order of time. A file is nearly in order, so a bounded number of entries waits;
//! what comes later than that is handed on late and counted. Owns that bound; knows no detector.

use super::LogFile;
use decode::log::{LineCutter, LogParser};
use record::{LogEntry, Timestamp};
use source::SourceError;
use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::io::Read;
use std::path::{Path, PathBuf};

/// Entries that wait for earlier ones, over all files.
const WAITING_MAX: usize = 65_536;
/// Bytes read of a file at once.
const CHUNK_BYTES: usize = 64 * 1024;

/// One file being read.
struct Reading {
    path: PathBuf,
    /// None at its end.
    bytes: Option<Box<dyn Read + Send>>,
    cutter: LineCutter,
    parser: LogParser,
    note: String,
    /// Time of its newest entry: the file that is furthest behind is read next.
    reached: Timestamp,
}

/// An entry in its place: earlier first, then as they came.
struct Waiting {
    ts: Timestamp,
    number: u64,
    entry: LogEntry,
}

impl PartialEq for Waiting {
    fn eq(&self, other: &Self) -> bool {
        self.number == other.number
    }
}
impl Eq for Waiting {}
impl PartialOrd for Waiting {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}
impl Ord for Waiting {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (self.ts, self.number).cmp(&(other.ts, other.number))
    }
}

/// See the module.
pub(super) struct Merge {
    files: Vec<Reading>,
    waiting: BinaryHeap<Reverse<Waiting>>,
    number: u64,
    handed_on: Timestamp,
    late: u64,
    chunk: Vec<u8>,
    entries: Vec<LogEntry>,
}

impl Merge {
    /// Opens all files; `reference` tells when a file was written.
    pub(super) fn open(files: &[PathBuf], reference: fn(&Path) -> Timestamp) -> Result<Self, SourceError> {
        let open = |path: &PathBuf| -> Result<Reading, SourceError> {
            Ok(Reading {
                path: path.clone(),
                bytes: Some(source::open_unpacked(path)?),
                cutter: LineCutter::default(),
                parser: LogParser::new(reference(path)),
                note: String::new(),
                reached: Timestamp(i64::MIN),
            })
        };
        Ok(Self {
            files: files.iter().map(open).collect::<Result<_, _>>()?,
            waiting: BinaryHeap::new(),
            number: 0,
            handed_on: Timestamp(i64::MIN),
            late: 0,
            chunk: vec![0; CHUNK_BYTES],
            entries: Vec::new(),
        })
    }

    /// The next entry in order of time; None at the end of all files.
    pub(super) fn next(&mut self) -> Option<LogEntry> {
        while self.waiting.len() < WAITING_MAX && self.read_some() {}
        let Reverse(Waiting { ts, entry, .. }) = self.waiting.pop()?;
        self.late += u64::from(ts < self.handed_on);
        self.handed_on = self.handed_on.max(ts);
        Some(entry)
    }

    /// Lines read so far.
    pub(super) fn lines(&self) -> u64 {
        self.files.iter().map(|file| file.parser.counters().lines).sum()
    }

    /// Bytes held of lines whose ends have not come.
    #[cfg(test)]
    pub(super) fn held_bytes(&self) -> usize {
        self.files.iter().map(|file| file.cutter.pending()).sum()
    }

    /// Entries that came too late for their place.
    pub(super) fn late(&self) -> u64 {
        self.late
    }

    /// What was counted of each file.
    pub(super) fn into_files(self) -> Vec<LogFile> {
        let file =
            |file: Reading| LogFile { path: file.path, counters: file.parser.counters().clone(), note: file.note };
        self.files.into_iter().map(file).collect()
    }

    /// Reads a chunk of the file that is furthest behind; false when all have ended.
    fn read_some(&mut self) -> bool {
        let open = self.files.iter_mut().filter(|file| file.bytes.is_some());
        let Some(file) = open.min_by_key(|file| file.reached) else { return false };
        file.read(&mut self.chunk, &mut self.entries);
        for entry in self.entries.drain(..) {
            let ts = time_of(&entry);
            file.reached = file.reached.max(ts);
            self.number += 1;
            self.waiting.push(Reverse(Waiting { ts, number: self.number, entry }));
        }
        true
    }
}

impl Reading {
    fn read(&mut self, chunk: &mut [u8], entries: &mut Vec<LogEntry>) {
        let Some(bytes) = &mut self.bytes else { return };
        let (cutter, parser) = (&mut self.cutter, &mut self.parser);
        let mut sink = |line: &[u8], cut: bool| parser.line(line, cut, entries);
        match bytes.read(chunk) {
            Ok(0) => {
                cutter.finish(&mut sink);
                self.bytes = None;
            }
            Ok(n) => cutter.push(&chunk[..n], &mut sink),
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(error) => {
                cutter.finish(&mut sink);
                self.note = format!("reading ended early: {error}; what came before was read");
                self.bytes = None;
            }
        }
    }
}

/// When an entry was told; a flow is told at its end.
fn time_of(entry: &LogEntry) -> Timestamp {
    match entry {
        LogEntry::Flow(logged) => logged.flow.reported,
        LogEntry::App(event) => event.ts,
        LogEntry::Alert(alert) => alert.ts,
        LogEntry::NotUsed(_) => Timestamp(i64::MIN),
    }
}
