//! PPP, PPPoE sessions and Cisco HDLC.

use crate::bytes::be16;
use crate::walk::{Next, Walk};
use record::{DecodeErrorKind, Layer};

/// PPPoE session (RFC 2516): its length limits what follows.
pub(crate) fn pppoe(walk: &mut Walk<'_>, at: usize) -> Next {
    let Some([version_type, code, _, _, l0, l1]) = walk.array::<6>(at) else {
        return walk.stop(DecodeErrorKind::LinkTruncated, Layer::Link, at);
    };
    if version_type != 0x11 || code != 0 {
        return walk.stop(DecodeErrorKind::EtherTypeUnknown, Layer::Link, at);
    }
    walk.limit(at + 6, be16(l0, l1) as usize);
    ppp(walk, at + 6)
}

/// PPP with or without the address and control bytes, protocol in one or two bytes (RFC 1661).
pub(crate) fn ppp(walk: &mut Walk<'_>, mut at: usize) -> Next {
    if let [0xff, 0x03, ..] = walk.rest(at) {
        at += 2;
    }
    let (protocol, next) = match walk.rest(at) {
        [first, ..] if first & 1 == 1 => (u16::from(*first), at + 1),
        [first, second, ..] => (be16(*first, *second), at + 2),
        _ => return walk.stop(DecodeErrorKind::LinkTruncated, Layer::Link, at),
    };
    match protocol {
        0x0021 => Next::EtherType(super::ETHER_IPV4, next),
        0x0057 => Next::EtherType(super::ETHER_IPV6, next),
        0x0281 | 0x0283 => super::mpls::read(walk, next),
        _ => walk.stop(DecodeErrorKind::EtherTypeUnknown, Layer::Link, at),
    }
}

/// A serial line's frame: Cisco HDLC when address and control bytes say so, PPP otherwise.
pub(crate) fn ppp_or_hdlc(walk: &mut Walk<'_>, at: usize) -> Next {
    if is_hdlc(walk.rest(at)) { hdlc(walk, at) } else { ppp(walk, at) }
}

/// Cisco's unicast or multicast address, then a zero: no PPP frame starts so.
pub(crate) const fn is_hdlc(data: &[u8]) -> bool {
    matches!(data, [0x0f | 0x8f, 0, ..])
}

/// Cisco HDLC: address, control, Ethernet type.
pub(crate) fn hdlc(walk: &mut Walk<'_>, at: usize) -> Next {
    match walk.array::<4>(at) {
        Some([_, _, t0, t1]) if be16(t0, t1) >= super::ETHER_TYPE_MIN => Next::EtherType(be16(t0, t1), at + 4),
        Some(_) => walk.stop(DecodeErrorKind::EtherTypeUnknown, Layer::Link, at),
        None => walk.stop(DecodeErrorKind::LinkTruncated, Layer::Link, at),
    }
}
