//! Rows that are the same, bit for bit. A scan's or a flood's flows are: thousands of them have a few dozen different vectors, and
//! they come when there is least time. Owns who is like whom; refuses to know what is done with the rows.

use record::Matrix;
use std::collections::HashMap;

/// Repeats below this part of the rows (one in so many) are not worth the copying.
const REPEATS_WORTH_ONE_IN: usize = 8;

/// The different rows, in the order of their first coming, and which of them each row is.
pub(crate) struct Alike {
    pub rows: Matrix,
    pub places: Vec<u32>,
}

/// None when too few rows repeat.
pub(crate) fn alike(rows: &Matrix) -> Option<Alike> {
    let count = rows.rows();
    if count < 2 {
        return None;
    }
    let least = count.div_ceil(REPEATS_WORTH_ONE_IN);
    let mut places = Vec::with_capacity(count);
    let mut firsts: Vec<u32> = Vec::new();
    let mut known: HashMap<u64, u32> = HashMap::with_capacity(count.min(1 << 16));
    for index in 0..count {
        let row = rows.row(index);
        let fresh = u32::try_from(firsts.len()).ok()?;
        let place = *known.entry(digest(row)).or_insert(fresh);
        // Rows that share a digest by chance are judged each.
        let same = place != fresh && same_bits(rows.row(*firsts.get(place as usize)? as usize), row);
        places.push(if same { place } else { fresh });
        if !same {
            firsts.push(u32::try_from(index).ok()?);
            if firsts.len() + least > count {
                return None;
            }
        }
    }
    let mut distinct = Matrix::with_capacity(firsts.len(), rows.columns);
    for first in firsts {
        distinct.push(rows.row(first as usize));
    }
    Some(Alike { rows: distinct, places })
}

fn same_bits(a: &[f32], b: &[f32]) -> bool {
    a.iter().zip(b).all(|(a, b)| a.to_bits() == b.to_bits())
}

/// Two values a step, multiplied and folded, as FxHash does with one.
fn digest(row: &[f32]) -> u64 {
    let mut hash = 0_u64;
    for pair in row.chunks(2) {
        let high = pair.get(1).map_or(0, |value| value.to_bits());
        let word = u64::from(high) << 32 | u64::from(pair[0].to_bits());
        hash = (hash.rotate_left(23) ^ word).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    }
    hash ^ hash >> 29
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn matrix(rows: &[[f32; 3]]) -> Matrix {
        Matrix { values: rows.concat(), columns: 3 }
    }

    #[test]
    fn rows_are_found_again_in_order() {
        let (a, b, c) = ([1.0, 2.0, 3.0], [1.0, 2.0, 4.0], [0.0, 0.0, 0.0]);
        let found = alike(&matrix(&[a, b, a, c, b, a])).unwrap();
        assert_eq!(found.places, [0, 1, 0, 2, 1, 0]);
        assert_eq!(found.rows.values, [a, b, c].concat());
    }

    #[test]
    fn signs_of_zero_differ_and_nan_is_itself() {
        let (plus, minus, nan) = ([0.0; 3], [-0.0, 0.0, 0.0], [f32::NAN, 0.0, 0.0]);
        assert_eq!(alike(&matrix(&[plus, minus, nan, nan, plus])).unwrap().places, [0, 1, 2, 2, 0]);
    }

    #[test]
    fn few_repeats_are_not_worth_it() {
        let mut rows: Vec<[f32; 3]> = (0..90_u8).map(|i| [f32::from(i), 1.0, 0.0]).collect();
        rows.extend_from_within(..10);
        assert!(alike(&matrix(&rows)).is_none(), "10 of 100");
        rows.extend_from_within(..10);
        assert_eq!(alike(&matrix(&rows)).unwrap().rows.rows(), 90, "20 of 110");
        assert!(alike(&matrix(&[])).is_none());
        assert!(alike(&matrix(&[[1.0; 3]])).is_none());
    }
}
