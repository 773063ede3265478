//! From reports to `FlowRecord` and `Contact`. Owns which fields an export can fill: totals and times are the exporter's, times the
//! sampling rate; what needs single packets stays empty, and payload is an estimate.

use super::outcome::{self, TCP, UDP};
use crate::table::flow_id;
use record::timestamp::NS_PER_MS;
use record::{
    AppProto, AppSummary, Contact, ContactOutcome, DirectionStats, EndReason, Endpoint, ExportedFlow, ExportedSide,
    FlowKey, FlowRecord, Moments, TcpFlags, Timestamp,
};

/// An answer that did not come within this time is taken as missing, as in the flow table.
const CONTACT_TIMEOUT_NS: i64 = 1_000 * NS_PER_MS;
/// Headers of a packet without options, bytes.
const IPV4_HEADER: u64 = 20;
const IPV6_HEADER: u64 = 40;
const TCP_HEADER: u64 = 20;
const UDP_HEADER: u64 = 8;

/// A conversation as far as it is told now: from the side that opened it.
pub(super) struct Whole {
    pub ahead: ExportedFlow,
    /// What the other side sent, from its own report or from this one.
    pub back: Option<ExportedSide>,
    /// First packet of the other side, where its own report told it.
    pub answered_at: Option<Timestamp>,
    /// Last packet of either.
    pub end: Timestamp,
    pub start: Timestamp,
}

impl Whole {
    /// From one report that stands for itself; `turned`: its sender answered.
    pub(super) fn alone(mut flow: ExportedFlow, turned: bool) -> Self {
        let (start, end) = (flow.start, flow.end.max(flow.start));
        if turned {
            let sent = flow.forward;
            (flow.forward, flow.backward) = (flow.backward.unwrap_or_default(), Some(sent));
            turn_ends(&mut flow);
        }
        Self { back: flow.backward, ahead: flow, answered_at: None, end, start }
    }

    /// From the reports of both directions, the opener's first.
    pub(super) fn of(mut ahead: ExportedFlow, back: &ExportedFlow) -> Self {
        if ahead.interface_out == 0 {
            ahead.interface_out = back.interface_in;
        }
        // One that goes on in another report goes on as a whole.
        if back.reason == Some(EndReason::Active) || ahead.reason.is_none() {
            ahead.reason = back.reason;
        }
        Self {
            start: ahead.start.min(back.start),
            end: ahead.end.max(back.end),
            back: Some(back.forward),
            answered_at: Some(back.start),
            ahead,
        }
    }

    /// Both ends in canonical order, and whether the opener is the low one.
    pub(super) fn key(&self) -> (FlowKey, bool) {
        FlowKey::new(self.ahead.src, self.ahead.dest, self.ahead.proto)
    }

    pub(super) fn state(&self) -> record::TcpState {
        let told = self.ahead.state;
        told.unwrap_or_else(|| outcome::state(self.ahead.proto, &self.ahead.forward, self.back.as_ref()))
    }

    /// The record; `first_seen` and `report` place it among the others of the same conversation.
    pub(super) fn record(&self, first_seen: Timestamp, report: u32) -> FlowRecord {
        let flow = &self.ahead;
        let (key, originator_low) = self.key();
        let scale = flow.scale();
        let header = header_bytes(flow.proto, flow.src);
        let state = self.state();
        let back = self.back.unwrap_or_default();
        let (forward, backward) = (direction(&flow.forward, scale, header), direction(&back, scale, header));
        let payload = joined(&forward.payload, &backward.payload);
        let (icmp_type, icmp_code) = flow.icmp.unwrap_or((0, 0));
        let known = flow.app_proto != AppProto::Unknown;
        FlowRecord {
            flow_id: flow_id(&key, first_seen.0, report),
            key,
            originator_low,
            start: self.start,
            end: self.end,
            first_seen,
            report,
            forward,
            backward,
            payload,
            subflows: 1,
            reason: flow.reason.unwrap_or(outcome::reason(state)),
            state,
            history: flow.history,
            tcp_flags_forward: flow.forward.tcp_flags.unwrap_or_default(),
            tcp_flags_backward: back.tcp_flags.unwrap_or_default(),
            icmp_type,
            icmp_code,
            vlan: flow.vlan,
            interface: u16::try_from(flow.interface_in).unwrap_or(u16::MAX),
            origin: flow.origin,
            src_mac: flow.src_mac,
            dest_mac: flow.dest_mac,
            app: known.then(|| Box::new(AppSummary { proto: flow.app_proto, ..AppSummary::default() })),
            ..FlowRecord::default()
        }
    }

    /// How the opening was taken.
    pub(super) fn contact(&self, two_way: bool) -> Contact {
        let flow = &self.ahead;
        let (key, _) = self.key();
        let two_way = two_way && flow.scale() == 1;
        let derived = || outcome::outcome(flow.proto, &flow.forward, self.back.as_ref(), two_way);
        let mut told = flow.outcome.unwrap_or_else(derived);
        // Of sampled packets the answer may be among those left out; of an answer alone the question was not seen.
        let unsure = flow.scale() > 1 && told == ContactOutcome::Unanswered || flow.forward.packets == 0;
        if flow.outcome.is_none() && unsure {
            told = ContactOutcome::Midstream;
        }
        let ts = match told {
            ContactOutcome::Unanswered => self.start.plus_ns(CONTACT_TIMEOUT_NS),
            _ => self.answered_at.unwrap_or(self.start).max(self.start),
        };
        Contact {
            ts,
            opened: self.start,
            key,
            src: flow.src.addr,
            dest: flow.dest.addr,
            dest_port: flow.dest.port,
            src_port: flow.src.port,
            proto: flow.proto,
            opening_flags: match told {
                _ if flow.proto != TCP => 0,
                // A SYN whose outcome is not known is taken for a probe that was cut off: what is told as the middle of something
                // must not look like one.
                ContactOutcome::Midstream => TcpFlags::ACK,
                _ => outcome::opening_flags(&flow.forward),
            },
            opening_payload: 0,
            outcome: told,
        }
    }
}

/// The same report with its ends in the other order; counts are the caller's.
fn turn_ends(flow: &mut ExportedFlow) {
    std::mem::swap(&mut flow.src, &mut flow.dest);
    std::mem::swap(&mut flow.src_mac, &mut flow.dest_mac);
    std::mem::swap(&mut flow.interface_in, &mut flow.interface_out);
}

fn header_bytes(proto: u8, src: Endpoint) -> u64 {
    let network = if src.addr.is_v4() { IPV4_HEADER } else { IPV6_HEADER };
    let transport = match proto {
        TCP => TCP_HEADER,
        UDP => UDP_HEADER,
        _ => 0,
    };
    network + transport
}

/// Totals times the sampling rate. Payload is what remains without headers, spread evenly: its sum is right within the options.
fn direction(side: &ExportedSide, scale: u64, header: u64) -> DirectionStats {
    let packets = side.packets.saturating_mul(scale);
    let ip_bytes = side.bytes.saturating_mul(scale);
    let headers = packets.saturating_mul(header).min(ip_bytes);
    let payload = side.payload_bytes.map_or(ip_bytes - headers, |bytes| bytes.saturating_mul(scale));
    DirectionStats {
        packets,
        bytes: side.wire_bytes.map_or(ip_bytes, |bytes| bytes.saturating_mul(scale)),
        ip_bytes,
        payload: even(packets, payload),
        header_bytes: headers,
        ..DirectionStats::default()
    }
}

/// Moments of so many equal values.
fn even(count: u64, sum: u64) -> Moments {
    if count == 0 {
        return Moments::default();
    }
    let mean = sum as f64 / count as f64;
    Moments { count, sum: sum as f64, sum_squares: mean * sum as f64, min: mean, max: mean }
}

fn joined(a: &Moments, b: &Moments) -> Moments {
    match (a.count, b.count) {
        (_, 0) => *a,
        (0, _) => *b,
        _ => Moments {
            count: a.count + b.count,
            sum: a.sum + b.sum,
            sum_squares: a.sum_squares + b.sum_squares,
            min: a.min.min(b.min),
            max: a.max.max(b.max),
        },
    }
}

/// Adds what another sample of the same direction says.
pub(super) fn add(side: &mut ExportedSide, other: &ExportedSide) {
    side.packets = side.packets.saturating_add(other.packets);
    side.bytes = side.bytes.saturating_add(other.bytes);
    let sum = |a: Option<u64>, b: Option<u64>| a.zip(b).map(|(a, b)| a.saturating_add(b)).or(a).or(b);
    side.wire_bytes = sum(side.wire_bytes, other.wire_bytes);
    side.payload_bytes = sum(side.payload_bytes, other.payload_bytes);
    let flags = side.tcp_flags.unwrap_or_default().0 | other.tcp_flags.unwrap_or_default().0;
    side.tcp_flags = side.tcp_flags.or(other.tcp_flags).map(|_| TcpFlags(flags));
}
