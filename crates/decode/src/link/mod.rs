//! Link headers: which file reads a link type, and what an Ethernet type leads to. Knows nothing above the link.

pub(crate) mod cooked;
pub(crate) mod ethernet;
pub(crate) mod frame_relay;
pub(crate) mod mpls;
pub(crate) mod point_to_point;
pub(crate) mod tags;
pub(crate) mod wireless;

use crate::walk::{Next, Walk};
use crate::{arp, link};
use record::{DecodeErrorKind, Layer, LinkType};

/// Ethernet type of IPv4.
pub(crate) const ETHER_IPV4: u16 = 0x0800;
/// Ethernet type of ARP.
pub(crate) const ETHER_ARP: u16 = 0x0806;
/// Ethernet type of IPv6.
pub(crate) const ETHER_IPV6: u16 = 0x86dd;
/// Smallest value that is a type and not an 802.3 length.
pub(crate) const ETHER_TYPE_MIN: u16 = 0x0600;

/// The first header of a frame, by its link type.
pub(crate) fn read(walk: &mut Walk<'_>, link: LinkType, at: usize) -> Next {
    match link.0 {
        1 => Next::Ethernet(at),
        0 | 108 => link::cooked::loopback(walk, at),
        // LINKTYPE_RAW, and DLT_RAW of the BSDs written to files as it is.
        12 | 14 | 101 => Next::Ip(at),
        228 => Next::Ipv4(at),
        229 => Next::Ipv6(at),
        113 => link::cooked::sll(walk, at),
        276 => link::cooked::sll2(walk, at),
        9 | 50 => link::point_to_point::ppp_or_hdlc(walk, at),
        51 => link::point_to_point::pppoe(walk, at),
        10 => link::cooked::fddi(walk, at),
        192 => link::cooked::packet_information(walk, at),
        239 => link::cooked::nflog(walk, at),
        104 => link::point_to_point::hdlc(walk, at),
        219 => link::mpls::read(walk, at),
        105 => link::wireless::read(walk, at),
        127 => link::wireless::radiotap(walk, at),
        119 | 163 => link::wireless::prism_or_avs(walk, at),
        107 => link::frame_relay::read(walk, at),
        // RFC 2684: LLC over ATM.
        100 => link::ethernet::llc(walk, at),
        _ => walk.stop(DecodeErrorKind::LinkTypeUnknown, Layer::Link, at),
    }
}

/// What an Ethernet type leads to; noted as the innermost link type.
#[inline]
pub(crate) fn ether_type(walk: &mut Walk<'_>, kind: u16, at: usize) -> Next {
    walk.meta.ether_type = kind;
    match kind {
        ETHER_IPV4 => Next::Ipv4(at),
        ETHER_IPV6 => Next::Ipv6(at),
        ETHER_ARP => arp::check(walk, at),
        // 802.1Q, 802.1ad and the older number used for outer tags.
        0x8100 | 0x88a8 | 0x9100 => tags::vlan(walk, at),
        0x8847 | 0x8848 => mpls::read(walk, at),
        0x8864 => point_to_point::pppoe(walk, at),
        // 802.1ah: service tag, then the customer's whole Ethernet frame.
        0x88e7 => tags::service(walk, at),
        _ if kind < ETHER_TYPE_MIN => ethernet::length(walk, kind, at),
        _ => walk.stop(DecodeErrorKind::EtherTypeUnknown, Layer::Link, at),
    }
}
