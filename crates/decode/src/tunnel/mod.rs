//! Tunnels: the inner packet is the one counted, the outermost tunnel is noted, nesting is bounded.
//! When nothing that can be counted lies inside, the outer packet stands as it was.

pub(crate) mod gre;
pub(crate) mod over_udp;

use crate::net;
use crate::walk::{Next, Walk};
use record::{DecodeErrorKind, Layer, PacketMeta, TcpFlags, Tunnel};

/// IP protocols that are tunnels or authentication; everything else is counted as a flow without ports.
pub(crate) fn by_protocol(walk: &mut Walk<'_>, proto: u8, at: usize) -> Next {
    net::without_transport(walk, proto, at);
    let inner = match proto {
        4 => Next::EtherType(crate::link::ETHER_IPV4, at),
        41 => Next::EtherType(crate::link::ETHER_IPV6, at),
        // MPLS in IP (RFC 4023) is IP in IP with labels between.
        137 => Next::EtherType(0x8847, at),
        47 => {
            gre::read(walk, at);
            return Next::Done;
        }
        51 => return authentication(walk, at),
        // ESP: no more to read, and no error.
        50 => return Next::Done,
        _ => return walk.stop(DecodeErrorKind::ProtocolUnknown, Layer::Network, at),
    };
    enter(walk, Tunnel::IpInIp, inner);
    Next::Done
}

/// Authentication header (RFC 4302) in IPv4; in IPv6 it is read with the extensions.
fn authentication(walk: &mut Walk<'_>, at: usize) -> Next {
    let Some([next, len]) = walk.array::<2>(at) else {
        return walk.stop(DecodeErrorKind::Ipv4Truncated, Layer::Network, at);
    };
    // One authentication header a packet: a second one is counted as unknown instead of followed for ever.
    if next == 51 {
        return walk.stop(DecodeErrorKind::ProtocolUnknown, Layer::Network, at);
    }
    Next::Protocol(next, at + net::ipv6::extension_bytes(51, len))
}

/// Reads the inner packet. Returns true when an inner IP header was found; otherwise the outer packet is put back.
pub(crate) fn enter(walk: &mut Walk<'_>, tunnel: Tunnel, next: Next) -> bool {
    if walk.tunnels >= walk.config.tunnels_max {
        let at = walk.meta.payload_offset as usize;
        walk.note(DecodeErrorKind::TunnelsTooMany, Layer::Tunnel, at);
        return true;
    }
    let outer = Outer { meta: *walk.meta, captured_end: walk.captured_end, wire_end: walk.wire_end, tags: walk.tags };
    let addresses = (walk.src, walk.dest);
    let outermost = walk.outermost;
    clear_inner(walk.meta);
    if outer.meta.tunnel == Tunnel::None {
        walk.meta.tunnel = tunnel;
    }
    walk.tunnels += 1;
    walk.tags = 0;
    walk.outermost = false;
    walk.run(next);
    walk.tunnels -= 1;
    let found = walk.meta.ip_version != 0;
    if !found {
        let stop = walk.meta.stop;
        *walk.meta = outer.meta;
        walk.meta.stop = stop;
        (walk.src, walk.dest) = addresses;
        walk.captured_end = outer.captured_end;
        walk.wire_end = outer.wire_end;
        walk.tags = outer.tags;
        walk.outermost = outermost;
    }
    found
}

/// What is put back when the inside cannot be counted.
struct Outer {
    meta: PacketMeta,
    captured_end: usize,
    wire_end: usize,
    tags: u8,
}

/// Forgets what the outer packet's network and transport said; link addresses stay unless the inside has its own.
fn clear_inner(meta: &mut PacketMeta) {
    meta.ip_version = 0;
    meta.fragment = false;
    meta.fragment_later = false;
    meta.icmp_type = 0;
    meta.icmp_code = 0;
    meta.src_port = 0;
    meta.dest_port = 0;
    meta.tcp_flags = TcpFlags(0);
    meta.tcp_seq = 0;
    meta.tcp_ack = 0;
    meta.tcp_window = 0;
    meta.tcp_mss = 0;
}
