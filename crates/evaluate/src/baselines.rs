//! What a model must beat to be worth its price: a box plot on the packet rate, a count of distinct ports for each source, and the
//! destination port alone (Arp et al., USENIX Security 2022: a rate box plot beat the published detector on its own data). All learn from
//! the same rows as the models, and none sees a label.

use crate::rows::RowInfo;
use record::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, HashMap, VecDeque};

/// Time over which a source's distinct ports are counted.
const FAN_OUT_NS: i64 = 60 * 1_000_000_000;
/// Whiskers of the box plot (Tukey), in widths of the box.
const WHISKER: f64 = 1.5;

/// What the baselines learned.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Baselines {
    /// Upper end of the box plot of the packet rate; None without times.
    rate_max: Option<f64>,
    /// Upper end of the box plot of distinct ports; None without addresses.
    fan_out_max: Option<f64>,
    /// Rows by destination port (or service), and the surprise that 99 % of the rows stay below.
    ports: Option<Ports>,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
struct Ports {
    counts: BTreeMap<u32, u64>,
    rows: u64,
    threshold: f64,
}

/// One baseline's verdicts.
#[derive(Clone, Debug)]
pub struct BaselineScores {
    /// Name.
    pub name: &'static str,
    /// One a row.
    pub scores: Vec<f64>,
    /// Above this it calls.
    pub threshold: f64,
}

impl Ports {
    fn surprise(&self, port: u32) -> f64 {
        let count = self.counts.get(&port).map_or(0.5, |count| *count as f64);
        ((self.rows as f64 + 1.0) / count).ln()
    }
}

impl Baselines {
    /// From the rows that the models learned from, in order of time.
    #[must_use]
    pub fn learn(info: &[RowInfo]) -> Self {
        let ports =
            info.iter().map(|row| row.service_name).collect::<Option<Vec<u32>>>().filter(|ports| !ports.is_empty());
        let ports = ports.map(|ports| {
            let mut learned = Ports { rows: ports.len() as u64, ..Ports::default() };
            for port in &ports {
                *learned.counts.entry(*port).or_default() += 1;
            }
            let mut scores: Vec<f64> = ports.iter().map(|port| learned.surprise(*port)).collect();
            scores.sort_by(f64::total_cmp);
            learned.threshold = scores[(0.99 * (scores.len() - 1) as f64).round() as usize];
            learned
        });
        Self { rate_max: rates(info).map(whisker), fan_out_max: fan_outs(info).map(whisker), ports }
    }

    /// Their scores of rows in order of time; a baseline that lacks what it looks at is left out.
    #[must_use]
    pub fn judge(&self, info: &[RowInfo]) -> Vec<BaselineScores> {
        let one = |name, scores: Option<Vec<f64>>, threshold: Option<f64>| {
            scores.zip(threshold).map(|(scores, threshold)| BaselineScores { name, scores, threshold })
        };
        let ports = self.ports.as_ref().and_then(|ports| {
            let surprise = |row: &RowInfo| row.service_name.map(|port| ports.surprise(port));
            let scores = info.iter().map(surprise).collect::<Option<Vec<f64>>>();
            one("destination_port", scores, Some(ports.threshold))
        });
        let rate = one("packet_rate", rates(info), self.rate_max);
        let fan_out = one("distinct_ports", fan_outs(info), self.fan_out_max);
        [rate, fan_out, ports].into_iter().flatten().collect()
    }
}

/// Upper quartile and one and a half boxes.
fn whisker(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    let at = |share: f64| {
        values.get((share * values.len().saturating_sub(1) as f64).round() as usize).copied().unwrap_or(0.0)
    };
    at(0.75) + WHISKER * (at(0.75) - at(0.25))
}

/// Packets in the second in which each row began: measured, or those of the rows that began in it (rows themselves, where packets
/// are not counted).
fn rates(info: &[RowInfo]) -> Option<Vec<f64>> {
    if !info.is_empty() && info.iter().all(|row| row.rate.is_some()) {
        return info.iter().map(|row| row.rate).collect();
    }
    let mut seconds: HashMap<i64, f64> = HashMap::new();
    for row in info {
        *seconds.entry(row.start?.seconds()).or_default() += row.packets.max(1.0);
    }
    info.iter()
        .map(|row| row.start.and_then(|start| seconds.get(&start.seconds()).copied()))
        .collect::<Option<Vec<f64>>>()
        .filter(|r| !r.is_empty())
}

/// Distinct pairs of destination and port that each row's source asked within the last minute.
fn fan_outs(info: &[RowInfo]) -> Option<Vec<f64>> {
    if !info.is_empty() && info.iter().all(|row| row.fan_out.is_some()) {
        return info.iter().map(|row| row.fan_out).collect();
    }
    let mut sources: HashMap<u64, Recent> = HashMap::new();
    let mut order: Vec<(Timestamp, usize)> =
        info.iter().enumerate().map(|(place, row)| Some((row.start?, place))).collect::<Option<_>>()?;
    order.sort_unstable();
    let mut out = vec![0.0; info.len()];
    for (start, place) in order {
        let row = &info[place];
        let asked = (row.destination.map_or(0, |party| party.id), row.destination_port.unwrap_or(0));
        out[place] = sources.entry(row.source?.id).or_default().ask(start, asked) as f64;
    }
    (!out.is_empty()).then_some(out)
}

/// What one source asked within the last minute.
#[derive(Default)]
struct Recent {
    asked: VecDeque<(Timestamp, (u64, u16))>,
    times: HashMap<(u64, u16), u32>,
}

impl Recent {
    fn ask(&mut self, now: Timestamp, asked: (u64, u16)) -> usize {
        while let Some((then, old)) = self.asked.front().copied().filter(|(then, _)| now.since(*then) > FAN_OUT_NS) {
            debug_assert!(then <= now);
            self.asked.pop_front();
            if let Some(times) = self.times.get_mut(&old) {
                *times -= 1;
                if *times == 0 {
                    self.times.remove(&old);
                }
            }
        }
        self.asked.push_back((now, asked));
        *self.times.entry(asked).or_default() += 1;
        self.times.len()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::rows::Party;

    fn row(second: i64, source: &str, port: u16, packets: f64) -> RowInfo {
        RowInfo {
            start: Some(Timestamp::from_parts(second, 0)),
            source: Party::from_text(source),
            destination: Party::from_text("10.9.9.9"),
            destination_port: Some(port),
            service_name: Some(u32::from(port)),
            packets,
            ..RowInfo::default()
        }
    }

    #[test]
    fn each_looks_at_its_one_thing() {
        let train: Vec<RowInfo> =
            (0..200).map(|s| row(s, "10.0.0.1", if s % 2 == 0 { 80 } else { 443 }, 5.0)).collect();
        let learned = Baselines::learn(&train);
        let test =
            [row(1000, "10.0.0.2", 80, 900.0), row(1001, "10.0.0.2", 31337, 4.0), row(1100, "10.0.0.2", 443, 5.0)];
        let found = learned.judge(&test);
        let names: Vec<&str> = found.iter().map(|baseline| baseline.name).collect();
        assert_eq!(names, ["packet_rate", "distinct_ports", "destination_port"]);
        assert_eq!(found[0].scores, [900.0, 4.0, 5.0]);
        assert_eq!(found[1].scores, [1.0, 2.0, 1.0]);
        assert!(found[0].scores[0] > found[0].threshold && found[0].scores[2] <= found[0].threshold);
        assert!(found[2].scores[1] > found[2].threshold && found[2].scores[0] <= found[2].threshold);
    }

    #[test]
    fn without_times_or_addresses_there_is_no_such_baseline() {
        let bare = [RowInfo { service_name: Some(80), ..RowInfo::default() }; 20];
        let found = Baselines::learn(&bare).judge(&bare);
        assert_eq!(found.iter().map(|baseline| baseline.name).collect::<Vec<_>>(), ["destination_port"]);
        assert!(Baselines::learn(&[]).judge(&bare).is_empty());
    }
}
