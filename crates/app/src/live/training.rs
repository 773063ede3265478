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
}

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
    if let Some(dir) = &lesson.keep_in {
        artifact::save(dir, &ensemble).map_err(|e| e.to_string())?;
    }
    Ok(Arc::new(ensemble))
}
