//! A flow as reported: identity, counters, corrected CICFlowMeter statistics, TCP state. Times in nanoseconds, sizes in
//! bytes. A long flow is reported several times (active timeout); each report covers its own span.

use crate::{AppData, AppProto, Endpoint, FlowKey, FlowOrigin, MacAddr, Process, TcpFlags, Timestamp, Tunnel};
use std::sync::Arc;

/// Count, sum, sum of squares, smallest and largest of a quantity. Empty: all zero.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Moments {
    /// How many values.
    pub count: u64,
    /// Their sum.
    pub sum: f64,
    /// Sum of their squares.
    pub sum_squares: f64,
    /// Smallest.
    pub min: f64,
    /// Largest.
    pub max: f64,
}

impl Moments {
    /// Mean, 0 when empty.
    #[must_use]
    pub fn mean(&self) -> f64 {
        if self.count == 0 { 0.0 } else { self.sum / self.count as f64 }
    }
    /// Sample variance (n−1), 0 below two values; never negative.
    #[must_use]
    pub fn variance(&self) -> f64 {
        if self.count < 2 {
            return 0.0;
        }
        let n = self.count as f64;
        ((self.sum_squares - self.sum * self.sum / n) / (n - 1.0)).max(0.0)
    }
    /// Sample standard deviation.
    #[must_use]
    pub fn std_dev(&self) -> f64 {
        self.variance().sqrt()
    }
    /// Adds one value.
    #[inline]
    pub fn add(&mut self, value: f64) {
        if self.count == 0 {
            self.min = value;
            self.max = value;
        } else {
            self.min = self.min.min(value);
            self.max = self.max.max(value);
        }
        self.count += 1;
        self.sum += value;
        self.sum_squares += value * value;
    }
}

/// Which side a thing belongs to. Forward is the direction of the originator (first packet, or the SYN's sender).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// Originator to responder.
    Forward,
    /// Responder to originator.
    Backward,
}

/// Why a record was written. Names are Suricata's and softflowd's where they have them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum EndReason {
    /// Both sides sent FIN and the last was acknowledged (or the linger ended).
    Fin,
    /// RST.
    Rst,
    /// No packet for the idle timeout.
    #[default]
    Idle,
    /// Still alive: the active timeout passed, the flow goes on in a later record.
    Active,
    /// The table was full.
    Evicted,
    /// The input ended.
    Shutdown,
}

impl EndReason {
    /// The name used in records, API and pages.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Fin => "fin",
            Self::Rst => "rst",
            Self::Idle => "idle",
            Self::Active => "active",
            Self::Evicted => "evicted",
            Self::Shutdown => "shutdown",
        }
    }
}

/// TCP connection state, Zeek's letters (conn.log `conn_state`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "UPPERCASE")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum TcpState {
    /// SYN seen, no reply.
    S0,
    /// Established, not ended.
    S1,
    /// Established, originator closed, no reply of the responder.
    S2,
    /// Established, responder closed, no reply of the originator.
    S3,
    /// Normal establishment and end.
    Sf,
    /// SYN answered by RST.
    Rej,
    /// Established, originator aborted.
    Rsto,
    /// Responder aborted.
    Rstr,
    /// Originator sent SYN then RST, no SYN-ACK.
    Rstos0,
    /// Responder sent SYN-ACK then RST, no SYN of the originator seen.
    Rstrh,
    /// Originator sent SYN then FIN, no SYN-ACK.
    Sh,
    /// Responder sent SYN-ACK then FIN, no SYN seen.
    Shr,
    /// No SYN seen: middle of a connection, or not TCP and not judged.
    #[default]
    Oth,
}

impl TcpState {
    /// Zeek's spelling.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::S0 => "S0",
            Self::S1 => "S1",
            Self::S2 => "S2",
            Self::S3 => "S3",
            Self::Sf => "SF",
            Self::Rej => "REJ",
            Self::Rsto => "RSTO",
            Self::Rstr => "RSTR",
            Self::Rstos0 => "RSTOS0",
            Self::Rstrh => "RSTRH",
            Self::Sh => "SH",
            Self::Shr => "SHR",
            Self::Oth => "OTH",
        }
    }
}

/// One direction's statistics.
#[derive(Clone, Copy, Debug, Default)]
pub struct DirectionStats {
    /// Packets.
    pub packets: u64,
    /// Bytes on the wire, link header included.
    pub bytes: u64,
    /// Bytes of IP, header included.
    pub ip_bytes: u64,
    /// Transport payload per packet, bytes.
    pub payload: Moments,
    /// Time between packets of this direction, ns.
    pub iat: Moments,
    /// Network and transport header bytes, sum.
    pub header_bytes: u64,
    /// Packets with transport payload (CICFlowMeter's `Act Data Pkt`).
    pub packets_with_payload: u64,
    /// Smallest transport header seen, bytes (`Seg Size Min`).
    pub segment_size_min: u16,
    /// Receive window of the first packet.
    pub init_window: u16,
    /// Count of each TCP flag, FIN first, CWR last.
    pub flags: [u32; 8],
    /// Segments sent again (same sequence range as already seen).
    pub retransmissions: u32,
    /// Payload bytes missing by sequence number (gaps never filled).
    pub missed_bytes: u64,
    /// Bulk transfers (≥ 4 payload packets with < 1 s between): bytes, packets, number, time in ns.
    pub bulk_bytes: u64,
    /// Packets in bulks.
    pub bulk_packets: u64,
    /// Number of bulks.
    pub bulks: u32,
    /// Time spent in bulks, ns.
    pub bulk_duration_ns: u64,
}

/// What the application layer of a flow was.
#[derive(Clone, Debug, Default)]
pub struct AppSummary {
    /// Protocol.
    pub proto: AppProto,
    /// First event of the client (query, ClientHello, request head).
    pub request: Option<AppData>,
    /// First event of the server.
    pub response: Option<AppData>,
}

impl AppSummary {
    /// The name that the client asked for (server name of TLS, host of HTTP, name asked of DNS), empty when it asked for none.
    #[must_use]
    pub fn host_name(&self) -> &str {
        [&self.request, &self.response]
            .into_iter()
            .flatten()
            .map(|data| match data {
                crate::AppData::Tls(tls) => tls.sni.as_str(),
                crate::AppData::Http(http) => http.hostname.as_str(),
                crate::AppData::Dns(dns) => dns.rrname.as_str(),
                crate::AppData::Dhcp(dhcp) => dhcp.hostname.as_str(),
                crate::AppData::Ssh(_)
                | crate::AppData::Ntp(_)
                | crate::AppData::Control(_)
                | crate::AppData::Admin(_)
                | crate::AppData::Login(_)
                | crate::AppData::Certificate(_) => "",
            })
            .find(|name| !name.is_empty())
            .unwrap_or_default()
    }
}

/// One report of a flow.
#[derive(Clone, Debug, Default)]
pub struct FlowRecord {
    /// Stable identity: a hash of key, start time and report number, the same on any worker count. Never 0. At most
    /// 2^53 − 1, so that JavaScript reads it exactly.
    pub flow_id: u64,
    /// Canonical key.
    pub key: FlowKey,
    /// True when the originator is `key.low`.
    pub originator_low: bool,
    /// First packet of this report's span.
    pub start: Timestamp,
    /// Last packet of this report's span.
    pub end: Timestamp,
    /// First packet of the whole flow, earlier than `start` after an active timeout.
    pub first_seen: Timestamp,
    /// 0 for the first report, then 1, 2, …
    pub report: u32,
    /// Originator to responder.
    pub forward: DirectionStats,
    /// Responder to originator.
    pub backward: DirectionStats,
    /// Transport payload per packet, both directions, bytes.
    pub payload: Moments,
    /// Time between packets of either direction, ns.
    pub iat: Moments,
    /// Busy spans (gaps under the active threshold), ns; empty when the flow had no idle gap.
    pub active: Moments,
    /// Idle gaps over the threshold (5 s as CICFlowMeter), ns.
    pub idle: Moments,
    /// Sub-flows: one more than the number of gaps over 1 s.
    pub subflows: u32,
    /// Why it was written.
    pub reason: EndReason,
    /// TCP state, Zeek's letters; UDP: S0 without answer, SF with; others OTH as Zeek does.
    pub state: TcpState,
    /// Zeek's history letters, at most 16 (upper case originator).
    pub history: HistoryText,
    /// All TCP flags of the originator.
    pub tcp_flags_forward: TcpFlags,
    /// All TCP flags of the responder.
    pub tcp_flags_backward: TcpFlags,
    /// First ICMP type (0 otherwise).
    pub icmp_type: u8,
    /// First ICMP code.
    pub icmp_code: u8,
    /// Round-trip time of the TCP handshake, ns; 0 unknown.
    pub handshake_ns: u64,
    /// Outermost VLAN of the first packet.
    pub vlan: u16,
    /// Interface index in its source.
    pub interface: u16,
    /// Outermost tunnel.
    pub tunnel: Tunnel,
    /// Who measured it: only Tripline's own meter knows the statistics of single packets.
    pub origin: FlowOrigin,
    /// Link address of the originator (of the router, when it is behind one).
    pub src_mac: MacAddr,
    /// Link address of the responder.
    pub dest_mac: MacAddr,
    /// Application layer; None when nothing was recognised.
    pub app: Option<Box<AppSummary>>,
    /// The process of this machine whose socket it was; None when no end is a socket of this machine, or its owner is not known.
    pub process: Option<Arc<Process>>,
}

/// Up to 16 history letters without an allocation.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct HistoryText {
    /// Letters, ASCII.
    pub letters: [u8; 16],
    /// How many are used.
    pub len: u8,
}

impl HistoryText {
    /// As text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.letters[..usize::from(self.len.min(16))]).unwrap_or("")
    }
    /// Adds a letter unless full.
    pub fn push(&mut self, letter: u8) {
        if usize::from(self.len) < self.letters.len() {
            self.letters[usize::from(self.len)] = letter;
            self.len += 1;
        }
    }
}

/// What is kept of a flow when its statistics are not needed any more: which, who, when, how much.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct FlowBrief {
    /// As in the record.
    pub flow_id: u64,
    /// Both ends, in the record's order.
    pub key: FlowKey,
    /// The lower end opened it.
    pub originator_low: bool,
    /// First packet of this report.
    pub start: Timestamp,
    /// Last packet.
    pub end: Timestamp,
    /// Packets of both directions.
    pub packets: u64,
}

impl FlowBrief {
    /// The originator.
    #[must_use]
    pub fn src(&self) -> Endpoint {
        self.key.ends(self.originator_low).0
    }
    /// The responder.
    #[must_use]
    pub fn dest(&self) -> Endpoint {
        self.key.ends(self.originator_low).1
    }
}

impl FlowRecord {
    /// Without its statistics.
    #[must_use]
    pub fn brief(&self) -> FlowBrief {
        let (flow_id, key, originator_low) = (self.flow_id, self.key, self.originator_low);
        FlowBrief { flow_id, key, originator_low, start: self.start, end: self.end, packets: self.packets() }
    }
    /// The originator.
    #[must_use]
    pub fn src(&self) -> Endpoint {
        self.key.ends(self.originator_low).0
    }
    /// The responder.
    #[must_use]
    pub fn dest(&self) -> Endpoint {
        self.key.ends(self.originator_low).1
    }
    /// Packets of both directions.
    #[must_use]
    pub fn packets(&self) -> u64 {
        self.forward.packets + self.backward.packets
    }
    /// Wire bytes of both directions.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.forward.bytes + self.backward.bytes
    }
    /// Span of this report, ns, never negative.
    #[must_use]
    pub fn duration_ns(&self) -> u64 {
        self.end.since(self.start).max(0) as u64
    }
    /// Application protocol, Unknown when none.
    #[must_use]
    pub fn app_proto(&self) -> AppProto {
        self.app.as_ref().map_or(AppProto::Unknown, |a| a.proto)
    }
}
