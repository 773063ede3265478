//! A flow as somebody else measured it and told it: a router's NetFlow or IPFIX record, an sFlow sample, a line of Zeek, EVE or
//! of a firewall. One direction, or both where the teller joined them. Owns what such a report can say; knows no wire format
//! and derives nothing: `flow::exported` makes contacts and flow records of it.

use crate::{
    AppProto, ContactOutcome, Counters, EndReason, Endpoint, HistoryText, IpAddr16, MacAddr, TcpFlags, TcpState,
    Timestamp,
};
use serde::{Deserialize, Serialize};

/// Who measured a flow, and so what its record can be asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum FlowOrigin {
    /// Its packets passed Tripline's own meter: every statistic is there.
    #[default]
    Packets,
    /// A router, switch or probe exported it: times and totals, no statistics of single packets.
    Export {
        /// Who exported it.
        #[cfg_attr(feature = "openapi", schema(value_type = String))]
        exporter: IpAddr16,
        /// One of so many packets was counted and the totals are multiplied by it: estimates when above 1.
        sampling: u32,
    },
    /// A line of a log told it.
    Log,
}

impl FlowOrigin {
    /// The name used in the API and in filters.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Packets => "packets",
            Self::Export { .. } => "export",
            Self::Log => "log",
        }
    }
    /// True when the record has the statistics of single packets that flow models learn from.
    #[must_use]
    pub const fn has_packet_statistics(self) -> bool {
        matches!(self, Self::Packets)
    }
    /// True when totals are estimates from sampled packets.
    #[must_use]
    pub const fn is_estimate(self) -> bool {
        matches!(self, Self::Export { sampling, .. } if sampling > 1)
    }
}

/// What one side sent. Counts are as the teller gave them, before they are multiplied by the sampling rate.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ExportedSide {
    /// Packets; 0 where the teller does not count them.
    pub packets: u64,
    /// Bytes, of IP where the teller says what it counts (NetFlow, IPFIX, Zeek's `ip_bytes`).
    pub bytes: u64,
    /// Bytes on the wire with their link headers, where told (sFlow, `layer2OctetDeltaCount`).
    pub wire_bytes: Option<u64>,
    /// Bytes of transport payload, where told.
    pub payload_bytes: Option<u64>,
    /// All TCP flags seen, where told: None is not the same as no flag.
    pub tcp_flags: Option<TcpFlags>,
}

/// One report of a flow by somebody else. `src` sent the `forward` part. What is not known is None or the documented empty value.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ExportedFlow {
    /// Kind of teller; `Export` repeats `exporter` and `sampling` so that a record made of it needs nothing else.
    pub origin: FlowOrigin,
    /// Address of the exporter or sensor; all zero when the report does not say (a log file).
    pub exporter: IpAddr16,
    /// Source identifier, observation domain or sub-agent at the exporter.
    pub domain: u32,
    /// When the report was made or came: the time by which tables forget. Never earlier than `end` by intent, but clocks differ.
    pub reported: Timestamp,
    /// First packet.
    pub start: Timestamp,
    /// Last packet.
    pub end: Timestamp,
    /// Sender of `forward`.
    pub src: Endpoint,
    /// Receiver of `forward`.
    pub dest: Endpoint,
    /// IP protocol.
    pub proto: u8,
    /// ICMP type and code, where told; ports are 0 then.
    pub icmp: Option<(u8, u8)>,
    /// What `src` sent.
    pub forward: ExportedSide,
    /// What `dest` sent back, where the report covers both directions. None: another report may tell it.
    pub backward: Option<ExportedSide>,
    /// `src` is known to have opened the flow (a biflow, Zeek, EVE, a firewall's verdict). False: to be derived.
    pub originator_known: bool,
    /// Several reports of this kind may belong to one flow and are added to each other: single sampled packets (sFlow).
    pub is_sample: bool,
    /// One of so many packets was counted: 1 all, 0 unknown (taken as 1).
    pub sampling: u32,
    /// Index of the ingress interface at the exporter, 0 unknown.
    pub interface_in: u32,
    /// Index of the egress interface at the exporter, 0 unknown.
    pub interface_out: u32,
    /// Type of service or traffic class.
    pub tos: u8,
    /// Outermost VLAN, 0 none.
    pub vlan: u16,
    /// Link address of `src`, or of the router before it; zero unknown.
    pub src_mac: MacAddr,
    /// Link address of `dest`, or of the router behind it; zero unknown.
    pub dest_mac: MacAddr,
    /// Why the report was made, where told.
    pub reason: Option<EndReason>,
    /// Connection state, where the teller judged it (Zeek's `conn_state`). None: derived from flags and the other half.
    pub state: Option<TcpState>,
    /// Zeek's history letters, where told.
    pub history: HistoryText,
    /// What came back, where the teller knows: a firewall that dropped (`Unanswered`) or rejected (`Refused`), Zeek's state.
    /// None: derived.
    pub outcome: Option<ContactOutcome>,
    /// Application protocol, where the teller recognised it.
    pub app_proto: AppProto,
}

impl ExportedFlow {
    /// The factor from counted to estimated totals, never 0.
    #[must_use]
    pub fn scale(&self) -> u64 {
        u64::from(self.sampling.max(1))
    }
}

/// What an exporter says of one of its interfaces: totals since it started (sFlow counter samples).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ExportedCounters {
    /// When it came.
    pub reported: Timestamp,
    /// Index of the interface at the exporter.
    pub interface: u32,
    /// Speed, bits a second; 0 unknown.
    pub speed_bits_per_s: u64,
    /// Bytes received.
    pub bytes_in: u64,
    /// Packets received.
    pub packets_in: u64,
    /// Bytes sent.
    pub bytes_out: u64,
    /// Packets sent.
    pub packets_out: u64,
}

/// Formats of exports.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum ExportFormat {
    /// NetFlow version 5.
    NetflowV5,
    /// NetFlow version 9 (RFC 3954).
    NetflowV9,
    /// IPFIX (RFC 7011).
    Ipfix,
    /// sFlow version 5.
    Sflow,
    /// Another version, which is not read.
    Other,
}

impl ExportFormat {
    /// Name for people.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::NetflowV5 => "NetFlow v5",
            Self::NetflowV9 => "NetFlow v9",
            Self::Ipfix => "IPFIX",
            Self::Sflow => "sFlow v5",
            Self::Other => "unknown export",
        }
    }
}

/// What is known of one exporter: an address, a format, a source identifier.
#[derive(Clone, Debug, PartialEq)]
pub struct ExporterState {
    /// Who exports.
    pub exporter: IpAddr16,
    /// Format.
    pub format: ExportFormat,
    /// Source identifier, engine, observation domain or sub-agent.
    pub domain: u32,
    /// Datagrams that came.
    pub datagrams: u64,
    /// Data records and samples read, options among them.
    pub records: u64,
    /// Flows they told.
    pub flows: u64,
    /// Missing by the sequence numbers, in the format's own unit: flows (v5), datagrams (v9, sFlow), records (IPFIX).
    pub missing: u64,
    /// Datagrams that came after a later one.
    pub reordered: u64,
    /// Times the sequence began anew: the exporter was restarted.
    pub restarts: u64,
    /// Templates known now.
    pub templates: u64,
    /// Data sets that came before their template.
    pub sets_without_template: u64,
    /// Of these, read when the template came.
    pub sets_read_late: u64,
    /// One of so many packets is counted, as last told; 0 not told.
    pub sampling: u32,
    /// Records left aside on purpose, by reason.
    pub ignored: Counters,
    /// By how many seconds its clock is behind ours (ahead when negative), where it is a minute or more; its times are put right.
    pub clock_off_s: i64,
    /// What could not be read or kept, by reason.
    pub unreadable: Counters,
    /// Newest interface counters, by interface; bounded.
    pub interfaces: Vec<ExportedCounters>,
    /// When the last datagram came.
    pub last: Timestamp,
}

impl ExporterState {
    /// Nothing has come yet.
    #[must_use]
    pub fn new(exporter: IpAddr16, format: ExportFormat, domain: u32) -> Self {
        Self {
            exporter,
            format,
            domain,
            datagrams: 0,
            records: 0,
            flows: 0,
            missing: 0,
            reordered: 0,
            restarts: 0,
            templates: 0,
            sets_without_template: 0,
            sets_read_late: 0,
            sampling: 0,
            clock_off_s: 0,
            ignored: Counters::default(),
            unreadable: Counters::default(),
            interfaces: Vec::new(),
            last: Timestamp(0),
        }
    }
}
