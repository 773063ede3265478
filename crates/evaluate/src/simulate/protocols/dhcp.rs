//! DHCP (RFC 2131): the four messages of a lease and the two of a renewal. Owns the encoding.

use std::net::Ipv4Addr;

pub(in super::super) const DISCOVER: u8 = 1;
pub(in super::super) const OFFER: u8 = 2;
pub(in super::super) const REQUEST: u8 = 3;
pub(in super::super) const ACKNOWLEDGE: u8 = 5;

/// What a lease is about.
#[derive(Clone, Debug)]
pub(in super::super) struct Lease {
    pub(in super::super) transaction: u32,
    pub(in super::super) mac: [u8; 6],
    /// The address offered or renewed.
    pub(in super::super) ip: Ipv4Addr,
    pub(in super::super) server: Ipv4Addr,
    pub(in super::super) host_name: String,
    /// True when the client already has `ip`.
    pub(in super::super) renewal: bool,
}

/// A message of the given type; replies are OFFER and ACKNOWLEDGE.
pub(in super::super) fn message(l: &Lease, kind: u8) -> Vec<u8> {
    let reply = matches!(kind, OFFER | ACKNOWLEDGE);
    let mut m = vec![if reply { 2 } else { 1 }, 1, 6, 0];
    m.extend_from_slice(&l.transaction.to_be_bytes());
    m.extend_from_slice(&[0; 4]);
    m.extend_from_slice(&if l.renewal { l.ip.octets() } else { [0; 4] });
    m.extend_from_slice(&if reply { l.ip.octets() } else { [0; 4] });
    m.extend_from_slice(&if reply { l.server.octets() } else { [0; 4] });
    m.extend_from_slice(&[0; 4]);
    m.extend_from_slice(&l.mac);
    m.extend_from_slice(&[0; 10 + 64 + 128]);
    m.extend_from_slice(&[0x63, 0x82, 0x53, 0x63]);
    let mut option = |code: u8, value: &[u8]| {
        m.extend_from_slice(&[code, value.len() as u8]);
        m.extend_from_slice(value);
    };
    option(53, &[kind]);
    if reply {
        option(54, &l.server.octets());
        option(51, &28_800u32.to_be_bytes());
        option(1, &[255, 255, 252, 0]);
        option(3, &l.server.octets());
        option(6, &l.server.octets());
        option(15, b"office.test");
    } else {
        option(61, &[&[1], &l.mac[..]].concat());
        option(12, &l.host_name.as_bytes()[..l.host_name.len().min(63)]);
        option(60, b"dhcpcd-10.0");
        option(55, &[1, 3, 6, 15, 119, 252]);
        if kind == REQUEST && !l.renewal {
            option(50, &l.ip.octets());
            option(54, &l.server.octets());
        }
    }
    m.push(255);
    let size = m.len().max(300);
    m.resize(size, 0);
    m
}
