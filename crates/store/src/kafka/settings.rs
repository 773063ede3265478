//! How messages are written, and what one is. Owns the bounds of a producer.

use crate::StoreError;
use record::KafkaConnection;
use serde::{Deserialize, Serialize};

/// Longest message, key and headers included, bytes. Brokers must allow as much (`max.message.bytes` of the topic).
pub const MESSAGE_BYTES_MAX: usize = 4 << 20;

/// How batches of messages are compressed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Compression {
    /// Not at all.
    None,
    /// Fast.
    #[default]
    Lz4,
    /// Small.
    Zstd,
    /// For consumers that know nothing else.
    Gzip,
}

/// How a producer works.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProducerConfig {
    /// Which brokers, and how.
    pub connection: KafkaConnection,
    /// Compression of batches.
    pub compression: Compression,
    /// How long a message waits for company, milliseconds.
    pub linger_ms: u64,
    /// Messages in memory that no broker has acknowledged, bytes.
    pub waiting_max_bytes: u64,
    /// Messages on disk, bytes.
    pub spool_max_bytes: u64,
}

impl Default for ProducerConfig {
    fn default() -> Self {
        Self {
            connection: KafkaConnection::default(),
            compression: Compression::Lz4,
            linger_ms: 20,
            waiting_max_bytes: 32 << 20,
            spool_max_bytes: 1 << 30,
        }
    }
}

impl ProducerConfig {
    /// Checks what types cannot say.
    ///
    /// # Errors
    /// A sentence that names the setting.
    pub fn check(&self) -> Result<(), StoreError> {
        let refused = |what: String| Err(StoreError::Kafka { what });
        if !self.connection.is_set() {
            return refused("kafka.brokers is empty; write at least one host:port".to_owned());
        }
        self.connection.check().map_err(|what| StoreError::Kafka { what })?;
        if self.linger_ms > 10_000 {
            return refused(format!("linger_ms is {}; set 0 to 10000", self.linger_ms));
        }
        let least = 2 * MESSAGE_BYTES_MAX as u64;
        for (name, value) in [("waiting_max_bytes", self.waiting_max_bytes), ("spool_max_bytes", self.spool_max_bytes)]
        {
            if value < least {
                return refused(format!("{name} is {value}; set {least} or more: two of the longest messages"));
            }
        }
        Ok(())
    }
}

/// A message to be written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Outgoing {
    /// Where to.
    pub topic: String,
    /// Which partition; None: by the key, as every client of Kafka does it.
    pub partition: Option<i32>,
    /// Key; empty: none.
    pub key: Vec<u8>,
    /// What it says.
    pub payload: Vec<u8>,
    /// Names and values beside it.
    pub headers: Vec<(String, Vec<u8>)>,
}

impl Outgoing {
    /// Bytes that it takes.
    pub(super) fn bytes(&self) -> usize {
        let headers: usize = self.headers.iter().map(|(name, value)| name.len() + value.len() + 16).sum();
        self.topic.len() + self.key.len() + self.payload.len() + headers + 32
    }
}
