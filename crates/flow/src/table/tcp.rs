//! TCP as Zeek sees it: the state of each endpoint, `conn_state`, the history letters, and retransmissions and gaps by
//! sequence number. Semantics from Zeek's documentation of conn.log and its TCP session code; the letters C and G (checksum
//! and content gap) are left out, because checksums are not verified and a gap is only certain at the end.

use super::entry::{BACKWARD, FORWARD, Side};
use record::{HistoryText, TcpFlags, TcpState};

/// An endpoint of a TCP connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Endpoint {
    Inactive,
    SynSent,
    SynAckSent,
    /// Active, but its opening was not seen.
    Partial,
    Established,
    Closed,
    Reset,
}

/// Sequence jumps larger than this are garbage, not a gap: half of the largest window.
const GAP_MAX: i32 = 1 << 29;
/// Bits of the history mask: one letter once a side.
const SEEN_SYN: u8 = 1;
const SEEN_FIN: u8 = 2;
const SEEN_RST: u8 = 4;
const SEEN_DATA: u8 = 8;
const SEEN_ACK: u8 = 16;
const SEEN_INCONSISTENT: u8 = 32;
const SEEN_MULTI: u8 = 64;
/// The next sequence number is known.
const SEQ_KNOWN: u8 = 128;

/// State of one connection; outlives reports.
#[derive(Clone, Debug)]
pub(super) struct TcpTrack {
    pub states: [Endpoint; 2],
    /// The endpoint was closed before it was reset.
    closed_before_reset: [bool; 2],
    seen: [u8; 2],
    zero_windows: [u8; 2],
    /// The handshake's last ACK was seen.
    handshake_done: bool,
    pub history: HistoryText,
}

/// The bits of a TCP packet that matter here.
#[derive(Clone, Copy, Debug)]
pub(super) struct Segment {
    pub flags: TcpFlags,
    pub seq: u32,
    pub payload: u32,
    pub window: u16,
}

impl Segment {
    fn syn(self) -> bool {
        self.flags.has(TcpFlags::SYN)
    }
    fn fin(self) -> bool {
        self.flags.has(TcpFlags::FIN)
    }
    fn rst(self) -> bool {
        self.flags.has(TcpFlags::RST)
    }
    fn ack(self) -> bool {
        self.flags.has(TcpFlags::ACK)
    }
    /// Sequence space it takes.
    fn seq_len(self) -> u32 {
        self.payload.wrapping_add(u32::from(self.syn())).wrapping_add(u32::from(self.fin()))
    }
}

impl TcpTrack {
    pub(super) const NEW: Self = Self {
        states: [Endpoint::Inactive; 2],
        closed_before_reset: [false; 2],
        seen: [0; 2],
        zero_windows: [0; 2],
        handshake_done: false,
        history: HistoryText { letters: [0; 16], len: 0 },
    };

    /// Takes one segment of `side`. `sides` are the flow's statistics, already counting this packet.
    #[inline]
    pub(super) fn segment(&mut self, side: usize, sides: &mut [Side; 2], s: Segment) {
        self.write_history(side, s);
        self.follow_window(side, s);
        if !s.rst() {
            self.follow_sequence(side, &mut sides[side], s);
        }
        self.step(side, s);
    }

    /// True when a SYN of `side` can only open another connection: the old one is past its opening, and this is no
    /// repetition of its SYN.
    pub(super) fn reopens(&self, side: usize, sides: &[Side; 2], seq: u32) -> bool {
        let opened = |s: Endpoint| matches!(s, Endpoint::Established | Endpoint::Closed | Endpoint::Reset);
        let repeated = self.seen[side] & SEEN_SYN != 0 && sides[side].next_seq == seq.wrapping_add(1);
        opened(self.states[FORWARD]) && opened(self.states[BACKWARD]) && !repeated
    }

    /// Adds a letter in the case of its side.
    fn letter(&mut self, side: usize, letter: u8) {
        self.history.push(if side == FORWARD { letter } else { letter.to_ascii_lowercase() });
    }

    fn letter_once(&mut self, side: usize, bit: u8, letter: u8) {
        if self.seen[side] & bit == 0 {
            self.seen[side] |= bit;
            self.letter(side, letter);
        }
    }

    /// The first packet of a flow that is not TCP: `D` or `d`, as Zeek writes for UDP.
    pub(super) fn write_datagram(&mut self, side: usize) {
        self.letter_once(side, SEEN_DATA, b'D');
    }

    #[inline]
    fn write_history(&mut self, side: usize, s: Segment) {
        match u8::from(s.syn()) + u8::from(s.fin()) + u8::from(s.rst()) {
            0 if s.payload > 0 => self.letter_once(side, SEEN_DATA, b'D'),
            0 if s.ack() => self.letter_once(side, SEEN_ACK, b'A'),
            0 => {}
            1 if s.syn() => self.letter_once(side, SEEN_SYN, if s.ack() { b'H' } else { b'S' }),
            1 if s.fin() => self.letter_once(side, SEEN_FIN, b'F'),
            1 => self.letter_once(side, SEEN_RST, b'R'),
            _ if s.fin() && s.rst() => self.letter_once(side, SEEN_INCONSISTENT, b'I'),
            _ => self.letter_once(side, SEEN_MULTI, b'Q'),
        }
    }

    /// `W` at the first, tenth and hundredth zero window, unless it means nothing (RST, or the peer is done sending).
    #[inline]
    fn follow_window(&mut self, side: usize, s: Segment) {
        let peer = self.states[1 - side];
        if s.window == 0 && !s.rst() && peer != Endpoint::Closed && self.states[side] != Endpoint::Reset {
            self.zero_windows[side] = self.zero_windows[side].saturating_add(1);
            if matches!(self.zero_windows[side], 1 | 10 | 100) {
                self.letter(side, b'W');
            }
        }
    }

    /// Retransmissions and missing bytes. A segment below the expected number fills an open gap when there is one, and
    /// is a repetition otherwise; keep-alives (one byte or none, just below) are neither.
    #[inline]
    fn follow_sequence(&mut self, side: usize, stats: &mut Side, s: Segment) {
        let end = s.seq.wrapping_add(s.seq_len());
        if self.seen[side] & SEQ_KNOWN == 0 {
            self.seen[side] |= SEQ_KNOWN;
            stats.next_seq = end;
            return;
        }
        let ahead = s.seq.wrapping_sub(stats.next_seq) as i32;
        if ahead < 0 && s.seq_len() > 0 {
            self.behind(side, stats, s, ahead);
        } else if ahead > 0 && ahead < GAP_MAX && !s.syn() {
            stats.missed_bytes = stats.missed_bytes.saturating_add(ahead as u32);
        }
        if (end.wrapping_sub(stats.next_seq) as i32) > 0 || s.syn() {
            stats.next_seq = end;
        }
    }

    fn behind(&mut self, side: usize, stats: &mut Side, s: Segment, ahead: i32) {
        if s.payload <= 1 && ahead == -1 && !s.syn() && !s.fin() {
            return;
        }
        if stats.missed_bytes > 0 && s.payload > 0 {
            stats.missed_bytes -= stats.missed_bytes.min(s.payload);
            return;
        }
        stats.retransmissions = stats.retransmissions.saturating_add(1);
        if s.payload > 0 && matches!(stats.retransmissions, 1 | 10 | 100 | 1_000 | 10_000) {
            self.letter(side, b'T');
        }
    }

    /// Moves the sender's endpoint (and sometimes its peer's) to its next state.
    #[inline]
    fn step(&mut self, side: usize, s: Segment) {
        match self.states[side] {
            Endpoint::Inactive => self.step_inactive(side, s),
            Endpoint::SynSent | Endpoint::SynAckSent => {
                if s.rst() {
                    self.states[side] = Endpoint::Reset;
                } else if s.fin() {
                    self.states[side] = Endpoint::Closed;
                }
            }
            Endpoint::Established | Endpoint::Partial => self.step_open(side, s),
            Endpoint::Closed => {
                // After both FINs an RST changes nothing.
                if s.rst() && self.states[1 - side] != Endpoint::Closed {
                    self.states[side] = Endpoint::Reset;
                    self.closed_before_reset[side] = true;
                }
            }
            Endpoint::Reset => {}
        }
    }

    fn step_inactive(&mut self, side: usize, s: Segment) {
        let peer = 1 - side;
        if s.syn() {
            if side == FORWARD {
                self.states[side] = if s.ack() { Endpoint::SynAckSent } else { Endpoint::SynSent };
            } else {
                if self.states[peer] == Endpoint::SynSent {
                    self.states[peer] = Endpoint::Established;
                }
                self.states[side] = Endpoint::Established;
            }
        }
        if s.fin() {
            self.states[side] = Endpoint::Closed;
        }
        if s.rst() {
            self.states[side] = Endpoint::Reset;
        }
        if self.states[side] == Endpoint::Inactive {
            let early_ack = side == BACKWARD && s.payload == 0 && self.states[peer] == Endpoint::SynSent;
            if s.ack() && self.states[peer] == Endpoint::Established {
                self.states[side] = Endpoint::Established;
            } else if !early_ack {
                self.states[side] = Endpoint::Partial;
            }
        }
    }

    fn step_open(&mut self, side: usize, s: Segment) {
        let peer = 1 - side;
        let late_syn = self.states[side] == Endpoint::Partial && self.states[peer] == Endpoint::Inactive;
        if s.syn() && !s.ack() && late_syn {
            self.states[side] = Endpoint::SynSent;
        }
        if s.rst() {
            self.states[side] = Endpoint::Reset;
        } else if s.fin() {
            self.states[side] = Endpoint::Closed;
            // The peer sent FIN and then RST: that was a normal end.
            if self.states[peer] == Endpoint::Reset && self.closed_before_reset[peer] {
                self.states[peer] = Endpoint::Closed;
            }
        }
    }

    /// True when both sides have closed.
    pub(super) fn both_closed(&self) -> bool {
        self.states == [Endpoint::Closed; 2]
    }

    /// True at the first ACK of the originator after the responder's SYN-ACK, once.
    #[inline]
    pub(super) fn completes_handshake(&mut self, side: usize, s: Segment) -> bool {
        let completes = !self.handshake_done
            && side == FORWARD
            && s.ack()
            && !s.syn()
            && !s.rst()
            && self.seen[FORWARD] & SEEN_SYN != 0
            && self.seen[BACKWARD] & SEEN_SYN != 0;
        self.handshake_done |= completes;
        completes
    }

    /// Zeek's `conn_state`. `payload` is the bytes of each side.
    pub(super) fn conn_state(&self, payload: [u64; 2]) -> TcpState {
        use Endpoint::{Closed, Established, Inactive, Partial, Reset, SynAckSent, SynSent};
        let [orig, resp] = self.states;
        let orig_inactive = matches!(orig, Inactive | Partial);
        let resp_inactive = matches!(resp, Inactive | Partial);
        match (orig, resp) {
            (SynSent | SynAckSent, Reset) => TcpState::Rej,
            (Reset, Reset) if payload == [0, 0] => TcpState::Rej,
            (_, Reset) if orig_inactive => TcpState::Rstrh,
            (_, Reset) => TcpState::Rstr,
            (Reset, _) if resp_inactive => TcpState::Rstos0,
            (Reset, _) => TcpState::Rsto,
            (Closed, Closed) => TcpState::Sf,
            (Closed, _) if resp_inactive => TcpState::Sh,
            (Closed, _) => TcpState::S2,
            (_, Closed) if orig_inactive => TcpState::Shr,
            (_, Closed) => TcpState::S3,
            (SynSent, Inactive) => TcpState::S0,
            (Established, Established) => TcpState::S1,
            _ => TcpState::Oth,
        }
    }
}
