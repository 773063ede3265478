//! What every role needs of the broker: its settings, the topics, a word on how this process does. Owns the making of topics and the
//! node messages; what flows through is the other files'.

use super::settings::{RoleSettings, topics};
use crate::failure::{Failure, Result};
use crate::live::judging::lock;
use crate::live::status::{Status, item};
use record::{HealthItem, HealthLevel, KafkaConnection};
use serde::{Deserialize, Serialize};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use store::kafka::{Compression, Outgoing, Producer, ProducerConfig, ensure_topic};

/// Time between two attempts to make topics.
const TOPICS_EVERY: Duration = Duration::from_secs(2);
/// Time between two words of a process about itself.
const NODE_EVERY: Duration = Duration::from_secs(3);
/// Longest message that topics take, bytes.
const MESSAGE_MAX: &str = "8388608";

/// What the roles of one process share.
#[derive(Clone)]
pub struct Link {
    /// `[roles]`.
    pub settings: RoleSettings,
    /// `[kafka]`.
    pub connection: KafkaConnection,
    /// Shared numbers.
    pub status: Arc<Mutex<Status>>,
    /// Set when the process is to end.
    pub stop: Arc<AtomicBool>,
}

/// How a process does, as its neighbours hear it. Topic `tripline.nodes`, JSON, keyed by role and name.
#[derive(Clone, Debug, Serialize, Deserialize, PartialEq)]
pub struct Node {
    /// `sensor`, `detector`, `server`.
    pub role: String,
    /// Name.
    pub name: String,
    /// Version of the program.
    pub version: String,
    /// Newest schema of messages that it understands.
    pub schema: u32,
    /// Wall time, ms since 1970.
    pub at_ms: i64,
    /// Messages that wait for it.
    pub lag: u64,
    /// Flows that passed it since its start.
    pub flows: u64,
    /// What is wrong; empty when nothing is.
    pub trouble: String,
}

impl Link {
    /// This process's name among those of its role.
    pub fn name(&self) -> String {
        if !self.settings.name.is_empty() {
            return self.settings.name.clone();
        }
        let name = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
        let name = name.trim();
        if name.is_empty() { "tripline".to_owned() } else { name.to_owned() }
    }

    /// A topic's name.
    pub fn topic(&self, what: &str) -> String {
        self.settings.topic(what)
    }

    /// A producer; with a folder, what cannot be sent waits there.
    pub fn producer(&self, spool: Option<&Path>) -> Result<Producer> {
        let config = ProducerConfig {
            connection: self.connection.clone(),
            compression: Compression::Lz4,
            spool_max_bytes: self.settings.spool_max_bytes,
            ..ProducerConfig::default()
        };
        Producer::open(config, spool).map_err(|error| Failure::new(error.to_string()))
    }

    /// Makes the topics that are missing, until they are there or the process ends; a number of partitions that is not the one set is an
    /// error that stays in the health strip, because each process must count the same.
    pub fn make_topics(&self) {
        let retention_ms = (self.settings.retention_h * 3_600_000).to_string();
        let kept = [("retention.ms", retention_ms.as_str()), ("max.message.bytes", MESSAGE_MAX)];
        let compacted = [("cleanup.policy", "compact"), ("max.message.bytes", MESSAGE_MAX)];
        let partitions = self.settings.partitions;
        let all = [
            (topics::FLOWS, partitions, &kept),
            (topics::VERDICTS, partitions, &kept),
            (topics::SENSORS, 1, &kept),
            (topics::ASSETS, 1, &compacted),
            (topics::INCIDENTS, 1, &kept),
            (topics::MODELS, 1, &compacted),
            (topics::NODES, 1, &kept),
        ];
        let mut missing: Vec<_> = all.iter().collect();
        while !missing.is_empty() && !self.stop.load(Ordering::Relaxed) {
            missing.retain(|(what, partitions, config)| {
                let name = self.topic(what);
                match ensure_topic(&self.connection, &name, *partitions, self.settings.replication, &config[..]) {
                    Ok(topic) if topic.partitions != *partitions => {
                        self.refuse_partitions(&name, topic.partitions, *partitions);
                        false
                    }
                    Ok(_) => false,
                    Err(_) => true,
                }
            });
            if !missing.is_empty() {
                self.wait(TOPICS_EVERY);
            }
        }
    }

    fn refuse_partitions(&self, topic: &str, there: u32, wanted: u32) {
        let text = format!("Topic {topic} has {there} partitions and roles.partitions says {wanted}");
        tracing::error!("{text}");
        let action = "Set roles.partitions to what the topic has, in every process, or make the topic anew.";
        lock(&self.status).notices.push(item("topics", HealthLevel::Error, text, action));
    }

    /// Sleeps, and wakes early when the process ends.
    pub fn wait(&self, time: Duration) {
        let until = Instant::now() + time;
        while Instant::now() < until && !self.stop.load(Ordering::Relaxed) {
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// Puts words into the health strip.
    pub fn say(&self, items: Vec<HealthItem>) {
        lock(&self.status).roles = items;
    }
}

/// Tells the others how this process does, now and then.
pub struct NodeTeller {
    topic: String,
    role: &'static str,
    name: String,
    told: Option<Instant>,
}

impl NodeTeller {
    /// For a role of this process.
    pub fn new(link: &Link, role: &'static str) -> Self {
        Self { topic: link.topic(topics::NODES), role, name: link.name(), told: None }
    }

    /// Sends a word when it is time.
    pub fn tell(&mut self, producer: &Producer, lag: u64, flows: u64, trouble: &str) {
        if self.told.is_some_and(|told| told.elapsed() < NODE_EVERY) {
            return;
        }
        self.told = Some(Instant::now());
        let node = Node {
            role: self.role.to_owned(),
            name: self.name.clone(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            schema: record::wire::SCHEMA,
            at_ms: crate::live::wall_clock().0 / 1_000_000,
            lag,
            flows,
            trouble: trouble.to_owned(),
        };
        let (key, payload) = (format!("{}/{}", self.role, self.name), serde_json::to_vec(&node).unwrap_or_default());
        producer.send(Outgoing { topic: self.topic.clone(), key: key.into_bytes(), payload, ..Outgoing::default() });
    }
}
