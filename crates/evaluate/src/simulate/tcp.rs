//! A TCP connection as a tap sees it: handshake, segments by MSS and congestion window, acknowledgements, now and then
//! a loss, and an orderly or abrupt end. Owns sequence numbers and timing; what is said comes from a [`Dialogue`].

use super::content::Content;
use super::engine::Activity;
use super::frame::{ACK, FIN, PSH, Peer, RST, SYN, TcpFields, tcp};
use super::random::Random;
use super::world::World;
use std::collections::VecDeque;

/// The side that opened the connection.
pub(super) const CLIENT: usize = 0;
/// The side that accepted it.
pub(super) const SERVER: usize = 1;

const MS: i64 = 1_000_000;
/// RFC 1122 allows up to 500 ms; Linux and Windows use 40 ms.
const DELAYED_ACK_NS: i64 = 40 * MS;
/// Congestion windows at the start (RFC 6928) and where ours stop to grow, in segments.
const CWND_FIRST: u64 = 10;
const CWND_MAX: u64 = 40;
/// The shortest retransmission time-out in common stacks.
const RETRANSMIT_NS: i64 = 200 * MS;
/// Time between two back-to-back full segments at 1 Gbit/s.
const GAP_NS: i64 = 12_300;

/// One message of a dialogue.
#[derive(Debug)]
pub(super) struct Step {
    /// [`CLIENT`] or [`SERVER`].
    pub(super) from: usize,
    /// What is said.
    pub(super) content: Content,
    /// Think time before it, nanoseconds.
    pub(super) delay_ns: i64,
}

impl Step {
    /// The client speaks.
    pub(super) fn client(content: Content, delay_ns: i64) -> Self {
        Self { from: CLIENT, content, delay_ns }
    }
    /// The server speaks.
    pub(super) fn server(content: Content, delay_ns: i64) -> Self {
        Self { from: SERVER, content, delay_ns }
    }
}

/// Where messages come from, one at a time, so that a long session stays small.
pub(super) trait Dialogue: Send {
    /// The next message; None: the connection ends.
    fn next_step(&mut self, random: &mut Random) -> Option<Step>;
}

impl Dialogue for std::vec::IntoIter<Step> {
    fn next_step(&mut self, _: &mut Random) -> Option<Step> {
        self.next()
    }
}

/// How a connection comes about and ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// Ends by FIN, begun by this side.
    Fin(usize),
    /// Ends by RST from this side.
    Reset(usize),
    /// The server refuses.
    Refused,
    /// Nobody answers; the client asks this many times.
    Silent(u32),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Begin,
    Open,
    Done,
}

#[derive(Clone, Copy, Debug)]
struct Segment {
    at: i64,
    from: usize,
    flags: u8,
    seq: u32,
    ack: u32,
    offset: u64,
    len: u32,
}

struct Message {
    from: usize,
    content: Content,
    sent: u64,
}

/// One connection.
pub(super) struct Session {
    peers: [Peer; 2],
    /// From seeing the other side's segment at the tap to seeing this side's reaction, nanoseconds.
    latency: [i64; 2],
    seq: [u32; 2],
    window: [u16; 2],
    cwnd: [u64; 2],
    /// Time-stamp option: each side's clock offset in milliseconds.
    timestamps: Option<[u32; 2]>,
    last_tsval: [u32; 2],
    script: Box<dyn Dialogue>,
    message: Option<Message>,
    pending: VecDeque<Segment>,
    stage: Stage,
    outcome: Outcome,
    last_from: usize,
    /// The last segment has not been acknowledged yet.
    owes_ack: bool,
    /// When the last planned segment passed the tap.
    ready: i64,
    next_start: i64,
    loss: f64,
    bytes_per_s: f64,
    label: Option<usize>,
}

impl Session {
    /// A connection that will end by the client's FIN. `latency_ns` are the reaction times of client and server as seen
    /// at the tap: for a server on the Internet, its round-trip time.
    pub(super) fn new(
        world: &mut World,
        client: Peer,
        server: Peer,
        latency_ns: [i64; 2],
        script: impl Dialogue + 'static,
    ) -> Self {
        let r = &mut world.random;
        let (a, b) = (r.bits(), r.bits());
        let timestamps = r.chance(0.6).then_some([(a >> 34) as u32, (b >> 34) as u32]);
        Self {
            peers: [client, server],
            latency: latency_ns,
            seq: [a as u32, b as u32],
            window: [*r.pick(&[501, 502, 1026, 2053]), *r.pick(&[501, 509, 1026, 1432])],
            cwnd: [CWND_FIRST; 2],
            timestamps,
            last_tsval: [0; 2],
            script: Box::new(script),
            message: None,
            pending: VecDeque::new(),
            stage: Stage::Begin,
            outcome: Outcome::Fin(CLIENT),
            last_from: CLIENT,
            owes_ack: false,
            ready: 0,
            next_start: 0,
            loss: if latency_ns[SERVER] > 2 * MS { 0.006 } else { 0.0004 },
            bytes_per_s: f64::INFINITY,
            label: None,
        }
    }
    /// Another way to end.
    pub(super) fn outcome(mut self, outcome: Outcome) -> Self {
        self.outcome = outcome;
        self
    }
    /// At most this many payload bytes a second in each direction.
    pub(super) fn rate(mut self, bytes_per_s: f64) -> Self {
        self.bytes_per_s = bytes_per_s;
        self
    }
    /// Part of an attack.
    pub(super) fn label(mut self, label: usize) -> Self {
        self.label = Some(label);
        self
    }

    fn push(&mut self, at: i64, from: usize, flags: u8) {
        let (seq, ack) = (self.seq[from], self.seq[1 - from]);
        self.pending.push_back(Segment { at, from, flags, seq, ack, offset: 0, len: 0 });
        self.ready = self.ready.max(at);
    }

    fn plan(&mut self, now: i64, world: &mut World) {
        match self.stage {
            Stage::Begin => self.plan_handshake(now),
            Stage::Open => {
                if self.message.as_ref().is_none_or(|m| m.sent == m.content.len()) {
                    match self.script.next_step(&mut world.random) {
                        Some(step) => self.take_up(step, world),
                        None => return self.plan_end(world),
                    }
                }
                self.plan_flight(world);
            }
            Stage::Done => {}
        }
        self.pending.make_contiguous().sort_by_key(|s| s.at);
    }

    fn plan_handshake(&mut self, now: i64) {
        self.stage = Stage::Done;
        match self.outcome {
            Outcome::Silent(tries) => {
                for i in 0..tries.min(6) {
                    self.push(now + ((1i64 << i) - 1) * 1000 * MS, CLIENT, SYN);
                }
            }
            Outcome::Refused => {
                self.push(now, CLIENT, SYN);
                self.seq[CLIENT] = self.seq[CLIENT].wrapping_add(1);
                self.seq[SERVER] = 0;
                self.push(now + self.latency[SERVER], SERVER, RST | ACK);
            }
            Outcome::Fin(_) | Outcome::Reset(_) => {
                self.stage = Stage::Open;
                self.push(now, CLIENT, SYN);
                self.seq[CLIENT] = self.seq[CLIENT].wrapping_add(1);
                self.push(now + self.latency[SERVER], SERVER, SYN | ACK);
                self.seq[SERVER] = self.seq[SERVER].wrapping_add(1);
                self.push(now + self.latency[SERVER] + self.latency[CLIENT], CLIENT, ACK);
            }
        }
    }

    /// Fixes when the next message begins, and what becomes of the acknowledgement that is still owed.
    fn take_up(&mut self, step: Step, world: &mut World) {
        let turn = if step.from == self.last_from { 0 } else { self.latency[step.from] };
        self.next_start = self.ready + turn + step.delay_ns + world.random.between(0, 1 + turn / 8);
        if self.owes_ack {
            let acker = 1 - self.last_from;
            let own = step.from == acker;
            if !own || step.delay_ns > DELAYED_ACK_NS {
                let wait = if own { DELAYED_ACK_NS } else { 0 };
                let at = self.ready + self.latency[acker] + wait;
                self.push(at, acker, ACK);
            }
            self.owes_ack = false;
        }
        self.message = Some(Message { from: step.from, content: step.content, sent: 0 });
    }

    /// Plans one congestion window of the current message and its acknowledgements.
    fn plan_flight(&mut self, world: &mut World) {
        let Some(m) = &mut self.message else { return };
        let (from, to) = (m.from, 1 - m.from);
        let mss = u64::from(self.peers[from].mss()) - if self.timestamps.is_some() { 12 } else { 0 };
        let n = (m.content.len() - m.sent).div_ceil(mss).min(self.cwnd[from]);
        let whole = m.sent == 0 && m.content.len() <= mss;
        let lost = Self::lost_segment(self.loss, self.latency[from], n, &mut world.random);
        let start = self.next_start + world.budget.hold_ns(self.next_start);
        let (mut at, mut unacked, mut sent_bytes) = (start, 0, 0);
        let mut resend = None;
        for i in 0..n {
            let len = mss.min(m.content.len() - m.sent);
            let last = m.sent + len == m.content.len();
            let flags = if last { PSH | ACK } else { ACK };
            let s =
                Segment { at, from, flags, seq: self.seq[from], ack: self.seq[to], offset: m.sent, len: len as u32 };
            if lost == Some(i) {
                resend = Some(s); // lost before the tap
            } else {
                self.pending.push_back(s);
            }
            m.sent += len;
            sent_bytes += len;
            self.seq[from] = self.seq[from].wrapping_add(len as u32);
            unacked += 1;
            let duplicate = resend.is_some() && lost != Some(i);
            if duplicate || (resend.is_none() && unacked == 2 && !last) {
                let ack = resend.map_or(self.seq[from], |r| r.seq);
                let at = at + self.latency[to];
                let seq = self.seq[to];
                self.pending.push_back(Segment { at, from: to, flags: ACK, seq, ack, offset: 0, len: 0 });
                unacked = 0;
            }
            at += GAP_NS + world.random.between(0, 2_000);
        }
        let done = m.sent == m.content.len();
        if whole && world.random.chance(self.loss) {
            // Lost behind the tap: the sender's timer expires and the same segment passes again.
            at += RETRANSMIT_NS + self.latency[to];
            if let Some(again) = self.pending.back().copied() {
                self.pending.push_back(Segment { at: at - GAP_NS, ..again });
            }
        }
        self.settle_flight(from, at - GAP_NS, resend, done, start, sent_bytes);
    }

    /// Which of a flight's segments the path loses before the tap: only far senders' flights, long enough to be mended
    /// by duplicate acknowledgements.
    fn lost_segment(loss: f64, latency_ns: i64, n: u64, random: &mut Random) -> Option<u64> {
        (n >= 6 && latency_ns > 2 * MS && random.chance(loss)).then(|| random.below(n as usize - 4) as u64)
    }

    /// Retransmits what was lost, acknowledges the rest, and sets when the next flight may begin.
    fn settle_flight(&mut self, from: usize, end: i64, resend: Option<Segment>, done: bool, start: i64, bytes: u64) {
        let to = 1 - from;
        self.ready = end;
        self.last_from = from;
        self.owes_ack = done && resend.is_none();
        if let Some(mut s) = resend {
            s.at = end + self.latency[to] + self.latency[from];
            self.pending.push_back(s);
            self.push(s.at + self.latency[to], to, ACK);
            self.last_from = to;
            self.cwnd[from] = (self.cwnd[from] / 2).max(2);
        } else {
            if !done {
                self.push(end + self.latency[to], to, ACK);
            }
            self.cwnd[from] = (self.cwnd[from] * 2).min(CWND_MAX);
        }
        let paced = start + (bytes as f64 / self.bytes_per_s * 1e9) as i64;
        self.next_start = (self.ready + self.latency[from]).max(paced);
        if done {
            self.ready = self.ready.max(paced);
        }
    }

    fn plan_end(&mut self, world: &mut World) {
        self.stage = Stage::Done;
        let (closer, reset) = match self.outcome {
            Outcome::Reset(side) => (side, true),
            Outcome::Fin(side) => (side, false),
            Outcome::Refused | Outcome::Silent(_) => (CLIENT, false),
        };
        let other = 1 - closer;
        if self.owes_ack && self.last_from == closer {
            self.push(self.ready + self.latency[other], other, ACK);
            self.last_from = other;
        }
        let turn = if closer == self.last_from { 0 } else { self.latency[closer] };
        let at = self.ready + turn + world.random.between(50_000, 2 * MS);
        if reset {
            self.push(at, closer, RST | ACK);
            return;
        }
        self.push(at, closer, FIN | ACK);
        self.seq[closer] = self.seq[closer].wrapping_add(1);
        let answer = at + self.latency[other];
        if world.random.chance(0.5) {
            self.push(answer, other, ACK);
        }
        self.push(answer + world.random.between(10_000, 400_000), other, FIN | ACK);
        self.seq[other] = self.seq[other].wrapping_add(1);
        self.push(self.ready + self.latency[closer], closer, ACK);
    }

    fn emit(&mut self, s: &Segment, world: &mut World) {
        let mut options = [0u8; 40];
        let n = self.options(s, &mut options);
        let syn = s.flags & SYN != 0;
        let f = TcpFields {
            seq: s.seq,
            ack: if s.flags & ACK != 0 { s.ack } else { 0 },
            flags: s.flags,
            window: if s.flags & RST != 0 {
                0
            } else if syn {
                64_240
            } else {
                self.window[s.from]
            },
            options: &options[..n],
        };
        let to = self.peers[1 - s.from];
        let World { frame, pools, .. } = world;
        let message = self.message.as_ref();
        tcp(frame, &mut self.peers[s.from], &to, &f, |out| {
            if let (Some(m), true) = (message, s.len > 0) {
                m.content.fill(pools, s.offset, s.len as usize, out);
            }
        });
        world.mark(self.label, s.at);
    }

    /// Encodes MSS, SACK permitted, time stamps and window scale on SYN, time stamps after it; returns the length.
    fn options(&mut self, s: &Segment, out: &mut [u8; 40]) -> usize {
        if s.flags & RST != 0 {
            return 0;
        }
        let mut n = 0;
        let mut put = |bytes: &[u8]| {
            out[n..n + bytes.len()].copy_from_slice(bytes);
            n += bytes.len();
        };
        let syn = s.flags & SYN != 0;
        if syn {
            let mss = self.peers[s.from].mss().to_be_bytes();
            put(&[2, 4, mss[0], mss[1], 4, 2]);
        }
        if let Some(base) = self.timestamps {
            let value = base[s.from].wrapping_add((s.at / MS) as u32);
            self.last_tsval[s.from] = value;
            let echo = if s.flags & ACK != 0 { self.last_tsval[1 - s.from] } else { 0 };
            put(if syn { &[8, 10] } else { &[1, 1, 8, 10] });
            put(&value.to_be_bytes());
            put(&echo.to_be_bytes());
        } else if syn {
            put(&[1, 1]);
        }
        if syn {
            put(&[1, 3, 3, 7]);
        }
        n
    }
}

impl Activity for Session {
    fn fire(&mut self, now: i64, world: &mut World) -> Option<i64> {
        if self.pending.front().is_some_and(|s| s.at <= now)
            && let Some(s) = self.pending.pop_front()
        {
            self.emit(&s, world);
        }
        if self.pending.is_empty() {
            self.plan(now, world);
        }
        self.pending.front().map(|s| s.at)
    }
}
