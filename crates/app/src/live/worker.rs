//! Capture threads: one source, one meter, one packet ring each. Owns the loop and how often observations are handed on; a full
//! queue makes the worker wait, so that losses happen in one place only, the kernel's ring, where they are counted.

use super::packet_ring::PacketRing;
use crossbeam_channel::Sender;
use evaluate::{Meter, MeterCounters};
use record::{FrameHeader, Observation, Timestamp};
use source::{FrameSource, SourceStats};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// Longest time that observations wait in a worker: a tenth of the two seconds from evidence to browser.
const HAND_ON_EVERY: Duration = Duration::from_millis(100);
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
    /// Why it ended; None while it runs.
    pub ended: Option<String>,
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
    /// True for interfaces: a quiet wire is told the wall clock, which is the capture clock there.
    pub live: bool,
}

impl Worker {
    /// Runs until the source ends, fails or `stop` is set; then every flow is reported.
    pub fn run(mut self) {
        let mut headers: Vec<FrameHeader> = Vec::new();
        let mut out = Vec::new();
        let mut now = Timestamp(0);
        let mut handed_on = Instant::now();
        let mut pacer = Pacer::new(self.pace);
        let ended = loop {
            if self.stop.load(Ordering::Relaxed) {
                break "stopped".to_owned();
            }
            match self.source.next_batch(&mut headers) {
                Ok(None) => break "end of input".to_owned(),
                Err(error) => break error.to_string(),
                Ok(Some(bytes)) => {
                    let mut rest = &headers[..];
                    while !rest.is_empty() {
                        let ready = pacer.ready(rest, &self.stop);
                        let (batch, later) = rest.split_at(ready);
                        rest = later;
                        now = batch.iter().map(|h| h.ts).max().unwrap_or(now).max(now);
                        take(&mut self.meter, &self.ring, &self.next_packet_id, bytes, batch, &mut out);
                        if self.pace != Pace::None && handed_on.elapsed() >= HAND_ON_EVERY {
                            let parcel = parcel(self.number, &mut out, now, &self.meter, None, None);
                            if self.parcels.send(parcel).is_err() {
                                return;
                            }
                            handed_on = Instant::now();
                        }
                    }
                }
            }
            if headers.is_empty() && self.live {
                now = wall_clock().max(now);
                self.meter.advance(now, &mut out);
            }
            if out.len() >= HAND_ON_AT || handed_on.elapsed() >= HAND_ON_EVERY {
                let stats = Some(self.source.stats());
                if self.parcels.send(parcel(self.number, &mut out, now, &self.meter, stats, None)).is_err() {
                    return;
                }
                handed_on = Instant::now();
            }
        };
        self.meter.finish(&mut out);
        let stats = Some(self.source.stats());
        // The judge may have gone first at shutdown; then nobody is left to tell.
        let _ = self.parcels.send(parcel(self.number, &mut out, now, &self.meter, stats, Some(ended)));
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

fn parcel(
    worker: usize,
    out: &mut Vec<Observation>,
    now: Timestamp,
    meter: &Meter,
    source: Option<SourceStats>,
    ended: Option<String>,
) -> Parcel {
    Parcel { worker, observations: std::mem::take(out), now, meter: meter.counters(), source, ended }
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

    /// How many of `headers` are due; waits until at least one is, or until `stop`.
    fn ready(&mut self, headers: &[FrameHeader], stop: &AtomicBool) -> usize {
        let Pace::Times(speed) = self.pace else { return headers.len() };
        let Some(first) = headers.first() else { return 0 };
        let (begun, origin) = *self.start.get_or_insert((Instant::now(), first.ts));
        loop {
            let due = origin.plus_ns((begun.elapsed().as_nanos() as f64 * speed) as i64);
            let ready = headers.iter().take_while(|h| h.ts <= due).count();
            if ready > 0 || stop.load(Ordering::Relaxed) {
                return ready.max(1);
            }
            let wait_ns = (first.ts.since(due) as f64 / speed) as u64;
            std::thread::sleep(Duration::from_nanos(wait_ns).min(HAND_ON_EVERY / 2));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use record::LinkType;

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
