//! The background: an office at work. Owns each machine's habits and their frequency; what is said is in `protocols`.

mod web;

use super::super::engine::Activity;
use super::super::world::{FIRST_DESK, World};
use super::{Scenario, ScenarioInfo, Tempo};

/// The scenario.
pub(super) struct Office;

impl Scenario for Office {
    fn info(&self) -> ScenarioInfo {
        ScenarioInfo::collection("office", "an office at work: names, web, mail, files, printing, shells, clocks, backups")
    }
    fn launch(&self, start: i64, world: &mut World, _: Tempo) -> i64 {
        for host in FIRST_DESK..world.hosts.len() {
            let at = start + world.random.gap_ns(DESK_PAUSE_S / 3.0);
            world.spawn(at, Desk { host });
        }
        0
    }
}

/// Mean pause between two things a busy workstation does, seconds.
const DESK_PAUSE_S: f64 = 5.0;

/// A workstation and who sits there.
struct Desk {
    host: usize,
}

impl Activity for Desk {
    fn fire(&mut self, now: i64, world: &mut World) -> Option<i64> {
        if world.budget.may_start() {
            web::browse(now, self.host, world);
        }
        let pause = DESK_PAUSE_S / world.rhythm.level(now);
        Some(now + world.random.gap_ns(pause.min(900.0)))
    }
}
