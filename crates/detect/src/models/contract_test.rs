//! What every model of the registry must hold.
#![allow(clippy::unwrap_used)]

use super::{Detector, MODELS, Member, ModelKind};
use crate::EnsembleConfig;
use crate::random::Random;
use record::Matrix;

/// Three Gaussian clouds; the last column is constant.
pub(crate) fn blobs(rows: usize, columns: usize, seed: u64) -> Matrix {
    let mut random = Random::new(seed, 9);
    let centres: Vec<f32> = (0..3 * columns).map(|_| random.normal() * 3.0).collect();
    let mut matrix = Matrix::with_capacity(rows, columns);
    for _ in 0..rows {
        let centre = random.below(3) * columns;
        let mut row: Vec<f32> = (0..columns).map(|column| centres[centre + column] + random.normal() * 0.5).collect();
        row[columns - 1] = 4.0;
        matrix.push(&row);
    }
    matrix
}

fn config() -> EnsembleConfig {
    EnsembleConfig { autoencoder_epochs: 6, reference_rows: 256, ..EnsembleConfig::default() }
}

fn scores(model: &dyn Detector, rows: &Matrix) -> Vec<f32> {
    let mut out = vec![7.0; 3];
    model.score(rows, &mut out);
    assert_eq!(out.len(), rows.rows() * model.members().len(), "{}", model.name());
    out
}

/// The registry, and the member that the how-to shows.
fn kinds() -> impl Iterator<Item = &'static ModelKind> {
    MODELS.iter().chain(std::iter::once(&super::example::KIND))
}

fn each(check: impl Fn(&ModelKind, &Matrix, &dyn Detector)) {
    for columns in [2, 11, 51, 70] {
        let rows = blobs(700, columns, 1);
        for kind in kinds() {
            check(kind, &rows, (kind.train)(&rows, 5, &config()).as_ref());
        }
    }
}

#[test]
fn a_seed_gives_the_same_model_bit_for_bit() {
    each(|kind, rows, model| {
        let again = (kind.train)(rows, 5, &config());
        assert_eq!(model.save(), again.save(), "{}", kind.name);
        let other = (kind.train)(rows, 6, &config());
        assert_ne!(model.save(), other.save(), "{} ignores its seed", kind.name);
    });
}

#[test]
fn a_loaded_model_scores_the_same() {
    each(|kind, rows, model| {
        let voting = model.members().iter().filter(|member| member.votes).count();
        assert_eq!(voting, 1, "{}: one vote for each way of looking", kind.name);
        let loaded = (kind.load)(&model.save(), rows.columns).unwrap();
        assert_eq!(scores(model, rows), scores(loaded.as_ref(), rows), "{}", kind.name);
    });
}

#[test]
fn a_model_for_another_width_or_a_cut_one_is_refused() {
    each(|kind, rows, model| {
        let saved = model.save();
        assert!((kind.load)(&saved, rows.columns - 1).is_err(), "{}", kind.name);
        for cut in (0..saved.len()).step_by(97) {
            assert!((kind.load)(&saved[..cut], rows.columns).is_err(), "{} cut at {cut}", kind.name);
        }
    });
}

#[test]
fn a_row_scores_the_same_alone_in_a_batch_and_in_any_order() {
    each(|kind, rows, model| {
        let width = model.members().len();
        let batch = scores(model, rows);
        let mut reversed = Matrix::with_capacity(rows.rows(), rows.columns);
        (0..rows.rows()).rev().for_each(|row| reversed.push(rows.row(row)));
        let backwards = scores(model, &reversed);
        for row in 0..rows.rows() {
            let expected = &batch[row * width..][..width];
            assert_eq!(expected, &backwards[(rows.rows() - 1 - row) * width..][..width], "{} order", kind.name);
            if row % 61 == 0 {
                let alone = Matrix { values: rows.row(row).to_vec(), columns: rows.columns };
                assert_eq!(expected, scores(model, &alone), "{} alone", kind.name);
            }
        }
    });
}

#[test]
fn scores_are_finite_for_any_finite_row() {
    each(|kind, rows, model| {
        let mut wild = Matrix::with_capacity(5, rows.columns);
        for value in [0.0, -1e30, 1e30, f32::MAX, f32::MIN_POSITIVE] {
            wild.push(&vec![value; rows.columns]);
        }
        assert!(scores(model, &wild).iter().all(|score| score.is_finite()), "{}", kind.name);
        assert!(scores(model, &Matrix { values: vec![], columns: rows.columns }).is_empty(), "{}", kind.name);
    });
}

#[test]
fn outliers_score_above_inliers() {
    each(|kind, rows, model| {
        let width = model.members().len();
        let inliers = scores(model, rows);
        let mut far = Matrix::with_capacity(1, rows.columns);
        far.push(&(0..rows.columns).map(|c| if c % 2 == 0 { 25.0 } else { -25.0 }).collect::<Vec<_>>());
        let outlier = scores(model, &far);
        for (member, score) in outlier.iter().enumerate() {
            let mut own: Vec<f32> = inliers.iter().skip(member).step_by(width).copied().collect();
            own.sort_by(f32::total_cmp);
            let limit = own[own.len() * 99 / 100];
            assert!(*score > limit, "{}: {score} ≤ {limit}", kind.name);
        }
    });
}

#[test]
fn attributions_are_shares_and_name_the_cause() {
    each(|kind, rows, model| {
        let mut row = rows.row(3).to_vec();
        row[0] += 60.0;
        let mut shares = vec![f32::NAN; rows.columns];
        for (member, Member { name, .. }) in model.members().iter().enumerate() {
            model.attribute(&row, member, &mut shares);
            assert!(shares.iter().all(|share| share.is_finite() && *share >= 0.0), "{}", kind.name);
            assert!((shares.iter().sum::<f32>() - 1.0).abs() < 1e-3, "{}", kind.name);
            let top = (0..shares.len()).max_by(|a, b| shares[*a].total_cmp(&shares[*b])).unwrap();
            assert_eq!(top, 0, "{name}, {} columns: {shares:?}", rows.columns);
        }
    });
}

#[test]
fn constant_columns_and_identical_rows_do_no_harm() {
    let mut same = Matrix::with_capacity(600, 4);
    (0..600).for_each(|_| same.push(&[1.0, 2.0, 0.0, 3.0]));
    for kind in kinds() {
        let model = (kind.train)(&same, 1, &config());
        assert!(scores(model.as_ref(), &same).iter().all(|score| score.is_finite()), "{}", kind.name);
        let mut shares = vec![0.0; 4];
        for member in 0..model.members().len() {
            model.attribute(&[1.0, 2.0, 0.0, 9.0], member, &mut shares);
            assert!((shares.iter().sum::<f32>() - 1.0).abs() < 1e-3, "{}", kind.name);
        }
    }
}

#[test]
fn names_are_distinct_and_fit_an_artifact() {
    let mut names: Vec<&str> = kinds().map(|kind| kind.name).collect();
    assert!(names.iter().all(|name| name.len() <= 24));
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), kinds().count());
}

#[test]
fn two_rows_are_enough_not_to_break() {
    let few = blobs(2, 5, 1);
    for kind in kinds() {
        let model = (kind.train)(&few, 1, &config());
        assert!(scores(model.as_ref(), &blobs(40, 5, 2)).iter().all(|score| score.is_finite()), "{}", kind.name);
        let loaded = (kind.load)(&model.save(), 5).unwrap();
        assert_eq!(scores(model.as_ref(), &few), scores(loaded.as_ref(), &few), "{}", kind.name);
    }
}

#[test]
fn the_how_to_shows_the_member_that_these_tests_passed() {
    let page = include_str!("../../../../docs/how-to/add-a-detector.md");
    let code = format!("```rust\n{}```", include_str!("example.rs"));
    assert!(page.contains(&code), "copy crates/detect/src/models/example.rs into docs/how-to/add-a-detector.md");
}
