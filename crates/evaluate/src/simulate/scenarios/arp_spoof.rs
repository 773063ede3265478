//! A man in the middle by ARP: a workstation tells a victim that it is the router and the router that it is the victim,
//! forwards what it receives, and sets the caches right at the end.

use super::super::engine::Activity;
use super::super::frame::{Arp, arp};
use super::super::world::{Mitm, ROUTER, World};
use super::{Scenario, ScenarioInfo, Tempo};
use record::Kind;
use std::net::Ipv4Addr;

const S: i64 = 1_000_000_000;

/// The scenario.
pub(super) struct ArpSpoof;

impl Scenario for ArpSpoof {
    fn info(&self) -> ScenarioInfo {
        ScenarioInfo::attack(
            "arp_spoof",
            Kind::ArpSpoof,
            "false ARP replies put a workstation between a victim and the router",
        )
    }
    fn launch(&self, now: i64, world: &mut World, tempo: Tempo) -> i64 {
        if world.mitm.is_some() {
            return 0; // one at a time: the segment has one router
        }
        let (attacker, mut victim) = (world.desk(), world.desk());
        while victim == attacker {
            victim = world.desk();
        }
        let (a, v, g) = (&world.hosts[attacker], &world.hosts[victim], &world.hosts[ROUTER]);
        let (macs, ips) = ([a.mac, v.mac, g.mac], [v.v4, g.v4]);
        let src = a.v4.into();
        let label = world.new_label(now, Kind::ArpSpoof, src, Some(ips[0].into()), None);
        world.mitm = Some(Mitm { victim: macs[1], attacker: macs[0], gateway: macs[2], label });
        let length = if tempo == Tempo::Demo { 20 * S } else { 120 * S };
        world.spawn(now, Spoof { macs, ips, until: now + length, to_victim: true, mending: 6, label });
        length
    }
}

struct Spoof {
    /// Attacker, victim, router.
    macs: [[u8; 6]; 3],
    /// Victim, router.
    ips: [Ipv4Addr; 2],
    until: i64,
    to_victim: bool,
    /// Correct replies still to be sent after `until`.
    mending: u32,
    label: usize,
}

impl Activity for Spoof {
    fn fire(&mut self, now: i64, world: &mut World) -> Option<i64> {
        let [attacker, victim, router] = self.macs;
        let over = now >= self.until;
        let (to, to_ip, claimed, truth) = if self.to_victim {
            (victim, self.ips[0], self.ips[1], router)
        } else {
            (router, self.ips[1], self.ips[0], victim)
        };
        let mac = if over { truth } else { attacker };
        let reply = Arp { to, operation: 2, sender: (mac, claimed), target: (to, to_ip) };
        arp(&mut world.frame, &reply);
        world.frame[6..12].copy_from_slice(&attacker);
        world.mark(Some(self.label), now);
        self.to_victim = !self.to_victim;
        if over {
            world.mitm = None;
            self.mending -= 1;
            return (self.mending > 0).then_some(now + S / 2);
        }
        Some(if self.to_victim { now + 2 * S } else { now + 1_500_000 })
    }
}
