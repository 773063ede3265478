//! What later trainings learn from: a bounded sample of the flows of the last days, one part an hour, so that nights and weekends
//! are in it as they were. Owns what may be learned: flows that the models in place find ordinary, outside open incidents, at
//! most a fifth of an hour from one host; and a held-out part without that first condition, by which a challenger is calibrated
//! and judged: it stands for all that a benign network brings.

use crate::learn::LearnConfig;
use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64Mcg;
use record::{FlowRecord, IpAddr16, Matrix, Timestamp};
use std::collections::{HashMap, HashSet, VecDeque};

/// Hours remembered: a week.
pub const HOURS_MAX: usize = 168;
/// Flows are learned from when the models in place give them more than this p-value.
const P_VALUE_MIN: f64 = 0.05;
/// Of the flows that may be held out, one in so many is.
const HELD_OUT_ONE_IN: u32 = 5;
/// Most of an hour's rows that one host may have, as a divisor.
const HOST_SHARE: usize = 5;
const NS_PER_HOUR: i64 = 3_600 * 1_000_000_000;

/// A bounded sample of one hour's flows in which each flow had the same chance, but for the bound on a host.
struct Sample {
    rows: Matrix,
    hosts: Vec<IpAddr16>,
    seen: u64,
}

impl Sample {
    fn new(columns: usize) -> Self {
        Self { rows: Matrix::with_capacity(0, columns), hosts: Vec::new(), seen: 0 }
    }

    /// Offers one flow; `quota` rows are kept.
    fn offer(&mut self, flow: &FlowRecord, quota: usize, random: &mut Pcg64Mcg) {
        self.seen += 1;
        let host = flow.src().addr;
        let kept = self.hosts.len();
        let place = if kept < quota { kept } else { random.random_range(0..self.seen) as usize };
        if place > kept || (place == kept && kept >= quota) {
            return;
        }
        let mine = self.hosts.iter().filter(|h| **h == host).count();
        let place = if mine < (quota / HOST_SHARE).max(1) {
            place
        } else {
            // A host that has its share takes the place of a flow of its own.
            let nth = random.random_range(0..mine);
            self.hosts.iter().enumerate().filter(|(_, h)| **h == host).nth(nth).map_or(kept, |(at, _)| at)
        };
        let mut row = Vec::with_capacity(self.rows.columns);
        features::flow_vector(flow, &mut row);
        if place == kept {
            self.rows.push(&row);
            self.hosts.push(host);
        } else {
            self.put(place, &row, host);
        }
    }

    fn put(&mut self, place: usize, row: &[f32], host: IpAddr16) {
        let columns = self.rows.columns;
        self.rows.values[place * columns..(place + 1) * columns].copy_from_slice(row);
        self.hosts[place] = host;
    }

    /// Lets random rows go until `quota` are left, and of the hosts that then have too many, theirs.
    fn shrink(&mut self, quota: usize, random: &mut Pcg64Mcg) {
        while self.hosts.len() > quota {
            self.remove(random.random_range(0..self.hosts.len()));
        }
        let (most, mut had) = ((quota / HOST_SHARE).max(1), HashMap::new());
        let mut at = 0;
        while at < self.hosts.len() {
            let mine = had.entry(self.hosts[at]).or_insert(0_usize);
            *mine += 1;
            if *mine > most {
                self.remove(at);
            } else {
                at += 1;
            }
        }
    }

    /// The last row takes the place of row `gone`.
    fn remove(&mut self, gone: usize) {
        let (columns, last) = (self.rows.columns, self.hosts.len() - 1);
        self.rows.values.copy_within(last * columns.., gone * columns);
        self.rows.values.truncate(last * columns);
        self.hosts.swap_remove(gone);
    }
}

struct Hour {
    number: i64,
    learn: Sample,
    held_out: Sample,
}

/// What people said of flows.
#[derive(Clone, Debug, Default)]
pub struct Said {
    /// Vectors of flows in incidents that were false positives.
    pub benign: Matrix,
    /// Vectors of flows in incidents that were attacks.
    pub attacks: Matrix,
    /// How many times a benign one counts among the rows to learn from.
    pub weight: usize,
}

/// Of the rows to learn from, at most one in so many comes from what people said.
const SAID_SHARE: usize = 10;

/// What a challenger is trained on, calibrated with and judged by; disjoint, but for what people called benign.
#[derive(Clone, Debug)]
pub struct Material {
    /// For the models, oldest hour first; what people called benign comes last.
    pub learn: Matrix,
    /// So many of them are of the older half of the time.
    pub older: usize,
    /// So many of them come from what people said.
    pub said: usize,
    /// For the last calibration.
    pub calibrate: Matrix,
    /// For the gate.
    pub judge: Matrix,
}

/// The sample of the last days.
pub struct Reservoir {
    rows_max: usize,
    hours: VecDeque<Hour>,
    random: Pcg64Mcg,
    from: Option<Timestamp>,
    until: Option<Timestamp>,
    packets: u64,
}

impl Reservoir {
    /// Empty; holds `reservoir_rows_max` rows to learn from and half as many held out.
    pub fn new(config: &LearnConfig) -> Self {
        let random = Pcg64Mcg::seed_from_u64(config.seed ^ 0x0072_6574_7261_696e);
        Self {
            rows_max: config.reservoir_rows_max,
            hours: VecDeque::new(),
            random,
            from: None,
            until: None,
            packets: 0,
        }
    }

    /// Offers a judged flow. `in_incident`: one of its hosts is part of an open incident; then nothing is learned of it.
    pub fn offer(&mut self, flow: &FlowRecord, p_value: f64, in_incident: bool) {
        if in_incident {
            return;
        }
        let number = flow.end.0.div_euclid(NS_PER_HOUR);
        self.enter(number);
        let quota = (self.rows_max / self.hours.len().max(1)).max(1);
        let Some(hour) = self.hours.iter_mut().rev().find(|h| h.number == number) else { return };
        if self.random.random_range(0..HELD_OUT_ONE_IN) == 0 {
            hour.held_out.offer(flow, (quota / 2).max(1), &mut self.random);
        } else if p_value > P_VALUE_MIN {
            hour.learn.offer(flow, quota, &mut self.random);
        }
        self.packets += flow.packets();
        self.from = Some(self.from.map_or(flow.end, |t| t.min(flow.end)));
        self.until = Some(self.until.map_or(flow.end, |t| t.max(flow.end)));
    }

    /// Begins an hour: the others give up what it needs, and the oldest goes when there are too many.
    fn enter(&mut self, number: i64) {
        if self.hours.back().is_some_and(|newest| number <= newest.number) {
            return;
        }
        let columns = features::flow_schema().features.len();
        self.hours.push_back(Hour { number, learn: Sample::new(columns), held_out: Sample::new(columns) });
        if self.hours.len() > HOURS_MAX {
            self.hours.pop_front();
        }
        let quota = (self.rows_max / self.hours.len()).max(1);
        for hour in &mut self.hours {
            hour.learn.shrink(quota, &mut self.random);
            hour.held_out.shrink((quota / 2).max(1), &mut self.random);
        }
    }

    /// Rows to learn from, and held out.
    pub fn rows(&self) -> (usize, usize) {
        self.hours.iter().fold((0, 0), |(a, b), h| (a + h.learn.hosts.len(), b + h.held_out.hosts.len()))
    }

    /// First and last flow's end, and the packets of the flows offered.
    pub fn span(&self) -> (Option<Timestamp>, Option<Timestamp>, u64) {
        (self.from, self.until, self.packets)
    }

    /// Hours of which there are rows, and hosts in them.
    pub fn strata(&self) -> (usize, usize) {
        let hosts: HashSet<IpAddr16> =
            self.hours.iter().flat_map(|h| h.learn.hosts.iter().chain(&h.held_out.hosts)).copied().collect();
        (self.hours.len(), hosts.len())
    }

    /// Most rows to learn from.
    pub fn rows_max(&self) -> usize {
        self.rows_max
    }

    /// Everything for one training. Held-out rows go to calibration and gate in turn, so that both are of all hours. Rows that are
    /// what people called attacks are nowhere; what they called benign is learned, with its weight, and calibrated with.
    pub fn material(&self, said: &Said) -> Material {
        let columns = features::flow_schema().features.len();
        let empty = || Matrix::with_capacity(0, columns);
        let mut material = Material { learn: empty(), older: 0, said: 0, calibrate: empty(), judge: empty() };
        let attacks: HashSet<Vec<u32>> = (0..said.attacks.rows()).map(|row| bits(said.attacks.row(row))).collect();
        let benign = |row: &[f32]| attacks.is_empty() || !attacks.contains(&bits(row));
        for (place, hour) in self.hours.iter().enumerate() {
            for row in rows(&hour.learn.rows).filter(|row| benign(row)) {
                material.learn.push(row);
            }
            if place < self.hours.len() / 2 {
                material.older = material.learn.rows();
            }
            for (place, row) in rows(&hour.held_out.rows).filter(|row| benign(row)).enumerate() {
                let part = if place % 2 == 0 { &mut material.calibrate } else { &mut material.judge };
                part.push(row);
            }
        }
        if self.hours.len() == 1 {
            // Rows of one hour are in no order of time; half of them still makes a control.
            material.older = material.learn.rows() / 2;
        }
        let most = material.learn.rows() / SAID_SHARE;
        for row in (0..said.weight).flat_map(|_| rows(&said.benign)).filter(|row| row.len() == columns).take(most) {
            material.learn.push(row);
            material.said += 1;
        }
        rows(&said.benign).filter(|row| row.len() == columns).for_each(|row| material.calibrate.push(row));
        material
    }
}

fn rows(matrix: &Matrix) -> impl Iterator<Item = &[f32]> {
    (0..matrix.rows()).map(|row| matrix.row(row))
}

/// A row as a key: equal when every value is the same.
fn bits(row: &[f32]) -> Vec<u32> {
    row.iter().map(|value| value.to_bits()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use record::{Endpoint, FlowKey};

    fn flow(host: u8, second: i64) -> FlowRecord {
        let end = |addr: [u8; 4], port| Endpoint { addr: IpAddr16::v4(addr), port };
        let (key, originator_low) = FlowKey::new(end([10, 0, 0, host], 40_000), end([192, 0, 2, 1], 443), 6);
        FlowRecord { key, originator_low, end: Timestamp(second * 1_000_000_000), ..FlowRecord::default() }
    }

    fn reservoir(rows: usize) -> Reservoir {
        Reservoir::new(&LearnConfig { reservoir_rows_max: rows, ..LearnConfig::default() })
    }

    #[test]
    fn strange_flows_are_held_out_only_and_incidents_are_nowhere() {
        let mut kept = reservoir(1_000);
        for n in 0..2_000 {
            kept.offer(&flow(n as u8, n), 0.5, true);
        }
        assert_eq!(kept.rows(), (0, 0));
        for n in 0..2_000 {
            kept.offer(&flow(n as u8, n), 0.01, false);
        }
        let (learn, held_out) = kept.rows();
        assert!(learn == 0 && held_out > 200, "{learn} {held_out}");
    }

    #[test]
    fn every_hour_has_the_same_share_and_no_host_more_than_a_fifth() {
        let mut kept = reservoir(1_000);
        for n in 0..40_000_i64 {
            // One host speaks nine times of ten; the first hour is ten times as busy as the others.
            let host = if n % 10 == 0 { (n / 10 % 200) as u8 } else { 250 };
            let second = if n < 20_000 { n * 3_600 / 20_000 } else { 3_600 + (n - 20_000) * 32_400 / 20_000 };
            kept.offer(&flow(host, second), 0.5, false);
        }
        assert_eq!(kept.hours.len(), 10);
        let loud = IpAddr16::v4([10, 0, 0, 250]);
        for hour in &kept.hours {
            assert!(hour.learn.hosts.len() <= 100, "{}", hour.learn.hosts.len());
            assert!(hour.learn.hosts.len() >= 40, "{}", hour.learn.hosts.len());
            let mine = hour.learn.hosts.iter().filter(|h| **h == loud).count();
            assert!(mine <= 20, "{mine} of {}", hour.learn.hosts.len());
        }
        let material = kept.material(&Said::default());
        assert_eq!(material.learn.rows(), kept.rows().0);
        assert_eq!(material.calibrate.rows() + material.judge.rows(), kept.rows().1);
        assert!(material.calibrate.rows().abs_diff(material.judge.rows()) <= 10);
    }

    #[test]
    fn what_people_called_an_attack_is_nowhere_and_what_they_called_benign_counts_more() {
        let mut kept = reservoir(1_000);
        for n in 0..6_000_i64 {
            // Every host is a kind of flow of its own here: its number of packets.
            let mut record = flow((n % 50) as u8, n);
            record.forward.packets = (n % 50) as u64 + 1;
            record.start = record.end;
            kept.offer(&record, 0.5, false);
        }
        let vector = |packets: u64| {
            let mut record = flow(0, 0);
            record.forward.packets = packets;
            crate::judge::vectors([&record].into_iter())
        };
        let (attack, benign) = (vector(8), vector(9_999));
        let count = |rows: &Matrix, row: &Matrix| super::rows(rows).filter(|r| *r == row.row(0)).count();
        let before = kept.material(&Said::default());
        assert!(count(&before.learn, &attack) > 0 && count(&before.learn, &benign) == 0);
        let said = Said { benign: benign.clone(), attacks: attack.clone(), weight: 20 };
        let after = kept.material(&said);
        for part in [&after.learn, &after.calibrate, &after.judge] {
            assert_eq!(count(part, &attack), 0);
        }
        assert_eq!((count(&after.learn, &benign), after.said, count(&after.calibrate, &benign)), (20, 20, 1));
        assert!(after.older > 0 && after.older < after.learn.rows());
        let much = kept.material(&Said { weight: 1_000_000, ..said });
        assert!(much.said * SAID_SHARE <= much.learn.rows(), "what people said never outweighs what was seen");
        assert!(kept.strata().0 == 2 && kept.strata().1 == 50, "{:?}", kept.strata());
    }

    #[test]
    fn a_week_is_the_most_and_the_oldest_hour_goes_first() {
        let mut kept = reservoir(2_000);
        for hour in 0..200_i64 {
            for n in 0..40 {
                kept.offer(&flow(n as u8, hour * 3_600 + n), 0.5, false);
            }
        }
        assert_eq!(kept.hours.len(), HOURS_MAX);
        assert_eq!(kept.hours.front().map(|h| h.number), Some(200 - HOURS_MAX as i64));
        assert!(kept.rows().0 <= 2_000);
    }
}
