//! Addresses, endpoints and flow keys. Owns their packed form and their one canonical order; knows no packet.

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// An IP address in 16 bytes, IPv4 as `::ffff:a.b.c.d`, so that both versions hash and compare alike.
/// Written as ordinary text (`192.0.2.1`, `2001:db8::1`).
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct IpAddr16(pub [u8; 16]);

impl IpAddr16 {
    /// From four IPv4 bytes.
    #[inline]
    #[must_use]
    pub const fn v4(b: [u8; 4]) -> Self {
        Self([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, b[0], b[1], b[2], b[3]])
    }
    /// True for an IPv4 address.
    #[inline]
    #[must_use]
    pub fn is_v4(&self) -> bool {
        self.0[..12] == [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff]
    }
    /// The standard library's form.
    #[must_use]
    pub fn to_ip(self) -> IpAddr {
        if self.is_v4() {
            IpAddr::V4(Ipv4Addr::new(self.0[12], self.0[13], self.0[14], self.0[15]))
        } else {
            IpAddr::V6(Ipv6Addr::from(self.0))
        }
    }
    /// True for multicast, broadcast (255.255.255.255) and the unspecified address: never one host.
    #[must_use]
    pub fn is_not_one_host(&self) -> bool {
        match self.to_ip() {
            IpAddr::V4(a) => a.is_multicast() || a.is_broadcast() || a.is_unspecified() || a.octets()[0] == 0,
            IpAddr::V6(a) => a.is_multicast() || a.is_unspecified(),
        }
    }
}

impl From<IpAddr> for IpAddr16 {
    fn from(ip: IpAddr) -> Self {
        match ip {
            IpAddr::V4(a) => Self::v4(a.octets()),
            IpAddr::V6(a) => Self(a.octets()),
        }
    }
}

impl fmt::Display for IpAddr16 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.to_ip().fmt(f)
    }
}

impl fmt::Debug for IpAddr16 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.to_ip().fmt(f)
    }
}

impl std::str::FromStr for IpAddr16 {
    type Err = std::net::AddrParseError;
    fn from_str(s: &str) -> Result<Self, Self::Err> {
        s.parse::<IpAddr>().map(Self::from)
    }
}

impl Serialize for IpAddr16 {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for IpAddr16 {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let text = String::deserialize(d)?;
        text.parse().map_err(|_| serde::de::Error::custom(format!("`{text}` is not an IP address")))
    }
}

/// An Ethernet address, written `00:11:22:33:44:55`.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MacAddr(pub [u8; 6]);

impl MacAddr {
    /// All zero: not known.
    #[must_use]
    pub fn is_zero(&self) -> bool {
        self.0 == [0; 6]
    }
    /// Group bit set: broadcast or multicast.
    #[must_use]
    pub fn is_group(&self) -> bool {
        self.0[0] & 1 == 1
    }
}

impl fmt::Display for MacAddr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let b = self.0;
        write!(f, "{:02x}:{:02x}:{:02x}:{:02x}:{:02x}:{:02x}", b[0], b[1], b[2], b[3], b[4], b[5])
    }
}

impl fmt::Debug for MacAddr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for MacAddr {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for MacAddr {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let text = String::deserialize(d)?;
        let mut bytes = [0u8; 6];
        let mut parts = text.split([':', '-']);
        for b in &mut bytes {
            let part = parts.next().unwrap_or("");
            *b = u8::from_str_radix(part, 16)
                .map_err(|_| serde::de::Error::custom(format!("`{text}` is not an Ethernet address")))?;
        }
        Ok(Self(bytes))
    }
}

/// One side of a flow. For ICMP the port is the echo identifier, on both sides (see `FlowKey`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Endpoint {
    /// Address.
    pub addr: IpAddr16,
    /// TCP, UDP or SCTP port; 0 for protocols without ports.
    pub port: u16,
}

/// A flow's identity, the same for both directions: the endpoint that compares lower stands first.
/// Protocols without ports use 0; ICMP uses the echo identifier on both sides (0 for other types), so that a request
/// and its reply are one flow.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FlowKey {
    /// The endpoint that compares lower.
    pub low: Endpoint,
    /// The endpoint that compares higher.
    pub high: Endpoint,
    /// IP protocol number (6 TCP, 17 UDP, 1 ICMP, 58 ICMPv6, 132 SCTP).
    pub proto: u8,
}

impl FlowKey {
    /// No flow.
    pub const NONE: Self = {
        let end = Endpoint { addr: IpAddr16([0; 16]), port: 0 };
        Self { low: end, high: end, proto: 0 }
    };

    /// Orders two endpoints; the flag is true when `src` is the low one.
    #[inline]
    #[must_use]
    pub fn new(src: Endpoint, dst: Endpoint, proto: u8) -> (Self, bool) {
        if src <= dst {
            (Self { low: src, high: dst, proto }, true)
        } else {
            (Self { low: dst, high: src, proto }, false)
        }
    }

    /// Source and destination again, with the flag that `new` gave.
    #[inline]
    #[must_use]
    pub fn ends(&self, source_low: bool) -> (Endpoint, Endpoint) {
        if source_low { (self.low, self.high) } else { (self.high, self.low) }
    }
}

/// Link type as numbered by tcpdump.org (LINKTYPE_*). Unknown numbers are kept, and refused by `decode` by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct LinkType(pub u16);

impl LinkType {
    /// BSD loopback, 4-byte family in host order of the writer.
    pub const NULL: Self = Self(0);
    /// Ethernet.
    pub const ETHERNET: Self = Self(1);
    /// PPP.
    pub const PPP: Self = Self(9);
    /// Raw IP (as written by some BSDs).
    pub const RAW_BSD: Self = Self(12);
    /// Cisco HDLC / PPP in HDLC framing.
    pub const PPP_HDLC: Self = Self(50);
    /// Raw IP, version from the first nibble.
    pub const RAW: Self = Self(101);
    /// Cisco HDLC.
    pub const C_HDLC: Self = Self(104);
    /// 802.11 without radio header.
    pub const IEEE802_11: Self = Self(105);
    /// OpenBSD loopback, 4-byte family in network order.
    pub const LOOP: Self = Self(108);
    /// Linux cooked capture, version 1.
    pub const LINUX_SLL: Self = Self(113);
    /// 802.11 with radiotap header.
    pub const IEEE802_11_RADIOTAP: Self = Self(127);
    /// Raw IPv4.
    pub const IPV4: Self = Self(228);
    /// Raw IPv6.
    pub const IPV6: Self = Self(229);
    /// Linux cooked capture, version 2.
    pub const LINUX_SLL2: Self = Self(276);
}

/// IP protocol by EVE's name.
#[must_use]
pub fn proto_name(proto: u8) -> String {
    match proto {
        1 => "ICMP",
        2 => "IGMP",
        6 => "TCP",
        17 => "UDP",
        47 => "GRE",
        50 => "ESP",
        51 => "AH",
        58 => "IPv6-ICMP",
        89 => "OSPF",
        103 => "PIM",
        112 => "VRRP",
        132 => "SCTP",
        other => return other.to_string(),
    }
    .to_owned()
}
