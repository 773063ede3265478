//! IPv4 and IPv6. Knows the IP protocol only as a number.

pub(crate) mod ipv4;
pub(crate) mod ipv6;

use crate::walk::{Next, Walk};
use record::{DecodeErrorKind, Layer};

/// Raw IP: the version is the first four bits.
pub(crate) fn by_version(walk: &mut Walk<'_>, at: usize) -> Next {
    match walk.rest(at).first().map(|first| first >> 4) {
        Some(4) => Next::EtherType(crate::link::ETHER_IPV4, at),
        Some(6) => Next::EtherType(crate::link::ETHER_IPV6, at),
        Some(_) => walk.stop(DecodeErrorKind::Ipv4Invalid, Layer::Network, at),
        None => walk.stop(DecodeErrorKind::LinkTruncated, Layer::Link, at),
    }
}

/// Notes an IP header: version, time to live, lengths; the flow starts without ports.
#[inline(always)]
pub(crate) fn note_header(walk: &mut Walk<'_>, version: u8, ttl: u8, at: usize, header_len: usize) {
    walk.meta.ip_version = version;
    walk.meta.ttl = ttl;
    walk.meta.ip_len = walk.wire_end.saturating_sub(at) as u32;
    walk.meta.ip_header_len = header_len as u16;
}

/// A packet whose transport header is not here (later fragment, no next header, unknown protocol): payload as it is.
#[inline]
pub(crate) fn without_transport(walk: &mut Walk<'_>, proto: u8, at: usize) {
    walk.flow(proto, 0, 0);
    walk.payload(at, 0);
}
