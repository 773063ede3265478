//! From a live flow to its record: derives the sums that are not kept and names the flow.

use super::entry::{BACKWARD, Entry, FORWARD, Side};
use super::extra::{Bulks, Extras, Rare, Sums, payload_moments};
use record::{
    AppSummary, DirectionStats, EndReason, FlowKey, FlowOrigin, FlowRecord, HistoryText, Moments, TcpFlags, TcpState,
    Timestamp,
};

const TCP: u8 = 6;
const UDP: u8 = 17;
/// Largest whole number that JavaScript reads exactly.
const FLOW_ID_MAX: u64 = (1 << 53) - 1;

/// The record of a flow's present span. `extras` holds its rare statistics; `app` moves or is copied by the caller.
pub(super) fn record_of(
    entry: &Entry,
    extras: &Extras,
    app: Option<Box<AppSummary>>,
    reason: EndReason,
) -> Box<FlowRecord> {
    let last = entry.last();
    let [forward, backward] = &entry.sides;
    let Rare { active, idle, bulks, sums } = extras.of(entry, last);
    let payload = joined(&payload_moments(forward, &sums[FORWARD]), &payload_moments(backward, &sums[BACKWARD]));
    Box::new(FlowRecord {
        flow_id: flow_id(&entry.key, entry.first_seen, entry.report),
        key: entry.key,
        originator_low: entry.originator_low,
        start: Timestamp(entry.start()),
        end: Timestamp(last),
        first_seen: Timestamp(entry.first_seen),
        report: entry.report,
        forward: direction(forward, &sums[FORWARD], &bulks[FORWARD]),
        backward: direction(backward, &sums[BACKWARD], &bulks[BACKWARD]),
        payload,
        iat: gaps(entry.packets(), last - entry.start(), entry.iat_sum_squares, entry.iat_min, entry.iat_max),
        active,
        idle,
        subflows: entry.gaps + 1,
        reason,
        state: state(entry, &sums),
        history: history(entry),
        tcp_flags_forward: TcpFlags(sums[FORWARD].flags_seen()),
        tcp_flags_backward: TcpFlags(sums[BACKWARD].flags_seen()),
        icmp_type: entry.icmp_type,
        icmp_code: entry.icmp_code,
        handshake_ns: entry.handshake_ns,
        vlan: entry.vlan,
        interface: entry.interface,
        tunnel: entry.tunnel,
        origin: FlowOrigin::Packets,
        src_mac: entry.src_mac,
        dest_mac: entry.dest_mac,
        app,
        process: None,
    })
}

fn direction(side: &Side, sums: &Sums, bulks: &Bulks) -> DirectionStats {
    if side.packets == 0 {
        return DirectionStats::default();
    }
    DirectionStats {
        packets: u64::from(side.packets),
        bytes: sums.bytes,
        ip_bytes: sums.ip_bytes,
        payload: payload_moments(side, sums),
        iat: gaps(u64::from(side.packets), side.last - side.first, side.iat_sum_squares, side.iat_min, side.iat_max),
        header_bytes: sums.header_bytes,
        packets_with_payload: u64::from(side.packets_with_payload),
        segment_size_min: side.segment_size_min,
        init_window: side.init_window,
        flags: sums.flags,
        retransmissions: side.retransmissions,
        missed_bytes: u64::from(side.missed_bytes),
        bulk_bytes: bulks.bytes,
        bulk_packets: u64::from(bulks.packets),
        bulks: bulks.count,
        bulk_duration_ns: bulks.duration_ns,
    }
}

/// Moments of the `packets − 1` gaps whose sum is `span_ns`.
fn gaps(packets: u64, span_ns: i64, sum_squares: f64, min: u64, max: u64) -> Moments {
    if packets < 2 {
        return Moments::default();
    }
    Moments { count: packets - 1, sum: span_ns as f64, sum_squares, min: min as f64, max: max as f64 }
}

/// Moments of two disjoint sets.
fn joined(a: &Moments, b: &Moments) -> Moments {
    if a.count == 0 || b.count == 0 {
        return if a.count == 0 { *b } else { *a };
    }
    Moments {
        count: a.count + b.count,
        sum: a.sum + b.sum,
        sum_squares: a.sum_squares + b.sum_squares,
        min: a.min.min(b.min),
        max: a.max.max(b.max),
    }
}

fn state(entry: &Entry, sums: &[Sums; 2]) -> TcpState {
    match entry.key.proto {
        TCP => entry.tcp.conn_state([sums[FORWARD].payload, sums[BACKWARD].payload]),
        UDP if entry.answered => TcpState::Sf,
        // A flow turned round at its first packet may have nothing from its originator.
        UDP if entry.sides[FORWARD].packets == 0 && entry.report == 0 => TcpState::Shr,
        UDP => TcpState::S0,
        _ => TcpState::Oth,
    }
}

fn history(entry: &Entry) -> HistoryText {
    match entry.key.proto {
        TCP | UDP => entry.tcp.history,
        _ => HistoryText::default(),
    }
}

/// Identity of a report: a hash of what does not depend on who measured it. Never 0, at most 2^53 − 1.
pub(crate) fn flow_id(key: &FlowKey, first_seen: i64, report: u32) -> u64 {
    let word = |bytes: &[u8]| bytes.iter().fold(0_u64, |w, b| w << 8 | u64::from(*b));
    let ports = u64::from(key.low.port) << 24 | u64::from(key.high.port) << 8 | u64::from(key.proto);
    let words = [
        word(&key.low.addr.0[..8]),
        word(&key.low.addr.0[8..]),
        word(&key.high.addr.0[..8]),
        word(&key.high.addr.0[8..]),
        ports,
        first_seen as u64,
        u64::from(report),
    ];
    let hash = words.into_iter().fold(0x243f_6a88_85a3_08d3, |h, w| mix(h ^ w));
    (hash & FLOW_ID_MAX).max(1)
}

/// The finaliser of SplitMix64 (Steele, Lea and Flood, 2014).
fn mix(mut x: u64) -> u64 {
    x = x.wrapping_add(0x9e37_79b9_7f4a_7c15);
    x = (x ^ x >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    x = (x ^ x >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ x >> 31
}
