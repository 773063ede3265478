//! Writing to topics of Apache Kafka: a producer whose caller never waits for a broker, topics made where they are missing. Owns the
//! connection, what waits in memory and what waits on disk; knows nothing of what the messages mean.

mod connect;
mod form;
mod outbox;
mod producer;
mod pump;
mod queue;
mod settings;
mod topics;

pub use producer::{Producer, ProducerState, Sent};
pub use settings::{Compression, MESSAGE_BYTES_MAX, Outgoing, ProducerConfig};
pub use topics::{Topic, ensure_topic};
