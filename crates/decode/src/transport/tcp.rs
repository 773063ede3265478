//! TCP (RFC 9293) with the one option that detection needs: the maximum segment size of an opening.

use crate::bytes::be16;
use crate::net;
use crate::walk::{Next, Walk};
use record::{DecodeErrorKind, Layer, TcpFlags};

/// Smallest header, bytes.
pub(crate) const HEADER_BYTES_MIN: usize = 20;

/// Reads the header; a cut one still gives the ports when they are there.
#[inline]
pub(crate) fn read(walk: &mut Walk<'_>, at: usize) -> Next {
    let Some(header) = walk.array::<HEADER_BYTES_MIN>(at) else {
        return truncated(walk, at);
    };
    let [p0, p1, q0, q1, s0, s1, s2, s3, a0, a1, a2, a3, offset, flags, w0, w1, ..] = header;
    let meta = &mut *walk.meta;
    meta.src_port = be16(p0, p1);
    meta.dest_port = be16(q0, q1);
    meta.tcp_seq = u32::from_be_bytes([s0, s1, s2, s3]);
    meta.tcp_ack = u32::from_be_bytes([a0, a1, a2, a3]);
    meta.tcp_flags = TcpFlags(flags);
    meta.tcp_window = be16(w0, w1);
    let (src_port, dest_port) = (meta.src_port, meta.dest_port);
    walk.flow(6, src_port, dest_port);
    let header_len = usize::from(offset >> 4) * 4;
    if header_len < HEADER_BYTES_MIN || at + header_len > walk.wire_end {
        walk.payload(at, HEADER_BYTES_MIN);
        return walk.stop(DecodeErrorKind::TcpInvalid, Layer::Transport, at + 12);
    }
    walk.payload(at, header_len);
    if flags & TcpFlags::SYN != 0 && header_len > HEADER_BYTES_MIN {
        segment_size(walk, at + HEADER_BYTES_MIN, at + header_len);
    }
    Next::Done
}

/// Looks for the maximum segment size (kind 2) among the options.
fn segment_size(walk: &mut Walk<'_>, start: usize, end: usize) {
    let mut at = start;
    while at < end {
        let Some(kind) = walk.rest(at).first().copied() else {
            return walk.note(DecodeErrorKind::TcpTruncated, Layer::Transport, at);
        };
        let len = match kind {
            0 => return,
            1 => 1,
            _ => walk.rest(at).get(1).map_or(0, |len| usize::from(*len)),
        };
        if len == 0 || (kind != 1 && len < 2) || at + len > end {
            let cut = at + 1 >= walk.captured_end;
            let kind = if cut { DecodeErrorKind::TcpTruncated } else { DecodeErrorKind::TcpOptionInvalid };
            return walk.note(kind, Layer::Transport, at);
        }
        if let (2, 4, Some([_, _, m0, m1])) = (kind, len, walk.array::<4>(at)) {
            walk.meta.tcp_mss = be16(m0, m1);
        }
        at += len;
    }
}

#[cold]
fn truncated(walk: &mut Walk<'_>, at: usize) -> Next {
    ports(walk, 6, at);
    walk.stop(DecodeErrorKind::TcpTruncated, Layer::Transport, at)
}

/// Ports of a cut header, when they are there.
#[cold]
pub(crate) fn ports(walk: &mut Walk<'_>, proto: u8, at: usize) {
    net::without_transport(walk, proto, at);
    if let Some([p0, p1, q0, q1]) = walk.array::<4>(at) {
        walk.meta.src_port = be16(p0, p1);
        walk.meta.dest_port = be16(q0, q1);
        let (src_port, dest_port) = (walk.meta.src_port, walk.meta.dest_port);
        walk.flow(proto, src_port, dest_port);
    }
}
