//! IPv4 and IPv6 layers of the tree.

use super::tree::{Tree, hex8, hex16, hex32};
use super::{names, transport};
use crate::bytes::{array_at, be16, be16_at, be32_at};
use crate::net::ipv6::{extension_bytes, is_extension};
use record::IpAddr16;

/// Extension headers shown.
const EXTENSIONS_MAX: usize = 16;

/// Raw IP.
pub(super) fn by_version(tree: &mut Tree<'_>, at: usize) {
    match tree.from(at).first().map(|first| first >> 4) {
        Some(4) => ipv4(tree, at),
        Some(6) => ipv6(tree, at),
        _ => {}
    }
}

/// IPv4 and what it carries.
pub(super) fn ipv4(tree: &mut Tree<'_>, at: usize) {
    let Some(header) = array_at::<20>(tree.frame, at) else { return };
    let header_len = usize::from(header[0] & 15) * 4;
    if header[0] >> 4 != 4 || header_len < 20 || tree.is_full() {
        return;
    }
    tree.layer("Internet Protocol Version 4", at, header_len);
    tree.field("ip.version", "Version", 4, at, 1);
    tree.field("ip.hdr_len", "Header length", header_len, at, 1);
    tree.field("ip.dsfield", "Differentiated services", hex8(header[1]), at + 1, 1);
    tree.field("ip.len", "Total length", be16(header[2], header[3]), at + 2, 2);
    tree.field("ip.id", "Identification", hex16(be16(header[4], header[5])), at + 4, 2);
    let fragment = be16(header[6], header[7]);
    tree.field("ip.flags.df", "Don't fragment", fragment >> 14 & 1, at + 6, 1);
    tree.field("ip.flags.mf", "More fragments", fragment >> 13 & 1, at + 6, 1);
    let offset = u32::from(fragment & 0x1fff) * 8;
    tree.field("ip.frag_offset", "Fragment offset", offset, at + 6, 2);
    tree.field("ip.ttl", "Time to live", header[8], at + 8, 1);
    tree.field("ip.proto", "Protocol", format!("{} ({})", names::ip_protocol(header[9]), header[9]), at + 9, 1);
    tree.field("ip.checksum", "Header checksum", hex16(be16(header[10], header[11])), at + 10, 2);
    tree.field("ip.src", "Source address", IpAddr16::v4(array_at(&header, 12).unwrap_or_default()), at + 12, 4);
    tree.field("ip.dst", "Destination address", IpAddr16::v4(array_at(&header, 16).unwrap_or_default()), at + 16, 4);
    if header_len > 20 {
        tree.field("ip.options", "Options", format!("{} bytes", header_len - 20), at + 20, header_len - 20);
    }
    if offset == 0 {
        transport::by_protocol(tree, header[9], at + header_len);
    }
}

/// IPv6, its extensions and what it carries.
pub(super) fn ipv6(tree: &mut Tree<'_>, at: usize) {
    let Some(header) = array_at::<40>(tree.frame, at) else { return };
    if header[0] >> 4 != 6 || tree.is_full() {
        return;
    }
    let first = be32_at(&header, 0).unwrap_or(0);
    tree.layer("Internet Protocol Version 6", at, 40);
    tree.field("ipv6.version", "Version", 6, at, 1);
    tree.field("ipv6.tclass", "Traffic class", hex8((first >> 20) as u8), at, 2);
    tree.field("ipv6.flow", "Flow label", hex32(first & 0xf_ffff), at + 1, 3);
    tree.field("ipv6.plen", "Payload length", be16(header[4], header[5]), at + 4, 2);
    tree.field("ipv6.nxt", "Next header", format!("{} ({})", names::ip_protocol(header[6]), header[6]), at + 6, 1);
    tree.field("ipv6.hlim", "Hop limit", header[7], at + 7, 1);
    tree.field("ipv6.src", "Source address", IpAddr16(array_at(&header, 8).unwrap_or_default()), at + 8, 16);
    tree.field("ipv6.dst", "Destination address", IpAddr16(array_at(&header, 24).unwrap_or_default()), at + 24, 16);
    extensions(tree, header[6], at + 40);
}

fn extensions(tree: &mut Tree<'_>, mut proto: u8, mut at: usize) {
    for _ in 0..EXTENSIONS_MAX {
        if !is_extension(proto) || tree.is_full() {
            break;
        }
        let &[next, len, ..] = tree.from(at) else { return };
        let bytes = extension_bytes(proto, len);
        tree.layer(extension_name(proto), at, bytes);
        tree.field("ipv6.ext.nxt", "Next header", format!("{} ({next})", names::ip_protocol(next)), at, 1);
        let mut later = false;
        if let (44, Some(field), Some(id)) = (proto, be16_at(tree.frame, at + 2), be32_at(tree.frame, at + 4)) {
            tree.field("ipv6.fraghdr.offset", "Offset", field & 0xfff8, at + 2, 2);
            tree.field("ipv6.fraghdr.more", "More fragments", field & 1, at + 3, 1);
            tree.field("ipv6.fraghdr.ident", "Identification", hex32(id), at + 4, 4);
            later = field & 0xfff8 != 0;
        } else {
            tree.field("ipv6.ext.len", "Length", bytes, at + 1, 1);
        }
        if later {
            return;
        }
        at += bytes;
        proto = next;
    }
    transport::by_protocol(tree, proto, at);
}

const fn extension_name(proto: u8) -> &'static str {
    match proto {
        0 => "IPv6 Hop-by-Hop Option",
        43 => "Routing Header for IPv6",
        44 => "Fragment Header for IPv6",
        51 => "Authentication Header",
        60 => "Destination Options for IPv6",
        135 => "Mobile IPv6",
        139 => "Host Identity Protocol",
        _ => "Shim6 Protocol",
    }
}
