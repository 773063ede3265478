//! The models of the levels beside flows and packets: their files and versions, when they are trained and renewed in a thread of its
//! own, going back to a kept one. Owns the timetable by capture time; what they learn is `evaluate`'s, how they are told `level_words`'.

use super::artifact;
use super::level_words::{host_words, series_words};
use super::retrain::Retrain;
use super::side_models::read;
use super::status::Status;
use super::versions::{self, NoReturn};
use super::worker::wall_clock;
use crate::failure::{Context, Result};
use crossbeam_channel::{Receiver, bounded};
use detect::series::SeriesModel;
use detect::stream::HostModel;
use evaluate::{Judge, LevelModels};
use serve::shapes::{ModelVersion, VersionNote};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

/// Name of the host level's file in the data or model directory.
pub const HOST_FILE: &str = "host.model";
/// Kinds of these models, the first part of their files' names.
pub const HOST: &str = "host";
/// See [`HOST`].
pub const SERIES: &str = "series";
/// Name of the level of series' file.
pub const SERIES_FILE: &str = "series.model";
/// Kinds of these models, by name.
const KINDS: [&str; 2] = [HOST, SERIES];

/// The levels' models of a directory; none where there is no file.
pub fn load(dir: &Path) -> Result<LevelModels> {
    let place = |name: &str| format!("models {}", dir.join(name).display());
    let host = read(dir, HOST_FILE)?.map(|bytes| HostModel::from_bytes(&bytes, features::host_schema()));
    let schemas = evaluate::series_schemas();
    let series = read(dir, SERIES_FILE)?.map(|bytes| SeriesModel::from_bytes(&bytes, &schemas));
    Ok(LevelModels {
        host: host.transpose().context(place(HOST_FILE))?.map(Arc::new),
        series: series.transpose().context(place(SERIES_FILE))?.map(Arc::new),
    })
}

/// Puts the models of earlier runs in place.
pub fn install(judge: &mut Judge, models: LevelModels) {
    if let Some(model) = models.host {
        judge.host_level().install(model);
    }
    if let Some(model) = models.series {
        judge.series_level().install(model);
    }
}

/// When a level is trained, in seconds of capture time since it began to look.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Due {
    at_s: i64,
    every_s: i64,
    /// A person wants a training, or the models of flows are renewed: at the next look, whatever the timetable says.
    wanted: bool,
}

impl Due {
    /// At the end of the warm-up, or where there is a model already by the timetable.
    fn first(warm_up_s: i64, every_s: i64, is_ready: bool) -> Self {
        Self {
            at_s: if !is_ready {
                warm_up_s
            } else if every_s > 0 {
                every_s
            } else {
                i64::MAX
            },
            every_s,
            wanted: false,
        }
    }

    fn has_come(&self, seen_s: i64) -> bool {
        self.wanted || seen_s >= self.at_s
    }

    /// Why a training that begins now begins, as a version's note says it.
    fn reason(&self, is_ready: bool) -> &'static str {
        match (is_ready, self.wanted) {
            (false, _) => "first",
            (true, true) => "asked",
            (true, false) => "timetable",
        }
    }

    /// After a training: a model that is heard is renewed by the timetable, any other as soon as twice as much was seen.
    fn after(&mut self, seen_s: i64, is_heard: bool) {
        let by_timetable = if self.every_s > 0 { seen_s.saturating_add(self.every_s) } else { i64::MAX };
        let soon = seen_s.saturating_mul(2).max(60);
        self.at_s = if is_heard { by_timetable } else { soon.min(by_timetable) };
        self.wanted = false;
    }
}

/// What a training thread made.
enum Made {
    Host(std::result::Result<Box<HostModel>, String>),
    Series(std::result::Result<SeriesModel, String>),
}

/// The levels' trainings, one at a time.
pub struct LevelTrainings {
    running: Option<Receiver<Made>>,
    /// Why the training under way began.
    reason: &'static str,
    host: Due,
    series: Due,
    seed: u64,
    keep_in: Option<PathBuf>,
    versions_max: u32,
    versions: Vec<ModelVersion>,
}

impl LevelTrainings {
    /// Nothing is trained yet beside what `judge` has in place.
    pub fn new(config: &crate::config::Config, judge: &mut Judge, keep_in: Option<PathBuf>) -> Self {
        let every_s = (config.models.retrain_every_h.clamp(0.0, 8_760.0) * 3_600.0) as i64;
        let due = |is_ready| Due::first(config.learn.duration_min_s as i64, every_s, is_ready);
        let mut trainings = Self {
            running: None,
            reason: "first",
            host: due(judge.host_level().model().is_some()),
            series: due(judge.series_level().model().is_some()),
            seed: config.learn.seed,
            keep_in,
            versions_max: config.models.versions_max,
            versions: Vec::new(),
        };
        trainings.relist();
        trainings
    }

    /// Kept versions of both kinds, of each the one in place first.
    pub fn versions(&self) -> &[ModelVersion] {
        &self.versions
    }

    /// Both levels are to be trained as soon as there is enough to learn from.
    pub fn renew(&mut self) {
        (self.host.wanted, self.series.wanted) = (true, true);
    }

    fn relist(&mut self) {
        let of_kind = |dir: &PathBuf| KINDS.iter().flat_map(|kind| versions::list(dir, kind)).collect();
        self.versions = self.keep_in.as_ref().map_or_else(Vec::new, of_kind);
    }

    /// A person wants a kept version of `kind` back.
    pub fn roll_back(
        &mut self,
        judge: &mut Judge,
        log: &mut Retrain,
        kind: &str,
        version: u64,
    ) -> std::result::Result<(), NoReturn> {
        let dir = versions::folder(self.running.is_some(), self.keep_in.as_deref())?;
        match kind {
            HOST => {
                let read = |bytes: &[u8]| HostModel::from_bytes(bytes, features::host_schema());
                judge.host_level().install(Arc::new(versions::roll_back(dir, kind, version, read)?));
            }
            SERIES => {
                let read = |bytes: &[u8]| SeriesModel::from_bytes(bytes, &evaluate::series_schemas());
                judge.series_level().install(Arc::new(versions::roll_back(dir, kind, version, read)?));
            }
            _ => return Err(NoReturn::NotKept(format!("there are no versions of {kind} models"))),
        }
        self.relist();
        log.log("rolled_back", format!("Version {version} of the {kind} models was put back in place"));
        Ok(())
    }

    /// Once a round of the judge: starts the training that is due, and puts its result in place. `over`: nothing more will come,
    /// what was seen must do.
    pub fn round(&mut self, judge: &mut Judge, status: &Mutex<Status>, log: &mut Retrain, over: bool) {
        if let Some(made) = self.running.as_ref().and_then(|running| running.try_recv().ok()) {
            self.running = None;
            match made {
                Made::Host(made) => self.host_is_made(judge, log, made),
                Made::Series(made) => self.series_is_made(judge, log, made),
            }
        }
        let mut status = super::judging::lock(status);
        status.levels =
            LevelModels { host: judge.host_level().model().cloned(), series: judge.series_level().model().cloned() };
        (status.windows_judged, status.steps_judged) = (judge.host_level().judged(), judge.series_level().judged());
        drop(status);
        if self.running.is_none() {
            self.start_due(judge, over);
        }
    }

    fn host_is_made(
        &mut self,
        judge: &mut Judge,
        log: &mut Retrain,
        made: std::result::Result<Box<HostModel>, String>,
    ) {
        let level = judge.host_level();
        let heard = made.as_ref().is_ok_and(|model| model.member().admitted);
        self.host.after(level.seen_s(), heard);
        let kept = level.model().is_some_and(|model| model.member().admitted);
        let Some(model) = chosen("Host level", log, made, heard, kept) else { return };
        let number = self.keep(HOST, &model.to_bytes(), model.span().0, host_words(&model));
        log.log(self.event(), format!("Host level, version {number}: {}", host_words(&model)));
        level.install(Arc::from(model));
    }

    fn series_is_made(&mut self, judge: &mut Judge, log: &mut Retrain, made: std::result::Result<SeriesModel, String>) {
        let level = judge.series_level();
        let heard = made.as_ref().is_ok_and(SeriesModel::is_heard);
        self.series.after(level.seen_s(), heard);
        let kept = level.model().is_some_and(|model| model.is_heard());
        let Some(model) = chosen("Level of series", log, made, heard, kept) else { return };
        let words: Vec<String> = model.groups().iter().map(series_words).collect();
        let steps = model.groups().iter().map(|group| group.span().1).sum();
        let number = self.keep(SERIES, &model.to_bytes(), steps, words.join(". "));
        log.log(self.event(), format!("Level of series, version {number}: {}", words.join(". ")));
        level.install(Arc::new(model));
    }

    /// What the log calls a model that was taken.
    fn event(&self) -> &'static str {
        if self.reason == "first" { "first" } else { "promoted" }
    }

    /// Writes a new version; returns its number. `rows` is what it was learned from.
    fn keep(&mut self, kind: &str, bytes: &[u8], rows: u64, text: String) -> u64 {
        let of_kind: Vec<ModelVersion> = self.versions.iter().filter(|version| version.kind == kind).cloned().collect();
        let version = versions::next_number(&of_kind);
        let (reason, made) = (self.reason.to_owned(), Some(wall_clock()));
        let note = VersionNote { version, reason, made, rows_fitted: rows, text, ..VersionNote::default() };
        if let Some(dir) = &self.keep_in {
            let noted = versions::noted(bytes, &note).map_err(|why| why.to_string());
            let kept = noted.and_then(|bytes| {
                artifact::save_bytes(dir, kind, &bytes, self.versions_max).map_err(|why| why.to_string())
            });
            if let Err(why) = kept {
                tracing::warn!("{why}");
            }
            self.relist();
        }
        version
    }

    fn start_due(&mut self, judge: &mut Judge, over: bool) {
        let seed = self.seed;
        let level = judge.host_level();
        let is_due = self.host.has_come(level.seen_s()) || (over && level.model().is_none());
        if let Some(material) = is_due.then(|| level.material()).flatten() {
            self.reason = self.host.reason(level.model().is_some());
            // Whatever becomes of it, it does not begin anew at once.
            self.host.after(level.seen_s(), false);
            self.running = begin(move || Made::Host(material.train(seed).map(Box::new).map_err(|e| e.to_string())));
            return;
        }
        let level = judge.series_level();
        let is_due = self.series.has_come(level.seen_s());
        if let Some(material) = is_due.then(|| level.material()).flatten() {
            self.reason = self.series.reason(level.model().is_some());
            self.series.after(level.seen_s(), false);
            self.running = begin(move || Made::Series(material.train(seed).map_err(|e| e.to_string())));
        }
    }
}

/// The new model, unless it is none, or would silence a level that is heard.
fn chosen<T>(
    level: &str,
    log: &mut Retrain,
    made: std::result::Result<T, String>,
    heard: bool,
    kept: bool,
) -> Option<T> {
    match made {
        Err(why) => tracing::warn!("{level}: {why}"),
        Ok(_) if !heard && kept => {
            let why = "it does not keep its promise on what was held out, or forecasts worse than the plain guess";
            log.log("refused", format!("{level}: the new model was not taken, the old one stays: {why}"));
        }
        Ok(model) => return Some(model),
    }
    None
}

fn begin(train: impl FnOnce() -> Made + Send + 'static) -> Option<Receiver<Made>> {
    let (sender, result) = bounded(1);
    let thread = std::thread::Builder::new().name("level-training".to_owned()).spawn(move || {
        source::lower_thread_priority(super::TRAINING_NICE);
        // The judge may be gone at shutdown.
        let _ = sender.send(train());
    });
    match thread {
        Ok(_) => Some(result),
        Err(why) => {
            tracing::warn!("levels: no thread for training: {why}");
            None
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_missing_file_is_none_and_a_damaged_one_says_so() {
        let dir = tempfile::tempdir().unwrap();
        assert!(load(dir.path()).unwrap().host.is_none());
        artifact::save_bytes(dir.path(), HOST, b"not a model", 1).unwrap();
        let why = load(dir.path()).err().map(|e| e.to_string()).unwrap_or_default();
        assert!(why.contains(HOST_FILE) && why.contains("does not begin like a model file"), "{why}");
    }

    #[test]
    fn a_model_that_is_not_heard_tries_again_soon_and_one_that_is_waits_for_the_timetable() {
        let mut due = Due::first(900, 86_400, false);
        assert_eq!(due.at_s, 900);
        due.after(900, false);
        assert_eq!(due.at_s, 1_800);
        due.after(1_800, true);
        assert_eq!(due.at_s, 88_200);
        due.after(88_200, false);
        assert_eq!(due.at_s, 174_600, "never later than by the timetable");
        assert_eq!(Due::first(900, 86_400, true).at_s, 86_400);
        let mut never = Due::first(900, 0, true);
        assert_eq!(never.at_s, i64::MAX);
        never.after(900, true);
        assert_eq!(never.at_s, i64::MAX);
    }

    /// Minutes of six hosts with little in them but noise that `seed` makes.
    fn host_model(seed: u64) -> HostModel {
        let schema = features::host_schema();
        let columns = schema.features.len();
        let rows = super::super::noise::rows(seed, 600, columns);
        let windows: Vec<i64> = (0..600).map(|row| row / 6).collect();
        let hosts: Vec<u64> = (0..600).map(|row| row % 6).collect();
        let lesson =
            detect::stream::HostLesson { rows: &rows, windows: &windows, hosts: &hosts, rows_min: 100, until: None };
        HostModel::train(&lesson, schema, &detect::stream::HalfSpaceSettings::default(), seed).unwrap()
    }

    #[test]
    fn versions_of_a_level_are_kept_and_one_is_put_back_in_a_running_judge() {
        let dir = tempfile::tempdir().unwrap();
        let mut config = crate::config::Config::default();
        config.models.versions_max = 3;
        let learner = evaluate::Learner::new(evaluate::LearnConfig::default());
        let mut judge = Judge::new(&evaluate::JudgeConfig::default(), learner);
        let mut log = Retrain::new(super::super::retrain::Log::default(), None);
        let mut levels = LevelTrainings::new(&config, &mut judge, Some(dir.path().to_owned()));
        for seed in 1..=4 {
            levels.reason = if seed == 1 { "first" } else { "timetable" };
            let model = host_model(seed);
            levels.host_is_made(&mut judge, &mut log, Ok(Box::new(model)));
        }
        let numbers = |levels: &LevelTrainings| levels.versions().iter().map(|v| v.note.version).collect::<Vec<_>>();
        assert_eq!(numbers(&levels), [4, 3, 2]);
        let note = &levels.versions()[2].note;
        assert!(note.reason == "timetable" && note.rows_fitted == 600 && note.text.contains("600 minutes of 6 hosts"));
        let fourth = judge.host_level().model().unwrap().to_bytes();
        levels.roll_back(&mut judge, &mut log, HOST, 2).unwrap();
        assert!(judge.host_level().model().unwrap().to_bytes() != fourth);
        assert_eq!((numbers(&levels), log.history().events[0].what.as_str()), (vec![2, 4, 3], "rolled_back"));
        for (kind, version) in [(HOST, 9), (SERIES, 1), ("cat", 1)] {
            let refused = levels.roll_back(&mut judge, &mut log, kind, version);
            assert!(matches!(refused, Err(NoReturn::NotKept(_))), "{kind} {version}");
        }
        assert!(load(dir.path()).unwrap().host.is_some());
    }

    #[test]
    fn who_asks_need_not_wait_for_the_timetable() {
        let mut due = Due::first(900, 86_400, true);
        assert!(!due.has_come(1_000) && due.reason(true) == "timetable" && due.reason(false) == "first");
        due.wanted = true;
        assert!(due.has_come(1_000) && due.reason(true) == "asked");
        due.after(1_000, true);
        assert!(!due.has_come(1_001));
    }
}
