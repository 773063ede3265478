//! SCTP common header (RFC 9260); the chunks are the payload.

use super::tcp::ports;
use crate::bytes::be16;
use crate::walk::{Next, Walk};
use record::{DecodeErrorKind, Layer};

/// Common header, bytes.
pub(crate) const HEADER_BYTES: usize = 12;

/// Reads the common header.
pub(crate) fn read(walk: &mut Walk<'_>, at: usize) -> Next {
    let Some([p0, p1, q0, q1, ..]) = walk.array::<HEADER_BYTES>(at) else {
        ports(walk, 132, at);
        return walk.stop(DecodeErrorKind::SctpTruncated, Layer::Transport, at);
    };
    walk.meta.src_port = be16(p0, p1);
    walk.meta.dest_port = be16(q0, q1);
    walk.flow(132, be16(p0, p1), be16(q0, q1));
    walk.payload(at, HEADER_BYTES);
    Next::Done
}
