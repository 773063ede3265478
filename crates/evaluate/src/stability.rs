//! Is each feature still spread as it was in training? The population stability index (PSI) of live rows against the rows that the models
//! learned: Σ (a − e)·ln(a / e) over bins of the training's deciles, a the live share and e the learned one (Siddiqi, Credit Risk
//! Scorecards, 2006; the sum is Kullback and Leibler's in both directions). Owns the bins, the counts and the usual cut-offs.

use crate::drift::Drift;
use detect::Ensemble;
use record::{Matrix, Timestamp};
use serde::{Deserialize, Serialize};

/// Below it a feature is stable.
pub const MODERATE: f64 = 0.1;
/// From here on it has shifted.
pub const SHIFTED: f64 = 0.25;
/// Cuts of a column at most: nine deciles, and one below the smallest value that was learned.
const CUTS_MAX: usize = 10;
/// Live rows of one generation; the index is over one or two of them.
const GENERATION_ROWS: u64 = 4_096;
/// Fewest live rows of which an index is told: with ten bins, chance alone gives (10 − 1)/1,024 ≈ 0.01.
pub const ROWS_MIN: u64 = 1_024;
/// Rows whose mean index is one value for ADWIN.
const BLOCK_ROWS: u64 = 512;
/// Change of the mean over all features that is called drift: every feature moderately, or some very far.
const CHANGE_MIN: f64 = 0.1;
/// Added to every bin, so that an empty one is rare and not impossible.
const SMOOTHING: f64 = 0.5;
/// Name of the bins in the models' file.
const ATTACHED: &str = "stability";

/// One column's bins: up to each cut, and beyond the last.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Bins {
    cuts: Vec<f32>,
    learned: Vec<u32>,
}

impl Bins {
    fn learn(mut values: Vec<f32>) -> Self {
        values.sort_by(f32::total_cmp);
        let mut cuts: Vec<f32> = values.first().map(|least| least.next_down()).into_iter().collect();
        let last = values.len().saturating_sub(1);
        cuts.extend((1..10).filter_map(|tenth| values.get(last * tenth / 10).copied()));
        cuts.dedup();
        let mut bins = Self { learned: vec![0; cuts.len() + 1], cuts };
        for value in values {
            let bin = bins.of(value);
            bins.learned[bin] += 1;
        }
        bins
    }

    fn of(&self, value: f32) -> usize {
        self.cuts.partition_point(|cut| *cut < value)
    }

    fn is_sound(&self) -> bool {
        self.cuts.len() <= CUTS_MAX && self.learned.len() == self.cuts.len() + 1 && self.cuts.is_sorted()
    }

    /// The index of these live counts.
    fn index(&self, live: &[u32]) -> f64 {
        let bins = self.learned.len() as f64;
        let all = |counts: &[u32]| counts.iter().map(|n| f64::from(*n)).sum::<f64>() + SMOOTHING * bins;
        let (expected, actual) = (all(&self.learned), all(live));
        let pairs = self.learned.iter().zip(live);
        pairs
            .map(|(e, a)| ((f64::from(*e) + SMOOTHING) / expected, (f64::from(*a) + SMOOTHING) / actual))
            .map(|(e, a)| (a - e) * (a / e).ln())
            .sum()
    }
}

/// How every column was spread in training; kept in the models' file.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Learned {
    rows: u64,
    columns: Vec<Bins>,
}

impl Learned {
    /// From the rows that models learn.
    #[must_use]
    pub fn learn(rows: &Matrix) -> Self {
        let column = |at: usize| Bins::learn((0..rows.rows()).map(|row| rows.row(row)[at]).collect());
        Self { rows: rows.rows() as u64, columns: (0..rows.columns).map(column).collect() }
    }

    /// Keeps it with the models that learned these rows.
    pub fn attach(&self, ensemble: &mut Ensemble) {
        ensemble.attach(ATTACHED, serde_json::to_vec(self).unwrap_or_default());
    }

    /// What models say of their rows; None for models that were trained before it was kept.
    #[must_use]
    pub fn of(ensemble: &Ensemble) -> Option<Self> {
        let kept: Self = serde_json::from_slice(ensemble.attachment(ATTACHED)?).ok()?;
        let fits = kept.columns.len() == ensemble.schema().features.len() && kept.columns.iter().all(Bins::is_sound);
        fits.then_some(kept)
    }
}

/// Live rows by bin, column after column.
type Counts = Vec<Vec<u32>>;

/// The watch over the features of one ensemble.
#[derive(Clone, Debug, Default)]
pub struct Stability {
    learned: Option<Learned>,
    now: Counts,
    before: Counts,
    block: Counts,
    rows_now: u64,
    rows_before: u64,
    rows_block: u64,
    drift: Drift,
}

impl Stability {
    /// Watches the rows of these models.
    #[must_use]
    pub fn of(ensemble: &Ensemble) -> Self {
        let learned = Learned::of(ensemble);
        let empty = |learned: &Learned| learned.columns.iter().map(|bins| vec![0; bins.learned.len()]).collect();
        let counts: Counts = learned.as_ref().map_or_else(Vec::new, empty);
        Self {
            learned,
            now: counts.clone(),
            before: counts.clone(),
            block: counts,
            drift: Drift::with(1, CHANGE_MIN),
            ..Self::default()
        }
    }

    /// Takes one live row that is in no incident.
    pub fn observe(&mut self, ts: Timestamp, row: &[f32]) {
        let Some(learned) = &self.learned else { return };
        for ((bins, value), (now, block)) in
            learned.columns.iter().zip(row).zip(self.now.iter_mut().zip(&mut self.block))
        {
            let bin = bins.of(*value);
            now[bin] += 1;
            block[bin] += 1;
        }
        self.rows_now += 1;
        self.rows_block += 1;
        if self.rows_block >= BLOCK_ROWS {
            let mean = mean(learned, &self.block);
            self.drift.observe(ts, mean);
            clear(&mut self.block);
            self.rows_block = 0;
        }
        if self.rows_now >= GENERATION_ROWS {
            std::mem::swap(&mut self.now, &mut self.before);
            self.rows_before = std::mem::take(&mut self.rows_now);
            clear(&mut self.now);
        }
    }

    /// Live rows that the indices are of.
    #[must_use]
    pub fn rows(&self) -> u64 {
        self.rows_before + self.rows_now
    }

    /// Rows learned from; None where the models do not say how they were spread.
    #[must_use]
    pub fn rows_learned(&self) -> Option<u64> {
        self.learned.as_ref().map(|learned| learned.rows)
    }

    /// The index of every column, in the schema's order; empty before there are enough rows.
    #[must_use]
    pub fn indices(&self) -> Vec<f64> {
        let Some(learned) = self.learned.as_ref().filter(|_| self.rows() >= ROWS_MIN) else { return Vec::new() };
        let counts = self.now.iter().zip(&self.before);
        let sum = |(now, before): (&Vec<u32>, &Vec<u32>)| -> Vec<u32> {
            now.iter().zip(before).map(|(a, b)| a + b).collect()
        };
        learned.columns.iter().zip(counts.map(sum)).map(|(bins, live)| bins.index(&live)).collect()
    }

    /// ADWIN over the mean index of all columns.
    #[must_use]
    pub fn drift(&self) -> &Drift {
        &self.drift
    }

    /// The same, to answer it.
    pub fn drift_mut(&mut self) -> &mut Drift {
        &mut self.drift
    }
}

fn mean(learned: &Learned, counts: &Counts) -> f64 {
    let sum: f64 = learned.columns.iter().zip(counts).map(|(bins, live)| bins.index(live)).sum();
    sum / learned.columns.len().max(1) as f64
}

fn clear(counts: &mut Counts) {
    for column in counts {
        column.fill(0);
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use detect::EnsembleConfig;
    use rand::{RngExt, SeedableRng};
    use rand_pcg::Pcg64Mcg;

    #[test]
    fn the_index_is_the_formula() {
        // Ten learned values 0 … 9: each decile one, and nothing below.
        let bins = Bins::learn((0..10).map(|n| n as f32).collect());
        assert_eq!(bins.learned.iter().sum::<u32>(), 10);
        assert_eq!((bins.of(-1.0), bins.of(100.0)), (0, bins.learned.len() - 1));
        let two = Bins { cuts: vec![0.0], learned: vec![60, 40] };
        let expected = |a: f64, e: f64| (a - e) * (a / e).ln();
        let share = |n: f64| (n + 0.5) / 101.0;
        let by_hand = expected(share(30.0), share(60.0)) + expected(share(70.0), share(40.0));
        assert!((two.index(&[30, 70]) - by_hand).abs() < 1e-12);
        assert!((by_hand - 0.375).abs() < 0.01, "0.3·ln(2) + 0.3·ln(1.75), less what the smoothing takes: {by_hand}");
        assert!(two.index(&[600, 400]).abs() < 1e-3, "the same shares");
    }

    #[test]
    fn a_constant_column_tells_when_it_is_constant_no_more() {
        let bins = Bins::learn(vec![3.0; 1_000]);
        assert!(
            bins.index(&{
                let mut live = vec![0; bins.learned.len()];
                live[bins.of(3.0)] = 500;
                live
            }) < MODERATE
        );
        for other in [2.9, 3.1] {
            let mut live = vec![0; bins.learned.len()];
            (live[bins.of(3.0)], live[bins.of(other)]) = (250, 250);
            assert!(bins.index(&live) > SHIFTED, "{other}");
        }
    }

    /// Uniform columns, the first of them moved.
    fn row(random: &mut Pcg64Mcg, moved: f32) -> Vec<f32> {
        let columns = features::flow_schema().features.len();
        (0..columns).map(|column| random.random_range(0.0..1.0) + if column == 0 { moved } else { 0.0 }).collect()
    }

    fn ensemble(random: &mut Pcg64Mcg) -> Ensemble {
        let mut rows = Matrix::with_capacity(1_000, features::flow_schema().features.len());
        (0..1_000).for_each(|_| rows.push(&row(random, 0.0)));
        let config =
            EnsembleConfig { trees: 5, autoencoder_epochs: 1, reference_rows: 64, ..EnsembleConfig::default() };
        let (mut made, _) = Ensemble::train(features::flow_schema(), &rows, 1, &config, &mut |_| {}).unwrap();
        Learned::learn(&rows).attach(&mut made);
        Ensemble::from_bytes(&made.to_bytes(), features::flow_schema()).unwrap()
    }

    #[test]
    fn the_feature_that_moved_is_told_and_forgotten_when_it_is_back() {
        let mut random = Pcg64Mcg::seed_from_u64(3);
        let mut watch = Stability::of(&ensemble(&mut random));
        assert_eq!(watch.rows_learned(), Some(1_000));
        let mut feed = |watch: &mut Stability, rows: u64, moved: f32| {
            (0..rows).for_each(|n| watch.observe(Timestamp(n as i64), &row(&mut random, moved)));
        };
        feed(&mut watch, ROWS_MIN - 1, 0.0);
        assert!(watch.indices().is_empty(), "too few to say");
        feed(&mut watch, 3_000, 0.0);
        assert!(watch.indices().iter().all(|index| (0.0..MODERATE).contains(index)), "{:?}", watch.indices());
        feed(&mut watch, 10_000, 0.4);
        let indices = watch.indices();
        assert!(indices[0] > SHIFTED && indices[1..].iter().all(|index| *index < MODERATE), "{indices:?}");
        assert!(watch.rows() < 2 * GENERATION_ROWS);
        assert!(watch.drift().unanswered().is_none(), "one feature of fifty is shown, and trains nothing");
        feed(&mut watch, 10_000, 0.0);
        assert!(watch.indices()[0] < MODERATE);
    }

    #[test]
    fn a_population_that_moves_as_a_whole_is_drift_and_models_of_before_say_nothing() {
        let mut random = Pcg64Mcg::seed_from_u64(4);
        let models = ensemble(&mut random);
        let mut watch = Stability::of(&models);
        for n in 0..60_000_i64 {
            let moved = if n < 30_000 { 0.0 } else { 0.3 };
            let values: Vec<f32> = row(&mut random, 0.0).into_iter().map(|value| value + moved).collect();
            watch.observe(Timestamp(n), &values);
        }
        let change = watch.drift().unanswered().unwrap();
        assert!(change.after - change.before >= CHANGE_MIN, "{change:?}");
        let mut without = models;
        without.attach(ATTACHED, b"[]".to_vec());
        let mut silent = Stability::of(&without);
        silent.observe(Timestamp(0), &[0.0]);
        assert!(silent.rows_learned().is_none() && silent.indices().is_empty());
    }
}
