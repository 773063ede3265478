//! Columns cut into at most 256 bins, so that growing a tree counts bytes instead of sorting numbers (histogram splits, as
//! LightGBM has them: Ke et al., NeurIPS 2017). Owns the cuts; knows nothing of trees or labels.

use record::Matrix;

/// Most bins of one column: a bin fits a byte.
pub(super) const BINS_MAX: usize = 256;
/// Rows that the cuts are chosen from; more add nothing to 256 quantiles.
const SAMPLE_ROWS_MAX: usize = 50_000;

/// Where each column is cut. Bin `b` of a column holds the values above `cuts[b - 1]` and at most `cuts[b]`.
pub(super) struct Cuts(Vec<Vec<f32>>);

impl Cuts {
    /// Cuts at the middle between neighbouring values: between all of them where a column has few, at quantiles else.
    pub(super) fn fit(rows: &Matrix) -> Self {
        let step = rows.rows().div_ceil(SAMPLE_ROWS_MAX).max(1);
        let of_column = |column: usize| {
            let mut values: Vec<f32> = (0..rows.rows()).step_by(step).map(|row| rows.row(row)[column]).collect();
            values.sort_by(f32::total_cmp);
            cuts_of(&values)
        };
        Self((0..rows.columns).map(of_column).collect())
    }

    /// Bins of one column.
    pub(super) fn bins(&self, column: usize) -> usize {
        self.0[column].len() + 1
    }

    /// The threshold of a split after `bin` where the next rows are in bin `next`: halfway through the empty bins between
    /// the two, as far from either side as can be. What is at most this goes left.
    pub(super) fn between(&self, column: usize, bin: usize, next: usize) -> f32 {
        let (low, high) = (self.0[column][bin], self.0[column][next - 1]);
        if next == bin + 1 { low } else { middle(low, high) }
    }

    /// Every value's bin, column after column: columns × rows bytes.
    pub(super) fn binned(&self, rows: &Matrix) -> Vec<u8> {
        let mut bins = Vec::with_capacity(rows.values.len());
        for (column, cuts) in self.0.iter().enumerate() {
            bins.extend((0..rows.rows()).map(|row| {
                let value = rows.row(row)[column];
                cuts.partition_point(|cut| *cut < value) as u8
            }));
        }
        bins
    }
}

fn cuts_of(sorted: &[f32]) -> Vec<f32> {
    let mut distinct = sorted.to_vec();
    distinct.dedup();
    if distinct.len() <= BINS_MAX {
        return distinct.windows(2).map(|pair| middle(pair[0], pair[1])).collect();
    }
    let mut cuts: Vec<f32> = Vec::with_capacity(BINS_MAX - 1);
    for bin in 1..BINS_MAX {
        let value = sorted[bin * (sorted.len() - 1) / BINS_MAX];
        // The next larger value makes the middle; a value that fills several quantiles is cut once.
        let next = distinct.partition_point(|other| *other <= value);
        let Some(next) = distinct.get(next) else { break };
        let cut = middle(value, *next);
        if cuts.last().is_none_or(|last| *last < cut) {
            cuts.push(cut);
        }
    }
    cuts
}

/// Between two values, at least the first and below the second.
fn middle(low: f32, high: f32) -> f32 {
    let middle = low + (high - low) / 2.0;
    if middle >= low && middle < high { middle } else { low }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_values_are_told_apart_exactly() {
        let rows = Matrix { values: vec![3.0, 1.0, 1.0, 2.0, 3.0, 8.0], columns: 1 };
        let cuts = Cuts::fit(&rows);
        assert_eq!(cuts.0, [vec![1.5, 2.5, 5.5]]);
        assert_eq!(cuts.binned(&rows), [2, 0, 0, 1, 2, 3]);
        assert_eq!((cuts.bins(0), cuts.between(0, 1, 2)), (4, 2.5));
        assert_eq!(cuts.between(0, 0, 3), 3.5, "halfway between 1.5 and 5.5: bins 1 and 2 are empty");
    }

    #[test]
    fn many_values_fill_all_bins_evenly_and_never_more() {
        let rows = Matrix { values: (0..10_000).map(|v| (v * v) as f32).collect(), columns: 1 };
        let cuts = Cuts::fit(&rows);
        assert_eq!(cuts.bins(0), BINS_MAX);
        let binned = cuts.binned(&rows);
        let mut counts = [0; 256];
        for bin in binned {
            counts[usize::from(bin)] += 1;
        }
        for (bin, count) in counts.into_iter().enumerate() {
            assert!((35..=45).contains(&count), "bin {bin} holds {count}");
        }
    }

    #[test]
    fn a_constant_column_has_one_bin_and_neighbouring_floats_are_cut() {
        let low = 1.0_f32;
        let high = f32::from_bits(low.to_bits() + 1);
        let rows = Matrix { values: vec![7.0, low, 7.0, high], columns: 2 };
        let cuts = Cuts::fit(&rows);
        assert_eq!(cuts.bins(0), 1);
        assert_eq!(&cuts.binned(&rows)[2..], [0, 1]);
        assert_eq!(cuts.between(1, 0, 1), low);
    }
}
