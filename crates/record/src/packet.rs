//! A frame as it comes from a source, and what `decode` learned of it. Plain values, copyable, no pointer into the frame.

use crate::{Endpoint, FlowKey, LinkType, MacAddr, Timestamp};
use serde::{Deserialize, Serialize};

/// Where one frame lies in the batch's byte slice, and what its capture header said.
/// `offset + captured_len` is always inside the slice that came with it (the source checks).
#[derive(Clone, Copy, Debug)]
pub struct FrameHeader {
    /// Capture time.
    pub ts: Timestamp,
    /// Start of the frame in the batch's slice, bytes.
    pub offset: usize,
    /// Bytes that are there.
    pub captured_len: u32,
    /// Bytes that were on the wire.
    pub wire_len: u32,
    /// How to read the first byte.
    pub link: LinkType,
    /// Index of the source's interface, 0 where there is one.
    pub interface: u16,
}

/// TCP flags as on the wire (FIN is bit 0 … CWR is bit 7).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct TcpFlags(pub u8);

impl TcpFlags {
    /// No more data from the sender.
    pub const FIN: u8 = 0x01;
    /// Open.
    pub const SYN: u8 = 0x02;
    /// Abort.
    pub const RST: u8 = 0x04;
    /// Push.
    pub const PSH: u8 = 0x08;
    /// The acknowledgement field is valid.
    pub const ACK: u8 = 0x10;
    /// The urgent pointer is valid.
    pub const URG: u8 = 0x20;
    /// ECN echo.
    pub const ECE: u8 = 0x40;
    /// Congestion window reduced.
    pub const CWR: u8 = 0x80;
    /// True when every bit of `bits` is set.
    #[inline]
    #[must_use]
    pub const fn has(self, bits: u8) -> bool {
        self.0 & bits == bits
    }
}

/// The outermost tunnel that a packet came through; the inner flow is the one counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[repr(u8)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum Tunnel {
    /// Not tunnelled.
    #[default]
    None,
    /// Generic routing encapsulation (also with Ethernet inside and ERSPAN).
    Gre,
    /// IP in IP, 6in4, 4in6.
    IpInIp,
    /// VXLAN.
    Vxlan,
    /// GTP user plane.
    GtpU,
    /// Teredo.
    Teredo,
    /// Geneve.
    Geneve,
}

/// The layer at which decoding stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[repr(u8)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum Layer {
    /// Link header, VLAN, MPLS, PPPoE.
    Link,
    /// ARP.
    Arp,
    /// IPv4 or IPv6 with its extensions.
    Network,
    /// TCP, UDP, ICMP, SCTP, IGMP.
    Transport,
    /// GRE, VXLAN, GTP-U, IP in IP.
    Tunnel,
    /// DNS, TLS and so on.
    Application,
}

/// Why decoding stopped before the end. Each is a counter; `NotDecoded` kinds are no errors but are counted too.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[repr(u8)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum DecodeErrorKind {
    /// The link type is not one we read.
    LinkTypeUnknown,
    /// The frame ended inside the link header.
    LinkTruncated,
    /// The Ethernet type is not one we read (GOOSE, PTP, LLDP, …): counted by frame, not an error of the sender.
    EtherTypeUnknown,
    /// More VLAN or MPLS tags than `tags_max`.
    TagsTooMany,
    /// The frame ended inside an ARP packet.
    ArpTruncated,
    /// ARP for something other than IPv4 over Ethernet.
    ArpUnsupported,
    /// The frame ended inside the IPv4 header.
    Ipv4Truncated,
    /// The IPv4 version, header length or total length is impossible.
    Ipv4Invalid,
    /// The frame ended inside the IPv6 header or an extension.
    Ipv6Truncated,
    /// The IPv6 version or an extension is impossible.
    Ipv6Invalid,
    /// More IPv6 extension headers than `extensions_max`.
    Ipv6ExtensionsTooMany,
    /// The frame ended inside the TCP header.
    TcpTruncated,
    /// The TCP data offset is impossible.
    TcpInvalid,
    /// A TCP option ran past the header.
    TcpOptionInvalid,
    /// The frame ended inside the UDP header.
    UdpTruncated,
    /// The UDP length is impossible.
    UdpInvalid,
    /// The frame ended inside the ICMP header.
    IcmpTruncated,
    /// The frame ended inside the SCTP common header.
    SctpTruncated,
    /// The frame ended inside the IGMP header.
    IgmpTruncated,
    /// The frame ended inside a tunnel header.
    TunnelTruncated,
    /// More tunnels inside each other than `tunnels_max`.
    TunnelsTooMany,
    /// The IP protocol is not one we read further; the flow is still counted.
    ProtocolUnknown,
    /// Application data that said it was X but could not be read as X.
    ApplicationInvalid,
    /// An 802.11 data frame whose body is encrypted: counted by frame, not an error of the sender.
    LinkEncrypted,
    /// An 802.11 management or control frame, or one without a body: counted by frame, not an error of the sender.
    LinkControl,
}

/// Everything later rooms need of one packet. 0 means "not there" for lengths and ports.
#[derive(Clone, Copy, Debug)]
pub struct PacketMeta {
    /// Capture time.
    pub ts: Timestamp,
    /// Canonical flow key; valid when `ip_version` is not 0.
    pub key: FlowKey,
    /// Hash of `key`, symmetric; 0 when there is no flow.
    pub hash: u64,
    /// ICMP errors (unreachable, time exceeded): hash of the quoted packet's flow key, so that the flow can be told it was
    /// refused. 0 for every other packet.
    pub icmp_inner_hash: u64,
    /// True when the sender is `key.low`.
    pub from_low: bool,
    /// 4, 6, or 0 for frames that carry no IP (ARP, GOOSE, …).
    pub ip_version: u8,
    /// IP protocol of the innermost header.
    pub proto: u8,
    /// Time to live or hop limit.
    pub ttl: u8,
    /// Flags of the TCP header, 0 for others.
    pub tcp_flags: TcpFlags,
    /// ICMP or ICMPv6 type, 0 for others.
    pub icmp_type: u8,
    /// ICMP or ICMPv6 code.
    pub icmp_code: u8,
    /// Outermost tunnel.
    pub tunnel: Tunnel,
    /// True for every fragment but the first: no ports, no transport header.
    pub fragment_later: bool,
    /// True for any fragment (first or later).
    pub fragment: bool,
    /// Index of the interface in its source.
    pub interface: u16,
    /// Ethernet type of the innermost link header (0x0800, 0x86dd, 0x0806, 0x88b8 …).
    pub ether_type: u16,
    /// Outermost VLAN identifier, 0 when untagged.
    pub vlan: u16,
    /// Source port as sent (ICMP: 0).
    pub src_port: u16,
    /// Destination port as sent (ICMP: 0).
    pub dest_port: u16,
    /// TCP receive window as sent (not scaled).
    pub tcp_window: u16,
    /// TCP maximum segment size option of a SYN, 0 when absent.
    pub tcp_mss: u16,
    /// TCP sequence number.
    pub tcp_seq: u32,
    /// TCP acknowledgement number.
    pub tcp_ack: u32,
    /// Bytes on the wire, link header included.
    pub wire_len: u32,
    /// Bytes captured.
    pub captured_len: u32,
    /// Innermost IP header and payload by its own length field, bytes (capped at the wire).
    pub ip_len: u32,
    /// Innermost network header with options or extensions, bytes.
    pub ip_header_len: u16,
    /// Transport header, bytes (TCP with options, UDP 8, ICMP 8).
    pub l4_header_len: u16,
    /// Transport payload on the wire by the length fields, bytes.
    pub payload_len: u32,
    /// Start of the payload in the frame; valid when `payload_captured` is not 0.
    pub payload_offset: u32,
    /// Payload bytes that were captured.
    pub payload_captured: u32,
    /// Link sender.
    pub src_mac: MacAddr,
    /// Link receiver.
    pub dest_mac: MacAddr,
    /// Where and why decoding stopped early, with the offset in the frame; None when all was read.
    pub stop: Option<(DecodeErrorKind, Layer, u16)>,
}

impl PacketMeta {
    /// Nothing read yet. A constant, so that a decoder sets a packet's fields in place instead of copying them.
    pub const EMPTY: Self = Self {
        ts: Timestamp(0),
        key: FlowKey::NONE,
        hash: 0,
        icmp_inner_hash: 0,
        from_low: true,
        ip_version: 0,
        proto: 0,
        ttl: 0,
        tcp_flags: TcpFlags(0),
        icmp_type: 0,
        icmp_code: 0,
        tunnel: Tunnel::None,
        fragment_later: false,
        fragment: false,
        interface: 0,
        ether_type: 0,
        vlan: 0,
        src_port: 0,
        dest_port: 0,
        tcp_window: 0,
        tcp_mss: 0,
        tcp_seq: 0,
        tcp_ack: 0,
        wire_len: 0,
        captured_len: 0,
        ip_len: 0,
        ip_header_len: 0,
        l4_header_len: 0,
        payload_len: 0,
        payload_offset: 0,
        payload_captured: 0,
        src_mac: MacAddr([0; 6]),
        dest_mac: MacAddr([0; 6]),
        stop: None,
    };

    /// The sending endpoint.
    #[inline]
    #[must_use]
    pub fn src(&self) -> Endpoint {
        if self.from_low { self.key.low } else { self.key.high }
    }
    /// The receiving endpoint.
    #[inline]
    #[must_use]
    pub fn dest(&self) -> Endpoint {
        if self.from_low { self.key.high } else { self.key.low }
    }
}

impl Default for PacketMeta {
    #[inline]
    fn default() -> Self {
        Self::EMPTY
    }
}

/// One packet as the packet level sees it. Under sampling it stands for several packets of its channel.
#[derive(Clone, Copy, Debug)]
pub struct PacketSample {
    /// Capture time.
    pub ts: Timestamp,
    /// Canonical flow key; valid when `has_flow`.
    pub key: FlowKey,
    /// True when the sender is `key.low`.
    pub from_low: bool,
    /// False for frames without addresses and ports (ARP, GOOSE, …).
    pub has_flow: bool,
    /// Link sender.
    pub src_mac: MacAddr,
    /// Link receiver.
    pub dest_mac: MacAddr,
    /// Bytes on the wire.
    pub wire_len: u32,
    /// Packets that it stands for, 1 or more.
    pub count: u32,
}
