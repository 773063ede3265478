//! A machine that was never here: it asks for an address, announces itself and begins to use the network.
//! The label covers its arrival (DHCP, ARP, mDNS); what it does later is ordinary traffic.

use super::super::world::World;
use super::office::{arrive, visit};
use super::series::Series;
use super::{Scenario, ScenarioInfo, Tempo};
use record::Kind;

const S: i64 = 1_000_000_000;

/// The scenario.
pub(super) struct NewDevice;

impl Scenario for NewDevice {
    fn info(&self) -> ScenarioInfo {
        ScenarioInfo::attack("new_device", Kind::NewDevice, "an unknown machine takes a lease and begins to talk")
    }
    fn launch(&self, now: i64, world: &mut World, _: Tempo) -> i64 {
        let guest = world.guest();
        let label = world.new_label(now, Kind::NewDevice, world.hosts[guest].v4.into(), None, None);
        let there = arrive(now, guest, Some(label), world);
        let habits = Series::new(12, (S, 6 * S), move |now, world| visit(now, guest, world));
        let takes = habits.length_ns();
        world.spawn(there, habits);
        takes
    }
}
