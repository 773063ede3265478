//! Capture threads: one source, one meter, one packet ring each. Owns the loop and how often observations are handed on; a full
//! queue makes the worker wait, so that losses happen in one place only, the kernel's ring, where they are counted.

use super::exporter_file::ExporterFile;
use super::log_told::LogTold;
use super::packet_ring::PacketRing;
use crossbeam_channel::{Receiver, Sender};
use evaluate::{Meter, MeterCounters};
use record::{FrameHeader, Observation, Timestamp};
use source::{FrameSource, SourceStats};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// Longest time that observations wait in a worker: a tenth of the two seconds from evidence to browser.
const HAND_ON_EVERY: Duration = Duration::from_millis(100);
/// The same of a file that is read as fast as possible, or a pipe that is never empty.
const HAND_ON_LATEST: Duration = Duration::from_secs(5);
/// Observations that are handed on at once.
const HAND_ON_AT: usize = 4_096;

/// What a worker hands to the judge.
pub struct Parcel {
    /// Which worker.
    pub worker: usize,
    /// Observations since the last parcel.
    pub observations: Vec<Observation>,
    /// The worker's capture clock.
    pub now: Timestamp,
    /// Meter counters so far.
    pub meter: MeterCounters,
    /// Source statistics so far; None between two looks.
    pub source: Option<SourceStats>,
    /// What lines told so far; None for all that is no log.
    pub log: Option<Box<LogTold>>,
    /// Why it ended; None while it runs.
    pub ended: Option<String>,
    /// When the newest of it was there to be judged: captured, due in a replay, read from a file.
    pub due: Instant,
    /// What came from other machines; None for all that is seen here.
    pub elsewhere: Option<Box<super::roles::Elsewhere>>,
}

/// Settings that a running meter takes over.
#[derive(Clone)]
pub struct MeterSettings {
    /// Flow time-outs.
    pub flow: flow::FlowConfig,
    /// Home networks.
    pub home: Vec<record::Prefix>,
}

/// How fast frames are handed on.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Pace {
    /// As they come (interfaces), or as fast as possible (files).
    None,
    /// By their own times, this many times faster.
    Times(f64),
}

/// Everything a worker needs.
pub struct Worker {
    /// Number.
    pub number: usize,
    /// Frames.
    pub source: Box<dyn FrameSource>,
    /// Decoder and flow table.
    pub meter: Meter,
    /// Newest packets.
    pub ring: Arc<Mutex<PacketRing>>,
    /// Packet numbers, shared by all workers.
    pub next_packet_id: Arc<AtomicU64>,
    /// To the judge.
    pub parcels: Sender<Parcel>,
    /// Set to stop.
    pub stop: Arc<AtomicBool>,
    /// Pace.
    pub pace: Pace,
    /// New settings, when the user changed them.
    pub settings: Receiver<MeterSettings>,
    /// True for interfaces and collectors: a quiet wire is told the wall clock, which is the capture clock there.
    pub live: bool,
    /// Number that its packets are told under; None: as they come.
    pub interface: Option<u16>,
    /// Where templates of exporters are kept; None where none are collected.
    pub exporters: Option<ExporterFile>,
}

impl Worker {
    /// Runs until the source ends, fails or `stop` is set; then every flow is reported.
    pub fn run(mut self) {
        let mut headers: Vec<FrameHeader> = Vec::new();
        let mut hand = Hand { out: Vec::new(), now: Timestamp(0), handed_on: Instant::now() };
        let mut pacer = Pacer::new(self.pace);
        let ended = loop {
            if self.stop.load(Ordering::Relaxed) {
                break "stopped".to_owned();
            }
            while let Ok(settings) = self.settings.try_recv() {
                self.meter.reconfigure(&settings.flow, settings.home);
            }
            match self.source.next_batch(&mut headers) {
                Ok(None) => break "end of input".to_owned(),
                Err(error) => break error.to_string(),
                Ok(Some(bytes)) => {
                    label(&mut headers, self.interface);
                    let mut rest = &headers[..];
                    while !rest.is_empty() {
                        let ready = pacer.ready(rest, &self.stop);
                        let (batch, later) = rest.split_at(ready);
                        rest = later;
                        hand.now = batch.iter().map(|h| h.ts).max().unwrap_or(hand.now).max(hand.now);
                        if !batch.is_empty() {
                            take(&mut self.meter, &self.ring, &self.next_packet_id, bytes, batch, &mut hand.out);
                        }
                        if self.pace != Pace::None && hand.handed_on.elapsed() >= HAND_ON_EVERY {
                            let due = pacer.due(hand.now, !rest.is_empty());
                            if self.parcels.send(hand.parcel(self.number, &self.meter, None, due)).is_err() {
                                return;
                            }
                        }
                    }
                }
            }
            if let Some(file) = &mut self.exporters {
                file.save(&self.meter, false);
            }
            if headers.is_empty() && self.live {
                hand.now = wall_clock().max(hand.now);
                self.meter.advance(hand.now, &mut hand.out);
            }
            // A file that is read as fast as possible is handed on by count alone, so that every run judges the same epochs.
            let in_a_hurry = self.pace == Pace::None && !self.live && !headers.is_empty();
            let longest = if in_a_hurry { HAND_ON_LATEST } else { HAND_ON_EVERY };
            if hand.out.len() >= HAND_ON_AT || hand.handed_on.elapsed() >= longest {
                let stats = Some(self.source.stats());
                let due = if self.live { due_live(hand.now) } else { pacer.due(hand.now, false) };
                if self.parcels.send(hand.parcel(self.number, &self.meter, stats, due)).is_err() {
                    return;
                }
            }
        };
        if let Some(file) = &mut self.exporters {
            file.save(&self.meter, true);
        }
        // In parts: all records of a full table at once would need its memory twice more.
        while !self.meter.finish_some(&mut hand.out) {
            if self.parcels.send(hand.parcel(self.number, &self.meter, None, Instant::now())).is_err() {
                return;
            }
        }
        let stats = Some(self.source.stats());
        let last = Parcel { ended: Some(ended), ..hand.parcel(self.number, &self.meter, stats, Instant::now()) };
        // The judge may have gone first at shutdown; then nobody is left to tell.
        let _ = self.parcels.send(last);
    }
}

/// What waits to be handed on.
struct Hand {
    out: Vec<Observation>,
    now: Timestamp,
    handed_on: Instant,
}

impl Hand {
    fn parcel(&mut self, worker: usize, meter: &Meter, source: Option<SourceStats>, due: Instant) -> Parcel {
        self.handed_on = Instant::now();
        let observations = std::mem::take(&mut self.out);
        Parcel {
            worker,
            observations,
            now: self.now,
            meter: meter.counters(),
            source,
            log: None,
            ended: None,
            due,
            elsewhere: None,
        }
    }
}

/// When a packet of this capture time was there: the capture clock of an interface is the wall clock.
fn due_live(captured: Timestamp) -> Instant {
    let ago = u64::try_from(wall_clock().since(captured)).unwrap_or(0);
    let now = Instant::now();
    now.checked_sub(Duration::from_nanos(ago)).unwrap_or(now)
}

fn label(headers: &mut [FrameHeader], interface: Option<u16>) {
    for header in headers {
        header.interface = interface.unwrap_or(header.interface);
    }
}

/// One batch through meter and ring.
fn take(
    meter: &mut Meter,
    ring: &Mutex<PacketRing>,
    next_packet_id: &AtomicU64,
    bytes: &[u8],
    headers: &[FrameHeader],
    out: &mut Vec<Observation>,
) {
    let (headers, metas) = meter.batch(bytes, headers, out);
    let mut ring = ring.lock().unwrap_or_else(PoisonError::into_inner);
    let first = next_packet_id.fetch_add(headers.len() as u64, Ordering::Relaxed);
    ring.push_batch(bytes, headers, metas, first);
}

/// The wall clock; only the threads of `app` may read it.
pub fn wall_clock() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp(i64::try_from(since.as_nanos()).unwrap_or(i64::MAX))
}

/// Keeps a replay at the file's own pace.
struct Pacer {
    pace: Pace,
    start: Option<(Instant, Timestamp)>,
}

impl Pacer {
    fn new(pace: Pace) -> Self {
        Self { pace, start: None }
    }

    /// How many of `headers` are due; when none is, waits for the first, but not longer than what was read may wait.
    fn ready(&mut self, headers: &[FrameHeader], stop: &AtomicBool) -> usize {
        let Pace::Times(speed) = self.pace else { return headers.len() };
        let Some(first) = headers.first() else { return 0 };
        let (begun, origin) = *self.start.get_or_insert((Instant::now(), first.ts));
        let due = || origin.plus_ns((begun.elapsed().as_nanos() as f64 * speed) as i64);
        if first.ts > due() && !stop.load(Ordering::Relaxed) {
            let wait_ns = (first.ts.since(due()) as f64 / speed) as u64;
            std::thread::sleep(Duration::from_nanos(wait_ns).min(HAND_ON_EVERY / 2));
        }
        let now = due();
        let ready = headers.iter().take_while(|h| h.ts <= now).count();
        // A stop ends the wait; the loop around sees it.
        if stop.load(Ordering::Relaxed) { headers.len() } else { ready }
    }

    /// When the packets taken so far, the newest of this capture time, were to be replayed: now when the next one is let wait, so
    /// that all that is due was taken. Without a pace, what is read is due when it is read.
    fn due(&self, captured: Timestamp, next_waits: bool) -> Instant {
        let now = Instant::now();
        let (Pace::Times(speed), Some((begun, origin))) = (self.pace, self.start) else { return now };
        if next_waits {
            return now;
        }
        let after = Duration::from_nanos((captured.since(origin).max(0) as f64 / speed) as u64);
        (begun + after).min(now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use record::LinkType;

    #[test]
    fn a_replay_is_behind_by_what_is_overdue_and_not_by_its_gaps() {
        let begun = Instant::now().checked_sub(Duration::from_secs(10)).unwrap_or_else(Instant::now);
        let pacer = Pacer { pace: Pace::Times(2.0), start: Some((begun, Timestamp(0))) };
        let behind =
            |captured_s: i64, next_waits| pacer.due(Timestamp(captured_s * 1_000_000_000), next_waits).elapsed();
        let overdue = behind(12, false);
        assert!(overdue >= Duration::from_secs(4) && overdue < Duration::from_secs(9), "{overdue:?}");
        assert!(behind(12, true) < Duration::from_secs(3), "the next packet is not due: nothing is behind");
        assert!(behind(1_000, false) < Duration::from_secs(3), "never ahead of the clock");
    }

    #[test]
    fn a_replay_keeps_its_pace() {
        let header = |ms: i64| FrameHeader {
            ts: Timestamp(ms * 1_000_000),
            offset: 0,
            captured_len: 0,
            wire_len: 0,
            link: LinkType::ETHERNET,
            interface: 0,
        };
        let headers = [header(0), header(0), header(10_000_000)];
        let stop = AtomicBool::new(false);
        let mut pacer = Pacer::new(Pace::Times(1.0));
        assert_eq!(pacer.ready(&headers, &stop), 2, "the third is due in hours");
        stop.store(true, Ordering::Relaxed);
        assert_eq!(pacer.ready(&headers[2..], &stop), 1, "a stop ends the wait");
        assert_eq!(Pacer::new(Pace::None).ready(&headers, &stop), 3);
    }
}
