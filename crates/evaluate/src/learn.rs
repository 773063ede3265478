//! What the models learn from: a bounded, seeded reservoir of feature vectors with the progress of the warm-up. Owns when there is
//! enough; trains nothing by itself.

use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64Mcg;
use record::{FlowBrief, FlowRecord, Matrix, Timestamp};
use serde::{Deserialize, Serialize};

/// Learning from live traffic.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LearnConfig {
    /// Flows before the first training.
    pub flows_min: u64,
    /// Capture time before the first training, seconds.
    pub duration_min_s: u64,
    /// Vectors kept to learn from; beyond it, each flow seen has the same chance to be kept.
    pub reservoir_rows_max: usize,
    /// Same seed and same traffic, same models.
    pub seed: u64,
    /// Shortest time between two trainings that drift asks for, hours.
    pub drift_pause_h: f64,
    /// How many times a flow of an incident that a person called a false positive counts among those to learn from.
    pub false_positive_weight: usize,
}

impl Default for LearnConfig {
    fn default() -> Self {
        Self {
            flows_min: 2_000,
            duration_min_s: 900,
            reservoir_rows_max: 20_000,
            seed: 1,
            drift_pause_h: 1.0,
            false_positive_weight: 20,
        }
    }
}

/// How far the warm-up is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LearnProgress {
    /// Flows seen.
    pub flows: u64,
    /// Flows needed.
    pub flows_needed: u64,
    /// Capture time since the first flow, seconds.
    pub elapsed_s: u64,
    /// Capture time needed, seconds.
    pub needed_s: u64,
    /// The smaller of both shares, 0 … 1.
    pub fraction: f64,
    /// Capture time to go at the pace so far, seconds; None before anything was seen.
    pub eta_s: Option<u64>,
}

/// The reservoir.
pub struct Learner {
    config: LearnConfig,
    rows: Matrix,
    seen: u64,
    packets: u64,
    first: Option<Timestamp>,
    last: Option<Timestamp>,
    random: Pcg64Mcg,
    row: Vec<f32>,
}

impl Learner {
    /// Empty.
    pub fn new(config: LearnConfig) -> Self {
        let columns = features::flow_schema().features.len();
        Self {
            config,
            rows: Matrix::with_capacity(0, columns),
            seen: 0,
            packets: 0,
            first: None,
            last: None,
            random: Pcg64Mcg::seed_from_u64(config.seed),
            row: Vec::new(),
        }
    }

    /// Takes new settings while it runs; what was kept stays.
    pub fn reconfigure(&mut self, config: LearnConfig) {
        self.config = config;
    }

    /// Offers one flow to the reservoir (Vitter's algorithm R).
    pub fn learn(&mut self, flow: &FlowRecord) {
        self.offer(&flow.brief(), |row| features::flow_vector(flow, row));
    }

    /// Like `learn`, with the flow's vector at hand.
    pub(crate) fn learn_vector(&mut self, flow: &FlowBrief, vector: &[f32]) {
        self.offer(flow, |row| row.extend_from_slice(vector));
    }

    fn offer(&mut self, flow: &FlowBrief, vector: impl FnOnce(&mut Vec<f32>)) {
        self.seen += 1;
        self.packets += flow.packets;
        self.first = Some(self.first.map_or(flow.end, |t| t.min(flow.end)));
        self.last = Some(self.last.map_or(flow.end, |t| t.max(flow.end)));
        let full = self.rows.rows() >= self.config.reservoir_rows_max;
        let slot = if full { self.random.random_range(0..self.seen) as usize } else { self.rows.rows() };
        if full && slot >= self.rows.rows() {
            return;
        }
        self.row.clear();
        vector(&mut self.row);
        if full {
            let columns = self.rows.columns;
            self.rows.values[slot * columns..(slot + 1) * columns].copy_from_slice(&self.row);
        } else {
            self.rows.push(&self.row);
        }
    }

    /// The vectors kept.
    pub fn rows(&self) -> &Matrix {
        &self.rows
    }

    /// Flows and packets offered, and the last flow's end.
    pub fn seen(&self) -> (u64, u64, Option<Timestamp>) {
        (self.seen, self.packets, self.last)
    }

    /// The warm-up at capture time `now`.
    pub fn progress(&self, now: Timestamp) -> LearnProgress {
        let elapsed_s = self.first.map_or(0, |first| now.since(first).max(0) as u64 / 1_000_000_000);
        let share = |have: u64, need: u64| if need == 0 { 1.0 } else { (have as f64 / need as f64).min(1.0) };
        let by_flows = share(self.seen, self.config.flows_min);
        let by_time = share(elapsed_s, self.config.duration_min_s);
        let fraction = by_flows.min(by_time);
        let eta_s = (self.seen > 0).then(|| {
            let time = self.config.duration_min_s.saturating_sub(elapsed_s);
            let flows =
                self.config.flows_min.saturating_sub(self.seen) as f64 * elapsed_s.max(1) as f64 / self.seen as f64;
            time.max(flows as u64)
        });
        LearnProgress {
            flows: self.seen,
            flows_needed: self.config.flows_min,
            elapsed_s,
            needed_s: self.config.duration_min_s,
            fraction,
            eta_s,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_reservoir_is_bounded_and_progress_needs_both_flows_and_time() {
        let mut learner = Learner::new(LearnConfig {
            flows_min: 100,
            duration_min_s: 10,
            reservoir_rows_max: 50,
            ..LearnConfig::default()
        });
        for i in 0..200_i64 {
            learner.learn(&FlowRecord { end: Timestamp(i * 10_000_000), ..FlowRecord::default() });
        }
        assert_eq!(learner.rows().rows(), 50);
        let progress = learner.progress(Timestamp(2_000_000_000));
        assert_eq!((progress.flows, progress.elapsed_s), (200, 2));
        assert!((progress.fraction - 0.2).abs() < 1e-9, "{progress:?}");
        assert_eq!(progress.eta_s, Some(8));
        assert_eq!(learner.progress(Timestamp(10_000_000_000)).fraction, 1.0);
    }
}
