//! Trainings after the first: when they are due, what they learn from, and what came of the last one. Owns the timetable and its
//! words; the sample is `evaluate`'s, the thread and the gate are `training`'s.

use super::judging::JudgingSettings;
use super::training::{GATE_ROWS_MIN, Gate, Lesson, Training};
use evaluate::{Judge, Reservoir};
use record::Timestamp;
use serve::shapes::Retraining;
use std::time::{Duration, Instant};

/// A training that is due and has too few flows is looked at again after this long.
const AGAIN_AFTER: Duration = Duration::from_mins(1);

/// The timetable.
pub struct Retrain {
    begun: Instant,
    looked: Option<Instant>,
    trainings: u64,
    last: Option<Timestamp>,
    promoted: Option<bool>,
    text: String,
}

impl Retrain {
    /// The time to the first begins now.
    pub fn new() -> Self {
        Self {
            begun: Instant::now(),
            looked: None,
            trainings: 0,
            last: None,
            promoted: None,
            text: "Models have not been renewed yet".to_owned(),
        }
    }

    /// Starts a training when it is time and there is enough to learn from and to be judged by.
    pub fn due(&mut self, judge: &Judge, settings: &JudgingSettings) -> Option<Training> {
        let every = Duration::from_secs_f64(settings.models.retrain_every_h.max(0.0) * 3_600.0);
        if every.is_zero()
            || self.begun.elapsed() < every
            || self.looked.is_some_and(|t| t.elapsed() < AGAIN_AFTER.min(every))
        {
            return None;
        }
        self.looked = Some(Instant::now());
        let reservoir = judge.reservoir()?;
        let (learn, held_out) = reservoir.rows();
        // Half of the held-out rows are the gate's.
        if learn < settings.models.rows_min || held_out / 2 < GATE_ROWS_MIN {
            self.text = format!(
                "A training is due; it waits for flows: {learn} of {} to learn from, {} of {GATE_ROWS_MIN} to be judged by",
                settings.models.rows_min,
                held_out / 2
            );
            return None;
        }
        self.begun = Instant::now();
        self.trainings += 1;
        let (from, until, packets) = reservoir.span();
        let (material, settings) = (reservoir.material(), settings.clone());
        let seed = settings.learn.seed.wrapping_add(self.trainings);
        let lesson = Lesson {
            rows: material.learn,
            packets,
            from,
            until,
            seed,
            config: settings.models,
            keep_in: settings.models_dir,
            gate: Some(Gate { calibrate: material.calibrate, judge: material.judge }),
        };
        tracing::info!("models: a training on {learn} flows begins; the old models judge meanwhile");
        Training::start(move || Ok(lesson)).inspect_err(|why| tracing::error!("models: {why}")).ok()
    }

    /// New models are in place; `renewed` when others were before.
    pub fn promoted(&mut self, renewed: bool, now: Timestamp) {
        if renewed {
            self.told(true, "New models took the place of the old ones".to_owned(), now);
        }
    }

    /// The old models stay.
    pub fn refused(&mut self, why: &str, now: Timestamp) {
        self.told(false, format!("New models were not taken, the old ones stay: {why}"), now);
    }

    fn told(&mut self, promoted: bool, text: String, now: Timestamp) {
        tracing::info!("models: {text}");
        (self.last, self.promoted, self.text) = (Some(now), Some(promoted), text);
    }

    /// For the API.
    pub fn state(
        &self,
        settings: &JudgingSettings,
        training: Option<&Training>,
        reservoir: Option<&Reservoir>,
    ) -> Retraining {
        let (rows, held_out) = reservoir.map_or((0, 0), Reservoir::rows);
        let every_h = if reservoir.is_some() { settings.models.retrain_every_h } else { 0.0 };
        Retraining {
            every_h,
            progress: training.map(Training::progress),
            rows: rows as u64,
            rows_held_out: held_out as u64,
            last: self.last,
            promoted: self.promoted,
            text: if every_h > 0.0 { self.text.clone() } else { "Models are not renewed".to_owned() },
        }
    }
}
