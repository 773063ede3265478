//! A new model of the packet level against the one in place. Owns the examination and the rule: it leaves the seconds of benign hosts
//! alone, and sees the built-in attacks no less. Trains nothing.

use crate::challenge::{Marks, allowed, blinder};
use crate::meter::MeterConfig;
use crate::packet_lesson::PacketMaterial;
use crate::packets::{sender_word, streams};
use crate::probes::observed;
use crate::sampler::PacketConfig;
use crate::simulate::SimulateError;
use detect::packet::{COLUMNS, Damped, PacketModel, SecondScore, log_columns};
use record::{Observation, PacketSample};
use std::collections::BTreeMap;

/// Attacks that are strange packet by packet or in their number.
const SCENARIOS: &[&str] = &["syn_flood", "udp_flood", "icmp_flood", "port_scan_fast", "host_sweep", "arp_spoof"];
/// Fewest host seconds of an examination.
pub const HOST_SECONDS_MIN: usize = 200;
/// p-value at and below which a host's second counts as flagged.
const FLAGGED_P_VALUE: f64 = 0.01;
/// Share of benign host seconds that may be flagged there: as for a model's own gate, because seconds of one host look alike and
/// chance moves the rate far more than it does that of flows.
const FLAGGED_MAX: f64 = 0.03;
/// Packets of one attack.
const ROWS_MAX: usize = 2_000;
/// Most evidence that one second brings, decades.
const EVIDENCE_MAX: f64 = 6.0;
/// Streams of which statistics are kept for a probe.
const STREAMS_MAX: usize = 1 << 12;

/// Packets of one attack.
#[derive(Clone, Debug)]
pub struct PacketProbe {
    /// Scenario.
    pub name: &'static str,
    /// Its packets, at most 2,000.
    pub packets: PacketMaterial,
}

/// All probes, as the packet level would see them. The same seed gives the same rows.
///
/// # Errors
/// When the simulator knows a scenario no more.
pub fn packet_probes(config: &PacketConfig, seed: u64) -> Result<Vec<PacketProbe>, SimulateError> {
    let config = MeterConfig { packets: Some(config.clone()), ..MeterConfig::default() };
    let probe = |name: &&'static str| {
        let mut damped = Damped::new(STREAMS_MAX);
        let mut packets = PacketMaterial::new(0);
        let seen = observed(name, seed, &config)?;
        let samples = seen.iter().filter_map(|seen| if let Observation::Packet(one) = seen { Some(one) } else { None });
        samples.take(ROWS_MAX).for_each(|sample| add(&mut packets, sample, &mut damped));
        Ok(PacketProbe { name, packets })
    };
    SCENARIOS.iter().map(probe).collect()
}

fn add(packets: &mut PacketMaterial, sample: &PacketSample, damped: &mut Damped) {
    let mut columns = [0.0; COLUMNS];
    let (bytes, count) = (f64::from(sample.wire_len), f64::from(sample.count));
    damped.update(sample.ts, bytes, count, &streams(sample), &mut columns);
    log_columns(&mut columns);
    packets.rows.push(&columns);
    packets.seconds.push(sample.ts.seconds());
    packets.senders.push(sender_word(sample));
}

/// p-values of what each sender did in each second, in order of time, by sender.
fn seconds(model: &PacketModel, packets: &PacketMaterial) -> BTreeMap<u64, Vec<f64>> {
    let mut pooled: BTreeMap<(u64, i64), SecondScore> = BTreeMap::new();
    let mut columns = [0.0; COLUMNS];
    for (row, (second, sender)) in packets.seconds.iter().zip(&packets.senders).enumerate() {
        columns.copy_from_slice(packets.rows.row(row));
        pooled.entry((*sender, *second)).or_default().add(model.p_value(model.score(&columns)));
    }
    let mut by_sender: BTreeMap<u64, Vec<f64>> = BTreeMap::new();
    for ((sender, _), score) in pooled {
        by_sender.entry(sender).or_default().push(model.second_p_value(score.mean()));
    }
    by_sender
}

/// Examines a model: benign host seconds flagged, and the built-in attacks. In the marks, a row is what one host sent in one second.
#[must_use]
pub fn examine_packets(
    model: &PacketModel,
    benign: &PacketMaterial,
    probes: &[PacketProbe],
    config: &PacketConfig,
) -> Marks {
    let benign: Vec<f64> = seconds(model, benign).into_values().flatten().collect();
    let flagged = benign.iter().filter(|p_value| **p_value <= FLAGGED_P_VALUE).count();
    let mut marks = Marks { benign: benign.len(), flagged, probes: probes.len(), ..Marks::default() };
    for probe in probes {
        let by_sender = seconds(model, &probe.packets);
        let p_values: Vec<f64> = by_sender.values().flatten().copied().collect();
        let decades: f64 = p_values.iter().map(|p| (-p.max(1e-12).log10()).min(EVIDENCE_MAX)).sum();
        marks.by_probe.push((probe.name, decades / p_values.len().max(1) as f64));
        if by_sender.values().any(|seconds| makes_an_alert(seconds, config)) {
            marks.probes_found.push(probe.name);
        }
    }
    marks.probe_evidence = marks.by_probe.iter().map(|(_, e)| e).sum::<f64>() / marks.probes.max(1) as f64;
    marks
}

/// Would these seconds of one sender raise an alert? As the packet level sums them up, in one go.
fn makes_an_alert(p_values: &[f64], config: &PacketConfig) -> bool {
    let mut sum = 0.0_f64;
    p_values.iter().any(|p_value| {
        sum = (sum + crate::packets::step(*p_value, config.drift)).max(0.0);
        sum >= config.threshold
    })
}

/// Host seconds that may be flagged.
#[must_use]
pub fn allowed_seconds(seconds: usize) -> f64 {
    allowed(FLAGGED_MAX, seconds)
}

/// May the challenger take the place of the model before it? `control` is the same recipe on older rows.
///
/// # Errors
/// Why not, in words.
pub fn decide_packets(
    (challenger, admitted): (&Marks, bool),
    (present, present_admitted): (&Marks, bool),
    control: Option<&Marks>,
) -> Result<String, String> {
    let (rows, flagged) = (challenger.benign, challenger.flagged);
    if rows < HOST_SECONDS_MIN {
        return Err(format!("{rows} held-out seconds of hosts are too few to judge it, {HOST_SECONDS_MIN} are needed"));
    }
    if !admitted && present_admitted {
        return Err("it flags more of its own held-out packets than it promises, the one in place does not".to_owned());
    }
    let most = allowed_seconds(rows);
    if flagged as f64 > most && flagged > present.flagged {
        return Err(format!("{flagged} of {rows} held-out seconds of hosts flagged, {most:.1} allowed"));
    }
    let others = [(Some(present), "the model in place"), (control, "the control")];
    let blind = others.into_iter().find_map(|(marks, name)| blinder(challenger, marks?, name));
    if let Some(why) = blind {
        return Err(why);
    }
    let (found, probes) = (challenger.probes_found.len(), challenger.probes);
    Ok(format!(
        "{flagged} of {rows} held-out seconds of hosts flagged ({most:.1} allowed), {found} of {probes} built-in attacks found"
    ))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn marks(flagged: usize, probes_found: &[&'static str], probe_evidence: f64) -> Marks {
        Marks {
            benign: 1_000,
            flagged,
            probes: 2,
            probes_found: probes_found.to_vec(),
            probe_evidence,
            ..Marks::default()
        }
    }

    #[test]
    fn a_quiet_challenger_that_sees_as_much_is_taken() {
        let present = marks(10, &["syn_flood", "udp_flood"], 3.0);
        let may = |challenger: &Marks| decide_packets((challenger, true), (&present, true), None);
        assert!(may(&marks(12, &["syn_flood", "udp_flood"], 2.9)).unwrap().contains("12 of 1000"));
        assert!(may(&marks(200, &["syn_flood", "udp_flood"], 4.0)).unwrap_err().contains("200 of 1000"));
        assert!(may(&marks(1, &["syn_flood", "udp_flood"], 2.0)).unwrap_err().contains("2.00 decades"));
        assert!(may(&marks(1, &["syn_flood"], 2.9)).unwrap_err().contains("udp_flood is missed"));
        let few = Marks { benign: 10, ..marks(0, &[], 3.0) };
        assert!(may(&few).unwrap_err().contains("too few"));
        let unheard = decide_packets((&marks(1, &[], 3.0), false), (&marks(1, &[], 3.0), true), None);
        assert!(unheard.unwrap_err().contains("promises"));
        let control = marks(1, &[], 9.0);
        let older = decide_packets((&marks(1, &[], 3.0), true), (&marks(1, &[], 3.0), true), Some(&control));
        assert!(older.unwrap_err().contains("with the control"));
    }

    #[test]
    fn every_probe_has_packets_and_repeats() {
        let probes = packet_probes(&PacketConfig::default(), 3).unwrap();
        for (probe, again) in probes.iter().zip(packet_probes(&PacketConfig::default(), 3).unwrap()) {
            let packets = &probe.packets;
            assert!((10..=ROWS_MAX).contains(&packets.seconds.len()), "{}: {}", probe.name, packets.seconds.len());
            assert_eq!(packets.rows.values, again.packets.rows.values, "{}", probe.name);
        }
    }
}
