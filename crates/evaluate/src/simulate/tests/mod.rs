//! The contract of every scenario: frames with right lengths and checksums in time order, connections that begin, count
//! and end as TCP demands, the same bytes for the same seed, labels that match their frames.

#![allow(clippy::unwrap_used)]

mod contract;
mod demo;
mod parse;
mod tshark;

use super::{SimulateConfig, SimulatedFrame, Simulator};

/// A run of some scenarios.
fn config(names: &[&str], duration_s: f64, seed: u64) -> SimulateConfig {
    let scenarios = names.iter().map(|n| (*n).to_owned()).collect();
    SimulateConfig { scenarios, duration_s, seed, ..SimulateConfig::default() }
}

/// All frames of a run and the simulator after it.
fn run(config: &SimulateConfig) -> (Vec<SimulatedFrame>, Simulator) {
    let mut simulator = Simulator::new(config).unwrap();
    let frames = simulator.by_ref().collect();
    (frames, simulator)
}
