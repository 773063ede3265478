//! What a sensor measured as messages: the flows of an epoch by partition, and the epoch that names them. Owns how flows are spread;
//! sends nothing.

use evaluate::{Measured, MeasuredFlow};
use record::wire::message::{Alert, Flow, Member, Second, Window};
use record::wire::{Epoch, FlowBatch, Message, Part, SCHEMA};
use record::{IpAddr16, Timestamp};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Bytes, and number, of the flows of one epoch: a message stays below what topics take, also when all are of one source and come back
/// with a verdict of a kilobyte or two each.
const EPOCH_BYTES_MAX: usize = 1 << 20;
const EPOCH_FLOWS_MAX: usize = 1_024;

/// One epoch, ready to be sent: its batches first, then itself.
pub struct Batches {
    /// By partition.
    pub flows: Vec<FlowBatch>,
    /// What names them.
    pub epoch: Epoch,
}

/// Counts epochs.
pub struct Batcher {
    sensor: String,
    run: u64,
    epoch: u64,
    partitions: u32,
}

impl Batcher {
    /// `run` is the start of the process, ns since 1970.
    pub fn new(sensor: String, run: u64, partitions: u32) -> Self {
        Self { sensor, run, epoch: 0, partitions: partitions.max(1) }
    }

    /// One or, with many flows, several epochs, which are one round again at the server. The first has the alerts, as a judge hears them
    /// before it judges flows; `last` ends the run.
    pub fn batches(
        &mut self,
        measured: Measured,
        now: Timestamp,
        last: bool,
        in_iface: &mut dyn FnMut(&MeasuredFlow) -> Arc<str>,
    ) -> Vec<Batches> {
        let mut flows = measured.flows.into_iter().peekable();
        let mut all = Vec::new();
        loop {
            let mut by_partition: BTreeMap<u32, Vec<Flow>> = BTreeMap::new();
            let (mut bytes, mut count) = (0, 0);
            while bytes < EPOCH_BYTES_MAX
                && count < EPOCH_FLOWS_MAX
                && let Some(flow) = flows.next()
            {
                let name = in_iface(&flow);
                let place = partition_of(flow.record.src().addr, self.partitions);
                let message = message(&flow, &name);
                bytes += message.encoded_len();
                count += 1;
                by_partition.entry(place).or_default().push(message);
            }
            self.epoch += 1;
            all.push(self.epoch_of(by_partition, now));
            if flows.peek().is_none() {
                break;
            }
        }
        if let Some(first) = all.first_mut() {
            first.epoch.alerts = measured.alerts.iter().map(Alert::of).collect();
            first.epoch.seconds = measured.seconds.iter().map(Second::of).collect();
            first.epoch.windows = measured.windows.iter().map(Window::of).collect();
        }
        if let Some((end, before)) = all.split_last_mut() {
            end.epoch.last = last;
            for part in before {
                part.epoch.more = true;
            }
        }
        all
    }

    fn epoch_of(&self, by_partition: BTreeMap<u32, Vec<Flow>>, now: Timestamp) -> Batches {
        let head = Epoch {
            schema: SCHEMA,
            sensor: self.sensor.clone(),
            run: self.run,
            epoch: self.epoch,
            now_ns: now.0,
            ..Epoch::default()
        };
        let part = |(partition, flows): (&u32, &Vec<Flow>)| Part { partition: *partition, flows: flows.len() as u32 };
        let parts = by_partition.iter().map(part).collect();
        let batch = |(partition, flows)| FlowBatch {
            schema: SCHEMA,
            sensor: self.sensor.clone(),
            run: self.run,
            epoch: self.epoch,
            partition,
            flows,
        };
        Batches { flows: by_partition.into_iter().map(batch).collect(), epoch: Epoch { parts, ..head } }
    }
}

fn message(flow: &MeasuredFlow, in_iface: &str) -> Flow {
    Flow { members: flow.members.iter().map(Member::of).collect(), ..Flow::of(&flow.record, in_iface) }
}

/// The partition of a source host: FNV-1a, whose last byte is mixed into all bits by the last step of MurmurHash3, since neighbours differ
/// in that byte alone. The same on every machine and in every version.
pub fn partition_of(src: IpAddr16, partitions: u32) -> u32 {
    let step = |hash: u64, byte: &u8| (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3);
    let mut hash = src.0.iter().fold(0xcbf2_9ce4_8422_2325_u64, step);
    for factor in [0xff51_afd7_ed55_8ccd_u64, 0xc4ce_b9fe_1a85_ec53] {
        hash = (hash ^ (hash >> 33)).wrapping_mul(factor);
    }
    ((hash ^ (hash >> 33)) % u64::from(partitions.max(1))) as u32
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use record::{Endpoint, FlowKey, FlowRecord};

    fn flow(host: u8, id: u64) -> MeasuredFlow {
        let end = |last: u8, port| Endpoint { addr: IpAddr16::v4([10, 0, 0, last]), port };
        let (key, originator_low) = FlowKey::new(end(host, 1_000), end(200, 443), 6);
        let record = FlowRecord { flow_id: id, key, originator_low, ..FlowRecord::default() };
        MeasuredFlow { record: Box::new(record), members: Vec::new() }
    }

    #[test]
    fn every_flow_is_in_one_batch_that_its_epoch_names() {
        const FLOWS: u64 = 40_000;
        let flows = (0..FLOWS).map(|n| flow((n % 100) as u8, n + 1)).collect();
        let mut batcher = Batcher::new("a".into(), 7, 4);
        let all =
            batcher.batches(Measured { flows, ..Measured::default() }, Timestamp(9), true, &mut |_| Arc::from("eth0"));
        assert!(all.len() > 1, "more than a message takes");
        assert!(all.iter().zip(1..).all(|(b, number)| b.epoch.epoch == number));
        assert!(all.iter().enumerate().all(|(n, b)| b.epoch.last == (n + 1 == all.len())));
        assert!(all.iter().enumerate().all(|(n, b)| b.epoch.more == (n + 1 < all.len())));
        assert!(all.iter().flat_map(|b| &b.flows).all(|batch| batch.encoded_len() < 3 << 20));
        let mut ids = Vec::new();
        for Batches { flows, epoch } in &all {
            let parts: Vec<_> =
                flows.iter().map(|b| Part { partition: b.partition, flows: b.flows.len() as u32 }).collect();
            assert_eq!(parts, epoch.parts);
            for batch in flows {
                assert_eq!((batch.run, batch.epoch, batch.sensor.as_str()), (7, epoch.epoch, "a"));
                for flow in &batch.flows {
                    let host = flow.clone().into_record().src().addr;
                    assert_eq!(partition_of(host, 4), batch.partition, "a source host has one partition");
                    ids.push(flow.flow_id);
                }
            }
        }
        ids.sort_unstable();
        assert_eq!(ids, (1..=FLOWS).collect::<Vec<_>>());
        let used: std::collections::BTreeSet<_> =
            all.iter().flat_map(|b| &b.flows).map(|batch| batch.partition).collect();
        assert_eq!(used.len(), 4, "a hundred hosts use all partitions");
        let of = |partition: u32| {
            (0..=255).filter(|last| partition_of(IpAddr16::v4([10, 0, 0, *last]), 4) == partition).count()
        };
        assert!((0..4).all(|partition| of(partition) > 40), "{:?}", (0..4).map(of).collect::<Vec<_>>());
    }

    #[test]
    fn an_empty_epoch_tells_the_time() {
        let mut batcher = Batcher::new("a".into(), 7, 4);
        let all = batcher.batches(Measured::default(), Timestamp(9), false, &mut |_| Arc::from(""));
        assert_eq!(all.len(), 1);
        assert!(all[0].flows.is_empty() && all[0].epoch.parts.is_empty());
        assert_eq!((all[0].epoch.now_ns, all[0].epoch.epoch), (9, 1));
    }
}
