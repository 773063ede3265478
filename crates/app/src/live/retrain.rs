//! Trainings after the first: when they are due, what they learn from, what came of them, and the log of it all. Owns the timetable,
//! its words and the log; the sample is `evaluate`'s, the thread and the examination are `training`'s.

use super::judging::JudgingSettings;
use super::training::{Gate, Lesson, Trained, Training};
use super::worker::wall_clock;
use evaluate::challenge::{JUDGE_ROWS_MIN, Pinned};
use evaluate::{Judge, Reservoir, Said};
use record::{Matrix, Timestamp};
use serde::{Deserialize, Serialize};
use serve::shapes::{Challenge, ModelEvent, RetrainState, Retraining, VersionNote};
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// A training that is due and has too few flows is looked at again after this long.
const AGAIN_AFTER: Duration = Duration::from_mins(1);
/// Steps remembered.
const EVENTS_MAX: usize = 50;
/// Name of the log among the store's settings.
pub const LOG_NAME: &str = "models.log";

/// What is kept over a restart.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Log {
    /// Newest first.
    pub events: Vec<ModelEvent>,
    /// The last challenge.
    pub challenge: Option<Challenge>,
}

/// What people said, as trainings need it.
#[derive(Clone, Debug, Default)]
pub struct Lessons {
    /// Flows said to be benign, and attacks.
    pub said: Said,
    /// Attacks by incident.
    pub pinned: Vec<Pinned>,
    /// Attacks by kind: what a Random Forest learns to know.
    pub attacks: BTreeMap<String, Matrix>,
}

/// The timetable.
pub struct Retrain {
    begun: Instant,
    looked: Option<Instant>,
    drift_begun: Option<Instant>,
    trainings: u64,
    reason: &'static str,
    last: Option<Timestamp>,
    promoted: Option<bool>,
    text: String,
    log: Log,
    unsaved: bool,
}

/// Why no training was begun.
fn too_few(learn: usize, held_out: usize, settings: &JudgingSettings) -> Option<String> {
    // Half of the held-out rows are the examination's.
    (learn < settings.models.rows_min || held_out / 2 < JUDGE_ROWS_MIN).then(|| {
        format!(
            "{learn} of {} flows to learn from, {} of {JUDGE_ROWS_MIN} to be judged by",
            settings.models.rows_min,
            held_out / 2
        )
    })
}

impl Retrain {
    /// `log` is what earlier runs kept, `made` the end of the training that made the models in place: a process that is started
    /// anew every day still renews them.
    pub fn new(log: Log, made: Option<Timestamp>) -> Self {
        let last = log.challenge.as_ref().map(|c| c.at).max(made);
        let ago_ns = last.map_or(0, |last| wall_clock().since(last).max(0));
        let now = Instant::now();
        Self {
            // A machine that was started after that has no such instant; then the time begins now.
            begun: now.checked_sub(Duration::from_nanos(ago_ns.unsigned_abs())).unwrap_or(now),
            looked: None,
            drift_begun: None,
            trainings: 0,
            reason: "",
            last: log.challenge.as_ref().map(|c| c.at),
            promoted: log.challenge.as_ref().map(|c| c.promoted),
            text: "Models have not been renewed since the start".to_owned(),
            log,
            unsaved: false,
        }
    }

    /// Starts a training when it is time, or traffic has drifted, and there is enough to learn from and to be judged by.
    pub fn due(
        &mut self,
        judge: &mut Judge,
        settings: &JudgingSettings,
        lessons: &Lessons,
        version: u64,
    ) -> Option<Training> {
        let reason = self.why_now(judge, settings)?;
        if self.looked.is_some_and(|t| t.elapsed() < AGAIN_AFTER.min(timetable(settings).max(Duration::from_secs(1)))) {
            return None;
        }
        self.looked = Some(Instant::now());
        let reservoir = judge.reservoir()?;
        let (learn, held_out) = reservoir.rows();
        if let Some(few) = too_few(learn, held_out, settings) {
            self.text = format!("A training is due; it waits for flows: {few}");
            return None;
        }
        self.begin(reason, judge, settings, lessons, version).ok()
    }

    fn why_now(&self, judge: &mut Judge, settings: &JudgingSettings) -> Option<&'static str> {
        let every = timetable(settings);
        if !every.is_zero() && self.begun.elapsed() >= every {
            return Some("timetable");
        }
        let pause = Duration::from_secs_f64(settings.learn.drift_pause_h.clamp(0.0, 8_760.0) * 3_600.0);
        let rested = self.drift_begun.unwrap_or(self.begun).elapsed() >= pause && self.begun.elapsed() >= pause;
        // Where models are never renewed by the timetable, they are not by drift either.
        let drifted = judge.watch().is_some_and(|watch| watch.unanswered().is_some());
        (!every.is_zero() && rested && drifted).then_some("drift")
    }

    /// Starts a training because a person asked for it.
    ///
    /// # Errors
    /// Why not, in words.
    pub fn asked(
        &mut self,
        judge: &mut Judge,
        settings: &JudgingSettings,
        lessons: &Lessons,
        version: u64,
    ) -> Result<Training, String> {
        let Some(reservoir) = judge.reservoir() else {
            return Err("models are not renewed here: no flows are kept to learn from".to_owned());
        };
        let (learn, held_out) = reservoir.rows();
        match too_few(learn, held_out, settings) {
            Some(few) => Err(format!("there is too little to learn from yet: {few}; try again later")),
            None => self.begin("asked", judge, settings, lessons, version),
        }
    }

    fn begin(
        &mut self,
        reason: &'static str,
        judge: &mut Judge,
        settings: &JudgingSettings,
        lessons: &Lessons,
        version: u64,
    ) -> Result<Training, String> {
        let lesson = self.lesson(reason, judge, settings, lessons, version)?;
        let flows = lesson.rows.rows();
        let training = Training::start(move || Ok(lesson)).inspect_err(|why| tracing::error!("models: {why}"))?;
        self.begun = Instant::now();
        self.reason = reason;
        self.trainings += 1;
        if let Some(watch) = judge.watch() {
            if reason == "drift" {
                self.drift_begun = Some(Instant::now());
                let what =
                    if watch.drift().unanswered().is_some() { "mean p-value" } else { "mean PSI of all features" };
                if let Some(change) = watch.unanswered() {
                    let (before, after) = (change.before, change.after);
                    self.log("drift", format!("Traffic has changed: {what} {before:.2} before, {after:.2} since"));
                }
            }
            watch.answer();
        }
        let why = match reason {
            "timetable" => "because it is time",
            "drift" => "because traffic has changed",
            _ => "because it was asked for",
        };
        self.log("started", format!("A training on {flows} flows began {why}; the old models judge meanwhile"));
        Ok(training)
    }

    fn lesson(
        &self,
        reason: &str,
        judge: &mut Judge,
        settings: &JudgingSettings,
        lessons: &Lessons,
        version: u64,
    ) -> Result<Lesson, String> {
        let present = judge.ensemble().cloned().ok_or("the first models are still to come")?;
        let reservoir = judge.reservoir().ok_or("no flows are kept to learn from")?;
        let (from, until, packets) = reservoir.span();
        let material = reservoir.material(&lessons.said);
        Ok(Lesson {
            rows: material.learn,
            older: material.older,
            attacks: lessons.attacks.clone(),
            packets,
            from,
            until,
            seed: settings.learn.seed.wrapping_add(self.trainings + 1),
            config: settings.models.clone(),
            keep_in: settings.models_dir.clone(),
            note: VersionNote { version, reason: reason.to_owned(), ..VersionNote::default() },
            gate: Some(Gate {
                calibrate: material.calibrate,
                judge: material.judge,
                pinned: lessons.pinned.clone(),
                present,
                roll_up: settings.roll_up.clone(),
            }),
        })
    }

    /// New models are in place.
    pub fn promoted(&mut self, trained: &Trained) {
        let version = trained.note.version;
        match &trained.challenge {
            None => {
                let flows = trained.note.rows_fitted + trained.note.rows_held_out;
                self.log("first", format!("The first models, version {version}, learned from {flows} flows"));
            }
            Some(challenge) => {
                self.log.challenge = Some(challenge.clone());
                self.told(true, format!("Version {version} took the place of the old models: {}", challenge.text));
            }
        }
    }

    /// The old models stay.
    pub fn refused(&mut self, why: &str, challenge: Option<Challenge>) {
        if challenge.is_some() {
            self.log.challenge = challenge;
        }
        self.told(false, format!("New models were not taken, the old ones stay: {why}"));
    }

    /// A kept version was put in place; the timetable begins anew, so that it is not replaced at once.
    pub fn rolled_back(&mut self, version: u64) {
        self.begun = Instant::now();
        self.text = format!("Version {version} was put back in place");
        self.log("rolled_back", self.text.clone());
    }

    fn told(&mut self, promoted: bool, text: String) {
        self.log(if promoted { "promoted" } else { "refused" }, text.clone());
        self.reason = "";
        (self.last, self.promoted, self.text) = (Some(wall_clock()), Some(promoted), text);
    }

    /// Why the training under way was begun; empty when none is.
    pub fn reason(&self) -> &'static str {
        self.reason
    }

    /// One step, for people.
    pub fn log(&mut self, what: &str, text: String) {
        tracing::info!("models: {text}");
        self.log.events.insert(0, ModelEvent { ts: wall_clock(), what: what.to_owned(), text });
        self.log.events.truncate(EVENTS_MAX);
        self.unsaved = true;
    }

    /// The log as a setting for the store, when it has changed since the last call.
    pub fn unsaved(&mut self) -> Option<(String, String)> {
        let text = std::mem::take(&mut self.unsaved).then(|| serde_json::to_string(&self.log).ok()).flatten()?;
        Some((LOG_NAME.to_owned(), text))
    }

    /// The log.
    pub fn history(&self) -> &Log {
        &self.log
    }

    /// For the API.
    pub fn state(
        &self,
        settings: &JudgingSettings,
        training: Option<&Training>,
        reservoir: Option<&Reservoir>,
        ready: bool,
    ) -> Retraining {
        let (rows, held_out) = reservoir.map_or((0, 0), Reservoir::rows);
        let every_h = if reservoir.is_some() { settings.models.retrain_every_h } else { 0.0 };
        let every = timetable(settings);
        let few = too_few(rows, held_out, settings);
        let overdue = !every.is_zero() && self.begun.elapsed() >= every;
        let state = match (training, reservoir) {
            (Some(_), _) => RetrainState::Training,
            (None, None) => RetrainState::Off,
            _ if overdue => RetrainState::Due,
            _ => RetrainState::Waiting,
        };
        let to_go = every.saturating_sub(self.begun.elapsed());
        let by_timetable = reservoir.is_some() && ready && !every.is_zero();
        Retraining {
            state,
            every_h,
            next: by_timetable.then(|| wall_clock().plus_ns(i64::try_from(to_go.as_nanos()).unwrap_or(i64::MAX))),
            progress: training.map(Training::progress),
            reason: training.map_or(String::new(), |_| self.reason.to_owned()),
            rows: rows as u64,
            rows_held_out: held_out as u64,
            can_start: training.is_none() && ready && reservoir.is_some() && few.is_none(),
            last: self.last,
            promoted: self.promoted,
            text: match (reservoir, few) {
                (None, _) => "Models are not renewed".to_owned(),
                (Some(_), Some(few)) if training.is_none() => format!("{}. To the next training: {few}", self.text),
                _ => self.text.clone(),
            },
        }
    }
}

/// Time between two trainings; zero: never.
fn timetable(settings: &JudgingSettings) -> Duration {
    Duration::from_secs_f64(settings.models.retrain_every_h.clamp(0.0, 8_760.0) * 3_600.0)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use evaluate::{JudgeConfig, LearnConfig, Learner};

    fn settings(every_h: f64, drift_pause_h: f64) -> JudgingSettings {
        JudgingSettings {
            learn: LearnConfig { drift_pause_h, ..LearnConfig::default() },
            models: detect::EnsembleConfig { retrain_every_h: every_h, ..detect::EnsembleConfig::default() },
            evidence: crate::config::Evidence::default(),
            models_dir: None,
            live: true,
            learns: true,
            charts_exports: false,
            roll_up: alert::RollUpConfig::default(),
        }
    }

    /// A judge whose traffic changed after it had been steady for long.
    fn drifted() -> Judge {
        let mut judge = Judge::new(&JudgeConfig::default(), Learner::new(LearnConfig::default()));
        judge.keep_watch();
        let drift = judge.watch().unwrap().drift_mut();
        for n in 0..120_000_i64 {
            let p_value = (n * 7_919 % 1_000) as f64 / 1_000.0;
            let p_value = if n < 80_000 { p_value } else { p_value * 0.4 };
            drift.observe(Timestamp::from_parts(1_700_000_000 + n / 20, 0), p_value);
        }
        judge
    }

    #[test]
    fn drift_asks_for_a_training_but_not_more_often_than_allowed() {
        let mut judge = drifted();
        let retrain = Retrain::new(Log::default(), None);
        assert_eq!(retrain.why_now(&mut judge, &settings(24.0, 0.0)), Some("drift"));
        assert_eq!(retrain.why_now(&mut judge, &settings(24.0, 1.0)), None, "the pause is kept");
        assert_eq!(retrain.why_now(&mut judge, &settings(0.0, 0.0)), None, "switched off is switched off");
        judge.watch().unwrap().drift_mut().answer();
        assert_eq!(retrain.why_now(&mut judge, &settings(24.0, 0.0)), None, "a change is answered once");
        assert_eq!(retrain.why_now(&mut judge, &settings(1e-12, 0.0)), Some("timetable"));
    }

    #[test]
    fn the_time_since_the_last_training_outlives_a_restart() {
        let mut judge = drifted();
        judge.watch().unwrap().drift_mut().answer();
        let hours_ago = |h: i64| Some(wall_clock().plus_ns(-h * 3_600 * 1_000_000_000));
        // As long ago as the machine has been running at least; where it has not, the time begins anew.
        let due = |made| Retrain::new(Log::default(), made).why_now(&mut drifted_and_answered(), &settings(24.0, 1.0));
        assert_eq!(due(hours_ago(-1)), None, "a clock that was put back does no harm");
        assert_eq!(due(None), None);
        let soon = Retrain::new(Log::default(), Some(wall_clock().plus_ns(-30_000_000_000)));
        assert_eq!(soon.why_now(&mut judge, &settings(0.005, 1.0)), Some("timetable"), "18 s are over after 30 s");
    }

    fn drifted_and_answered() -> Judge {
        let mut judge = drifted();
        judge.watch().unwrap().drift_mut().answer();
        judge
    }

    #[test]
    fn who_asks_too_early_is_told_what_is_missing() {
        let mut judge = drifted();
        let mut retrain = Retrain::new(Log::default(), None);
        let asked = |retrain: &mut Retrain, judge: &mut Judge| {
            retrain.asked(judge, &settings(24.0, 1.0), &Lessons::default(), 2).err().unwrap()
        };
        assert!(asked(&mut retrain, &mut judge).contains("not renewed here"));
        judge.keep_reservoir(Reservoir::new(&LearnConfig::default()));
        let why = asked(&mut retrain, &mut judge);
        assert!(why.contains("0 of 500 flows to learn from"), "{why}");
        let state = retrain.state(&settings(24.0, 1.0), None, judge.reservoir(), true);
        assert!(!state.can_start && state.state == RetrainState::Waiting && state.next.is_some());
        assert_eq!(retrain.state(&settings(24.0, 1.0), None, None, true).state, RetrainState::Off);
    }

    #[test]
    fn the_log_is_bounded_and_kept_over_a_restart() {
        let mut retrain = Retrain::new(Log::default(), None);
        assert!(retrain.unsaved().is_none());
        (0..60).for_each(|n| retrain.log("feedback", format!("step {n}")));
        let (name, text) = retrain.unsaved().unwrap();
        assert!(retrain.unsaved().is_none() && name == LOG_NAME);
        let again = Retrain::new(serde_json::from_str(&text).unwrap(), None);
        assert_eq!((again.history().events.len(), again.history().events[0].text.as_str()), (EVENTS_MAX, "step 59"));
    }
}
