//! Datagrams as frames: raw IP and UDP headers written before a payload that came without them, so that who sent it and to which
//! port travels with it and everything behind a source of frames works. Owns these headers; knows no payload.

use std::net::{IpAddr, SocketAddr};

/// Room for the headers before each payload: those of IPv6 and UDP.
pub const HEADERS_BYTES: usize = IPV6_BYTES + UDP_BYTES;
const IPV4_BYTES: usize = 20;
const IPV6_BYTES: usize = 40;
const UDP_BYTES: usize = 8;
const UDP: u8 = 17;
const TTL: u8 = 64;

/// Writes the headers that end where the payload begins; returns where they begin. Checksums are left at 0: nobody sent them.
pub fn write_headers(room: &mut [u8; HEADERS_BYTES], from: SocketAddr, to: SocketAddr, payload_bytes: usize) -> usize {
    let udp_bytes = (UDP_BYTES + payload_bytes).min(usize::from(u16::MAX)) as u16;
    room[IPV6_BYTES..IPV6_BYTES + 2].copy_from_slice(&from.port().to_be_bytes());
    room[IPV6_BYTES + 2..IPV6_BYTES + 4].copy_from_slice(&to.port().to_be_bytes());
    room[IPV6_BYTES + 4..IPV6_BYTES + 6].copy_from_slice(&udp_bytes.to_be_bytes());
    room[IPV6_BYTES + 6..].fill(0);
    let octets = |ip: IpAddr| match ip {
        IpAddr::V4(ip) => ip.to_ipv6_mapped().octets(),
        IpAddr::V6(ip) => ip.octets(),
    };
    let (src, dest) = (octets(from.ip()), octets(to.ip()));
    if from.is_ipv4() {
        let start = IPV6_BYTES - IPV4_BYTES;
        let total = udp_bytes.saturating_add(IPV4_BYTES as u16).to_be_bytes();
        let ip = &mut room[start..IPV6_BYTES];
        ip.copy_from_slice(&[0x45, 0, total[0], total[1], 0, 0, 0, 0, TTL, UDP, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
        ip[12..16].copy_from_slice(&src[12..]);
        ip[16..20].copy_from_slice(&dest[12..]);
        return start;
    }
    let length = udp_bytes.to_be_bytes();
    room[..8].copy_from_slice(&[0x60, 0, 0, 0, length[0], length[1], UDP, TTL]);
    room[8..24].copy_from_slice(&src);
    room[24..IPV6_BYTES].copy_from_slice(&dest);
    0
}
