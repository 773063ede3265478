//! Which columns go to which small autoencoder: agglomerative clustering by correlation distance, clusters of at most
//! `most` columns (Kitsune, section IV-C). Owns incremental correlations and the tree; knows nothing of networks.

/// Sums that correlations are computed from, one row at a time.
pub(super) struct Correlations {
    rows: f64,
    sums: Vec<f64>,
    residuals: Vec<f64>,
    squares: Vec<f64>,
    /// Columns × columns, the lower half filled.
    products: Vec<f64>,
}

impl Correlations {
    pub(super) fn new(columns: usize) -> Self {
        Self {
            rows: 0.0,
            sums: vec![0.0; columns],
            residuals: vec![0.0; columns],
            squares: vec![0.0; columns],
            products: vec![0.0; columns * columns],
        }
    }

    pub(super) fn update(&mut self, row: &[f32]) {
        let columns = self.sums.len();
        self.rows += 1.0;
        let mut residuals = vec![0.0; columns];
        for (column, value) in row.iter().enumerate() {
            self.sums[column] += f64::from(*value);
            residuals[column] = f64::from(*value) - self.sums[column] / self.rows;
            self.residuals[column] += residuals[column];
            self.squares[column] += residuals[column] * residuals[column];
        }
        for column in 0..columns {
            let products = &mut self.products[column * columns..][..=column];
            products.iter_mut().zip(&residuals).for_each(|(sum, other)| *sum += residuals[column] * other);
        }
    }

    /// 1 − correlation, not negative; a column without variance is far from all others.
    fn distance(&self, a: usize, b: usize) -> f64 {
        let (high, low) = (a.max(b), a.min(b));
        let scale = (self.squares[a] * self.squares[b]).sqrt().max(1e-100);
        (1.0 - self.products[high * self.sums.len() + low] / scale).max(0.0)
    }

    /// Groups of at most `most` columns, single linkage; every column in one group, groups in order of their first column.
    pub(super) fn groups(&self, most: usize) -> Vec<Vec<usize>> {
        let columns = self.sums.len();
        let mut pairs: Vec<(f64, usize, usize)> =
            (0..columns).flat_map(|b| (0..b).map(move |a| (a, b))).map(|(a, b)| (self.distance(a, b), a, b)).collect();
        pairs.sort_by(|x, y| x.0.total_cmp(&y.0).then((x.1, x.2).cmp(&(y.1, y.2))));
        // Joining the nearest first, and never beyond `most`, is cutting the dendrogram where a branch grows too large.
        let mut group: Vec<usize> = (0..columns).collect();
        let mut size = vec![1; columns];
        for (_, a, b) in pairs {
            let (keep, join) = (group[a].min(group[b]), group[a].max(group[b]));
            if keep != join && size[keep] + size[join] <= most {
                size[keep] += size[join];
                group.iter_mut().filter(|of| **of == join).for_each(|of| *of = keep);
            }
        }
        let members = |of: usize| (0..columns).filter(|column| group[*column] == of).collect::<Vec<_>>();
        (0..columns).map(members).filter(|members| !members.is_empty()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Random;

    #[test]
    fn columns_that_move_together_share_a_group() {
        let mut random = Random::new(1, 6);
        let mut correlations = Correlations::new(6);
        for _ in 0..2_000 {
            let (a, b) = (random.normal(), random.normal());
            let noise = random.normal() * 0.05;
            correlations.update(&[a, b, a * 2.0 + noise, b - noise, 7.0, a + noise]);
        }
        assert_eq!(correlations.groups(3), [vec![0, 2, 5], vec![1, 3, 4]]);
        assert!(correlations.distance(0, 2) < 0.01 && correlations.distance(0, 1) > 0.8);
    }

    #[test]
    fn no_group_is_larger_than_allowed_and_no_column_is_lost() {
        let mut random = Random::new(2, 6);
        let mut correlations = Correlations::new(60);
        for _ in 0..200 {
            let base = random.normal();
            let row: Vec<f32> = (0..60).map(|column| base + random.normal() * column as f32 * 0.1).collect();
            correlations.update(&row);
        }
        let groups = correlations.groups(10);
        assert!(groups.iter().all(|group| (1..=10).contains(&group.len())));
        let mut all: Vec<usize> = groups.concat();
        all.sort_unstable();
        assert_eq!(all, (0..60).collect::<Vec<_>>());
    }
}
