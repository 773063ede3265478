//! A sensor's way out: what the judge thread measured goes to the topics, in order, through the disk while no broker is there. Owns the
//! counting of what the disk had no room for.

use super::Outward;
use super::batches::{Batcher, Batches};
use super::link::{Link, NodeTeller};
use super::scoring::bytes;
use super::settings::topics;
use crate::failure::Result;
use crate::live::status::item;
use crate::live::wall_clock;
use evaluate::{Measured, MeasuredFlow};
use record::{HealthItem, HealthLevel, HostRecord, Timestamp};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};
use store::kafka::{Outgoing, Producer, Sent};

/// Folder of what waits, in the data directory.
const SPOOL: &str = "kafka-spool";
/// With nothing to say, the time is told this often.
const TIME_EVERY: Duration = Duration::from_millis(500);
/// How long the end waits for a broker; what is not acknowledged then is on disk and sent by the next start.
const CLOSE_WITHIN: Duration = Duration::from_secs(10);

/// See the module.
pub struct Outlet {
    link: Link,
    producer: Option<Producer>,
    batcher: Batcher,
    teller: NodeTeller,
    sensor: String,
    flows: u64,
    flows_dropped: u64,
    told: Option<Instant>,
}

impl Outlet {
    /// Opens the producer and what waits on disk.
    pub fn open(link: Link, data_dir: &Path) -> Result<Self> {
        let producer = link.producer(Some(&data_dir.join(SPOOL)))?;
        let sensor = link.name();
        let run = wall_clock().0.unsigned_abs();
        let batcher = Batcher::new(sensor.clone(), run, link.settings.partitions);
        let teller = NodeTeller::new(&link, "sensor");
        let (flows, flows_dropped, told) = (0, 0, None);
        Ok(Self { link, producer: Some(producer), batcher, teller, sensor, flows, flows_dropped, told })
    }

    /// The flows first, then the epoch that names those that were taken.
    fn send(&mut self, Batches { flows, mut epoch }: Batches) {
        let Some(producer) = &self.producer else { return };
        for batch in flows {
            let (partition, count) = (batch.partition, batch.flows.len() as u64);
            let sent = producer.send(Outgoing {
                topic: self.link.topic(topics::FLOWS),
                partition: i32::try_from(partition).ok(),
                key: format!("{}/{partition}", self.sensor).into_bytes(),
                payload: bytes(&batch),
                headers: Vec::new(),
            });
            if matches!(sent, Sent::Dropped) {
                self.flows_dropped += count;
                epoch.parts.retain(|part| part.partition != partition);
            } else {
                self.flows += count;
            }
        }
        epoch.flows_dropped = self.flows_dropped;
        producer.send(Outgoing {
            topic: self.link.topic(topics::SENSORS),
            partition: Some(0),
            key: self.sensor.clone().into_bytes(),
            payload: bytes(&epoch),
            headers: Vec::new(),
        });
    }
}

impl Outward for Outlet {
    fn hand_on(
        &mut self,
        measured: Measured,
        now: Timestamp,
        last: bool,
        in_iface: &mut dyn FnMut(&MeasuredFlow) -> Arc<str>,
    ) {
        let silent = measured.flows.is_empty()
            && measured.alerts.is_empty()
            && measured.seconds.is_empty()
            && measured.windows.is_empty();
        if silent && !last && self.told.is_some_and(|told| told.elapsed() < TIME_EVERY) {
            return;
        }
        self.told = Some(Instant::now());
        for batches in self.batcher.batches(measured, now, last, in_iface) {
            self.send(batches);
        }
    }

    fn hosts(&self, hosts: &[HostRecord]) {
        let Some(producer) = &self.producer else { return };
        for host in hosts {
            producer.send(Outgoing {
                topic: self.link.topic(topics::ASSETS),
                partition: Some(0),
                key: format!("{}/{}", self.sensor, host.ip).into_bytes(),
                payload: serde_json::to_vec(host).unwrap_or_default(),
                headers: Vec::new(),
            });
        }
    }

    fn flows_dropped(&self) -> u64 {
        self.flows_dropped
    }

    fn look(&mut self) -> Vec<HealthItem> {
        let Some(producer) = &self.producer else { return Vec::new() };
        let state = producer.state();
        self.teller.tell(producer, state.waiting_messages + state.spooled_messages, self.flows, &state.words);
        let level = match (state.connected, self.flows_dropped) {
            (true, 0) => HealthLevel::Ok,
            (false, 0) => HealthLevel::Warning,
            _ => HealthLevel::Error,
        };
        let away = "Nothing is lost while the disk has room (roles.spool_max_bytes): see that a broker of kafka.brokers answers.";
        let action = if state.connected { "" } else { away };
        let mut items = vec![item("kafka", level, state.words, action)];
        if self.flows_dropped > 0 {
            let text = format!("Flows not handed on, the disk's room was full: {}", self.flows_dropped);
            items.push(item(
                "kafka flows",
                HealthLevel::Error,
                text,
                "Raise roles.spool_max_bytes, or bring a broker back.",
            ));
        }
        items
    }

    fn close(&mut self) {
        if let Some(producer) = self.producer.take() {
            producer.close(CLOSE_WITHIN);
        }
    }
}
