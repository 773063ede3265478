//! Scores beside scikit-learn's on the same numbers: equal where the algorithm is exact (distances, the Local Outlier
//! Factor), in nearly the same order where it is random. `parity/generate.py` made the numbers, all of them drawn by it.
#![allow(clippy::unwrap_used)]

use detect::labelled::{ForestSettings, RandomForest};
use detect::models::{Autoencoder, IsolationForest, Neighbours};
use detect::{Detector, EnsembleConfig};
use record::Matrix;
use serde::Deserialize;
use std::sync::LazyLock;

#[derive(Deserialize)]
struct Fixture {
    columns: usize,
    rows: Vec<f32>,
    labels: Vec<u8>,
    queries: Vec<f32>,
    isolation_forest: Vec<f64>,
    local_outlier_factor: Vec<f64>,
    nearest_neighbours: Vec<f64>,
    random_forest: Vec<f64>,
    autoencoder: Vec<f64>,
}

static FIXTURE: LazyLock<Fixture> = LazyLock::new(|| serde_json::from_str(include_str!("parity/scores.json")).unwrap());

fn rows() -> Matrix {
    Matrix { values: FIXTURE.rows.clone(), columns: FIXTURE.columns }
}

fn scores(model: &dyn Detector) -> Vec<f64> {
    let mut out = Vec::new();
    model.score(&Matrix { values: FIXTURE.queries.clone(), columns: FIXTURE.columns }, &mut out);
    out.into_iter().map(f64::from).collect()
}

/// Rank of each value; equal values share their mean rank.
fn ranks(values: &[f64]) -> Vec<f64> {
    let rank = |value: &f64| {
        let (below, equal) = values.iter().fold((0.0, 0.0), |(below, equal), other| {
            (below + f64::from(u8::from(other < value)), equal + f64::from(u8::from(other == value)))
        });
        below + (equal - 1.0) / 2.0
    };
    values.iter().map(rank).collect()
}

/// Spearman's rank correlation.
fn rank_correlation(a: &[f64], b: &[f64]) -> f64 {
    assert_eq!(a.len(), b.len());
    let (a, b) = (ranks(a), ranks(b));
    let mean = (a.len() - 1) as f64 / 2.0;
    let product = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| (a - mean) * (b - mean)).sum::<f64>();
    product(&a, &b) / (product(&a, &a) * product(&b, &b)).sqrt()
}

fn assert_alike(name: &str, ours: &[f64], theirs: &[f64], least: f64) {
    let correlation = rank_correlation(ours, theirs);
    eprintln!("{name}: rank correlation {correlation:.4}");
    assert!(correlation >= least, "{name}: rank correlation {correlation}");
}

#[test]
fn neighbours_are_scikit_learns_to_rounding() {
    // All rows are references, so that both look at the same set.
    let ours = scores(&Neighbours::train(&rows(), 1, 1000, 20));
    for (row, (factor, distance)) in FIXTURE.local_outlier_factor.iter().zip(&FIXTURE.nearest_neighbours).enumerate() {
        let [own_factor, own_distance] = [ours[2 * row].exp(), ours[2 * row + 1]];
        assert!((own_factor / factor - 1.0).abs() < 1e-4, "row {row}: factor {own_factor}, scikit-learn {factor}");
        assert!((own_distance / distance - 1.0).abs() < 1e-4, "row {row}: {own_distance}, scikit-learn {distance}");
    }
}

#[test]
fn isolation_forest_ranks_as_scikit_learns() {
    let ours = scores(&IsolationForest::train(&rows(), 1, 1000, 256));
    assert_alike("isolation forest", &ours, &FIXTURE.isolation_forest, 0.98);
    // The scores are on one scale too: 2^(−mean path / expected path).
    let gap = ours.iter().zip(&FIXTURE.isolation_forest).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
    assert!(gap < 0.03, "largest gap {gap}");
}

#[test]
fn random_forest_ranks_as_scikit_learns() {
    // Unweighted: scikit-learn 1.9 turns class weights into chances to be drawn, which is another thing.
    let settings = ForestSettings { trees: 500, balanced: false, ..ForestSettings::default() };
    let (forest, _) = RandomForest::train(&rows(), &FIXTURE.labels, 3, 1, &settings, &mut |_| {}).unwrap();
    let mut out = Vec::new();
    forest.probabilities(&Matrix { values: FIXTURE.queries.clone(), columns: FIXTURE.columns }, &mut out);
    let ours: Vec<f64> = out.into_iter().map(f64::from).collect();
    for kind in 0..3 {
        let of = |all: &[f64]| all.iter().skip(kind).step_by(3).copied().collect::<Vec<f64>>();
        assert_alike(&format!("random forest, kind {kind}"), &of(&ours), &of(&FIXTURE.random_forest), 0.95);
    }
    let gap = ours.iter().zip(&FIXTURE.random_forest).map(|(a, b)| (a - b).abs()).sum::<f64>() / ours.len() as f64;
    assert!(gap < 0.03, "mean gap of probabilities {gap}");
}

#[test]
fn autoencoder_ranks_as_networks_trained_by_scikit_learn() {
    let config =
        EnsembleConfig { autoencoder_epochs: 150, autoencoder_steps_max: 1_000_000, ..EnsembleConfig::default() };
    let ours = scores(&Autoencoder::train(&rows(), 1, &config));
    assert_alike("autoencoder", &ours, &FIXTURE.autoencoder, 0.95);
}
