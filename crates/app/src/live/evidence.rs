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
            Some((sender, target)) => tells_by_arp(incident.kind) && (src.contains(&sender) || both(sender, target)),
            None => incident.kind != Kind::ArpSpoof && key.proto != 0 && both(key.low.addr, key.high.addr),
        }));
    }
    found.sort_by_key(|p| (p.header.ts, p.id));
    let surplus = found.len().saturating_sub(limit);
    found.drain(..surplus);
    found
}

/// Kinds whose story may be one of ARP packets.
fn tells_by_arp(kind: Kind) -> bool {
    matches!(kind, Kind::ArpSpoof | Kind::HostSweep | Kind::ProtocolMisuse | Kind::NewDevice)
}

/// What the file is, for whoever opens it without the dashboard at hand.
pub fn comment(incident: &Incident, packets: usize) -> String {
    let list = |addresses: &[IpAddr16]| {
        let names: Vec<String> = addresses.iter().take(8).map(ToString::to_string).collect();
        let more = addresses.len().saturating_sub(names.len());
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        if names.is_empty() { "-".to_owned() } else { format!("{}{more}", names.join(", ")) }
    };
    format!(
        "Tripline incident {}: {}\nkind {}, severity {}, {} to {}\nfrom {} to {}\n{packets} packets that were still in memory; more may have passed",
        incident.id,
        incident.title,
        incident.kind.name(),
        incident.severity.name(),
        incident.first_seen,
        incident.last_seen,
        list(&incident.src),
        list(&incident.dest)
    )
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

/// The packets as one pcapng file, with a comment on the whole.
pub fn pcapng(packets: &[KeptPacket], snap_len: usize, comment: &str) -> io::Result<Vec<u8>> {
    let mut links: Vec<LinkType> = packets.iter().map(|p| p.header.link).collect();
    links.sort_unstable();
    links.dedup();
    if links.is_empty() {
        links.push(LinkType::ETHERNET);
    }
    let interfaces: Vec<(&str, LinkType, u32)> = links.iter().map(|l| ("tripline", *l, snap_len as u32)).collect();
    let mut writer = PcapngWriter::with_comment(Vec::new(), comment, &interfaces)?;
    for packet in packets {
        let interface = links.binary_search(&packet.header.link).unwrap_or(0);
        writer.write(interface as u16, packet.header.ts, packet.header.wire_len, &packet.data)?;
    }
    writer.finish()
}
