//! Calls home: an infected workstation opens the same small TLS connection every minute, 30 % more or less; or, to be seen less, 50 %.

use super::super::protocols::tls;
use super::super::tcp::Session;
use super::super::world::World;
use super::series::Series;
use super::{Scenario, ScenarioInfo, Tempo};
use record::Kind;
use std::net::Ipv4Addr;

const MS: i64 = 1_000_000;

/// The scenario.
pub(super) struct Beacon;

/// The same with a sleep of half to one and a half minutes.
pub(super) struct BeaconJittered;

impl Scenario for Beacon {
    fn info(&self) -> ScenarioInfo {
        ScenarioInfo::attack(
            "beacon",
            Kind::Beacon,
            "a small TLS connection to one server every 60 seconds, 30 % jitter",
        )
    }
    fn launch(&self, now: i64, world: &mut World, tempo: Tempo) -> i64 {
        call_home(now, world, tempo, 30)
    }
}

impl Scenario for BeaconJittered {
    fn info(&self) -> ScenarioInfo {
        ScenarioInfo::attack(
            "beacon_jittered",
            Kind::Beacon,
            "a small TLS connection to one server every 60 seconds, 50 % jitter",
        )
    }
    fn launch(&self, now: i64, world: &mut World, tempo: Tempo) -> i64 {
        call_home(now, world, tempo, 50)
    }
}

/// Begins the calls; returns about how long they take.
fn call_home(now: i64, world: &mut World, tempo: Tempo, jitter_percent: i64) -> i64 {
    let desk = world.desk();
    let server = Ipv4Addr::new(203, 0, 113, 200 + world.random.below(40) as u8).into();
    let src = world.hosts[desk].v4.into();
    let label = world.new_label(now, Kind::Beacon, src, Some(server), Some(443));
    let (count, mean) = if tempo == Tempo::Demo { (30, 4_000 * MS) } else { (60, 60_000 * MS) };
    let pauses = (mean * (100 - jitter_percent) / 100, mean * (100 + jitter_percent) / 100);
    let series = Series::new(count, pauses, move |now, world| {
        let (client, server) = (world.client(desk), world.outside(server, 443));
        let r = &mut world.random;
        let mut steps = tls::open(tls::UNUSUAL_CLIENT, "", r);
        let down = if r.chance(0.05) { 1800 } else { 104 };
        steps.extend(tls::request(236, down, MS, r));
        steps.push(tls::close(r));
        let latency = [80_000, r.jitter_ns(61 * MS, 0.05)];
        let session = Session::new(world, client, server, latency, steps.into_iter()).label(label);
        world.spawn(now, session);
    });
    let takes = series.length_ns();
    world.spawn(now, series);
    takes
}
