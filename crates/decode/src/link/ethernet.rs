//! Ethernet II and IEEE 802.3 with LLC or SNAP.

use crate::bytes::be16;
use crate::walk::{Next, Walk};
use record::{DecodeErrorKind, Layer, MacAddr};

/// Bytes of the header.
pub(crate) const HEADER_BYTES: usize = 14;

/// Reads addresses and type.
#[inline]
pub(crate) fn read(walk: &mut Walk<'_>, at: usize) -> Next {
    let Some(header) = walk.array::<HEADER_BYTES>(at) else {
        return walk.stop(DecodeErrorKind::LinkTruncated, Layer::Link, at);
    };
    let [d0, d1, d2, d3, d4, d5, s0, s1, s2, s3, s4, s5, t0, t1] = header;
    walk.meta.dest_mac = MacAddr([d0, d1, d2, d3, d4, d5]);
    walk.meta.src_mac = MacAddr([s0, s1, s2, s3, s4, s5]);
    Next::EtherType(be16(t0, t1), at + HEADER_BYTES)
}

/// An 802.3 length instead of a type: limits the frame (what follows is padding) and reads LLC.
pub(crate) fn length(walk: &mut Walk<'_>, len: u16, at: usize) -> Next {
    // 0 stands for "unknown" in frames of offloading cards; above 1,500 the number is neither length nor type.
    if (1..=1500).contains(&len) {
        walk.limit(at, len as usize);
    }
    llc(walk, at)
}

/// LLC: SNAP leads to an Ethernet type, the old IP service access point to IPv4.
pub(crate) fn llc(walk: &mut Walk<'_>, at: usize) -> Next {
    walk.meta.ether_type = 0;
    match walk.rest(at) {
        // Organisation 0 is Ethernet; 0x0000f8 is the bridge-tunnel form of the same.
        [0xaa, 0xaa, 0x03, 0x00, 0x00, 0x00 | 0xf8, t0, t1, ..] => {
            let kind = be16(*t0, *t1);
            if kind < super::ETHER_TYPE_MIN {
                return walk.stop(DecodeErrorKind::EtherTypeUnknown, Layer::Link, at);
            }
            Next::EtherType(kind, at + 8)
        }
        [0x06, 0x06, 0x03, ..] => Next::EtherType(super::ETHER_IPV4, at + 3),
        [_, _, _, ..] => walk.stop(DecodeErrorKind::EtherTypeUnknown, Layer::Link, at),
        _ => walk.stop(DecodeErrorKind::LinkTruncated, Layer::Link, at),
    }
}
