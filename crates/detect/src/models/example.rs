//! Distance from the middle: by how many usual deviations the columns of a row lie from their medians, on average.

use super::{Detector, Diet, Member, ModelKind, normalise, reading, written};
use crate::DetectError;
use crate::random::Random;
use record::Matrix;

/// Registry line.
pub(super) const KIND: ModelKind = ModelKind {
    name: "middle_distance",
    diet: Diet::Trimmed,
    train: |rows, seed, _| Box::new(MiddleDistance::train(rows, seed)),
    load: |bytes, columns| Ok(Box::new(MiddleDistance::load(bytes, columns)?)),
};

/// Rows that the medians are taken from.
const SAMPLE_ROWS: usize = 500;
/// Deviations below this are those of a column that hardly changes.
const DEVIATION_MIN: f32 = 0.05;
/// Farthest a column counts, deviations.
const FARTHEST: f32 = 1e6;

/// Median and usual deviation of each column.
#[derive(Debug)]
struct MiddleDistance {
    medians: Vec<f32>,
    deviations: Vec<f32>,
}

impl MiddleDistance {
    fn train(rows: &Matrix, seed: u64) -> Self {
        let chosen = Random::new(seed, 0x3d).sample(rows.rows(), SAMPLE_ROWS);
        let median = |mut values: Vec<f32>| {
            values.sort_by(f32::total_cmp);
            values.get(values.len() / 2).copied().unwrap_or(0.0)
        };
        let column = |column: usize| -> Vec<f32> { chosen.iter().map(|row| rows.row(*row)[column]).collect() };
        let medians: Vec<f32> = (0..rows.columns).map(|place| median(column(place))).collect();
        let spread = |place: usize| median(column(place).iter().map(|value| (value - medians[place]).abs()).collect());
        let deviations = (0..rows.columns).map(|place| spread(place).max(DEVIATION_MIN)).collect();
        Self { medians, deviations }
    }

    fn load(bytes: &[u8], columns: usize) -> Result<Self, DetectError> {
        reading(bytes, |reader| {
            let (medians, deviations) = (reader.f32s_of(columns, "medians")?, reader.f32s_of(columns, "deviations")?);
            if deviations.iter().any(|deviation| *deviation < DEVIATION_MIN) {
                return Err(DetectError::Damaged("a deviation is impossible".to_owned()));
            }
            Ok(Self { medians, deviations })
        })
    }

    fn distances<'a>(&'a self, row: &'a [f32]) -> impl Iterator<Item = f32> + 'a {
        let columns = row.iter().zip(&self.medians).zip(&self.deviations);
        columns.map(|((value, median), deviation)| ((value - median) / deviation).abs().min(FARTHEST))
    }
}

impl Detector for MiddleDistance {
    fn name(&self) -> &'static str {
        KIND.name
    }

    fn members(&self) -> &'static [Member] {
        &[Member { name: "middle_distance", votes: true }]
    }

    fn score(&self, rows: &Matrix, out: &mut Vec<f32>) {
        out.clear();
        out.extend((0..rows.rows()).map(|row| self.distances(rows.row(row)).sum::<f32>() / rows.columns.max(1) as f32));
    }

    fn attribute(&self, row: &[f32], _member: usize, shares: &mut [f32]) {
        shares.iter_mut().zip(self.distances(row)).for_each(|(share, distance)| *share = distance);
        normalise(shares);
    }

    fn save(&self) -> Vec<u8> {
        written(|out| {
            out.f32s(&self.medians);
            out.f32s(&self.deviations);
        })
    }
}
