//! Threads that read logs live: one source of lines, a parser a stream, the observations of what they tell. Owns the loop, how often
//! observations are handed on, and the file in which places in followed files are kept.

use super::log_told::LogTold;
use super::worker::{MeterSettings, Pace, Parcel, wall_clock};
use super::{Lines, OpenSource, PARCELS_MAX};
use crate::failure::{Context, Result};
use crossbeam_channel::{Receiver, Sender};
use decode::log::{LineCutter, LogCounters, LogParser, Unreadable};
use evaluate::{LogObserver, MeterCounters};
use record::{LogEntry, Observation, Timestamp};
use source::{Follow, LineSource, LogSettings, Piece, SourceStats, Syslog};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// Longest time that observations wait here.
const HAND_ON_EVERY: Duration = Duration::from_millis(100);
/// Observations that are handed on at once.
const HAND_ON_AT: usize = 4_096;
/// Time between two writings of places.
const KEEP_EVERY: Duration = Duration::from_secs(5);
/// Name of the places' file in the data directory.
const NAME: &str = "logs.places";
/// Streams remembered; sources bound theirs below this.
const STREAMS_MAX: usize = 4_096;
/// A line may be so much ahead of this machine's clock before its time is taken for a wrong zone, and its arrival counts.
const AHEAD_NS: i64 = 60_000_000_000;

/// The sources that the settings name, opened.
pub fn open(settings: &LogSettings) -> Result<Vec<OpenSource>> {
    let mut sources = Vec::new();
    let source = |name: String, lines: Box<dyn LineSource>| OpenSource {
        name,
        kind: "log",
        frames: None,
        lines: Some(Lines::Live(lines)),
        pace: Pace::None,
    };
    if !settings.files.is_empty() {
        let name = format!("logs {}", settings.files.join(", "));
        tracing::info!("following {name}");
        sources.push(source(name, Box::new(Follow::new(settings))));
    }
    if settings.listens() {
        let syslog = Syslog::open(settings).context("logs")?;
        let name = format!("syslog at {}", syslog.listens_at().join(", "));
        tracing::info!("waiting for {name}");
        sources.push(source(name, Box::new(syslog)));
    }
    Ok(sources)
}

/// Everything a thread needs.
pub struct LogWorker {
    /// Number.
    pub number: usize,
    /// Lines.
    pub lines: Box<dyn LineSource>,
    /// Contacts and flow records.
    pub observer: LogObserver,
    /// To the judge.
    pub parcels: Sender<Parcel>,
    /// Set to stop.
    pub stop: Arc<AtomicBool>,
    /// New settings, when the user changed them.
    pub settings: Receiver<MeterSettings>,
    /// Where places are kept.
    pub data_dir: PathBuf,
}

/// One stream's lines.
struct Stream {
    cutter: LineCutter,
    parser: LogParser,
}

/// All streams, and the counts of those that ended.
#[derive(Default)]
struct Streams {
    open: BTreeMap<u64, Stream>,
    ended: Vec<LogCounters>,
    /// Lines that could not be read since the last look, and their streams.
    unreadable: Vec<(u64, Unreadable)>,
}

impl Streams {
    fn take(&mut self, number: u64, piece: Piece<'_>, now: Timestamp, entries: &mut Vec<LogEntry>) {
        match piece {
            Piece::Bytes(bytes) => {
                if self.open.len() >= STREAMS_MAX && !self.open.contains_key(&number) {
                    return;
                }
                let new = || Stream { cutter: LineCutter::default(), parser: LogParser::new(now) };
                let stream = self.open.entry(number).or_insert_with(new);
                stream.parser.set_reference(now);
                let parser = &mut stream.parser;
                stream.cutter.push(bytes, &mut |line, cut| parser.line(line, cut, entries));
                self.unreadable.extend(parser.take_sample().into_iter().map(|line| (number, line)));
            }
            Piece::End => {
                let Some(mut stream) = self.open.remove(&number) else { return };
                let parser = &mut stream.parser;
                stream.cutter.finish(&mut |line, cut| parser.line(line, cut, entries));
                self.unreadable.extend(parser.take_sample().into_iter().map(|line| (number, line)));
                self.ended.push(stream.parser.counters().clone());
                self.fold();
            }
        }
    }

    /// The counts of ended streams become one.
    fn fold(&mut self) {
        let all = self.ended.drain(..).fold(LogCounters::default(), |sum, one| add(sum, &one));
        self.ended.push(all);
    }

    fn counters(&self) -> LogCounters {
        let open = self.open.values().map(|stream| stream.parser.counters());
        self.ended.iter().chain(open).fold(LogCounters::default(), add)
    }
}

/// Both counts together, without the samples.
pub(super) fn add(mut sum: LogCounters, one: &LogCounters) -> LogCounters {
    sum.lines += one.lines;
    sum.used += one.used;
    sum.heads += one.heads;
    sum.flows += one.flows;
    sum.events += one.events;
    sum.alerts += one.alerts;
    sum.too_long += one.too_long;
    sum.not_utf8 += one.not_utf8;
    sum.formats.merge(&one.formats);
    sum.not_used.merge(&one.not_used);
    sum.unreadable.merge(&one.unreadable);
    sum
}

/// When an entry was told; a flow is told at its end.
fn time_of(entry: &LogEntry) -> Option<Timestamp> {
    match entry {
        LogEntry::Flow(logged) => Some(logged.flow.reported.max(logged.flow.end)),
        LogEntry::App(event) => Some(event.ts),
        LogEntry::Alert(alert) => Some(alert.ts),
        LogEntry::NotUsed(_) => None,
    }
}

/// A line's time that is ahead of the clock is a zone that was not told: its arrival counts.
fn not_ahead(entry: &mut LogEntry, now: Timestamp) -> bool {
    let Some(ts) = time_of(entry) else { return false };
    let ahead = ts.since(now);
    if ahead <= AHEAD_NS {
        return false;
    }
    match entry {
        LogEntry::Flow(logged) => {
            let flow = &mut logged.flow;
            for time in [&mut flow.start, &mut flow.end, &mut flow.reported] {
                *time = time.plus_ns(-ahead);
            }
        }
        LogEntry::App(event) => event.ts = now,
        LogEntry::Alert(alert) => alert.ts = now,
        LogEntry::NotUsed(_) => {}
    }
    true
}

impl LogWorker {
    /// Runs until the source fails or `stop` is set; then what waits is told.
    pub fn run(mut self) {
        let (mut streams, mut told) = (Streams::default(), LogTold::default());
        let (mut entries, mut out) = (Vec::new(), Vec::new());
        let mut handed_on = Instant::now();
        let mut kept = Places::open(&self.data_dir, self.lines.as_mut());
        let ended = loop {
            if self.stop.load(Ordering::Relaxed) {
                break "stopped".to_owned();
            }
            while let Ok(settings) = self.settings.try_recv() {
                self.observer.set_home(settings.home);
            }
            let now = wall_clock();
            if let Err(error) = self.lines.next(&mut |number, piece| streams.take(number, piece, now, &mut entries)) {
                break error.to_string();
            }
            self.observe(&mut entries, now, &mut told, &mut out);
            for (stream, line) in streams.unreadable.drain(..) {
                told.unreadable(now, self.lines.origin(stream), line);
            }
            self.observer.advance(now, &mut out);
            if out.len() >= HAND_ON_AT || handed_on.elapsed() >= HAND_ON_EVERY {
                handed_on = Instant::now();
                told.counters = streams.counters();
                if self.parcels.send(self.parcel(&mut out, &told, None)).is_err() {
                    return;
                }
                // All that may wait for the judge, and the one it is at.
                self.lines.handed_on(PARCELS_MAX + 1);
            }
            kept.save(self.lines.as_ref(), false);
        };
        kept.save(self.lines.as_ref(), true);
        self.observer.finish(&mut out);
        told.counters = streams.counters();
        // The judge may have gone first; else it takes what waits before it ends.
        if self.parcels.send(self.parcel(&mut out, &told, Some(ended))).is_ok() {
            self.lines.handed_on(0);
        }
    }

    /// Observations of what came together.
    fn observe(&mut self, entries: &mut Vec<LogEntry>, now: Timestamp, told: &mut LogTold, out: &mut Vec<Observation>) {
        let mut newest = None;
        for mut entry in entries.drain(..) {
            told.ahead += u64::from(not_ahead(&mut entry, now));
            newest = newest.max(time_of(&entry));
            self.observer.observe(entry, out);
        }
        if let Some(newest) = newest {
            told.told(newest, now);
        }
    }

    fn parcel(&self, out: &mut Vec<Observation>, told: &LogTold, ended: Option<String>) -> Parcel {
        let stats = self.lines.stats();
        Parcel {
            worker: self.number,
            observations: std::mem::take(out),
            now: wall_clock(),
            meter: meter(told, &stats),
            source: Some(stats),
            log: Some(Box::new(told.clone())),
            ended,
            due: Instant::now(),
            elsewhere: None,
        }
    }
}

/// Lines stand where a capture has packets.
fn meter(told: &LogTold, stats: &SourceStats) -> MeterCounters {
    MeterCounters {
        frames: told.counters.lines,
        bytes: stats.bytes,
        last: told.newest,
        decode_errors: told.counters.unreadable.clone(),
        ..MeterCounters::default()
    }
}

/// The file of places.
struct Places {
    path: PathBuf,
    written: String,
    looked: Instant,
}

impl Places {
    fn open(data_dir: &Path, lines: &mut dyn LineSource) -> Self {
        let path = data_dir.join(NAME);
        let written = std::fs::read_to_string(&path).unwrap_or_default();
        lines.restore(&written);
        Self { path, written, looked: Instant::now() }
    }

    /// Writes what changed; at the end (`now`) at once.
    fn save(&mut self, lines: &dyn LineSource, now: bool) {
        if !now && self.looked.elapsed() < KEEP_EVERY {
            return;
        }
        self.looked = Instant::now();
        let places = lines.places();
        // A source without places must not overwrite those of another.
        if places.is_empty() || places == self.written {
            return;
        }
        let beside = self.path.with_extension("places.new");
        match std::fs::write(&beside, &places).and_then(|()| std::fs::rename(&beside, &self.path)) {
            Ok(()) => self.written = places,
            Err(error) => {
                tracing::warn!("{}: {error}; after a restart logs are read from their end", self.path.display());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn streams_keep_their_heads_and_counts_outlive_them() {
        let (mut streams, mut entries) = (Streams::default(), Vec::new());
        let now = Timestamp::from_parts(1_700_000_000, 0);
        let head = b"#separator \\x09\n#path\tconn\n#fields\tts\tid.orig_h\tid.resp_h\tproto\n";
        streams.take(1, Piece::Bytes(head), now, &mut entries);
        streams.take(2, Piece::Bytes(b"1.0\t10.0.0.1\t10.0.0.2\ttcp\n"), now, &mut entries);
        assert!(entries.is_empty(), "the second stream has no head");
        streams.take(1, Piece::Bytes(b"1.0\t10.0.0.1\t10.0."), now, &mut entries);
        streams.take(1, Piece::Bytes(b"0.2\ttcp\n"), now, &mut entries);
        assert_eq!(entries.len(), 1);
        streams.take(1, Piece::End, now, &mut entries);
        streams.take(2, Piece::End, now, &mut entries);
        let counters = streams.counters();
        assert_eq!((counters.lines, counters.flows, counters.unreadable.total()), (5, 1, 1));
        let unreadable: Vec<_> = streams.unreadable.iter().map(|(stream, line)| (*stream, line.reason)).collect();
        assert_eq!((unreadable, streams.ended.len()), (vec![(2, "format_unknown")], 1));
    }

    #[test]
    fn a_time_ahead_of_the_clock_becomes_its_arrival() {
        let now = Timestamp::from_parts(1_700_000_000, 0);
        let mut logged = record::LoggedFlow::default();
        logged.flow.start = now.plus_ns(7_195_000_000_000);
        logged.flow.end = now.plus_ns(7_200_000_000_000);
        let mut entry = LogEntry::Flow(Box::new(logged));
        assert!(not_ahead(&mut entry, now));
        let LogEntry::Flow(logged) = entry else { panic!() };
        assert_eq!((logged.flow.end, logged.flow.start), (now, now.plus_ns(-5_000_000_000)));
        let mut past = LogEntry::Alert(Box::new(record::ImportedAlert { ts: now, ..Default::default() }));
        assert!(!not_ahead(&mut past, now));
    }
}
