//! The JSON of `/models` and of what people say of detections.

use super::{ModelPhase, ModelTrainedOn};
use record::{FeedbackScope, FeedbackVerdict, Incident, Suppression, Timestamp};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// How often flows had which p-value, since the models are in place.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ScoreHistogram {
    /// Width of a bin, decades: bin n counts p-values from 10^(−n·width) down to 10^(−(n+1)·width); the last all smaller ones.
    pub bin_decades: f64,
    /// p-value at and below which a flow is flagged.
    pub threshold_p: f64,
    /// Flows that the ensemble finds ordinary.
    pub ordinary: Vec<u64>,
    /// Flows that it finds anomalous.
    pub anomalous: Vec<u64>,
}

/// Where a model of a user's own stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ImportStanding {
    /// Shown, without a vote, until it is calibrated on benign flows.
    Shadow,
    /// Calibrated, and it keeps its promise: it votes.
    Votes,
    /// Calibrated, and it flags more than it promises, or says the same of every flow.
    NoVote,
    /// Not asked any more.
    Muted,
}

/// The form of `POST /models/import`.
#[derive(Clone, Debug, ToSchema)]
pub struct ModelFiles {
    /// Two files: the model (`.onnx`) and its manifest (`.toml` or `.json`).
    #[schema(value_type = Vec<String>, format = Binary)]
    pub file: Vec<Vec<u8>>,
}

/// One member of the ensemble.
#[derive(Clone, Debug, Default, Serialize, Deserialize, ToSchema)]
pub struct ModelMember {
    /// Name.
    pub name: String,
    /// What it judges: `flow`, `packet`, `host`, `series`.
    #[serde(default)]
    pub kind: String,
    /// What it looks at, one sentence.
    #[serde(default)]
    pub looks_at: String,
    /// Passed the admission gate.
    pub admitted: bool,
    /// Why it votes, or why not.
    #[serde(default)]
    pub why: String,
    /// 1: it votes, and the vote is that of the member with most evidence; 0: it does not.
    #[serde(default)]
    pub weight: f64,
    /// False positives on held-out benign flows at the target rate.
    pub held_out_fpr: Option<f64>,
    /// Score above which the member by itself would flag a flow.
    pub threshold: Option<f64>,
    /// Share of benign flows that it promises to flag at this threshold.
    #[serde(default)]
    pub nominal_fpr: Option<f64>,
    /// Share of live flows outside incidents that it flags there; null before the first hundred.
    #[serde(default)]
    pub realised_fpr: Option<f64>,
    /// How its live scores are spread; null before the first flow.
    #[serde(default)]
    pub scores: Option<ScoreHistogram>,
    /// Bytes of its weights; 0 when not known.
    pub weight_bytes: u64,
    /// Where it stands, for a user's own model; null for the others.
    #[serde(default)]
    pub imported: Option<ImportStanding>,
}

/// The ensemble on live flows, since it is in place.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct EnsembleLive {
    /// Flows judged.
    pub flows: u64,
    /// Of these, in no incident.
    pub flows_outside: u64,
    /// Of these, flagged: taken for false positives.
    pub flagged: u64,
    /// Share of benign flows that it promises to flag.
    pub nominal_fpr: f64,
    /// Share of flows outside incidents that it flags; null before the first hundred.
    pub realised_fpr: Option<f64>,
    /// How its live p-values are spread.
    pub scores: ScoreHistogram,
}

/// How far members agree on live flows that are in no incident: rows and columns in the order of `members`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Agreement {
    /// Names.
    pub members: Vec<String>,
    /// Flows that both members would flag.
    pub both: Vec<Vec<u64>>,
    /// Flows that at least one of both would flag.
    pub either: Vec<Vec<u64>>,
}

/// One change of benign traffic.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct DriftChange {
    /// Capture time at which it was seen.
    #[schema(value_type = String, format = DateTime)]
    pub ts: Timestamp,
    /// Mean p-value before.
    pub before: f64,
    /// Mean p-value after.
    pub after: f64,
}

/// One point of the drift chart.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct DriftPoint {
    /// Start.
    #[schema(value_type = String, format = DateTime)]
    pub ts: Timestamp,
    /// Mean p-value of flows outside incidents.
    pub mean: f64,
    /// Flows.
    pub flows: u64,
}

/// Is benign traffic still what the models learned?
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum DriftState {
    /// Too few flows to say.
    #[default]
    Waiting,
    /// As learned.
    Steady,
    /// It has changed since.
    Drifted,
}

/// Drift of benign traffic since the models are in place.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Drift {
    /// State.
    pub state: DriftState,
    /// In words.
    pub text: String,
    /// Mean p-value of the window that is of one kind; null before there is one.
    pub mean: Option<f64>,
    /// What it is while nothing has changed.
    pub expected_mean: f64,
    /// Flows in that window.
    pub window_flows: u64,
    /// Flows outside incidents seen.
    pub flows: u64,
    /// Changes, oldest first, at most 32.
    pub changes: Vec<DriftChange>,
    /// The chart, oldest first, at most 360 points.
    pub history: Vec<DriftPoint>,
}

/// How far live flows have moved from those learned, by the usual cut-offs of the population stability index.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum StabilityState {
    /// Too few live flows to say, or models that do not say how what they learned was spread.
    #[default]
    Waiting,
    /// Below 0.1.
    Stable,
    /// From 0.1 to 0.25.
    Moderate,
    /// 0.25 and more.
    Shifted,
}

/// One feature beside how it was spread in training.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct FeatureStability {
    /// Feature.
    pub feature: String,
    /// Population stability index: Σ (a − e)·ln(a / e) over the training's deciles, a the live share and e the learned one.
    pub psi: f64,
    /// By the cut-offs.
    pub state: StabilityState,
}

/// Every feature of live flows outside incidents beside how it was spread in training.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Stability {
    /// State of the feature that moved farthest.
    pub state: StabilityState,
    /// In words.
    pub text: String,
    /// Live flows that the indices are of, at most 8,192.
    pub flows: u64,
    /// Flows learned from.
    pub flows_learned: u64,
    /// Cut-off between stable and moderate.
    pub moderate: f64,
    /// Cut-off between moderate and shifted.
    pub shifted: f64,
    /// Mean index of all features; null before there is one.
    pub mean: Option<f64>,
    /// All features, the one that moved farthest first; empty while there are too few flows.
    pub features: Vec<FeatureStability>,
}

/// What the next training would learn from.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct TrainingData {
    /// Flows kept to learn from.
    pub rows: u64,
    /// At most so many.
    pub rows_max: u64,
    /// Flows kept to calibrate and judge new models by.
    pub rows_held_out: u64,
    /// Hours of which flows are kept, each with the same share.
    pub hours: u64,
    /// Hosts in them; each has at most a fifth of an hour.
    pub hosts: u64,
    /// First flow.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub from: Option<Timestamp>,
    /// Last flow.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub until: Option<Timestamp>,
    /// Flows that people called benign; they are learned with a weight.
    pub said_benign: u64,
    /// Incidents that people called attacks; new models must still find them.
    pub pinned: u64,
    /// Flows of these.
    pub pinned_rows: u64,
}

/// What models reached in an examination.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ExamMarks {
    /// Held-out benign flows.
    pub benign: u64,
    /// Of these, flagged.
    pub flagged: u64,
    /// Incidents that people called attacks.
    pub pinned: u64,
    /// Of these, found.
    pub pinned_found: u64,
    /// Built-in attacks.
    pub probes: u64,
    /// Of these, found: their flows alone would make an incident.
    pub probes_found: u64,
    /// Mean evidence of their flows, −log10 p.
    pub probe_evidence: f64,
}

/// The last challenge: new models against those in place, on the same rows.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Challenge {
    /// When, wall time.
    #[schema(value_type = String, format = DateTime)]
    pub at: Timestamp,
    /// Why there was a training: `timetable`, `drift`, `asked`.
    pub reason: String,
    /// Did the new models take the place of the old ones?
    pub promoted: bool,
    /// Why, in words.
    pub text: String,
    /// Flows that the challenger learned from.
    pub rows: u64,
    /// Held-out benign flows that may be flagged: what is promised, three deviations and one.
    pub allowed: f64,
    /// The new models.
    pub challenger: ExamMarks,
    /// The models in place, scored again on the same flows.
    pub present: ExamMarks,
    /// The same recipe on the older half of the flows: tells what the newest ones changed. Null when there were too few.
    pub control: Option<ExamMarks>,
}

/// What a version says of itself; kept inside its file.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct VersionNote {
    /// Number, rising; 0: made by a program that did not count.
    pub version: u64,
    /// End of the training, wall time; null when not known.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub made: Option<Timestamp>,
    /// Why it was trained: `first`, `timetable`, `drift`, `asked`; empty when not known.
    pub reason: String,
    /// Why it was taken, in words.
    pub text: String,
    /// Flows that its models learned from.
    pub rows_fitted: u64,
    /// Of these, kept from the models that bear no contamination.
    pub rows_trimmed: u64,
    /// Flows held out to calibrate.
    pub rows_held_out: u64,
    /// Flows with a label that a person gave.
    #[serde(default)]
    pub rows_labelled: u64,
    /// What it reached when it was taken; null for first models.
    pub marks: Option<ExamMarks>,
}

/// One kept version of the models.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ModelVersion {
    /// What it says of itself.
    #[serde(flatten)]
    pub note: VersionNote,
    /// What its models judge: `flow`, `packet`. Each kind counts its own versions.
    #[serde(default)]
    pub kind: String,
    /// True for the one that judges.
    pub in_use: bool,
    /// File name.
    pub file: String,
    /// Size.
    pub bytes: u64,
    /// What it learned from; null when it cannot be read.
    pub trained_on: Option<ModelTrainedOn>,
    /// Members.
    pub members: u64,
    /// Why it cannot be used; null when it can.
    pub error: Option<String>,
}

/// One step in the life of the models.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ModelEvent {
    /// Wall time.
    #[schema(value_type = String, format = DateTime)]
    pub ts: Timestamp,
    /// `first`, `started`, `promoted`, `refused`, `rolled_back`, `drift`, `feedback`, `failed`.
    pub what: String,
    /// In words.
    pub text: String,
}

/// Where the next training is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum RetrainState {
    /// Models are not renewed.
    #[default]
    Off,
    /// Not yet.
    Waiting,
    /// It waits for flows.
    Due,
    /// Under way.
    Training,
}

/// Trainings after the first.
#[derive(Clone, Debug, Default, Serialize, Deserialize, ToSchema)]
pub struct Retraining {
    /// State.
    #[serde(default)]
    pub state: RetrainState,
    /// Hours between two; 0: not by the timetable.
    pub every_h: f64,
    /// Next one by the timetable, wall time; null when there is none.
    #[serde(default)]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub next: Option<Timestamp>,
    /// 0 … 1 while one runs; null when none does.
    pub progress: Option<f64>,
    /// Why the one under way was begun: `first`, `timetable`, `drift`, `asked`; empty when none is.
    #[serde(default)]
    pub reason: String,
    /// Flows kept to learn from.
    pub rows: u64,
    /// Flows kept to calibrate and judge new models by.
    pub rows_held_out: u64,
    /// True when `POST /models/retrain` would begin one now.
    #[serde(default)]
    pub can_start: bool,
    /// End of the last one, wall time; null before the first.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub last: Option<Timestamp>,
    /// Did its models take the place of the old ones? null before the first.
    pub promoted: Option<bool>,
    /// In words.
    pub text: String,
}

/// Answer of `/models`.
#[derive(Clone, Debug, Default, Serialize, Deserialize, ToSchema)]
pub struct Models {
    /// Phase.
    pub state: ModelPhase,
    /// 0 … 1.
    pub progress: f64,
    /// Seconds to go.
    pub eta_s: Option<u64>,
    /// In words.
    #[serde(default)]
    pub text: String,
    /// Training data; null before the first training.
    pub trained_on: Option<ModelTrainedOn>,
    /// Version in place; null before the first training.
    #[serde(default)]
    pub version: Option<u64>,
    /// Members.
    pub members: Vec<ModelMember>,
    /// Feature schema (`flow/1`).
    pub schema: String,
    /// Seed.
    pub seed: u64,
    /// File of the artifact; empty when not saved.
    pub artifact: String,
    /// The ensemble on live flows; null before the first training.
    #[serde(default)]
    pub live: Option<EnsembleLive>,
    /// How far members agree; null before the first flow.
    #[serde(default)]
    pub agreement: Option<Agreement>,
    /// Drift; null before the first training.
    #[serde(default)]
    pub drift: Option<Drift>,
    /// How far each feature has moved; null before the first training.
    #[serde(default)]
    pub stability: Option<Stability>,
    /// What the next training would learn from; null where models are not renewed.
    #[serde(default)]
    pub data: Option<TrainingData>,
    /// How they are renewed.
    pub retraining: Retraining,
    /// The last challenge; null before the first.
    #[serde(default)]
    pub challenge: Option<Challenge>,
    /// Kept versions, those of flows first; of each kind the one in place first.
    #[serde(default)]
    pub versions: Vec<ModelVersion>,
    /// What happened, newest first, at most 50.
    #[serde(default)]
    pub events: Vec<ModelEvent>,
    /// True when `POST /models/import` takes a model.
    #[serde(default)]
    pub can_import: bool,
}

/// An incident for which a verdict would teach much.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct Question {
    /// The incident; `PATCH /incidents/{id}` takes the verdict.
    pub incident: Incident,
    /// How much the detectors are of two minds, 0 … 1: the mean of their disagreement and of how near the vote is to its threshold.
    pub doubt: f64,
    /// In words.
    pub text: String,
}

/// Answer of `GET /models/questions`.
#[derive(Clone, Debug, Default, Serialize, Deserialize, ToSchema)]
pub struct Questions {
    /// Asked for a day.
    pub per_day: u64,
    /// Verdicts given since midnight UTC; they count.
    pub answered_today: u64,
    /// The one that teaches most first.
    pub items: Vec<Question>,
}

/// Body of `POST /models/rollback`.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RollbackRequest {
    /// Number of a kept version.
    pub version: u64,
    /// Which models, `flow` when absent.
    #[serde(default = "flow")]
    pub kind: String,
}

fn flow() -> String {
    "flow".to_owned()
}

/// What a person says of an incident.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct FeedbackGiven {
    /// Verdict; null takes back what was said.
    pub verdict: Option<FeedbackVerdict>,
    /// Reach of a false positive; `pair` when absent.
    #[serde(default)]
    pub scope: Option<FeedbackScope>,
    /// A false positive holds until then; absent: until it is taken back.
    #[serde(default)]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub until: Option<Timestamp>,
}

/// `feedback` of `PATCH /incidents/{id}`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(untagged)]
pub enum FeedbackPatch {
    /// `false_positive` (this pair), `true_positive`, or `none`.
    Word(String),
    /// All of it.
    Given(FeedbackGiven),
}

/// What one scope would hide.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct ScopePreview {
    /// Scope.
    pub scope: FeedbackScope,
    /// What it means for this incident.
    pub text: String,
    /// Incidents of the past that it would move out of the inbox, this one included.
    pub incidents: u64,
    /// Alerts in them.
    pub alerts: u64,
}

/// Answer of `GET /incidents/{id}/feedback`.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct FeedbackPreview {
    /// One for each scope, narrowest first.
    pub scopes: Vec<ScopePreview>,
}

/// One suppression and what it has done.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct SuppressionView {
    /// The suppression.
    #[serde(flatten)]
    pub suppression: Suppression,
    /// Title of the incident that it follows from.
    pub title: String,
    /// True while it has not reached its end.
    pub active: bool,
    /// Incidents that it keeps out of the inbox.
    pub incidents: u64,
}

/// Answer of `GET /suppressions`.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct Suppressions {
    /// Newest first.
    pub items: Vec<SuppressionView>,
}

/// Answer of `DELETE /suppressions/{id}`.
#[derive(Clone, Copy, Debug, Serialize, Deserialize, ToSchema)]
pub struct SuppressionUndone {
    /// Incidents that are back where they were.
    pub incidents: u64,
}
