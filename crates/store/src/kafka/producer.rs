//! The producer as its callers see it: hands over messages, asks how it goes, ends it. Owns the thread that the client lives on.

use super::connect::check_files;
use super::outbox::Outbox;
use super::pump::{Shared, run};
use super::queue::Queue;
pub use super::queue::Sent;
use super::settings::{Outgoing, ProducerConfig};
use crate::StoreError;
use record::Counters;
use serde::Serialize;
use std::path::Path;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// How it goes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct ProducerState {
    /// Whether brokers take what is sent.
    pub connected: bool,
    /// Messages in memory that no broker acknowledged.
    pub waiting_messages: u64,
    /// Their bytes.
    pub waiting_bytes: u64,
    /// Messages on disk that no broker acknowledged; those in memory may be among them.
    pub spooled_messages: u64,
    /// Their bytes.
    pub spooled_bytes: u64,
    /// Messages that brokers acknowledged since the start.
    pub acknowledged: u64,
    /// Messages lost, as `reason:topic`.
    pub dropped: Counters,
    /// What went wrong last; None once it goes well again.
    pub last_error: Option<String>,
    /// All of it for a person.
    pub words: String,
}

/// Writes messages to topics; its callers never wait for a broker.
pub struct Producer {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

impl Producer {
    /// Starts; brokers need not be there. What an earlier process left in `spool_dir` is sent first. Without the folder, what memory has no
    /// room for is dropped.
    ///
    /// # Errors
    /// Settings that cannot be, a file they name that cannot be read, a folder that cannot be used.
    pub fn open(config: ProducerConfig, spool_dir: Option<&Path>) -> Result<Self, StoreError> {
        config.check()?;
        check_files(&config.connection).map_err(|what| StoreError::Kafka { what })?;
        let outbox = spool_dir.map(|dir| {
            Outbox::open(dir, config.spool_max_bytes).map_err(|e| StoreError::Kafka {
                what: format!(
                    "messages cannot wait in {}: {e}; make the folder writable, or end what uses it",
                    dir.display()
                ),
            })
        });
        let queue = Queue::new(config.waiting_max_bytes, outbox.transpose()?);
        let shared = Arc::new(Shared::new(config, queue));
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(|e| StoreError::Kafka { what: format!("no thread for the client: {e}") })?;
        let for_thread = Arc::clone(&shared);
        let thread = std::thread::Builder::new()
            .name("kafka-producer".to_owned())
            .spawn(move || runtime.block_on(run(for_thread)))
            .map_err(|e| StoreError::Kafka { what: format!("no thread for the client: {e}") })?;
        Ok(Self { shared, thread: Some(thread) })
    }

    /// Hands over a message. Order is kept for each topic and partition.
    pub fn send(&self, message: Outgoing) -> Sent {
        self.shared.push(message)
    }

    /// How many partitions a topic has, once known.
    pub fn partitions(&self, topic: &str) -> Option<u32> {
        self.shared.partitions(topic)
    }

    /// How it goes.
    pub fn state(&self) -> ProducerState {
        self.shared.state()
    }

    /// Waits until everything is acknowledged; false when it was not within the time.
    pub fn flush(&self, within: Duration) -> bool {
        self.shared.wait_until_empty(Instant::now() + within)
    }

    /// Ends: waits as `flush`, then what is not acknowledged is in the spool.
    pub fn close(mut self, within: Duration) {
        self.flush(within);
        self.end();
    }

    fn end(&mut self) {
        self.shared.stop();
        if let Some(thread) = self.thread.take() {
            // A client that panicked has nothing more to send.
            thread.join().ok();
            self.shared.close();
        }
    }
}

impl Drop for Producer {
    fn drop(&mut self) {
        self.end();
    }
}
