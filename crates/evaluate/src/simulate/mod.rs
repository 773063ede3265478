//! Believable labelled traffic of an office and of attacks on it, as a stream of Ethernet frames in time order.
//! Owns the scenarios and their registry; takes start time and seed as values, so it knows no clock, thread or file,
//! and the same configuration gives the same bytes. No captured data is involved.

mod content;
mod engine;
mod exchange;
mod frame;
mod labels;
mod protocols;
mod random;
mod rhythm;
pub mod scans;
mod scenarios;
mod tcp;
#[cfg(test)]
mod tests;
mod world;

pub use labels::{Label, write_labels};
pub use scenarios::{ScenarioInfo, scenarios};
pub use world::HOSTS_RANGE;

use engine::Engine;
use record::Timestamp;
use rhythm::{Budget, Rhythm};
use world::World;

/// A run shorter than this is always lively; a longer one follows the day and the week.
const LIVELY_BELOW_S: f64 = 7200.0;

/// What to simulate.
#[derive(Clone, Debug, PartialEq)]
pub struct SimulateConfig {
    /// Names from [`scenarios`]; they run side by side.
    pub scenarios: Vec<String>,
    /// Length in seconds of traffic time, above 0; infinity: until the caller stops asking.
    pub duration_s: f64,
    /// Thins the background (attacks are not held back) to about this many frames a second; None: unlimited.
    pub packets_per_second_max: Option<f64>,
    /// The same seed gives the same frames.
    pub seed: u64,
    /// Time of the first moment.
    pub start: Timestamp,
    /// Machines in the office, five of them servers; within [`HOSTS_RANGE`].
    pub hosts: usize,
}

impl Default for SimulateConfig {
    /// Ten minutes of a working day's morning in an office of 25.
    fn default() -> Self {
        Self {
            scenarios: vec!["office".to_owned()],
            duration_s: 600.0,
            packets_per_second_max: None,
            seed: 1,
            start: Timestamp::from_parts(1_709_719_200, 0),
            hosts: 25,
        }
    }
}

/// Why a simulation cannot start.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum SimulateError {
    /// A name that is not in the registry.
    #[error("unknown scenario `{name}`: known are {known}")]
    UnknownScenario {
        /// What was asked for.
        name: String,
        /// All names, separated by commas.
        known: String,
    },
    /// No scenario was named.
    #[error("no scenario given: name at least one of {known}")]
    NoScenario {
        /// All names, separated by commas.
        known: String,
    },
    /// The duration is zero, negative or not a number.
    #[error("duration of {0} s: it must be above 0")]
    Duration(f64),
    /// The packet budget is too small to carry anything.
    #[error("rate of {0} packets/s: it must be at least 1")]
    Rate(f64),
    /// Too few or too many machines.
    #[error("{0} hosts: an office has {min} to {max}", min = HOSTS_RANGE.start(), max = HOSTS_RANGE.end())]
    Hosts(usize),
}

/// One frame of the simulation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SimulatedFrame {
    /// When it passes the tap.
    pub ts: Timestamp,
    /// Ethernet frame without its checksum.
    pub data: Vec<u8>,
    /// Index into [`Simulator::labels`] when it belongs to an attack.
    pub label: Option<usize>,
}

/// A running simulation: an iterator of frames in time order. Memory depends on the sessions alive (and one small label
/// for each attack episode), not on the duration.
pub struct Simulator {
    engine: Engine,
    world: World,
}

impl Simulator {
    /// Prepares the scenarios.
    ///
    /// # Errors
    /// When a scenario is unknown or a number is out of its range.
    pub fn new(config: &SimulateConfig) -> Result<Self, SimulateError> {
        let chosen = scenarios::choose(&config.scenarios)?;
        if config.duration_s.is_nan() || config.duration_s <= 0.0 {
            return Err(SimulateError::Duration(config.duration_s));
        }
        if let Some(rate) = config.packets_per_second_max.filter(|r| r.is_nan() || *r < 1.0) {
            return Err(SimulateError::Rate(rate));
        }
        if !HOSTS_RANGE.contains(&config.hosts) {
            return Err(SimulateError::Hosts(config.hosts));
        }
        let start = config.start.0;
        let end = start.saturating_add((config.duration_s * 1e9) as i64);
        let lively = config.duration_s < LIVELY_BELOW_S || chosen.iter().any(|s| s.always_lively());
        let rhythm = if lively { Rhythm::Lively } else { Rhythm::Daily };
        let budget = Budget::new(config.packets_per_second_max, start);
        let mut world = World::new(config.seed, config.hosts, end, rhythm, budget);
        for scenario in chosen {
            scenarios::begin(scenario, start, &mut world);
        }
        let mut engine = Engine::default();
        engine.adopt(start, &mut world);
        Ok(Self { engine, world })
    }

    /// Replaces `data` with the next frame and returns its time and label; None at the end. Allocates nothing itself.
    pub fn next_into(&mut self, data: &mut Vec<u8>) -> Option<(Timestamp, Option<usize>)> {
        let at = self.engine.next_frame(&mut self.world)?;
        std::mem::swap(data, &mut self.world.frame);
        Some((Timestamp(at), self.world.marked))
    }

    /// The attack episodes begun so far, in order of their start. Each `end` grows while its frames leave.
    pub fn labels(&self) -> &[Label] {
        &self.world.labels
    }
}

impl Iterator for Simulator {
    type Item = SimulatedFrame;

    fn next(&mut self) -> Option<SimulatedFrame> {
        let at = self.engine.next_frame(&mut self.world)?;
        Some(SimulatedFrame { ts: Timestamp(at), data: self.world.frame.clone(), label: self.world.marked })
    }
}
