//! The models of the levels beside flows and packets: their files, when they are trained and renewed in a thread of its own, and
//! how they are shown. Owns the timetable by capture time; what they learn is `evaluate`'s.

use super::artifact;
use super::side_models::read;
use super::status::Status;
use crate::failure::{Context, Result};
use crossbeam_channel::{Receiver, bounded};
use detect::series::{Group, SeriesModel};
use detect::stream::HostModel;
use detect::{DetectError, MemberInfo};
use evaluate::{Judge, LevelModels};
use serve::shapes::ModelMember;
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
/// Of these models one file is kept: they are made anew within seconds.
pub const VERSIONS_MAX: u32 = 1;
/// The promise of a member of a level on benign traffic.
const NOMINAL_FPR: f64 = 0.01;

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
        }
    }

    /// After a training: a model that is heard is renewed by the timetable, any other as soon as twice as much was seen.
    fn after(&mut self, seen_s: i64, is_heard: bool) {
        let by_timetable = if self.every_s > 0 { seen_s.saturating_add(self.every_s) } else { i64::MAX };
        let soon = seen_s.saturating_mul(2).max(60);
        self.at_s = if is_heard { by_timetable } else { soon.min(by_timetable) };
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
    host: Due,
    series: Due,
    seed: u64,
    keep_in: Option<PathBuf>,
}

impl LevelTrainings {
    /// Nothing is trained yet beside what `judge` has in place. `every_h`: hours between two trainings, 0 for never.
    pub fn new(learn: &evaluate::LearnConfig, every_h: f64, judge: &mut Judge, keep_in: Option<PathBuf>) -> Self {
        let every_s = (every_h.clamp(0.0, 8_760.0) * 3_600.0) as i64;
        let due = |is_ready| Due::first(learn.duration_min_s as i64, every_s, is_ready);
        Self {
            running: None,
            host: due(judge.host_level().model().is_some()),
            series: due(judge.series_level().model().is_some()),
            seed: learn.seed,
            keep_in,
        }
    }

    /// Once a round of the judge: starts the training that is due, and puts its result in place. `over`: nothing more will come,
    /// what was seen must do.
    pub fn round(&mut self, judge: &mut Judge, status: &Mutex<Status>, over: bool) {
        if let Some(made) = self.running.as_ref().and_then(|running| running.try_recv().ok()) {
            self.running = None;
            match made {
                Made::Host(made) => self.host_is_made(judge, made),
                Made::Series(made) => self.series_is_made(judge, made),
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

    fn host_is_made(&mut self, judge: &mut Judge, made: std::result::Result<Box<HostModel>, String>) {
        let level = judge.host_level();
        let heard = made.as_ref().is_ok_and(|model| model.member().admitted);
        self.host.after(level.seen_s(), heard);
        let kept = level.model().is_some_and(|model| model.member().admitted);
        let Some(model) = chosen("host level", made, heard, kept) else { return };
        self.keep(HOST, &model.to_bytes());
        tracing::info!("host level: {}", host_words(&model));
        level.install(Arc::from(model));
    }

    fn series_is_made(&mut self, judge: &mut Judge, made: std::result::Result<SeriesModel, String>) {
        let level = judge.series_level();
        let heard = made.as_ref().is_ok_and(SeriesModel::is_heard);
        self.series.after(level.seen_s(), heard);
        let kept = level.model().is_some_and(|model| model.is_heard());
        let Some(model) = chosen("level of series", made, heard, kept) else { return };
        self.keep(SERIES, &model.to_bytes());
        for group in model.groups() {
            tracing::info!("level of series: {}", series_words(group));
        }
        level.install(Arc::new(model));
    }

    fn keep(&self, kind: &str, bytes: &[u8]) {
        if let Some(dir) = &self.keep_in
            && let Err(why) = artifact::save_bytes(dir, kind, bytes, VERSIONS_MAX)
        {
            tracing::warn!("{why}");
        }
    }

    fn start_due(&mut self, judge: &mut Judge, over: bool) {
        let seed = self.seed;
        let level = judge.host_level();
        let is_due = level.seen_s() >= self.host.at_s || (over && level.model().is_none());
        if let Some(material) = is_due.then(|| level.material()).flatten() {
            // Whatever becomes of it, it does not begin anew at once.
            self.host.after(level.seen_s(), false);
            self.running = begin(move || Made::Host(material.train(seed).map(Box::new).map_err(|e| e.to_string())));
            return;
        }
        let level = judge.series_level();
        let is_due = level.seen_s() >= self.series.at_s;
        if let Some(material) = is_due.then(|| level.material()).flatten() {
            self.series.after(level.seen_s(), false);
            self.running = begin(move || Made::Series(material.train(seed).map_err(|e| e.to_string())));
        }
    }
}

/// The new model, unless it is none, or would silence a level that is heard.
fn chosen<T>(level: &str, made: std::result::Result<T, String>, heard: bool, kept: bool) -> Option<T> {
    match made {
        Err(why) => tracing::warn!("{level}: {why}"),
        Ok(_) if !heard && kept => {
            tracing::warn!("{level}: the new model does not keep its promise; the old one stays");
        }
        Ok(model) => return Some(model),
    }
    None
}

fn begin(train: impl FnOnce() -> Made + Send + 'static) -> Option<Receiver<Made>> {
    let (sender, result) = bounded(1);
    let thread = std::thread::Builder::new().name("level-training".to_owned()).spawn(move || {
        source::lower_thread_priority();
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

/// What became of the host level, in words.
pub fn host_words(model: &HostModel) -> String {
    let (member, (rows, hosts, _)) = (model.member(), model.span());
    let kept = if member.admitted {
        "keeps its promise on those held out, so it raises alerts of its own"
    } else {
        "flags more of those held out than it promises, so it raises nothing"
    };
    format!("Learned {rows} minutes of {hosts} hosts; {kept}")
}

/// What became of a group of series, in words.
pub fn series_words(group: &Group) -> String {
    let (member, report, (series, steps)) = (group.member(), group.report(), group.span());
    let (what, one) = if is_of_interfaces(group) { ("interfaces", "interface") } else { ("hosts", "host") };
    let of = if series == 1 { one } else { what };
    let naive = report.loss_last.min(report.loss_season);
    let gain = (naive - report.loss).abs();
    let kept = match (member.admitted, report.admitted) {
        (true, _) => format!(
            "forecasts held-out steps better than the last or seasonal value by {gain:.2} nats a step, so it raises alerts of its own"
        ),
        (false, false) => format!(
            "the last or seasonal value forecasts held-out steps as well or better, by {gain:.2} nats a step, so it raises nothing"
        ),
        (false, true) => "flags more of the held-out steps than it promises, so it raises nothing".to_owned(),
    };
    format!("Learned {steps} steps of {series} {of}; {kept}")
}

/// What a level's file says of itself.
pub struct LevelTold {
    /// Schemas of what it learned.
    pub schema: String,
    /// Their columns.
    pub columns: usize,
    /// Members.
    pub members: Vec<MemberInfo>,
    /// In words.
    pub words: Vec<String>,
}

/// What the host level's file says.
pub fn told_of_hosts(bytes: &[u8]) -> std::result::Result<LevelTold, DetectError> {
    let schema = features::host_schema();
    let model = HostModel::from_bytes(bytes, schema)?;
    Ok(LevelTold {
        schema: schema.name.to_string(),
        columns: schema.features.len(),
        members: vec![model.member().clone()],
        words: vec![host_words(&model)],
    })
}

/// What the file of the level of series says.
pub fn told_of_series(bytes: &[u8]) -> std::result::Result<LevelTold, DetectError> {
    let schemas = evaluate::series_schemas();
    let model = SeriesModel::from_bytes(bytes, &schemas)?;
    let groups = model.groups();
    let known = schemas.iter().filter(|schema| groups.iter().any(|group| group.name() == schema.name));
    Ok(LevelTold {
        schema: groups.iter().map(Group::name).collect::<Vec<_>>().join(", "),
        columns: known.map(|schema| schema.features.len()).sum(),
        members: groups.iter().map(series_member).collect(),
        words: groups.iter().map(series_words).collect(),
    })
}

/// A group of series as a member with a name of its own.
fn series_member(group: &Group) -> MemberInfo {
    let of = if is_of_interfaces(group) { "interfaces" } else { "hosts" };
    MemberInfo { name: format!("lstm_{of}"), ..group.member().clone() }
}

fn is_of_interfaces(group: &Group) -> bool {
    group.name() == features::interface_series_schema().name
}

/// The levels' members, for the API.
pub fn members(status: &Status) -> Vec<ModelMember> {
    let host = status.levels.host.iter().map(|model| ModelMember {
        why: host_words(model),
        ..member("host", "What a host does in a minute: contacts, bytes, names asked for", model.member())
    });
    let groups = status.levels.series.iter().flat_map(|model| model.groups());
    let series = groups.map(|group| {
        let looks_at = if is_of_interfaces(group) {
            "Counters of each interface, every ten seconds, against their forecast"
        } else {
            "Counters of each busy host, every ten seconds, against their forecast"
        };
        ModelMember { why: series_words(group), ..member("series", looks_at, &series_member(group)) }
    });
    host.chain(series).collect()
}

fn member(kind: &str, looks_at: &str, info: &MemberInfo) -> ModelMember {
    ModelMember {
        name: info.name.clone(),
        kind: kind.to_owned(),
        looks_at: looks_at.to_owned(),
        admitted: info.admitted,
        nominal_fpr: Some(NOMINAL_FPR),
        held_out_fpr: Some(info.false_positive_rate),
        threshold: Some(f64::from(info.threshold)),
        ..ModelMember::default()
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
        artifact::save_bytes(dir.path(), HOST, b"not a model", VERSIONS_MAX).unwrap();
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
}
