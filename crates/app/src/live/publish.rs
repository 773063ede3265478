//! What goes to the live stream and how often: at most four batches a second of packets, flows and verdicts, one tick a second,
//! incidents at once, health on change. Owns the coalescing; the stream itself is `serve::Hub`.

use super::answers::{packet_summaries, summary};
use super::judging::lock;
use super::packet_ring::PacketRing;
use super::status::{Scores, SecondState, Status};
use evaluate::JudgedFlow;
use record::{HealthItem, Incident, TrafficClass};
use serve::shapes::{FlowBatch, HealthEvent, PacketBatch, Tick, TickSecond, VerdictBatch};
use serve::{EventKind, Hub};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use store::{FlowRow, ScatterPoint};

/// Time between two batches of one kind.
const BATCH_EVERY: Duration = Duration::from_millis(250);
/// Time between two ticks.
const TICK_EVERY: Duration = Duration::from_secs(1);
/// Packets in one batch.
const PACKETS_MAX: usize = 50;
/// Flows in one batch.
const FLOWS_MAX: usize = 100;
/// Verdicts in one batch.
const VERDICTS_MAX: usize = 500;

/// The stream's feeder.
pub struct Publisher {
    hub: Hub,
    status: Arc<Mutex<Status>>,
    scores: Arc<Mutex<Scores>>,
    rings: Vec<Arc<Mutex<PacketRing>>>,
    flows: FlowBatch,
    verdicts: VerdictBatch,
    last_packet: u64,
    batched: Instant,
    ticked: Instant,
    health: Vec<(String, record::HealthLevel)>,
}

impl Publisher {
    /// Feeds `hub` from the shared numbers.
    pub fn new(
        hub: Hub,
        status: Arc<Mutex<Status>>,
        scores: Arc<Mutex<Scores>>,
        rings: Vec<Arc<Mutex<PacketRing>>>,
    ) -> Self {
        Self {
            hub,
            status,
            scores,
            rings,
            flows: FlowBatch::default(),
            verdicts: VerdictBatch::default(),
            last_packet: 0,
            batched: Instant::now(),
            ticked: Instant::now(),
            health: Vec::new(),
        }
    }

    /// An incident, new or changed.
    pub fn incident(&self, incident: &Incident) {
        self.hub.publish(EventKind::Incident, incident);
    }

    /// Flows of one round; anomalous ones are never the ones left out.
    pub fn flows(&mut self, flows: &[JudgedFlow]) {
        for flow in flows {
            let verdict = flow.verdict.as_ref();
            let anomalous = verdict.is_some_and(|v| v.anomalous);
            let row = || FlowRow::new(&flow.record, verdict, &flow::community_id_of(&flow.record), "");
            put(&mut self.flows.items, &mut self.flows.skipped, FLOWS_MAX, anomalous, |r| r.anomalous, row);
            let point = || {
                ScatterPoint(
                    flow.record.flow_id,
                    flow.record.end.0 / 1_000_000,
                    flow.record.duration_ns() as f64 / 1e6,
                    flow.record.bytes(),
                    verdict.map(|v| f64::from(v.score)),
                    u8::from(anomalous),
                )
            };
            put(&mut self.verdicts.items, &mut self.verdicts.skipped, VERDICTS_MAX, anomalous, |p| p.5 == 1, point);
        }
    }

    /// Sends what is due.
    pub fn round(&mut self) {
        if self.batched.elapsed() >= BATCH_EVERY {
            self.batched = Instant::now();
            self.batch();
        }
        if self.ticked.elapsed() >= TICK_EVERY {
            self.ticked = Instant::now();
            self.tick();
        }
    }

    fn batch(&mut self) {
        if !self.flows.items.is_empty() {
            self.hub.publish(EventKind::Flow, &std::mem::take(&mut self.flows));
        }
        if !self.verdicts.items.is_empty() {
            self.hub.publish(EventKind::Verdict, &std::mem::take(&mut self.verdicts));
        }
        if self.hub.readers() == 0 {
            return;
        }
        let (mut items, newest) = packet_summaries(&self.rings, &self.scores, self.last_packet, PACKETS_MAX);
        if items.is_empty() {
            return;
        }
        let passed = newest - self.last_packet.min(newest);
        self.last_packet = newest;
        items.sort_by_key(|p| p.id);
        let skipped = passed.saturating_sub(items.len() as u64);
        self.hub.publish(EventKind::Packet, &PacketBatch { items, skipped });
    }

    fn tick(&mut self) {
        let status = lock(&self.status);
        let (summary, second) = (summary(&status), tick_second(&status.second));
        let ts = status.second.ts;
        drop(status);
        self.tell_health(&summary.health);
        self.hub.publish(EventKind::Tick, &Tick { ts, summary, second, lost: None });
    }

    /// Health is told when a line appears, goes or changes its level; the numbers inside travel with the ticks.
    fn tell_health(&mut self, items: &[HealthItem]) {
        let now: Vec<_> = items.iter().map(|i| (i.name.clone(), i.level)).collect();
        if now != self.health {
            self.health = now;
            self.hub.publish(EventKind::Health, &HealthEvent { items: items.to_vec() });
        }
    }
}

/// Adds to a bounded batch. When it is full, an anomalous entry takes the place of a normal one.
fn put<T>(
    items: &mut Vec<T>,
    skipped: &mut u64,
    max: usize,
    wanted: bool,
    keeps: impl Fn(&T) -> bool,
    make: impl FnOnce() -> T,
) {
    if items.len() < max {
        items.push(make());
        return;
    }
    *skipped += 1;
    if wanted && let Some(place) = items.iter().position(|i| !keeps(i)) {
        items[place] = make();
    }
}

fn tick_second(second: &SecondState) -> TickSecond {
    let by_class = |counts: [u64; TrafficClass::COUNT]| -> BTreeMap<String, u64> {
        TrafficClass::ALL.iter().zip(counts).map(|(class, count)| (class.name().to_owned(), count)).collect()
    };
    TickSecond {
        bytes: second.bytes,
        packets: second.packets,
        bytes_in: second.bytes_in,
        bytes_out: second.bytes_out,
        flows: second.flows,
        flows_anomalous: second.flows_anomalous,
        bytes_by_class: by_class(second.bytes_by_class),
        packets_by_class: by_class(second.packets_by_class),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tick_names_packets_and_bytes_by_class() {
        let mut second = SecondState { packets: 5, bytes: 700, ..SecondState::default() };
        second.packets_by_class[TrafficClass::Udp as usize] = 5;
        second.bytes_by_class[TrafficClass::Udp as usize] = 700;
        let tick = tick_second(&second);
        let names: Vec<&str> = TrafficClass::ALL.iter().map(|c| c.name()).collect();
        for (class, name) in TrafficClass::ALL.iter().zip(names) {
            let udp = *class == TrafficClass::Udp;
            assert_eq!(tick.packets_by_class.get(name), Some(&if udp { 5 } else { 0 }), "{name}");
            assert_eq!(tick.bytes_by_class.get(name), Some(&if udp { 700 } else { 0 }), "{name}");
        }
    }

    #[test]
    fn a_full_batch_gives_way_to_what_is_anomalous() {
        let (mut items, mut skipped) = (Vec::new(), 0);
        for n in 0..10 {
            put(&mut items, &mut skipped, 4, n == 9, |i| *i == 9, || n);
        }
        assert_eq!((items, skipped), (vec![9, 1, 2, 3], 6));
    }
}
