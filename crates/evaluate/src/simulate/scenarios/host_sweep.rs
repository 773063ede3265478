//! A sweep for file shares: an infected workstation asks port 445 of every address of the branch office behind the
//! router. Few addresses are in use, fewer answer.

use super::super::tcp::{CLIENT, Outcome, Session};
use super::super::world::World;
use super::series::Series;
use super::{Scenario, ScenarioInfo, Tempo};
use record::Kind;
use std::net::Ipv4Addr;

const MS: i64 = 1_000_000;
const PORT: u16 = 445;

/// The scenario.
pub(super) struct HostSweep;

impl Scenario for HostSweep {
    fn info(&self) -> ScenarioInfo {
        ScenarioInfo::attack("host_sweep", Kind::HostSweep, "one port asked of 254 addresses of a neighbouring network")
    }
    fn launch(&self, now: i64, world: &mut World, tempo: Tempo) -> i64 {
        let attacker = world.desk();
        let ip = world.hosts[attacker].v4.into();
        let label = world.new_label(now, Kind::HostSweep, ip, None, Some(PORT));
        let gap_ns = if tempo == Tempo::Demo { (30 * MS, 60 * MS) } else { (50 * MS, 250 * MS) };
        let mut address = 0u8;
        let series = Series::new(254, gap_ns, move |now, world| {
            address += 1;
            let client = world.client(attacker);
            let target = world.outside(Ipv4Addr::new(10, 30, 0, address).into(), PORT);
            let outcome = match world.random.below(100) {
                0..4 => Outcome::Reset(CLIENT),
                4..16 => Outcome::Refused,
                _ => Outcome::Silent(2),
            };
            let latency = [80_000, world.random.jitter_ns(9 * MS, 0.1)];
            let probe = Session::new(world, client, target, latency, Vec::new().into_iter());
            world.spawn(now, probe.outcome(outcome).label(label));
        });
        let takes = series.length_ns();
        world.spawn(now, series);
        takes
    }
}
