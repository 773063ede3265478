//! ARP for IPv4 over Ethernet (RFC 826).

use crate::bytes::{array_at, be16_at};
use crate::walk::{Next, Walk};
use record::{ArpData, DecodeErrorKind, IpAddr16, Layer, MacAddr, PacketMeta};

/// Bytes of an ARP packet for IPv4 over Ethernet.
pub(crate) const ARP_BYTES: usize = 28;

/// Checks that the packet is whole and of the one kind we read; notes where its payload lies for `data`.
pub(crate) fn check(walk: &mut Walk<'_>, at: usize) -> Next {
    walk.meta.payload_offset = at as u32;
    match walk.rest(at) {
        [0, 1 | 6, 8, 0, 6, 4, _, _, ..] if walk.rest(at).len() >= ARP_BYTES => Next::Done,
        [_, _, _, _, _, _, _, _, ..] if walk.rest(at)[..6] != [0, 1, 8, 0, 6, 4] => {
            walk.stop(DecodeErrorKind::ArpUnsupported, Layer::Arp, at)
        }
        _ => walk.stop(DecodeErrorKind::ArpTruncated, Layer::Arp, at),
    }
}

/// The packet's content; None unless `check` accepted it.
pub(crate) fn data(meta: &PacketMeta, frame: &[u8]) -> Option<ArpData> {
    if meta.ether_type != super::link::ETHER_ARP || meta.ip_version != 0 || meta.stop.is_some() {
        return None;
    }
    let at = meta.payload_offset as usize;
    Some(ArpData {
        ts: meta.ts,
        operation: be16_at(frame, at + 6)?,
        frame_src_mac: meta.src_mac,
        frame_dest_mac: meta.dest_mac,
        sender_mac: MacAddr(array_at(frame, at + 8)?),
        sender_ip: IpAddr16::v4(array_at(frame, at + 14)?),
        target_mac: MacAddr(array_at(frame, at + 18)?),
        target_ip: IpAddr16::v4(array_at(frame, at + 24)?),
        vlan: meta.vlan,
    })
}
