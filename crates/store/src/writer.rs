//! The one thread that writes: takes what waits, puts it into transactions, then keeps the store inside its bounds. When more flows come
//! than the database takes in, they go through the spool, where a flow costs no index.

use crate::connection::explain;
use crate::journal;
use crate::queue::Queue;
use crate::retention::Retention;
use crate::spool::{Position, Spool};
use crate::sqlite::{FlowWrite, StoreBatch, StoreCounters};
use crate::write::series::SeriesState;
use crate::write::{feedback, flows, hosts, incidents, profiles, scans};
use crate::{StoreConfig, StoreError};
use record::Counters;
use rusqlite::{Connection, OptionalExtension};
use std::mem::take;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// How often ages are looked at when nothing is written.
const IDLE: Duration = Duration::from_secs(30);
/// Pause after a failed transaction.
const PAUSE_AFTER_FAILURE: Duration = Duration::from_millis(500);

/// At the end the spool is emptied for so long; what is left comes at the next start.
const LAST_DRAIN: Duration = Duration::from_secs(10);
/// From this part of the queue on, flows go to the spool.
const SPOOL_AT: usize = 4;
/// Folder of the spool in the store's directory, and the setting that says how far it was read.
const SPOOL: &str = "spool";
const POSITION: &str = "flow_spool_position";

pub(crate) struct Writer {
    connection: Connection,
    path: PathBuf,
    queue: Arc<Queue>,
    series: SeriesState,
    retention: Retention,
    spool: Spool,
    spool_at: usize,
    flows_per_transaction: usize,
    /// Incidents, changes and hosts of failed transactions, to be tried again; one entry an id.
    again: StoreBatch,
}

/// Tells the queue when the thread ends, also by a panic, so that no caller waits for ever.
struct Gone(Arc<Queue>);

impl Drop for Gone {
    fn drop(&mut self) {
        self.0.writer_gone();
    }
}

impl Writer {
    pub(crate) fn new(
        connection: Connection,
        path: PathBuf,
        dir: &Path,
        config: StoreConfig,
        queue: Arc<Queue>,
    ) -> Result<Self, StoreError> {
        let series = SeriesState::open(&connection).map_err(|e| explain(&path, e))?;
        let flows_per_transaction = config.flows_per_transaction();
        let at = position(&connection).map_err(|e| explain(&path, e))?;
        let folder = dir.join(SPOOL);
        let spool = Spool::open(&folder, config.spool_max_bytes, at)
            .map_err(|e| StoreError::NotWritable { path: folder, detail: e.to_string() })?;
        let spool_at = config.queue_flows_max / SPOOL_AT;
        let (retention, again) = (Retention::new(config, &path, Arc::clone(&queue.held)), StoreBatch::default());
        Ok(Self { connection, path, queue, series, retention, spool, spool_at, flows_per_transaction, again })
    }

    pub(crate) fn run(mut self) {
        let _gone = Gone(Arc::clone(&self.queue));
        while let Some((batch, number)) = self.queue.take(if self.spool.is_empty() { IDLE } else { Duration::ZERO }) {
            let mut done = StoreCounters::default();
            if let Some(config) = self.queue.take_bounds() {
                self.flows_per_transaction = config.flows_per_transaction();
                self.retention.set_bounds(config);
            }
            self.commit(batch, &mut done);
            if self.queue.flows_waiting() < self.flows_per_transaction {
                self.drain(&mut done);
            }
            let retained = self.retention.run(&self.connection, &mut self.series, now_s(), &mut done.deleted);
            if let Err(e) = retained {
                done.last_error = Some(explain(&self.path, e).to_string());
            }
            (done.database_bytes, done.wal_bytes) = self.retention.file_bytes();
            (done.spooled_flows, done.spooled_bytes) = self.spool.waiting();
            let failed = done.last_error.is_some();
            self.queue.committed(number, |counters| merge(counters, done));
            if failed && !self.queue.closed() {
                std::thread::sleep(PAUSE_AFTER_FAILURE);
            }
        }
        let until = Instant::now() + LAST_DRAIN;
        let mut done = StoreCounters::default();
        while !self.spool.is_empty() && done.last_error.is_none() && Instant::now() < until {
            self.drain(&mut done);
        }
        (done.spooled_flows, done.spooled_bytes) = self.spool.waiting();
        self.queue.committed(0, |counters| merge(counters, done));
        // The log goes into the database, so that a clean end leaves one file. A failure costs nothing: it stays valid.
        drop(self.connection.execute_batch("PRAGMA optimize; PRAGMA wal_checkpoint(TRUNCATE);"));
    }

    /// Everything but flows in the first transaction, then flows in bounded ones.
    fn commit(&mut self, mut batch: StoreBatch, done: &mut StoreCounters) {
        let StoreBatch { flows, verdicts, series, .. } = &mut batch;
        let (flows, verdicts, series) = (take(flows), take(verdicts), take(series));
        self.again.append(batch);
        let others = StoreBatch { series, ..take(&mut self.again) };
        if let Err(e) = self.commit_others(&others, done) {
            self.failed(e, done);
            done.dropped.add("store_write_failed", others.series.len() as u64);
            self.again = StoreBatch { series: Vec::new(), ..others };
            keep_newest(&mut self.again);
        }
        let flows = self.spool(flows, done);
        for chunk in flows.chunks(self.flows_per_transaction) {
            self.commit_flows(chunk.len(), done, |c| flows::write(c, chunk));
        }
        // They speak of flows that are there.
        while !verdicts.is_empty() && !self.spool.is_empty() && done.last_error.is_none() {
            self.drain(done);
        }
        for chunk in verdicts.chunks(self.flows_per_transaction) {
            let mut counted = StoreCounters::default();
            self.commit_flows(chunk.len(), &mut counted, |c| flows::judge(c, chunk));
            counted.flows_written = 0;
            merge(done, counted);
        }
    }

    /// While flows wait on disk, or too many in memory, all but the anomalous go to disk, behind those. Returns what is to be written now.
    fn spool(&mut self, flows: Vec<FlowWrite>, done: &mut StoreCounters) -> Vec<FlowWrite> {
        if flows.is_empty() || (self.spool.is_empty() && self.queue.flows_waiting() <= self.spool_at) {
            return flows;
        }
        let anomalous = |flow: &FlowWrite| flow.verdict.as_ref().is_some_and(|verdict| verdict.anomalous);
        let (now, later): (Vec<_>, Vec<_>) = flows.into_iter().partition(anomalous);
        if later.is_empty() {
            return now;
        }
        match self.spool.append(&later) {
            Ok(true) => return now,
            Ok(false) => {}
            Err(e) => done.last_error = Some(format!("{}: {e}", self.path.with_file_name(SPOOL).display())),
        }
        now.into_iter().chain(later).collect()
    }

    /// The oldest flows that wait on disk into the database. Where that fails they wait on.
    fn drain(&mut self, done: &mut StoreCounters) {
        done.dropped.add("store_spool_damaged", self.spool.take_damaged());
        let chunk = match self.spool.next() {
            Ok(Some(chunk)) => chunk,
            Ok(None) => return,
            Err(e) => {
                done.last_error = Some(format!("{}: {e}", self.path.with_file_name(SPOOL).display()));
                return;
            }
        };
        let mut pieces = chunk.flows.chunks(self.flows_per_transaction).peekable();
        let mut last = false;
        while !last {
            let piece = pieces.next().unwrap_or_default();
            last = pieces.peek().is_none();
            // In the same transaction, so that none comes twice.
            let write = |c: &Connection| {
                flows::write(c, piece)?;
                if last { set_position(c, chunk.next) } else { Ok(()) }
            };
            if !self.transact(piece.len(), done, write) {
                return;
            }
        }
        done.dropped.add("store_spool_damaged", chunk.damaged);
        self.spool.done(&chunk);
    }

    fn commit_others(&mut self, batch: &StoreBatch, done: &mut StoreCounters) -> rusqlite::Result<()> {
        if batch.other_len() == 0 {
            return Ok(());
        }
        let transaction = self.connection.transaction()?;
        journal::write(&transaction, &batch.journal)?;
        incidents::write(&transaction, &batch.incidents)?;
        incidents::change(&transaction, &batch.changes)?;
        feedback::write(&transaction, &batch.feedback)?;
        hosts::write(&transaction, &batch.hosts)?;
        profiles::write(&transaction, &batch.profiles)?;
        profiles::audit(&transaction, &batch.audit)?;
        scans::write(&transaction, &batch.scans)?;
        let mut set = transaction.prepare_cached("INSERT OR REPLACE INTO settings (name, value) VALUES (?1, ?2)")?;
        for (name, value) in &batch.settings {
            set.execute([name, value])?;
        }
        drop(set);
        let late = self.series.write(&transaction, &batch.series)?;
        self.series.roll_up(&transaction)?;
        transaction.commit()?;
        self.series.rolled_up();
        done.dropped.add("series_late", late);
        done.incidents_written += batch.incidents.len() as u64;
        done.transactions += 1;
        Ok(())
    }

    fn commit_flows(
        &mut self,
        rows: usize,
        done: &mut StoreCounters,
        write: impl FnOnce(&Connection) -> rusqlite::Result<()>,
    ) {
        if !self.transact(rows, done, write) {
            done.dropped.add("store_write_failed", rows as u64);
        }
    }

    /// One transaction of flows; false: it failed, and nothing of it is there.
    fn transact(
        &mut self,
        rows: usize,
        done: &mut StoreCounters,
        write: impl FnOnce(&Connection) -> rusqlite::Result<()>,
    ) -> bool {
        let result = self.connection.transaction().and_then(|transaction| {
            write(&transaction)?;
            transaction.commit()
        });
        if let Err(e) = result {
            self.failed(e, done);
            return false;
        }
        done.flows_written += rows as u64;
        done.transactions += 1;
        // Between the transactions of a large batch too, so that the bound holds at every moment.
        if let Err(e) = self.retention.bound_size(&self.connection, &mut done.deleted) {
            self.failed(e, done);
        }
        true
    }

    fn failed(&mut self, error: rusqlite::Error, done: &mut StoreCounters) {
        done.last_error = Some(explain(&self.path, error).to_string());
        if let Err(e) = self.series.load_metrics(&self.connection) {
            done.last_error = Some(explain(&self.path, e).to_string());
        }
    }
}

fn position(connection: &Connection) -> rusqlite::Result<Position> {
    let mut asked = connection.prepare("SELECT value FROM settings WHERE name = ?1")?;
    let text: Option<String> = asked.query_row([POSITION], |row| row.get(0)).optional()?;
    Ok(text.as_deref().and_then(Position::parse).unwrap_or_default())
}

fn set_position(connection: &Connection, position: Position) -> rusqlite::Result<()> {
    let mut set = connection.prepare_cached("INSERT OR REPLACE INTO settings (name, value) VALUES (?1, ?2)")?;
    set.execute([POSITION, position.text().as_str()]).map(drop)
}

/// Of several writes of the same incident or host only the newest has to be tried again.
fn keep_newest(batch: &mut StoreBatch) {
    let mut seen = std::collections::HashSet::new();
    batch.incidents.reverse();
    batch.incidents.retain(|i| seen.insert(i.id.clone()));
    batch.incidents.reverse();
    let mut seen = std::collections::HashSet::new();
    batch.hosts.reverse();
    batch.hosts.retain(|h| seen.insert(h.ip));
    batch.hosts.reverse();
}

fn merge(into: &mut StoreCounters, done: StoreCounters) {
    into.flows_written += done.flows_written;
    into.incidents_written += done.incidents_written;
    into.transactions += done.transactions;
    into.dropped.merge(&done.dropped);
    into.deleted.merge(&done.deleted);
    into.database_bytes = done.database_bytes.max(if done.database_bytes == 0 { into.database_bytes } else { 0 });
    into.wal_bytes = done.wal_bytes;
    (into.spooled_flows, into.spooled_bytes) = (done.spooled_flows, done.spooled_bytes);
    if done.last_error.is_some() || done.transactions > 0 {
        into.last_error = done.last_error;
    }
}

/// Seconds since the epoch; only ages of stored flows are measured with it.
fn now_s() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |d| d.as_secs() as i64)
}

/// Counts of what a bound deleted.
pub(crate) type Deleted = Counters;
