//! The detector's loop: flow batches in, judged batches out, the offset committed when a broker has acknowledged the result. Owns the loop
//! and its words; the judging is `scoring`'s, and nothing is kept between two messages, so a detector that is killed loses nothing.

use super::link::{Link, NodeTeller};
use super::models::ModelReader;
use super::scoring::{self, Models};
use super::settings::topics;
use crate::failure::{Failure, Result};
use crate::live::status::item;
use crate::live::worker::{Parcel, wall_clock};
use crossbeam_channel::Sender;
use record::HealthLevel;
use record::wire::WireError;
use source::kafka::{Consumer, ConsumerConfig, From, Incoming};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};
use store::kafka::{MESSAGE_BYTES_MAX, Outgoing, Producer, Sent};

/// Longest wait for a message.
const POLL: Duration = Duration::from_millis(100);
/// Bytes of results that may wait for a broker before the next batch is read.
const UNACKNOWLEDGED_MAX: u64 = 8 << 20;
/// What a message has beside its payload, at most.
const HEAD_BYTES: usize = 4_096;
/// Time between two looks at how it does.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// See the module.
pub struct DetectorLoop {
    /// Broker.
    pub link: Link,
    /// Number of its source.
    pub number: usize,
    /// To the judge thread, which shows what is in place.
    pub parcels: Sender<Parcel>,
    /// Where models are kept.
    pub data_dir: PathBuf,
}

struct Counts {
    flows: u64,
    frames: u64,
    damaged: u64,
    looked: Option<Instant>,
    trouble: String,
}

impl DetectorLoop {
    /// Runs until the process ends.
    pub fn run(self) {
        if let Err(error) = self.serve() {
            tracing::error!("detector: {error}");
            let action = "Correct [kafka] or [roles] in the settings and start again.";
            self.link.say(vec![item("kafka", HealthLevel::Error, error.to_string(), action)]);
        }
    }

    fn serve(&self) -> Result<()> {
        let maker = self.link.clone();
        std::thread::spawn(move || maker.make_topics());
        let producer = self.link.producer(None)?;
        let mut consumer = self.consumer()?;
        let mut models = ModelReader::open(&self.link, &self.data_dir)?;
        let mut teller = NodeTeller::new(&self.link, "detector");
        let mut counts = Counts { flows: 0, frames: 0, damaged: 0, looked: None, trouble: String::new() };
        let mut next: BTreeMap<(Arc<str>, i32), i64> = BTreeMap::new();
        while !self.link.stop.load(Ordering::Relaxed) {
            if let Some(ensemble) = models.look() {
                self.show(Some(ensemble), &counts);
            }
            let polled = consumer.poll(POLL).map_err(|error| Failure::new(error.to_string()))?;
            if polled.assigned.is_some() {
                next.clear();
            }
            for message in polled.messages {
                let place = (Arc::clone(&message.topic), message.partition);
                let offset = message.offset;
                if !self.judge(message, &models, &producer, &mut counts) {
                    return Ok(());
                }
                next.insert(place, offset + 1);
            }
            self.acknowledge(&producer, &mut consumer, &mut next);
            if counts.looked.is_none_or(|looked| looked.elapsed() >= LOOK_EVERY) {
                counts.looked = Some(Instant::now());
                let lag = consumer.state().lag;
                teller.tell(&producer, lag, counts.flows, &counts.trouble);
                self.say(&consumer, lag, &counts);
                self.show(None, &counts);
            }
        }
        consumer.close();
        producer.close(Duration::from_secs(2));
        Ok(())
    }

    fn consumer(&self) -> Result<Consumer> {
        let config = ConsumerConfig {
            connection: self.link.connection.clone(),
            group: Some(format!("{}-detectors", self.link.settings.topic_prefix)),
            topics: vec![self.link.topic(topics::FLOWS)],
            from: From::Earliest,
            ..ConsumerConfig::default()
        };
        Consumer::open(config).map_err(|error| Failure::new(error.to_string()))
    }

    /// False when the process ends before the message was done with.
    fn judge(&self, message: Incoming, models: &ModelReader, producer: &Producer, counts: &mut Counts) -> bool {
        let Incoming { topic, partition, key, payload, .. } = message;
        let in_place = models.in_place();
        let use_of = Models { ensemble: in_place.as_ref().map(|(models, _)| models.as_ref()), digest: models.digest() };
        let judged = match scoring::judge(payload, &use_of, &self.link.name()) {
            Ok((judged, flows)) => {
                counts.flows += flows as u64;
                counts.frames += 1;
                scoring::judged_bytes(judged, MESSAGE_BYTES_MAX - HEAD_BYTES)
            }
            Err(WireError::Damaged) => {
                counts.damaged += 1;
                return true;
            }
            Err(newer @ WireError::Newer(_)) => {
                counts.trouble = format!("{topic}: {newer}");
                tracing::error!("detector: {}", counts.trouble);
                let action = "Upgrade this detector; what it could not read waits in the topic.";
                self.link.say(vec![item("kafka", HealthLevel::Error, counts.trouble.clone(), action)]);
                while !self.link.stop.load(Ordering::Relaxed) {
                    self.link.wait(LOOK_EVERY);
                }
                return false;
            }
        };
        let topic = self.link.topic(topics::VERDICTS);
        let outgoing = Outgoing { topic, partition: Some(partition), key, payload: judged, headers: Vec::new() };
        // Without room in memory it waits for the broker: what is not written is not committed either.
        while matches!(producer.send(outgoing.clone()), Sent::Dropped) {
            if self.link.stop.load(Ordering::Relaxed) {
                return false;
            }
            producer.flush(LOOK_EVERY);
        }
        true
    }

    /// Commits what a broker has acknowledged; waits where too much is not.
    fn acknowledge(&self, producer: &Producer, consumer: &mut Consumer, next: &mut BTreeMap<(Arc<str>, i32), i64>) {
        if next.is_empty() {
            return;
        }
        let mut acknowledged = producer.flush(Duration::ZERO);
        while !acknowledged
            && producer.state().waiting_bytes > UNACKNOWLEDGED_MAX
            && !self.link.stop.load(Ordering::Relaxed)
        {
            acknowledged = producer.flush(POLL);
        }
        if !acknowledged {
            return;
        }
        let all: Vec<_> =
            std::mem::take(next).into_iter().map(|((topic, partition), next)| (topic, partition, next)).collect();
        if let Err(error) = consumer.commit(&all) {
            // Another member has the partition now and does the work again; the server tells it once.
            tracing::debug!("detector: {error}");
        }
    }

    fn say(&self, consumer: &Consumer, lag: u64, counts: &Counts) {
        let state = consumer.state();
        let level = if state.connected { HealthLevel::Ok } else { HealthLevel::Warning };
        let action = if state.connected {
            ""
        } else {
            "See that a broker of kafka.brokers answers; what was not judged waits there."
        };
        let text = format!("{}; {lag} batches wait for judging", state.words);
        let mut items = vec![item("kafka", level, text, action)];
        if counts.damaged > 0 {
            let text = format!("Batches of flows that could not be read: {}", counts.damaged);
            items.push(item("damaged", HealthLevel::Warning, text, "See who else writes to the topic of flows."));
        }
        self.link.say(items);
    }

    /// To the judge thread: what is in place, how much passed.
    fn show(&self, ensemble: Option<Arc<detect::Ensemble>>, counts: &Counts) {
        let mut parcel = super::parcel(self.number, wall_clock());
        parcel.meter.frames = counts.frames;
        parcel.elsewhere = Some(Box::new(super::Elsewhere::Scored { ensemble, flows: counts.flows }));
        // The judge ends after its workers.
        let _ = self.parcels.send(parcel);
    }
}
