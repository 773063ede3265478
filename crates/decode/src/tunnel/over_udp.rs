//! Tunnels in UDP: VXLAN, Geneve, GTP-U, Teredo. A port is only a hint: the tunnel's header must be well-formed and an
//! IP header must follow, or the packet is ordinary UDP and stands as it was.

use super::enter;
use crate::bytes::{array_at, be16};
use crate::walk::{Next, Walk};
use record::{PacketMeta, Tunnel};

const PORT_GTP_U: u16 = 2152;
const PORT_TEREDO: u16 = 3544;
const PORT_VXLAN: u16 = 4789;
const PORT_GENEVE: u16 = 6081;
/// VXLAN's port before it had one of its own, still Linux's default.
const PORT_VXLAN_LINUX: u16 = 8472;

/// True when one of the ports belongs to a tunnel.
#[inline(always)]
pub(crate) const fn is_hint(src_port: u16, dest_port: u16) -> bool {
    const fn hint(port: u16) -> bool {
        matches!(port, PORT_GTP_U | PORT_TEREDO | PORT_VXLAN | PORT_GENEVE | PORT_VXLAN_LINUX)
    }
    hint(dest_port) || hint(src_port)
}

/// Tries the tunnels that the packet's ports suggest.
pub(crate) fn read(walk: &mut Walk<'_>, at: usize) {
    if let Some((tunnel, inner)) = detect(walk.meta.src_port, walk.meta.dest_port, walk.rest(at)) {
        let stop = walk.meta.stop;
        if !enter(walk, tunnel, inner.from(at)) {
            walk.meta.stop = stop;
        }
    }
}

/// The tunnel whose well-formed header starts a datagram's payload; the receiver's port is asked first.
pub(crate) fn detect(src_port: u16, dest_port: u16, data: &[u8]) -> Option<(Tunnel, Inner)> {
    [dest_port, src_port].into_iter().find_map(|port| match port {
        PORT_VXLAN | PORT_VXLAN_LINUX => vxlan(data).map(|inner| (Tunnel::Vxlan, inner)),
        PORT_GENEVE => geneve(data).map(|inner| (Tunnel::Geneve, inner)),
        PORT_GTP_U => gtp_u(data).map(|inner| (Tunnel::GtpU, inner)),
        PORT_TEREDO => teredo(data).map(|inner| (Tunnel::Teredo, inner)),
        _ => None,
    })
}

/// What a tunnel header leads to, by offset from its own start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Inner {
    /// An Ethernet header.
    Ethernet(usize),
    /// What this Ethernet type says.
    EtherType(u16, usize),
}

impl Inner {
    fn from(self, at: usize) -> Next {
        match self {
            Self::Ethernet(offset) => Next::Ethernet(at + offset),
            Self::EtherType(kind, offset) => Next::EtherType(kind, at + offset),
        }
    }
}

/// VXLAN (RFC 7348): only the identifier flag set, reserved bits zero; VXLAN-GPE's next protocol is read too.
fn vxlan(data: &[u8]) -> Option<Inner> {
    let [flags, r0, r1, next, _, _, _, reserved] = array_at::<8>(data, 0)?;
    if flags & 0x08 == 0 || reserved != 0 {
        return None;
    }
    // Group policy extension: bit 0x80 with the policy in the next bytes.
    let group_policy = flags & 0x80 != 0;
    if !group_policy && (r0, r1) != (0, 0) {
        return None;
    }
    let generic = flags & 0x04 != 0;
    match next {
        1 if generic => Some(Inner::EtherType(crate::link::ETHER_IPV4, 8)),
        2 if generic => Some(Inner::EtherType(crate::link::ETHER_IPV6, 8)),
        3 if generic => Some(Inner::Ethernet(8)),
        _ if group_policy || next == 0 => plausible_ethernet(data, 8).then_some(Inner::Ethernet(8)),
        _ => None,
    }
}

/// Geneve (RFC 8926): version 0, options within the packet.
fn geneve(data: &[u8]) -> Option<Inner> {
    let [first, second, p0, p1, _, _, _, reserved] = array_at::<8>(data, 0)?;
    if first >> 6 != 0 || second & 0x3f != 0 || reserved != 0 {
        return None;
    }
    let offset = 8 + usize::from(first & 0x3f) * 4;
    match be16(p0, p1) {
        0x6558 => plausible_ethernet(data, offset).then_some(Inner::Ethernet(offset)),
        kind @ (0x0800 | 0x86dd) => Some(Inner::EtherType(kind, offset)),
        _ => None,
    }
}

/// GTP-U (3GPP TS 29.281): version 1, message 255, extension headers; then an IP header.
fn gtp_u(data: &[u8]) -> Option<Inner> {
    let [flags, message, l0, l1] = array_at::<4>(data, 0)?;
    if flags >> 5 != 1 || flags & 0x10 == 0 || message != 255 || usize::from(be16(l0, l1)) + 8 < 20 {
        return None;
    }
    let mut offset = 8;
    if flags & 0x07 != 0 {
        let mut extension = if flags & 0x04 != 0 { *data.get(11)? } else { 0 };
        offset = 12;
        // Each extension: length in four bytes, content, type of the next. At most 16 bound a crafted chain.
        for _ in 0..16 {
            if extension == 0 {
                break;
            }
            let len = usize::from(*data.get(offset)?) * 4;
            if len == 0 {
                return None;
            }
            extension = *data.get(offset + len - 1)?;
            offset += len;
        }
        if extension != 0 {
            return None;
        }
    }
    ip(data, offset)
}

/// Teredo (RFC 4380): optional authentication and origin indications, then IPv6.
fn teredo(data: &[u8]) -> Option<Inner> {
    let mut offset = 0;
    if let [0, 1, client, authentication] = array_at::<4>(data, offset)? {
        offset += 4 + usize::from(client) + usize::from(authentication) + 9;
    }
    if let [0, 0] = array_at::<2>(data, offset)? {
        offset += 8;
    }
    (data.get(offset)? >> 4 == 6).then(|| ip(data, offset)).flatten()
}

/// An IP header that is believable: version, header length, and a length field that fits what is there or more.
fn ip(data: &[u8], offset: usize) -> Option<Inner> {
    let rest = data.get(offset..)?;
    match rest.first()? >> 4 {
        4 if rest.first()? & 0x0f >= 5 => Some(Inner::EtherType(crate::link::ETHER_IPV4, offset)),
        6 if rest.len() >= 40 => Some(Inner::EtherType(crate::link::ETHER_IPV6, offset)),
        _ => None,
    }
}

/// An Ethernet header whose sender is one host and whose type leads on.
fn plausible_ethernet(data: &[u8], offset: usize) -> bool {
    let Some(header) = array_at::<14>(data, offset) else { return false };
    header[6] & 1 == 0
}

/// Compile-time reminder that the outer packet is copied whole when a tunnel is entered: keep it small.
const _: () = assert!(size_of::<PacketMeta>() <= 192);
