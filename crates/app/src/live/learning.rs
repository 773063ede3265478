//! The judge thread's side of training: the first models, those after them, and going back to kept ones. Owns when which models are
//! put in place; how they are trained and examined is `training`'s.

use super::judging::{Judging, lock};
use super::level_words;
use super::models_view;
use super::status::ModelState;
use super::training::{Lesson, Trained, Training};
use super::versions::{self, NoReturn};
use super::{artifact, side_models};
use detect::Ensemble;
use serve::shapes::VersionNote;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};
use store::StoreBatch;

/// Time between two looks at how the models do, for the API.
const LOOK_EVERY: Duration = Duration::from_secs(1);

impl Judging {
    /// Starts a training when there is enough to learn from; puts its result in place.
    pub(super) fn train(&mut self) {
        if let Some(result) = self.training.as_ref().and_then(Training::take) {
            self.training = None;
            match result {
                Ok(trained) => self.promote(&trained),
                Err(refusal) if self.judge.ensemble().is_some() => {
                    self.retrain.refused(&refusal.why, refusal.challenge.map(|c| *c));
                }
                Err(refusal) => {
                    tracing::error!("models: {}", refusal.why);
                    self.run.failed_training = true;
                    lock(&self.status).model = ModelState::Failed(refusal.why);
                }
            }
        }
        if self.training.is_none() && self.judge.ensemble().is_some() {
            let version = self.next_version();
            self.training = self.retrain.due(&mut self.judge, &self.settings, &self.lessons, version);
            if self.training.is_some() {
                self.side_models.renew(self.retrain.reason());
            }
        }
        self.train_first();
        self.save_log();
    }

    fn next_version(&self) -> u64 {
        versions::next_number(&self.versions)
    }

    fn promote(&mut self, trained: &Trained) {
        self.retrain.promoted(trained);
        self.put_in_place(Arc::clone(&trained.ensemble));
        tracing::info!("models are in place and judge every flow from now on");
    }

    pub(super) fn put_in_place(&mut self, ensemble: Arc<Ensemble>) {
        let mut status = lock(&self.status);
        status.flows_learned = ensemble.span().rows;
        status.ensemble = Some(Arc::clone(&ensemble));
        drop(status);
        self.judge.install(ensemble);
        self.versions =
            self.settings.models_dir.as_deref().map_or_else(Vec::new, |dir| versions::list(dir, artifact::FLOW));
        self.run.looked = None;
    }

    fn train_first(&mut self) {
        if self.training.is_some()
            || self.judge.ensemble().is_some()
            || self.run.failed_training
            || !self.settings.learns
        {
            return;
        }
        let now = self.judge.now();
        let sources = lock(&self.status).sources.len();
        // When the files are read, waiting for more is vain: what was seen must do.
        let over = self.run.workers_ended.len() == sources
            && self.judge.learner().rows().rows() >= evaluate::TRAINING_FLOWS_MIN;
        if self.judge.learner().progress(now).fraction < 1.0 && !over {
            return;
        }
        let (_, packets, until) = self.judge.learner().seen();
        let lesson = Lesson {
            rows: self.judge.learner().rows().clone(),
            older: 0,
            attacks: BTreeMap::new(),
            packets,
            from: None,
            until,
            seed: self.settings.learn.seed,
            config: self.settings.models.clone(),
            keep_in: self.settings.models_dir.clone(),
            note: VersionNote { version: self.next_version(), reason: "first".to_owned(), ..VersionNote::default() },
            gate: None,
        };
        match Training::start(move || Ok(lesson)) {
            Ok(training) => self.training = Some(training),
            Err(why) => lock(&self.status).model = ModelState::Failed(why),
        }
    }

    /// A person wants a training now.
    pub(super) fn retrain_now(&mut self) -> Result<(), String> {
        if self.training.is_some() {
            return Err("a training is under way already".to_owned());
        }
        let version = self.next_version();
        let training = self.retrain.asked(&mut self.judge, &self.settings, &self.lessons, version)?;
        self.training = Some(training);
        self.side_models.renew(self.retrain.reason());
        self.levels.renew();
        self.look(true);
        self.save_log();
        Ok(())
    }

    /// A person wants a kept version back.
    pub(super) fn roll_back(&mut self, kind: &str, version: u64) -> Result<(), NoReturn> {
        if kind == side_models::PACKET {
            self.side_models.roll_back(&mut self.judge, &mut self.retrain, version)?;
            self.look(true);
            self.save_log();
            return Ok(());
        }
        if kind != artifact::FLOW {
            self.levels.roll_back(&mut self.judge, &mut self.retrain, kind, version)?;
            self.look(true);
            self.save_log();
            return Ok(());
        }
        let dir = versions::folder(self.training.is_some(), self.settings.models_dir.as_deref())?;
        let schema = features::flow_schema();
        let ensemble = versions::roll_back(dir, artifact::FLOW, version, |bytes| Ensemble::from_bytes(bytes, schema))?;
        self.retrain.rolled_back(version);
        self.put_in_place(Arc::new(ensemble));
        self.look(true);
        self.save_log();
        Ok(())
    }

    pub(super) fn save_log(&mut self) {
        let Some(setting) = self.retrain.unsaved() else { return };
        if let Err(error) = self.store.write(StoreBatch { settings: vec![setting], ..StoreBatch::default() }) {
            tracing::error!("store: {error}");
        }
    }

    /// How the models do, once a second, for the API.
    pub(super) fn look(&mut self, now: bool) {
        if !now && self.run.looked.is_some_and(|at| at.elapsed() < LOOK_EVERY) {
            return;
        }
        self.run.looked = Some(Instant::now());
        let ready = self.judge.ensemble().is_some();
        let retraining = self.retrain.state(&self.settings, self.training.as_ref(), self.judge.reservoir(), ready);
        let data = self.judge.reservoir().map(|kept| models_view::data(kept, &self.lessons));
        let alpha = self.judge.ensemble().map_or(0.0, |e| e.alpha());
        let beside = self.side_models.versions().iter().chain(self.levels.versions());
        let versions = self.versions.iter().chain(beside).cloned().collect();
        let mut view = models_view::ModelsLive { data, versions, ..models_view::ModelsLive::default() };
        let log = self.retrain.history();
        (view.events, view.challenge) = (log.events.clone(), log.challenge.clone());
        if let Some(watch) = self.judge.watch().filter(|_| ready) {
            view.watched(watch, alpha);
        }
        view.beside(&level_words::spread(&mut self.judge));
        let mut status = lock(&self.status);
        status.retraining = retraining;
        status.models = Arc::new(view);
    }
}
