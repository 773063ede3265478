//! The one thread that writes: takes what waits, puts it into transactions, then keeps the store inside its bounds.

use crate::connection::explain;
use crate::queue::Queue;
use crate::retention::Retention;
use crate::sqlite::{StoreBatch, StoreCounters};
use crate::write::series::SeriesState;
use crate::write::{feedback, flows, hosts, incidents, profiles, scans};
use crate::{StoreConfig, StoreError};
use record::Counters;
use rusqlite::Connection;
use std::mem::take;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// How often ages are looked at when nothing is written.
const IDLE: Duration = Duration::from_secs(30);
/// Pause after a failed transaction.
const PAUSE_AFTER_FAILURE: Duration = Duration::from_millis(500);

pub(crate) struct Writer {
    connection: Connection,
    path: PathBuf,
    queue: Arc<Queue>,
    series: SeriesState,
    retention: Retention,
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
        config: StoreConfig,
        queue: Arc<Queue>,
    ) -> Result<Self, StoreError> {
        let series = SeriesState::open(&connection).map_err(|e| explain(&path, e))?;
        let flows_per_transaction = config.flows_per_transaction();
        let retention = Retention::new(config, &path);
        Ok(Self { connection, path, queue, series, retention, flows_per_transaction, again: StoreBatch::default() })
    }

    pub(crate) fn run(mut self) {
        let _gone = Gone(Arc::clone(&self.queue));
        while let Some((batch, number)) = self.queue.take(IDLE) {
            let mut done = StoreCounters::default();
            if let Some(config) = self.queue.take_bounds() {
                self.flows_per_transaction = config.flows_per_transaction();
                self.retention.set_bounds(config);
            }
            self.commit(batch, &mut done);
            let retained = self.retention.run(&self.connection, &mut self.series, now_s(), &mut done.deleted);
            if let Err(e) = retained {
                done.last_error = Some(explain(&self.path, e).to_string());
            }
            (done.database_bytes, done.wal_bytes) = self.retention.file_bytes();
            let failed = done.last_error.is_some();
            self.queue.committed(number, |counters| merge(counters, done));
            if failed && !self.queue.closed() {
                std::thread::sleep(PAUSE_AFTER_FAILURE);
            }
        }
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
        for chunk in flows.chunks(self.flows_per_transaction) {
            self.commit_flows(chunk.len(), done, |c| flows::write(c, chunk));
        }
        for chunk in verdicts.chunks(self.flows_per_transaction) {
            let mut counted = StoreCounters::default();
            self.commit_flows(chunk.len(), &mut counted, |c| flows::judge(c, chunk));
            counted.flows_written = 0;
            merge(done, counted);
        }
    }

    fn commit_others(&mut self, batch: &StoreBatch, done: &mut StoreCounters) -> rusqlite::Result<()> {
        if batch.other_len() == 0 {
            return Ok(());
        }
        let transaction = self.connection.transaction()?;
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
        let result = self.connection.transaction().and_then(|transaction| {
            write(&transaction)?;
            transaction.commit()
        });
        match result {
            Ok(()) => {
                done.flows_written += rows as u64;
                done.transactions += 1;
                // Between the transactions of a large batch too, so that the bound holds at every moment.
                if let Err(e) = self.retention.bound_size(&self.connection, &mut done.deleted) {
                    self.failed(e, done);
                }
            }
            Err(e) => {
                done.dropped.add("store_write_failed", rows as u64);
                self.failed(e, done);
            }
        }
    }

    fn failed(&mut self, error: rusqlite::Error, done: &mut StoreCounters) {
        done.last_error = Some(explain(&self.path, error).to_string());
        if let Err(e) = self.series.load_metrics(&self.connection) {
            done.last_error = Some(explain(&self.path, e).to_string());
        }
    }
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
