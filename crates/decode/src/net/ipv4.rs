//! IPv4 (RFC 791).

use crate::bytes::be16;
use crate::walk::{Next, Walk};
use record::{DecodeErrorKind, IpAddr16, Layer};

/// Smallest header, bytes.
pub(crate) const HEADER_BYTES_MIN: usize = 20;

/// Reads the header, limits the packet to its total length, and leads to the protocol.
#[inline]
pub(crate) fn read(walk: &mut Walk<'_>, at: usize) -> Next {
    let Some(header) = walk.array::<HEADER_BYTES_MIN>(at) else {
        return walk.stop(DecodeErrorKind::Ipv4Truncated, Layer::Network, at);
    };
    let header_len = usize::from(header[0] & 0x0f) * 4;
    if header[0] >> 4 != 4 || header_len < HEADER_BYTES_MIN {
        return walk.stop(DecodeErrorKind::Ipv4Invalid, Layer::Network, at);
    }
    let total = usize::from(be16(header[2], header[3]));
    // Total length 0: segmentation offload; the packet is longer than the field can say, so the wire decides.
    if total != 0 {
        if total < header_len {
            return walk.stop(DecodeErrorKind::Ipv4Invalid, Layer::Network, at + 2);
        }
        if at + total > walk.wire_end {
            walk.note(DecodeErrorKind::Ipv4Invalid, Layer::Network, at + 2);
        }
        walk.limit(at, total);
    }
    let [.., s0, s1, s2, s3, d0, d1, d2, d3] = header;
    walk.src = IpAddr16::v4([s0, s1, s2, s3]);
    walk.dest = IpAddr16::v4([d0, d1, d2, d3]);
    super::note_header(walk, 4, header[8], at, header_len);
    let proto = header[9];
    let fragment = be16(header[6], header[7]);
    walk.meta.fragment = fragment & 0x3fff != 0;
    walk.meta.fragment_later = fragment & 0x1fff != 0;
    if walk.meta.fragment_later {
        super::without_transport(walk, proto, at + header_len);
        return Next::Done;
    }
    if at + header_len > walk.captured_end {
        super::without_transport(walk, proto, at + header_len);
        return walk.stop(DecodeErrorKind::Ipv4Truncated, Layer::Network, at + HEADER_BYTES_MIN);
    }
    Next::Protocol(proto, at + header_len)
}
