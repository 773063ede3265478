//! The archive of one store: publishes what arrived, merges what is small, lets go what is old. Owns the order of a round and its counters;
//! whoever calls owns the thread, the clock and the pauses.

use super::ArchiveError;
use super::cloud::Cloud;
use super::compact::{oldest_day, tidy};
use super::config::{ArchiveConfig, ArchiveKind};
use super::place::Place;
use super::publish::Publisher;
use super::tables::{TABLES, table};
use crate::Reader;
use record::Timestamp;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Time between two looks at what can be merged or is too old.
const TIDY_EVERY_NS: i64 = 3_600 * 1_000_000_000;

/// What was done since the start.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// Rows published, by kind.
    pub rows: BTreeMap<ArchiveKind, u64>,
    /// Files published.
    pub files: u64,
    /// Bytes of these.
    pub bytes: u64,
    /// Flows that the store deleted before they were published.
    pub missed: u64,
    /// Files that were merged into larger ones.
    pub merged: u64,
    /// Files deleted because of their age.
    pub expired: u64,
}

/// Publishes the rows of one store.
pub struct Archiver {
    place: Arc<dyn Place>,
    store: Arc<Reader>,
    writer: String,
    config: ArchiveConfig,
    publishers: Vec<Publisher>,
    progress: Progress,
    next_tidy_ns: i64,
}

impl Archiver {
    /// Opens the archive for a store; `writer` is the store's name there (`new_writer`), the same at every start.
    ///
    /// # Errors
    /// The settings cannot be, or the folder cannot be made. Of a cloud nothing is asked yet.
    pub fn open(config: &ArchiveConfig, store: Arc<Reader>, writer: &str) -> Result<Self, ArchiveError> {
        Ok(Self::at(Arc::new(Cloud::open(config)?), config, store, writer))
    }

    pub(super) fn at(place: Arc<dyn Place>, config: &ArchiveConfig, store: Arc<Reader>, writer: &str) -> Self {
        let tables = TABLES.iter().filter(|table| config.kinds.contains(&table.kind()));
        let publishers = tables.map(|table| Publisher::new(*table, writer, config)).collect();
        let (writer, config) = (writer.to_owned(), config.clone());
        Self { place, store, writer, config, publishers, progress: Progress::default(), next_tidy_ns: i64::MIN }
    }

    /// Publishes all that is there, and tidies when it is time. What was done before a failure stays done and counted; the next round
    /// goes on from there.
    ///
    /// # Errors
    /// The first failure, in words.
    pub fn round(&mut self, now: Timestamp, stop: &dyn Fn() -> bool) -> Result<(), ArchiveError> {
        let oldest = oldest_day(&self.config, now.0);
        for publisher in &mut self.publishers {
            while !stop() {
                let done = publisher.publish(self.place.as_ref(), &self.store, &oldest)?;
                *self.progress.rows.entry(publisher.kind()).or_default() += done.rows;
                self.progress.files += done.files;
                self.progress.bytes += done.bytes;
                self.progress.missed += done.missed;
                if !done.more {
                    break;
                }
            }
        }
        if now.0 >= self.next_tidy_ns && !stop() {
            self.tidy(now)?;
            self.next_tidy_ns = now.0.saturating_add(TIDY_EVERY_NS);
        }
        Ok(())
    }

    fn tidy(&mut self, now: Timestamp) -> Result<(), ArchiveError> {
        for kind in &self.config.kinds {
            let Some(table) = table(*kind) else { continue };
            let done = tidy(&self.place, table, &self.writer, &self.config, now.0)?;
            self.progress.merged += done.merged;
            self.progress.expired += done.expired;
        }
        Ok(())
    }

    /// What was done since the start.
    #[must_use]
    pub const fn progress(&self) -> &Progress {
        &self.progress
    }

    /// Every flow up to this number is in the archive, in all kinds that are made of flows; None while that is not known.
    #[must_use]
    pub fn flows_until(&self) -> Option<i64> {
        let of_flows = |kind| matches!(kind, ArchiveKind::Flows | ArchiveKind::Verdicts);
        let cursors = self.publishers.iter().filter(|publisher| of_flows(publisher.kind())).map(Publisher::cursor);
        Some(cursors.collect::<Option<Vec<i64>>>()?.into_iter().min().unwrap_or(i64::MAX))
    }
}

impl std::fmt::Debug for Archiver {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "archive {} of store {}", self.place.address(), self.writer)
    }
}
