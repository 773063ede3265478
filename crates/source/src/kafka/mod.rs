//! Reading topics of Apache Kafka: as a member of a group that shares partitions, or all partitions with offsets of the caller's own. Owns
//! the connection, the membership, what was fetched and not yet taken; knows nothing of what the messages mean. Its settings are there in
//! builds without the client too, so that they can be checked and refused in words.

#[cfg(feature = "kafka")]
mod connect;
#[cfg(feature = "kafka")]
mod consumer;
#[cfg(feature = "kafka")]
mod fetch;
#[cfg(feature = "kafka")]
mod held;
mod input;
#[cfg(feature = "kafka")]
mod lines;
mod settings;

#[cfg(feature = "kafka")]
pub use consumer::{Consumer, ConsumerState};
#[cfg(feature = "kafka")]
pub use held::{Incoming, PartitionLag, Polled};
pub use input::KafkaInput;
#[cfg(feature = "kafka")]
pub use lines::KafkaLines;
pub use settings::{ConsumerConfig, From};
