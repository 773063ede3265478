//! Training beside the running judge: one thread at a time, its progress readable, its result sent back. Owns the thread; what is
//! learned and when is `evaluate`'s.

use super::artifact;
use crossbeam_channel::{Receiver, bounded};
use detect::{Ensemble, EnsembleConfig};
use record::{Matrix, Timestamp};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

/// Rows to learn from, with what the artifact says of them.
pub struct Lesson {
    /// Feature vectors.
    pub rows: Matrix,
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
    /// Where to keep the models; None: nowhere (the demo's models fit no other network).
    pub keep_in: Option<PathBuf>,
    /// What a challenger must pass; None for the first models, which have nothing to be compared with.
    pub gate: Option<Gate>,
}

/// Benign rows that the challenger has not learned from.
pub struct Gate {
    /// For its last calibration.
    pub calibrate: Matrix,
    /// For the judgement.
    pub judge: Matrix,
}

/// Fewest rows of a gate: with fewer, too many alerts could not be told from chance.
pub const GATE_ROWS_MIN: usize = 500;

/// A training on its way.
pub struct Training {
    progress: Arc<AtomicU32>,
    result: Receiver<Result<Arc<Ensemble>, String>>,
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
                source::lower_thread_priority();
                let trained = lesson().and_then(|lesson| train(&lesson, &told));
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
    pub fn take(&self) -> Option<Result<Arc<Ensemble>, String>> {
        self.result.try_recv().ok()
    }
}

fn train(lesson: &Lesson, progress: &AtomicU32) -> Result<Arc<Ensemble>, String> {
    let told = &mut |share: f32| progress.store((share * 1000.0) as u32, Ordering::Relaxed);
    let (mut ensemble, report) =
        Ensemble::train(features::flow_schema(), &lesson.rows, lesson.seed, &lesson.config, told)
            .map_err(|e| e.to_string())?;
    ensemble.set_span(lesson.from, lesson.until, lesson.packets);
    for member in &report.members {
        tracing::info!(
            "model {}: {} false positives per thousand held out at its 1 % threshold, {}",
            member.name,
            (member.false_positive_rate * 1000.0).round(),
            if member.admitted { "votes" } else { "does not vote" }
        );
    }
    if let Some(gate) = &lesson.gate {
        pass(gate, &mut ensemble, lesson.config.alpha)?;
    }
    if let Some(dir) = &lesson.keep_in {
        artifact::save(dir, &ensemble, lesson.config.versions_max).map_err(|e| e.to_string())?;
    }
    Ok(Arc::new(ensemble))
}

/// Calibrates the challenger on rows that stand for all benign traffic, and refuses it when it flags more of others than it
/// promises, chance (three deviations) and one more allowed.
fn pass(gate: &Gate, challenger: &mut Ensemble, alpha: f64) -> Result<(), String> {
    if gate.judge.rows() < GATE_ROWS_MIN {
        return Err(format!(
            "{} held-out flows are too few to judge it, {GATE_ROWS_MIN} are needed",
            gate.judge.rows()
        ));
    }
    challenger.recalibrate(&gate.calibrate).map_err(|e| e.to_string())?;
    let mut judgements = Vec::new();
    challenger.judge(&gate.judge, &mut judgements);
    let flagged = judgements.iter().filter(|j| j.anomalous).count();
    let promised = alpha * gate.judge.rows() as f64;
    let allowed = promised + 3.0 * promised.sqrt() + 1.0;
    let text = format!("{flagged} of {} held-out benign flows flagged, {allowed:.1} allowed", gate.judge.rows());
    tracing::info!("challenger: {text}");
    if flagged as f64 > allowed { Err(text) } else { Ok(()) }
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

    fn trained(gate: Gate) -> Result<Arc<Ensemble>, String> {
        let config =
            EnsembleConfig { trees: 20, autoencoder_epochs: 2, reference_rows: 128, ..EnsembleConfig::default() };
        let rows = rows(1_500, 1, 0.0);
        let lesson =
            Lesson { rows, packets: 1, from: None, until: None, seed: 1, config, keep_in: None, gate: Some(gate) };
        train(&lesson, &AtomicU32::new(0))
    }

    #[test]
    fn a_challenger_is_promoted_only_when_it_leaves_benign_flows_alone() {
        assert!(trained(Gate { calibrate: rows(800, 2, 0.0), judge: rows(800, 3, 0.0) }).is_ok());
        let why = trained(Gate { calibrate: rows(800, 2, 0.0), judge: rows(800, 3, 5.0) }).unwrap_err();
        assert!(why.contains("held-out benign flows flagged"), "{why}");
        let why = trained(Gate { calibrate: rows(800, 2, 0.0), judge: rows(100, 3, 0.0) }).unwrap_err();
        assert!(why.contains("too few"), "{why}");
    }
}
