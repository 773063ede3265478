//! What the three floods share: a fixed rate of frames for a few seconds and the victim's answers, as far as it keeps up.

use super::super::engine::Activity;
use super::super::frame::{ACK, Peer, SYN, TcpFields, icmp, tcp, udp};
use super::super::world::World;

/// What is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    /// Connection requests from ever new ports.
    Syn,
    /// Datagrams of this many bytes.
    Udp(usize),
    /// Echo requests of this many bytes.
    Icmp(usize),
}

/// A running flood.
pub(super) struct Flood {
    pub(super) from: Peer,
    pub(super) to: Peer,
    pub(super) shape: Shape,
    /// Last moment, ns.
    pub(super) until: i64,
    /// Frames of the attacker a second.
    pub(super) rate: f64,
    pub(super) label: usize,
    pub(super) sent: u64,
    /// The answer that is due, with its sequence number.
    pub(super) answer: Option<u32>,
}

/// What flooding tools put into datagrams.
static FILLER: [u8; 1400] = [b'X'; 1400];
/// Half-open connections a victim keeps before it answers few of the rest.
const BACKLOG: u64 = 256;

impl Flood {
    /// Starts a flood of `seconds` at `rate` frames a second.
    pub(super) fn start(
        now: i64,
        (from, to): (Peer, Peer),
        shape: Shape,
        (rate, seconds): (f64, i64),
        label: usize,
        world: &mut World,
    ) -> i64 {
        let length = seconds * 1_000_000_000;
        world.spawn(now, Self { from, to, shape, until: now + length, rate, label, sent: 0, answer: None });
        length
    }

    fn attack(&mut self, world: &mut World) {
        let number = world.random.bits();
        self.sent += 1;
        let World { frame, pools, .. } = world;
        match self.shape {
            Shape::Syn => {
                self.from.port = 1024 + (number >> 40) as u16 % 64_000;
                let f = TcpFields { seq: number as u32, flags: SYN, window: 64_240, options: &[2, 4, 5, 180], ack: 0 };
                tcp(frame, &mut self.from, &self.to, &f, |_| {});
                let kept = self.sent <= BACKLOG || number >> 58 == 0;
                self.answer = kept.then_some(number as u32);
            }
            Shape::Udp(size) => udp(frame, &mut self.from, &self.to, &FILLER[..size.min(FILLER.len())]),
            Shape::Icmp(size) => {
                let body = echo(self.sent, pools.noise(0, size));
                icmp(frame, &mut self.from, &self.to, 8, 0, &body);
                self.answer = Some(self.sent as u32);
            }
        }
    }

    fn reply(&mut self, number: u32, world: &mut World) {
        let World { frame, pools, random, .. } = world;
        if let Shape::Icmp(size) = self.shape {
            icmp(frame, &mut self.to, &self.from, 0, 0, &echo(u64::from(number), pools.noise(0, size)));
        } else {
            let seq = random.bits() as u32;
            let f = TcpFields {
                seq,
                ack: number.wrapping_add(1),
                flags: SYN | ACK,
                window: 64_240,
                options: &[2, 4, 5, 180],
            };
            tcp(frame, &mut self.to, &self.from, &f, |_| {});
        }
    }
}

fn echo(sequence: u64, data: &[u8]) -> Vec<u8> {
    let mut body = vec![0x4d, 0x17, (sequence >> 8) as u8, sequence as u8];
    body.extend_from_slice(data);
    body
}

impl Activity for Flood {
    fn fire(&mut self, now: i64, world: &mut World) -> Option<i64> {
        if let Some(number) = self.answer.take() {
            self.reply(number, world);
        } else {
            self.attack(world);
        }
        world.mark(Some(self.label), now);
        let gap = (1e9 / self.rate) as i64;
        let next = if self.answer.is_some() { now + gap / 4 } else { now + gap / 2 + world.random.between(0, gap) };
        (next < self.until).then_some(next)
    }
}
