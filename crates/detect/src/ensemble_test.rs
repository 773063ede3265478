//! The ensemble as a whole: honest p-values, reasons, and an artifact that survives or says why not.
#![allow(clippy::unwrap_used)]

use crate::models::contract_test::blobs;
use crate::{DetectError, Ensemble, EnsembleConfig, Judgement, Labels};
use proptest::prelude::*;
use record::{Feature, FeatureKind, Matrix, Schema};
use std::sync::LazyLock;

static COLUMNS: LazyLock<Vec<Feature>> = LazyLock::new(|| {
    let names = ["bytes", "packets", "pause", "share", "flag", "rate", "size", "fixed"];
    names.map(|name| Feature::fixed(name, "units", FeatureKind::Linear, "a number")).to_vec()
});
static SCHEMA: LazyLock<Schema> = LazyLock::new(|| Schema::fixed("test/1", &COLUMNS));
static TRAINED: LazyLock<Ensemble> = LazyLock::new(|| train(&blobs(1500, 8, 1)).unwrap());
static BYTES: LazyLock<Vec<u8>> = LazyLock::new(|| TRAINED.to_bytes());

fn config() -> EnsembleConfig {
    EnsembleConfig {
        trees: 25,
        reference_rows: 256,
        autoencoders: 1,
        autoencoder_epochs: 5,
        ..EnsembleConfig::default()
    }
}

fn train(rows: &Matrix) -> Result<Ensemble, DetectError> {
    Ensemble::train(&SCHEMA, rows, 7, &config(), &mut |_| {}).map(|(ensemble, _)| ensemble)
}

fn judge(ensemble: &Ensemble, rows: &Matrix) -> Vec<Judgement> {
    let mut out = Vec::new();
    ensemble.judge(rows, &mut out);
    out
}

#[test]
fn benign_rows_are_rarely_called_and_p_values_are_honest() {
    let fresh = blobs(12_000, 8, 1);
    // The same clouds, later rows: `blobs` draws its centres first.
    let later = Matrix { values: fresh.values[1500 * 8..].to_vec(), columns: 8 };
    let judgements = judge(&TRAINED, &later);
    for alpha in [0.1, 0.01] {
        let rate = judgements.iter().filter(|j| j.p_value <= alpha).count() as f64 / judgements.len() as f64;
        assert!(rate < 2.0 * alpha && rate > alpha / 3.0, "alpha {alpha}: realised {rate}");
    }
    assert!(judgements.iter().all(|j| (0.0..=1.0).contains(&j.score) && j.p_value > 0.0 && j.p_value <= 1.0));
}

#[test]
fn a_strange_row_is_called_with_its_reason_first() {
    let mut row = blobs(1, 8, 1).values;
    row[2] += 40.0;
    let judgement = judge(&TRAINED, &Matrix { values: row.clone(), columns: 8 })[0];
    assert!(judgement.anomalous && judgement.score > 0.5, "{judgement:?}");
    let why = TRAINED.explain(&row);
    assert_eq!(why[0].feature, "pause", "{why:?}");
    assert!((why[0].value - f64::from(row[2])).abs() < 1e-4 && why[0].value > why[0].expected[1]);
    assert!(why.len() <= 5 && why.iter().map(|reason| reason.share).sum::<f64>() <= 1.0 + 1e-6);
    let names: Vec<String> = TRAINED.member_scores(&judgement).into_iter().map(|member| member.name).collect();
    assert_eq!(names, ["isolation_forest", "local_outlier_factor", "nearest_neighbours", "autoencoder", "loda"]);
}

#[test]
fn attacks_in_training_do_not_blind_it() {
    let mut rows = blobs(3000, 8, 1);
    for row in 0..15 {
        rows.values[row * 200 * 8..][..8].copy_from_slice(&[30.0, -30.0, 30.0, -30.0, 30.0, -30.0, 30.0, 4.0]);
    }
    let ensemble = train(&rows).unwrap();
    let attack = Matrix { values: vec![30.0, -30.0, 30.0, -30.0, 30.0, -30.0, 30.0, 4.0], columns: 8 };
    // 0.5 % of training cannot be rarer than about 0.5 %, but must stay the strangest of all.
    assert!(judge(&ensemble, &attack)[0].p_value < 0.015);
}

#[test]
fn the_same_input_gives_the_same_artifact() {
    assert_eq!(*BYTES, train(&blobs(1500, 8, 1)).unwrap().to_bytes());
}

#[test]
fn bad_input_is_refused_in_words() {
    let few = train(&blobs(499, 8, 1)).unwrap_err();
    assert_eq!(few, DetectError::TooFewRows { rows: 499, needed: 500 });
    assert!(few.to_string().contains("499 rows"));
    assert!(matches!(train(&blobs(600, 9, 1)), Err(DetectError::Columns { .. })));
}

#[test]
fn a_loaded_ensemble_judges_and_explains_the_same() {
    let loaded = Ensemble::from_bytes(&BYTES, &SCHEMA).unwrap();
    let rows = blobs(300, 8, 4);
    assert_eq!(judge(&TRAINED, &rows), judge(&loaded, &rows));
    assert_eq!(TRAINED.explain(rows.row(0)), loaded.explain(rows.row(0)));
    assert_eq!((loaded.members(), loaded.span()), (TRAINED.members(), TRAINED.span()));
    assert_eq!(loaded.to_bytes(), *BYTES);
}

/// Half benign clouds, then two kinds of attack that each look like the benign rows in all but two columns together.
fn labelled(rows: usize) -> (Matrix, Labels) {
    let mut matrix = blobs(rows, 8, 1);
    let mut of_row = vec![0; rows];
    for (row, label) in of_row.iter_mut().enumerate().skip(rows / 2) {
        let kind = (row % 2) as u8 + 1;
        *label = kind;
        let values = &mut matrix.values[row * 8..][..8];
        let other = values[usize::from(kind)] + 2.5;
        values[usize::from(kind)] = other;
    }
    let kinds = ["benign", "scan", "flood"].map(str::to_owned).to_vec();
    (matrix, Labels { kinds, of_row })
}

fn train_labelled(rows: &Matrix, labels: &Labels) -> Result<(Ensemble, crate::TrainReport), DetectError> {
    let config = EnsembleConfig { labelled_trees: 30, ..config() };
    Ensemble::train_labelled(&SCHEMA, rows, Some(labels), 7, &config, &mut |_| {})
}

#[test]
fn labels_add_a_channel_and_leave_the_novelty_channel_as_it_was() {
    let (rows, labels) = labelled(3000);
    let (ensemble, report) = train_labelled(&rows, &labels).unwrap();
    let benign = Matrix { values: rows.values[..1500 * 8].to_vec(), columns: 8 };
    let known = report.known.unwrap();
    assert_eq!((report.rows_attack, &known.rows[..]), (1500, &[1500, 750, 750][..]));
    assert!(known.true_positive_rate > 0.9 && known.false_positive_rate < 0.1, "{known:?}");
    let alone = train(&benign).unwrap();
    let (later, truth) = labelled(6000);
    let (both, novelty) = (judge(&ensemble, &later), judge(&alone, &later));
    for (row, (both, novelty)) in both.iter().zip(&novelty).enumerate() {
        let said = both.known.unwrap();
        assert_eq!(both.novelty, novelty.p_value, "the members saw nothing of the attacks");
        assert_eq!(both.p_value, crate::joined(both.novelty, said.p_value));
        assert!(both.p_value <= 2.0 * both.novelty.min(said.p_value) && both.p_value >= both.novelty.min(said.p_value));
        assert!(said.kind > 0 && (0.0..=1.0).contains(&said.probability), "row {row}: {said:?}");
    }
    let called = |kind: u8, alpha: f64| {
        let of_kind = both.iter().zip(&truth.of_row).filter(|(_, label)| **label == kind);
        let (hits, all) = of_kind.fold((0, 0), |(h, n), (j, _)| (h + usize::from(j.p_value <= alpha), n + 1));
        f64::from(hits as u32) / f64::from(all as u32)
    };
    assert!(called(0, 0.02) < 0.04, "realised false-positive rate {}", called(0, 0.02));
    assert!(called(1, 0.02) > 0.7 && called(2, 0.02) > 0.7, "{} {}", called(1, 0.02), called(2, 0.02));
    let named = both.iter().zip(&truth.of_row).filter(|(j, l)| **l != 0 && j.known.unwrap().kind == **l).count();
    assert!(named > 2700, "{named} of 3000 attacks have their own name");
}

#[test]
fn a_known_attack_is_explained_by_what_the_forest_learned_and_survives_its_artifact() {
    let (rows, labels) = labelled(3000);
    let (ensemble, _) = train_labelled(&rows, &labels).unwrap();
    let judged = judge(&ensemble, &rows);
    let is_known = |row: &usize| judged[*row].known.is_some_and(|k| k.p_value < judged[*row].novelty && k.kind == 1);
    let row = (1500..3000).filter(is_known).min_by(|a, b| judged[*a].p_value.total_cmp(&judged[*b].p_value)).unwrap();
    assert_eq!(ensemble.explain(rows.row(row))[0].feature, "packets");
    let scores = ensemble.member_scores(&judged[row]);
    assert_eq!(scores.last().map(|member| (&*member.name, member.admitted)), Some(("random_forest", false)));
    assert_eq!(ensemble.known_attack(&judged[row]).unwrap().kind, "scan");
    let bytes = ensemble.to_bytes();
    let loaded = Ensemble::from_bytes(&bytes, &SCHEMA).unwrap();
    assert_eq!(judge(&loaded, &rows), judged);
    assert_eq!((loaded.known(), loaded.to_bytes()), (ensemble.known(), bytes.clone()));
    assert_eq!(bytes, train_labelled(&rows, &labels).unwrap().0.to_bytes(), "one seed, one artifact");
}

#[test]
fn labels_that_do_not_fit_are_refused_and_too_few_attacks_make_no_channel() {
    let (rows, labels) = labelled(1200);
    let refused = |labels: &Labels| train_labelled(&rows, labels).unwrap_err().to_string();
    let short = Labels { of_row: labels.of_row[1..].to_vec(), ..labels.clone() };
    assert!(refused(&short).contains("labels = 1199 is out of range (one for each row)"), "{}", refused(&short));
    let nameless = Labels { kinds: vec!["benign".to_owned()], ..labels.clone() };
    assert!(refused(&nameless).contains("label = "));
    assert!(refused(&Labels::default()).contains("kinds of the labels = 0"));
    let all_attacks = Labels { of_row: vec![1; 1200], ..labels.clone() };
    assert_eq!(
        train_labelled(&rows, &all_attacks).unwrap_err(),
        DetectError::TooFewRows { rows: 0, needed: 500 },
        "without benign rows nothing is normal"
    );
    let none = Labels { of_row: vec![0; 1200], ..labels };
    let (ensemble, report) = train_labelled(&rows, &none).unwrap();
    assert_eq!((report.known, ensemble.known(), report.rows_attack), (None, None, 0));
    assert_eq!(ensemble.to_bytes(), train(&rows).unwrap().to_bytes(), "as if there were no labels");
}

#[test]
fn a_schema_made_at_run_time_comes_back_with_what_was_attached() {
    let columns: Vec<Feature> = SCHEMA.features.iter().cloned().collect();
    let made = Schema { name: String::from("table/1").into(), features: columns.into() };
    let (mut ensemble, _) = Ensemble::train(&made, &blobs(1500, 8, 1), 7, &config(), &mut |_| {}).unwrap();
    ensemble.attach("table", b"old".to_vec());
    ensemble.attach("table", b"how columns are read".to_vec());
    let loaded = Ensemble::from_bytes_as_stored(&ensemble.to_bytes()).unwrap();
    assert_eq!(*loaded.schema(), made);
    assert_eq!(loaded.attachment("table"), Some(&b"how columns are read"[..]));
    assert_eq!(loaded.attachment("tab"), None);
    assert_eq!(loaded.to_bytes(), ensemble.to_bytes());
    assert!(matches!(Ensemble::from_bytes(&ensemble.to_bytes(), &SCHEMA), Err(DetectError::SchemaMismatch { .. })));
}

#[test]
fn rows_that_the_cheap_members_find_ordinary_rank_below_all_others() {
    let rows = Matrix { values: blobs(6000, 8, 1).values[1500 * 8..].to_vec(), columns: 8 };
    let judged = judge(&TRAINED, &rows);
    let asked = judged.iter().filter(|j| j.asked_all).count() as f64 / judged.len() as f64;
    assert!((0.25..0.35).contains(&asked), "{asked} went on to the second stage, 0.3 were to");
    let p = |asked_all: bool| judged.iter().filter(move |j| j.asked_all == asked_all).map(|j| j.p_value);
    let (largest, smallest) = (p(true).fold(0.0, f64::max), p(false).fold(1.0, f64::min));
    assert!(largest <= smallest, "{largest} {smallest}");
    let ordinary = judged.iter().find(|j| !j.asked_all).unwrap();
    let names: Vec<String> = TRAINED.member_scores(ordinary).into_iter().map(|member| member.name).collect();
    assert_eq!(names, ["isolation_forest", "autoencoder", "loda"], "members that were not asked say nothing");
    let in_full = TRAINED.ask_all(&rows);
    for (row, judged) in judged.iter().enumerate() {
        let said = in_full.iter().map(|(_, said)| (said[row].0, said[row].1 as f32));
        assert_eq!(judged.asked_all, said.zip(judged.members).all(|(full, told)| full == told), "{judged:?}");
    }
}

#[test]
fn one_stage_asks_everybody_about_every_row() {
    let config = EnsembleConfig { second_stage_fraction: 1.0, ..config() };
    let rows = blobs(1500, 8, 1);
    let (ensemble, _) = Ensemble::train(&SCHEMA, &rows, 7, &config, &mut |_| {}).unwrap();
    assert!(judge(&ensemble, &rows).iter().all(|judgement| judgement.asked_all));
}

#[test]
fn a_file_of_fewer_models_and_one_stage_still_loads_and_judges() {
    let mut older = Ensemble::from_bytes(&BYTES, &SCHEMA).unwrap();
    assert_eq!(older.models.pop().map(|model| model.name()), Some("loda"));
    older.members.pop();
    older.calibrations.pop();
    older.gate = None;
    let rows = blobs(50, 8, 4);
    let loaded = Ensemble::from_bytes(&older.to_bytes(), &SCHEMA).unwrap();
    assert_eq!(judge(&loaded, &rows), judge(&older, &rows));
    assert_eq!(loaded.members().len(), 4);
    assert!(judge(&loaded, &rows).iter().all(|judgement| judgement.asked_all));
}

#[test]
fn numbers_that_are_none_are_read_as_zero_and_constant_columns_do_no_harm() {
    let mut rows = blobs(1500, 8, 1);
    let zeros = {
        let mut rows = rows.clone();
        (0..1500).step_by(3).for_each(|row| rows.values[row * 8 + 1] = 0.0);
        rows
    };
    for (row, value) in (0..1500).step_by(3).zip([f32::NAN, f32::INFINITY, f32::NEG_INFINITY].into_iter().cycle()) {
        rows.values[row * 8 + 1] = value;
    }
    let (with, without) = (train(&rows).unwrap(), train(&zeros).unwrap());
    assert_eq!(with.to_bytes(), without.to_bytes());
    assert_eq!(judge(&with, &rows), judge(&without, &zeros));
    let same = Matrix { values: [1.0, 2.0, 0.0, 3.0, 1.0, 1.0, 1.0, 4.0].repeat(600), columns: 8 };
    let judged = judge(&train(&same).unwrap(), &same);
    assert!(judged.iter().all(|j| !j.anomalous && j.p_value > 0.1), "{:?}", judged[0]);
    let labels = Labels {
        kinds: ["a", "b"].map(str::to_owned).to_vec(),
        of_row: (0..1500).map(|r| (r % 5 / 4) as u8).collect(),
    };
    let both = train_labelled(&rows, &labels).unwrap().0;
    assert!(judge(&both, &rows).iter().all(|j| j.p_value > 0.0 && j.known.is_some_and(|k| k.probability.is_finite())));
}

#[test]
fn another_schema_version_or_kind_of_file_is_refused() {
    let other = Schema::fixed("test/2", &COLUMNS);
    assert!(matches!(Ensemble::from_bytes(&BYTES, &other), Err(DetectError::SchemaMismatch { .. })));
    let mut newer = BYTES.clone();
    newer[8] = 9;
    let expected = DetectError::FormatVersion { found: 9, expected: crate::artifact::FORMAT_VERSION };
    assert_eq!(Ensemble::from_bytes(&newer, &SCHEMA).unwrap_err(), expected);
    assert!(matches!(Ensemble::from_bytes(b"{}", &SCHEMA), Err(DetectError::Damaged(_))));
}

#[test]
fn every_prefix_is_refused() {
    for cut in (0..BYTES.len()).filter(|cut| *cut < 2000 || cut % 331 == 0) {
        assert!(Ensemble::from_bytes(&BYTES[..cut], &SCHEMA).is_err(), "cut at {cut}");
    }
}

proptest! {
    #[test]
    fn a_flipped_byte_is_noticed_or_harmless(at in 0..BYTES.len(), flip in 1u8..) {
        let mut bytes = BYTES.clone();
        bytes[at] ^= flip;
        // Padding between sections is not covered by a checksum; everything else is.
        if let Ok(ensemble) = Ensemble::from_bytes(&bytes, &SCHEMA) {
            prop_assert_eq!(ensemble.to_bytes(), &BYTES[..]);
        }
    }

    #[test]
    fn any_bytes_are_refused_without_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        prop_assert!(Ensemble::from_bytes(&bytes, &SCHEMA).is_err());
    }
}
