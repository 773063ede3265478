//! Link headers made by the capturing system: Linux cooked (SLL, SLL2), BSD loopback, PPI, NFLOG; and FDDI.

use crate::bytes::be16;
use crate::walk::{Next, Walk};
use record::{DecodeErrorKind, Layer, LinkType, MacAddr};

/// ARPHRD_NETLINK: the protocol field is not an Ethernet type.
const ARPHRD_NETLINK: u16 = 824;
/// ARPHRD_IEEE80211 and with a radiotap header: the frame follows.
const ARPHRD_WIRELESS: u16 = 801;
/// See `ARPHRD_WIRELESS`.
const ARPHRD_RADIOTAP: u16 = 803;

/// Linux cooked capture, version 1: 16 bytes.
pub(crate) fn sll(walk: &mut Walk<'_>, at: usize) -> Next {
    let Some(header) = walk.array::<16>(at) else {
        return walk.stop(DecodeErrorKind::LinkTruncated, Layer::Link, at);
    };
    if be16(header[4], header[5]) == 6 {
        walk.meta.src_mac = MacAddr([header[6], header[7], header[8], header[9], header[10], header[11]]);
    }
    protocol(walk, be16(header[2], header[3]), be16(header[14], header[15]), at + 16)
}

/// Linux cooked capture, version 2: 20 bytes.
pub(crate) fn sll2(walk: &mut Walk<'_>, at: usize) -> Next {
    let Some(header) = walk.array::<20>(at) else {
        return walk.stop(DecodeErrorKind::LinkTruncated, Layer::Link, at);
    };
    if header[11] == 6 {
        walk.meta.src_mac = MacAddr([header[12], header[13], header[14], header[15], header[16], header[17]]);
    }
    protocol(walk, be16(header[8], header[9]), be16(header[0], header[1]), at + 20)
}

/// The cooked protocol field: an Ethernet type, or one of Linux's own small numbers.
fn protocol(walk: &mut Walk<'_>, hardware: u16, protocol: u16, at: usize) -> Next {
    match hardware {
        ARPHRD_NETLINK => return walk.stop(DecodeErrorKind::EtherTypeUnknown, Layer::Link, at),
        ARPHRD_WIRELESS => return Next::Link(LinkType::IEEE802_11, at),
        ARPHRD_RADIOTAP => return Next::Link(LinkType::IEEE802_11_RADIOTAP, at),
        _ => {}
    }
    match protocol {
        // ETH_P_802_2: LLC follows.
        0x0004 => super::ethernet::llc(walk, at),
        _ if protocol >= super::ETHER_TYPE_MIN => Next::EtherType(protocol, at),
        _ => walk.stop(DecodeErrorKind::EtherTypeUnknown, Layer::Link, at),
    }
}

/// BSD loopback: four bytes of address family in the writer's byte order, so both are tried.
pub(crate) fn loopback(walk: &mut Walk<'_>, at: usize) -> Next {
    let Some(bytes) = walk.array::<4>(at) else {
        return walk.stop(DecodeErrorKind::LinkTruncated, Layer::Link, at);
    };
    let family = u32::from_be_bytes(bytes).min(u32::from_le_bytes(bytes));
    match family {
        2 => Next::EtherType(super::ETHER_IPV4, at + 4),
        // AF_INET6 of Linux, Windows, NetBSD and OpenBSD, FreeBSD, macOS.
        10 | 23 | 24 | 28 | 30 => Next::EtherType(super::ETHER_IPV6, at + 4),
        _ => walk.stop(DecodeErrorKind::EtherTypeUnknown, Layer::Link, at),
    }
}

/// FDDI: frame control, two addresses, LLC.
pub(crate) fn fddi(walk: &mut Walk<'_>, at: usize) -> Next {
    let Some([_, d0, d1, d2, d3, d4, d5, s0, s1, s2, s3, s4, s5]) = walk.array::<13>(at) else {
        return walk.stop(DecodeErrorKind::LinkTruncated, Layer::Link, at);
    };
    walk.meta.dest_mac = MacAddr([d0, d1, d2, d3, d4, d5]);
    walk.meta.src_mac = MacAddr([s0, s1, s2, s3, s4, s5]);
    super::ethernet::llc(walk, at + 13)
}

/// PPI: version, flags, length and link type in little-endian order, then the frame itself.
pub(crate) fn packet_information(walk: &mut Walk<'_>, at: usize) -> Next {
    let Some([_, _, l0, l1, t0, t1, _, _]) = walk.array::<8>(at) else {
        return walk.stop(DecodeErrorKind::LinkTruncated, Layer::Link, at);
    };
    let (len, link) = (usize::from(u16::from_le_bytes([l0, l1])), u16::from_le_bytes([t0, t1]));
    // Itself inside itself, or a header that does not advance, would never end.
    if link == 192 || len < 8 {
        return walk.stop(DecodeErrorKind::LinkTypeUnknown, Layer::Link, at);
    }
    Next::Link(LinkType(link), at + len)
}

/// NFLOG: family, version, then attributes in the writer's byte order; attribute 9 is the packet.
pub(crate) fn nflog(walk: &mut Walk<'_>, start: usize) -> Next {
    match nflog_payload(walk.rest(start)) {
        Some((kind, offset, len)) => {
            walk.limit(start + offset, len);
            Next::EtherType(kind, start + offset)
        }
        None => walk.stop(DecodeErrorKind::LinkTruncated, Layer::Link, start),
    }
}

/// Ethernet type, offset and length of the packet in an NFLOG frame.
pub(crate) fn nflog_payload(data: &[u8]) -> Option<(u16, usize, usize)> {
    let kind = match data.first()? {
        2 => super::ETHER_IPV4,
        10 => super::ETHER_IPV6,
        _ => return None,
    };
    let mut at = 4;
    loop {
        let [l0, l1, t0, t1] = crate::bytes::array_at(data, at)?;
        // Types are below 256, so the byte order shows itself.
        let little = t1 == 0;
        let number = if little { u16::from_le_bytes([t0, t1]) } else { be16(t0, t1) };
        let len = usize::from(if little { u16::from_le_bytes([l0, l1]) } else { be16(l0, l1) });
        if len < 4 {
            return None;
        }
        if number == 9 {
            return Some((kind, at + 4, len - 4));
        }
        at += len.next_multiple_of(4);
    }
}
