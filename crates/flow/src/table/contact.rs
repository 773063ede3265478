//! First contacts: how the other side took a flow's opening, told once a flow.

use super::entry::ContactState;
use super::index::NONE;
use super::{FlowTable, TCP, ambiguous};
use record::{Contact, ContactOutcome, Observation, PacketMeta, TcpFlags, Timestamp};

impl FlowTable {
    /// Queues an opening. The queue is in order of time because the time-out is the same for all.
    pub(super) fn await_answer(&mut self, slot: u32, opened: i64) {
        if self.contacts.len() >= 2 * self.config.flows_max.max(1_024) as usize {
            // A capture whose clock stands still would fill it: keep what still waits.
            let entries = &self.entries;
            self.contacts.retain(|(opened, slot)| waits(entries.get(*slot), *opened));
        }
        self.contacts.push_back((opened, slot));
    }

    /// Tells the contacts that waited too long.
    pub(super) fn tell_unanswered(&mut self, out: &mut Vec<Observation>) {
        while let Some((opened, slot)) = self.contacts.front().copied() {
            if self.now.wrapping_sub(opened) <= self.timeouts.contact && self.now >= opened {
                break;
            }
            self.contacts.pop_front();
            if waits(self.entries.get(slot), opened) {
                self.tell_late(slot, out);
            }
        }
    }

    /// The first packet of the responder came.
    pub(super) fn answer(&mut self, slot: u32, meta: &PacketMeta, out: &mut Vec<Observation>) {
        let entry = self.entries.get(slot);
        if self.now.wrapping_sub(entry.first_seen) > self.timeouts.contact {
            self.tell_late(slot, out);
            return;
        }
        let refused = meta.proto == TCP && meta.tcp_flags.has(TcpFlags::RST);
        let outcome = if refused {
            ContactOutcome::Refused
        } else if ambiguous(entry.key.proto, entry.opening_flags) {
            ContactOutcome::Midstream
        } else {
            ContactOutcome::Answered
        };
        self.tell(slot, outcome, meta.ts, out);
    }

    /// An ICMP error says that the flow of this hash was refused.
    pub(super) fn refuse(&mut self, hash: u64, out: &mut Vec<Observation>) {
        let slot = self.index.find(hash, |slot| self.entries.get(slot).hash == hash);
        if slot == NONE || self.entries.get(slot).contact != ContactState::Pending {
            return;
        }
        if self.now.wrapping_sub(self.entries.get(slot).first_seen) > self.timeouts.contact {
            self.tell_late(slot, out);
        } else {
            self.tell(slot, ContactOutcome::Refused, Timestamp(self.now), out);
        }
    }

    /// The flow ends while its opening still waits: unanswered when it waited at least a quarter of the time-out (most
    /// answers come sooner), else nothing is known.
    pub(super) fn settle_contact(&mut self, slot: u32, out: &mut Vec<Observation>) {
        let entry = self.entries.get(slot);
        if entry.contact != ContactState::Pending {
            return;
        }
        let waited = self.now.wrapping_sub(entry.first_seen);
        if waited > self.timeouts.contact {
            self.tell_late(slot, out);
        } else if waited >= self.timeouts.contact / 4 {
            self.tell(slot, ContactOutcome::Unanswered, Timestamp(self.now), out);
        } else {
            self.tell(slot, ContactOutcome::Midstream, Timestamp(self.now), out);
        }
    }

    /// The time-out passed. One bare ACK is a probe; several packets are the visible half of a connection.
    fn tell_late(&mut self, slot: u32, out: &mut Vec<Observation>) {
        let entry = self.entries.get(slot);
        let half_seen = ambiguous(entry.key.proto, entry.opening_flags) && entry.packets() > 1;
        let outcome = if half_seen { ContactOutcome::Midstream } else { ContactOutcome::Unanswered };
        let ts = entry.opened().plus_ns(self.timeouts.contact);
        self.tell(slot, outcome, ts, out);
    }

    /// Tells a contact; the flow has no other.
    pub(super) fn tell(&mut self, slot: u32, outcome: ContactOutcome, ts: Timestamp, out: &mut Vec<Observation>) {
        self.counters.contacts += 1;
        let entry = self.entries.get_mut(slot);
        entry.contact = ContactState::Told;
        if self.records_only {
            return;
        }
        let (src, dest) = entry.key.ends(entry.originator_low);
        let ports = entry.key.proto != super::opening::ICMP && entry.key.proto != super::opening::ICMPV6;
        let port = |port: u16| if ports { port } else { 0 };
        out.push(Observation::Contact(Contact {
            ts,
            opened: entry.opened(),
            key: entry.key,
            src: src.addr,
            dest: dest.addr,
            dest_port: port(dest.port),
            src_port: port(src.port),
            proto: entry.key.proto,
            opening_flags: entry.opening_flags,
            opening_payload: entry.opening_payload,
            outcome,
        }));
    }
}

/// True when the queued opening is still this flow's and still waits.
fn waits(entry: &super::Entry, opened: i64) -> bool {
    entry.contact == ContactState::Pending && entry.first_seen == opened
}
