//! What a meter (decoder and flow table of one worker) emits, in the order of capture time. Streams of several workers
//! are merged by `(Observation::ts, Observation::tie)`, which does not depend on the number of workers.

use crate::{
    AppEvent, ArpData, FlowKey, FlowRecord, ImportedAlert, IpAddr16, PacketSample, RouterData, SocketEvent, Timestamp,
};
use serde::{Deserialize, Serialize};

/// One thing that happened.
#[derive(Clone, Debug)]
pub enum Observation {
    /// A flow's first contact was answered, refused, or left alone.
    Contact(Contact),
    /// An application message.
    App(Box<AppEvent>),
    /// An ARP packet.
    Arp(ArpData),
    /// A router advertisement of IPv6.
    Router(Box<RouterData>),
    /// A flow was reported.
    Flow(Box<FlowRecord>),
    /// One second of one interface passed.
    Second(Box<InterfaceSecond>),
    /// A packet for the packet level. Only the meter that is shown every packet gives them.
    Packet(PacketSample),
    /// Another tool raised an alert. Only logs give them.
    Imported(Box<ImportedAlert>),
    /// A socket of this machine came or went. Only the watch of the host itself gives them.
    Socket(Box<SocketEvent>),
}

/// How the other side took a flow's opening. Emitted once a flow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ContactOutcome {
    /// Answered (SYN-ACK, UDP reply, echo reply).
    Answered,
    /// Refused (RST to an opening, ICMP unreachable).
    Refused,
    /// No answer within `contact_timeout_ms`.
    Unanswered,
    /// No opening was seen (the capture starts in the middle, or only one direction is seen): says nothing.
    Midstream,
}

/// First contact of one flow.
#[derive(Clone, Copy, Debug)]
pub struct Contact {
    /// When the outcome was known (capture time).
    pub ts: Timestamp,
    /// When the opening packet was sent.
    pub opened: Timestamp,
    /// Flow.
    pub key: FlowKey,
    /// Who opened.
    pub src: IpAddr16,
    /// Who was asked.
    pub dest: IpAddr16,
    /// Port asked for; 0 for protocols without ports.
    pub dest_port: u16,
    /// Sender's port.
    pub src_port: u16,
    /// IP protocol.
    pub proto: u8,
    /// Flags of the opening TCP packet: SYN for an honest opening; FIN, none, FIN+PSH+URG or bare ACK for a stealth probe.
    pub opening_flags: u8,
    /// Payload bytes of the opening packet.
    pub opening_payload: u32,
    /// What came back.
    pub outcome: ContactOutcome,
}

/// Traffic classes of the per-second counters and the stacked chart.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[repr(u8)]
pub enum TrafficClass {
    /// TCP.
    Tcp,
    /// UDP.
    Udp,
    /// ICMP and ICMPv6.
    Icmp,
    /// Other IP.
    Ip,
    /// ARP.
    Arp,
    /// Everything else on the wire.
    #[default]
    Other,
}

impl TrafficClass {
    /// Number of classes.
    pub const COUNT: usize = 6;
    /// All, in chart order.
    pub const ALL: [Self; Self::COUNT] = [Self::Tcp, Self::Udp, Self::Icmp, Self::Ip, Self::Arp, Self::Other];
    /// Name in series (`tcp`).
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Tcp => "tcp",
            Self::Udp => "udp",
            Self::Icmp => "icmp",
            Self::Ip => "ip",
            Self::Arp => "arp",
            Self::Other => "other",
        }
    }
}

/// Counters of one interface in one second of capture time. Workers' parts of the same second are added.
#[derive(Clone, Debug, Default)]
pub struct InterfaceSecond {
    /// Start of the second.
    pub ts: Timestamp,
    /// Interface index in its source.
    pub interface: u16,
    /// Name of the interface when the host's own counters tell of it; empty for captured and exported traffic.
    pub counted_on: String,
    /// Packets by `TrafficClass`.
    pub packets: [u64; TrafficClass::COUNT],
    /// Wire bytes by `TrafficClass`.
    pub bytes: [u64; TrafficClass::COUNT],
    /// Packets from home networks to elsewhere.
    pub packets_out: u64,
    /// Packets from elsewhere to home networks.
    pub packets_in: u64,
    /// Bytes from home networks to elsewhere.
    pub bytes_out: u64,
    /// Bytes from elsewhere to home networks.
    pub bytes_in: u64,
    /// TCP openings (SYN without ACK).
    pub tcp_syn: u64,
    /// Flows that began.
    pub flows_new: u64,
    /// The receivers of the most packets this second, at most 8, busiest first, for floods:
    /// address, packets, bytes, SYNs, distinct senders (estimate), class.
    pub top_receivers: Vec<ReceiverSecond>,
}

/// The interface number of traffic that exporters told, all of them together: above those of captures.
pub const EXPORTED_INTERFACE: u16 = 64;

/// An interface in words, for the start of a sentence.
#[must_use]
pub fn interface_words(interface: u16) -> String {
    if interface == EXPORTED_INTERFACE { "Exported traffic".to_owned() } else { format!("Interface {interface}") }
}

/// One receiver in one second.
#[derive(Clone, Copy, Debug, Default)]
pub struct ReceiverSecond {
    /// Receiver.
    pub dest: IpAddr16,
    /// Class.
    pub class: TrafficClass,
    /// Packets.
    pub packets: u64,
    /// Wire bytes.
    pub bytes: u64,
    /// TCP openings among them.
    pub tcp_syn: u64,
    /// Packets that the receiver sent back in the same class and second.
    pub packets_back: u64,
    /// Distinct senders (estimate).
    pub senders: u32,
    /// The busiest sender.
    pub sender_top: IpAddr16,
    /// Packets of the busiest sender.
    pub sender_top_packets: u64,
    /// The port that got most packets (0 for ICMP).
    pub dest_port: u16,
    /// Packets to `dest_port` (estimate): near `packets` in a flood of one service, few in a port scan.
    pub dest_port_packets: u64,
    /// The most frequent source port, for reflection (53, 123, 161 …).
    pub src_port: u16,
    /// Packets from `src_port` (estimate).
    pub src_port_packets: u64,
}

impl Observation {
    /// When it happened, for merging.
    #[inline]
    #[must_use]
    pub fn ts(&self) -> Timestamp {
        match self {
            Self::Contact(c) => c.ts,
            Self::App(a) => a.ts,
            Self::Arp(a) => a.ts,
            Self::Router(r) => r.ts,
            Self::Flow(f) => f.end,
            Self::Packet(p) => p.ts,
            Self::Imported(a) => a.ts,
            Self::Socket(s) => s.ts,
            Self::Second(s) => s.ts.plus_ns(crate::timestamp::NS_PER_S - 1),
        }
    }
}
