//! Robust standardisation: (x − median) / scale, clipped. The scale is the larger of 1.4826·MAD and a part of the
//! standard deviation, because the columns of sparse flags have a MAD of 0; a constant column keeps a floor, so that a
//! first change of it is strange but not infinite.

use crate::DetectError;
use crate::blob::{Reader, Writer};
use crate::kernels::{self, Lanes, Width};
use record::Matrix;

/// Smallest scale, in the unit of the encoded feature (log or ratio).
const SCALE_MIN: f32 = 0.05;
/// Part of the standard deviation that a scale keeps at least.
const DEVIATION_PART: f64 = 0.7;

/// Learned centre and inverse scale of each column.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Standardiser {
    centre: Vec<f32>,
    factor: Vec<f32>,
    clip: f32,
}

impl Standardiser {
    pub(crate) fn fit(rows: &Matrix, clip: f32) -> Self {
        let (mut centre, mut factor) = (Vec::new(), Vec::new());
        let mut column_values = Vec::with_capacity(rows.rows());
        for column in 0..rows.columns {
            column_values.clear();
            column_values.extend((0..rows.rows()).map(|row| rows.row(row)[column]));
            let (middle, scale) = centre_and_scale(&mut column_values);
            centre.push(middle);
            factor.push(1.0 / scale);
        }
        Self { centre, factor, clip }
    }

    pub(crate) fn columns(&self) -> usize {
        self.centre.len()
    }

    /// Appends one standardised row. NaN counts as far.
    pub(crate) fn push(&self, row: &[f32], out: &mut Vec<f32>) {
        let start = out.len();
        out.resize(start + row.len(), 0.0);
        self.write(row, &mut out[start..]);
    }

    /// Standardises `row` into `out` of the same length.
    pub(crate) fn write(&self, row: &[f32], out: &mut [f32]) {
        let clip = self.clip;
        for (((out, value), centre), factor) in out.iter_mut().zip(row).zip(&self.centre).zip(&self.factor) {
            let z = (value - centre) * factor;
            // Two selections instead of `clamp`, so that the loop becomes vectors and NaN takes a bound.
            let z = if z < clip { z } else { clip };
            *out = if z > -clip { z } else { -clip };
        }
    }

    /// The first rows of `rows`, standardised, a column after another; the same numbers as `write`.
    pub(crate) fn write_lanes(&self, width: Width, rows: &[f32], columns: &mut [Lanes]) {
        kernels::standardise(width, rows, &self.centre, &self.factor, self.clip, columns);
    }

    /// One that changes nothing, for rows that are standardised.
    pub(crate) fn identity(columns: usize) -> Self {
        Self { centre: vec![0.0; columns], factor: vec![1.0; columns], clip: f32::INFINITY }
    }

    /// All rows, standardised.
    pub(crate) fn apply(&self, rows: &Matrix) -> Matrix {
        let mut out = Matrix::with_capacity(rows.rows(), rows.columns);
        for row in 0..rows.rows() {
            self.push(rows.row(row), &mut out.values);
        }
        out
    }

    pub(crate) fn save(&self, out: &mut Writer) {
        out.f32s(&[self.clip]);
        out.f32s(&self.centre);
        out.f32s(&self.factor);
    }

    pub(crate) fn load(reader: &mut Reader<'_>, columns: usize) -> Result<Self, DetectError> {
        let clip = reader.f32s_of(1, "clip")?[0];
        if clip.is_nan() || clip <= 0.0 {
            return Err(DetectError::Damaged("clip is not positive".to_owned()));
        }
        Ok(Self { clip, centre: reader.f32s_of(columns, "centres")?, factor: reader.f32s_of(columns, "factors")? })
    }
}

fn centre_and_scale(values: &mut [f32]) -> (f32, f32) {
    if values.is_empty() {
        return (0.0, 1.0);
    }
    let n = values.len() as f64;
    let mean = values.iter().map(|v| f64::from(*v)).sum::<f64>() / n;
    let variance = values.iter().map(|v| (f64::from(*v) - mean).powi(2)).sum::<f64>() / n;
    let median = middle(values);
    for value in values.iter_mut() {
        *value = (*value - median).abs();
    }
    let deviation = 1.4826 * middle(values);
    (median, deviation.max((variance.sqrt() * DEVIATION_PART) as f32).max(SCALE_MIN))
}

fn middle(values: &mut [f32]) -> f32 {
    let place = values.len() / 2;
    *values.select_nth_unstable_by(place, f32::total_cmp).1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_few_wild_rows_do_not_move_the_centre_and_constants_survive() {
        let mut rows = Matrix::with_capacity(101, 2);
        for row in 0..101 {
            rows.push(&[if row < 3 { 1e6 } else { row as f32 }, 7.0]);
        }
        let standardiser = Standardiser::fit(&rows, 8.0);
        let mut out = Vec::new();
        standardiser.push(&[52.0, 7.0], &mut out);
        assert!(out[0].abs() < 0.1 && out[1] == 0.0, "{out:?}");
        out.clear();
        standardiser.push(&[f32::NAN, f32::INFINITY], &mut out);
        assert_eq!(out, [8.0, 8.0]);
    }
}
