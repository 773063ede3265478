//! Section `[kafka]`: how brokers are reached, and which topics of other tools are read. Owns that both stand in one table, and that what is
//! unknown in it is refused.

use crate::failure::{Failure, Result};
use record::KafkaConnection;
use serde::{Deserialize, Deserializer, Serialize, de};
use source::kafka::KafkaInput;
use toml::{Table, Value};

/// See the module.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct KafkaSettings {
    /// Brokers, certificates, log-in.
    #[serde(flatten)]
    pub connection: KafkaConnection,
    /// Topics of other tools.
    pub input: KafkaInput,
}

impl<'de> Deserialize<'de> for KafkaSettings {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        let mut table = Table::deserialize(deserializer)?;
        let input = table.remove("input").map_or_else(|| Ok(KafkaInput::default()), Value::try_into);
        let said = |e: toml::de::Error| de::Error::custom(e.message().to_owned());
        Ok(Self { input: input.map_err(said)?, connection: Value::Table(table).try_into().map_err(said)? })
    }
}

impl KafkaSettings {
    /// Checks what types cannot say.
    pub fn check(&self) -> Result<()> {
        self.connection.check().map_err(Failure::new)?;
        self.input.check().map_err(|e| Failure::new(e.to_string()))?;
        if !self.input.topics.is_empty() && !self.connection.is_set() {
            return Err(Failure::new(
                "kafka.input.topics names topics, and kafka.brokers no broker; write host:port there",
            ));
        }
        if self.connection.is_set() && !cfg!(feature = "kafka") {
            return Err(Failure::new(
                "kafka.brokers is set, and this program was built without Apache Kafka (feature `kafka`); take a build \
                 with it, or remove the setting",
            ));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn read(text: &str) -> std::result::Result<KafkaSettings, String> {
        toml::from_str(text).map_err(|e| e.to_string())
    }

    #[test]
    fn both_parts_stand_in_one_table_and_unknown_keys_are_refused() {
        let settings = read("brokers = [\"k:9092\"]\n[input]\ntopics = [\"suricata\"]\n").unwrap();
        assert_eq!((settings.connection.brokers.len(), settings.input.topics.len()), (1, 1));
        assert_eq!(settings.check().is_ok(), cfg!(feature = "kafka"));
        let again = toml::to_string(&settings).unwrap();
        assert_eq!(read(&again).unwrap(), settings);
        assert!(read("broker = []").unwrap_err().contains("broker"));
        assert!(read("[input]\ntopic = []").unwrap_err().contains("topic"));
        let nowhere = read("[input]\ntopics = [\"a\"]").unwrap();
        assert!(nowhere.check().unwrap_err().to_string().contains("kafka.brokers"));
    }
}
