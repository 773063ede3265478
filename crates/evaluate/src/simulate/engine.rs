//! The discrete-event core: activities with a next time, fired in time order, each giving at most one frame a time.
//! Owns the order; knows no protocol. Memory is bounded by the activities alive, not by the duration.

use super::frame::forwarded;
use super::random::Random;
use super::world::World;
use std::cmp::Ordering;
use std::collections::BinaryHeap;

/// Something that goes on: a session, a host's habits, an attack.
pub(super) trait Activity: Send {
    /// Does what is due at `now` (ns): may write one frame to `world.frame` and spawn further activities.
    /// Returns when it is due again (not before `now`), or None when it is over.
    fn fire(&mut self, now: i64, world: &mut World) -> Option<i64>;
}

/// One frame, as it was built earlier.
#[derive(Debug)]
pub(super) struct Ready {
    pub(super) data: Vec<u8>,
    pub(super) label: Option<usize>,
}

impl Activity for Ready {
    fn fire(&mut self, now: i64, world: &mut World) -> Option<i64> {
        world.frame.extend_from_slice(&self.data);
        world.mark(self.label, now);
        None
    }
}

struct Due {
    at: i64,
    order: u64,
    activity: Box<dyn Activity>,
}

impl Due {
    fn key(&self) -> (i64, u64) {
        (self.at, self.order)
    }
}

impl PartialEq for Due {
    fn eq(&self, other: &Self) -> bool {
        self.key() == other.key()
    }
}
impl Eq for Due {}
impl PartialOrd for Due {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}
impl Ord for Due {
    /// Reversed: the heap's greatest is the earliest; ties in the order of scheduling.
    fn cmp(&self, other: &Self) -> Ordering {
        other.key().cmp(&self.key())
    }
}

/// The agenda.
#[derive(Default)]
pub(super) struct Engine {
    heap: BinaryHeap<Due>,
    orders: u64,
}

impl Engine {
    /// Schedules an activity.
    fn schedule(&mut self, at: i64, activity: Box<dyn Activity>) {
        self.orders += 1;
        self.heap.push(Due { at, order: self.orders, activity });
    }

    /// Takes over what was spawned since, not earlier than `now`.
    pub(super) fn adopt(&mut self, now: i64, world: &mut World) {
        for (at, activity) in std::mem::take(&mut world.spawned) {
            self.schedule(at.max(now), activity);
        }
    }

    /// Runs until a frame is in `world.frame` and returns its time; None when nothing is due up to `world.end`.
    pub(super) fn next_frame(&mut self, world: &mut World) -> Option<i64> {
        loop {
            let mut due = self.heap.pop()?;
            if due.at > world.end {
                self.heap.clear();
                return None;
            }
            let now = due.at;
            world.begin(now);
            let next = due.activity.fire(now, world);
            if !world.frame.is_empty() {
                intercept(now, world);
            }
            if !world.spawned.is_empty() {
                self.adopt(now, world);
            }
            if let Some(at) = next {
                self.schedule(at.max(now), due.activity);
            }
            if !world.frame.is_empty() {
                world.budget.spend(now);
                return Some(now);
            }
        }
    }
}

/// While a victim's ARP cache is poisoned, its IPv4 frames to and from the router go to the attacker, who forwards them.
fn intercept(now: i64, world: &mut World) {
    let Some(m) = world.mitm else { return };
    let frame = &mut world.frame;
    if frame[12..14] != [0x08, 0x00] {
        return;
    }
    let (dst, src) = (&frame[..6], &frame[6..12]);
    let to = if dst == m.gateway && src == m.victim {
        m.gateway
    } else if dst == m.victim && src == m.gateway {
        m.victim
    } else {
        return;
    };
    let data = forwarded(frame, m.attacker, to);
    frame[..6].copy_from_slice(&m.attacker);
    let delay = forward_delay(&mut world.random);
    world.mark(Some(m.label), now);
    world.spawn(now + delay, Ready { data, label: Some(m.label) });
}

/// A forwarding host's own latency: below the gap between two full segments, so that each copy follows its original.
fn forward_delay(random: &mut Random) -> i64 {
    5_000 + random.between(0, 4_000)
}
