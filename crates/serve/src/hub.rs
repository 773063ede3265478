//! The live stream's buffer: events with sequence numbers, the newest 4,096 of them. Owns order, resume and loss. A
//! reader has only its position; whoever falls out of the buffer loses the oldest events, and is told how many.

use serde::Serialize;
use std::collections::VecDeque;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};
use tokio::sync::watch;

/// Events kept for readers that come back.
pub const EVENTS_MAX: usize = 4_096;

/// The events of the stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum EventKind {
    /// `shapes::Tick`, once a second.
    Tick,
    /// `shapes::PacketBatch`.
    Packet,
    /// `shapes::FlowBatch`.
    Flow,
    /// `shapes::VerdictBatch`.
    Verdict,
    /// `record::Incident`, new or changed.
    Incident,
    /// `shapes::HealthEvent`, on change.
    Health,
    /// `record::ScanRow`: begun, on its way (at most twice a second), ended.
    Scan,
}

impl EventKind {
    /// All, in the order of the reference page.
    pub const ALL: [Self; 7] =
        [Self::Tick, Self::Packet, Self::Flow, Self::Verdict, Self::Incident, Self::Health, Self::Scan];
    /// Name on the stream.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Tick => "tick",
            Self::Packet => "packet",
            Self::Flow => "flow",
            Self::Verdict => "verdict",
            Self::Incident => "incident",
            Self::Health => "health",
            Self::Scan => "scan",
        }
    }
    /// Reads the name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }
}

/// Which events a reader wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wanted(u8);

impl Wanted {
    /// All.
    #[must_use]
    pub const fn all() -> Self {
        Self(0x7f)
    }
    /// From a list of kinds.
    #[must_use]
    pub fn of(kinds: &[EventKind]) -> Self {
        Self(kinds.iter().fold(0, |bits, kind| bits | 1 << *kind as u8))
    }
    /// Is it wanted?
    #[must_use]
    pub const fn has(self, kind: EventKind) -> bool {
        self.0 & (1 << kind as u8) != 0
    }
}

/// One event.
#[derive(Clone, Debug)]
pub struct Event {
    /// Sequence number, larger than all before, also of earlier runs.
    pub id: u64,
    /// Kind.
    pub kind: EventKind,
    /// One line of JSON.
    pub data: Arc<str>,
}

struct Buffer {
    events: VecDeque<Event>,
    next: u64,
}

struct Inner {
    buffer: Mutex<Buffer>,
    newest: watch::Sender<u64>,
    readers: AtomicUsize,
}

/// The stream; clones share it.
#[derive(Clone)]
pub struct Hub {
    inner: Arc<Inner>,
}

impl Default for Hub {
    /// Numbers begin with the wall clock, so that those of an earlier run are all smaller.
    fn default() -> Self {
        let seconds = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |d| d.as_secs());
        Self::starting_at(seconds * 1_000_000)
    }
}

/// Where a reader stands.
pub struct Position {
    hub: Hub,
    next: u64,
    newest: watch::Receiver<u64>,
}

/// What a reader gets next.
#[derive(Debug, Default)]
pub struct Next {
    /// Events in order.
    pub events: Vec<Event>,
    /// Events lost before them.
    pub lost: u64,
}

impl Hub {
    /// A stream whose first event has number `first`.
    #[must_use]
    pub fn starting_at(first: u64) -> Self {
        let buffer = Buffer { events: VecDeque::with_capacity(EVENTS_MAX), next: first };
        let inner =
            Inner { buffer: Mutex::new(buffer), newest: watch::Sender::new(first), readers: AtomicUsize::new(0) };
        Self { inner: Arc::new(inner) }
    }

    fn buffer(&self) -> MutexGuard<'_, Buffer> {
        self.inner.buffer.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds an event; never waits for a reader. Data that cannot be serialised is left out (it is our own shape).
    pub fn publish<T: Serialize>(&self, kind: EventKind, data: &T) {
        let Ok(data) = serde_json::to_string(data) else { return };
        let next = {
            let mut buffer = self.buffer();
            if buffer.events.len() == EVENTS_MAX {
                buffer.events.pop_front();
            }
            let id = buffer.next;
            buffer.next += 1;
            buffer.events.push_back(Event { id, kind, data: data.into() });
            buffer.next
        };
        self.inner.newest.send_replace(next);
    }

    /// How many streams are open. When none is, making packet and flow batches can be left out.
    #[must_use]
    pub fn readers(&self) -> usize {
        self.inner.readers.load(Ordering::Relaxed)
    }

    /// A new reader: at the end, or after the event it had last. False when events after that one are gone.
    #[must_use]
    pub fn reader(&self, last: Option<u64>) -> (Position, bool) {
        self.inner.readers.fetch_add(1, Ordering::Relaxed);
        let newest = self.inner.newest.subscribe();
        let buffer = self.buffer();
        let oldest = buffer.events.front().map_or(buffer.next, |e| e.id);
        let (next, whole) = match last {
            None => (buffer.next, true),
            Some(last) if last + 1 >= oldest && last < buffer.next => (last + 1, true),
            Some(_) => (buffer.next, false),
        };
        drop(buffer);
        (Position { hub: self.clone(), next, newest }, whole)
    }

    /// The newest event of a kind, while it is in the buffer.
    #[must_use]
    pub fn newest(&self, kind: EventKind) -> Option<Event> {
        self.buffer().events.iter().rev().find(|e| e.kind == kind).cloned()
    }
}

impl Position {
    /// At most `max` events after the position, and moves behind them.
    pub fn take(&mut self, wanted: Wanted, max: usize) -> Next {
        self.newest.mark_unchanged();
        let buffer = self.hub.buffer();
        let oldest = buffer.events.front().map_or(buffer.next, |e| e.id);
        let lost = oldest.saturating_sub(self.next);
        let skip = self.next.saturating_sub(oldest) as usize;
        let mut events = Vec::new();
        self.next = self.next.max(oldest);
        for event in buffer.events.iter().skip(skip) {
            if events.len() == max {
                break;
            }
            self.next = event.id + 1;
            if wanted.has(event.kind) {
                events.push(event.clone());
            }
        }
        Next { events, lost }
    }

    /// Waits for events behind the position; false when there will be none.
    pub async fn wait(&mut self) -> bool {
        self.next < *self.newest.borrow() || self.newest.changed().await.is_ok()
    }
}

impl Drop for Position {
    fn drop(&mut self) {
        self.hub.inner.readers.fetch_sub(1, Ordering::Relaxed);
    }
}
