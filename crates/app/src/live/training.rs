//! Training beside the running judge: one thread at a time, its progress readable, its result sent back. Owns the thread; what is
//! learned and when is `evaluate`'s.

use super::worker::wall_clock;
use super::{artifact, versions};
use crossbeam_channel::{Receiver, bounded};
use detect::{Ensemble, EnsembleConfig, Labels, TrainReport};
use evaluate::challenge::{self, Exam, Marks, Pinned};
use evaluate::probes::attack_probes;
use evaluate::stability::Learned;
use record::{Matrix, Timestamp};
use serve::shapes::{Challenge, ExamMarks, VersionNote};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

/// Share of the way that the challenger's own training is; the rest is the control and the examination.
const CHALLENGER_SHARE: f32 = 0.6;
/// Share of the way at which the control is trained.
const CONTROL_SHARE: f32 = 0.9;

/// Rows to learn from, with what the artifact says of them.
pub struct Lesson {
    /// Feature vectors, oldest first.
    pub rows: Matrix,
    /// So many of them are of the older half of the time: the control learns from these.
    pub older: usize,
    /// What people called attacks, by kind; never among `rows`.
    pub attacks: BTreeMap<String, Matrix>,
    /// Packets behind them.
    pub packets: u64,
    /// First flow's end.
    pub from: Option<Timestamp>,
    /// Last flow's end.
    pub until: Option<Timestamp>,
    /// Seed.
    pub seed: u64,
    /// Settings.
    pub config: EnsembleConfig,
    /// Where to keep the models; None: nowhere.
    pub keep_in: Option<PathBuf>,
    /// Number and reason.
    pub note: VersionNote,
    /// What a challenger must pass; None for the first models, which have nothing to be compared with.
    pub gate: Option<Gate>,
}

/// What the challenger is judged by.
pub struct Gate {
    /// Benign rows for its last calibration.
    pub calibrate: Matrix,
    /// Benign rows for the judgement.
    pub judge: Matrix,
    /// What people called attacks.
    pub pinned: Vec<Pinned>,
    /// The models in place.
    pub present: Arc<Ensemble>,
    /// When gathered evidence is an incident.
    pub roll_up: alert::RollUpConfig,
}

/// Models that may take their place.
pub struct Trained {
    /// The models.
    pub ensemble: Arc<Ensemble>,
    /// What they say of themselves.
    pub note: VersionNote,
    /// How they were examined; None for first models.
    pub challenge: Option<Challenge>,
}

/// Models that may not, or none.
pub struct Refusal {
    /// Why.
    pub why: String,
    /// How they were examined, when they were.
    pub challenge: Option<Box<Challenge>>,
}

impl From<String> for Refusal {
    fn from(why: String) -> Self {
        Self { why, challenge: None }
    }
}

/// A training on its way.
pub struct Training {
    progress: Arc<AtomicU32>,
    result: Receiver<Result<Trained, Refusal>>,
}

impl Training {
    /// Starts the thread; `lesson` is made there, because making it may take a while too (the demo simulates its past).
    pub fn start(lesson: impl FnOnce() -> Result<Lesson, String> + Send + 'static) -> Result<Self, String> {
        let progress = Arc::new(AtomicU32::new(0));
        let (sender, result) = bounded(1);
        let told = Arc::clone(&progress);
        std::thread::Builder::new()
            .name("training".to_owned())
            .spawn(move || {
                source::lower_thread_priority(super::TRAINING_NICE);
                let trained = lesson().map_err(Refusal::from).and_then(|lesson| train(&lesson, &told));
                // The judge may be gone at shutdown.
                let _ = sender.send(trained);
            })
            .map_err(|e| format!("no thread for training: {e}"))?;
        Ok(Self { progress, result })
    }

    /// 0 … 1.
    pub fn progress(&self) -> f64 {
        f64::from(self.progress.load(Ordering::Relaxed)) / 1000.0
    }

    /// The result, once.
    pub fn take(&self) -> Option<Result<Trained, Refusal>> {
        self.result.try_recv().ok()
    }
}

fn train(lesson: &Lesson, progress: &AtomicU32) -> Result<Trained, Refusal> {
    let told = &mut |share: f32| progress.store((share * 1000.0) as u32, Ordering::Relaxed);
    let share = if lesson.gate.is_some() { CHALLENGER_SHARE } else { 1.0 };
    let (mut ensemble, report) = learn(lesson, &lesson.rows, &mut |done| told(done * share))?;
    ensemble.set_span(lesson.from, lesson.until, lesson.packets);
    for member in &report.members {
        tracing::info!(
            "model {}: {} false positives per thousand held out at its 1 % threshold, {}",
            member.name,
            (member.false_positive_rate * 1000.0).round(),
            if member.admitted { "votes" } else { "does not vote" }
        );
    }
    Learned::learn(&lesson.rows).attach(&mut ensemble);
    let mut note = VersionNote {
        made: Some(wall_clock()),
        rows_fitted: report.rows_fitted as u64,
        rows_trimmed: report.rows_trimmed as u64,
        rows_held_out: report.rows_held_out as u64,
        rows_labelled: report.rows_attack as u64,
        ..lesson.note.clone()
    };
    let challenge = match &lesson.gate {
        None => None,
        Some(gate) => Some(pass(lesson, gate, &mut ensemble, told)?),
    };
    if let Some(challenge) = &challenge {
        note.text.clone_from(&challenge.text);
        note.marks = Some(challenge.challenger.clone());
    }
    versions::put_note(&mut ensemble, &note);
    if let Some(dir) = &lesson.keep_in {
        artifact::save(dir, &ensemble, lesson.config.versions_max).map_err(|e| e.to_string())?;
    }
    Ok(Trained { ensemble: Arc::new(ensemble), note, challenge })
}

/// Benign rows and, with their kinds, the rows that people called attacks.
fn learn(lesson: &Lesson, benign: &Matrix, told: &mut dyn FnMut(f32)) -> Result<(Ensemble, TrainReport), String> {
    let schema = features::flow_schema();
    let (seed, config) = (lesson.seed, &lesson.config);
    let mut rows = benign.clone();
    let mut labels = Labels { kinds: vec!["benign".to_owned()], of_row: vec![0; benign.rows()] };
    for (kind, attacks) in &lesson.attacks {
        // Labels are bytes; there are fewer kinds of incident.
        let Ok(label) = u8::try_from(labels.kinds.len()) else { break };
        labels.kinds.push(kind.clone());
        labels.of_row.resize(labels.of_row.len() + attacks.rows(), label);
        rows.values.extend_from_slice(&attacks.values);
    }
    let labels = (labels.kinds.len() > 1).then_some(&labels);
    Ensemble::train_labelled(schema, &rows, labels, seed, config, told).map_err(|e| e.to_string())
}

/// Calibrates the challenger on rows that stand for all benign traffic, and examines it beside the models in place and a control.
fn pass(
    lesson: &Lesson,
    gate: &Gate,
    challenger: &mut Ensemble,
    told: &mut dyn FnMut(f32),
) -> Result<Challenge, Refusal> {
    challenger.take_guests_of(&gate.present);
    if challenger.guests().is_empty() || gate.calibrate.rows() < detect::guests::CALIBRATION_ROWS_MIN {
        challenger.recalibrate(&gate.calibrate).map_err(|e| e.to_string())?;
    } else {
        challenger.calibrate_guests(&gate.calibrate, &lesson.config).map_err(|e| e.to_string())?;
    }
    let control = control(lesson, gate);
    told(CONTROL_SHARE);
    let probes = attack_probes(lesson.seed).map_err(|e| e.to_string())?;
    let exam = Exam { benign: &gate.judge, pinned: &gate.pinned, probes: &probes, roll_up: &gate.roll_up };
    let marks = challenge::examine(challenger, &exam);
    let present = challenge::examine(&gate.present, &exam);
    let control = control.map(|control| challenge::examine(&control, &exam));
    log_probes(&marks, &present);
    let decided = challenge::decide(&marks, &present, control.as_ref(), lesson.config.alpha);
    told(1.0);
    let examined = Challenge {
        at: wall_clock(),
        reason: lesson.note.reason.clone(),
        promoted: decided.is_ok(),
        text: match &decided {
            Ok(text) | Err(text) => text.clone(),
        },
        rows: lesson.rows.rows() as u64,
        allowed: challenge::allowed(lesson.config.alpha, marks.benign),
        challenger: shown(&marks),
        present: shown(&present),
        control: control.as_ref().map(shown),
    };
    tracing::info!("challenger: {}", examined.text);
    match decided {
        Ok(_) => Ok(examined),
        Err(why) => Err(Refusal { why, challenge: Some(Box::new(examined)) }),
    }
}

/// The same recipe on the older half of the rows, with the same last calibration. None with too few rows.
fn control(lesson: &Lesson, gate: &Gate) -> Option<Ensemble> {
    if lesson.older < lesson.config.rows_min {
        return None;
    }
    let columns = lesson.rows.columns;
    let rows = Matrix { values: lesson.rows.values[..lesson.older * columns].to_vec(), columns };
    let (mut control, _) = learn(lesson, &rows, &mut |_| {}).ok()?;
    control.recalibrate(&gate.calibrate).ok()?;
    Some(control)
}

fn log_probes(challenger: &Marks, present: &Marks) {
    for ((name, new), (_, old)) in challenger.by_probe.iter().zip(&present.by_probe) {
        tracing::debug!("built-in attack {name}: evidence {new:.2} decades, {old:.2} with the models in place");
    }
}

/// Marks as the API shows them.
pub(super) fn shown(marks: &Marks) -> ExamMarks {
    ExamMarks {
        benign: marks.benign as u64,
        flagged: marks.flagged as u64,
        pinned: marks.pinned as u64,
        pinned_found: marks.pinned_found.len() as u64,
        probes: marks.probes as u64,
        probes_found: marks.probes_found.len() as u64,
        probe_evidence: marks.probe_evidence,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    /// Rows of one kind of traffic; `shift` makes another kind.
    fn rows(count: usize, seed: u64, shift: f32) -> Matrix {
        let columns = features::flow_schema().features.len();
        let mut state = seed;
        // Knuth's MMIX generator; its upper bits are good enough for rows without structure.
        let mut random = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 40) as f32 / (1_u64 << 24) as f32
        };
        let mut rows = Matrix::with_capacity(count, columns);
        for _ in 0..count {
            let row: Vec<f32> = (0..columns).map(|_| random() + shift).collect();
            rows.push(&row);
        }
        rows
    }

    fn trained(calibrate: Matrix, judge: Matrix) -> Result<Trained, Refusal> {
        let config =
            EnsembleConfig { trees: 20, autoencoder_epochs: 2, reference_rows: 128, ..EnsembleConfig::default() };
        let present =
            Ensemble::train(features::flow_schema(), &rows(1_500, 9, 0.0), 9, &config, &mut |_| {}).unwrap().0;
        let gate = Gate {
            calibrate,
            judge,
            pinned: vec![Pinned { incident: "far".to_owned(), rows: rows(40, 5, 9.0) }],
            present: Arc::new(present),
            roll_up: alert::RollUpConfig::default(),
        };
        let lesson = Lesson {
            rows: rows(1_500, 1, 0.0),
            older: 700,
            attacks: BTreeMap::from([("beacon".to_owned(), rows(40, 5, 9.0))]),
            packets: 1,
            from: None,
            until: None,
            seed: 1,
            config,
            keep_in: None,
            note: VersionNote { version: 2, reason: "asked".to_owned(), ..VersionNote::default() },
            gate: Some(gate),
        };
        train(&lesson, &AtomicU32::new(0))
    }

    #[test]
    fn a_challenger_is_promoted_only_when_it_leaves_benign_flows_alone() {
        let good = trained(rows(800, 2, 0.0), rows(800, 3, 0.0)).unwrap_or_else(|r| panic!("{}", r.why));
        let challenge = good.challenge.unwrap();
        assert!(challenge.promoted && challenge.control.is_some());
        assert_eq!((challenge.challenger.pinned, challenge.challenger.pinned_found), (1, 1));
        assert!(challenge.present.probes == 8 && challenge.present.probe_evidence > 0.0);
        assert_eq!((good.note.version, good.note.reason.as_str(), good.note.rows_labelled), (2, "asked", 40));
        // Times are kept to the microsecond.
        let made = good.note.made.map(|t| Timestamp(t.0 / 1_000 * 1_000));
        assert_eq!(versions::note_of(&good.ensemble), VersionNote { made, ..good.note });
        let bad = trained(rows(800, 2, 0.0), rows(800, 3, 5.0)).err().unwrap();
        assert!(bad.why.contains("held-out benign flows flagged"), "{}", bad.why);
        assert!(!bad.challenge.unwrap().promoted);
        let few = trained(rows(800, 2, 0.0), rows(100, 3, 0.0)).err().unwrap();
        assert!(few.why.contains("too few"), "{}", few.why);
    }
}
