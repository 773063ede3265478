//! What is read, from where on, and the bounds of it.

use crate::SourceError;
use record::KafkaConnection;
use serde::{Deserialize, Serialize};

/// Where reading begins when nothing is committed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum From {
    /// The oldest message that is kept.
    #[default]
    Earliest,
    /// What comes from now on.
    Latest,
}

/// How a consumer works.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConsumerConfig {
    /// Which brokers, and how.
    pub connection: KafkaConnection,
    /// The group whose members share the partitions; None: all partitions, and offsets are the caller's.
    pub group: Option<String>,
    /// What is read.
    pub topics: Vec<String>,
    /// Where reading begins when nothing is committed.
    pub from: From,
    /// A member that is silent for so long has left, milliseconds. Brokers allow 6000 and more unless they are set otherwise.
    pub session_timeout_ms: u64,
    /// Messages that one poll returns, bytes; twice as much is fetched ahead.
    pub batch_max_bytes: usize,
}

impl Default for ConsumerConfig {
    fn default() -> Self {
        Self {
            connection: KafkaConnection::default(),
            group: None,
            topics: Vec::new(),
            from: From::Earliest,
            session_timeout_ms: 8_000,
            batch_max_bytes: 8 << 20,
        }
    }
}

impl ConsumerConfig {
    /// Checks what types cannot say.
    ///
    /// # Errors
    /// A sentence that names the setting.
    pub fn check(&self) -> Result<(), SourceError> {
        let refused = |what: String| Err(SourceError::Kafka { what });
        if !self.connection.is_set() {
            return refused("kafka.brokers is empty; write at least one host:port".to_owned());
        }
        self.connection.check().map_err(|what| SourceError::Kafka { what })?;
        if self.topics.is_empty() {
            return refused("no topic is named; write at least one".to_owned());
        }
        for topic in &self.topics {
            check_topic(topic).map_err(|what| SourceError::Kafka { what })?;
        }
        if self.group.as_deref() == Some("") {
            return refused("the group has no name; write one".to_owned());
        }
        if !(1_000..=300_000).contains(&self.session_timeout_ms) {
            return refused(format!("session_timeout_ms is {}; set 1000 to 300000", self.session_timeout_ms));
        }
        if !(64 << 10..=256 << 20).contains(&self.batch_max_bytes) {
            return refused(format!("batch_max_bytes is {}; set 65536 to 268435456", self.batch_max_bytes));
        }
        Ok(())
    }
}

/// What Kafka allows as the name of a topic.
pub(crate) fn check_topic(topic: &str) -> Result<(), String> {
    let letters = topic.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-'));
    if topic.is_empty() || topic.len() > 249 || !letters || topic == "." || topic == ".." {
        return Err(format!(
            "`{topic}` is no name of a topic; write 1 to 249 letters, digits, dots, dashes and underscores"
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn wrong_settings_are_refused_in_words() {
        let connection = KafkaConnection { brokers: vec!["127.0.0.1:9092".to_owned()], ..KafkaConnection::default() };
        let good = ConsumerConfig { connection, topics: vec!["a.b".to_owned()], ..ConsumerConfig::default() };
        good.check().unwrap();
        let wrong: [(&str, ConsumerConfig); 6] = [
            ("kafka.brokers", ConsumerConfig { connection: KafkaConnection::default(), ..good.clone() }),
            ("no topic", ConsumerConfig { topics: Vec::new(), ..good.clone() }),
            ("no name of a topic", ConsumerConfig { topics: vec!["a b".to_owned()], ..good.clone() }),
            ("group", ConsumerConfig { group: Some(String::new()), ..good.clone() }),
            ("session_timeout_ms", ConsumerConfig { session_timeout_ms: 0, ..good.clone() }),
            ("batch_max_bytes", ConsumerConfig { batch_max_bytes: 1, ..good.clone() }),
        ];
        for (word, config) in wrong {
            assert!(config.check().unwrap_err().to_string().contains(word), "{word}");
        }
    }
}
