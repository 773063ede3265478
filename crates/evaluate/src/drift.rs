//! Drift of benign traffic away from what the models learned: ADWIN over the p-values of flows outside incidents, which are
//! uniform (mean 0.5) while nothing has changed. Owns the change points with when and how much, and a bounded history for the chart.

use detect::series::Adwin;
use record::Timestamp;
use std::collections::VecDeque;

/// Flows whose mean p-value is one value of the window: single flows come in bursts of their like, which no test for independent
/// values forgives.
const BLOCK_FLOWS: u32 = 64;
/// Smallest change of the mean p-value that is called drift; smaller ones are real but not worth new models.
pub const CHANGE_MIN: f64 = 0.05;
/// Chance of a false cut at one look.
const DELTA: f64 = 0.002;
/// Blocks after a cut in which the change must show.
const SETTLE_BLOCKS: u32 = 128;
/// Points of the chart; when full, neighbours are merged and each then stands for twice the time.
const HISTORY_MAX: usize = 360;
/// Time of one point at first, nanoseconds.
const STEP_NS: i64 = 10 * 1_000_000_000;
/// Changes remembered.
const CHANGES_MAX: usize = 32;

/// One change point.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Change {
    /// Capture time at which it was seen.
    pub ts: Timestamp,
    /// Mean p-value of the window before.
    pub before: f64,
    /// Mean p-value since.
    pub after: f64,
}

/// One point of the chart.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct DriftPoint {
    /// Start.
    pub ts: Timestamp,
    /// Sum of p-values.
    sum: f64,
    /// Flows.
    pub flows: u64,
}

impl DriftPoint {
    /// Mean p-value.
    #[must_use]
    pub fn mean(&self) -> f64 {
        self.sum / self.flows.max(1) as f64
    }
}

/// A cut of the window, until the window has settled.
#[derive(Clone, Copy, Debug)]
struct Cut {
    before: f64,
    ts: Timestamp,
    blocks_left: u32,
    told: bool,
}

/// The watch over one model.
#[derive(Clone, Debug)]
pub struct Drift {
    adwin: Adwin,
    block: (f64, u32),
    cut: Option<Cut>,
    changes: VecDeque<Change>,
    history: Vec<DriftPoint>,
    step_ns: i64,
    flows: u64,
    answered: u64,
    seen: u64,
    /// Values whose mean is one value of the window.
    block_values: u32,
    change_min: f64,
}

impl Default for Drift {
    fn default() -> Self {
        Self::with(BLOCK_FLOWS, CHANGE_MIN)
    }
}

impl Drift {
    /// A watch over other values from 0 to 1: the mean of `block_values` is one value of the window, and a lasting change of its mean by
    /// `change_min` is drift.
    #[must_use]
    pub fn with(block_values: u32, change_min: f64) -> Self {
        Self {
            block_values,
            change_min,
            adwin: Adwin::new(DELTA),
            block: (0.0, 0),
            cut: None,
            changes: VecDeque::new(),
            history: Vec::new(),
            step_ns: STEP_NS,
            flows: 0,
            answered: 0,
            seen: 0,
        }
    }

    /// Takes the p-value of one flow that is in no incident.
    pub fn observe(&mut self, ts: Timestamp, p_value: f64) {
        let p_value = if p_value.is_finite() { p_value.clamp(0.0, 1.0) } else { 1.0 };
        self.flows += 1;
        self.chart(ts, p_value);
        self.block.0 += p_value;
        self.block.1 += 1;
        if self.block.1 < self.block_values {
            return;
        }
        let value = self.block.0 / f64::from(self.block.1);
        self.block = (0.0, 0);
        let before = self.adwin.mean();
        if self.adwin.update(value) {
            let first = self.cut.unwrap_or(Cut { before, ts, blocks_left: 0, told: false });
            self.cut = Some(Cut { blocks_left: SETTLE_BLOCKS, ..first });
        }
        self.settle();
    }

    /// A cut drops the oldest part bucket by bucket, so that how much has changed shows only when the window has settled.
    fn settle(&mut self) {
        let Some(cut) = &mut self.cut else { return };
        let (before, after) = (cut.before, self.adwin.mean());
        if cut.told {
            self.changes.iter_mut().last().into_iter().for_each(|change| change.after = after);
        } else if (after - before).abs() >= self.change_min {
            cut.told = true;
            self.seen += 1;
            self.changes.push_back(Change { ts: cut.ts, before, after });
            if self.changes.len() > CHANGES_MAX {
                self.changes.pop_front();
            }
        }
        cut.blocks_left -= 1;
        if cut.blocks_left == 0 {
            self.cut = None;
        }
    }

    fn chart(&mut self, ts: Timestamp, p_value: f64) {
        let start = Timestamp(ts.0.div_euclid(self.step_ns) * self.step_ns);
        match self.history.last_mut() {
            // Late flows fall into the newest point: the chart is for people.
            Some(point) if start <= point.ts => {
                point.sum += p_value;
                point.flows += 1;
            }
            _ => self.history.push(DriftPoint { ts: start, sum: p_value, flows: 1 }),
        }
        if self.history.len() > HISTORY_MAX {
            self.step_ns *= 2;
            let mut merged: Vec<DriftPoint> = Vec::with_capacity(HISTORY_MAX);
            for point in &self.history {
                let start = Timestamp(point.ts.0.div_euclid(self.step_ns) * self.step_ns);
                match merged.last_mut() {
                    Some(last) if last.ts == start => {
                        last.sum += point.sum;
                        last.flows += point.flows;
                    }
                    _ => merged.push(DriftPoint { ts: start, ..*point }),
                }
            }
            self.history = merged;
        }
    }

    /// Mean p-value of the window that is of one kind; None before the first full block.
    #[must_use]
    pub fn mean(&self) -> Option<f64> {
        (self.adwin.width() > 0).then(|| self.adwin.mean())
    }

    /// Flows in that window.
    #[must_use]
    pub fn window_flows(&self) -> u64 {
        self.adwin.width() * u64::from(self.block_values)
    }

    /// Flows seen.
    #[must_use]
    pub fn flows(&self) -> u64 {
        self.flows
    }

    /// Change points, oldest first, at most 32.
    pub fn changes(&self) -> impl Iterator<Item = &Change> {
        self.changes.iter()
    }

    /// The newest change that no training has answered yet.
    #[must_use]
    pub fn unanswered(&self) -> Option<Change> {
        (self.seen > self.answered).then(|| self.changes.back().copied()).flatten()
    }

    /// A training has begun because of it.
    pub fn answer(&mut self) {
        self.answered = self.seen;
    }

    /// The chart's points, oldest first.
    #[must_use]
    pub fn history(&self) -> &[DriftPoint] {
        &self.history
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use rand::{RngExt, SeedableRng};

    fn second(n: i64) -> Timestamp {
        Timestamp::from_parts(1_700_000_000 + n, 0)
    }

    #[test]
    fn steady_traffic_is_steady_and_a_change_is_seen_with_when_and_how_much() {
        let mut random = rand_pcg::Pcg64Mcg::seed_from_u64(5);
        let mut drift = Drift::default();
        for n in 0..60_000_i64 {
            drift.observe(second(n / 10), random.random_range(0.0..1.0));
        }
        assert_eq!(drift.changes().count(), 0);
        assert!((drift.mean().unwrap() - 0.5).abs() < 0.02 && drift.unanswered().is_none());
        for n in 60_000..90_000_i64 {
            drift.observe(second(n / 10), random.random_range(0.0..0.6));
        }
        let change = drift.unanswered().unwrap();
        assert!(change.ts >= second(6_000) && change.ts < second(7_000), "{change:?}");
        assert!(change.before > 0.45 && change.after < 0.35, "{change:?}");
        assert_eq!(drift.changes().count(), 1, "one change is one");
        assert!((drift.mean().unwrap() - 0.3).abs() < 0.02);
        drift.answer();
        assert!(drift.unanswered().is_none() && drift.changes().count() >= 1);
    }

    #[test]
    fn a_small_change_is_not_called_drift() {
        let mut random = rand_pcg::Pcg64Mcg::seed_from_u64(6);
        let mut drift = Drift::default();
        for n in 0..200_000_i64 {
            let low = if n < 100_000 { 0.0 } else { 0.04 };
            drift.observe(second(n / 10), random.random_range(low..1.0));
        }
        assert!(drift.unanswered().is_none());
    }

    #[test]
    fn the_chart_keeps_every_flow_in_a_bounded_number_of_points() {
        let mut drift = Drift::default();
        for n in 0..100_000_i64 {
            drift.observe(second(n), if n % 2 == 0 { 0.0 } else { 1.0 });
        }
        assert!(drift.history().len() <= HISTORY_MAX && drift.history().len() > HISTORY_MAX / 3);
        assert_eq!(drift.history().iter().map(|p| p.flows).sum::<u64>(), 100_000);
        assert!(drift.history().windows(2).all(|w| w[0].ts < w[1].ts));
        assert!(drift.history().iter().all(|p| (p.mean() - 0.5).abs() < 0.2));
        drift.observe(second(0), f64::NAN);
        assert_eq!(drift.flows(), 100_001);
    }
}
