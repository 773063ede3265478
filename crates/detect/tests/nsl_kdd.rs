//! Learns from the normal rows of NSL-KDD's training set and ranks its test set: a regression gate on real, if old, data.
//! Labels choose the benign rows and count the result; no threshold sees them. Skipped when the data is not there.
#![allow(clippy::unwrap_used)]

use detect::{Ensemble, EnsembleConfig, Judgement};
use record::{Feature, FeatureKind, Matrix, Schema};
use std::collections::BTreeMap;
use std::path::PathBuf;

const TRANSPORTS: [&str; 3] = ["tcp", "udp", "icmp"];
const FLAGS: [&str; 11] = ["SF", "S0", "REJ", "RSTR", "RSTO", "SH", "S1", "S2", "S3", "RSTOS0", "OTH"];
/// Columns that are rates between 0 and 1, counted from 0.
const RATES: std::ops::RangeInclusive<usize> = 24..=30;
const RATES_OF_HOST: std::ops::RangeInclusive<usize> = 33..=40;

fn read(name: &str) -> Option<String> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data/labelled-flows/nsl-kdd").join(name);
    let file = std::fs::File::open(path).ok()?;
    let bytes = zstd::decode_all(file).ok()?;
    String::from_utf8(bytes).ok()
}

fn is_rate(column: usize) -> bool {
    RATES.contains(&column) || RATES_OF_HOST.contains(&column)
}

fn schema() -> &'static Schema {
    let feature = |name: &'static str, kind| Feature::fixed(name, "", kind, "");
    let mut features: Vec<Feature> = Vec::new();
    features.extend(TRANSPORTS.iter().chain(&FLAGS).map(|name| feature(name, FeatureKind::Linear)));
    features.push(feature("service", FeatureKind::Category));
    let numbers = (0..41).filter(|column| !(1..=3).contains(column));
    features
        .extend(numbers.map(|c| feature("number", if is_rate(c) { FeatureKind::Linear } else { FeatureKind::Log1p })));
    Box::leak(Box::new(Schema { name: "nsl-kdd/1".into(), features: features.into() }))
}

/// Rows of the schema, and which are attacks. `services` numbers the services as they come.
fn load(text: &str, services: &mut BTreeMap<String, f32>) -> (Matrix, Vec<bool>) {
    let mut rows = Matrix::with_capacity(0, schema().features.len());
    let mut attacks = Vec::new();
    for line in text.lines().filter(|line| !line.is_empty()) {
        let fields: Vec<&str> = line.split(',').collect();
        let one_hot = |names: &[&str], field: &str| names.iter().map(|n| f32::from(u8::from(*n == field))).collect();
        let mut row: Vec<f32> = one_hot(&TRANSPORTS, fields[1]);
        row.extend::<Vec<f32>>(one_hot(&FLAGS, fields[3]));
        let next = services.len() as f32;
        row.push(*services.entry(fields[2].to_owned()).or_insert(next));
        for column in (0..41).filter(|column| !(1..=3).contains(column)) {
            let value: f32 = fields[column].parse().unwrap();
            row.push(if is_rate(column) { value } else { value.ln_1p() });
        }
        rows.push(&row);
        attacks.push(fields[41] != "normal");
    }
    (rows, attacks)
}

/// Area under the ROC curve; ties count half.
fn area(scores: &[f64], attacks: &[bool]) -> f64 {
    let mut order: Vec<usize> = (0..scores.len()).collect();
    order.sort_by(|a, b| scores[*a].total_cmp(&scores[*b]));
    let (mut below, mut sum, mut place) = (0.0, 0.0, 0);
    while place < order.len() {
        let mut end = place;
        let (mut normal, mut attack) = (0.0, 0.0);
        while end < order.len() && scores[order[end]] == scores[order[place]] {
            *(if attacks[order[end]] { &mut attack } else { &mut normal }) += 1.0;
            end += 1;
        }
        sum += attack * (below + normal / 2.0);
        below += normal;
        place = end;
    }
    sum / (below * (scores.len() as f64 - below))
}

/// Share of attacks above the score that `rate` of the normal rows exceed.
fn caught_at(scores: &[f64], attacks: &[bool], rate: f64) -> f64 {
    let mut normal: Vec<f64> = scores.iter().zip(attacks).filter(|(_, a)| !**a).map(|(s, _)| *s).collect();
    normal.sort_by(|a, b| b.total_cmp(a));
    let limit = normal[(normal.len() as f64 * rate) as usize];
    let caught = scores.iter().zip(attacks).filter(|(score, attack)| **attack && **score > limit).count();
    caught as f64 / attacks.iter().filter(|attack| **attack).count() as f64
}

/// Attacks caught and normal rows called at a threshold on p.
fn rates(judgements: &[Judgement], attacks: &[bool], alpha: f64) -> (f64, f64) {
    let rate = |of_attacks: bool| {
        let chosen = judgements.iter().zip(attacks).filter(|(_, attack)| **attack == of_attacks);
        let (hits, all) =
            chosen.fold((0.0, 0.0), |(h, n), (j, _)| (h + f64::from(u8::from(j.p_value <= alpha)), n + 1.0));
        hits / all
    };
    (rate(true), rate(false))
}

#[test]
fn ranks_unseen_attacks_above_normal_traffic() {
    let (Some(train), Some(test)) = (read("KDDTrain+_20Percent.txt.zst"), read("KDDTest+.txt.zst")) else {
        eprintln!("SKIP ranks_unseen_attacks_above_normal_traffic: NSL-KDD is not under ../shared/data");
        return;
    };
    let mut services = BTreeMap::new();
    let (all, attacks) = load(&train, &mut services);
    let mut benign = Matrix::with_capacity(0, all.columns);
    (0..all.rows()).filter(|row| !attacks[*row]).for_each(|row| benign.push(all.row(row)));
    let (test, attacks) = load(&test, &mut services);
    let config = EnsembleConfig { held_out_fraction: 0.3, ..EnsembleConfig::default() };
    let (mut of_forest, mut of_ensemble) = (0.0, 0.0);
    for seed in 1..=SEEDS {
        let (ensemble, report) = Ensemble::train(schema(), &benign, seed, &config, &mut |_| {}).unwrap();
        let mut judgements = Vec::new();
        ensemble.judge(&test, &mut judgements);
        for (place, member) in report.members.iter().enumerate() {
            let scores: Vec<f64> = judgements.iter().map(|j| f64::from(j.members[place].0)).collect();
            describe(&member.name, &scores, &attacks);
            of_forest += if place == 0 { area(&scores, &attacks) } else { 0.0 };
        }
        let scores: Vec<f64> = judgements.iter().map(|j| -j.p_value.log10()).collect();
        describe("ensemble", &scores, &attacks);
        of_ensemble += area(&scores, &attacks);
        let (caught, false_positives) = rates(&judgements, &attacks, 0.01);
        eprintln!("  at p ≤ 0.01, no label seen: caught {caught:.3}, false positives {false_positives:.4}");
        assert!(false_positives < 0.02, "realised false-positive rate {false_positives} at a nominal 0.01");
        assert!(caught > 0.5, "caught {caught}");
    }
    assert!(of_forest / SEEDS as f64 >= 0.93, "isolation forest: {}", of_forest / SEEDS as f64);
    assert!(of_ensemble / SEEDS as f64 >= 0.95, "ensemble: {}", of_ensemble / SEEDS as f64);
}

const SEEDS: u64 = 3;

fn describe(name: &str, scores: &[f64], attacks: &[bool]) {
    let at = |rate| caught_at(scores, attacks, rate);
    eprintln!("{name:24} area {:.4}, caught at 1 % {:.3}, at 0.1 % {:.3}", area(scores, attacks), at(0.01), at(0.001));
}
