//! Which of the newest packets belong to an incident, and their pcapng file. Owns the choice; the ring and the folder are others'.

use super::packet_ring::{KeptPacket, PacketRing};
use record::{Incident, IpAddr16, Kind, LinkType};
use source::PcapngWriter;
use std::collections::BTreeSet;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};

/// Capture time before the first evidence that is kept with it, nanoseconds: what led to it.
const LEAD_NS: i64 = 2_000_000_000;

/// The incident's packets, oldest first, at most `limit` of the newest.
pub fn packets(rings: &[Arc<Mutex<PacketRing>>], incident: &Incident, limit: usize) -> Vec<KeptPacket> {
    let src: BTreeSet<IpAddr16> = incident.src.iter().copied().collect();
    let dest: BTreeSet<IpAddr16> = incident.dest.iter().copied().collect();
    let both = |a: IpAddr16, b: IpAddr16| {
        let one_way = |x, y| src.is_empty() || (src.contains(&x) && (dest.is_empty() || dest.contains(&y)));
        one_way(a, b) || one_way(b, a)
    };
    let since = incident.first_seen.plus_ns(-LEAD_NS);
    let mut found = Vec::new();
    for ring in rings {
        let ring = ring.lock().unwrap_or_else(PoisonError::into_inner);
        found.extend(ring.matching(since, limit, |key, link, data| match arp_addresses(link, data) {
            Some((sender, target)) => {
                incident.kind == Kind::ArpSpoof && (src.contains(&sender) || both(sender, target))
            }
            None => incident.kind != Kind::ArpSpoof && key.proto != 0 && both(key.low.addr, key.high.addr),
        }));
    }
    found.sort_by_key(|p| (p.header.ts, p.id));
    let surplus = found.len().saturating_sub(limit);
    found.drain(..surplus);
    found
}

/// Sender and target of an ARP packet over Ethernet (RFC 826), untagged or with one VLAN tag.
fn arp_addresses(link: LinkType, data: &[u8]) -> Option<(IpAddr16, IpAddr16)> {
    if link != LinkType::ETHERNET {
        return None;
    }
    let at = if data.get(12..14)? == [0x81, 0x00] { 16 } else { 12 };
    if data.get(at..at + 2)? != [0x08, 0x06] {
        return None;
    }
    let ip = |from: usize| data.get(from..from + 4).and_then(|b| b.try_into().ok()).map(IpAddr16::v4);
    Some((ip(at + 16)?, ip(at + 26)?))
}

/// The packets as one pcapng file.
pub fn pcapng(packets: &[KeptPacket], snap_len: usize) -> io::Result<Vec<u8>> {
    let mut links: Vec<LinkType> = packets.iter().map(|p| p.header.link).collect();
    links.sort_unstable();
    links.dedup();
    if links.is_empty() {
        links.push(LinkType::ETHERNET);
    }
    let interfaces: Vec<(&str, LinkType, u32)> = links.iter().map(|l| ("tripline", *l, snap_len as u32)).collect();
    let mut writer = PcapngWriter::new(Vec::new(), &interfaces)?;
    for packet in packets {
        let interface = links.binary_search(&packet.header.link).unwrap_or(0);
        writer.write(interface as u16, packet.header.ts, packet.header.wire_len, &packet.data)?;
    }
    writer.finish()
}
