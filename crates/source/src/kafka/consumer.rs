//! The consumer as its callers see it: takes messages, says what it is done with, asks how it goes, ends it. Owns the thread that the client
//! lives on, so that a caller who takes long stays a member of its group.

use super::connect::check_files;
use super::fetch::{Shared, run};
use super::held::{PartitionLag, Polled};
use super::settings::ConsumerConfig;
use crate::SourceError;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

/// How it goes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ConsumerState {
    /// Whether brokers answer.
    pub connected: bool,
    /// Partitions that are ours.
    pub assigned: usize,
    /// Messages taken since the start.
    pub received: u64,
    /// Messages ahead, as far as it is known.
    pub lag: u64,
    /// What went wrong last; None once it goes well again.
    pub last_error: Option<String>,
    /// All of it for a person.
    pub words: String,
}

/// Reads topics. Dropping it leaves the group, as `close` does.
pub struct Consumer {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

impl Consumer {
    /// Starts; brokers need not be there.
    ///
    /// # Errors
    /// Settings that cannot be, or a file they name that cannot be read.
    pub fn open(config: ConsumerConfig) -> Result<Self, SourceError> {
        Self::open_at(config, &[])
    }

    /// The same, from these offsets on (topic, partition, next); for those who keep offsets themselves. Where a group has committed one, that
    /// counts.
    ///
    /// # Errors
    /// As `open`.
    pub fn open_at(config: ConsumerConfig, next: &[(Arc<str>, i32, i64)]) -> Result<Self, SourceError> {
        config.check()?;
        check_files(&config.connection).map_err(|what| SourceError::Kafka { what })?;
        let shared = Arc::new(Shared::new(config, next.to_vec()));
        let failed = |e: std::io::Error| SourceError::Kafka { what: format!("no thread for the client: {e}") };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(failed)?;
        let for_thread = Arc::clone(&shared);
        let thread = std::thread::Builder::new()
            .name("kafka-consumer".to_owned())
            .spawn(move || runtime.block_on(run(for_thread)))
            .map_err(failed)?;
        Ok(Self { shared, thread: Some(thread) })
    }

    /// Messages, and the assignment when it changed; waits where there is neither. A broker that is away is no error: `state` says it.
    ///
    /// # Errors
    /// None now; kept for those that nothing sensible can follow.
    pub fn poll(&mut self, wait: Duration) -> Result<Polled, SourceError> {
        Ok(self.shared.poll(wait))
    }

    /// The caller is done with everything before these offsets (topic, partition, next). Does not wait: the group is told by the client's
    /// thread, again and again until it was. Partitions that are not ours any more are passed over.
    ///
    /// # Errors
    /// Without a group there is nobody to tell.
    pub fn commit(&mut self, next: &[(Arc<str>, i32, i64)]) -> Result<(), SourceError> {
        if !self.shared.has_group() {
            return Err(SourceError::Kafka {
                what: "offsets of a consumer without a group are its caller's".to_owned(),
            });
        }
        self.shared.commit(next);
        Ok(())
    }

    /// How far each partition was read.
    pub fn lag(&self) -> Vec<PartitionLag> {
        self.shared.lag()
    }

    /// How it goes.
    pub fn state(&self) -> ConsumerState {
        self.shared.state()
    }

    /// Commits what is to be committed and leaves the group at once.
    pub fn close(mut self) {
        self.end();
    }

    fn end(&mut self) {
        self.shared.stop();
        if let Some(thread) = self.thread.take() {
            // A client that panicked has left the group by its silence.
            thread.join().ok();
        }
    }
}

impl Drop for Consumer {
    fn drop(&mut self) {
        self.end();
    }
}
