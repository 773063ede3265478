//! Frame relay (Q.922 addresses) with RFC 2427 encapsulation or Cisco's Ethernet type, and RFC 2684 LLC over ATM.

use crate::bytes::be16;
use crate::walk::{Next, Walk};
use record::{DecodeErrorKind, Layer};

/// Longest address, bytes.
const ADDRESS_MAX: usize = 4;

/// What follows the address.
pub(crate) enum Inside {
    /// An Ethernet type and where its payload begins.
    EtherType(u16, usize),
    /// Known to be something else (signalling, OSI).
    Other,
}

/// Reads the address at the start of `data` and the protocol behind it; offsets are from there. None when it is cut.
pub(crate) fn inside(data: &[u8]) -> Option<Inside> {
    // The lowest bit marks the last byte of the address.
    let address = data.iter().take(ADDRESS_MAX).position(|byte| byte & 1 == 1)? + 1;
    let at = match data.get(address..)? {
        [0x03, 0x00, ..] => address + 2,
        [0x03, ..] => address + 1,
        [t0, t1, ..] => return Some(cisco(be16(*t0, *t1), address + 2)),
        _ => return None,
    };
    Some(match data.get(at..)? {
        [0xcc, ..] => Inside::EtherType(super::ETHER_IPV4, at + 1),
        [0x8e, ..] => Inside::EtherType(super::ETHER_IPV6, at + 1),
        // SNAP with Ethernet's organisation.
        [0x80, 0, 0, 0, t0, t1, ..] => cisco(be16(*t0, *t1), at + 6),
        [_, ..] => Inside::Other,
        [] => return None,
    })
}

fn cisco(kind: u16, at: usize) -> Inside {
    if kind >= super::ETHER_TYPE_MIN { Inside::EtherType(kind, at) } else { Inside::Other }
}

/// Frame relay with its address.
pub(crate) fn read(walk: &mut Walk<'_>, at: usize) -> Next {
    match inside(walk.rest(at)) {
        Some(Inside::EtherType(kind, offset)) => Next::EtherType(kind, at + offset),
        Some(Inside::Other) => walk.stop(DecodeErrorKind::EtherTypeUnknown, Layer::Link, at),
        None => walk.stop(DecodeErrorKind::LinkTruncated, Layer::Link, at),
    }
}
