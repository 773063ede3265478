//! A thread that replays files of logs: all of them as one source, merged by time, at the pace asked for. Owns that pace; what is told
//! of the lines is `evaluate::logs`'.

use super::log_lines::add;
use super::log_told::LogTold;
use super::worker::{Pace, Parcel};
use super::{Lines, OpenSource, name_of};
use crossbeam_channel::Sender;
use decode::log::LogCounters;
use evaluate::{LogTotals, MeterConfig, MeterCounters};
use record::{Observation, Timestamp, timestamp::NS_PER_S};
use std::ops::ControlFlow;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// Observations of so much time of the logs are handed on together, nanoseconds.
const STEP_NS: i64 = NS_PER_S / 10;
/// How often a wait looks whether it is to stop.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// Files of logs as one source.
pub fn open(files: Vec<PathBuf>, pace: Pace) -> OpenSource {
    let names: Vec<String> = files.iter().map(|file| name_of(file)).collect();
    OpenSource { name: names.join(", "), kind: "log_file", frames: None, lines: Some(Lines::Files(files)), pace }
}

/// Everything the thread needs.
pub struct LogReplay {
    /// Number.
    pub number: usize,
    /// Files.
    pub files: Vec<PathBuf>,
    /// Home networks, and how flows are put together.
    pub config: MeterConfig,
    /// To the judge.
    pub parcels: Sender<Parcel>,
    /// Set to stop.
    pub stop: Arc<AtomicBool>,
    /// Pace.
    pub pace: Pace,
}

/// Where the replay is.
struct Clock {
    pace: Pace,
    /// When it began, and the first time told.
    start: Option<(Instant, Timestamp)>,
    now: Timestamp,
    lines: u64,
}

impl Clock {
    /// When what was told at `ts` is due.
    fn due(&mut self, ts: Timestamp) -> Instant {
        let now = Instant::now();
        let Pace::Times(speed) = self.pace else { return now };
        let (begun, origin) = *self.start.get_or_insert((now, ts));
        let after = (ts.since(origin).max(0) as f64 / speed) as u64;
        begun.checked_add(Duration::from_nanos(after)).unwrap_or(now)
    }
}

impl LogReplay {
    /// Runs until the files end or `stop` is set; then what is open is told.
    pub fn run(self) {
        let mut clock = Clock { pace: self.pace, start: None, now: Timestamp(0), lines: 0 };
        let totals = evaluate::logs::read(&self.files, &self.config, &mut |lines, epoch| {
            self.hand_on(lines, std::mem::take(epoch), &mut clock)
        });
        let (told, ended) = match &totals {
            Ok(_) if self.stop.load(Ordering::Relaxed) => (None, "stopped".to_owned()),
            Ok(totals) => (Some(told(totals)), "end of input".to_owned()),
            Err(error) => (None, error.to_string()),
        };
        let lines = told.as_ref().map_or(clock.lines, |told| told.counters.lines);
        let mut parcel = self.parcel(lines, Vec::new(), clock.now, Instant::now());
        if let Some(told) = &told {
            parcel.meter.decode_errors = told.counters.unreadable.clone();
        }
        // The judge may have gone first.
        let _ = self.parcels.send(Parcel { log: told.map(Box::new), ended: Some(ended), ..parcel });
    }

    /// Hands an epoch on, each part of it when it is due.
    fn hand_on(&self, lines: u64, epoch: Vec<Observation>, clock: &mut Clock) -> ControlFlow<()> {
        clock.lines = lines;
        let mut rest = epoch.into_iter().peekable();
        while let Some(first) = rest.next() {
            let until = first.ts().plus_ns(STEP_NS);
            let due = clock.due(first.ts());
            let mut part = vec![first];
            while let Some(next) = rest.next_if(|next| self.pace == Pace::None || next.ts() < until) {
                part.push(next);
            }
            while Instant::now() < due && !self.stop.load(Ordering::Relaxed) {
                std::thread::sleep(due.saturating_duration_since(Instant::now()).min(LOOK_EVERY));
            }
            clock.now = part.iter().map(Observation::ts).max().unwrap_or(clock.now).max(clock.now);
            let due = due.min(Instant::now());
            if self.parcels.send(self.parcel(lines, part, clock.now, due)).is_err() {
                return ControlFlow::Break(());
            }
        }
        if self.stop.load(Ordering::Relaxed) { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    }

    /// Lines stand where a capture has packets.
    fn parcel(&self, lines: u64, observations: Vec<Observation>, now: Timestamp, due: Instant) -> Parcel {
        Parcel {
            worker: self.number,
            meter: MeterCounters {
                frames: lines,
                last: (!observations.is_empty() || now.0 > 0).then_some(now),
                ..MeterCounters::default()
            },
            observations,
            now,
            source: None,
            log: None,
            ended: None,
            due,
            elsewhere: None,
        }
    }
}

/// What all files told together.
fn told(totals: &LogTotals) -> LogTold {
    let mut told = LogTold::default();
    told.newest = totals.last;
    for file in &totals.files {
        let mut counters: LogCounters = file.counters.clone();
        for line in std::mem::take(&mut counters.sample) {
            told.unreadable(totals.last.unwrap_or_default(), file.path.display().to_string(), line);
        }
        told.counters = add(std::mem::take(&mut told.counters), &counters);
    }
    told
}
