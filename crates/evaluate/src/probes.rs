//! Built-in attack probes: flows of simulated attacks, by which new models are compared with the old ones, because a network that
//! is quiet tells nothing of what a model would miss. Owns which attacks; the traffic is `simulate`'s.

use crate::meter::{Meter, MeterConfig};
use crate::simulate::{SimulateConfig, SimulateError, Simulator};
use record::{FrameHeader, LinkType, Matrix, Observation};

/// Attacks whose flows are strange one by one or in their number.
const SCENARIOS: &[&str] = &[
    "port_scan_fast",
    "host_sweep",
    "ssh_brute_force",
    "syn_flood",
    "udp_flood",
    "dns_tunnel",
    "exfiltration",
    "beacon",
];
/// Traffic time of one probe, seconds.
const DURATION_S: f64 = 180.0;
/// Frames of an attack that are made; a flood has more than are needed.
const FRAMES_MAX: usize = 30_000;
/// Flows kept of one attack, spread over it.
const ROWS_MAX: usize = 64;
/// Frames handed to the meter at once.
const BATCH: usize = 256;

/// Flow vectors of one attack.
#[derive(Clone, Debug)]
pub struct Probe {
    /// Scenario.
    pub name: &'static str,
    /// Vectors, at most 64.
    pub rows: Matrix,
}

/// All probes. The same seed gives the same rows.
///
/// # Errors
/// When the simulator knows a scenario no more.
pub fn attack_probes(seed: u64) -> Result<Vec<Probe>, SimulateError> {
    SCENARIOS.iter().map(|name| probe(name, seed)).collect()
}

fn probe(name: &'static str, seed: u64) -> Result<Probe, SimulateError> {
    let out = observed(name, seed, &MeterConfig::default())?;
    let flows = out.iter().filter_map(|o| if let Observation::Flow(flow) = o { Some(flow.as_ref()) } else { None });
    let all = crate::judge::vectors(flows);
    let step = all.rows().div_ceil(ROWS_MAX).max(1);
    let mut rows = Matrix::with_capacity(ROWS_MAX, all.columns);
    (0..all.rows()).step_by(step).for_each(|row| rows.push(all.row(row)));
    Ok(Probe { name, rows })
}

/// What a meter sees of one attack's packets, without the traffic around it.
pub(crate) fn observed(name: &str, seed: u64, config: &MeterConfig) -> Result<Vec<Observation>, SimulateError> {
    let attack =
        SimulateConfig { scenarios: vec![name.to_owned()], duration_s: DURATION_S, seed, ..SimulateConfig::default() };
    let mut frames = Simulator::new(&attack)?.filter(|frame| frame.label.is_some()).take(FRAMES_MAX).peekable();
    let mut meter = Meter::new(config, 0, 1);
    let (mut bytes, mut headers, mut out) = (Vec::new(), Vec::new(), Vec::new());
    while frames.peek().is_some() {
        bytes.clear();
        headers.clear();
        for frame in frames.by_ref().take(BATCH) {
            let len = frame.data.len() as u32;
            let offset = bytes.len();
            let link = LinkType::ETHERNET;
            headers.push(FrameHeader { ts: frame.ts, offset, captured_len: len, wire_len: len, link, interface: 0 });
            bytes.extend_from_slice(&frame.data);
        }
        meter.batch(&bytes, &headers, &mut out);
    }
    meter.finish(&mut out);
    Ok(out)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn every_probe_has_flows_and_repeats() {
        let probes = attack_probes(3).unwrap();
        assert_eq!(probes.len(), SCENARIOS.len());
        for (probe, again) in probes.iter().zip(attack_probes(3).unwrap()) {
            assert!((1..=ROWS_MAX).contains(&probe.rows.rows()), "{}: {} flows", probe.name, probe.rows.rows());
            assert_eq!(probe.rows.values, again.rows.values, "{}", probe.name);
        }
    }
}
