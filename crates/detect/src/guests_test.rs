//! The way of a user's model: shadow, calibration, vote, mute, file.
#![allow(clippy::unwrap_used)]

use crate::imported::{Imported, Manifest, Meaning, ValuesAre};
use crate::random::Random;
use crate::{DetectError, Ensemble, EnsembleConfig};
use record::{Feature, FeatureKind, Matrix, Schema};

const FOREST: &[u8] = include_bytes!("imported/fixtures/isolation_forest.onnx");

fn schema() -> Schema {
    let feature = |column: usize| Feature {
        name: format!("c{column}").into(),
        unit: "".into(),
        kind: FeatureKind::Linear,
        phrase: "".into(),
    };
    Schema { name: "test/1".into(), features: (0..6).map(feature).collect::<Vec<_>>().into() }
}

fn rows(count: usize, seed: u64) -> Matrix {
    let mut random = Random::new(seed, 0x6e);
    Matrix { values: (0..count * 6).map(|_| random.normal()).collect(), columns: 6 }
}

fn ensemble() -> Ensemble {
    let config = EnsembleConfig { trees: 20, autoencoder_epochs: 2, reference_rows: 64, ..EnsembleConfig::default() };
    Ensemble::train(&schema(), &rows(1200, 1), 1, &config, &mut |_| {}).unwrap().0
}

fn model(name: &str) -> Imported {
    let manifest = Manifest {
        name: name.to_owned(),
        features: vec![],
        values: ValuesAre::Features,
        scaling: None,
        output: None,
        column: None,
        meaning: Meaning::LowerIsStranger,
    };
    Imported::read(FOREST, manifest, &schema()).unwrap()
}

/// One row far from all, and ordinary ones.
fn asked() -> Matrix {
    let mut asked = rows(50, 9);
    asked.push(&[9.0; 6]);
    asked
}

fn judged(ensemble: &Ensemble) -> Vec<crate::Judgement> {
    let mut out = Vec::new();
    ensemble.judge(&asked(), &mut out);
    out
}

#[test]
fn a_guest_in_shadow_is_shown_and_changes_nothing() {
    let mut ensemble = ensemble();
    let before = judged(&ensemble);
    ensemble.invite(model("mine")).unwrap();
    let after = judged(&ensemble);
    assert!(before.iter().zip(&after).all(|(a, b)| a.p_value == b.p_value));
    let told = ensemble.member_scores(&after[50]);
    let mine = told.iter().find(|member| member.name == "mine").unwrap();
    let python_like = model("mine").scores(&asked())[50];
    assert_eq!((mine.score, mine.p_value, mine.admitted), (python_like, 1.0, false));
    assert_eq!(ensemble.guests()[0].calibration_rows(), 0);
}

#[test]
fn a_calibrated_guest_votes_and_keeps_the_rate() {
    let mut ensemble = ensemble();
    ensemble.invite(model("mine")).unwrap();
    let few = ensemble.calibrate_guests(&rows(20, 2), &EnsembleConfig::default());
    assert!(matches!(few, Err(DetectError::TooFewRows { rows: 20, .. })));
    ensemble.calibrate_guests(&rows(3000, 2), &EnsembleConfig::default()).unwrap();
    let guest = &ensemble.guests()[0];
    assert!(guest.info().admitted && guest.calibration_rows() == 1500, "{:?}", guest.info());
    let out = judged(&ensemble);
    let told = ensemble.member_scores(&out[50]);
    let mine = told.iter().find(|member| member.name == "mine").unwrap();
    assert!(mine.p_value < 0.01 && mine.admitted, "{mine:?}");
    assert!(out[50].p_value < 0.01);
    let mut later = Vec::new();
    ensemble.judge(&rows(4000, 3), &mut later);
    let rate = later.iter().filter(|judgement| judgement.p_value <= 0.01).count() as f64 / 4000.0;
    assert!((0.004..=0.02).contains(&rate), "{rate}");
}

#[test]
fn guests_are_kept_in_the_artifact_taken_over_muted_and_bounded() {
    let mut ensemble = ensemble();
    let members = ensemble.members().len();
    ensemble.invite(model("mine")).unwrap();
    ensemble.calibrate_guests(&rows(1000, 2), &EnsembleConfig::default()).unwrap();
    let bytes = ensemble.to_bytes();
    let read = Ensemble::from_bytes(&bytes, &schema()).unwrap();
    assert_eq!(read.to_bytes(), bytes);
    let (a, b) = (judged(&ensemble), judged(&read));
    assert!(a.iter().zip(&b).all(|(a, b)| a == b));

    let mut next = self::ensemble();
    next.take_guests_of(&read);
    assert_eq!((next.guests().len(), next.guests()[0].info().admitted), (1, false));
    next.mute("mine", "costs too much");
    assert_eq!(next.guests()[0].muted(), Some("costs too much"));
    assert!(next.member_scores(&judged(&next)[50]).iter().all(|member| member.name != "mine"));

    let twice = next.invite(model(&ensemble.members()[0].name)).unwrap_err().to_string();
    assert!(twice.contains("a member of the ensemble has this name"), "{twice}");
    for number in 0..crate::ensemble::MEMBERS_MAX - members - 1 {
        next.invite(model(&format!("other_{number}"))).unwrap();
    }
    assert!(next.invite(model("too_many")).unwrap_err().to_string().contains("are the most"));
    next.invite(model("mine")).unwrap();
    assert!(next.guests().last().unwrap().muted().is_none());
    assert!(next.dismiss("mine") && !next.dismiss("mine"));
}
