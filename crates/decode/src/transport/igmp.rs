//! IGMP (RFC 9776): eight bytes are common to all versions.

use crate::net;
use crate::walk::{Next, Walk};
use record::{DecodeErrorKind, Layer};

/// Common part, bytes.
pub(crate) const HEADER_BYTES: usize = 8;

/// Reads the common part.
pub(crate) fn read(walk: &mut Walk<'_>, at: usize) -> Next {
    net::without_transport(walk, 2, at);
    if walk.array::<HEADER_BYTES>(at).is_none() {
        return walk.stop(DecodeErrorKind::IgmpTruncated, Layer::Transport, at);
    }
    walk.payload(at, HEADER_BYTES);
    Next::Done
}
