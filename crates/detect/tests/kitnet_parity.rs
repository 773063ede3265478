//! KitNET beside an independent reading of its paper (`kitnet/generate.py`): the same made rows, another program, another
//! random start. The order in which both find the judged rows strange must be nearly the same.
#![allow(clippy::unwrap_used)]

use detect::packet::{KitNet, KitNetSettings};

const LEARNED: usize = 600;
const PASSES: usize = 30;

fn numbers(text: &str) -> Vec<Vec<f32>> {
    text.lines().map(|line| line.split(',').map(|value| value.parse().unwrap()).collect()).collect()
}

/// Places in the order of size.
fn ranks(values: &[f32]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..values.len()).collect();
    order.sort_by(|a, b| values[*a].total_cmp(&values[*b]));
    let mut ranks = vec![0.0; values.len()];
    for (rank, at) in order.iter().enumerate() {
        ranks[*at] = rank as f64;
    }
    ranks
}

/// Spearman's rank correlation.
fn rank_correlation(a: &[f32], b: &[f32]) -> f64 {
    let n = a.len() as f64;
    let squares: f64 = ranks(a).iter().zip(ranks(b)).map(|(a, b)| (a - b) * (a - b)).sum();
    1.0 - 6.0 * squares / (n * (n * n - 1.0))
}

#[test]
fn an_independent_reading_of_the_paper_orders_rows_alike() {
    let rows = numbers(include_str!("kitnet/rows.csv"));
    let expected: Vec<f32> = numbers(include_str!("kitnet/scores.csv")).concat();
    let settings = KitNetSettings {
        map_rows: LEARNED as u64,
        train_rows: (LEARNED * PASSES) as u64,
        group_columns_max: 5,
        ..KitNetSettings::default()
    };
    let mut net = KitNet::new(rows[0].len(), 1, settings);
    for pass in 0..=PASSES {
        assert!(!net.is_ready(), "pass {pass}");
        for row in &rows[..LEARNED] {
            assert_eq!(net.process(row), None);
        }
    }
    let found: Vec<f32> = rows[LEARNED..].iter().map(|row| net.score(row)).collect();
    assert_eq!(found.len(), expected.len());
    let correlation = rank_correlation(&found, &expected);
    assert!(correlation >= 0.95, "rank correlation {correlation}");
    assert!(rank_correlation(&expected, &expected) > 0.999_999, "the measure itself");
}
