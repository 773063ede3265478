//! Which topics of other tools are read as logs, and how.

use super::settings::{From, check_topic};
use crate::SourceError;
use serde::{Deserialize, Serialize};

/// Topics read at once.
const TOPICS_MAX: usize = 256;

/// Section `[kafka.input]`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct KafkaInput {
    /// Topics whose messages are lines of logs that Tripline reads (EVE JSON, Zeek JSON and others). Empty: none.
    pub topics: Vec<String>,
    /// Members of this group share the partitions.
    pub group: String,
    /// Where reading begins when the group has committed nothing.
    pub from: From,
    /// A member that is silent for so long has left, milliseconds.
    pub session_timeout_ms: u64,
    /// Messages taken at once, bytes; twice as much is fetched ahead.
    pub batch_max_bytes: usize,
}

impl Default for KafkaInput {
    fn default() -> Self {
        Self {
            topics: Vec::new(),
            group: "tripline-logs".to_owned(),
            from: From::Latest,
            session_timeout_ms: 8_000,
            batch_max_bytes: 4 << 20,
        }
    }
}

impl KafkaInput {
    /// Checks what types cannot say.
    ///
    /// # Errors
    /// A sentence that names the setting.
    pub fn check(&self) -> Result<(), SourceError> {
        let refused = |what: String| Err(SourceError::Kafka { what: format!("kafka.input.{what}") });
        if self.topics.len() > TOPICS_MAX {
            return refused(format!("topics lists {}; {TOPICS_MAX} is the most", self.topics.len()));
        }
        for topic in &self.topics {
            if let Err(why) = check_topic(topic) {
                return refused(format!("topics: {why}"));
            }
        }
        if self.group.is_empty() {
            return refused("group is empty; name the group whose members share the topics".to_owned());
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

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn wrong_settings_are_refused_by_name() {
        let refused = |input: KafkaInput| input.check().unwrap_err().to_string();
        KafkaInput::default().check().unwrap();
        assert!(refused(KafkaInput { topics: vec!["a b".to_owned()], ..Default::default() }).contains("input.topics"));
        assert!(refused(KafkaInput { group: String::new(), ..Default::default() }).contains("input.group"));
        assert!(refused(KafkaInput { session_timeout_ms: 5, ..Default::default() }).contains("session_timeout_ms"));
        assert!(refused(KafkaInput { batch_max_bytes: 5, ..Default::default() }).contains("batch_max_bytes"));
    }
}
