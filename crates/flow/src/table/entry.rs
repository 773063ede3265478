//! One live flow: what is kept of it between packets. Owns the per-packet statistics; TCP's meaning is in `tcp`, the rare
//! statistics (idle spans, bulks) in `extra`, the report in `report`.
//!
//! Sums that follow from others are not kept: a direction's inter-arrival sum is last − first, a flow's sums are those of
//! its directions. Sums are narrow and move to `extra` before they can overflow, because most flows never come that far. A
//! flow takes at most 432 bytes; that and one million flows fit the memory bound.

use super::index::NONE;
use super::tcp::TcpTrack;
use record::{AppSummary, FlowKey, MacAddr, PacketMeta, Timestamp, Tunnel};

/// Subflows are parted by gaps longer than this (CICFlowMeter), ns.
pub(super) const SUBFLOW_GAP_NS: i64 = 1_000_000_000;
/// A direction reports early rather than let its 32-bit packet count overflow.
pub(super) const PACKETS_MAX: u32 = 1 << 31;
/// After so many packets a direction's narrow sums move to `extra`; a power of two.
const NARROW_PACKETS: u32 = 1 << 13;
/// From this length on a packet's own bytes could overflow them together with others.
const NARROW_LEN: u32 = 1 << 18;
/// No packet yet.
const NEVER: i64 = i64::MIN;

/// Bucket number of a place that holds no live flow.
const DEAD: u16 = u16::MAX;

/// Sums of a direction since they last moved to `extra`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Narrow {
    pub bytes: u32,
    pub ip_bytes: u32,
    pub header_bytes: u32,
    pub payload: u32,
    /// FIN first, CWR last.
    pub flags: [u16; 8],
}

impl Narrow {
    pub(super) const ZERO: Self = Self { bytes: 0, ip_bytes: 0, header_bytes: 0, payload: 0, flags: [0; 8] };
}

/// One direction of one report's span.
#[derive(Clone, Debug)]
pub(super) struct Side {
    pub packets: u32,
    pub packets_with_payload: u32,
    pub narrow: Narrow,
    pub payload_sum_squares: f64,
    pub payload_min: u32,
    pub payload_max: u32,
    /// First packet, ns; `NEVER` when none.
    pub first: i64,
    /// Last packet, ns; `NEVER` when none.
    pub last: i64,
    pub iat_sum_squares: f64,
    pub iat_min: u64,
    pub iat_max: u64,
    pub retransmissions: u32,
    pub missed_bytes: u32,
    /// Next sequence number expected; outlives reports.
    pub next_seq: u32,
    pub segment_size_min: u16,
    pub init_window: u16,
}

impl Side {
    pub(super) const EMPTY: Self = Self {
        packets: 0,
        packets_with_payload: 0,
        narrow: Narrow::ZERO,
        payload_sum_squares: 0.0,
        payload_min: u32::MAX,
        payload_max: 0,
        first: NEVER,
        last: NEVER,
        iat_sum_squares: 0.0,
        iat_min: u64::MAX,
        iat_max: 0,
        retransmissions: 0,
        missed_bytes: 0,
        next_seq: 0,
        segment_size_min: u16::MAX,
        init_window: 0,
    };

    /// Adds one packet seen at `t` (not before `last`).
    #[inline]
    fn add(&mut self, meta: &PacketMeta, t: i64) {
        if self.packets == 0 {
            self.first = t;
            self.init_window = meta.tcp_window;
        } else {
            let gap = t.wrapping_sub(self.last) as u64;
            let wide = gap as i64 as f64;
            self.iat_sum_squares += wide * wide;
            self.iat_min = self.iat_min.min(gap);
            self.iat_max = self.iat_max.max(gap);
        }
        self.last = t;
        self.packets += 1;
        let (payload, narrow) = (meta.payload_len, &mut self.narrow);
        narrow.bytes += meta.wire_len;
        narrow.ip_bytes += meta.ip_len;
        narrow.header_bytes += u32::from(meta.ip_header_len) + u32::from(meta.l4_header_len);
        narrow.payload += payload;
        self.packets_with_payload += u32::from(payload > 0);
        self.payload_sum_squares += f64::from(payload) * f64::from(payload);
        self.payload_min = self.payload_min.min(payload);
        self.payload_max = self.payload_max.max(payload);
        self.segment_size_min = self.segment_size_min.min(meta.l4_header_len);
    }

    /// Counts the flags of a TCP header.
    #[inline]
    pub(super) fn add_flags(&mut self, flags: u8) {
        // A mask a lane: eight comparisons at once, where eight shifts would be one after the other.
        const MASKS: [u16; 8] = [1, 2, 4, 8, 16, 32, 64, 128];
        let flags = u16::from(flags);
        for (count, mask) in self.narrow.flags.iter_mut().zip(MASKS) {
            *count += u16::from(flags & mask != 0);
        }
    }

    /// The narrow sums must move to `extra` now.
    #[inline]
    pub(super) fn is_full(&self) -> bool {
        self.packets.is_multiple_of(NARROW_PACKETS)
    }
}

/// How far the flow's first contact is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ContactState {
    /// Told, or nothing to tell.
    Told,
    /// Waiting for an answer.
    Pending,
}

/// The packet is so long that the narrow sums must be empty before and after it.
#[inline]
pub(super) fn is_huge(meta: &PacketMeta) -> bool {
    (meta.wire_len | meta.ip_len | meta.payload_len) >= NARROW_LEN
}

/// Whether TCP says that the flow is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Closed {
    No,
    Fin,
    Rst,
}

/// A live flow. Times in capture nanoseconds.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    pub hash: u64,
    /// First packet of the flow.
    pub first_seen: i64,
    pub iat_sum_squares: f64,
    pub iat_min: u64,
    pub iat_max: u64,
    pub handshake_ns: u64,
    /// The run of payload packets in one direction that may become a bulk.
    pub run_start: i64,
    pub run_last: i64,
    pub app: Option<Box<AppSummary>>,
    /// Neighbours in the wheel's bucket.
    pub prev: u32,
    pub next: u32,
    /// Places of rare statistics, `NONE` until needed.
    pub pauses: u32,
    pub bulks: u32,
    pub sums: u32,
    pub report: u32,
    pub gaps: u32,
    pub run_bytes: u32,
    pub opening_payload: u32,
    pub bucket: u16,
    pub vlan: u16,
    pub interface: u16,
    pub key: FlowKey,
    pub src_mac: MacAddr,
    pub dest_mac: MacAddr,
    pub tcp: TcpTrack,
    pub icmp_type: u8,
    pub icmp_code: u8,
    pub tunnel: Tunnel,
    pub app_left: [u8; 2],
    /// Every packet is a message (DNS, mDNS, DHCP, NTP over UDP).
    pub messages: bool,
    pub contact: ContactState,
    pub opening_flags: u8,
    pub closed: Closed,
    pub run_packets: u8,
    pub run_side: u8,
    pub originator_low: bool,
    /// Both directions were seen at some time.
    pub answered: bool,
    pub sides: [Side; 2],
}

/// The originator's side.
pub(super) const FORWARD: usize = 0;
/// The responder's side.
pub(super) const BACKWARD: usize = 1;

impl Entry {
    /// A flow that begins with this packet (not counted yet).
    pub(super) fn new(meta: &PacketMeta, originator_low: bool, app_packets_max: u8) -> Self {
        let t = meta.ts.0;
        let from_originator = meta.from_low == originator_low;
        let (src_mac, dest_mac) =
            if from_originator { (meta.src_mac, meta.dest_mac) } else { (meta.dest_mac, meta.src_mac) };
        Self {
            hash: meta.hash,
            first_seen: t,
            iat_sum_squares: 0.0,
            iat_min: u64::MAX,
            iat_max: 0,
            handshake_ns: 0,
            run_start: 0,
            run_last: 0,
            app: None,
            prev: NONE,
            next: NONE,
            pauses: NONE,
            bulks: NONE,
            sums: NONE,
            report: 0,
            gaps: 0,
            run_bytes: 0,
            opening_payload: meta.payload_len,
            bucket: 0,
            vlan: meta.vlan,
            interface: meta.interface,
            key: meta.key,
            src_mac,
            dest_mac,
            tcp: TcpTrack::NEW,
            icmp_type: meta.icmp_type,
            icmp_code: meta.icmp_code,
            tunnel: meta.tunnel,
            app_left: [app_packets_max; 2],
            messages: false,
            contact: ContactState::Told,
            opening_flags: meta.tcp_flags.0,
            closed: Closed::No,
            run_packets: 0,
            run_side: 0,
            originator_low,
            answered: false,
            sides: [Side::EMPTY, Side::EMPTY],
        }
    }

    /// Which side sent this packet.
    #[inline]
    pub(super) fn side_of(&self, meta: &PacketMeta) -> usize {
        usize::from(meta.from_low != self.originator_low)
    }

    /// Last packet of this span, either direction.
    #[inline]
    pub(super) fn last(&self) -> i64 {
        self.sides[FORWARD].last.max(self.sides[BACKWARD].last)
    }

    /// First packet of this span, either direction; `NEVER` before it.
    #[inline]
    pub(super) fn start(&self) -> i64 {
        let [forward, backward] = &self.sides;
        if forward.packets == 0 || backward.packets == 0 {
            forward.first.max(backward.first)
        } else {
            forward.first.min(backward.first)
        }
    }

    /// Packets of this span.
    pub(super) fn packets(&self) -> u64 {
        u64::from(self.sides[FORWARD].packets) + u64::from(self.sides[BACKWARD].packets)
    }

    /// Counts one packet at `t` (not before the last one). Returns the gap before it, ns; 0 for the first of a span.
    #[inline]
    pub(super) fn add(&mut self, side: usize, meta: &PacketMeta, t: i64) -> i64 {
        let last = self.last();
        let mut gap_ns = 0;
        if last != NEVER {
            gap_ns = t.wrapping_sub(last);
            let gap = gap_ns as u64;
            let wide = gap as i64 as f64;
            self.iat_sum_squares += wide * wide;
            self.iat_min = self.iat_min.min(gap);
            self.iat_max = self.iat_max.max(gap);
            self.gaps += u32::from(gap_ns > SUBFLOW_GAP_NS);
        }
        self.sides[side].add(meta, t);
        gap_ns
    }

    /// Begins the next report's span. What belongs to the connection (state, history, sequence numbers) stays.
    pub(super) fn begin_span(&mut self) {
        for side in &mut self.sides {
            *side = Side { next_seq: side.next_seq, ..Side::EMPTY };
        }
        self.iat_sum_squares = 0.0;
        self.iat_min = u64::MAX;
        self.iat_max = 0;
        self.gaps = 0;
        self.run_packets = 0;
        self.pauses = NONE;
        self.bulks = NONE;
        self.sums = NONE;
        self.report = self.report.saturating_add(1);
    }

    /// True until `set_dead`: the place holds a live flow.
    pub(super) fn is_live(&self) -> bool {
        self.bucket != DEAD
    }

    /// Marks the place as left; its hash no longer agrees with its key, so that nobody takes it for the flow.
    pub(super) fn set_dead(&mut self) {
        self.bucket = DEAD;
        self.hash = !self.hash;
    }

    /// When the flow was opened.
    pub(super) fn opened(&self) -> Timestamp {
        Timestamp(self.first_seen)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flow_stays_within_its_memory_bound() {
        assert!(std::mem::size_of::<Entry>() <= 432, "{}", std::mem::size_of::<Entry>());
        assert_eq!(std::mem::size_of::<Side>(), 112);
    }
}
