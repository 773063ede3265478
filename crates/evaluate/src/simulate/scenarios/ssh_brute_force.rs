//! Password guessing over SSH from the Internet on the file server: many short connections, none gets in.

use super::super::protocols::ssh;
use super::super::tcp::{Outcome, SERVER, Session};
use super::super::world::{FILES, World};
use super::series::Series;
use super::{Scenario, ScenarioInfo, Tempo};
use record::Kind;
use std::net::Ipv4Addr;

const MS: i64 = 1_000_000;

/// The scenario.
pub(super) struct SshBruteForce;

impl Scenario for SshBruteForce {
    fn info(&self) -> ScenarioInfo {
        ScenarioInfo::attack(
            "ssh_brute_force",
            Kind::BruteForce,
            "password guesses over SSH, several connections at once",
        )
    }
    fn launch(&self, now: i64, world: &mut World, tempo: Tempo) -> i64 {
        let attacker = Ipv4Addr::new(198, 51, 100, 200 + world.random.below(30) as u8).into();
        let target = world.hosts[FILES].v4.into();
        let label = world.new_label(now, Kind::BruteForce, attacker, Some(target), Some(22));
        let count = if tempo == Tempo::Demo { 45 } else { 200 };
        let mut port = 33_000 + world.random.below(9000) as u16;
        let series = Series::new(count, (300 * MS, 650 * MS), move |now, world| {
            port += 2;
            let (client, server) = (world.outside(attacker, port), world.lan(FILES, 22));
            let tries = 1 + world.random.below(3);
            let steps = ssh::guess(tries, &mut world.random).into_iter();
            let latency = [world.random.jitter_ns(45 * MS, 0.1), 150_000];
            let end = if tries == 3 { Outcome::Fin(SERVER) } else { Outcome::Fin(0) };
            let session = Session::new(world, client, server, latency, steps).outcome(end).label(label);
            world.spawn(now, session);
        });
        let takes = series.length_ns();
        world.spawn(now, series);
        takes
    }
}
