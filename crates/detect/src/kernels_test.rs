//! Every wide form against the plain one.

use super::*;
use crate::layout::{CUTS_MAX, Step};
use crate::random::Random;

/// All that this processor has.
pub(crate) fn widths() -> Vec<Width> {
    let mut widths = vec![Width::Portable];
    if Width::widest() != Width::Portable {
        widths.push(Width::Avx2);
    }
    if Width::widest() == Width::Avx512 {
        widths.push(Width::Avx512);
    }
    widths
}

fn random_lanes(random: &mut Random, count: usize) -> Vec<Lanes> {
    (0..count).map(|_| std::array::from_fn(|_| random.normal())).collect()
}

/// What the plain code of other files is made of: products and sums, roots, logarithms, exponentials.
struct Mixed<'a>(&'a [f32]);

impl Widened for Mixed<'_> {
    type Out = [f32; LANES];

    #[inline(always)]
    fn run(self) -> Self::Out {
        let mut out = [0.5; LANES];
        for first in (0..self.0.len()).step_by(LANES) {
            for lane in 0..LANES {
                let value = self.0[first + lane];
                let bent = crate::activation::sigmoid(value) + crate::activation::ln_1p(value * value);
                out[lane] += value * out[lane] / (1.0 + bent) + bent.abs().sqrt();
            }
        }
        out
    }
}

#[test]
fn plain_code_answers_the_same_bits_at_every_width() {
    let mut random = Random::new(4, 2);
    let values: Vec<f32> = (0..LANES * 40).map(|_| random.normal() * 3.0).collect();
    let bits = |width| widened(width, Mixed(&values)).map(f32::to_bits);
    for width in widths() {
        assert_eq!(bits(width), bits(Width::Portable), "{width:?}");
    }
}

#[test]
fn dense_layers_agree_with_the_plain_sum() {
    let mut random = Random::new(1, 1);
    for (inputs, outputs) in [(1, 8), (51, 32), (32, 56)] {
        let weights = (0..inputs * outputs).map(|_| random.normal()).collect();
        let bias = (0..outputs).map(|_| random.normal()).collect();
        let layer = Layer { weights, bias, rectified: outputs == 32 };
        let input = random_lanes(&mut random, inputs);
        for width in widths() {
            let mut output = vec![[0.0; LANES]; outputs];
            dense(width, &layer, &input, &mut output);
            for (j, values) in output.iter().enumerate() {
                for (lane, value) in values.iter().enumerate() {
                    let terms = (0..inputs).map(|i| input[i][lane] * layer.weights[i * outputs + j]);
                    let sum = layer.bias[j] + terms.sum::<f32>();
                    let plain = if layer.rectified { sum.max(0.0) } else { sum };
                    assert!((value - plain).abs() < 1e-4, "{width:?}: {value} {plain}");
                }
            }
        }
    }
}

#[test]
fn rows_are_standardised_column_by_column() {
    let mut random = Random::new(5, 0);
    for width in widths() {
        for columns in [1, 3, 7, 8, 13, 32, 52] {
            let mut rows: Vec<f32> = (0..LANES * columns + 5).map(|_| random.normal()).collect();
            rows[columns / 2] = f32::NAN;
            let centres: Vec<f32> = (0..columns).map(|_| random.normal()).collect();
            let factors: Vec<f32> = (0..columns).map(|_| random.normal()).collect();
            let mut turned = vec![[f32::NAN; LANES]; columns];
            standardise(width, &rows, &centres, &factors, 1.5, &mut turned);
            for (place, value) in rows[..LANES * columns].iter().enumerate() {
                let (column, lane) = (place % columns, place / columns);
                let z = (value - centres[column]) * factors[column];
                let expected = if z.is_nan() { 1.5 } else { z.clamp(-1.5, 1.5) };
                assert_eq!(turned[column][lane].to_bits(), expected.to_bits(), "{width:?} {columns}: {place}");
            }
        }
    }
}

#[test]
fn log_errors_agree_with_the_plain_form() {
    let mut random = Random::new(2, 1);
    let (input, output) = (random_lanes(&mut random, 51), random_lanes(&mut random, 56));
    let factors: Vec<f32> = (0..51).map(|_| random.unit() * 90.0).collect();
    for width in widths() {
        let mut sums = [0.5; LANES];
        capped_log_error(width, &input, &output, &factors, 100.0, &mut sums);
        for (lane, sum) in sums.iter().enumerate() {
            let term = |c: usize| ((output[c][lane] - input[c][lane]).powi(2) * factors[c]).min(100.0).ln_1p();
            let plain = 0.5 + (0..51).map(term).sum::<f32>();
            assert!((sum - plain).abs() < 1e-3, "{width:?}: {sum} {plain}");
        }
    }
}

#[test]
fn logarithm_is_accurate() {
    for step in 0..4000 {
        let x = 1.0f32 * 1.02f32.powi(step);
        assert!((ln(x) - x.ln()).abs() <= 1e-6 * x.ln().max(1.0), "{x}");
    }
}

#[test]
fn smallest_finds_what_sorting_finds() {
    let mut random = Random::new(3, 1);
    for rows in [64, 128, 2048] {
        for kind in 0..3 {
            let draw = |random: &mut Random| match kind {
                0 => random.normal(),
                1 => random.below(3) as f32,
                _ => 1.0,
            };
            let values: Vec<f32> = (0..rows).map(|_| draw(&mut random)).collect();
            let mut order: Vec<u32> = (0..rows as u32).collect();
            order.sort_by(|a, b| values[*a as usize].total_cmp(&values[*b as usize]).then(a.cmp(b)));
            for count in [1, 20, 64] {
                let mut expected = order[..count].to_vec();
                expected.sort_unstable();
                for width in widths() {
                    let mut found = Vec::new();
                    smallest(width, &values, count, &mut found);
                    found.sort_unstable();
                    assert_eq!(found, expected, "{width:?}, {rows} rows, {count}");
                }
            }
        }
    }
}

#[test]
fn products_agree_with_the_plain_sum() {
    let mut random = Random::new(4, 1);
    for (m, k, n) in [(7, 5, 8), (9, 1, 24), (64, 51, 64), (1, 3, 40), (13, 0, 16)] {
        let a: Vec<f32> = (0..m * k).map(|_| random.normal()).collect();
        let b: Vec<f32> = (0..n * k).map(|_| random.normal()).collect();
        let start: Vec<f32> = (0..n).map(|_| random.normal()).collect();
        for width in widths() {
            for view in [View::new(&a, m, k), View::new(&a, k, m).transposed()] {
                let mut out = vec![f32::NAN; m * (n + 3)];
                product(width, view, &b, &start, &mut out, n + 3);
                for i in 0..m {
                    for j in 0..n {
                        let term = |p: usize| a[i * view.row_stride + p * view.column_stride] * b[p * n + j];
                        let plain = start[j] + (0..k).map(term).sum::<f32>();
                        assert!((out[i * (n + 3) + j] - plain).abs() < 1e-4, "{width:?}");
                    }
                    assert!(out[i * (n + 3) + n..][..3].iter().all(|value| value.is_nan()), "between the rows");
                }
            }
        }
    }
}

#[test]
fn ranks_count_the_thresholds_reached() {
    let mut random = Random::new(5, 1);
    for count in [0, 1, 15, 16, 17, 100, CUTS_MAX] {
        let mut sorted: Vec<f32> = (0..count).map(|_| random.normal()).collect();
        sorted.sort_by(f32::total_cmp);
        let mut rows: Vec<f32> = (0..2 * TILE).map(|_| random.normal()).collect();
        rows[1..7].copy_from_slice(&[f32::NAN, 0.0, f32::INFINITY, 0.0, f32::NEG_INFINITY, 0.0]);
        rows[9] = sorted.last().copied().unwrap_or(0.0);
        for width in widths() {
            let mut ranks = [0; TILE];
            rank(width, &Cuts::new(&sorted), &rows, 2, 1, &mut ranks);
            for (row, rank) in rows.chunks_exact(2).zip(ranks) {
                assert_eq!(usize::from(rank), sorted.iter().filter(|cut| row[1] >= **cut).count(), "{width:?}");
            }
        }
    }
}

#[test]
fn rows_descend_as_their_ranks_say() {
    let mut random = Random::new(6, 1);
    let mut ranks = Box::new([[0; TILE]; COLUMNS_MAX]);
    ranks[..4].as_flattened_mut().fill_with(|| random.below(256) as u8);
    let mut tree = RankedTree { levels: Default::default(), leaves: std::array::from_fn(|leaf| leaf as u16 * 200) };
    let mut nodes = [None; TREE_LEAVES];
    for place in 1..TREE_LEAVES {
        if place == 1 || (nodes[place / 2].is_some() && random.below(5) > 0) {
            let step = Step { column: random.below(4) as u8, rank: 1 + random.below(255) as u8, place: place as u8 };
            tree.levels[place.ilog2() as usize].push(step);
            nodes[place] = Some(step);
        }
    }
    for width in widths() {
        let (mut reached, mut sums) = ([0; 2 * TREE_LEAVES], [7; TILE]);
        descend(width, &tree, &ranks, &mut reached, &mut sums);
        for (row, sum) in sums.iter().enumerate() {
            let mut place = 1;
            while place < TREE_LEAVES {
                let odd = nodes[place].is_some_and(|step| ranks[usize::from(step.column)][row] < step.rank);
                place = 2 * place + usize::from(odd);
            }
            assert_eq!(*sum, 7 + 200 * (place - TREE_LEAVES) as u32, "{width:?}");
        }
    }
}
