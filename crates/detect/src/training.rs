//! The steps of training between rows and a vote: what is held out, who learns from what, who may vote. Owns the
//! contamination guard and the admission gate (a promise kept, forged rows recognised); knows nothing of how the votes are combined.

use crate::EnsembleConfig;
use crate::calibrate::Calibration;
use crate::ensemble::{MEMBERS_MAX, MemberInfo, Silence};
use crate::forged::ranking;
use crate::models::{Detector, Diet, MODELS, Member};
use crate::random::Random;
use record::Matrix;

/// Rows to fit on, and two disjoint held-out parts.
pub(crate) struct Split {
    pub(crate) fit: Matrix,
    pub(crate) first: Matrix,
    pub(crate) second: Matrix,
}

impl Split {
    pub(crate) fn draw(rows: &Matrix, seed: u64, config: &EnsembleConfig) -> Self {
        let drawn = Random::new(seed, 0x5b11).sample(rows.rows(), config.rows_max);
        let half = (drawn.len() as f64 * config.held_out_fraction / 2.0).round() as usize;
        let take = |indices: &[usize]| {
            let mut part = Matrix::with_capacity(indices.len(), rows.columns);
            for row in indices {
                part.push(rows.row(*row));
            }
            part
        };
        Self { first: take(&drawn[..half]), second: take(&drawn[half..2 * half]), fit: take(&drawn[2 * half..]) }
    }
}

/// All models, and the rows that the trimmed ones learned from.
pub(crate) fn train_models(
    fit: &Matrix,
    seed: u64,
    config: &EnsembleConfig,
    progress: &mut dyn FnMut(f32),
) -> (Vec<Box<dyn Detector>>, Matrix) {
    let mut models: Vec<Box<dyn Detector>> = Vec::with_capacity(MODELS.len());
    let mut trimmed: Option<Matrix> = None;
    for (place, kind) in MODELS.iter().enumerate() {
        let model = match kind.diet {
            Diet::Untrimmed => (kind.train)(fit, seed, config),
            Diet::Trimmed => {
                let rows =
                    trimmed.get_or_insert_with(|| trim(models.first().map(Box::as_ref), fit, config.trim_fraction));
                (kind.train)(rows, seed, config)
            }
        };
        models.push(model);
        progress((place + 1) as f32 / (MODELS.len() + 1) as f32);
    }
    let trimmed = trimmed.unwrap_or_else(|| trim(models.first().map(Box::as_ref), fit, config.trim_fraction));
    (models, trimmed)
}

/// `rows` without the `fraction` that `guard` finds strangest, in the same order.
fn trim(guard: Option<&dyn Detector>, rows: &Matrix, fraction: f64) -> Matrix {
    let Some(guard) = guard else { return rows.clone() };
    let mut scores = Vec::new();
    guard.score(rows, &mut scores);
    let keep = rows.rows() - (rows.rows() as f64 * fraction).floor() as usize;
    let mut order: Vec<usize> = (0..rows.rows()).collect();
    order.sort_by(|a, b| scores[*a].total_cmp(&scores[*b]));
    order.truncate(keep);
    order.sort_unstable();
    let mut kept = Matrix::with_capacity(keep, rows.columns);
    for row in &order {
        kept.push(rows.row(*row));
    }
    kept
}

/// Scores of all members on encoded rows, row-major.
pub(crate) fn score_all(models: &[Box<dyn Detector>], rows: &Matrix) -> Vec<f32> {
    let count: usize = models.iter().map(|model| model.members().len()).sum();
    let (mut scores, mut of_model, mut first) = (vec![0.0; rows.rows() * count], Vec::new(), 0);
    for model in models {
        let width = model.members().len();
        model.score(rows, &mut of_model);
        for (row, values) in of_model.chunks_exact(width).enumerate() {
            scores[row * count + first..][..width].copy_from_slice(values);
        }
        first += width;
    }
    scores
}

/// Calibrated members, and the scores of all of them on both held-out parts, row-major.
pub(crate) struct Calibrated {
    pub(crate) members: Vec<MemberInfo>,
    pub(crate) calibrations: Vec<Calibration>,
    pub(crate) first_scores: Vec<f32>,
    pub(crate) second_scores: Vec<f32>,
}

/// Calibrates every member on the first part, and admits by the second and by the rows forged from it.
pub(crate) fn calibrate_members(
    models: &[Box<dyn Detector>],
    split: &Split,
    forged: &Matrix,
    config: &EnsembleConfig,
) -> Calibrated {
    let kinds: Vec<Member> = models.iter().flat_map(|model| model.members().iter().copied()).collect();
    debug_assert!(kinds.len() <= MEMBERS_MAX);
    let count = kinds.len();
    let first_scores = score_all(models, &split.first);
    let second_scores = score_all(models, &split.second);
    let forged_scores = score_all(models, forged);
    let column =
        |scores: &[f32], member: usize| -> Vec<f32> { scores.chunks_exact(count).map(|s| s[member]).collect() };
    let (mut members, mut calibrations) = (Vec::new(), Vec::new());
    for (member, Member { name, votes }) in kinds.into_iter().enumerate() {
        let calibration = Calibration::fit(column(&first_scores, member));
        let (threshold, second) = (calibration.quantile(0.99), column(&second_scores, member));
        let exceeding = second.iter().filter(|score| **score > threshold).count();
        let silence = if !config.may_vote(name, votes) {
            Some(Silence::Unasked)
        } else if exceeding > exceeding_max(second.len(), config.admission_false_positive_rate_max) {
            Some(Silence::Promise)
        } else {
            None
        };
        members.push(MemberInfo {
            name: name.to_owned(),
            admitted: silence.is_none(),
            silence,
            false_positive_rate: exceeding as f64 / second.len().max(1) as f64,
            threshold,
            ranking: ranking(&second, &column(&forged_scores, member)),
        });
        calibrations.push(calibration);
    }
    silence_the_blind(&mut members, config.admission_ranking_error_ratio_max);
    Calibrated { members, calibrations, first_scores, second_scores }
}

/// Takes the vote from those that tell forged rows from true ones much worse than the best member that may vote.
fn silence_the_blind(members: &mut [MemberInfo], ratio_max: f64) {
    if members.iter().all(|member| !member.admitted) {
        // Somebody must vote: the one that keeps its promise best. The last calibration makes its p-values honest.
        let asked = members.iter_mut().filter(|member| member.silence != Some(Silence::Unasked));
        if let Some(best) = asked.min_by(|a, b| a.false_positive_rate.total_cmp(&b.false_positive_rate)) {
            (best.admitted, best.silence) = (true, None);
        }
    }
    let voting = members.iter().filter(|member| member.admitted);
    let least = voting.map(|member| 1.0 - member.ranking).fold(f64::MAX, f64::min);
    let blind = |member: &&mut MemberInfo| member.admitted && 1.0 - member.ranking > ratio_max * least;
    for member in members.iter_mut().filter(blind) {
        (member.admitted, member.silence) = (false, Some(Silence::Ranking));
    }
}

/// Exceedances that still speak for an honest member: the allowed rate, plus what chance adds on few rows (the
/// threshold itself is estimated from as many rows, hence twice the binomial variance; three standard deviations, because
/// a member that is silent by chance is missed more than one that is heard by chance: the last calibration is made with it).
pub(crate) fn exceeding_max(rows: usize, rate_max: f64) -> usize {
    let expected = rows as f64 * 0.01;
    (rows as f64 * rate_max).max(expected + 3.0 * (2.0 * expected).sqrt()).floor() as usize
}
