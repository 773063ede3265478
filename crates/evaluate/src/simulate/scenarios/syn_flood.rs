//! A SYN flood from the Internet on the mail server's HTTPS port: requests that are never completed.

use super::super::world::{MAIL, World};
use super::flood::{Flood, Shape};
use super::{Scenario, ScenarioInfo, Tempo};
use record::Kind;
use std::net::Ipv4Addr;

/// The scenario.
pub(super) struct SynFlood;

impl Scenario for SynFlood {
    fn info(&self) -> ScenarioInfo {
        ScenarioInfo::attack("syn_flood", Kind::Flood, "TCP connection requests from outside, thousands a second")
    }
    fn launch(&self, now: i64, world: &mut World, tempo: Tempo) -> i64 {
        let from = world.outside(Ipv4Addr::new(203, 0, 113, 250).into(), 0);
        let to = world.lan(MAIL, 443);
        let label = world.new_label(now, Kind::Flood, from.ip, Some(to.ip), Some(443));
        let size = if tempo == Tempo::Demo { (3000.0, 5) } else { (4800.0, 15) };
        Flood::start(now, (from, to), Shape::Syn, size, label, world)
    }
}
