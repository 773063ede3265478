//! The result of an evaluation as it is written: the contract's object `tripline.evaluation/1`, and what a report draws. Owns names and
//! shapes; measures nothing.

use crate::input::{Dataset, Input};
use crate::metrics::{Curve, Interval};
use crate::teach::Lesson;
use detect::Ensemble;
use record::Timestamp;
use serde::Serialize;
use std::collections::BTreeMap;

/// Bars of a histogram.
const BARS: usize = 40;

/// Figures of one judge. None (null): the rows do not allow this figure.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Metrics {
    /// Area under the ROC curve.
    pub roc_auc: Option<f64>,
    /// Average precision.
    pub pr_auc: Option<f64>,
    /// Equal error rate.
    pub eer: Option<f64>,
    /// Share of attacks caught at these rates of false positives.
    pub tpr_at_fpr: BTreeMap<String, Option<f64>>,
    /// At the threshold set in training.
    pub precision: Option<f64>,
    /// At the threshold set in training.
    pub recall: Option<f64>,
    /// At the threshold set in training.
    pub f1: Option<f64>,
    /// At the threshold set in training.
    pub accuracy: Option<f64>,
    /// Benign rows called, per hour of the rows' time.
    pub false_alarms_per_hour: Option<f64>,
    /// Median over the detected episodes, from start to the end of the first row that was called.
    pub time_to_detect_s: Option<f64>,
    /// Share of benign rows called.
    pub false_positive_rate: Option<f64>,
    /// The same in parts of the nominal rate.
    pub realised_over_nominal_fpr: Option<f64>,
    /// 95 %, as if benign rows came independently of each other.
    pub realised_over_nominal_interval: Option<[f64; 2]>,
    /// Episodes of attack.
    pub episodes: usize,
    /// Of these, called at least once.
    pub episodes_detected: usize,
    /// 95 %, bootstrap over `units`.
    pub roc_auc_interval: Option<Interval>,
    /// 95 %, bootstrap over `units`.
    pub pr_auc_interval: Option<Interval>,
    /// For members: does it vote?
    #[serde(skip_serializing_if = "Option::is_none")]
    pub admitted: Option<bool>,
}

/// `tripline.evaluation/1`.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Evaluation {
    /// Name of this form.
    pub schema: &'static str,
    /// Rows judged.
    pub rows: usize,
    /// Attacks among them.
    pub positives: usize,
    /// Rows that were learned from; attacks among them only where attacks were learned.
    pub train_rows: u64,
    /// `time`: every row is later than what was learned from. `given`: the files say what is judged.
    pub split: &'static str,
    /// Seed of the models.
    pub seed: u64,
    /// SHA-256 of the files judged.
    pub data_sha256: String,
    /// SHA-256 of the files learned from.
    pub train_sha256: String,
    /// What the rows are.
    pub input: String,
    /// First row's start.
    pub first: Option<Timestamp>,
    /// Last row's end.
    pub last: Option<Timestamp>,
    /// Rate of false positives that thresholds were set for.
    pub nominal_fpr: f64,
    /// What the bootstrap drew.
    pub units: String,
    /// Each member.
    pub members: BTreeMap<String, Metrics>,
    /// The vote.
    pub ensemble: Metrics,
    /// The vote against each kind of attack.
    pub by_kind: BTreeMap<String, Metrics>,
    /// What must be beaten.
    pub baselines: BTreeMap<String, Metrics>,
    /// What a person should know.
    pub notes: Vec<String>,
}

impl Evaluation {
    pub(crate) fn new(input: &Input, ensemble: &Ensemble, lesson: &Lesson, data: &Dataset, nominal_fpr: f64) -> Self {
        let (first, last) = data.span().unzip();
        let later = first.zip(ensemble.span().until).is_some_and(|(first, until)| first >= until);
        Self {
            schema: "tripline.evaluation/1",
            rows: data.info.len(),
            train_rows: if lesson.rows > 0 { lesson.rows as u64 } else { ensemble.span().rows },
            split: if later { "time" } else { "given" },
            seed: ensemble.seed(),
            data_sha256: input.data_sha256.clone(),
            train_sha256: lesson.data_sha256.clone(),
            input: input.describe(),
            first,
            last,
            nominal_fpr,
            ..Self::default()
        }
    }
}

/// What a report draws of one judge.
#[derive(Clone, Debug, PartialEq)]
pub struct Chart {
    /// Judge.
    pub name: String,
    /// (false, true) positive rate.
    pub roc: Vec<(f64, f64)>,
    /// (recall, precision).
    pub precision: Vec<(f64, f64)>,
    /// Lower end and width of the histogram's range.
    pub range: (f64, f64),
    /// Share of benign rows and of attacks in each bar.
    pub bars: Vec<(f64, f64)>,
}

impl Chart {
    pub(crate) fn new(name: &str, curve: &Curve, scores: &[f64], attacks: &[bool], corners: usize) -> Self {
        let mut sorted: Vec<f64> = scores.iter().copied().filter(|score| score.is_finite()).collect();
        sorted.sort_by(f64::total_cmp);
        let at =
            |share: f64| sorted.get((share * sorted.len().saturating_sub(1) as f64) as usize).copied().unwrap_or(0.0);
        // One wild score must not press all others into one bar.
        let (low, high) = (at(0.0), at(0.995).max(at(0.0) + 1e-9));
        let mut counts = vec![(0.0, 0.0); BARS];
        for (score, attack) in scores.iter().zip(attacks) {
            let place = ((score - low) / (high - low) * BARS as f64).clamp(0.0, BARS as f64 - 1.0) as usize;
            *(if *attack { &mut counts[place].1 } else { &mut counts[place].0 }) += 1.0;
        }
        let positives = attacks.iter().filter(|attack| **attack).count();
        let (benign, positives) = ((attacks.len() - positives).max(1) as f64, positives.max(1) as f64);
        Self {
            name: name.to_owned(),
            roc: curve.roc_points(corners),
            precision: curve.precision_points(corners),
            range: (low, high - low),
            bars: counts.into_iter().map(|(quiet, hits)| (quiet / benign, hits / positives)).collect(),
        }
    }
}
