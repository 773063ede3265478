//! The server's order: epochs of each sensor one after the other, each when all its flow batches have come back from the detectors. Owns
//! what is waited for, what came twice and what will never come; reads and stores nothing.
//!
//! What will never come is known without a clock: batches of one sensor and partition keep their order through the topics, so a later one
//! of the same partition says that an earlier one was lost (the sensor's disk was full). A batch may come twice, because a detector was
//! killed between writing it and saying so; the second is counted and not used.

use super::Place;
use record::wire::{Epoch, FlowBatch, JudgedBatch};
use std::collections::{BTreeMap, BTreeSet};

/// Parts and epochs that are remembered as lost, of one sensor.
const LOST_MAX: usize = 65_536;

/// A judged batch with its flows, read.
pub struct Judged {
    /// Its flows and head.
    pub batch: FlowBatch,
    /// The rest.
    pub judged: JudgedBatch,
}

/// An epoch that can be told.
pub struct Ready {
    /// The epoch; without alerts and seconds where its message was lost.
    pub epoch: Epoch,
    /// Its batches, by partition.
    pub parts: Vec<Judged>,
    /// Where all these messages lie.
    pub places: Vec<Place>,
}

/// What happened so far.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MergeCounters {
    /// Epochs told.
    pub epochs: u64,
    /// Flows told.
    pub flows: u64,
    /// Batches and epochs that came again.
    pub repeated: u64,
    /// Flows that their epoch names and that never came.
    pub flows_missing: u64,
    /// Epochs whose message never came; their flows are told when they come.
    pub epochs_missing: u64,
}

/// Number of a sensor's epoch: run, then epoch.
type Number = (u64, u64);

#[derive(Default)]
struct Sensor {
    /// The last that was told.
    told: Number,
    epochs: BTreeMap<Number, (Epoch, Place)>,
    parts: BTreeMap<(Number, u32), (Judged, Place)>,
    /// Newest number seen of each partition, told or not.
    newest: BTreeMap<u32, Number>,
    /// Parts that their epoch was told without.
    lost: BTreeSet<(Number, u32)>,
    /// Epochs whose message was lost, with the partitions that came.
    without: BTreeMap<Number, BTreeSet<u32>>,
}

/// All sensors.
#[derive(Default)]
pub struct Merger {
    sensors: BTreeMap<String, Sensor>,
    /// What happened.
    pub counters: MergeCounters,
    /// Messages that came again: they are done with.
    repeated: Vec<Place>,
}

impl Merger {
    /// Goes on behind what an earlier process told, sensor by sensor.
    pub fn after(told: &BTreeMap<String, Number>) -> Self {
        let sensor = |(name, told): (&String, &Number)| (name.clone(), Sensor { told: *told, ..Sensor::default() });
        Self { sensors: told.iter().map(sensor).collect(), ..Self::default() }
    }

    /// Epochs, and batches, that wait.
    pub fn waiting(&self) -> (usize, usize) {
        let sensors = self.sensors.values();
        sensors.fold((0, 0), |sum, sensor| (sum.0 + sensor.epochs.len(), sum.1 + sensor.parts.len()))
    }

    /// Takes an epoch.
    pub fn epoch(&mut self, epoch: Epoch, place: Place) {
        let sensor = self.sensors.entry(epoch.sensor.clone()).or_default();
        let number = (epoch.run, epoch.epoch);
        if number <= sensor.told || sensor.epochs.contains_key(&number) {
            self.counters.repeated += 1;
            self.repeated.push(place);
            return;
        }
        sensor.epochs.insert(number, (epoch, place));
    }

    /// Takes a judged batch.
    pub fn judged(&mut self, judged: Judged, place: Place) {
        let head = &judged.batch;
        let (number, partition) = ((head.run, head.epoch), head.partition);
        let sensor = self.sensors.entry(head.sensor.clone()).or_default();
        let newest = sensor.newest.entry(partition).or_default();
        *newest = (*newest).max(number);
        let mut repeated = sensor.parts.contains_key(&(number, partition));
        if number <= sensor.told && sensor.lost.remove(&(number, partition)) {
            self.counters.flows_missing -= head.flows.len() as u64;
        } else if number <= sensor.told {
            repeated |= !sensor.without.get_mut(&number).is_some_and(|came| came.insert(partition));
        }
        if repeated {
            self.counters.repeated += 1;
            self.repeated.push(place);
            return;
        }
        sensor.parts.insert((number, partition), (judged, place));
    }

    /// Places of messages that came again since the last call.
    pub fn take_repeated(&mut self) -> Vec<Place> {
        std::mem::take(&mut self.repeated)
    }

    /// The next epoch that can be told; None where the next waits.
    pub fn ready(&mut self) -> Option<Ready> {
        let counters = &mut self.counters;
        self.sensors.iter_mut().find_map(|(name, sensor)| sensor.ready(name, counters))
    }
}

impl Sensor {
    fn ready(&mut self, name: &str, counters: &mut MergeCounters) -> Option<Ready> {
        // Flows whose epoch was told without them, or whose epoch message was lost: an epoch of their own.
        if let Some(&(number, _)) = self.parts.keys().next()
            && (number <= self.told || self.epoch_is_lost(number))
        {
            return Some(self.alone(name, number, counters));
        }
        let (&number, (epoch, _)) = self.epochs.first_key_value()?;
        let wanted: Vec<(u32, u32)> = epoch.parts.iter().map(|part| (part.partition, part.flows)).collect();
        let is_there = |partition: u32| self.parts.contains_key(&(number, partition));
        let is_lost = |partition: u32| self.newest.get(&partition).is_some_and(|newest| *newest > number);
        if !wanted.iter().all(|(partition, _)| is_there(*partition) || is_lost(*partition)) {
            return None;
        }
        let (epoch, place) = self.epochs.remove(&number)?;
        let (mut parts, mut places) = (Vec::new(), vec![place]);
        for (partition, flows) in wanted {
            if let Some((part, place)) = self.parts.remove(&(number, partition)) {
                counters.flows += part.batch.flows.len() as u64;
                parts.push(part);
                places.push(place);
            } else {
                counters.flows_missing += u64::from(flows);
                self.lost.insert((number, partition));
            }
        }
        while self.lost.len() > LOST_MAX {
            self.lost.pop_first();
        }
        counters.epochs += 1;
        self.told = number;
        Some(Ready { epoch, parts, places })
    }

    /// Is a later epoch of this sensor there, and this one not? Epochs keep their order.
    fn epoch_is_lost(&self, number: Number) -> bool {
        let first = self.epochs.first_key_value().map(|(first, _)| *first);
        first.is_some_and(|first| first > number)
    }

    fn alone(&mut self, name: &str, number: Number, counters: &mut MergeCounters) -> Ready {
        let mine: Vec<(Number, u32)> =
            self.parts.range((number, 0)..=(number, u32::MAX)).map(|(key, _)| *key).collect();
        let (parts, places): (Vec<_>, Vec<_>) = mine.iter().filter_map(|key| self.parts.remove(key)).unzip();
        counters.flows += parts.iter().map(|part: &Judged| part.batch.flows.len() as u64).sum::<u64>();
        if number > self.told {
            counters.epochs_missing += 1;
            self.told = number;
            self.without.insert(number, mine.iter().map(|(_, partition)| *partition).collect());
            while self.without.len() > LOST_MAX {
                self.without.pop_first();
            }
        }
        let epoch = Epoch { sensor: name.to_owned(), run: number.0, epoch: number.1, ..Epoch::default() };
        Ready { epoch, parts, places }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use record::wire::Part;
    use record::wire::message::Flow;

    fn epoch(run: u64, epoch: u64, parts: &[(u32, u32)]) -> Epoch {
        let parts = parts.iter().map(|(partition, flows)| Part { partition: *partition, flows: *flows }).collect();
        Epoch { sensor: "s".into(), run, epoch, parts, ..Epoch::default() }
    }

    fn judged(run: u64, epoch: u64, partition: u32, flows: usize) -> Judged {
        let flows = vec![Flow::default(); flows];
        let batch = FlowBatch { sensor: "s".into(), run, epoch, partition, flows, ..FlowBatch::default() };
        Judged { batch, judged: JudgedBatch::default() }
    }

    /// `(epoch, partitions)` of all that can be told now.
    fn told(merger: &mut Merger) -> Vec<(u64, Vec<u32>)> {
        std::iter::from_fn(|| merger.ready())
            .map(|ready| (ready.epoch.epoch, ready.parts.iter().map(|part| part.batch.partition).collect()))
            .collect()
    }

    #[test]
    fn epochs_are_told_in_order_when_all_their_flows_are_back() {
        let mut merger = Merger::default();
        merger.epoch(epoch(1, 1, &[(0, 2), (1, 1)]), (0, 0, 0));
        merger.epoch(epoch(1, 2, &[(0, 1)]), (0, 0, 1));
        merger.judged(judged(1, 1, 1, 1), (1, 1, 0));
        assert_eq!(told(&mut merger), []);
        assert_eq!(merger.waiting(), (2, 1));
        merger.judged(judged(1, 1, 0, 2), (1, 0, 0));
        assert_eq!(told(&mut merger), [(1, vec![0, 1])]);
        merger.judged(judged(1, 2, 0, 1), (1, 0, 1));
        assert_eq!(told(&mut merger), [(2, vec![0])]);
        let expected = MergeCounters { epochs: 2, flows: 4, ..MergeCounters::default() };
        assert_eq!((merger.counters, merger.sensors["s"].epochs.len()), (expected, 0));
    }

    #[test]
    fn what_comes_again_is_counted_and_not_told() {
        let mut merger = Merger::default();
        for _ in 0..2 {
            merger.epoch(epoch(1, 1, &[(0, 2)]), (0, 0, 0));
            merger.judged(judged(1, 1, 0, 2), (1, 0, 0));
        }
        assert_eq!(told(&mut merger), [(1, vec![0])]);
        merger.judged(judged(1, 1, 0, 2), (1, 0, 9));
        merger.epoch(epoch(1, 1, &[(0, 2)]), (0, 0, 8));
        assert_eq!(told(&mut merger), []);
        assert_eq!((merger.counters.flows, merger.counters.repeated), (2, 4));
        assert_eq!(merger.take_repeated().len(), 4, "their places are done with");
        let mut later = Merger::after(&BTreeMap::from([("s".to_owned(), (1, 1))]));
        later.judged(judged(1, 1, 0, 2), (1, 0, 0));
        later.epoch(epoch(1, 1, &[(0, 2)]), (0, 0, 0));
        assert_eq!((told(&mut later), later.counters.repeated), (vec![], 2), "an earlier process told them");
    }

    #[test]
    fn a_batch_that_never_comes_is_counted_and_holds_nothing_up() {
        let mut merger = Merger::default();
        merger.epoch(epoch(1, 1, &[(0, 2), (1, 3)]), (0, 0, 0));
        merger.judged(judged(1, 1, 0, 2), (1, 0, 0));
        assert_eq!(told(&mut merger), []);
        merger.epoch(epoch(1, 2, &[(1, 1)]), (0, 0, 1));
        merger.judged(judged(1, 2, 1, 1), (1, 1, 0));
        assert_eq!(told(&mut merger), [(1, vec![0]), (2, vec![1])]);
        assert_eq!((merger.counters.flows, merger.counters.flows_missing), (3, 3));
        // It comes after all: it is not lost.
        merger.judged(judged(1, 1, 1, 3), (1, 1, 1));
        assert_eq!(told(&mut merger), [(1, vec![1])]);
        assert_eq!((merger.counters.flows, merger.counters.flows_missing, merger.counters.repeated), (6, 0, 0));
    }

    #[test]
    fn flows_of_an_epoch_whose_message_was_lost_are_told() {
        let mut merger = Merger::default();
        merger.judged(judged(1, 1, 0, 2), (1, 0, 0));
        assert_eq!(told(&mut merger), [], "its epoch may still come");
        merger.epoch(epoch(1, 2, &[(0, 1)]), (0, 0, 0));
        assert_eq!(told(&mut merger), [(1, vec![0])]);
        merger.judged(judged(1, 1, 1, 4), (1, 1, 0));
        merger.judged(judged(1, 2, 0, 1), (1, 0, 1));
        assert_eq!(told(&mut merger), [(1, vec![1]), (2, vec![0])]);
        merger.judged(judged(1, 1, 1, 4), (1, 1, 1));
        assert_eq!(told(&mut merger), []);
        let expected = MergeCounters { epochs: 1, flows: 7, repeated: 1, flows_missing: 0, epochs_missing: 1 };
        assert_eq!(merger.counters, expected);
    }

    #[test]
    fn a_sensor_that_was_killed_begins_a_new_run_and_the_old_ones_flows_are_told() {
        let mut merger = Merger::default();
        merger.epoch(epoch(1, 1, &[(0, 1)]), (0, 0, 0));
        merger.judged(judged(1, 1, 0, 1), (1, 0, 0));
        merger.judged(judged(1, 2, 0, 5), (1, 0, 1));
        assert_eq!(told(&mut merger), [(1, vec![0])]);
        merger.epoch(epoch(2, 1, &[(0, 1)]), (0, 0, 1));
        merger.judged(judged(2, 1, 0, 1), (1, 0, 2));
        assert_eq!(told(&mut merger), [(2, vec![0]), (1, vec![0])]);
        assert_eq!((merger.counters.flows, merger.counters.flows_missing), (7, 0));
    }

    #[test]
    fn sensors_do_not_wait_for_each_other() {
        let mut merger = Merger::default();
        merger.epoch(epoch(1, 1, &[(0, 1)]), (0, 0, 0));
        merger.epoch(Epoch { sensor: "other".into(), run: 1, epoch: 1, ..Epoch::default() }, (0, 0, 1));
        let ready = merger.ready().map(|ready| ready.epoch.sensor);
        assert_eq!(ready.as_deref(), Some("other"));
    }
}
