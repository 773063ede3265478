//! What waits for a broker: in memory while it answers, on disk too while it does not. Owns the order of messages, which of them are on
//! their way, their bounds and the counts of what had to be dropped; knows no client and no clock.
//!
//! Messages in memory have numbers that only rise: `ready` are for the client, `sent` are with it and not acknowledged. Once the memory is
//! full or no broker answers, all of them are written to the outbox as well, and newer ones go there only; those are read back, and
//! numbered, as memory gets room. So what is on disk is older than what comes next, and its beginning moves as messages are acknowledged.

use super::outbox::{Found, Outbox};
use super::settings::{MESSAGE_BYTES_MAX, Outgoing};
use record::Counters;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::io;
use std::sync::Arc;

/// Messages in memory, however small.
const MESSAGES_MAX: usize = 100_000;

/// What became of a message that was handed over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sent {
    /// It waits in memory for its acknowledgement.
    Waiting,
    /// It waits on disk.
    Spooled,
    /// There was no room: it is lost, and counted.
    Dropped,
}

pub(super) struct Queue {
    ready: VecDeque<(u64, Arc<Outgoing>)>,
    sent: BTreeMap<u64, Arc<Outgoing>>,
    waiting_bytes: u64,
    waiting_max_bytes: u64,
    next: u64,
    outbox: Option<Outbox>,
    /// Numbers of the messages that are in memory and on disk, in the order of the disk.
    on_both: VecDeque<u64>,
    /// Those of them that need not be kept any more, behind one that must.
    settled: BTreeSet<u64>,
    /// No broker answers: what comes goes to disk.
    pub(super) away: bool,
    /// Messages that brokers acknowledged.
    pub(super) acknowledged: u64,
    /// Messages lost, as `reason:topic`.
    pub(super) dropped: Counters,
    /// What the disk said last.
    pub(super) disk_error: Option<String>,
}

impl Queue {
    pub(super) fn new(waiting_max_bytes: u64, outbox: Option<Outbox>) -> Self {
        Self {
            ready: VecDeque::new(),
            sent: BTreeMap::new(),
            waiting_bytes: 0,
            waiting_max_bytes,
            next: 0,
            outbox,
            on_both: VecDeque::new(),
            settled: BTreeSet::new(),
            away: true,
            acknowledged: 0,
            dropped: Counters::default(),
            disk_error: None,
        }
    }

    /// Messages and bytes in memory.
    pub(super) fn waiting(&self) -> (u64, u64) {
        ((self.ready.len() + self.sent.len()) as u64, self.waiting_bytes)
    }

    /// Messages and bytes on disk.
    pub(super) fn on_disk(&self) -> (u64, u64) {
        self.outbox.as_ref().map_or((0, 0), |outbox| (outbox.messages(), outbox.bytes()))
    }

    /// Whether the client has messages that no broker acknowledged.
    pub(super) fn has_sent(&self) -> bool {
        !self.sent.is_empty()
    }

    /// Whether everything is acknowledged.
    pub(super) fn is_empty(&self) -> bool {
        self.ready.is_empty() && self.sent.is_empty() && self.on_disk().0 == 0
    }

    fn drop_one(&mut self, reason: &str, topic: &str) -> Sent {
        self.dropped.add(&format!("{reason}:{topic}"), 1);
        Sent::Dropped
    }

    fn has_room(&self, bytes: u64) -> bool {
        self.waiting_bytes + bytes <= self.waiting_max_bytes && self.ready.len() + self.sent.len() < MESSAGES_MAX
    }

    /// Takes a message.
    pub(super) fn push(&mut self, message: Outgoing) -> Sent {
        let bytes = message.bytes() as u64;
        if bytes > MESSAGE_BYTES_MAX as u64 {
            return self.drop_one("too_long", &message.topic);
        }
        let has_room = self.has_room(bytes);
        if self.outbox.is_some() && (self.on_disk().0 > 0 || self.away || !has_room) {
            return self.push_to_disk(&message);
        }
        if !has_room {
            return self.drop_one("memory_full", &message.topic);
        }
        self.enter(message);
        Sent::Waiting
    }

    fn enter(&mut self, message: Outgoing) {
        self.waiting_bytes += message.bytes() as u64;
        self.ready.push_back((self.next, Arc::new(message)));
        self.next += 1;
    }

    fn push_to_disk(&mut self, message: &Outgoing) -> Sent {
        self.spill();
        match self.outbox.as_mut().map_or(Ok(false), |outbox| outbox.append(message)) {
            Ok(true) => Sent::Spooled,
            Ok(false) => self.drop_one("spool_full", &message.topic),
            Err(error) => {
                self.disk_error = Some(error.to_string());
                self.drop_one("spool_failed", &message.topic)
            }
        }
    }

    /// Writes to disk what is only in memory; what has no room there stays in memory.
    pub(super) fn spill(&mut self) {
        let Some(outbox) = self.outbox.as_mut().filter(|outbox| outbox.messages() == 0) else { return };
        // A message that was put back is older than some that were sent.
        let ready = self.ready.iter().map(|(number, message)| (*number, message));
        let mut all: Vec<_> = self.sent.iter().map(|(number, message)| (*number, message)).chain(ready).collect();
        all.sort_unstable_by_key(|(number, _)| *number);
        for (number, message) in all {
            match outbox.append_read(message) {
                Ok(true) => self.on_both.push_back(number),
                Ok(false) => break,
                Err(error) => {
                    self.disk_error = Some(error.to_string());
                    break;
                }
            }
        }
    }

    /// The next message for the client.
    pub(super) fn take(&mut self) -> Option<(u64, Arc<Outgoing>)> {
        if self.ready.is_empty() {
            self.load();
        }
        let (number, message) = self.ready.pop_front()?;
        self.sent.insert(number, Arc::clone(&message));
        Some((number, message))
    }

    /// Reads one message from disk where memory has room for the longest.
    fn load(&mut self) {
        while self.has_room(MESSAGE_BYTES_MAX as u64) {
            let found = match self.outbox.as_mut().map(Outbox::next) {
                None | Some(Ok(Found::End)) => return,
                Some(Ok(found)) => found,
                Some(Err(error)) => {
                    self.disk_error = Some(error.to_string());
                    return;
                }
            };
            self.on_both.push_back(self.next);
            if let Found::Message(message) = found {
                return self.enter(*message);
            }
            self.next += 1;
            self.drop_one("spool_damaged", "unknown");
            self.settle(self.next - 1);
        }
    }

    /// A broker has it.
    pub(super) fn delivered(&mut self, number: u64) {
        if self.remove(number).is_some() {
            self.acknowledged += 1;
        }
    }

    /// Brokers will never take it.
    pub(super) fn refused(&mut self, number: u64, reason: &str) {
        if let Some(message) = self.remove(number) {
            self.drop_one(reason, &message.topic);
        }
    }

    fn remove(&mut self, number: u64) -> Option<Arc<Outgoing>> {
        let message = self.sent.remove(&number)?;
        self.waiting_bytes = self.waiting_bytes.saturating_sub(message.bytes() as u64);
        self.settle(number);
        Some(message)
    }

    fn settle(&mut self, number: u64) {
        if self.on_both.binary_search(&number).is_err() {
            return;
        }
        self.settled.insert(number);
        while let Some(first) = self.on_both.front().copied().filter(|first| self.settled.remove(first)) {
            debug_assert!(first <= number);
            self.on_both.pop_front();
            if let Some(Err(error)) = self.outbox.as_mut().map(Outbox::done) {
                self.disk_error = Some(error.to_string());
            }
        }
    }

    /// The client could not deliver it now: it is the next again, in its order.
    pub(super) fn put_back(&mut self, number: u64) {
        if let Some(message) = self.sent.remove(&number) {
            let at = self.ready.partition_point(|(other, _)| *other < number);
            self.ready.insert(at, (number, message));
        }
    }

    /// Everything to disk; what is not there is lost and counted.
    pub(super) fn close(&mut self) -> io::Result<()> {
        self.spill();
        let kept: BTreeSet<u64> = self.on_both.iter().copied().collect();
        let sent = self.sent.iter().map(|(number, message)| (*number, Arc::clone(message)));
        let all: Vec<_> = sent.chain(self.ready.iter().cloned()).collect();
        for (_, message) in all.iter().filter(|(number, _)| !kept.contains(number)) {
            self.drop_one("closed", &message.topic);
        }
        self.outbox.as_mut().map_or(Ok(()), Outbox::close)
    }
}

#[cfg(test)]
mod tests;
