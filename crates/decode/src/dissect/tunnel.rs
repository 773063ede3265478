//! Tunnel layers of the tree.

use super::link;
use super::tree::{Tree, hex8, hex16, hex32};
use crate::bytes::{array_at, be16, be16_at, be32_at};
use crate::tunnel::over_udp::{Inner, detect};
use record::Tunnel;

/// GRE and what it carries.
pub(super) fn gre(tree: &mut Tree<'_>, at: usize) {
    let Some([flags, second, p0, p1]) = array_at::<4>(tree.frame, at) else { return };
    let protocol = be16(p0, p1);
    let version = second & 7;
    tree.layer("Generic Routing Encapsulation", at, 4);
    tree.field("gre.flags_and_version", "Flags and version", hex16(be16(flags, second)), at, 2);
    tree.field("gre.proto", "Protocol type", hex16(protocol), at + 2, 2);
    let mut inner = at + 4;
    if flags & 0xc0 != 0 {
        tree.field("gre.checksum", "Checksum", hex16(be16_at(tree.frame, inner).unwrap_or(0)), inner, 2);
        inner += 4;
    }
    for (there, name, label) in [
        (flags & 0x20 != 0, "gre.key", "Key"),
        (flags & 0x10 != 0, "gre.sequence_number", "Sequence number"),
        (version == 1 && second & 0x80 != 0, "gre.ack_number", "Acknowledgement number"),
    ] {
        if there {
            tree.field(name, label, hex32(be32_at(tree.frame, inner).unwrap_or(0)), inner, 4);
            inner += 4;
        }
    }
    if version > 1 || flags & 0x40 != 0 {
        return;
    }
    match protocol {
        0x0800 | 0x86dd | 0x8847 | 0x8848 | 0x8100 => link::ether_type(tree, protocol, inner),
        0x6558 => link::ethernet(tree, inner),
        0x88be => link::ethernet(tree, if flags & 0x10 != 0 { inner + 8 } else { inner }),
        0x22eb => {
            let platform = tree.from(inner).get(11).is_some_and(|last| last & 1 == 1);
            link::ethernet(tree, inner + if platform { 20 } else { 12 });
        }
        0x880b => link::ppp(tree, inner),
        _ => {}
    }
}

/// A tunnel in UDP, when its header is well-formed.
pub(super) fn over_udp(tree: &mut Tree<'_>, src_port: u16, dest_port: u16, at: usize) {
    let Some((tunnel, inner)) = detect(src_port, dest_port, tree.from(at)) else { return };
    let (Inner::Ethernet(offset) | Inner::EtherType(_, offset)) = inner;
    let word = |from| be32_at(tree.frame, at + from).unwrap_or(0);
    match tunnel {
        Tunnel::Vxlan | Tunnel::Geneve => {
            let (name, prefix) = if tunnel == Tunnel::Vxlan {
                ("Virtual eXtensible Local Area Network", "vxlan")
            } else {
                ("Generic Network Virtualization Encapsulation", "geneve")
            };
            let identifier = word(4) >> 8;
            tree.layer(name, at, offset);
            tree.field(&format!("{prefix}.vni"), "Network identifier", identifier, at + 4, 3);
        }
        Tunnel::GtpU => {
            let (flags, teid) = (tree.frame[at], word(4));
            tree.layer("GPRS Tunneling Protocol", at, offset);
            tree.field("gtp.flags", "Flags", hex8(flags), at, 1);
            tree.field("gtp.message", "Message type", "T-PDU (255)", at + 1, 1);
            tree.field("gtp.teid", "Tunnel endpoint identifier", hex32(teid), at + 4, 4);
        }
        _ => tree.layer("Teredo IPv6 over UDP tunneling", at, offset),
    }
    match inner {
        Inner::Ethernet(offset) => link::ethernet(tree, at + offset),
        Inner::EtherType(kind, offset) => link::ether_type(tree, kind, at + offset),
    }
}
