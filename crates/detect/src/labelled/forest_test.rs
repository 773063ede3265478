//! The forest against what must hold of it: learning, out-of-bag honesty, Shapley values against their definition.
#![allow(clippy::unwrap_used)]

use super::*;
use crate::random::Random;

/// Two interleaved classes: class 1 where the product of the first two columns is positive; the third is noise.
fn exclusive_or(rows: usize, seed: u64) -> (Matrix, Vec<u8>) {
    let mut random = Random::new(seed, 3);
    let mut matrix = Matrix::with_capacity(rows, 3);
    let mut labels = Vec::new();
    for _ in 0..rows {
        let row = [random.normal(), random.normal(), random.normal()];
        labels.push(u8::from(row[0] * row[1] > 0.0));
        matrix.push(&row);
    }
    (matrix, labels)
}

fn train(rows: &Matrix, labels: &[u8], seed: u64) -> (RandomForest, Vec<f32>) {
    let settings = ForestSettings { trees: 30, ..ForestSettings::default() };
    RandomForest::train(rows, labels, 2, seed, &settings, &mut |_| ()).unwrap()
}

fn accuracy(probabilities: &[f32], labels: &[u8]) -> f64 {
    let right = probabilities.chunks_exact(2).zip(labels).filter(|(p, label)| u8::from(p[1] > 0.5) == **label).count();
    right as f64 / labels.len() as f64
}

#[test]
fn it_learns_what_no_single_column_tells_and_out_of_bag_says_how_well() {
    let (rows, labels) = exclusive_or(2_000, 1);
    let (forest, out_of_bag) = train(&rows, &labels, 7);
    let (later, truth) = exclusive_or(4_000, 2);
    let mut out = Vec::new();
    forest.probabilities(&later, &mut out);
    let (held_out, promised) = (accuracy(&out, &truth), accuracy(&out_of_bag, &labels));
    assert!(held_out > 0.95, "{held_out}");
    assert!((held_out - promised).abs() < 0.02, "out of bag promised {promised}, later {held_out}");
    for row in out.chunks_exact(2) {
        assert!((row[0] + row[1] - 1.0).abs() < 1e-4 && row[0] >= 0.0);
    }
}

#[test]
fn noise_labels_are_not_learned_out_of_bag() {
    let (rows, _) = exclusive_or(1_000, 1);
    let mut random = Random::new(5, 5);
    let labels: Vec<u8> = (0..1_000).map(|_| random.below(2) as u8).collect();
    let (_, out_of_bag) = train(&rows, &labels, 7);
    let promised = accuracy(&out_of_bag, &labels);
    assert!((0.42..0.58).contains(&promised), "{promised}");
}

#[test]
fn a_seed_repeats_a_saved_forest_answers_the_same_and_a_cut_one_is_refused() {
    let (rows, labels) = exclusive_or(400, 1);
    let (forest, _) = train(&rows, &labels, 7);
    assert_eq!(forest, train(&rows, &labels, 7).0);
    assert_ne!(forest, train(&rows, &labels, 8).0);
    let saved = forest.save();
    assert_eq!(RandomForest::load(&saved, 3).unwrap(), forest);
    assert!(RandomForest::load(&saved, 4).is_err());
    for cut in (0..saved.len()).step_by(101) {
        assert!(RandomForest::load(&saved[..cut], 3).is_err(), "cut at {cut}");
    }
}

#[test]
fn a_row_alone_answers_as_in_a_batch() {
    let (rows, labels) = exclusive_or(400, 1);
    let (forest, _) = train(&rows, &labels, 7);
    let (mut batch, mut alone) = (Vec::new(), Vec::new());
    forest.probabilities(&rows, &mut batch);
    for row in (0..400).step_by(37) {
        forest.probabilities(&Matrix { values: rows.row(row).to_vec(), columns: 3 }, &mut alone);
        assert_eq!(alone, batch[row * 2..][..2]);
    }
}

/// Mean answer when only the columns in `known` are asked: the definition that TreeSHAP computes in closed form.
fn conditional(forest: &RandomForest, node: usize, row: &[f32], known: u32, class: usize) -> f64 {
    let Node { threshold, left, feature } = forest.nodes[node];
    let left = left as usize;
    if left == node {
        return f64::from(forest.shares[node * forest.classes + class]);
    }
    if known & (1 << feature) != 0 {
        let child = if row[feature as usize] <= threshold { left } else { left + 1 };
        return conditional(forest, child, row, known, class);
    }
    let share = |child: usize| f64::from(forest.cover[child]) / f64::from(forest.cover[node]);
    share(left) * conditional(forest, left, row, known, class)
        + share(left + 1) * conditional(forest, left + 1, row, known, class)
}

#[test]
fn attribution_is_the_shapley_value_by_its_definition() {
    let mut random = Random::new(11, 3);
    let mut rows = Matrix::with_capacity(500, 5);
    let mut labels = Vec::new();
    for _ in 0..500 {
        let row: [f32; 5] = std::array::from_fn(|_| random.normal());
        labels.push(u8::from(row[0] + row[1] * row[2] > 0.3));
        rows.push(&row);
    }
    let settings = ForestSettings { trees: 4, depth_max: 7, ..ForestSettings::default() };
    let (forest, _) = RandomForest::train(&rows, &labels, 2, 1, &settings, &mut |_| ()).unwrap();
    let factorial = |n: u32| f64::from((1..=n).product::<u32>().max(1));
    for row in [rows.row(0), rows.row(123), &[9.0, -9.0, 9.0, 0.0, 0.0]] {
        let mut shares = [0.0; 5];
        let mean = forest.attribute(row, 1, &mut shares);
        for column in 0..5_u32 {
            let mut expected = 0.0;
            for known in (0..32_u32).filter(|known| known & (1 << column) == 0) {
                let size = known.count_ones();
                let weight = factorial(size) * factorial(4 - size) / factorial(5);
                for (root, _) in &forest.trees {
                    let with = conditional(&forest, *root as usize, row, known | (1 << column), 1);
                    let without = conditional(&forest, *root as usize, row, known, 1);
                    expected += weight * (with - without) / 4.0;
                }
            }
            assert!((shares[column as usize] - expected).abs() < 1e-9, "column {column}: {shares:?} {expected}");
        }
        let mut answer = Vec::new();
        forest.probabilities(&Matrix { values: row.to_vec(), columns: 5 }, &mut answer);
        assert!((mean + shares.iter().sum::<f64>() - f64::from(answer[1])).abs() < 1e-5);
    }
}

#[test]
fn attribution_against_another_row_is_the_shapley_value_by_its_definition() {
    let mut random = Random::new(12, 3);
    let mut rows = Matrix::with_capacity(500, 5);
    let mut labels = Vec::new();
    for _ in 0..500 {
        let row: [f32; 5] = std::array::from_fn(|_| random.normal());
        labels.push(u8::from(row[0] + row[1] * row[2] > 0.3));
        rows.push(&row);
    }
    let settings = ForestSettings { trees: 4, depth_max: 9, ..ForestSettings::default() };
    let (forest, _) = RandomForest::train(&rows, &labels, 2, 1, &settings, &mut |_| ()).unwrap();
    let factorial = |n: u32| f64::from((1..=n).product::<u32>().max(1));
    let answer = |row: &[f32]| {
        let mut out = Vec::new();
        forest.probabilities(&Matrix { values: row.to_vec(), columns: 5 }, &mut out);
        f64::from(out[1])
    };
    for (row, other) in [(rows.row(0), rows.row(1)), (rows.row(7), &[9.0, -9.0, 9.0, 0.0, 0.0][..])] {
        let mut shares = [0.0; 5];
        forest.attribute_against(row, other, 1, &mut shares);
        let mixed = |known: u32| {
            let values: Vec<f32> = (0..5).map(|c| if known & (1 << c) != 0 { row[c] } else { other[c] }).collect();
            answer(&values)
        };
        for column in 0..5_u32 {
            let sets = (0..32_u32).filter(|known| known & (1 << column) == 0);
            let part = |known: u32| {
                let weight = factorial(known.count_ones()) * factorial(4 - known.count_ones()) / factorial(5);
                weight * (mixed(known | (1 << column)) - mixed(known))
            };
            let expected: f64 = sets.map(part).sum();
            assert!((shares[column as usize] - expected).abs() < 1e-6, "column {column}: {shares:?} {expected}");
        }
        assert!((shares.iter().sum::<f64>() - (answer(row) - answer(other))).abs() < 1e-5);
    }
}

#[test]
fn what_cannot_be_learned_is_refused_by_name() {
    let (rows, labels) = exclusive_or(50, 1);
    let refuse = |rows: &Matrix, labels: &[u8], classes| {
        RandomForest::train(rows, labels, classes, 1, &ForestSettings::default(), &mut |_| ()).unwrap_err().to_string()
    };
    assert!(refuse(&rows, &labels[1..], 2).contains("labels = 49"));
    assert!(refuse(&rows, &[1; 50], 2).contains("classes among the labels = 1"));
    assert!(refuse(&rows, &[0, 3].repeat(25), 2).contains("label = 3"));
}

#[test]
fn constant_columns_and_many_classes_do_no_harm() {
    let mut rows = Matrix::with_capacity(300, 2);
    (0..300).for_each(|row| rows.push(&[1.0, (row % 3) as f32]));
    let labels: Vec<u8> = (0..300).map(|row| (row % 3) as u8).collect();
    let settings = ForestSettings { trees: 5, ..ForestSettings::default() };
    let (forest, _) = RandomForest::train(&rows, &labels, 3, 1, &settings, &mut |_| ()).unwrap();
    let mut out = Vec::new();
    forest.probabilities(&rows, &mut out);
    for (row, shares) in out.chunks_exact(3).enumerate() {
        assert!((shares[row % 3] - 1.0).abs() < 1e-6);
    }
}
