//! Link layers of the tree, and ARP.

use super::tree::{Tree, hex16, hex32};
use super::{names, network, wireless};
use crate::arp::ARP_BYTES;
use crate::bytes::{array_at, be16_at, be32_at};
use crate::link::cooked::nflog_payload;
use crate::link::point_to_point::is_hdlc;
use record::{IpAddr16, LinkType, MacAddr};

/// Layers from the first byte, by link type.
pub(super) fn layers(tree: &mut Tree<'_>, link: LinkType, at: usize) {
    match link.0 {
        1 => ethernet(tree, at),
        0 | 108 => loopback(tree, at),
        12 | 14 | 101 => network::by_version(tree, at),
        228 => network::ipv4(tree, at),
        229 => network::ipv6(tree, at),
        113 => cooked(tree, at, 16),
        276 => cooked(tree, at, 20),
        9 | 50 if !is_hdlc(tree.from(at)) => ppp(tree, at),
        9 | 50 | 104 => hdlc(tree, at),
        10 => fddi(tree, at),
        192 => packet_information(tree, at),
        239 => nflog(tree, at),
        51 => pppoe(tree, at),
        219 => mpls(tree, at),
        105 => wireless::frame(tree, at),
        127 => wireless::radiotap(tree, at),
        119 | 163 => wireless::prism_or_avs(tree, at),
        107 => frame_relay(tree, at),
        100 => llc(tree, at),
        _ => {}
    }
}

/// Ethernet II or 802.3.
pub(super) fn ethernet(tree: &mut Tree<'_>, at: usize) {
    let (Some(dest), Some(src), Some(kind)) =
        (array_at(tree.frame, at), array_at(tree.frame, at + 6), be16_at(tree.frame, at + 12))
    else {
        return;
    };
    if tree.is_full() {
        return;
    }
    tree.layer(if kind < 0x600 { "IEEE 802.3 Ethernet" } else { "Ethernet II" }, at, 14);
    tree.field("eth.dst", "Destination", MacAddr(dest), at, 6);
    tree.field("eth.src", "Source", MacAddr(src), at + 6, 6);
    if kind < 0x600 {
        tree.field("eth.len", "Length", kind, at + 12, 2);
        return llc(tree, at + 14);
    }
    tree.field("eth.type", "Type", format!("{} ({})", names::ether_type(kind), hex16(kind)), at + 12, 2);
    ether_type(tree, kind, at + 14);
}

/// What an Ethernet type says.
pub(super) fn ether_type(tree: &mut Tree<'_>, kind: u16, at: usize) {
    if tree.is_full() {
        return;
    }
    match kind {
        0x0800 => network::ipv4(tree, at),
        0x86dd => network::ipv6(tree, at),
        0x0806 => arp(tree, at),
        0x8100 | 0x88a8 | 0x9100 => vlan(tree, at),
        0x8847 | 0x8848 => mpls(tree, at),
        0x8864 => pppoe(tree, at),
        0x88e7 => ethernet(tree, at + 4),
        _ if kind < 0x600 => llc(tree, at),
        _ => {
            let rest = tree.from(at).len();
            tree.layer(names::ether_type(kind), at, rest);
        }
    }
}

pub(super) fn llc(tree: &mut Tree<'_>, at: usize) {
    let &[dsap, ssap, control, ..] = tree.from(at) else { return };
    tree.layer("Logical-Link Control", at, 3);
    tree.field("llc.dsap", "DSAP", format!("0x{dsap:02x}"), at, 1);
    tree.field("llc.ssap", "SSAP", format!("0x{ssap:02x}"), at + 1, 1);
    tree.field("llc.control", "Control", format!("0x{control:02x}"), at + 2, 1);
    match (dsap, ssap, be16_at(tree.frame, at + 6)) {
        (0xaa, 0xaa, Some(kind)) => {
            tree.field("llc.type", "Type", format!("{} ({})", names::ether_type(kind), hex16(kind)), at + 6, 2);
            if kind >= 0x600 && matches!(tree.from(at + 3), [0, 0, 0 | 0xf8, ..]) {
                ether_type(tree, kind, at + 8);
            }
        }
        (0x06, 0x06, _) => network::ipv4(tree, at + 3),
        (0x42, 0x42, _) => {
            let rest = tree.from(at + 3).len();
            tree.layer("Spanning Tree Protocol", at + 3, rest);
        }
        _ => {}
    }
}

fn vlan(tree: &mut Tree<'_>, at: usize) {
    let (Some(control), Some(kind)) = (be16_at(tree.frame, at), be16_at(tree.frame, at + 2)) else { return };
    tree.layer("802.1Q Virtual LAN", at, 4);
    tree.field("vlan.priority", "Priority", control >> 13, at, 2);
    tree.field("vlan.dei", "Drop eligible", control >> 12 & 1, at, 2);
    tree.field("vlan.id", "Identifier", control & 0xfff, at, 2);
    tree.field("vlan.etype", "Type", format!("{} ({})", names::ether_type(kind), hex16(kind)), at + 2, 2);
    ether_type(tree, kind, at + 4);
}

/// The label stack and what is guessed under it, as the hot path guesses.
pub(super) fn mpls(tree: &mut Tree<'_>, mut at: usize) {
    loop {
        let Some(label) = be32_at(tree.frame, at) else { return };
        if tree.is_full() {
            return;
        }
        tree.layer("MultiProtocol Label Switching", at, 4);
        tree.field("mpls.label", "Label", label >> 12, at, 3);
        tree.field("mpls.exp", "Traffic class", label >> 9 & 7, at + 2, 1);
        tree.field("mpls.bottom", "Bottom of stack", label >> 8 & 1, at + 2, 1);
        tree.field("mpls.ttl", "Time to live", label & 0xff, at + 3, 1);
        at += 4;
        if label >> 8 & 1 == 1 {
            break;
        }
    }
    match tree.from(at).first().map(|first| first >> 4) {
        Some(4) => network::ipv4(tree, at),
        Some(6) => network::ipv6(tree, at),
        Some(0) if crate::link::mpls::plausible_ethernet(tree.from(at + 4)) => ethernet(tree, at + 4),
        Some(_) if crate::link::mpls::plausible_ethernet(tree.from(at)) => ethernet(tree, at),
        _ => {}
    }
}

fn pppoe(tree: &mut Tree<'_>, at: usize) {
    let (Some(session), Some(len)) = (be16_at(tree.frame, at + 2), be16_at(tree.frame, at + 4)) else { return };
    tree.layer("PPP-over-Ethernet Session", at, 6);
    tree.field("pppoe.session_id", "Session", hex16(session), at + 2, 2);
    tree.field("pppoe.payload_length", "Payload length", len, at + 4, 2);
    ppp(tree, at + 6);
}

/// PPP's protocol field.
pub(super) fn ppp(tree: &mut Tree<'_>, at: usize) {
    let skip = if matches!(tree.from(at), [0xff, 3, ..]) { 2 } else { 0 };
    let (protocol, len) = match tree.from(at + skip) {
        [first, ..] if first & 1 == 1 => (u16::from(*first), 1),
        [first, second, ..] => (u16::from_be_bytes([*first, *second]), 2),
        _ => return,
    };
    tree.layer("Point-to-Point Protocol", at, skip + len);
    tree.field("ppp.protocol", "Protocol", hex16(protocol), at + skip, len);
    let next = at + skip + len;
    match protocol {
        0x0021 => network::ipv4(tree, next),
        0x0057 => network::ipv6(tree, next),
        0x0281 | 0x0283 => mpls(tree, next),
        _ => {}
    }
}

fn hdlc(tree: &mut Tree<'_>, at: usize) {
    let Some(kind) = be16_at(tree.frame, at + 2) else { return };
    tree.layer("Cisco HDLC", at, 4);
    tree.field("chdlc.address", "Address", format!("0x{:02x}", tree.frame[at]), at, 1);
    tree.field("chdlc.protocol", "Protocol", hex16(kind), at + 2, 2);
    if kind >= 0x600 {
        ether_type(tree, kind, at + 4);
    }
}

fn cooked(tree: &mut Tree<'_>, at: usize, len: usize) {
    let Some(header) = tree.frame.get(at..at + len) else { return };
    let second = len == 20;
    tree.layer(if second { "Linux cooked capture v2" } else { "Linux cooked capture v1" }, at, len);
    let (kind_at, hardware_at, type_at, address_at) = if second { (10, 8, 0, 12) } else { (1, 2, 14, 6) };
    tree.field("sll.pkttype", "Packet type", header[kind_at], at + kind_at, 1);
    tree.field("sll.hatype", "Link-layer address type", be16_at(header, hardware_at).unwrap_or(0), at + hardware_at, 2);
    if let Some(mac) = array_at(header, address_at) {
        tree.field("sll.src.eth", "Source", MacAddr(mac), at + address_at, 6);
    }
    let kind = be16_at(header, type_at).unwrap_or(0);
    tree.field("sll.etype", "Protocol", hex16(kind), at + type_at, 2);
    match be16_at(header, hardware_at) {
        Some(801) => return wireless::frame(tree, at + len),
        Some(803) => return wireless::radiotap(tree, at + len),
        _ => {}
    }
    match kind {
        4 => llc(tree, at + len),
        _ if kind >= 0x600 => ether_type(tree, kind, at + len),
        _ => {}
    }
}

fn loopback(tree: &mut Tree<'_>, at: usize) {
    let Some(family) = be32_at(tree.frame, at) else { return };
    tree.layer("Null/Loopback", at, 4);
    let family = family.min(family.swap_bytes());
    tree.field("null.family", "Family", hex32(family), at, 4);
    match family {
        2 => network::ipv4(tree, at + 4),
        10 | 23 | 24 | 28 | 30 => network::ipv6(tree, at + 4),
        _ => {}
    }
}

fn fddi(tree: &mut Tree<'_>, at: usize) {
    let (Some(dest), Some(src)) = (array_at(tree.frame, at + 1), array_at(tree.frame, at + 7)) else { return };
    tree.layer("Fiber Distributed Data Interface", at, 13);
    tree.field("fddi.dst", "Destination", MacAddr(dest), at + 1, 6);
    tree.field("fddi.src", "Source", MacAddr(src), at + 7, 6);
    llc(tree, at + 13);
}

fn frame_relay(tree: &mut Tree<'_>, at: usize) {
    use crate::link::frame_relay::{Inside, inside};
    let Some(inside) = inside(tree.from(at)) else { return };
    let (kind, len) = match inside {
        Inside::EtherType(kind, offset) => (Some(kind), offset),
        Inside::Other => (None, 2),
    };
    tree.layer("Frame Relay", at, len);
    if let Some(kind) = kind {
        tree.field("fr.snap.type", "Type", format!("{} ({})", names::ether_type(kind), hex16(kind)), at, len);
        ether_type(tree, kind, at + len);
    }
}

fn packet_information(tree: &mut Tree<'_>, at: usize) {
    let Some([_, _, l0, l1, t0, t1, _, _]) = array_at::<8>(tree.frame, at) else { return };
    let (len, link) = (usize::from(u16::from_le_bytes([l0, l1])), u16::from_le_bytes([t0, t1]));
    tree.layer("PPI", at, len);
    tree.field("ppi.length", "Header length", len, at + 2, 2);
    tree.field("ppi.dlt", "Link type", link, at + 4, 4);
    if link != 192 && len >= 8 {
        layers(tree, LinkType(link), at + len);
    }
}

fn nflog(tree: &mut Tree<'_>, at: usize) {
    let Some((kind, offset, _)) = nflog_payload(tree.from(at)) else { return };
    tree.layer("Linux Netfilter NFLOG", at, offset);
    tree.field("nflog.family", "Family", names::ether_type(kind), at, 1);
    ether_type(tree, kind, at + offset);
}

fn arp(tree: &mut Tree<'_>, at: usize) {
    if tree.from(at).len() < 8 {
        return;
    }
    tree.layer("Address Resolution Protocol", at, ARP_BYTES);
    let word = |offset| be16_at(tree.frame, at + offset).unwrap_or(0);
    let (hardware, protocol, operation) = (word(0), word(2), word(6));
    tree.field("arp.hw.type", "Hardware type", hardware, at, 2);
    tree.field("arp.proto.type", "Protocol type", hex16(protocol), at + 2, 2);
    tree.field("arp.opcode", "Operation", operation, at + 6, 2);
    let addresses =
        [("arp.src.hw_mac", "arp.src.proto_ipv4", "Sender", 8), ("arp.dst.hw_mac", "arp.dst.proto_ipv4", "Target", 18)];
    for (mac_name, ip_name, who, offset) in addresses {
        if let (Some(mac), Some(ip)) = (array_at(tree.frame, at + offset), array_at(tree.frame, at + offset + 6)) {
            tree.field(mac_name, &format!("{who} Ethernet address"), MacAddr(mac), at + offset, 6);
            tree.field(ip_name, &format!("{who} IP address"), IpAddr16::v4(ip), at + offset + 6, 4);
        }
    }
}
