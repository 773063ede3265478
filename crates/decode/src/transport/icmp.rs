//! ICMP (RFC 792) and ICMPv6 (RFC 4443): type, code, and the echo identifier that joins a request and its reply.

use crate::bytes::be16;
use crate::net;
use crate::transport::quoted;
use crate::walk::{Next, Walk};
use record::{DecodeErrorKind, Layer};

/// Header, bytes.
pub(crate) const HEADER_BYTES: usize = 8;

/// Echo request and reply of either version.
pub(crate) const fn is_echo(proto: u8, kind: u8) -> bool {
    matches!((proto, kind), (1, 0 | 8) | (58, 128 | 129))
}

/// Reads the header.
pub(crate) fn read(walk: &mut Walk<'_>, proto: u8, at: usize) -> Next {
    net::without_transport(walk, proto, at);
    if let Some([kind, code]) = walk.array::<2>(at) {
        walk.meta.icmp_type = kind;
        walk.meta.icmp_code = code;
    }
    let Some([kind, _, _, _, i0, i1, _, _]) = walk.array::<HEADER_BYTES>(at) else {
        return walk.stop(DecodeErrorKind::IcmpTruncated, Layer::Transport, at);
    };
    if is_echo(proto, kind) {
        let identifier = be16(i0, i1);
        walk.flow(proto, identifier, identifier);
    }
    if quoted::quotes(proto, kind) {
        walk.meta.icmp_inner_hash =
            quoted::hash(walk.frame.get(at + HEADER_BYTES..walk.captured_end).unwrap_or_default());
    }
    walk.payload(at, HEADER_BYTES);
    Next::Done
}
