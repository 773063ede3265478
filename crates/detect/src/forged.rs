//! Forged rows: what members are examined with where nobody has labelled an attack. Held-out rows some of whose columns come from
//! other rows, so that every value is ordinary and their company is not, and rows with one value beyond all that were seen. A model of
//! what is normal must rank them above the rows that they were made of; how well it does is no promise for true attacks, but a member
//! that cannot tell these apart is not asked about those (artificial outliers: Steinbuss and Böhm, ACM Computing Surveys 2021;
//! ranking against them: Goix, 2016). Owns how they are made and the area under the curve; decides nothing.

use crate::random::Random;
use record::Matrix;

/// Rows of each kind.
const ROWS_OF_A_KIND: usize = 256;
/// Share of columns that come from other rows, besides the one that always does.
const SHARES: [f32; 5] = [0.0, 0.1, 0.25, 0.5, 1.0];
/// How far beyond the largest value, in parts of the column's range.
const BEYOND: f32 = 0.5;

/// Forged rows of the same columns, not encoded; none from no rows. The same rows and seed give the same ones.
pub(crate) fn forge(rows: &Matrix, seed: u64) -> Matrix {
    let mut forged = Matrix::with_capacity((SHARES.len() + 1) * ROWS_OF_A_KIND, rows.columns);
    if rows.rows() == 0 || rows.columns == 0 {
        return forged;
    }
    let mut random = Random::new(seed, 0xf09e);
    let mut row = Vec::with_capacity(rows.columns);
    for share in SHARES {
        for _ in 0..ROWS_OF_A_KIND {
            draw(rows, &mut random, &mut row);
            let always = random.below(rows.columns);
            for (column, value) in row.iter_mut().enumerate() {
                if column == always || random.unit() < share {
                    *value = rows.row(random.below(rows.rows()))[column];
                }
            }
            forged.push(&row);
        }
    }
    let ends = ends(rows);
    for _ in 0..ROWS_OF_A_KIND {
        draw(rows, &mut random, &mut row);
        let column = random.below(rows.columns);
        let (least, most) = ends[column];
        row[column] = (most + BEYOND * (most - least) + 1.0).min(f32::MAX);
        forged.push(&row);
    }
    forged
}

fn draw(rows: &Matrix, random: &mut Random, row: &mut Vec<f32>) {
    row.clear();
    row.extend_from_slice(rows.row(random.below(rows.rows())));
}

/// Smallest and largest finite value of each column; 0 where there is none.
fn ends(rows: &Matrix) -> Vec<(f32, f32)> {
    let mut ends = vec![(f32::MAX, f32::MIN); rows.columns];
    for row in rows.values.chunks_exact(rows.columns) {
        for ((least, most), value) in ends.iter_mut().zip(row).filter(|(_, value)| value.is_finite()) {
            (*least, *most) = (least.min(*value), most.max(*value));
        }
    }
    ends.iter().map(|(least, most)| if least <= most { (*least, *most) } else { (0.0, 0.0) }).collect()
}

/// Area under the ROC curve of `strange` scores against `ordinary` ones: the chance that one of the former is higher, ties half. One
/// half where one side is empty.
pub(crate) fn ranking(ordinary: &[f32], strange: &[f32]) -> f64 {
    let mut sorted = ordinary.to_vec();
    sorted.sort_by(f32::total_cmp);
    let below = |score: &f32| {
        let lower = sorted.partition_point(|other| other < score);
        let tied = sorted.partition_point(|other| other <= score) - lower;
        lower as f64 + tied as f64 / 2.0
    };
    if ordinary.is_empty() || strange.is_empty() {
        return 0.5;
    }
    strange.iter().map(below).sum::<f64>() / (ordinary.len() as f64 * strange.len() as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows() -> Matrix {
        // The second column is the first one's double, the third never changes.
        let mut rows = Matrix::with_capacity(300, 3);
        (0..300).for_each(|n| rows.push(&[n as f32, 2.0 * n as f32, 7.0]));
        rows
    }

    #[test]
    fn forged_rows_hold_ordinary_values_in_strange_company_or_one_value_beyond() {
        let (rows, forged) = (rows(), forge(&rows(), 3));
        assert_eq!((forged.rows(), forged.columns), (6 * ROWS_OF_A_KIND, 3));
        assert_eq!(forged.values, forge(&rows, 3).values, "a seed repeats");
        assert_ne!(forged.values, forge(&rows, 4).values);
        let whole = |row: &[f32]| row[0] * 2.0 == row[1] && row[2] == 7.0;
        let parted = (0..SHARES.len() * ROWS_OF_A_KIND).map(|row| forged.row(row));
        let ordinary = |row: &&[f32]| (0.0..300.0).contains(&row[0]) && row[1] < 600.0 && row[2] == 7.0;
        assert!(parted.clone().all(|row| ordinary(&row)));
        let torn = parted.filter(|row| !whole(row)).count();
        assert!(torn > SHARES.len() * ROWS_OF_A_KIND / 2, "{torn}");
        for row in (SHARES.len() * ROWS_OF_A_KIND..forged.rows()).map(|row| forged.row(row)) {
            assert!(row[0] > 400.0 || row[1] > 800.0 || row[2] == 8.0, "{row:?}");
        }
        assert_eq!(forge(&Matrix::with_capacity(0, 3), 1).rows(), 0);
    }

    #[test]
    fn values_that_are_not_finite_do_no_harm() {
        let rows = Matrix { values: vec![f32::NAN, f32::MAX, f32::INFINITY, f32::MIN], columns: 2 };
        let forged = forge(&rows, 1);
        assert!((0..forged.rows()).any(|row| forged.row(row)[1] == f32::MAX));
    }

    #[test]
    fn the_ranking_is_the_area_under_the_curve() {
        assert_eq!(ranking(&[1.0, 2.0], &[3.0, 4.0]), 1.0);
        assert_eq!(ranking(&[1.0, 2.0], &[0.0]), 0.0);
        assert_eq!(ranking(&[1.0, 1.0], &[1.0]), 0.5);
        assert_eq!(ranking(&[1.0, 2.0, 3.0, 4.0], &[2.5, 4.0]), (2.0 + 3.5) / 8.0);
        assert_eq!((ranking(&[], &[1.0]), ranking(&[1.0], &[])), (0.5, 0.5));
    }
}
