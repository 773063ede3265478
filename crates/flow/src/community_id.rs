//! Community ID version 1: the hash of a flow's tuple that Zeek, Suricata and Arkime also write, so that their records
//! can be joined with ours. Specification: corelight/community-id-spec.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use record::{Endpoint, FlowKey, FlowRecord, IpAddr16};
use ring::digest;

/// IP protocol numbers whose ports enter the hash.
const PROTOS_WITH_PORTS: [u8; 3] = [6, 17, 132];
/// ICMP over IPv4.
const ICMP: u8 = 1;
/// ICMP over IPv6.
const ICMPV6: u8 = 58;

/// ICMP types that have a counterpart in the other direction (request, reply).
const ICMP_PAIRS: [(u8, u8); 5] = [(8, 0), (13, 14), (15, 16), (10, 9), (17, 18)];
/// The same for ICMPv6.
const ICMPV6_PAIRS: [(u8, u8); 6] = [(128, 129), (130, 131), (133, 134), (135, 136), (139, 140), (144, 145)];

/// Identity of a flow that is not ICMP: `1:` and 28 letters. `seed` separates domains, 0 by default.
/// For ICMP the type and code of the first packet are needed: see [`community_id_icmp`].
#[must_use]
pub fn community_id(key: &FlowKey, seed: u16) -> String {
    if PROTOS_WITH_PORTS.contains(&key.proto) {
        digest_of(key.low, key.high, key.proto, true, seed)
    } else {
        digest_of(key.low, key.high, key.proto, false, seed)
    }
}

/// Identity of an ICMP or ICMPv6 flow by its sender, receiver, type and code. Types with a counterpart are the same in
/// both directions; for others the sender's order is kept and the code stands for the receiver's port.
#[must_use]
pub fn community_id_icmp(src: IpAddr16, dest: IpAddr16, proto: u8, icmp_type: u8, icmp_code: u8, seed: u16) -> String {
    let pairs: &[(u8, u8)] = if proto == ICMPV6 { &ICMPV6_PAIRS } else { &ICMP_PAIRS };
    let counterpart = pairs.iter().find_map(|(a, b)| match icmp_type {
        t if t == *a => Some(*b),
        t if t == *b => Some(*a),
        _ => None,
    });
    let from = Endpoint { addr: src, port: u16::from(icmp_type) };
    let to = Endpoint { addr: dest, port: u16::from(counterpart.unwrap_or(icmp_code)) };
    if counterpart.is_some() && to < from {
        digest_of(to, from, proto, true, seed)
    } else {
        digest_of(from, to, proto, true, seed)
    }
}

/// Identity of a reported flow, ICMP or not, with seed 0.
#[must_use]
pub fn community_id_of(flow: &FlowRecord) -> String {
    match flow.key.proto {
        ICMP | ICMPV6 => {
            community_id_icmp(flow.src().addr, flow.dest().addr, flow.key.proto, flow.icmp_type, flow.icmp_code, 0)
        }
        _ => community_id(&flow.key, 0),
    }
}

fn digest_of(first: Endpoint, second: Endpoint, proto: u8, ports: bool, seed: u16) -> String {
    let mut context = digest::Context::new(&digest::SHA1_FOR_LEGACY_USE_ONLY);
    context.update(&seed.to_be_bytes());
    for addr in [first.addr, second.addr] {
        // The specification hashes IPv4 in 4 bytes.
        context.update(if addr.is_v4() { &addr.0[12..] } else { &addr.0 });
    }
    context.update(&[proto, 0]);
    if ports {
        context.update(&first.port.to_be_bytes());
        context.update(&second.port.to_be_bytes());
    }
    format!("1:{}", STANDARD.encode(context.finish().as_ref()))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    /// Identities that the specification's own reference program gives our addresses: protocol, source, destination, ports (or ICMP type and counter-type or
    /// code), identity with seed 0, identity with seed 1.
    const REFERENCE: &str = include_str!("community_id_reference.tsv");

    #[test]
    fn the_reference_program_gives_the_same_for_both_seeds() {
        let mut rows = 0;
        for line in REFERENCE.lines().filter(|l| !l.starts_with('#')) {
            let f: Vec<&str> = line.split('\t').collect();
            let proto: u8 = f[0].parse().unwrap();
            let (src, dest): (IpAddr16, IpAddr16) = (f[1].parse().unwrap(), f[2].parse().unwrap());
            let port = |text: &str| text.parse::<u16>().unwrap_or(0);
            for (seed, expected) in [(0, f[5]), (1, f[6])] {
                let got = if proto == ICMP || proto == ICMPV6 {
                    community_id_icmp(src, dest, proto, port(f[3]) as u8, port(f[4]) as u8, seed)
                } else {
                    let from = Endpoint { addr: src, port: port(f[3]) };
                    let (key, _) = FlowKey::new(from, Endpoint { addr: dest, port: port(f[4]) }, proto);
                    community_id(&key, seed)
                };
                assert_eq!(got, expected, "{line}");
            }
            rows += 1;
        }
        assert_eq!(rows, 23);
    }

    #[test]
    fn a_record_gives_the_icmp_identity_in_its_own_direction() {
        let addr = |s: &str| s.parse::<IpAddr16>().unwrap();
        let (key, low) = FlowKey::new(
            Endpoint { addr: addr("192.0.2.77"), port: 7 },
            Endpoint { addr: addr("192.0.2.3"), port: 7 },
            1,
        );
        let flow = FlowRecord { key, originator_low: low, icmp_type: 8, ..FlowRecord::default() };
        assert_eq!(community_id_of(&flow), "1:K7lp36A3KlJcqPc08EQirRSRv24=");
    }
}
