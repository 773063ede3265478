//! What was ever seen of each feature: of one host its lowest and highest value, of a group what all but the strangest hundredth of its rows
//! had. Knows columns, not what they mean.

use std::collections::BTreeMap;

/// Rows of a group from which on its strangest are left out.
const ROWS_TRIMMED_MIN: u32 = 20;
/// Steps in which values of groups are told apart.
const STEP: f32 = 100.0;

/// Lowest and highest value of each column.
#[derive(Clone, Debug, Default)]
pub(super) struct OwnRange {
    columns: Vec<[f32; 2]>,
}

impl OwnRange {
    pub(super) fn add(&mut self, values: &[f32]) {
        if self.columns.is_empty() {
            self.columns = values.iter().map(|value| [*value; 2]).collect();
        }
        for (range, value) in self.columns.iter_mut().zip(values) {
            *range = [range[0].min(*value), range[1].max(*value)];
        }
    }
    /// None before the first scan.
    pub(super) fn of(&self, column: usize) -> Option<[f32; 2]> {
        self.columns.get(column).copied()
    }
}

/// How often a group had each value of each column.
#[derive(Clone, Debug, Default)]
pub(super) struct GroupRange {
    rows: u32,
    columns: Vec<BTreeMap<i32, u32>>,
}

impl GroupRange {
    pub(super) fn add(&mut self, values: &[f32]) {
        self.rows += 1;
        self.columns.resize_with(values.len(), BTreeMap::new);
        for (counts, value) in self.columns.iter_mut().zip(values) {
            *counts.entry((value * STEP).round() as i32).or_default() += 1;
        }
    }
    /// None where the group has no rows.
    pub(super) fn of(&self, column: usize) -> Option<[f32; 2]> {
        let counts = self.columns.get(column)?;
        let left_out = if self.rows < ROWS_TRIMMED_MIN { 0 } else { (self.rows / 100).max(1) };
        let low = inner(counts.iter(), left_out)?;
        Some([low, inner(counts.iter().rev(), left_out)?])
    }
    /// Ranges of all columns; empty without rows.
    pub(super) fn all(&self) -> Vec<[f32; 2]> {
        (0..self.columns.len()).filter_map(|column| self.of(column)).collect()
    }
}

/// The first value after `left_out` rows.
fn inner<'a>(counts: impl Iterator<Item = (&'a i32, &'a u32)>, left_out: u32) -> Option<f32> {
    let mut seen = 0;
    for (value, rows) in counts {
        seen += rows;
        if seen > left_out {
            return Some(*value as f32 / STEP);
        }
    }
    None
}

/// How far a value lies outside.
pub(super) fn outside(value: f32, [low, high]: [f32; 2]) -> f32 {
    (low - value).max(value - high).max(0.0)
}
