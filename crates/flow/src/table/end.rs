//! How flows end and are reported: what is due on the wheel, what a packet ends before it is counted, eviction, and the
//! end of the input.

use super::entry::{Closed, ContactState, PACKETS_MAX};
use super::report::record_of;
use super::{EXPIRIES_MAX, FlowTable, TCP};
use record::{EndReason, Observation, PacketMeta, TcpFlags};

/// Entries that are moved on the way to one that can be evicted.
const EVICTION_TRIES: usize = 64;

/// Why a flow ends that was silent for its time-out.
fn silent_reason(closed: Closed) -> EndReason {
    match closed {
        Closed::No => EndReason::Idle,
        Closed::Fin => EndReason::Fin,
        Closed::Rst => EndReason::Rst,
    }
}

impl FlowTable {
    /// Runs what is due by now.
    pub(super) fn tick(&mut self, out: &mut Vec<Observation>) {
        self.tell_unanswered(out);
        for _ in 0..EXPIRIES_MAX {
            let Some(slot) = self.wheel.next_due(self.now) else {
                self.next_tick = self.wheel.next_ns();
                return;
            };
            self.wheel.unlink(&mut self.entries, slot);
            let entry = self.entries.get(slot);
            let deadline = entry.last().saturating_add(self.timeouts.silence(entry));
            if deadline < self.now {
                let reason = silent_reason(entry.closed);
                self.report_end(slot, reason, out);
            } else {
                self.wheel.link(&mut self.entries, slot, deadline);
            }
        }
        // More is due: go on at the next packet.
        self.next_tick = self.now;
    }

    /// Ends the flow when this packet does not belong to it any more, or reports it when its span is over. True when it
    /// ended. The test does not depend on whether the wheel came by in between.
    #[inline]
    pub(super) fn ends_before(&mut self, slot: u32, meta: &PacketMeta, out: &mut Vec<Observation>) -> bool {
        let entry = self.entries.get(slot);
        let silent = entry.last().saturating_add(self.timeouts.silence(entry)) < self.now;
        let span_over = meta.ts.0.wrapping_sub(entry.start()) >= self.timeouts.active || self.is_full_of_packets(slot);
        if !silent && !self.reopens(slot, meta) {
            if !span_over {
                return false;
            }
            if entry.closed == Closed::No {
                self.report_span(slot, out);
                return false;
            }
        }
        let reason = silent_reason(entry.closed);
        self.wheel.unlink(&mut self.entries, slot);
        self.report_end(slot, reason, out);
        true
    }

    /// True when the packet is a SYN that opens another connection on the same ports.
    #[inline]
    fn reopens(&self, slot: u32, meta: &PacketMeta) -> bool {
        if meta.proto != TCP || !meta.tcp_flags.has(TcpFlags::SYN) || meta.tcp_flags.has(TcpFlags::ACK) {
            return false;
        }
        let entry = self.entries.get(slot);
        entry.closed != Closed::No || entry.tcp.reopens(entry.side_of(meta), &entry.sides, meta.tcp_seq)
    }

    fn is_full_of_packets(&self, slot: u32) -> bool {
        self.entries.get(slot).sides.iter().any(|side| side.packets >= PACKETS_MAX)
    }

    /// Makes room for one flow: the one nearest to its own time-out goes, so that unanswered and closed flows go before
    /// established ones.
    pub(super) fn evict(&mut self, out: &mut Vec<Observation>) {
        for tries in 0..=EVICTION_TRIES {
            let Some(slot) = self.wheel.soonest() else { return };
            self.wheel.unlink(&mut self.entries, slot);
            let entry = self.entries.get(slot);
            let bucket = entry.bucket;
            let deadline = entry.last().saturating_add(self.timeouts.silence(entry));
            if deadline < self.now {
                let reason = silent_reason(entry.closed);
                self.report_end(slot, reason, out);
                return;
            }
            self.wheel.link(&mut self.entries, slot, deadline);
            if self.entries.get(slot).bucket == bucket || tries == EVICTION_TRIES {
                self.wheel.unlink(&mut self.entries, slot);
                self.report_end(slot, EndReason::Evicted, out);
                return;
            }
        }
    }

    /// Ends the input: every live flow is reported.
    pub fn finish(&mut self, out: &mut Vec<Observation>) {
        while !self.finish_some(usize::MAX, out) {}
    }

    /// Like `finish`, but reports at most `records_max` flows a call, so that a full table does not need its size again
    /// in records. True when nothing is left. Flows are reported in the order of their places.
    pub fn finish_some(&mut self, records_max: usize, out: &mut Vec<Observation>) -> bool {
        let mut left = records_max;
        while self.live > 0 && left > 0 && self.finished < self.entries.places() {
            let slot = self.finished;
            self.finished += 1;
            if self.entries.get(slot).is_live() {
                self.wheel.unlink(&mut self.entries, slot);
                let entry = self.entries.get(slot);
                let silent = entry.last().saturating_add(self.timeouts.silence(entry)) < self.now;
                let over = silent || entry.closed != Closed::No;
                let reason = if over { silent_reason(entry.closed) } else { EndReason::Shutdown };
                self.report_end(slot, reason, out);
                left -= 1;
            }
        }
        let done = self.live == 0 || self.finished >= self.entries.places();
        if done {
            self.finished = 0;
            self.contacts.clear();
        }
        done
    }

    /// Reports the span of a flow that goes on; a packet of the next follows at once.
    fn report_span(&mut self, slot: u32, out: &mut Vec<Observation>) {
        let entry = self.entries.get(slot);
        let record = record_of(entry, &self.extras, entry.app.clone(), EndReason::Active);
        self.extras.release(entry);
        self.counters.packets_in_records += record.packets();
        self.counters.end(EndReason::Active);
        out.push(Observation::Flow(record));
        self.entries.get_mut(slot).begin_span();
    }

    /// Reports a flow for the last time and forgets it. It is in no bucket any more.
    fn report_end(&mut self, slot: u32, reason: EndReason, out: &mut Vec<Observation>) {
        self.settle_contact(slot, out);
        let entry = self.entries.get_mut(slot);
        let app = entry.app.take();
        let hash = entry.hash;
        entry.set_dead();
        let entry = self.entries.get(slot);
        let record = record_of(entry, &self.extras, app, reason);
        self.extras.release(entry);
        self.counters.packets_in_records += record.packets();
        self.counters.end(reason);
        out.push(Observation::Flow(record));
        debug_assert_eq!(self.entries.get(slot).contact, ContactState::Told);
        self.index.remove(hash, slot);
        self.entries.release(slot);
        self.live -= 1;
    }
}
