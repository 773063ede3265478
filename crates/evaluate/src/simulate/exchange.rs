//! Short exchanges without a connection: UDP questions and answers, ICMP, ARP. Owns their order; knows no protocol above.

use super::engine::Activity;
use super::frame::{Arp, Peer, arp, icmp, udp};
use super::world::World;
use std::collections::VecDeque;

/// One frame to come.
#[derive(Debug)]
pub(super) enum Packet {
    /// UDP payload.
    Udp(Vec<u8>),
    /// ICMP or ICMPv6: type, code, and what follows the checksum.
    Icmp(u8, u8, Vec<u8>),
    /// An ARP packet (its addresses count, not the peers').
    Arp(Arp),
}

/// A list of frames between two peers.
#[derive(Debug)]
pub(super) struct Exchange {
    peers: [Peer; 2],
    queue: VecDeque<(i64, usize, Packet)>,
    label: Option<usize>,
}

impl Exchange {
    /// Nothing yet between `first` (side 0) and `second` (side 1).
    pub(super) fn new(first: Peer, second: Peer) -> Self {
        Self { peers: [first, second], queue: VecDeque::new(), label: None }
    }
    /// Adds a frame from a side, not earlier than the one before.
    pub(super) fn then(mut self, at: i64, from: usize, packet: Packet) -> Self {
        self.queue.push_back((at, from, packet));
        self
    }
    /// Part of an attack.
    pub(super) fn label(mut self, label: usize) -> Self {
        self.label = Some(label);
        self
    }
    /// Schedules it at its first frame.
    pub(super) fn start(self, world: &mut World) {
        if let Some((at, ..)) = self.queue.front() {
            world.spawn(*at, self);
        }
    }
}

impl Activity for Exchange {
    fn fire(&mut self, now: i64, world: &mut World) -> Option<i64> {
        let (_, from, packet) = self.queue.pop_front()?;
        let to = self.peers[1 - from];
        let from = &mut self.peers[from];
        match packet {
            Packet::Udp(payload) => udp(&mut world.frame, from, &to, &payload),
            Packet::Icmp(kind, code, body) => icmp(&mut world.frame, from, &to, kind, code, &body),
            Packet::Arp(a) => arp(&mut world.frame, &a),
        }
        world.mark(self.label, now);
        self.queue.front().map(|(at, ..)| *at)
    }
}
