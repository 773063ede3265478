//! The thread that archives: rounds at their time, pauses after failures, and what people are told of it. What is published and how is
//! `store::archive`'s. Nothing waits for this thread: what it has not published yet is in the database.

use super::Plan;
use super::judging::lock;
use super::status::item;
use crate::config::Config;
use crate::failure::{Failure, Result};
use record::{Counters, HealthItem, HealthLevel};
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex};
use store::Sqlite;

/// The archive as people see it.
#[derive(Default)]
pub struct ArchiveShared {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    counters: Counters,
    missed: u64,
    /// Why the last round failed; None after a good one.
    error: Option<String>,
}

impl ArchiveShared {
    /// Flows that the store deleted before they were published.
    pub fn missed(&self) -> u64 {
        lock(&self.state).missed
    }

    /// What was published, for the metrics.
    pub fn count(&self, counters: &mut Counters) {
        counters.merge(&lock(&self.state).counters);
    }

    /// A line for the health strip while the archive is behind.
    pub fn health(&self) -> Option<HealthItem> {
        let error = lock(&self.state).error.clone()?;
        let action = "Watching goes on; what is not published yet waits in the database, as long as store.max_bytes and store.flows_age_h keep it.";
        Some(item("archive", HealthLevel::Error, format!("Nothing is archived: {error}"), action))
    }
}

/// What the settings ask for; None: no archive.
#[cfg(not(feature = "archive"))]
pub fn open(
    config: &Config,
    _: &Plan,
    _: &Sqlite,
    _: &Arc<AtomicBool>,
) -> Result<Option<(Archiving, Arc<ArchiveShared>)>> {
    if config.archive.is_on() {
        return Err(Failure::new("archive.url is set, and this build has no archive; build it with `make release`"));
    }
    Ok(None)
}

/// A build without archives has none to run.
#[cfg(not(feature = "archive"))]
pub enum Archiving {}

#[cfg(not(feature = "archive"))]
impl Archiving {
    /// Never called.
    pub fn run(self) {
        match self {}
    }
}

#[cfg(feature = "archive")]
pub use running::open;

#[cfg(feature = "archive")]
mod running {
    use super::super::worker::wall_clock;
    use super::{Arc, ArchiveShared, AtomicBool, Config, Failure, Plan, Result, Sqlite, lock};
    use crate::failure::Context;
    use record::Counters;
    use std::path::PathBuf;
    use std::sync::atomic::Ordering;
    use std::time::{Duration, Instant};
    use store::archive::{ArchiveConfig, ArchiveError, Archiver, Progress, WRITER, new_writer};
    use store::notify::backoff;
    use store::{Read, Reader, StoreBatch, StoreConfig};

    /// How soon the end of the process is noticed.
    const NAP: Duration = Duration::from_millis(100);

    /// The thread's part.
    pub struct Archiving {
        archive: ArchiveConfig,
        store: StoreConfig,
        data_dir: PathBuf,
        writer: String,
        shared: Arc<ArchiveShared>,
        held: store::FlowsHeld,
        stop: Arc<AtomicBool>,
    }

    /// What the settings ask for; None: no archive.
    pub fn open(
        config: &Config,
        plan: &Plan,
        store: &Sqlite,
        stop: &Arc<AtomicBool>,
    ) -> Result<Option<(Archiving, Arc<ArchiveShared>)>> {
        if !config.archive.is_on() {
            return Ok(None);
        }
        let writer = match store.reader().setting(WRITER).map_err(told)? {
            Some(writer) => writer,
            None => begin(store)?,
        };
        let shared = Arc::new(ArchiveShared::default());
        let archiving = Archiving {
            archive: config.archive.clone(),
            store: config.store.clone(),
            data_dir: plan.data_dir.clone(),
            writer,
            shared: Arc::clone(&shared),
            held: store.hold_flows(),
            stop: Arc::clone(stop),
        };
        Ok(Some((archiving, shared)))
    }

    fn told(error: impl std::fmt::Display) -> Failure {
        Failure::new(error.to_string())
    }

    /// A store that was never archived gets its name, before anything is published under it.
    fn begin(store: &Sqlite) -> Result<String> {
        let writer = new_writer().map_err(told)?;
        let settings = vec![(WRITER.to_owned(), writer.clone())];
        store.write(StoreBatch { settings, ..StoreBatch::default() }).map_err(told)?;
        store.flush().map_err(told)?;
        let kept = store.reader().setting(WRITER).map_err(told)?;
        if kept.as_deref() == Some(&writer) {
            Ok(writer)
        } else {
            Err("the store did not keep it").context("the archive's name of this store")
        }
    }

    impl Archiving {
        /// Runs until the process ends. What is not published then is published by the next.
        pub fn run(self) {
            let (mut archiver, mut failures) = (None, 0_u32);
            while !self.stopped() {
                let done = self.round(&mut archiver);
                let pause = match &done {
                    Ok(()) => {
                        failures = 0;
                        Duration::from_secs(self.archive.every_s)
                    }
                    Err(error) => {
                        failures = failures.saturating_add(1);
                        tracing::warn!("{error}");
                        let seed = backoff::seed_of(&self.writer);
                        backoff::wait(self.archive.retry_first_s, self.archive.retry_max_s, failures, seed)
                    }
                };
                self.tell(archiver.as_ref(), done.err());
                let begun = Instant::now();
                while begun.elapsed() < pause && !self.stopped() {
                    std::thread::sleep(NAP.min(pause));
                }
            }
        }

        fn stopped(&self) -> bool {
            self.stop.load(Ordering::Relaxed)
        }

        fn round(&self, archiver: &mut Option<Archiver>) -> std::result::Result<(), ArchiveError> {
            let opened = if let Some(opened) = archiver.take() {
                opened
            } else {
                let reader = Reader::open(&self.data_dir, &self.store)?;
                Archiver::open(&self.archive, Arc::new(reader), &self.writer)?
            };
            let opened = archiver.insert(opened);
            let done = opened.round(wall_clock(), &|| self.stopped());
            self.held.release(opened.flows_until());
            done
        }

        fn tell(&self, archiver: Option<&Archiver>, error: Option<ArchiveError>) {
            let mut state = lock(&self.shared.state);
            if let Some(progress) = archiver.map(Archiver::progress) {
                state.missed = progress.missed;
                state.counters = counters(progress);
            }
            state.error = error.map(|error| error.to_string());
        }
    }

    fn counters(progress: &Progress) -> Counters {
        let mut counters = Counters::default();
        for (kind, rows) in &progress.rows {
            counters.add(&format!("archive_{}_written", kind.name()), *rows);
        }
        counters.add("archive_files_written", progress.files);
        counters.add("archive_bytes_written", progress.bytes);
        counters.add("archive_files_merged", progress.merged);
        counters.add("archive_files_expired", progress.expired);
        counters
    }
}
