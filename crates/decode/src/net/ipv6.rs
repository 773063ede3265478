//! IPv6 (RFC 8200) with its extension headers, and the authentication header, which IPv4 has too.

use crate::bytes::{array_at, be16};
use crate::walk::{Next, Walk};
use record::{DecodeErrorKind, IpAddr16, Layer};

/// Fixed header, bytes.
pub(crate) const HEADER_BYTES: usize = 40;

/// Reads the fixed header, then the extensions.
#[inline]
pub(crate) fn read(walk: &mut Walk<'_>, at: usize) -> Next {
    let Some(header) = walk.array::<HEADER_BYTES>(at) else {
        return walk.stop(DecodeErrorKind::Ipv6Truncated, Layer::Network, at);
    };
    if header[0] >> 4 != 6 {
        return walk.stop(DecodeErrorKind::Ipv6Invalid, Layer::Network, at);
    }
    let payload_len = usize::from(be16(header[4], header[5]));
    // Length 0: a jumbogram (RFC 2675) or segmentation offload; the wire decides. With "no next header" it is empty.
    if payload_len != 0 || header[6] == 59 {
        if at + HEADER_BYTES + payload_len > walk.wire_end {
            walk.note(DecodeErrorKind::Ipv6Invalid, Layer::Network, at + 4);
        }
        walk.limit(at, HEADER_BYTES + payload_len);
    }
    walk.src = IpAddr16(array_at(&header, 8).unwrap_or_default());
    walk.dest = IpAddr16(array_at(&header, 24).unwrap_or_default());
    super::note_header(walk, 6, header[7], at, HEADER_BYTES);
    walk.meta.fragment = false;
    walk.meta.fragment_later = false;
    match header[6] {
        6 | 17 | 58 => Next::Protocol(header[6], at + HEADER_BYTES),
        other => extensions(walk, other, at, at + HEADER_BYTES),
    }
}

/// Follows extension headers from `at`; `start` is the fixed header's place.
fn extensions(walk: &mut Walk<'_>, mut proto: u8, start: usize, mut at: usize) -> Next {
    let mut left = walk.config.extensions_max;
    while is_extension(proto) {
        if left == 0 {
            super::without_transport(walk, proto, at);
            return walk.stop(DecodeErrorKind::Ipv6ExtensionsTooMany, Layer::Network, at);
        }
        left -= 1;
        let Some([next, len]) = walk.array::<2>(at) else {
            super::without_transport(walk, proto, at);
            return walk.stop(DecodeErrorKind::Ipv6Truncated, Layer::Network, at);
        };
        if proto == 44 {
            let Some([_, _, f0, f1, ..]) = walk.array::<8>(at) else {
                super::without_transport(walk, proto, at);
                return walk.stop(DecodeErrorKind::Ipv6Truncated, Layer::Network, at);
            };
            let field = be16(f0, f1);
            // Offset 0 and no more fragments: an atomic fragment (RFC 6946) is a whole packet.
            walk.meta.fragment = field & 0xfff9 != 0;
            walk.meta.fragment_later = field & 0xfff8 != 0;
        }
        at += extension_bytes(proto, len);
        proto = next;
        walk.meta.ip_header_len = (at - start) as u16;
        if walk.meta.fragment_later {
            super::without_transport(walk, proto, at);
            return Next::Done;
        }
    }
    if at > walk.captured_end {
        super::without_transport(walk, proto, at);
        return walk.stop(DecodeErrorKind::Ipv6Truncated, Layer::Network, at);
    }
    if proto == 59 {
        super::without_transport(walk, proto, at);
        return Next::Done;
    }
    Next::Protocol(proto, at)
}

/// Hop-by-hop, routing, fragment, authentication, destination options, mobility, HIP, Shim6.
pub(crate) const fn is_extension(proto: u8) -> bool {
    matches!(proto, 0 | 43 | 44 | 51 | 60 | 135 | 139 | 140)
}

/// Bytes of an extension whose length field says `len`.
pub(crate) const fn extension_bytes(proto: u8, len: u8) -> usize {
    match proto {
        44 => 8,
        51 => (len as usize + 2) * 4,
        _ => (len as usize + 1) * 8,
    }
}
