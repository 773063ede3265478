//! Tests of the host level's model on made windows.
#![allow(clippy::unwrap_used)]
use super::*;
use crate::random::Random;
use record::Feature;

static COLUMNS: [Feature; 4] = [
    Feature::fixed("flows_out", "flows", FeatureKind::Log1p, "flows opened"),
    Feature::fixed("bytes_out", "bytes", FeatureKind::Log1p, "bytes sent"),
    Feature::fixed("failed_ratio", "ratio", FeatureKind::Linear, "share of failures"),
    Feature::fixed("never", "flows", FeatureKind::Log1p, "what never happens"),
];
static SCHEMA: Schema = Schema::fixed("test-host/1", &COLUMNS);
static OTHER: Schema = Schema::fixed("test-host/2", &COLUMNS);

struct Made {
    rows: Matrix,
    windows: Vec<i64>,
    hosts: Vec<u64>,
}

/// Eight clients, and a server that sends a hundred times as much.
fn made(windows: i64, seed: u64) -> Made {
    let mut random = Random::new(seed, 9);
    let mut made = Made { rows: Matrix::with_capacity(0, 4), windows: Vec::new(), hosts: Vec::new() };
    for window in 0..windows {
        for host in 0..9 {
            let size = if host == 8 { 14.0 } else { 9.0 };
            let row = [2.0 + random.normal() * 0.3, size + random.normal() * 0.5, 0.1 * random.unit(), 0.0];
            made.rows.push(&row);
            made.windows.push(window);
            made.hosts.push(host);
        }
    }
    made
}

fn lesson(made: &Made) -> HostLesson<'_> {
    HostLesson {
        rows: &made.rows,
        windows: &made.windows,
        hosts: &made.hosts,
        rows_min: 100,
        until: Some(Timestamp(1_000_000_000)),
    }
}

fn trained() -> HostModel {
    HostModel::train(&lesson(&made(120, 1)), &SCHEMA, &HalfSpaceSettings::default(), 1).unwrap()
}

#[test]
fn strange_windows_have_small_p_values_and_their_reason_leads() {
    let model = trained();
    assert!(model.member().admitted, "{:?}", model.member());
    let later = made(60, 2);
    let p = |row: &[f32]| model.p_value(model.score(row));
    let benign: Vec<f64> = (0..later.rows.rows()).map(|row| p(later.rows.row(row))).collect();
    let low = benign.iter().filter(|p| **p <= 0.01).count() as f64 / benign.len() as f64;
    assert!(low < 0.03, "{low}");
    let strange = [6.5, 9.0, 0.9, 3.0];
    assert!(p(&strange) < 1e-3, "{}", p(&strange));
    let why = model.explain(&strange, &SCHEMA);
    assert!(why.iter().all(|why| why.feature != "bytes_out" || why.share < 0.1), "its bytes are usual: {why:?}");
    let never = why.iter().find(|why| why.feature == "never").unwrap();
    assert!(never.value > 15.0 && never.expected == [0.0, 0.0], "{never:?}");
    let one = model.explain(&[2.0, 9.0, 0.9, 0.0], &SCHEMA);
    assert_eq!((one[0].feature.as_str(), one[0].unit.as_str()), ("failed_ratio", "ratio"));
}

#[test]
fn a_host_of_its_own_kind_has_a_usual_of_its_own() {
    let model = trained();
    assert!(model.usual(8) > model.usual(0) && model.usual(0) > 0.5, "{} {}", model.usual(8), model.usual(0));
    assert_eq!(model.usual(77), 0.0, "nothing is known of a host that was not learned");
}

#[test]
fn what_lasts_becomes_usual_while_it_judges() {
    let (frozen, later) = (trained(), made(700, 3));
    let mut model = frozen.clone();
    let (mut before, mut after) = (0.0, 0.0);
    for at in 0..later.rows.rows() {
        // The change comes slowly enough that most windows are still ordinary.
        let moved = (at as f32 / later.rows.rows() as f32 * 3.0).min(1.0) * 0.8;
        let row = later.rows.row(at);
        let row = [row[0] + moved, row[1] + moved, row[2], row[3]];
        let score = model.score(&row);
        let p = model.p_value(score);
        if at + 900 >= later.rows.rows() {
            before += frozen.p_value(frozen.score(&row)) / 900.0;
            after += p / 900.0;
        }
        model.learn(&row, score, p);
    }
    assert!((0.4..0.6).contains(&after) && before < 0.2, "mean p-values of what became usual: {before} {after}");
}

#[test]
fn a_saved_model_answers_the_same_and_another_schema_or_a_cut_is_refused() {
    let model = trained();
    let bytes = model.to_bytes();
    assert_eq!(HostModel::from_bytes(&bytes, &SCHEMA).unwrap(), model);
    let other = HostModel::from_bytes(&bytes, &OTHER).err().unwrap();
    assert!(matches!(other, DetectError::SchemaMismatch { .. }), "{other}");
    for cut in (0..bytes.len()).step_by(997) {
        assert!(HostModel::from_bytes(&bytes[..cut], &SCHEMA).is_err(), "{cut}");
    }
    assert_eq!(trained(), model, "a seed repeats");
}

#[test]
fn too_little_teaches_nothing() {
    let few = made(3, 1);
    let settings = HalfSpaceSettings::default();
    assert!(matches!(
        HostModel::train(&lesson(&few), &SCHEMA, &settings, 1),
        Err(DetectError::TooFewRows { rows: 27, needed: 100 })
    ));
    let narrow =
        Made { rows: Matrix { values: vec![0.0; 600], columns: 3 }, windows: vec![0; 200], hosts: vec![0; 200] };
    assert!(matches!(
        HostModel::train(&lesson(&narrow), &SCHEMA, &settings, 1),
        Err(DetectError::Columns { found: 3, .. })
    ));
    let constant = Made {
        rows: Matrix { values: vec![0.0; 1_200], columns: 4 },
        windows: (0..300).collect(),
        hosts: vec![0; 300],
    };
    let model = HostModel::train(&lesson(&constant), &SCHEMA, &settings, 1).unwrap();
    assert!(model.score(&[f32::MAX; 4]).is_finite() && model.p_value(model.score(&[0.0; 4])) > 0.5);
}
