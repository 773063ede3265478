//! MPLS label stacks (RFC 3032) and what may lie under them: IP, or a pseudo-wire's Ethernet frame.

use crate::walk::{Next, Walk};
use record::{DecodeErrorKind, Layer};

/// Skips the label stack. The label says nothing of the payload: the first four bits are the usual guess (RFC 4928).
pub(crate) fn read(walk: &mut Walk<'_>, mut at: usize) -> Next {
    loop {
        if walk.tags >= walk.config.tags_max {
            return walk.stop(DecodeErrorKind::TagsTooMany, Layer::Link, at);
        }
        walk.tags += 1;
        let Some([_, _, bottom, _]) = walk.array::<4>(at) else {
            return walk.stop(DecodeErrorKind::LinkTruncated, Layer::Link, at);
        };
        at += 4;
        if bottom & 1 == 1 {
            break;
        }
    }
    match walk.rest(at).first() {
        Some(first) if first >> 4 == 4 => Next::EtherType(super::ETHER_IPV4, at),
        Some(first) if first >> 4 == 6 => Next::EtherType(super::ETHER_IPV6, at),
        // A control word (RFC 4385), unless it is the zero start of an Ethernet address: the type decides.
        Some(0) if plausible_ethernet(walk.rest(at + 4)) => Next::Ethernet(at + 4),
        Some(_) if plausible_ethernet(walk.rest(at)) => Next::Ethernet(at),
        Some(_) => walk.stop(DecodeErrorKind::EtherTypeUnknown, Layer::Link, at),
        None => walk.stop(DecodeErrorKind::LinkTruncated, Layer::Link, at),
    }
}

/// True when the bytes could be an Ethernet frame: a type that we would read on, or an 802.3 length that fits.
pub(crate) fn plausible_ethernet(data: &[u8]) -> bool {
    let Some(kind) = crate::bytes::be16_at(data, 12) else { return false };
    match kind {
        0x0800 | 0x0806 | 0x86dd | 0x8100 | 0x88a8 | 0x9100 | 0x8847 | 0x8864 | 0x8863 | 0x88cc => true,
        _ => kind <= 1500 && usize::from(kind) + 14 <= data.len(),
    }
}
