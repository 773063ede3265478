//! A trained ensemble: what it holds, how it is trained. Order of training: hold rows out; isolation forest on all the
//! others; trim the strangest; the other models; calibrate each member on one half of the held-out rows; admit those that
//! keep their promised false-positive rate on the other half and tell forged rows from it; set the gate of the second stage;
//! calibrate the vote on both halves. The final p-value is honest whatever the members are, because it was calibrated last. With labels, a
//! second channel knows attacks; the two p-values are joined, not mixed: the harmonic mean of both.

use crate::calibrate::Calibration;
use crate::encode::Encoder;
use crate::forged::forge;
use crate::guests::Guest;
use crate::labelled::{ForestSettings, KnownAttacks, KnownInfo, Labels};
use crate::models::Detector;
use crate::training::{Split, calibrate_members, score_all, train_models};
use crate::{DetectError, EnsembleConfig, explain};
use record::{Matrix, Schema, Timestamp, Why};
use serde::{Deserialize, Serialize};

/// Most members an ensemble holds.
pub const MEMBERS_MAX: usize = 8;
/// Share of the progress that the members take where a known-attack channel is learned too.
const NOVELTY_PROGRESS: f32 = 0.5;

/// What is known of a member.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MemberInfo {
    /// Name.
    pub name: String,
    /// True when it votes.
    pub admitted: bool,
    /// Why it does not; none when it votes.
    #[serde(default)]
    pub silence: Option<Silence>,
    /// Its false-positive rate on held-out rows at its own 1 % threshold.
    pub false_positive_rate: f64,
    /// The raw score at that threshold.
    pub threshold: f32,
    /// Area under its ROC curve, forged rows against held-out ones: what it can tell apart, measured without labels; 0 for a user's own model.
    #[serde(default)]
    pub ranking: f64,
}

/// Why a member has no vote.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Silence {
    /// Nobody asked for it: it looks at what another member looks at, or others were named.
    Unasked,
    /// It flags more held-out rows than it promises.
    Promise,
    /// It tells forged rows from true ones much worse than the best member.
    Ranking,
    /// A simple forecast (the value before, or one season before) is as good as its own.
    Baseline,
    /// Not calibrated yet, or muted.
    Shadow,
}

/// What an ensemble was learned from; kept in its artifact.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct TrainingSpan {
    /// First flow or window learned from; filled by the caller of [`Ensemble::train`].
    pub from: Option<Timestamp>,
    /// Last one.
    pub until: Option<Timestamp>,
    /// Packets behind the rows.
    pub packets: u64,
    /// Rows offered.
    pub rows: u64,
}

/// How training went.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TrainReport {
    /// Rows offered.
    pub rows: usize,
    /// Rows the models learned from.
    pub rows_fitted: usize,
    /// Of these, rows kept from the models that bear no contamination.
    pub rows_trimmed: usize,
    /// Rows held out for calibration.
    pub rows_held_out: usize,
    /// Rows labelled as attacks, which no member learned from.
    pub rows_attack: usize,
    /// Members.
    pub members: Vec<MemberInfo>,
    /// The known-attack channel: none without labels, or with too few rows of attacks.
    pub known: Option<KnownInfo>,
}

/// Trained models with their calibration.
#[derive(Debug)]
pub struct Ensemble {
    pub(crate) schema: Schema,
    pub(crate) seed: u64,
    pub(crate) alpha: f64,
    pub(crate) span: TrainingSpan,
    pub(crate) encoder: Encoder,
    pub(crate) models: Vec<Box<dyn Detector>>,
    pub(crate) members: Vec<MemberInfo>,
    pub(crate) calibrations: Vec<Calibration>,
    /// Evidence of the cheap members from which on the others are asked too; none: all are asked about every row.
    pub(crate) gate: Option<f32>,
    pub(crate) combined: Calibration,
    /// Users' own models.
    pub(crate) guests: Vec<Guest>,
    /// Sections that the caller keeps in the artifact, by name.
    pub(crate) attachments: Vec<(String, Vec<u8>)>,
    pub(crate) known: Option<KnownAttacks>,
}

impl Ensemble {
    /// Learns from rows of `schema`, most of them benign. The same rows, seed and settings give the same ensemble.
    /// `progress` hears a rising share from 0 to 1.
    ///
    /// # Errors
    /// Fewer rows than `config.rows_min`, rows of another width, a setting out of range.
    pub fn train(
        schema: &Schema,
        rows: &Matrix,
        seed: u64,
        config: &EnsembleConfig,
        progress: &mut dyn FnMut(f32),
    ) -> Result<(Self, TrainReport), DetectError> {
        check(schema, rows, config)?;
        progress(0.0);
        let mut split = Split::draw(rows, seed, config);
        let mut encoder = Encoder::fit(schema, &split.fit);
        let mut forged = forge(&split.second, seed);
        for part in [&mut split.fit, &mut split.first, &mut split.second, &mut forged] {
            encoder.encode(&mut part.values);
        }
        let (models, trimmed) = train_models(&split.fit, seed, config, progress);
        encoder.fit_ranges(&trimmed);
        let calibrated = calibrate_members(&models, &split, &forged, config);
        let report = TrainReport {
            rows: rows.rows(),
            rows_fitted: split.fit.rows(),
            rows_trimmed: split.fit.rows() - trimmed.rows(),
            rows_held_out: split.first.rows() + split.second.rows(),
            rows_attack: 0,
            members: calibrated.members.clone(),
            known: None,
        };
        let mut ensemble = Self {
            schema: schema.clone(),
            seed,
            alpha: config.alpha,
            span: TrainingSpan { rows: rows.rows() as u64, ..TrainingSpan::default() },
            encoder,
            models,
            members: calibrated.members,
            calibrations: calibrated.calibrations,
            gate: None,
            combined: Calibration::fit(Vec::new()),
            guests: Vec::new(),
            attachments: Vec::new(),
            known: None,
        };
        ensemble.gate = ensemble.gate_at(&calibrated.first_scores, config.second_stage_fraction);
        let held_out = [calibrated.first_scores, calibrated.second_scores].concat();
        ensemble.combined = Calibration::fit(ensemble.statistics(&held_out, None));
        progress(1.0);
        Ok((ensemble, report))
    }

    /// As [`Ensemble::train`], with labels: the members learn from the benign rows alone, and a Random Forest learns the
    /// kinds of all rows as the known-attack channel. Without labels, or with fewer than
    /// [`ATTACK_ROWS_MIN`](crate::labelled::ATTACK_ROWS_MIN) rows of attacks, there is no such channel.
    ///
    /// # Errors
    /// As [`Ensemble::train`] for the benign rows; labels of another length, or that name no kind.
    pub fn train_labelled(
        schema: &Schema,
        rows: &Matrix,
        labels: Option<&Labels>,
        seed: u64,
        config: &EnsembleConfig,
        progress: &mut dyn FnMut(f32),
    ) -> Result<(Self, TrainReport), DetectError> {
        let Some(labels) = labels else { return Self::train(schema, rows, seed, config, progress) };
        check_columns(schema, rows)?;
        labels.check(rows.rows())?;
        let mut benign = Matrix::with_capacity(rows.rows(), rows.columns);
        (0..rows.rows()).filter(|row| labels.of_row[*row] == 0).for_each(|row| benign.push(rows.row(row)));
        let (mut ensemble, mut report) =
            Self::train(schema, &benign, seed, config, &mut |share| progress(share * NOVELTY_PROGRESS))?;
        let mut encoded = rows.clone();
        ensemble.encoder.encode(&mut encoded.values);
        let settings = ForestSettings { trees: config.labelled_trees, ..ForestSettings::default() };
        let told = &mut |share| progress(NOVELTY_PROGRESS + share * (1.0 - NOVELTY_PROGRESS));
        ensemble.known = KnownAttacks::train(&encoded, labels, seed, &settings, config.labelled_rows_max, told)?;
        report.rows_attack = rows.rows() - benign.rows();
        report.known = ensemble.known.as_ref().map(|known| known.info.clone());
        progress(1.0);
        Ok((ensemble, report))
    }

    /// Fits the last calibration anew on benign rows that stand for all of them. For ensembles whose training rows were chosen (by
    /// another ensemble's p-values, say): without it, what was left out would look stranger than it is.
    ///
    /// # Errors
    /// Rows of another width, or none.
    pub fn recalibrate(&mut self, rows: &Matrix) -> Result<(), DetectError> {
        let expected = self.schema.features.len();
        if rows.columns != expected {
            return Err(DetectError::Columns { schema: self.schema.name.to_string(), expected, found: rows.columns });
        }
        if rows.rows() == 0 {
            return Err(DetectError::TooFewRows { rows: 0, needed: 1 });
        }
        let mut encoded = rows.clone();
        self.encoder.encode(&mut encoded.values);
        self.combined = Calibration::fit(self.statistics(&score_all(&self.models, &encoded), Some(rows)));
        Ok(())
    }

    /// What the known-attack channel was learned from; none where there is no such channel.
    #[must_use]
    pub fn known(&self) -> Option<&KnownInfo> {
        self.known.as_ref().map(|known| &known.info)
    }

    /// The five columns that make a row strange, strongest first, with what was expected of them. About 100 µs.
    #[must_use]
    pub fn explain(&self, row: &[f32]) -> Vec<Why> {
        explain::explain(self, row)
    }

    /// The members, in the order of [`Judgement::members`].
    #[must_use]
    pub fn members(&self) -> &[MemberInfo] {
        &self.members
    }

    /// What it was learned from.
    #[must_use]
    pub fn span(&self) -> &TrainingSpan {
        &self.span
    }

    /// Notes what the rows were (times, packets); `rows` is kept as counted in training.
    pub fn set_span(&mut self, from: Option<Timestamp>, until: Option<Timestamp>, packets: u64) {
        self.span = TrainingSpan { from, until, packets, rows: self.span.rows };
    }

    /// The threshold on the combined p-value.
    #[must_use]
    pub fn alpha(&self) -> f64 {
        self.alpha
    }

    /// The seed it was learned with.
    #[must_use]
    pub fn seed(&self) -> u64 {
        self.seed
    }

    /// Moves the threshold; within 1e-12 and 0.5.
    pub fn set_alpha(&mut self, alpha: f64) {
        self.alpha = if alpha.is_nan() { self.alpha } else { alpha.clamp(1e-12, 0.5) };
    }

    /// The schema it reads.
    #[must_use]
    pub fn schema(&self) -> &Schema {
        &self.schema
    }
}

fn check(schema: &Schema, rows: &Matrix, config: &EnsembleConfig) -> Result<(), DetectError> {
    config.check()?;
    check_columns(schema, rows)?;
    if rows.rows() < config.rows_min {
        return Err(DetectError::TooFewRows { rows: rows.rows(), needed: config.rows_min });
    }
    Ok(())
}

fn check_columns(schema: &Schema, rows: &Matrix) -> Result<(), DetectError> {
    let expected = schema.features.len();
    if rows.columns != expected || expected == 0 || !rows.values.len().is_multiple_of(expected) {
        return Err(DetectError::Columns { schema: schema.name.to_string(), expected, found: rows.columns });
    }
    if expected > crate::kernels::COLUMNS_MAX {
        let (value, range) = (expected.to_string(), "1 to 256");
        return Err(DetectError::Setting { name: "columns of the schema", value, range });
    }
    Ok(())
}
