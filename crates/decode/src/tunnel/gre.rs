//! GRE (RFC 2784, RFC 2890), PPTP's GRE version 1 (RFC 2637), Ethernet inside, ERSPAN types I, II and III.

use super::enter;
use crate::bytes::be16;
use crate::walk::{Next, Walk};
use record::{DecodeErrorKind, Layer, Tunnel};

const CHECKSUM: u8 = 0x80;
const ROUTING: u8 = 0x40;
const KEY: u8 = 0x20;
const SEQUENCE: u8 = 0x10;
const ACKNOWLEDGEMENT: u8 = 0x80;

/// Reads the header at `at` and what it carries.
pub(crate) fn read(walk: &mut Walk<'_>, at: usize) {
    let Some([flags, second, p0, p1]) = walk.array::<4>(at) else {
        return walk.note(DecodeErrorKind::TunnelTruncated, Layer::Tunnel, at);
    };
    let mut inner = at + 4;
    for (bit, len) in [(CHECKSUM | ROUTING, 4), (KEY, 4), (SEQUENCE, 4)] {
        if flags & bit != 0 {
            inner += len;
        }
    }
    let version = second & 0x07;
    if version == 1 && second & ACKNOWLEDGEMENT != 0 {
        inner += 4;
    }
    if inner > walk.captured_end {
        return walk.note(DecodeErrorKind::TunnelTruncated, Layer::Tunnel, at);
    }
    // Source routing was never used; its length is not in the header.
    if flags & ROUTING != 0 || version > 1 {
        return walk.note(DecodeErrorKind::ProtocolUnknown, Layer::Tunnel, at);
    }
    carried(walk, be16(p0, p1), flags & SEQUENCE != 0, inner);
}

/// What the protocol field says.
fn carried(walk: &mut Walk<'_>, protocol: u16, sequence: bool, at: usize) {
    let next = match protocol {
        0x0800 | 0x86dd | 0x8847 | 0x8848 | 0x8100 => Next::EtherType(protocol, at),
        0x6558 => Next::Ethernet(at),
        // ERSPAN: type I has no sequence number and no header of its own, type II has eight bytes.
        0x88be => Next::Ethernet(if sequence { at + 8 } else { at }),
        0x22eb => {
            // Type III: twelve bytes, and eight more when the last bit says so.
            let Some(header) = walk.array::<12>(at) else {
                return walk.note(DecodeErrorKind::TunnelTruncated, Layer::Tunnel, at);
            };
            Next::Ethernet(at + if header[11] & 1 == 1 { 20 } else { 12 })
        }
        // PPP; an acknowledgement alone carries nothing.
        0x880b if at >= walk.captured_end => return,
        0x880b => {
            enter(walk, Tunnel::Gre, Next::Link(record::LinkType::PPP, at));
            return;
        }
        _ => return walk.note(DecodeErrorKind::ProtocolUnknown, Layer::Tunnel, at),
    };
    enter(walk, Tunnel::Gre, next);
}
