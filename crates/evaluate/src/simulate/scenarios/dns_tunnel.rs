//! Data in DNS names: an infected workstation sends base32 in labels of one zone and receives TXT records, by way of the
//! office's own resolver.

use super::super::exchange::{Exchange, Packet};
use super::super::protocols::dns;
use super::super::random::Random;
use super::super::world::{ROUTER, World};
use super::series::Series;
use super::{Scenario, ScenarioInfo, Tempo};
use record::Kind;

const MS: i64 = 1_000_000;
/// The zone that the attacker's name server answers for.
const ZONE: &str = "t.example.net";

/// The scenario.
pub(super) struct DnsTunnel;

impl Scenario for DnsTunnel {
    fn info(&self) -> ScenarioInfo {
        ScenarioInfo::attack("dns_tunnel", Kind::DnsTunnel, "data carried in names and TXT records of one zone")
    }
    fn launch(&self, now: i64, world: &mut World, tempo: Tempo) -> i64 {
        let desk = world.desk();
        let (src, resolver) = (world.hosts[desk].v4.into(), world.hosts[ROUTER].v4.into());
        let label = world.new_label(now, Kind::DnsTunnel, src, Some(resolver), Some(53));
        let (count, gap_ns) =
            if tempo == Tempo::Demo { (320, (20 * MS, 110 * MS)) } else { (1500, (30 * MS, 400 * MS)) };
        let mut sequence = 0u32;
        let series = Series::new(count, gap_ns, move |now, world| {
            sequence += 1;
            let (client, server) = (world.client(desk), world.lan(ROUTER, 53));
            let r = &mut world.random;
            let name = format!("{}.{}.{sequence:x}.{ZONE}", text(40 + r.below(23), r), text(30 + r.below(30), r));
            let mut data = Vec::new();
            for _ in 0..=r.below(2) {
                let part = text(60 + r.below(120), r);
                data.push(part.len() as u8);
                data.extend_from_slice(part.as_bytes());
            }
            let (id, wait) = (r.bits() as u16, r.jitter_ns(35 * MS, 0.3));
            let answer = [dns::Record::answer(dns::TXT, 1, data)];
            Exchange::new(client, server)
                .then(now, 0, Packet::Udp(dns::query(id, &name, dns::TXT)))
                .then(now + wait, 1, Packet::Udp(dns::response(id, dns::NO_ERROR, &name, dns::TXT, &answer)))
                .label(label)
                .start(world);
        });
        let takes = series.length_ns();
        world.spawn(now, series);
        takes
    }
}

/// Random base32 (RFC 4648), lower case.
fn text(len: usize, r: &mut Random) -> String {
    const ALPHABET: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";
    (0..len).map(|_| char::from(*r.pick(ALPHABET))).collect()
}
