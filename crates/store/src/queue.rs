//! The bounded queue before the writer. Flows and verdicts beyond the bound are dropped and counted; incidents, hosts
//! and series make the caller wait instead. Owns waiting and counting; knows no database.

use crate::sqlite::{FlowWrite, StoreBatch, StoreCounters};
use crate::{StoreConfig, StoreError};
use record::Verdict;
use std::collections::VecDeque;
use std::sync::atomic::AtomicI64;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Of the room for flows, this part is kept for those that were judged anomalous: people ask for them first.
const KEPT_FOR_ANOMALOUS: usize = 8;

/// The flows and verdicts of one push.
struct Piece {
    number: u64,
    flows: Vec<FlowWrite>,
    verdicts: Vec<Verdict>,
}

#[derive(Default)]
struct State {
    /// Everything but flows and verdicts; it never waits behind them.
    pending: StoreBatch,
    /// Flows and verdicts in the order of their pushes: taken piece by piece, so that a long queue is never copied nor held twice.
    pieces: VecDeque<Piece>,
    /// Flows and verdicts in `pieces`.
    flows_waiting: usize,
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
    /// The last row of flows that age may delete.
    pub(crate) held: Arc<AtomicI64>,
    flows_max: usize,
    other_max: usize,
    batch: Duration,
    batch_flows: usize,
}

impl State {
    fn add(&mut self, mut batch: StoreBatch) {
        let (flows, verdicts) = (std::mem::take(&mut batch.flows), std::mem::take(&mut batch.verdicts));
        let count = flows.len() + verdicts.len();
        if count > 0 {
            self.pieces.push_back(Piece { number: self.pushed, flows, verdicts });
            self.flows_waiting += count;
        }
        self.pending.append(batch);
    }

    /// Pieces until there are so many flows, and all the rest; with the number of the last push that is whole in it.
    fn take(&mut self, flows: usize) -> (StoreBatch, u64) {
        let mut batch = std::mem::take(&mut self.pending);
        while batch.flows_len() < flows
            && let Some(mut piece) = self.pieces.pop_front()
        {
            self.flows_waiting -= piece.flows.len() + piece.verdicts.len();
            batch.flows.append(&mut piece.flows);
            batch.verdicts.append(&mut piece.verdicts);
        }
        (batch, self.pieces.front().map_or(self.pushed, |next| next.number - 1))
    }
}

impl Queue {
    pub(crate) fn new(config: &StoreConfig) -> Self {
        Self {
            state: Mutex::default(),
            wake_writer: Condvar::new(),
            wake_callers: Condvar::new(),
            held: Arc::new(AtomicI64::new(i64::MAX)),
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
        let room = self.flows_max.saturating_sub(state.flows_waiting);
        let dropped = batch.truncate_flows(room, self.flows_max / KEPT_FOR_ANOMALOUS);
        state.counters.dropped.add("store_queue_full", dropped as u64);
        state.pushed += 1;
        state.add(batch);
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

    /// The next work: waits for some, then gathers for `batch_ms` or until a transaction is full. At most about one transaction of
    /// flows. None when closed and empty. The number goes back to `committed`.
    pub(crate) fn take(&self, idle: Duration) -> Option<(StoreBatch, u64)> {
        let mut state = self.lock();
        let idle_until = Instant::now() + idle;
        loop {
            let now = Instant::now();
            let due = match state.since {
                Some(since) if state.flush_wanted > state.committed || state.closed => since,
                Some(_) if state.flows_waiting >= self.batch_flows => now,
                Some(since) => since + self.batch,
                None if state.closed => return None,
                None => idle_until,
            };
            if due <= now {
                let work = state.take(self.batch_flows);
                state.since = (state.flows_waiting > 0).then_some(now);
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

    /// Flows and verdicts that nobody has taken yet.
    pub(crate) fn flows_waiting(&self) -> usize {
        self.lock().flows_waiting
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
        counters.waiting_flows = state.flows_waiting as u64;
        counters.waiting_other = state.pending.other_len() as u64;
        counters
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::sqlite::tests::support::{flow, verdict};

    fn queue(flows_max: usize) -> Queue {
        Queue::new(&StoreConfig { queue_flows_max: flows_max, batch_ms: 0, ..StoreConfig::default() })
    }

    fn judged(n: u64, anomalous: bool) -> FlowWrite {
        FlowWrite { verdict: Some(verdict(n, 0.5, anomalous)), ..flow(n) }
    }

    fn push(queue: &Queue, flows: Vec<FlowWrite>) {
        queue.push(StoreBatch { flows, ..StoreBatch::default() }).unwrap();
    }

    /// A long queue is taken a transaction at a time, in its order; a push counts as taken with its last flow.
    #[test]
    fn flows_are_taken_by_transactions_and_the_rest_at_once() {
        let queue = queue(1_000_000);
        let most = queue.batch_flows;
        for n in 0..4 {
            push(&queue, (n * most / 2..(n + 1) * most / 2).map(|id| flow(id as u64)).collect());
        }
        queue.push(StoreBatch { settings: vec![("a".into(), "b".into())], ..StoreBatch::default() }).unwrap();
        let (first, number) = queue.take(Duration::ZERO).unwrap();
        assert_eq!((first.flows.len(), first.settings.len(), number), (most, 1, 2));
        assert_eq!(queue.counters().waiting_flows, most as u64);
        let (second, number) = queue.take(Duration::ZERO).unwrap();
        assert_eq!((second.flows.len(), second.settings.len(), number), (most, 0, 5));
        let ids = first.flows.iter().chain(&second.flows).map(|f| f.record.flow_id);
        assert!(ids.eq((0..2 * most).map(|id| flow(id as u64).record.flow_id)));
        queue.close();
        assert!(queue.take(Duration::ZERO).is_none());
    }

    #[test]
    fn the_last_eighth_of_the_room_is_for_anomalous_flows() {
        let queue = queue(80);
        push(&queue, (0..75).map(flow).collect());
        assert_eq!(queue.counters().waiting_flows, 70);
        push(&queue, (75..90).map(|id| judged(id, id % 2 == 0)).collect());
        let (batch, _) = queue.take(Duration::ZERO).unwrap();
        assert_eq!(batch.flows.len(), 77, "70 as they came, and the 7 anomalous of the next 15");
        assert!(batch.flows[70..].iter().all(|f| f.verdict.as_ref().unwrap().anomalous));
        assert_eq!(queue.counters().dropped.0["store_queue_full"], 5 + 8);
    }
}
