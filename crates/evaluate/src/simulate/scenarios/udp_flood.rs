//! A UDP flood by an infected workstation on a host on the Internet, as a booter's bot does it.

use super::super::world::World;
use super::flood::{Flood, Shape};
use super::{Scenario, ScenarioInfo, Tempo};
use record::Kind;
use std::net::Ipv4Addr;

/// The scenario.
pub(super) struct UdpFlood;

impl Scenario for UdpFlood {
    fn info(&self) -> ScenarioInfo {
        ScenarioInfo::attack("udp_flood", Kind::Flood, "datagrams from an infected workstation, thousands a second")
    }
    fn launch(&self, now: i64, world: &mut World, tempo: Tempo) -> i64 {
        let desk = world.desk();
        let from = world.client(desk);
        let port = 27_000 + world.random.below(1000) as u16;
        let to = world.outside(Ipv4Addr::new(198, 51, 100, 240).into(), port);
        let label = world.new_label(now, Kind::Flood, from.ip, Some(to.ip), Some(port));
        let size = if tempo == Tempo::Demo { (3000.0, 5) } else { (5000.0, 15) };
        Flood::start(now, (from, to), Shape::Udp(512 + world.random.below(700)), size, label, world)
    }
}
