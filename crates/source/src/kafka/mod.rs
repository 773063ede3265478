//! Reading topics of Apache Kafka: as a member of a group that shares partitions, or all partitions with offsets of the caller's own. Owns
//! the connection, the membership, what was fetched and not yet taken; knows nothing of what the messages mean.

mod connect;
mod consumer;
mod fetch;
mod held;
mod settings;

pub use consumer::{Consumer, ConsumerState};
pub use held::{Incoming, PartitionLag, Polled};
pub use settings::{ConsumerConfig, From};
