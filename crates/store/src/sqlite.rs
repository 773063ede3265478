//! The embedded store: one directory, one writer thread, a small pool of readers.

use crate::journal::JournalWrite;
use crate::queue::Queue;
use crate::rows::{AuditEntry, HostProfile};
use crate::writer::Writer;
use crate::{EvidenceFolder, Reader, StoreConfig, StoreError, connection};
use record::scan::Scan;
use record::{
    Counters, Finding, FlowRecord, HostRecord, Incident, IncidentFeedback, IncidentStatus, InventoryChange, IpAddr16,
    Note, ScanRow, SeriesPoint, Timestamp, Verdict,
};
use std::fs::File;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::thread::JoinHandle;

/// One flow to keep.
#[derive(Clone, Debug)]
pub struct FlowWrite {
    /// The record; its `flow_id` is its identity: writing it again replaces it.
    pub record: Box<FlowRecord>,
    /// The verdict, when it is known already.
    pub verdict: Option<Verdict>,
    /// Community ID, version 1.
    pub community_id: String,
    /// Interface name.
    pub in_iface: Arc<str>,
}

/// What a person changed of an incident. Unlike a plain write of the incident it may also reopen it.
#[derive(Clone, Debug, Default)]
pub struct IncidentChange {
    /// New status.
    pub status: Option<IncidentStatus>,
    /// A note to add.
    pub note: Option<Note>,
    /// What the person thinks of the detection; `Some(None)` takes it back.
    pub feedback: Option<Option<IncidentFeedback>>,
    /// Suppression that hides it; `Some(None)`: none any more.
    pub suppressed_by: Option<Option<u64>>,
}

/// One thing that people said of incidents, as it was said: the log from which suppressions, reference rows and labels are made
/// anew at every start. Never changed; taking something back is another event.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct FeedbackEvent {
    /// Number, rising.
    pub id: u64,
    /// When it was said, wall time.
    pub ts: Timestamp,
    /// Incident.
    pub incident: String,
    /// What was said, JSON of the program's own.
    pub body: String,
    /// Columns of the vectors.
    pub columns: u32,
    /// Vectors of the incident's flows as they were then, row-major.
    pub values: Vec<f32>,
}

/// A scan, or what there is now to be said of it: the row is written anew each time, the rest where it is there.
#[derive(Clone, Debug, Default)]
pub struct ScanWrite {
    /// The run.
    pub row: ScanRow,
    /// Addresses from which it asked: its own traffic is nobody's use of a port.
    pub sources: Vec<IpAddr16>,
    /// What it found.
    pub scan: Option<Box<Scan>>,
    /// What becomes of the inventory.
    pub inventory: InventoryChange,
    /// What is strange in it.
    pub findings: Vec<Finding>,
}

/// What is written together. Every write is idempotent: by `flow_id`, incident `id`, host `ip`, series `(metric, ts)`.
#[derive(Clone, Debug, Default)]
pub struct StoreBatch {
    /// Flows.
    pub flows: Vec<FlowWrite>,
    /// Verdicts of flows written before (or in this batch).
    pub verdicts: Vec<Verdict>,
    /// Incidents, new or changed. A status or notes that a person set stay when the incoming ones are open or fewer.
    pub incidents: Vec<Incident>,
    /// Changes by people, applied after `incidents`.
    pub changes: Vec<(String, IncidentChange)>,
    /// Hosts with counters since first seen; the larger counter, the earlier first and the later last time win.
    pub hosts: Vec<HostRecord>,
    /// One-second points: each metric once for each second that was watched, zeros too, all sources added up.
    pub series: Vec<SeriesPoint>,
    /// Settings by name, read back with `Read::setting`.
    pub settings: Vec<(String, String)>,
    /// What people said, appended; read back with `Read::feedback`.
    pub feedback: Vec<FeedbackEvent>,
    /// What people said of hosts; one that says nothing takes back what was said.
    pub profiles: Vec<HostProfile>,
    /// What people changed, appended; read back with `Read::audit`.
    pub audit: Vec<AuditEntry>,
    /// Scans.
    pub scans: Vec<ScanWrite>,
    /// What is kept elsewhere too: what to list, and what has arrived there. Written before all else of the batch.
    pub journal: Vec<JournalWrite>,
}

impl StoreBatch {
    pub(crate) fn flows_len(&self) -> usize {
        self.flows.len() + self.verdicts.len()
    }
    pub(crate) fn other_len(&self) -> usize {
        self.incidents.len()
            + self.changes.len()
            + self.hosts.len()
            + self.series.len()
            + self.settings.len()
            + self.feedback.len()
            + self.profiles.len()
            + self.audit.len()
            + self.scans.len()
            + self.journal.len()
    }
    /// Leaves at most `room` flows and verdicts, the last `kept` places of it for the anomalous; says how many went.
    pub(crate) fn truncate_flows(&mut self, room: usize, kept: usize) -> usize {
        let before = self.flows_len();
        let mut room = room;
        if before > room.saturating_sub(kept) {
            let mut enter = |anomalous: bool| {
                let enters = room > if anomalous { 0 } else { kept };
                room -= usize::from(enters);
                enters
            };
            self.flows.retain(|flow| enter(flow.verdict.as_ref().is_some_and(|verdict| verdict.anomalous)));
            self.verdicts.retain(|verdict| enter(verdict.anomalous));
        }
        before - self.flows_len()
    }
    pub(crate) fn append(&mut self, mut other: Self) {
        self.flows.append(&mut other.flows);
        self.verdicts.append(&mut other.verdicts);
        self.incidents.append(&mut other.incidents);
        self.changes.append(&mut other.changes);
        self.hosts.append(&mut other.hosts);
        self.series.append(&mut other.series);
        self.settings.append(&mut other.settings);
        self.feedback.append(&mut other.feedback);
        self.profiles.append(&mut other.profiles);
        self.audit.append(&mut other.audit);
        self.scans.append(&mut other.scans);
        self.journal.append(&mut other.journal);
    }
}

/// What the store has done since it was opened.
#[derive(Clone, Debug, Default)]
pub struct StoreCounters {
    /// Flows written.
    pub flows_written: u64,
    /// Incidents written.
    pub incidents_written: u64,
    /// Transactions committed.
    pub transactions: u64,
    /// Lost, by reason: `store_queue_full`, `store_write_failed`, `store_spool_damaged`, `series_late`.
    pub dropped: Counters,
    /// Deleted by a bound: `flows_size`, `flows_age`, `incidents_age`, `incidents_max`, `incidents_size`,
    /// `hosts_age`, `hosts_max`, `scans`, `assets`, `asset_events`.
    pub deleted: Counters,
    /// Bytes of the database file.
    pub database_bytes: u64,
    /// Bytes of the write-ahead log.
    pub wal_bytes: u64,
    /// Flows and verdicts waiting in memory.
    pub waiting_flows: u64,
    /// Flows waiting on disk.
    pub spooled_flows: u64,
    /// Bytes of these.
    pub spooled_bytes: u64,
    /// Incidents, changes, hosts and points waiting.
    pub waiting_other: u64,
    /// The last failure of the writer, None after a success.
    pub last_error: Option<String>,
}

/// The hold on flows that somebody else still has to read.
#[derive(Clone, Debug)]
pub struct FlowsHeld(Arc<AtomicI64>);

impl FlowsHeld {
    /// Flows up to this row are not needed any more; None: not known yet.
    pub fn release(&self, upto: Option<i64>) {
        if let Some(upto) = upto {
            self.0.store(upto, Ordering::Relaxed);
        }
    }
}

/// The embedded store, opened for writing. Dropping it writes what waits, and closes the database.
pub struct Sqlite {
    queue: Arc<Queue>,
    reader: Arc<Reader>,
    evidence: EvidenceFolder,
    thread: Option<JoinHandle<()>>,
    _lock: File,
}

impl Sqlite {
    /// Opens or creates the store in `dir` and starts its writer.
    ///
    /// # Errors
    /// Not writable, in use, damaged, written by a newer version, or a bound that cannot hold; each says what to do.
    pub fn open(dir: &Path, config: &StoreConfig) -> Result<Self, StoreError> {
        Self::open_with(dir, config, || {})
    }

    /// The same; `begin` runs first in the writer's thread, to set its priority.
    ///
    /// # Errors
    /// As of `open`.
    pub fn open_with(
        dir: &Path,
        config: &StoreConfig,
        begin: impl FnOnce() + Send + 'static,
    ) -> Result<Self, StoreError> {
        config.check()?;
        let refused = |e: std::io::Error| StoreError::NotWritable { path: dir.to_path_buf(), detail: e.to_string() };
        std::fs::create_dir_all(dir).map_err(refused)?;
        let lock = connection::lock(dir)?;
        let (database, path) = connection::open_writer(dir, config)?;
        let evidence = EvidenceFolder::open(dir, config)?;
        let queue = Arc::new(Queue::new(config));
        let reader = Arc::new(Reader::open(dir, config)?);
        let writer = Writer::new(database, path, dir, config.clone(), Arc::clone(&queue))?;
        let write = move || {
            begin();
            writer.run();
        };
        let thread = std::thread::Builder::new().name("store".into()).spawn(write).map_err(refused)?;
        Ok(Self { queue, reader, evidence, thread: Some(thread), _lock: lock })
    }

    /// Hands a batch to the writer. Waits only when `queue_other_max` is reached; flows over the bound are counted as
    /// `store_queue_full`.
    ///
    /// # Errors
    /// `StoreError::Closed` when the writer is gone.
    pub fn write(&self, batch: StoreBatch) -> Result<(), StoreError> {
        self.queue.push(batch)
    }

    /// Waits until everything written so far is committed, or waits on disk as flows over what the database takes in, or is counted as lost.
    ///
    /// # Errors
    /// `StoreError::Closed` when the writer is gone.
    pub fn flush(&self) -> Result<(), StoreError> {
        self.queue.flush()
    }

    /// Takes over the ages and sizes of `config` (`max_bytes`, `*_age_*`, `*_max` of incidents and hosts) while it runs; its other
    /// settings are looked at when a store is opened. The caller has checked it.
    pub fn set_retention(&self, config: &StoreConfig) {
        self.queue.set_bounds(config.clone());
    }

    /// From now on age deletes no flow that was not released; size still does, so that every bound on disk holds.
    #[must_use]
    pub fn hold_flows(&self) -> FlowsHeld {
        self.queue.held.store(0, Ordering::Relaxed);
        FlowsHeld(Arc::clone(&self.queue.held))
    }

    /// The reading side, for the API.
    #[must_use]
    pub fn reader(&self) -> Arc<Reader> {
        Arc::clone(&self.reader)
    }

    /// Captures kept as evidence.
    #[must_use]
    pub const fn evidence(&self) -> &EvidenceFolder {
        &self.evidence
    }

    /// Counters since opening.
    #[must_use]
    pub fn counters(&self) -> StoreCounters {
        self.queue.counters()
    }
}

impl Drop for Sqlite {
    fn drop(&mut self) {
        self.queue.close();
        if let Some(thread) = self.thread.take() {
            // A panic of the writer has been reported by the runtime already.
            drop(thread.join());
        }
    }
}

#[cfg(test)]
#[path = "tests/mod.rs"]
pub(crate) mod tests;
