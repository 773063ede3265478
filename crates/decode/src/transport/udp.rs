//! UDP (RFC 768), and the question whether a tunnel travels in it.

use super::tcp::ports;
use crate::bytes::be16;
use crate::tunnel;
use crate::walk::{Next, Walk};
use record::{DecodeErrorKind, Layer};

/// Header, bytes.
pub(crate) const HEADER_BYTES: usize = 8;

/// Reads the header and tries the tunnels that its ports suggest.
#[inline]
pub(crate) fn read(walk: &mut Walk<'_>, at: usize) -> Next {
    let Some([p0, p1, q0, q1, l0, l1, _, _]) = walk.array::<HEADER_BYTES>(at) else {
        ports(walk, 17, at);
        return walk.stop(DecodeErrorKind::UdpTruncated, Layer::Transport, at);
    };
    let (src_port, dest_port) = (be16(p0, p1), be16(q0, q1));
    walk.meta.src_port = src_port;
    walk.meta.dest_port = dest_port;
    walk.flow(17, src_port, dest_port);
    let len = usize::from(be16(l0, l1));
    // 0 is a jumbogram (RFC 2675) in IPv6. The first fragment's length is the whole datagram's.
    if len >= HEADER_BYTES {
        if at + len > walk.wire_end && !walk.meta.fragment {
            walk.note(DecodeErrorKind::UdpInvalid, Layer::Transport, at + 4);
        }
        walk.limit(at, len);
    } else if len != 0 || walk.meta.ip_version == 4 {
        walk.note(DecodeErrorKind::UdpInvalid, Layer::Transport, at + 4);
    }
    walk.payload(at, HEADER_BYTES);
    if tunnel::over_udp::is_hint(src_port, dest_port) {
        tunnel::over_udp::read(walk, at + HEADER_BYTES);
    }
    Next::Done
}
