//! The background: an office at work. Owns each machine's habits and their frequency; what is said is in `protocols`.

mod network;
mod services;
mod web;

pub(super) use network::arrive;

use super::super::engine::Activity;
use super::super::rhythm::Rhythm;
use super::super::world::{BACKUP, FILES, FIRST_DESK, MAIL, PRINTER, ROUTER, World};
use super::{Scenario, ScenarioInfo, Tempo};

const S: f64 = 1e9;

/// The scenario.
pub(super) struct Office;

impl Scenario for Office {
    fn info(&self) -> ScenarioInfo {
        ScenarioInfo::collection(
            "office",
            "an office at work: names, web, mail, files, printing, shells, clocks, backups",
        )
    }
    fn launch(&self, start: i64, world: &mut World, _: Tempo) -> i64 {
        for host in 0..world.hosts.len() {
            for routine in &ROUTINES {
                if (routine.who)(host) {
                    let first = (world.random.unit() * routine.every_s.min(routine.first_within_s) * S) as i64;
                    world.spawn(start + first, Repeat { host, routine });
                }
            }
        }
        for host in FIRST_DESK..world.hosts.len() {
            let at = start + world.random.gap_ns(DESK_PAUSE_S / 3.0);
            world.spawn(at, Desk { host });
            if world.rhythm == Rhythm::Daily {
                let night = Rhythm::next_hour(start, 1) + world.random.between(0, 7_200_000_000_000);
                world.spawn(night, NightlyBackup { host });
            }
        }
        0
    }
}

/// Something a machine does by itself at regular times.
struct Routine {
    who: fn(usize) -> bool,
    /// Period, seconds; each wait is spread by `jitter` either way.
    every_s: f64,
    jitter: f64,
    /// The first time comes within so many seconds, so that a short run shows it too.
    first_within_s: f64,
    act: fn(i64, usize, &mut World),
}

fn desks(host: usize) -> bool {
    host >= FIRST_DESK
}
fn all_but_router(host: usize) -> bool {
    host != ROUTER
}

/// What machines do whether or not anybody sits there.
static ROUTINES: [Routine; 11] = [
    Routine { who: all_but_router, every_s: 128.0, jitter: 0.02, first_within_s: 64.0, act: network::ask_time },
    Routine { who: all_but_router, every_s: 45.0, jitter: 0.3, first_within_s: 20.0, act: network::find_router },
    Routine { who: all_but_router, every_s: 60.0, jitter: 0.3, first_within_s: 40.0, act: network::find_router_v6 },
    Routine { who: desks, every_s: 1800.0, jitter: 0.05, first_within_s: 300.0, act: network::renew_lease },
    Routine { who: desks, every_s: 120.0, jitter: 0.5, first_within_s: 60.0, act: network::announce },
    Routine { who: desks, every_s: 90.0, jitter: 0.4, first_within_s: 60.0, act: web::report_telemetry },
    Routine { who: desks, every_s: 3600.0, jitter: 0.3, first_within_s: 400.0, act: web::update_check },
    Routine { who: |h| h == ROUTER, every_s: 60.0, jitter: 0.2, first_within_s: 10.0, act: network::advertise },
    Routine { who: |h| h == MAIL, every_s: 20.0, jitter: 0.02, first_within_s: 10.0, act: network::check_hosts },
    Routine { who: |h| h == PRINTER, every_s: 75.0, jitter: 0.2, first_within_s: 30.0, act: network::announce },
    Routine { who: |h| h == FILES, every_s: 300.0, jitter: 0.05, first_within_s: 70.0, act: services::sync_files },
];

struct Repeat {
    host: usize,
    routine: &'static Routine,
}

impl Activity for Repeat {
    fn fire(&mut self, now: i64, world: &mut World) -> Option<i64> {
        if world.budget.may_start(now) {
            (self.routine.act)(now, self.host, world);
        }
        let spread = 1.0 + self.routine.jitter * (2.0 * world.random.unit() - 1.0);
        Some(now + (self.routine.every_s * spread * S) as i64)
    }
}

/// Mean pause between two things a busy workstation does, seconds.
const DESK_PAUSE_S: f64 = 4.5;
/// Longest pause at night.
const PAUSE_MAX_S: f64 = 900.0;

/// A workstation and who sits there.
struct Desk {
    host: usize,
}

impl Activity for Desk {
    fn fire(&mut self, now: i64, world: &mut World) -> Option<i64> {
        if world.budget.may_start(now) {
            visit(now, self.host, world);
        }
        let pause = DESK_PAUSE_S / world.rhythm.level(now);
        Some(now + world.random.gap_ns(pause.min(PAUSE_MAX_S)))
    }
}

/// One thing that a person at a workstation does.
type Habit = (f64, fn(i64, usize, &mut World));

static HABITS: [Habit; 12] = [
    (48.0, web::browse),
    (13.0, web::poll),
    (7.0, web::plain),
    (9.0, services::open_files),
    (8.0, services::check_mail),
    (3.5, services::send_mail),
    (1.6, services::shell),
    (1.0, services::print),
    (2.5, network::ping_site),
    (3.0, web::mistype),
    (1.2, services::knock),
    (2.2, web::reverse_lookup),
];

/// Does one of the habits, by weight.
pub(super) fn visit(now: i64, host: usize, world: &mut World) {
    let i = world.random.weighted(&HABITS.map(|h| h.0));
    HABITS[i].1(now, host, world);
}

/// Each workstation saves its changes between one and three at night.
struct NightlyBackup {
    host: usize,
}

impl Activity for NightlyBackup {
    fn fire(&mut self, now: i64, world: &mut World) -> Option<i64> {
        services::back_up(now, self.host, BACKUP, (30, 1.5e6), world);
        Some(Rhythm::next_hour(now, 1) + world.random.between(0, 7_200_000_000_000))
    }
}
