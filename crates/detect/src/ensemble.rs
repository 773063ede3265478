//! Training, judging, and the vote. Order of training: hold rows out; isolation forest on all the others; trim the
//! strangest; the other models; calibrate each member on one half of the held-out rows; admit those that keep their
//! promised false-positive rate on the other half; combine by the mean of −log10 p; calibrate the combination on that
//! second half. The final p-value is honest whatever the members are, because it was calibrated last. With labels, a
//! second channel knows attacks; the two p-values are joined, not mixed: p = 2·min(novelty, known).

use crate::alike::alike;
use crate::calibrate::Calibration;
use crate::encode::Encoder;
use crate::labelled::{ForestSettings, Known, KnownAttacks, KnownInfo, Labels};
use crate::models::{Detector, Diet, MODELS, Member};
use crate::random::Random;
use crate::{DetectError, EnsembleConfig, explain};
use record::{KnownAttack, Matrix, MemberScore, Schema, Timestamp, Why};
use serde::{Deserialize, Serialize};

/// Most members an ensemble holds.
pub const MEMBERS_MAX: usize = 8;
/// Most evidence one member may bring, −log10 p: one badly calibrated member must not own the vote.
const EVIDENCE_MAX: f64 = 8.0;
/// p-value that is shown as score 1: score = −log10 p / 6, within 0 and 1.
const SCORE_DECADES: f64 = 6.0;
/// Share of the progress that the members take where a known-attack channel is learned too.
const NOVELTY_PROGRESS: f32 = 0.5;
/// The known-attack channel among the members of a record.
const KNOWN_NAME: &str = "random_forest";
/// Rows judged together: scores of all members stay in the second-level cache.
const BATCH_ROWS: usize = 1024;

/// The verdict on one row.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Judgement {
    /// −log10(p) / 6 within 0 and 1: 0.67 is one in ten thousand, 1 is one in a million. For colours and sorting.
    pub score: f32,
    /// How often benign traffic is at least as strange: the novelty channel's p-value alone, or, where attacks are known,
    /// twice the smaller of both channels' (Bonferroni), at most 1.
    pub p_value: f64,
    /// The novelty channel's own p-value: how often benign traffic looks at least as unusual to the members' vote.
    pub novelty: f64,
    /// What the known-attack channel says; none where nothing was labelled.
    pub known: Option<Known>,
    /// p ≤ alpha.
    pub anomalous: bool,
    /// Raw score and p-value of each member, in the order of [`Ensemble::members`]; see [`Ensemble::member_scores`].
    pub members: [(f32, f32); MEMBERS_MAX],
}

/// What is known of a member.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MemberInfo {
    /// Name.
    pub name: String,
    /// True when it votes.
    pub admitted: bool,
    /// Weight of its vote.
    pub weight: f64,
    /// Its false-positive rate on held-out rows at its own 1 % threshold.
    pub false_positive_rate: f64,
    /// The raw score at that threshold.
    pub threshold: f32,
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
    pub(crate) combined: Calibration,
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
        for part in [&mut split.fit, &mut split.first, &mut split.second] {
            encoder.encode(&mut part.values);
        }
        let (models, trimmed) = train_models(&split.fit, seed, config, progress);
        encoder.fit_ranges(&trimmed);
        let calibrated = calibrate_members(&models, &split.first, &split.second, config);
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
            combined: Calibration::fit(Vec::new()),
            attachments: Vec::new(),
            known: None,
        };
        let count = ensemble.members.len();
        let combined = calibrated.second_scores.chunks_exact(count).map(|scores| ensemble.combine(scores).0).collect();
        ensemble.combined = Calibration::fit(combined);
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
        let count = self.members.len();
        let mut encoded = rows.clone();
        self.encoder.encode(&mut encoded.values);
        let (mut scores, mut of_model) = (Vec::new(), Vec::new());
        score_all(&self.models, count, &encoded, &mut of_model, &mut scores);
        let combined = scores.chunks_exact(count).map(|scores| self.combine(scores).0).collect();
        self.combined = Calibration::fit(combined);
        Ok(())
    }

    /// Judges every row; `out` is replaced. Rows must have the schema's columns (others are judged as far as they go).
    /// Rows that are the same are judged once.
    pub fn judge(&self, rows: &Matrix, out: &mut Vec<Judgement>) {
        let Some(alike) = alike(rows) else { return self.judge_each(rows, out) };
        let mut distinct = Vec::new();
        self.judge_each(&alike.rows, &mut distinct);
        out.clear();
        out.extend(alike.places.iter().map(|place| distinct[*place as usize]));
    }

    fn judge_each(&self, rows: &Matrix, out: &mut Vec<Judgement>) {
        out.clear();
        out.reserve(rows.rows());
        let count = self.members.len();
        let mut batch = Matrix::with_capacity(BATCH_ROWS.min(rows.rows()), rows.columns);
        let (mut scores, mut of_model, mut known) = (Vec::new(), Vec::new(), Vec::new());
        for part in rows.values.chunks(BATCH_ROWS * rows.columns.max(1)) {
            batch.values.clear();
            batch.values.extend_from_slice(part);
            self.encoder.encode(&mut batch.values);
            score_all(&self.models, count, &batch, &mut of_model, &mut scores);
            if let Some(channel) = &self.known {
                channel.judge(&batch, &mut known);
            }
            let judgement = |(row, scores)| self.judgement(scores, known.get(row).copied());
            out.extend(scores.chunks_exact(count).enumerate().map(judgement));
        }
    }

    fn judgement(&self, scores: &[f32], known: Option<Known>) -> Judgement {
        let (combined, members) = self.combine(scores);
        let novelty = self.combined.p_value(combined);
        let p_value = known.map_or(novelty, |known| (2.0 * novelty.min(known.p_value)).min(1.0));
        let score = (-p_value.log10() / SCORE_DECADES).clamp(0.0, 1.0) as f32;
        Judgement { score, p_value, novelty, known, anomalous: p_value <= self.alpha, members }
    }

    /// Weighted mean of −log10 p over the members that vote.
    fn combine(&self, scores: &[f32]) -> (f32, [(f32, f32); MEMBERS_MAX]) {
        let mut members = [(0.0, 1.0); MEMBERS_MAX];
        let (mut evidence, mut voters) = (0.0, 0.0);
        for (place, score) in scores.iter().enumerate() {
            let p_value = self.calibrations[place].p_value(*score);
            members[place] = (*score, p_value as f32);
            let member = &self.members[place];
            if member.admitted {
                evidence += member.weight * (-p_value.log10()).min(EVIDENCE_MAX);
                voters += member.weight;
            }
        }
        ((evidence / f64::max(voters, 1e-3)) as f32, members)
    }

    /// A judgement's members by name, as records and the API show them; the known-attack channel comes last, with its
    /// probability for a score. It is not `admitted` to the vote: it speaks beside it.
    #[must_use]
    pub fn member_scores(&self, judgement: &Judgement) -> Vec<MemberScore> {
        let view = |(info, (score, p_value)): (&MemberInfo, &(f32, f32))| MemberScore {
            name: info.name.clone(),
            score: *score,
            p_value: f64::from(*p_value),
            admitted: info.admitted,
        };
        let known = judgement.known.map(|known| MemberScore {
            name: KNOWN_NAME.to_owned(),
            score: known.probability,
            p_value: known.p_value,
            admitted: false,
        });
        self.members.iter().zip(&judgement.members).map(view).chain(known).collect()
    }

    /// What the known-attack channel was learned from; none where there is no such channel.
    #[must_use]
    pub fn known(&self) -> Option<&KnownInfo> {
        self.known.as_ref().map(|known| &known.info)
    }

    /// Both channels of a judgement, as records hold them; none where there is no known-attack channel.
    #[must_use]
    pub fn known_attack(&self, judgement: &Judgement) -> Option<KnownAttack> {
        let (known, info) = (judgement.known?, self.known()?);
        Some(KnownAttack {
            kind: info.kinds.get(usize::from(known.kind)).cloned().unwrap_or_default(),
            probability: known.probability,
            p_value: known.p_value,
        })
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

/// Rows to fit on, and two disjoint held-out parts.
struct Split {
    fit: Matrix,
    first: Matrix,
    second: Matrix,
}

impl Split {
    fn draw(rows: &Matrix, seed: u64, config: &EnsembleConfig) -> Self {
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
fn train_models(
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

/// Scores of all members, row-major, `count` members a row.
fn score_all(
    models: &[Box<dyn Detector>],
    count: usize,
    rows: &Matrix,
    of_model: &mut Vec<f32>,
    scores: &mut Vec<f32>,
) {
    scores.clear();
    scores.resize(rows.rows() * count, 0.0);
    let mut first = 0;
    for model in models {
        let width = model.members().len();
        model.score(rows, of_model);
        for (row, values) in of_model.chunks_exact(width).enumerate() {
            scores[row * count + first..][..width].copy_from_slice(values);
        }
        first += width;
    }
}

struct Calibrated {
    members: Vec<MemberInfo>,
    calibrations: Vec<Calibration>,
    second_scores: Vec<f32>,
}

fn calibrate_members(
    models: &[Box<dyn Detector>],
    first: &Matrix,
    second: &Matrix,
    config: &EnsembleConfig,
) -> Calibrated {
    let kinds: Vec<Member> = models.iter().flat_map(|model| model.members().iter().copied()).collect();
    debug_assert!(kinds.len() <= MEMBERS_MAX);
    let count = kinds.len();
    let (mut of_model, mut first_scores, mut second_scores) = (Vec::new(), Vec::new(), Vec::new());
    score_all(models, count, first, &mut of_model, &mut first_scores);
    score_all(models, count, second, &mut of_model, &mut second_scores);
    let column =
        |scores: &[f32], member: usize| -> Vec<f32> { scores.chunks_exact(count).map(|s| s[member]).collect() };
    let (mut members, mut calibrations) = (Vec::new(), Vec::new());
    for (member, Member { name, weight }) in kinds.into_iter().enumerate() {
        let calibration = Calibration::fit(column(&first_scores, member));
        let threshold = calibration.quantile(0.99);
        let exceeding = column(&second_scores, member).iter().filter(|score| **score > threshold).count();
        members.push(MemberInfo {
            name: name.to_owned(),
            weight,
            admitted: config.may_vote(name)
                && exceeding <= exceeding_max(second.rows(), config.admission_false_positive_rate_max),
            false_positive_rate: exceeding as f64 / second.rows().max(1) as f64,
            threshold,
        });
        calibrations.push(calibration);
    }
    if members.iter().all(|member| !member.admitted) {
        // Somebody must vote: the one that keeps its promise best. The second calibration makes its p-values honest.
        let best = members
            .iter_mut()
            .filter(|member| config.may_vote(&member.name))
            .min_by(|a, b| a.false_positive_rate.total_cmp(&b.false_positive_rate));
        if let Some(best) = best {
            best.admitted = true;
        }
    }
    Calibrated { members, calibrations, second_scores }
}

/// Exceedances that still speak for an honest member: the allowed rate, plus what chance adds on few rows (the
/// threshold itself is estimated from as many rows, hence twice the binomial variance; two standard deviations).
fn exceeding_max(rows: usize, rate_max: f64) -> usize {
    let expected = rows as f64 * 0.01;
    (rows as f64 * rate_max).max(expected + 2.0 * (2.0 * expected).sqrt()).floor() as usize
}
