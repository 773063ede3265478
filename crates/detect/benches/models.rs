//! Speed of the models: rows per CPU-second of one thread, on 200,000 × 32 numbers of a Gaussian mixture, and the whole
//! cost of learning from and judging 100,000 flows. Every line is `name <tab> rows <tab> CPU seconds <tab> rows per
//! CPU-second`, the median of several runs. `peers.py` runs this beside scikit-learn and PyTorch on the same matrix, which
//! `--matrix=FILE` writes (little-endian floats, row-major), and prints ratios. No assertion: machines differ.
#![allow(clippy::unwrap_used)]

use detect::labelled::{ForestSettings, RandomForest};
use detect::models::{Autoencoder, IsolationForest, Loda, Neighbours};
use detect::{Detector, Ensemble, EnsembleConfig, Labels};
use rand_pcg::Pcg64;
use rand_pcg::rand_core::{Rng, SeedableRng};
use record::Matrix;
use std::time::Instant;

const CLOUDS: usize = 8;
const ROWS: usize = 200_000;
/// Shortest run that is timed, seconds.
const RUN_S: f64 = 0.2;

struct Normal(Pcg64);

impl Normal {
    fn unit(&mut self) -> f32 {
        (self.0.next_u64() >> 40) as f32 / (1u32 << 24) as f32
    }
    fn next(&mut self) -> f32 {
        (-2.0 * (1.0 - self.unit()).ln()).sqrt() * (std::f32::consts::TAU * self.unit()).cos()
    }
}

/// Eight clouds of their own centre and covariance.
fn mixture(rows: usize, columns: usize) -> Matrix {
    let mut random = Normal(Pcg64::seed_from_u64(3));
    let centres: Vec<f32> = (0..CLOUDS * columns).map(|_| random.next() * 3.0).collect();
    let deviation = 1.0 / (columns as f32).sqrt();
    let mixing: Vec<f32> = (0..CLOUDS * columns * columns).map(|_| random.next() * deviation).collect();
    let mut matrix = Matrix::with_capacity(rows, columns);
    for _ in 0..rows {
        let cloud = (random.0.next_u64() % CLOUDS as u64) as usize;
        let source: Vec<f32> = (0..columns).map(|_| random.next()).collect();
        let mut row = centres[cloud * columns..][..columns].to_vec();
        for (value, weights) in source.iter().zip(mixing[cloud * columns * columns..].chunks_exact(columns)) {
            row.iter_mut().zip(weights).for_each(|(sum, weight)| *sum += value * weight);
        }
        matrix.push(&row);
    }
    matrix
}

/// Seconds this thread has run: of the processor where Linux tells, else of the clock.
fn cpu_seconds(start: Instant) -> f64 {
    let spent = std::fs::read_to_string("/proc/thread-self/schedstat").ok();
    let spent = spent.and_then(|text| text.split(' ').next().and_then(|ns| ns.parse::<f64>().ok()));
    spent.map_or_else(|| start.elapsed().as_secs_f64(), |ns| ns / 1e9)
}

fn time(name: &str, rows: usize, mut work: impl FnMut()) {
    // A word on the command line keeps the lines that contain it (`cargo bench` itself adds `--bench`).
    if std::env::args().skip(1).any(|word| !word.starts_with('-') && !name.contains(&word)) {
        return;
    }
    let start = Instant::now();
    // Some systems tell processor time in steps of 4 ms: each run repeats the work until it takes many of them.
    let mut spent = |times: u32| {
        let before = cpu_seconds(start);
        (0..times).for_each(|_| work());
        (cpu_seconds(start) - before) / f64::from(times)
    };
    spent(1);
    let times = (RUN_S / spent(3).max(1e-4)).ceil().clamp(1.0, 2_000.0) as u32;
    let mut runs: Vec<f64> = (0..5).map(|_| spent(times)).collect();
    runs.sort_by(f64::total_cmp);
    println!("{name}\t{rows}\t{:.5}\t{:.0}", runs[2], rows as f64 / runs[2]);
}

fn part(rows: &Matrix, from: usize, count: usize) -> Matrix {
    let columns = rows.columns;
    Matrix { values: rows.values[from * columns..(from + count) * columns].to_vec(), columns }
}

fn models() {
    let rows = mixture(ROWS, 32);
    let mut out = Vec::new();
    let train = part(&rows, 0, 20_000);
    let forest = IsolationForest::train(&train, 1, 100, 256);
    time("isolation_forest fit", rows.rows(), || drop(IsolationForest::train(&rows, 1, 100, 256)));
    time("isolation_forest score portable", rows.rows(), || forest.score_portable(&rows, &mut out));
    time("isolation_forest score", rows.rows(), || forest.score(&rows, &mut out));
    let single: Vec<Matrix> = (0..10_000).map(|row| part(&rows, row, 1)).collect();
    time("isolation_forest score one row", single.len(), || single.iter().for_each(|row| forest.score(row, &mut out)));
    let reference = part(&rows, 0, 10_000);
    let queries = part(&rows, 50_000, 5000);
    let neighbours = Neighbours::train(&reference, 1, 10_000, 20);
    time("local_outlier_factor score, 10000 references", queries.rows(), || neighbours.score(&queries, &mut out));
    let neighbours = Neighbours::train(&reference, 1, 1024, 20);
    time("neighbours score, 1024 references", train.rows(), || neighbours.score(&train, &mut out));
    let neighbours = Neighbours::train(&reference, 1, 2048, 20);
    time("neighbours score, 2048 references", train.rows(), || neighbours.score(&train, &mut out));
    let loda = Loda::train(&train, 1);
    time("loda fit", train.rows(), || drop(Loda::train(&train, 1)));
    time("loda score", rows.rows(), || loda.score(&rows, &mut out));
    let config = EnsembleConfig {
        autoencoders: 1,
        autoencoder_rows_max: 20_000,
        autoencoder_epochs: 5,
        autoencoder_steps_max: usize::MAX,
        ..EnsembleConfig::default()
    };
    time("autoencoder fit, one network, 5 epochs", 5 * train.rows(), || drop(Autoencoder::train(&train, 1, &config)));
    let config = EnsembleConfig { autoencoders: 1, autoencoder_epochs: 2, ..EnsembleConfig::default() };
    let autoencoder = Autoencoder::train(&train, 1, &config);
    time("autoencoder score, one network", rows.rows(), || autoencoder.score(&rows, &mut out));
    let config = EnsembleConfig { autoencoder_epochs: 2, ..EnsembleConfig::default() };
    let autoencoder = Autoencoder::train(&train, 1, &config);
    time("autoencoder score, three networks", rows.rows(), || autoencoder.score(&rows, &mut out));
}

/// Rows by the nearest of two groups of clouds, so that a forest has something to learn.
fn labels(rows: &Matrix) -> Vec<u8> {
    (0..rows.rows()).map(|row| u8::from(rows.row(row)[..4].iter().sum::<f32>() > 0.0)).collect()
}

fn random_forest() {
    let rows = mixture(ROWS, 32);
    let train = part(&rows, 0, 20_000);
    let settings = ForestSettings::default();
    let fit = || RandomForest::train(&train, &labels(&train), 2, 1, &settings, &mut |_| {}).unwrap().0;
    let (forest, mut out) = (fit(), Vec::new());
    time("random_forest fit", train.rows(), || drop(fit()));
    time("random_forest score", rows.rows(), || forest.probabilities(&rows, &mut out));
    let single: Vec<Matrix> = (0..10_000).map(|row| part(&rows, row, 1)).collect();
    let one_by_one = || single.iter().for_each(|row| forest.probabilities(row, &mut out));
    time("random_forest score one row", single.len(), one_by_one);
}

fn ensemble() {
    let schema = features::flow_schema();
    let rows = mixture(100_000, schema.features.len());
    let config = EnsembleConfig::default();
    let train = || Ensemble::train(schema, &rows, 1, &config, &mut |_| {}).unwrap().0;
    let (ensemble, mut out) = (train(), Vec::new());
    time("ensemble train, 100000 flows", rows.rows(), || drop(train()));
    time("ensemble judge", rows.rows(), || ensemble.judge(&rows, &mut out));
    time("ensemble explain", 200, || (0..200).for_each(|row| drop(ensemble.explain(rows.row(row)))));
    let labels = Labels { kinds: vec!["benign".to_owned(), "attack".to_owned()], of_row: labels(&rows) };
    let (both, _) = Ensemble::train_labelled(schema, &rows, Some(&labels), 1, &config, &mut |_| {}).unwrap();
    time("ensemble judge, both channels", rows.rows(), || both.judge(&rows, &mut out));
    time("ensemble explain a known attack", 20, || (0..20).for_each(|row| drop(both.explain(rows.row(row)))));
    let bytes = ensemble.to_bytes();
    time("artifact load", 100, || (0..100).for_each(|_| drop(Ensemble::from_bytes(&bytes, schema).unwrap())));
    eprintln!("artifact: {} bytes", bytes.len());
}

fn main() {
    if let Some(path) = std::env::args().find_map(|word| word.strip_prefix("--matrix=").map(str::to_owned)) {
        let bytes: Vec<u8> = mixture(ROWS, 32).values.iter().flat_map(|value| value.to_le_bytes()).collect();
        return std::fs::write(path, bytes).unwrap();
    }
    models();
    random_forest();
    ensemble();
}
