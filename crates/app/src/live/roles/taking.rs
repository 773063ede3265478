//! The judge thread's side of roles: rounds that are measured here and judged elsewhere, and epochs that were measured and judged elsewhere.
//! Owns what of an epoch reaches the store together.

use super::{Elsewhere, Place, TOLD, ToldEpoch};
use crate::live::judging::{Judging, lock};
use crate::live::worker::Parcel;
use crossbeam_channel::Sender;
use evaluate::{Judged, MeasuredFlow};
use record::{HostRecord, Observation, Timestamp};
use std::collections::BTreeMap;
use std::sync::Arc;
use store::StoreBatch;

/// What is told in one round and not yet with the store.
#[derive(Default)]
pub struct TakenEpochs {
    hosts: Vec<HostRecord>,
    numbers: BTreeMap<String, (u64, u64)>,
    acks: Vec<(Sender<Vec<Place>>, Vec<Place>)>,
    changed: bool,
}

impl TakenEpochs {
    /// Goes on behind what an earlier process told.
    pub fn after(numbers: BTreeMap<String, (u64, u64)>) -> Self {
        Self { numbers, ..Self::default() }
    }

    /// Adds hosts, and how far each sensor was told, to what is stored together.
    pub fn add_to(&mut self, batch: &mut StoreBatch) {
        batch.hosts.append(&mut self.hosts);
        if std::mem::take(&mut self.changed)
            && let Ok(text) = serde_json::to_string(&self.numbers)
        {
            batch.settings.push((TOLD.to_owned(), text));
        }
    }

    /// The store was given it: whoever holds the offsets may commit once it is on disk.
    pub fn acknowledge(&mut self) {
        for (ack, places) in self.acks.drain(..) {
            // At the end the other side has gone: the messages come again.
            let _ = ack.send(places);
        }
    }
}

impl Judging {
    /// What other machines sent.
    pub(in crate::live) fn take_elsewhere(&mut self, parcels: &mut [Parcel], judged: &mut Judged) {
        for elsewhere in parcels.iter_mut().filter_map(|parcel| parcel.elsewhere.take()) {
            match *elsewhere {
                Elsewhere::Scored { ensemble, flows } => {
                    lock(&self.status).flows = flows;
                    if let Some(ensemble) = ensemble {
                        self.put_in_place(ensemble);
                    }
                }
                Elsewhere::Epoch(ToldEpoch { told, mut hosts, sensor, number, places, ack }) => {
                    self.judge.tell(told, judged);
                    self.epochs.hosts.append(&mut hosts);
                    if !sensor.is_empty() {
                        self.epochs.numbers.insert(sensor, number);
                        self.epochs.changed = true;
                    }
                    self.epochs.acks.push((ack, places));
                }
            }
        }
    }

    /// Measures a round and hands it on; the seconds stay for this machine's own charts too.
    pub(in crate::live) fn measure(&mut self, epoch: &mut Vec<Observation>, now: Timestamp, judged: &mut Judged) {
        let measured = self.judge.measure(epoch);
        judged.seconds.extend(measured.seconds.iter().cloned());
        lock(&self.status).flows += measured.flows.len() as u64;
        let at = self.judge.now();
        self.hand_on(measured, at, false);
        // A round of its own, as one process has it: what time alone brings comes after the verdicts.
        if now > at {
            let measured = self.judge.measure_time(now);
            self.hand_on(measured, now, false);
        }
    }

    /// The end of a sensor's input.
    pub(in crate::live) fn measure_end(&mut self, judged: &mut Judged) {
        let measured = self.judge.measure_end();
        judged.seconds.extend(measured.seconds.iter().cloned());
        let now = self.judge.now();
        self.hand_on(measured, now, true);
    }

    fn hand_on(&mut self, measured: evaluate::Measured, now: Timestamp, last: bool) {
        let Some(mut outward) = self.outward.take() else { return };
        let mut in_iface = |flow: &MeasuredFlow| self.iface_of(&flow.record);
        outward.hand_on(measured, now, last, &mut in_iface);
        self.outward = Some(outward);
    }

    fn iface_of(&mut self, record: &record::FlowRecord) -> Arc<str> {
        match record.origin {
            record::FlowOrigin::Export { exporter, .. } => self.exporter_name(exporter),
            record::FlowOrigin::Packets | record::FlowOrigin::Log => self.interface_name(usize::from(record.interface)),
        }
    }
}
