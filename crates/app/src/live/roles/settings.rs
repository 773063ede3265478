//! Settings of a process that does a part of the work (`run --role`). The connection to the broker is `[kafka]`'s.

use serde::{Deserialize, Serialize};

/// Most partitions that a topic may have here.
const PARTITIONS_MAX: u32 = 1_024;

/// `[roles]`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RoleSettings {
    /// Name of this process among those of its role; empty: the machine's.
    pub name: String,
    /// What the names of topics begin with.
    pub topic_prefix: String,
    /// Partitions of the topics of flows and verdicts: as many detectors can share the work. The same for all processes.
    pub partitions: u32,
    /// Copies of each topic, where it has to be made.
    pub replication: u16,
    /// How long a topic keeps messages, hours, where it has to be made.
    pub retention_h: u64,
    /// Most that waits on a sensor's disk while no broker is there, bytes.
    pub spool_max_bytes: u64,
    /// Epochs that the server lets wait for their verdicts before it reads no more.
    pub epochs_waiting_max: usize,
}

impl Default for RoleSettings {
    fn default() -> Self {
        Self {
            name: String::new(),
            topic_prefix: "tripline".to_owned(),
            partitions: 4,
            replication: 1,
            retention_h: 72,
            spool_max_bytes: 4 << 30,
            epochs_waiting_max: 20_000,
        }
    }
}

impl RoleSettings {
    /// Says what cannot be.
    pub fn check(&self) -> Result<(), String> {
        let legal = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
        if self.topic_prefix.is_empty() || self.topic_prefix.len() > 200 || !self.topic_prefix.chars().all(legal) {
            let words = "letters, digits, dots, underscores and hyphens, at least one";
            return Err(format!("roles.topic_prefix = \"{}\": write {words}", self.topic_prefix));
        }
        if !self.name.chars().all(legal) || self.name.len() > 200 {
            return Err(format!(
                "roles.name = \"{}\": write letters, digits, dots, underscores and hyphens",
                self.name
            ));
        }
        if !(1..=PARTITIONS_MAX).contains(&self.partitions) {
            return Err(format!("roles.partitions = {}: write 1 to {PARTITIONS_MAX}", self.partitions));
        }
        if self.replication == 0 {
            return Err("roles.replication = 0: write 1, or the number of brokers that shall have a copy".to_owned());
        }
        Ok(())
    }

    /// A topic's name.
    pub fn topic(&self, what: &str) -> String {
        format!("{}.{what}", self.topic_prefix)
    }
}

/// The topics that roles use, by what they carry.
pub mod topics {
    /// Flows, from sensors to detectors.
    pub const FLOWS: &str = "flows";
    /// Flows with verdicts, from detectors to the server.
    pub const VERDICTS: &str = "verdicts";
    /// Epochs, from sensors to the server.
    pub const SENSORS: &str = "sensors";
    /// Hosts as sensors know them, to the server and to whoever wants them.
    pub const ASSETS: &str = "assets";
    /// Incidents, from the server to whoever wants them.
    pub const INCIDENTS: &str = "incidents";
    /// The models that detectors are to use, from the server.
    pub const MODELS: &str = "models";
    /// How each process does.
    pub const NODES: &str = "nodes";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_is_said() {
        assert_eq!(RoleSettings::default().check(), Ok(()));
        let wrong = |change: fn(&mut RoleSettings)| {
            let mut settings = RoleSettings::default();
            change(&mut settings);
            settings.check().err().unwrap_or_default()
        };
        assert!(wrong(|s| s.partitions = 0).contains("roles.partitions = 0: write 1 to 1024"));
        assert!(wrong(|s| s.topic_prefix = "a b".into()).contains("roles.topic_prefix"));
        assert!(wrong(|s| s.name = "a/b".into()).contains("roles.name"));
        assert!(wrong(|s| s.replication = 0).contains("roles.replication"));
        assert_eq!(RoleSettings::default().topic(topics::FLOWS), "tripline.flows");
    }
}
