//! The bounded queue before the writer. Flows and verdicts beyond the bound are dropped and counted; incidents, hosts
//! and series make the caller wait instead. Owns waiting and counting; knows no database.

use crate::sqlite::{StoreBatch, StoreCounters};
use crate::{StoreConfig, StoreError};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

#[derive(Default)]
struct State {
    pending: StoreBatch,
    /// When the oldest pending item came.
    since: Option<Instant>,
    /// `flush` was called for everything up to this number.
    flush_wanted: u64,
    pushed: u64,
    committed: u64,
    closed: bool,
    writer_gone: bool,
    counters: StoreCounters,
    /// New bounds that the writer has not taken yet.
    bounds: Option<StoreConfig>,
}

pub(crate) struct Queue {
    state: Mutex<State>,
    wake_writer: Condvar,
    wake_callers: Condvar,
    flows_max: usize,
    other_max: usize,
    batch: Duration,
    batch_flows: usize,
}

impl Queue {
    pub(crate) fn new(config: &StoreConfig) -> Self {
        Self {
            state: Mutex::default(),
            wake_writer: Condvar::new(),
            wake_callers: Condvar::new(),
            flows_max: config.queue_flows_max,
            other_max: config.queue_other_max,
            batch: Duration::from_millis(config.batch_ms),
            batch_flows: config.flows_per_transaction(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds a batch; see the module's head for what happens at the bounds.
    pub(crate) fn push(&self, mut batch: StoreBatch) -> Result<(), StoreError> {
        let mut state = self.lock();
        while batch.other_len() > 0
            && state.pending.other_len() >= self.other_max
            && !state.closed
            && !state.writer_gone
        {
            state = self.wake_callers.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        if state.closed || state.writer_gone {
            return Err(StoreError::Closed);
        }
        let room = self.flows_max.saturating_sub(state.pending.flows_len());
        let dropped = batch.truncate_flows(room);
        state.counters.dropped.add("store_queue_full", dropped as u64);
        state.pending.append(batch);
        state.pushed += 1;
        state.since.get_or_insert_with(Instant::now);
        self.wake_writer.notify_one();
        Ok(())
    }

    /// New bounds on disk; the writer is woken to keep them.
    pub(crate) fn set_bounds(&self, config: StoreConfig) {
        let mut state = self.lock();
        state.bounds = Some(config);
        state.since.get_or_insert_with(Instant::now);
        self.wake_writer.notify_one();
    }

    /// The bounds set since the last call.
    pub(crate) fn take_bounds(&self) -> Option<StoreConfig> {
        self.lock().bounds.take()
    }

    /// The next work: waits for some, then gathers for `batch_ms` or until a transaction is full. None when closed and
    /// empty. The number goes back to `committed`.
    pub(crate) fn take(&self, idle: Duration) -> Option<(StoreBatch, u64)> {
        let mut state = self.lock();
        let idle_until = Instant::now() + idle;
        loop {
            let now = Instant::now();
            let due = match state.since {
                Some(since) if state.flush_wanted > state.committed || state.closed => since,
                Some(_) if state.pending.flows_len() >= self.batch_flows => now,
                Some(since) => since + self.batch,
                None if state.closed => return None,
                None => idle_until,
            };
            if due <= now {
                state.since = None;
                let work = (std::mem::take(&mut state.pending), state.pushed);
                self.wake_callers.notify_all();
                return Some(work);
            }
            state = self.wake_writer.wait_timeout(state, due - now).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Everything up to `number` is on disk or counted as lost.
    pub(crate) fn committed(&self, number: u64, change: impl FnOnce(&mut StoreCounters)) {
        let mut state = self.lock();
        state.committed = state.committed.max(number);
        change(&mut state.counters);
        self.wake_callers.notify_all();
    }

    /// Waits until everything pushed so far is committed.
    pub(crate) fn flush(&self) -> Result<(), StoreError> {
        let mut state = self.lock();
        let wanted = state.pushed;
        state.flush_wanted = state.flush_wanted.max(wanted);
        self.wake_writer.notify_one();
        while state.committed < wanted {
            if state.writer_gone {
                return Err(StoreError::Closed);
            }
            state = self.wake_callers.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        Ok(())
    }

    /// No more pushes; the writer ends when the queue is empty.
    pub(crate) fn close(&self) {
        self.lock().closed = true;
        self.wake_writer.notify_all();
        self.wake_callers.notify_all();
    }

    /// The writer's thread ended.
    pub(crate) fn writer_gone(&self) {
        self.lock().writer_gone = true;
        self.wake_callers.notify_all();
    }

    pub(crate) fn closed(&self) -> bool {
        self.lock().closed
    }

    pub(crate) fn counters(&self) -> StoreCounters {
        let state = self.lock();
        let mut counters = state.counters.clone();
        counters.waiting_flows = state.pending.flows_len() as u64;
        counters.waiting_other = state.pending.other_len() as u64;
        counters
    }
}
