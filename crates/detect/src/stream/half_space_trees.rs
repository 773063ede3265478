//! Half-space trees (Tan, Ting and Liu, IJCAI 2011): random trees that halve random columns, with counts of the rows of the
//! reference window and of the latest one. A row in thinly settled space is strange; after each window the latest counts
//! become the reference. Constant memory and time, no labels, forgets by itself.

use crate::DetectError;
use crate::blob::{Reader, Writer};
use crate::random::Random;
use serde::{Deserialize, Serialize};

/// Settings of the streaming model.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct HalfSpaceSettings {
    /// Trees (default 25).
    pub trees: usize,
    /// Depth (1–16, default 10: 1,023 inner nodes a tree).
    pub depth: u32,
    /// Rows of a window (default 250).
    pub window_rows: u64,
}

impl Default for HalfSpaceSettings {
    fn default() -> Self {
        Self { trees: 25, depth: 10, window_rows: 250 }
    }
}

/// Bounds of what a file may claim.
const TREES_MAX: usize = 1_000;
const COLUMNS_MAX: usize = 256;

/// A node's split; its children are at 2i and 2i + 1.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Split {
    column: u32,
    middle: f32,
}

/// The trees with their counts.
#[derive(Clone, Debug, PartialEq)]
pub struct HalfSpaceTrees {
    settings: HalfSpaceSettings,
    /// Trees × 2^depth, the root at 1.
    splits: Vec<Split>,
    /// Trees × 2^(depth + 1).
    reference: Vec<u32>,
    latest: Vec<u32>,
    /// Rows in `latest`.
    rows: u64,
    /// Rows in `reference`; 0 before there is one.
    reference_rows: u64,
}

impl HalfSpaceTrees {
    /// Trees over `columns` (at least one) columns whose usual values lie within 0 and 1; values beyond fall into the outer cells.
    #[must_use]
    pub fn new(columns: usize, seed: u64, settings: &HalfSpaceSettings) -> Self {
        let (depth, window_rows) = (settings.depth.clamp(1, 16), settings.window_rows.max(1));
        let settings = HalfSpaceSettings { depth, window_rows, ..settings.clone() };
        let mut random = Random::new(seed, 0x457);
        let inner = 1_usize << settings.depth;
        let mut splits = Vec::with_capacity(settings.trees * inner);
        for _ in 0..settings.trees {
            // The paper's work range: a random point, and twice its larger distance from the ends to either side.
            let range = |random: &mut Random| {
                let point = random.unit();
                let reach = 2.0 * point.max(1.0 - point);
                (point - reach, point + reach)
            };
            let ranges: Vec<(f32, f32)> = (0..columns).map(|_| range(&mut random)).collect();
            splits.extend(halve(&ranges, settings.depth, &mut random));
        }
        let counts = vec![0; settings.trees * 2 * inner];
        Self { settings, splits, reference: counts.clone(), latest: counts, rows: 0, reference_rows: 0 }
    }

    /// Judges a row by the reference window, then learns from it. A score within 0 and 1, higher is stranger; nothing
    /// before the first window is full.
    pub fn process(&mut self, row: &[f32]) -> Option<f32> {
        let score = self.score(row);
        self.learn(row);
        score
    }

    /// Judges a row by the reference window and learns nothing. As for `process`.
    #[must_use]
    pub fn score(&self, row: &[f32]) -> Option<f32> {
        if !self.is_ready() {
            return None;
        }
        let inner = 1_usize << self.settings.depth;
        let enough = (self.reference_rows / 10).max(1) as u32;
        let mut mass = 0.0_f64;
        for (splits, reference) in self.splits.chunks_exact(inner).zip(self.reference.chunks_exact(2 * inner)) {
            let (mut at, mut depth) = (1, 0_u32);
            // Too few rows to go on: this is the cell that speaks.
            while depth < self.settings.depth && reference[at] > enough {
                at = child(splits[at], at, row);
                depth += 1;
            }
            mass += f64::from(reference[at]) * f64::from(1_u32 << depth);
        }
        let full = self.reference_rows as f64 * f64::from(1_u32 << self.settings.depth);
        let most = full * self.settings.trees as f64;
        // Masses span decades: their logarithm is what tells cells apart.
        Some((1.0 - (1.0 + mass).ln() / (1.0 + most).ln()) as f32)
    }

    /// Learns from a row; true when with it a window was full and became the reference.
    pub fn learn(&mut self, row: &[f32]) -> bool {
        let inner = 1_usize << self.settings.depth;
        for (splits, latest) in self.splits.chunks_exact(inner).zip(self.latest.chunks_exact_mut(2 * inner)) {
            let mut at = 1;
            for _ in 0..self.settings.depth {
                latest[at] += 1;
                at = child(splits[at], at, row);
            }
            latest[at] += 1;
        }
        self.rows += 1;
        let full = self.rows >= self.settings.window_rows;
        if full {
            std::mem::swap(&mut self.reference, &mut self.latest);
            self.latest.fill(0);
            (self.reference_rows, self.rows) = (self.rows, 0);
        }
        full
    }

    /// The reference stays until so many further rows are learned, and as long from then on.
    pub(crate) fn refresh_every(&mut self, rows: u64) {
        self.latest.fill(0);
        (self.settings.window_rows, self.rows) = (rows.max(1), 0);
    }

    /// True when a window was full: rows can be judged.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        self.reference_rows > 0
    }

    /// Writes trees and reference window; the window under way is not kept.
    pub(crate) fn save(&self, out: &mut Writer) {
        out.u32(self.settings.trees as u32);
        out.u32(self.settings.depth);
        out.f64(self.settings.window_rows as f64);
        out.f64(self.reference_rows as f64);
        out.u32s(&self.splits.iter().map(|split| split.column).collect::<Vec<_>>());
        out.f32s(&self.splits.iter().map(|split| split.middle).collect::<Vec<_>>());
        out.u32s(&self.reference);
    }

    /// Reads back what `save` wrote: trees over `columns` columns that judge at once.
    pub(crate) fn load(reader: &mut Reader<'_>, columns: usize) -> Result<Self, DetectError> {
        let trees = reader.count(1, TREES_MAX, "trees")?;
        let depth = reader.count(1, 16, "depth")? as u32;
        let (window_rows, reference_rows) = (reader.f64()?, reader.f64()?);
        let (split_columns, middles, reference) = (reader.u32s()?, reader.f32s()?, reader.u32s()?);
        let inner = trees << depth;
        let sound = [window_rows, reference_rows].iter().all(|rows| (1.0..=1e9).contains(rows))
            && columns <= COLUMNS_MAX
            && split_columns.len() == inner
            && middles.len() == inner
            && reference.len() == 2 * inner
            && split_columns.iter().all(|column| (*column as usize) < columns);
        if !sound {
            return Err(DetectError::Damaged("half-space trees are impossible".to_owned()));
        }
        let splits = split_columns.into_iter().zip(middles).map(|(column, middle)| Split { column, middle }).collect();
        let settings = HalfSpaceSettings { trees, depth, window_rows: window_rows as u64 };
        let latest = vec![0; reference.len()];
        Ok(Self { settings, splits, reference, latest, rows: 0, reference_rows: reference_rows as u64 })
    }
}

#[inline]
fn child(split: Split, at: usize, row: &[f32]) -> usize {
    2 * at + usize::from(row[split.column as usize] > split.middle)
}

/// Splits of one tree, breadth first, each halving the range that its node covers.
fn halve(ranges: &[(f32, f32)], depth: u32, random: &mut Random) -> Vec<Split> {
    let mut splits = vec![Split { column: 0, middle: 0.0 }; 1 << depth];
    let mut open: Vec<Option<Vec<(f32, f32)>>> = vec![None; 1 << depth];
    open[1] = Some(ranges.to_vec());
    for node in 1..1 << depth {
        let Some(covered) = open[node].take() else { continue };
        let column = random.below(covered.len());
        let (low, high) = covered[column];
        let middle = f32::midpoint(low, high);
        splits[node] = Split { column: column as u32, middle };
        if 2 * node + 1 < 1 << depth {
            let mut left = covered.clone();
            left[column].1 = middle;
            let mut right = covered;
            right[column].0 = middle;
            open[2 * node] = Some(left);
            open[2 * node + 1] = Some(right);
        }
    }
    splits
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(random: &mut Random) -> Vec<f32> {
        (0..8).map(|column| 0.4 + 0.1 * random.normal() * (1.0 + column as f32 * 0.1)).collect()
    }

    #[test]
    fn strange_rows_score_above_the_usual_ones() {
        let mut trees = HalfSpaceTrees::new(8, 1, &HalfSpaceSettings::default());
        let mut random = Random::new(2, 2);
        let usual: Vec<f32> = (0..3_000).filter_map(|_| trees.process(&row(&mut random))).collect();
        assert_eq!(usual.len(), 2_750, "silent until the first window is full");
        let mut sorted = usual.clone();
        sorted.sort_by(f32::total_cmp);
        let limit = sorted[sorted.len() * 99 / 100];
        let mut strange = row(&mut random);
        (0..4).for_each(|column| strange[column] = 1.0);
        assert!(trees.process(&strange).is_some_and(|score| score > limit));
        assert!(usual.iter().all(|score| (0.0..=1.0).contains(score)));
    }

    #[test]
    fn what_lasts_becomes_usual() {
        let mut trees = HalfSpaceTrees::new(8, 1, &HalfSpaceSettings::default());
        let mut random = Random::new(2, 2);
        (0..1_000).for_each(|_| assert!(trees.process(&row(&mut random)).is_none_or(f32::is_finite)));
        let moved = |random: &mut Random| row(random).iter().map(|value| value + 0.4).collect::<Vec<_>>();
        let first = trees.process(&moved(&mut random)).unwrap_or(0.0);
        (0..1_000).for_each(|_| assert!(trees.process(&moved(&mut random)).is_some()));
        let later = trees.process(&moved(&mut random)).unwrap_or(1.0);
        assert!(later < first * 0.8, "{first} to {later}");
    }

    #[test]
    fn saved_trees_judge_the_same_and_cut_ones_are_refused() {
        let settings = HalfSpaceSettings { trees: 5, depth: 6, window_rows: 100 };
        let mut trees = HalfSpaceTrees::new(8, 1, &settings);
        let mut random = Random::new(2, 2);
        assert!(!(0..99).any(|_| trees.learn(&row(&mut random))) && !trees.is_ready());
        assert!(trees.learn(&row(&mut random)) && trees.is_ready());
        let mut writer = Writer::default();
        trees.save(&mut writer);
        let loaded = HalfSpaceTrees::load(&mut Reader::new(&writer.bytes), 8);
        assert_eq!(loaded.as_ref(), Ok(&trees));
        assert!(HalfSpaceTrees::load(&mut Reader::new(&writer.bytes), 3).is_err(), "a column that is not there");
        for cut in (0..writer.bytes.len()).step_by(61) {
            assert!(HalfSpaceTrees::load(&mut Reader::new(&writer.bytes[..cut]), 8).is_err(), "{cut}");
        }
    }

    #[test]
    fn a_seed_repeats_and_wild_rows_do_no_harm() {
        let settings = HalfSpaceSettings { trees: 5, depth: 6, window_rows: 20 };
        let (mut a, mut b) = (HalfSpaceTrees::new(3, 7, &settings), HalfSpaceTrees::new(3, 7, &settings));
        for value in [0.0, f32::MAX, f32::MIN, 1e-30].repeat(30) {
            let score = a.process(&[value, -value, 0.5]);
            assert_eq!(score, b.process(&[value, -value, 0.5]));
            assert!(score.is_none_or(f32::is_finite));
        }
    }
}
