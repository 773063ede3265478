//! Frames on the wire: Ethernet II, ARP, IPv4, IPv6, TCP, UDP and ICMP headers with right lengths and checksums.
//! Owns the byte layout; knows no session, host name or time.

use std::net::{IpAddr, Ipv4Addr};

/// Smallest Ethernet frame without its checksum; shorter ones are padded with zeros as a switch port shows them.
const MIN_FRAME: usize = 60;
/// Ethernet broadcast.
pub(super) const BROADCAST: [u8; 6] = [0xff; 6];

pub(super) const FIN: u8 = 0x01;
pub(super) const SYN: u8 = 0x02;
pub(super) const RST: u8 = 0x04;
pub(super) const PSH: u8 = 0x08;
pub(super) const ACK: u8 = 0x10;

/// IP protocol numbers.
const ICMP: u8 = 1;
const TCP: u8 = 6;
const UDP: u8 = 17;
const ICMPV6: u8 = 58;

/// One end of a packet exchange as seen at the tap.
#[derive(Clone, Copy, Debug)]
pub(super) struct Peer {
    /// Ethernet address on this segment (the router's for hosts beyond it).
    pub(super) mac: [u8; 6],
    /// Address.
    pub(super) ip: IpAddr,
    /// TCP or UDP port.
    pub(super) port: u16,
    /// Time to live, or hop limit, as it arrives at the tap.
    pub(super) ttl: u8,
    /// Next IPv4 identification.
    pub(super) ip_id: u16,
}

impl Peer {
    /// A multicast group on the segment (RFC 1112, RFC 2464).
    pub(super) fn group(ip: IpAddr, port: u16) -> Self {
        let mac = match ip {
            IpAddr::V4(a) => [1, 0, 0x5e, a.octets()[1] & 0x7f, a.octets()[2], a.octets()[3]],
            IpAddr::V6(a) => {
                let o = a.octets();
                [0x33, 0x33, o[12], o[13], o[14], o[15]]
            }
        };
        Self { mac, ip, port, ttl: 255, ip_id: 0 }
    }
    /// Largest TCP payload without options in an Ethernet frame of 1,500 bytes.
    pub(super) fn mss(&self) -> u16 {
        if self.ip.is_ipv4() { 1460 } else { 1440 }
    }
}

/// TCP header fields beside the ports.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct TcpFields<'a> {
    pub(super) seq: u32,
    pub(super) ack: u32,
    pub(super) flags: u8,
    pub(super) window: u16,
    /// Encoded options, a multiple of four bytes, at most 40.
    pub(super) options: &'a [u8],
}

/// Writes an Ethernet header.
fn ethernet(out: &mut Vec<u8>, dst: [u8; 6], src: [u8; 6], ether_type: u16) {
    out.clear();
    out.extend_from_slice(&dst);
    out.extend_from_slice(&src);
    out.extend_from_slice(&ether_type.to_be_bytes());
}

/// Writes Ethernet and IP headers with their lengths still open; returns where the transport header starts.
fn begin_ip(out: &mut Vec<u8>, from: &mut Peer, to: &Peer, proto: u8) -> usize {
    match (from.ip, to.ip) {
        (IpAddr::V6(src), IpAddr::V6(dst)) => {
            ethernet(out, to.mac, from.mac, 0x86dd);
            out.extend_from_slice(&[0x60, 0, 0, 0, 0, 0, proto, from.ttl]);
            out.extend_from_slice(&src.octets());
            out.extend_from_slice(&dst.octets());
        }
        (src, dst) => {
            ethernet(out, to.mac, from.mac, 0x0800);
            from.ip_id = from.ip_id.wrapping_add(1);
            let id = from.ip_id.to_be_bytes();
            out.extend_from_slice(&[0x45, 0, 0, 0, id[0], id[1], 0x40, 0, from.ttl, proto, 0, 0]);
            out.extend_from_slice(&v4_of(src));
            out.extend_from_slice(&v4_of(dst));
        }
    }
    out.len()
}

/// IPv4 bytes of an address; zeros for IPv6, which callers never mix with IPv4.
fn v4_of(ip: IpAddr) -> [u8; 4] {
    match ip {
        IpAddr::V4(a) => a.octets(),
        IpAddr::V6(_) => [0; 4],
    }
}

/// Closes lengths and checksums and pads. `checksum_at` is the offset of the checksum within the transport header.
fn finish_ip(out: &mut Vec<u8>, start: usize, proto: u8, checksum_at: usize) {
    let len = out.len() - start;
    let mut sum = 0u64;
    if out[12] == 0x86 {
        out[18..20].copy_from_slice(&(len as u16).to_be_bytes());
        sum += sum_words(&out[22..54]) + u64::from(proto) + len as u64;
    } else {
        out[16..18].copy_from_slice(&((len + 20) as u16).to_be_bytes());
        let header = fold(sum_words(&out[14..34]));
        out[24..26].copy_from_slice(&(!header).to_be_bytes());
        if proto != ICMP {
            sum += sum_words(&out[26..34]) + u64::from(proto) + len as u64;
        }
    }
    let mut checksum = !fold(sum + sum_words(&out[start..]));
    if proto == UDP && checksum == 0 {
        checksum = 0xffff; // RFC 768: zero means "not computed"
    }
    out[start + checksum_at..start + checksum_at + 2].copy_from_slice(&checksum.to_be_bytes());
    if out.len() < MIN_FRAME {
        out.resize(MIN_FRAME, 0);
    }
}

/// Sum of big-endian 16-bit words; an odd last byte counts as the high half (RFC 1071).
fn sum_words(bytes: &[u8]) -> u64 {
    let mut sum = 0u64;
    let mut chunks = bytes.chunks_exact(4);
    for c in &mut chunks {
        sum += u64::from(u32::from_be_bytes([c[0], c[1], c[2], c[3]]));
    }
    let rest = chunks.remainder();
    let mut last = [0u8; 4];
    last[..rest.len()].copy_from_slice(rest);
    sum + u64::from(u32::from_be_bytes(last))
}

/// Folds a sum to 16 bits with end-around carry. Sums of 32-bit words are congruent to those of 16-bit words.
fn fold(mut sum: u64) -> u16 {
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    sum as u16
}

/// A TCP segment; `payload` appends its bytes.
pub(super) fn tcp(out: &mut Vec<u8>, from: &mut Peer, to: &Peer, f: &TcpFields, payload: impl FnOnce(&mut Vec<u8>)) {
    let start = begin_ip(out, from, to, TCP);
    out.extend_from_slice(&from.port.to_be_bytes());
    out.extend_from_slice(&to.port.to_be_bytes());
    out.extend_from_slice(&f.seq.to_be_bytes());
    out.extend_from_slice(&f.ack.to_be_bytes());
    let offset = ((5 + f.options.len() / 4) << 4) as u8;
    let window = f.window.to_be_bytes();
    out.extend_from_slice(&[offset, f.flags, window[0], window[1], 0, 0, 0, 0]);
    out.extend_from_slice(f.options);
    payload(out);
    finish_ip(out, start, TCP, 16);
}

/// A UDP datagram.
pub(super) fn udp(out: &mut Vec<u8>, from: &mut Peer, to: &Peer, payload: &[u8]) {
    let start = begin_ip(out, from, to, UDP);
    out.extend_from_slice(&from.port.to_be_bytes());
    out.extend_from_slice(&to.port.to_be_bytes());
    out.extend_from_slice(&((payload.len() + 8) as u16).to_be_bytes());
    out.extend_from_slice(&[0, 0]);
    out.extend_from_slice(payload);
    finish_ip(out, start, UDP, 6);
}

/// An ICMP or ICMPv6 message by the address family; `body` is everything after the checksum.
pub(super) fn icmp(out: &mut Vec<u8>, from: &mut Peer, to: &Peer, kind: u8, code: u8, body: &[u8]) {
    let proto = if from.ip.is_ipv4() { ICMP } else { ICMPV6 };
    let start = begin_ip(out, from, to, proto);
    out.extend_from_slice(&[kind, code, 0, 0]);
    out.extend_from_slice(body);
    finish_ip(out, start, proto, 2);
}

/// An ARP packet (RFC 826).
#[derive(Clone, Copy, Debug)]
pub(super) struct Arp {
    /// Ethernet destination.
    pub(super) to: [u8; 6],
    /// 1 request, 2 reply.
    pub(super) operation: u16,
    pub(super) sender: ([u8; 6], Ipv4Addr),
    pub(super) target: ([u8; 6], Ipv4Addr),
}

/// Writes an ARP frame.
pub(super) fn arp(out: &mut Vec<u8>, a: &Arp) {
    ethernet(out, a.to, a.sender.0, 0x0806);
    out.extend_from_slice(&[0, 1, 8, 0, 6, 4]);
    out.extend_from_slice(&a.operation.to_be_bytes());
    for (mac, ip) in [a.sender, a.target] {
        out.extend_from_slice(&mac);
        out.extend_from_slice(&ip.octets());
    }
    out.resize(MIN_FRAME, 0);
}

/// Rewrites a frame as a host that forwards it puts it back on the wire: new Ethernet addresses, one hop less.
pub(super) fn forwarded(frame: &[u8], src: [u8; 6], dst: [u8; 6]) -> Vec<u8> {
    let mut copy = frame.to_vec();
    copy[..6].copy_from_slice(&dst);
    copy[6..12].copy_from_slice(&src);
    if copy[12..14] == [0x08, 0x00] && copy.len() >= 34 {
        copy[22] = copy[22].saturating_sub(1);
        copy[24..26].fill(0);
        let header = fold(sum_words(&copy[14..34]));
        copy[24..26].copy_from_slice(&(!header).to_be_bytes());
    }
    copy
}

#[cfg(test)]
mod tests {
    use super::*;

    fn peer(ip: &str, port: u16) -> Peer {
        #![allow(clippy::unwrap_used)]
        Peer { mac: [2, 0, 0, 0, 0, 1], ip: ip.parse().unwrap(), port, ttl: 64, ip_id: 0 }
    }

    #[test]
    fn a_checksummed_header_sums_to_all_ones() {
        let mut out = Vec::new();
        udp(&mut out, &mut peer("192.0.2.1", 5353), &peer("192.0.2.2", 53), b"odd");
        assert_eq!(fold(sum_words(&out[14..34])), 0xffff);
        assert_eq!(fold(sum_words(&out[26..34]) + 17 + 11 + sum_words(&out[34..45])), 0xffff);
        assert_eq!(out.len(), MIN_FRAME);
        let copy = forwarded(&out, [9; 6], [8; 6]);
        assert_eq!((copy[22], fold(sum_words(&copy[14..34]))), (63, 0xffff));
    }

    #[test]
    fn ipv6_carries_its_length_and_pseudo_header() {
        let mut out = Vec::new();
        let f = TcpFields { seq: 1, ack: 2, flags: ACK, window: 3, options: &[] };
        tcp(&mut out, &mut peer("2001:db8::1", 1), &peer("2001:db8::2", 2), &f, |b| b.extend_from_slice(b"hello"));
        assert_eq!(u16::from_be_bytes([out[18], out[19]]), 25);
        assert_eq!(fold(sum_words(&out[22..54]) + 6 + 25 + sum_words(&out[54..])), 0xffff);
    }
}
