//! Transport layers of the tree.

use super::tree::{Tree, hex8, hex16, hex32};
use super::{names, network, tunnel};
use crate::bytes::{array_at, be16, be16_at, be32_at};
use crate::transport::icmp::is_echo;
use record::IpAddr16;

/// What an IP protocol says.
pub(super) fn by_protocol(tree: &mut Tree<'_>, proto: u8, at: usize) {
    if tree.is_full() || tree.from(at).is_empty() {
        return;
    }
    match proto {
        6 => tcp(tree, at),
        17 => udp(tree, at),
        1 | 58 => icmp(tree, proto, at),
        2 => igmp(tree, at),
        132 => sctp(tree, at),
        4 => network::ipv4(tree, at),
        41 => network::ipv6(tree, at),
        137 => super::link::mpls(tree, at),
        47 => tunnel::gre(tree, at),
        51 => authentication(tree, at),
        59 => {}
        _ => {
            let rest = tree.from(at).len();
            tree.layer(names::ip_protocol(proto), at, rest);
        }
    }
}

fn tcp(tree: &mut Tree<'_>, at: usize) {
    let Some(h) = array_at::<20>(tree.frame, at) else { return };
    let header_len = usize::from(h[12] >> 4) * 4;
    tree.layer("Transmission Control Protocol", at, header_len.max(20));
    tree.field("tcp.srcport", "Source port", be16(h[0], h[1]), at, 2);
    tree.field("tcp.dstport", "Destination port", be16(h[2], h[3]), at + 2, 2);
    tree.field("tcp.seq_raw", "Sequence number", be32_at(&h, 4).unwrap_or(0), at + 4, 4);
    tree.field("tcp.ack_raw", "Acknowledgement number", be32_at(&h, 8).unwrap_or(0), at + 8, 4);
    tree.field("tcp.hdr_len", "Header length", header_len, at + 12, 1);
    tree.field("tcp.flags", "Flags", format!("{} ({})", hex16(u16::from(h[13])), names::tcp_flags(h[13])), at + 12, 2);
    tree.field("tcp.window_size_value", "Window", be16(h[14], h[15]), at + 14, 2);
    tree.field("tcp.checksum", "Checksum", hex16(be16(h[16], h[17])), at + 16, 2);
    tree.field("tcp.urgent_pointer", "Urgent pointer", be16(h[18], h[19]), at + 18, 2);
    if header_len > 20 {
        tcp_options(tree, at + 20, at + header_len);
    }
}

fn tcp_options(tree: &mut Tree<'_>, mut at: usize, end: usize) {
    while at < end {
        let (kind, len) = match tree.from(at) {
            [0, ..] | [] => return,
            [1, ..] => {
                at += 1;
                continue;
            }
            [kind, len, ..] if *len >= 2 && at + usize::from(*len) <= end => (*kind, usize::from(*len)),
            _ => return,
        };
        let word = |offset| be32_at(tree.frame, at + offset).unwrap_or(0);
        match (kind, len) {
            (2, 4) => {
                let size = be16_at(tree.frame, at + 2).unwrap_or(0);
                tree.field("tcp.options.mss_val", "Maximum segment size", size, at, len);
            }
            (3, 3) => {
                let shift = tree.from(at + 2).first().copied().unwrap_or(0);
                tree.field("tcp.options.wscale.shift", "Window scale", shift, at, len);
            }
            (4, 2) => tree.field("tcp.options.sack_perm", "SACK permitted", "yes", at, len),
            (5, 10..) => {
                let (left, right) = (word(2), word(6));
                tree.field("tcp.options.sack", "SACK", format!("{left}-{right}"), at, len);
            }
            (8, 10) => {
                let (value, echo) = (word(2), word(6));
                tree.field("tcp.options.timestamp.tsval", "Timestamp value", value, at + 2, 4);
                tree.field("tcp.options.timestamp.tsecr", "Timestamp echo reply", echo, at + 6, 4);
            }
            _ => tree.field("tcp.option_kind", "Option", format!("kind {kind}, {len} bytes"), at, len),
        }
        at += len;
    }
}

fn udp(tree: &mut Tree<'_>, at: usize) {
    let Some(h) = array_at::<8>(tree.frame, at) else { return };
    let (src_port, dest_port) = (be16(h[0], h[1]), be16(h[2], h[3]));
    tree.layer("User Datagram Protocol", at, 8);
    tree.field("udp.srcport", "Source port", src_port, at, 2);
    tree.field("udp.dstport", "Destination port", dest_port, at + 2, 2);
    tree.field("udp.length", "Length", be16(h[4], h[5]), at + 4, 2);
    tree.field("udp.checksum", "Checksum", hex16(be16(h[6], h[7])), at + 6, 2);
    tunnel::over_udp(tree, src_port, dest_port, at + 8);
}

fn icmp(tree: &mut Tree<'_>, proto: u8, at: usize) {
    let &[kind, code, c0, c1, ..] = tree.from(at) else { return };
    let (layer, prefix, name) = if proto == 1 {
        ("Internet Control Message Protocol", "icmp", names::icmp(kind, code))
    } else {
        ("Internet Control Message Protocol v6", "icmpv6", names::icmpv6(kind, code))
    };
    tree.layer(layer, at, 8);
    tree.field(&format!("{prefix}.type"), "Type", format!("{kind} ({name})"), at, 1);
    tree.field(&format!("{prefix}.code"), "Code", code, at + 1, 1);
    tree.field(&format!("{prefix}.checksum"), "Checksum", hex16(be16(c0, c1)), at + 2, 2);
    if let (true, Some(id), Some(sequence)) =
        (is_echo(proto, kind), be16_at(tree.frame, at + 4), be16_at(tree.frame, at + 6))
    {
        let names = if proto == 1 {
            ["icmp.ident", "icmp.seq"]
        } else {
            ["icmpv6.echo.identifier", "icmpv6.echo.sequence_number"]
        };
        tree.field(names[0], "Identifier", hex16(id), at + 4, 2);
        tree.field(names[1], "Sequence number", sequence, at + 6, 2);
    }
    if let (58, 135 | 136, Some(target)) = (proto, kind, array_at(tree.frame, at + 8)) {
        let name = if kind == 135 { "icmpv6.nd.ns.target_address" } else { "icmpv6.nd.na.target_address" };
        tree.field(name, "Target address", IpAddr16(target), at + 8, 16);
    }
    // Errors quote the packet that caused them.
    if matches!((proto, kind), (1, 3 | 4 | 5 | 11 | 12) | (58, 1..=4)) && !tree.from(at + 8).is_empty() {
        let rest = tree.from(at + 8).len();
        tree.field(&format!("{prefix}.quoted"), "Quoted packet", format!("{rest} bytes"), at + 8, rest);
    }
}

fn igmp(tree: &mut Tree<'_>, at: usize) {
    let Some(h) = array_at::<8>(tree.frame, at) else { return };
    tree.layer("Internet Group Management Protocol", at, 8);
    tree.field("igmp.type", "Type", format!("{} ({})", hex8(h[0]), names::igmp(h[0])), at, 1);
    tree.field("igmp.max_resp", "Maximum response time", h[1], at + 1, 1);
    tree.field("igmp.checksum", "Checksum", hex16(be16(h[2], h[3])), at + 2, 2);
    if h[0] != 0x22 {
        tree.field("igmp.maddr", "Group", IpAddr16::v4([h[4], h[5], h[6], h[7]]), at + 4, 4);
    }
}

fn sctp(tree: &mut Tree<'_>, at: usize) {
    let Some(h) = array_at::<12>(tree.frame, at) else { return };
    tree.layer("Stream Control Transmission Protocol", at, 12);
    tree.field("sctp.srcport", "Source port", be16(h[0], h[1]), at, 2);
    tree.field("sctp.dstport", "Destination port", be16(h[2], h[3]), at + 2, 2);
    tree.field("sctp.verification_tag", "Verification tag", hex32(be32_at(&h, 4).unwrap_or(0)), at + 4, 4);
    tree.field("sctp.checksum", "Checksum", hex32(be32_at(&h, 8).unwrap_or(0)), at + 8, 4);
    let mut chunk_at = at + 12;
    while let (Some(&kind), Some(len)) = (tree.from(chunk_at).first(), be16_at(tree.frame, chunk_at + 2)) {
        tree.field("sctp.chunk_type", "Chunk", format!("type {kind}, {len} bytes"), chunk_at, usize::from(len));
        // Chunks are padded to four bytes; an impossible length ends the list.
        if len < 4 {
            return;
        }
        chunk_at += usize::from(len).next_multiple_of(4);
    }
}

fn authentication(tree: &mut Tree<'_>, at: usize) {
    let (Some(h), Some(spi)) = (array_at::<2>(tree.frame, at), be32_at(tree.frame, at + 4)) else { return };
    let bytes = crate::net::ipv6::extension_bytes(51, h[1]);
    tree.layer("Authentication Header", at, bytes);
    tree.field("ah.next_header", "Next header", h[0], at, 1);
    tree.field("ah.spi", "Security parameters index", hex32(spi), at + 4, 4);
    if h[0] != 51 {
        by_protocol(tree, h[0], at + bytes);
    }
}
