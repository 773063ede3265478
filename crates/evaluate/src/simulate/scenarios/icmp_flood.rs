//! An ICMP echo flood from the Internet on the file server, which answers as long as it can.

use super::super::world::{FILES, World};
use super::flood::{Flood, Shape};
use super::{Scenario, ScenarioInfo, Tempo};
use record::Kind;
use std::net::Ipv4Addr;

/// The scenario.
pub(super) struct IcmpFlood;

impl Scenario for IcmpFlood {
    fn info(&self) -> ScenarioInfo {
        ScenarioInfo::attack("icmp_flood", Kind::Flood, "large echo requests from outside, thousands a second")
    }
    fn launch(&self, now: i64, world: &mut World, tempo: Tempo) -> i64 {
        let from = world.outside(Ipv4Addr::new(198, 51, 100, 250).into(), 0);
        let to = world.lan(FILES, 0);
        let label = world.new_label(now, Kind::Flood, from.ip, Some(to.ip), None);
        let size = if tempo == Tempo::Demo { (2200.0, 5) } else { (2400.0, 15) };
        Flood::start(now, (from, to), Shape::Icmp(1000), size, label, world)
    }
}
