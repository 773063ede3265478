//! Loda (Pevný, Machine Learning 2016): many sparse random projections, a histogram of each, and the mean surprise of a
//! row's places in them. Weak views that together rank well, at the price of some additions: the cheap gate.

use super::{Detector, Diet, Member, ModelKind, normalise, reading, written};
use crate::DetectError;
use crate::random::Random;
use record::Matrix;

/// Registry line.
pub(super) const KIND: ModelKind = ModelKind {
    name: "loda",
    diet: Diet::Trimmed,
    train: |rows, seed, _| Box::new(Loda::train(rows, seed)),
    load: |bytes, columns| Ok(Box::new(Loda::load(bytes, columns)?)),
};

/// Projections.
const PROJECTIONS: usize = 100;
/// Bins of one histogram between the smallest and the largest value of training.
const BINS: usize = 64;
/// Rows projected together.
const LANES: usize = 16;
/// Deviations below this are those of a constant column, whose first change counts as one such step.
const DEVIATION_MIN: f32 = 0.05;

/// Trained projections. Score: mean of −ln(share of training rows in the same bin).
#[derive(Clone, Debug, PartialEq)]
pub struct Loda {
    columns: usize,
    /// Columns of one projection.
    taken: usize,
    /// Projections × taken.
    places: Vec<u32>,
    weights: Vec<f32>,
    /// Smallest value and bins a unit, of each projection.
    low: Vec<f32>,
    factor: Vec<f32>,
    /// Projections × (bins + 2): surprise below, within and above the histogram.
    surprises: Vec<f32>,
}

impl Loda {
    /// Learns from rows; none gives a model that finds everything alike.
    #[must_use]
    pub fn train(rows: &Matrix, seed: u64) -> Self {
        let mut random = Random::new(seed, 0x10da);
        let columns = rows.columns;
        let taken = ((columns as f64).sqrt().round() as usize).clamp(1, columns.max(1));
        let deviations = deviations(rows);
        let (mut places, mut weights) = (Vec::new(), Vec::new());
        for _ in 0..PROJECTIONS {
            let mut chosen = random.sample(columns, taken);
            chosen.sort_unstable();
            weights.extend(chosen.iter().map(|column| random.normal() / deviations[*column]));
            places.extend(chosen.iter().map(|column| *column as u32));
        }
        let zeros = vec![0.0; PROJECTIONS];
        let mut loda = Self { columns, taken, places, weights, low: zeros.clone(), factor: zeros, surprises: vec![] };
        // Column by column: each projection reads few of them, whole.
        let column = |column: usize| rows.values.iter().skip(column).step_by(columns.max(1));
        let turned: Vec<f32> = (0..columns).flat_map(column).map(|value| bounded(*value)).collect();
        let mut values = vec![0.0; rows.rows()];
        for projection in 0..PROJECTIONS {
            loda.project_all(projection, &turned, &mut values);
            loda.fit(projection, &values);
        }
        loda
    }

    /// One projection of all rows, which are given column by column and bounded.
    fn project_all(&self, projection: usize, turned: &[f32], values: &mut [f32]) {
        values.fill(0.0);
        let of = projection * self.taken..(projection + 1) * self.taken;
        for (place, weight) in self.places[of.clone()].iter().zip(&self.weights[of]) {
            let column = &turned[*place as usize * values.len()..][..values.len()];
            values.iter_mut().zip(column).for_each(|(sum, value)| *sum += value * weight);
        }
    }

    /// Histogram of one projection. A bin counts half of its neighbours' rows too, so that few rows give no holes.
    fn fit(&mut self, projection: usize, values: &[f32]) {
        let low = values.iter().copied().fold(f32::MAX, f32::min).min(f32::MAX);
        let high = values.iter().copied().fold(f32::MIN, f32::max);
        let width = (high - low).max(1e-3);
        self.low[projection] = if values.is_empty() { 0.0 } else { low };
        self.factor[projection] = BINS as f32 / width;
        let mut counts = [0.0_f32; BINS + 2];
        for value in values {
            let bin = ((value - low) * self.factor[projection]) as usize;
            counts[bin.min(BINS - 1) + 1] += 1.0;
        }
        let smooth = |bin: usize| counts[bin] * 0.5 + (counts[bin - 1] + counts[bin + 1]) * 0.25;
        let total = values.len() as f32 + 1.0;
        let unseen = 0.1;
        self.surprises.push((total / unseen).ln());
        self.surprises.extend((1..=BINS).map(|bin| (total / smooth(bin).max(unseen)).ln()));
        self.surprises.push((total / unseen).ln());
    }

    fn project(&self, projection: usize, row: &[f32]) -> f32 {
        let of = projection * self.taken..(projection + 1) * self.taken;
        let terms = self.places[of.clone()].iter().zip(&self.weights[of]);
        terms.map(|(place, weight)| bounded(row[*place as usize]) * weight).sum()
    }

    /// Surprise of a projected value. Beyond the histogram it grows with the distance, so that far is stranger than near.
    fn surprise(&self, projection: usize, value: f32) -> f32 {
        let place = (value - self.low[projection]) * self.factor[projection];
        let surprises = &self.surprises[projection * (BINS + 2)..][..BINS + 2];
        if (0.0..=BINS as f32).contains(&place) {
            return surprises[(place as usize).min(BINS - 1) + 1];
        }
        let beyond = (-place).max(place - BINS as f32).min(1e6);
        surprises[if place < 0.0 { 0 } else { BINS + 1 }] + (1.0 + beyond / BINS as f32).ln()
    }

    fn load(bytes: &[u8], columns: usize) -> Result<Self, DetectError> {
        reading(bytes, |reader| {
            let columns_saved = reader.count(1, crate::kernels::COLUMNS_MAX, "columns")?;
            let taken = reader.count(1, columns_saved, "columns of a projection")?;
            let places = reader.u32s()?;
            let weights = reader.f32s_of(PROJECTIONS * taken, "weights")?;
            let low = reader.f32s_of(PROJECTIONS, "lows")?;
            let factor = reader.f32s_of(PROJECTIONS, "factors")?;
            let surprises = reader.f32s_of(PROJECTIONS * (BINS + 2), "surprises")?;
            let sound = columns == columns_saved
                && places.len() == PROJECTIONS * taken
                && places.iter().all(|place| (*place as usize) < columns)
                && factor.iter().all(|factor| *factor > 0.0);
            if sound {
                Ok(Self { columns, taken, places, weights, low, factor, surprises })
            } else {
                Err(DetectError::Damaged("a projection is impossible".to_owned()))
            }
        })
    }
}

impl Detector for Loda {
    fn name(&self) -> &'static str {
        KIND.name
    }

    fn members(&self) -> &'static [Member] {
        // Shares its vote with the isolation forest.
        &[Member { name: "loda", votes: true }]
    }

    fn score(&self, rows: &Matrix, out: &mut Vec<f32>) {
        out.clear();
        out.resize(rows.rows(), 0.0);
        let mut block = vec![[0.0_f32; LANES]; self.columns];
        for (group, out) in out.chunks_mut(LANES).enumerate() {
            for (lane, row) in (group * LANES..group * LANES + out.len()).enumerate() {
                block.iter_mut().zip(rows.row(row)).for_each(|(lanes, value)| lanes[lane] = bounded(*value));
            }
            for projection in 0..PROJECTIONS {
                let of = projection * self.taken..(projection + 1) * self.taken;
                let mut sums = [0.0_f32; LANES];
                for (place, weight) in self.places[of.clone()].iter().zip(&self.weights[of]) {
                    sums.iter_mut().zip(&block[*place as usize]).for_each(|(sum, value)| *sum += value * weight);
                }
                out.iter_mut().zip(sums).for_each(|(out, sum)| *out += self.surprise(projection, sum));
            }
            for sum in out.iter_mut() {
                *sum /= PROJECTIONS as f32;
            }
        }
    }

    /// For each column: how much more surprise the projections with it see than those without it, in standard errors
    /// (Pevný's one-tailed test).
    fn attribute(&self, row: &[f32], _member: usize, shares: &mut [f32]) {
        let surprises: Vec<f64> =
            (0..PROJECTIONS).map(|at| f64::from(self.surprise(at, self.project(at, row)))).collect();
        let total: f64 = surprises.iter().sum();
        let squares: f64 = surprises.iter().map(|surprise| surprise * surprise).sum();
        let mut with = vec![(0.0_f64, 0.0_f64, 0.0_f64); shares.len()];
        for (projection, surprise) in surprises.iter().enumerate() {
            for place in &self.places[projection * self.taken..(projection + 1) * self.taken] {
                let (count, sum, square) = &mut with[*place as usize];
                *count += 1.0;
                *sum += surprise;
                *square += surprise * surprise;
            }
        }
        for (share, (count, sum, square)) in shares.iter_mut().zip(with) {
            let others = PROJECTIONS as f64 - count;
            let variance = |count: f64, sum: f64, square: f64| (square / count - (sum / count).powi(2)).max(1e-9);
            let gap = sum / count - (total - sum) / others;
            let error = variance(count, sum, square) / count + variance(others, total - sum, squares - square) / others;
            *share = if count < 1.0 || others < 1.0 { 0.0 } else { (gap / error.sqrt()).max(0.0) as f32 };
        }
        normalise(shares);
    }

    fn save(&self) -> Vec<u8> {
        written(|out| {
            out.u32(self.columns as u32);
            out.u32(self.taken as u32);
            out.u32s(&self.places);
            for part in [&self.weights, &self.low, &self.factor, &self.surprises] {
                out.f32s(part);
            }
        })
    }
}

/// Values beyond any real one are cut, so that no sum of them is infinite.
fn bounded(value: f32) -> f32 {
    value.clamp(-1e12, 1e12)
}

fn deviations(rows: &Matrix) -> Vec<f32> {
    let count = rows.rows().max(1) as f64;
    let of_column = |column: usize| {
        let values = || (0..rows.rows()).map(move |row| f64::from(rows.row(row)[column]));
        let mean = values().sum::<f64>() / count;
        let variance = values().map(|value| (value - mean) * (value - mean)).sum::<f64>() / count;
        (variance.sqrt() as f32).max(DEVIATION_MIN)
    };
    (0..rows.columns).map(of_column).collect()
}
