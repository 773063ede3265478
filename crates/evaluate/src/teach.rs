//! `train`: rows, labels and a seed to an ensemble with everything in its artifact that `evaluate` needs later. Owns what is attached
//! to an artifact; the models are `detect`'s.

use crate::baselines::Baselines;
use crate::decision::decide;
use crate::input::Input;
use crate::stability::Learned;
use crate::tables::{TableError, TablePlan};
use crate::truth::Truth;
use crate::verdicts::Verdicts;
use detect::labelled::Labels;
use detect::{DetectError, Ensemble, EnsembleConfig, TrainReport};
use serde::{Deserialize, Serialize};

/// Name of the attachment with [`TablePlan`], JSON.
const PLAN: &str = "table";
/// Name of the attachment with [`Lesson`], JSON.
const LESSON: &str = "lesson";
/// The known-attack channel among the names of `--models`.
const RANDOM_FOREST: &str = "random_forest";

/// Why nothing was learned, or an artifact cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum TeachError {
    /// The input.
    #[error(transparent)]
    Table(#[from] TableError),
    /// The models.
    #[error(transparent)]
    Detect(#[from] DetectError),
    /// A model that does not exist.
    #[error("--models {asked}: there is no such model; the models are {known}")]
    NoSuchModel {
        /// As typed.
        asked: String,
        /// Those there are.
        known: String,
    },
    /// A random forest without labels.
    #[error(
        "--models random_forest learns from labelled attacks: name the label column with --label-column and --benign, or the attacks with --labels"
    )]
    NoLabels,
    /// Verdicts are of flows; the input has other columns.
    #[error("--verdicts are of flows as `tripline run` sees them; learn from captures, or leave it out")]
    OtherColumns,
}

/// What was learned from, kept in the artifact.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Lesson {
    /// SHA-256 of the training files, one after the other.
    pub data_sha256: String,
    /// Rows learned from; attacks among them only where attacks are learned.
    pub rows: usize,
    /// Rows labelled as attacks, learned or left out; None without labels.
    pub attacks: Option<usize>,
    /// p-value at which a row is called, chosen from the training rows alone; None without labelled kinds to choose by.
    #[serde(default)]
    pub decision: Option<f64>,
    /// Flows that people called benign, and attacks; 0 without verdicts.
    #[serde(default)]
    pub said: (usize, usize),
    /// Baselines, learned from the same benign rows.
    pub baselines: Baselines,
}

/// The result of training.
pub struct Taught {
    /// The models, with their attachments.
    pub ensemble: Ensemble,
    /// How it went.
    pub report: TrainReport,
    /// What was learned from.
    pub lesson: Lesson,
    /// How columns are read; None for captures.
    pub plan: Option<TablePlan>,
}

/// Learns. `models` names the members that vote (empty: all that keep their promise). The same input, seed and settings give the same
/// artifact, byte for byte.
///
/// # Errors
/// Too few rows, a model that does not exist, columns that cannot be learned from.
pub fn teach(
    input: &mut Input,
    models: &[String],
    seed: u64,
    config: &EnsembleConfig,
    progress: &mut dyn FnMut(f32),
) -> Result<Taught, TeachError> {
    teach_with(input, models, None, (seed, config), progress)
}

/// As `teach`, with verdicts of people as further labels.
///
/// # Errors
/// As `teach`; verdicts beside a table, whose columns are not those of flows.
pub fn teach_with(
    input: &mut Input,
    models: &[String],
    verdicts: Option<&Verdicts>,
    (seed, config): (u64, &EnsembleConfig),
    progress: &mut dyn FnMut(f32),
) -> Result<Taught, TeachError> {
    let plan = input.plan()?;
    if plan.is_some() && verdicts.is_some() {
        return Err(TeachError::OtherColumns);
    }
    let said = verdicts.map_or((0, 0), Verdicts::rows);
    let data = input.dataset(plan.as_ref())?;
    let schema = plan.as_ref().map_or_else(|| features::flow_schema().clone(), TablePlan::schema);
    let asked = models.iter().any(|name| name == RANDOM_FOREST);
    let forest = asked || (models.is_empty() && !input.keeps_all_attacks());
    if data.truth.is_none() && said.1 == 0 && asked {
        return Err(TeachError::NoLabels);
    }
    let attacks = data.truth.as_ref().map(Truth::attacks);
    let voting = models.iter().filter(|name| *name != RANDOM_FOREST).cloned().collect();
    let config = EnsembleConfig { voting, ..config.clone() };
    let (mut rows, mut labels) = match &data.truth {
        Some(truth) if forest => {
            let of_row = truth.of_row.iter().map(|kind| kind.unwrap_or(0)).collect();
            (data.rows.clone(), Some(Labels { kinds: truth.kinds.clone(), of_row }))
        }
        Some(_) => (benign_only(&data.rows, attacks.as_deref()), None),
        None => (data.rows.clone(), None),
    };
    if let Some(verdicts) = verdicts {
        verdicts.join(&mut rows, &mut labels, forest);
    }
    let (mut ensemble, report) = Ensemble::train_labelled(&schema, &rows, labels.as_ref(), seed, &config, progress)?;
    check_names(models, &report)?;
    let (from, until) = data.span().unzip();
    ensemble.set_span(from, until, input.packets);
    let quiet = |row: &usize| attacks.as_ref().is_none_or(|attacks| !attacks[*row]);
    let benign: Vec<_> = (0..data.info.len()).filter(quiet).map(|row| data.info[row]).collect();
    Learned::learn(&benign_only(&data.rows, attacks.as_deref())).attach(&mut ensemble);
    let lesson = Lesson {
        data_sha256: input.data_sha256.clone(),
        rows: rows.rows(),
        decision: match &labels {
            Some(labels) if ensemble.known().is_some() => decide(&ensemble, &rows, labels, seed, &config)?,
            _ => None,
        },
        said,
        attacks: attacks.as_ref().map(|attacks| attacks.iter().filter(|attack| **attack).count()),
        baselines: Baselines::learn(&benign),
    };
    ensemble.attach(LESSON, serde_json::to_vec(&lesson).unwrap_or_default());
    if let Some(plan) = &plan {
        ensemble.attach(PLAN, serde_json::to_vec(plan).unwrap_or_default());
    }
    Ok(Taught { ensemble, report, lesson, plan })
}

/// Only members know their names, so this is asked when there are some.
fn check_names(models: &[String], report: &TrainReport) -> Result<(), TeachError> {
    let known: Vec<&str> = report.members.iter().map(|member| &*member.name).chain([RANDOM_FOREST]).collect();
    match models.iter().find(|name| !known.contains(&&***name)) {
        Some(asked) => Err(TeachError::NoSuchModel { asked: asked.clone(), known: known.join(", ") }),
        None => Ok(()),
    }
}

fn benign_only(rows: &record::Matrix, attacks: Option<&[bool]>) -> record::Matrix {
    let mut benign = record::Matrix::with_capacity(rows.rows(), rows.columns);
    let quiet = |row: &usize| attacks.is_none_or(|attacks| !attacks[*row]);
    (0..rows.rows()).filter(quiet).for_each(|row| benign.push(rows.row(row)));
    benign
}

/// Models from an artifact, with what was attached to them.
///
/// # Errors
/// A damaged artifact or attachment; models of another schema than this program's flows without a table's plan.
pub fn recall(bytes: &[u8]) -> Result<(Ensemble, Option<TablePlan>, Lesson), TeachError> {
    let ensemble = Ensemble::from_bytes_as_stored(bytes)?;
    let unreadable = |name: &str| DetectError::Damaged(format!("section {name} is not readable"));
    let parsed = |bytes: &[u8]| serde_json::from_slice::<TablePlan>(bytes).map_err(|_| unreadable(PLAN));
    let plan = ensemble.attachment(PLAN).map(parsed).transpose()?;
    let lesson = match ensemble.attachment(LESSON) {
        Some(bytes) => serde_json::from_slice(bytes).map_err(|_| unreadable(LESSON))?,
        // Learned by a running process: its baselines are not known.
        None => Lesson::default(),
    };
    let expected = plan.as_ref().map_or_else(|| features::flow_schema().clone(), TablePlan::schema);
    if expected.fingerprint() != ensemble.schema().fingerprint() {
        let label = |schema: &record::Schema| format!("{} ({:016x})", schema.name, schema.fingerprint());
        let (found, expected) = (label(ensemble.schema()), label(&expected));
        return Err(DetectError::SchemaMismatch { found, expected }.into());
    }
    Ok((ensemble, plan, lesson))
}
