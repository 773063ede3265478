//! The models beside those of flows: the packet level's file and versions, its first training and its challengers in a thread of their
//! own, and how it is shown. Owns when it trains and where it is kept; what it learns and the examination are `evaluate`'s.

use super::artifact;
use super::retrain::Retrain;
use super::status::Status;
use super::training::shown;
use super::versions::{self, NoReturn};
use super::worker::wall_clock;
use crate::failure::{Context, Failure, Result};
use crossbeam_channel::{Receiver, bounded};
use detect::packet::PacketModel;
use evaluate::packet_challenge::{decide_packets, examine_packets, packet_probes};
use evaluate::{Judge, PacketChallenge, PacketConfig, PacketMaterial};
use serve::shapes::{ModelMember, ModelVersion, VersionNote};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

/// The kind of models that judge packets.
pub const PACKET: &str = "packet";

/// Reads a file of the directory; None when there is none.
pub fn read(dir: &Path, name: &str) -> Result<Option<Vec<u8>>> {
    let path = dir.join(name);
    match fs::read(&path) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(e) => Err(Failure::new(format!("models {}: {e}; name a folder that you may read", path.display()))),
    }
}

/// The packet level's model of a directory; None when there is none.
pub fn load_packets(dir: &Path) -> Result<Option<Arc<PacketModel>>> {
    let name = artifact::file_name(PACKET);
    let Some(bytes) = read(dir, &name)? else { return Ok(None) };
    let model = PacketModel::from_bytes(&bytes).context(format!("models {}", dir.join(name).display()))?;
    Ok(Some(Arc::new(model)))
}

/// A model that may take its place.
struct Trained {
    model: Arc<PacketModel>,
    note: VersionNote,
}

/// What a training needs; `challenge` is None for the first model, which has nothing to be compared with.
struct Lesson {
    learn: PacketMaterial,
    challenge: Option<(PacketChallenge, Arc<PacketModel>)>,
    config: PacketConfig,
    seed: u64,
    keep_in: Option<PathBuf>,
    versions_max: u32,
    note: VersionNote,
}

/// The packet level's trainings.
pub struct SideModels {
    running: Option<Receiver<std::result::Result<Trained, String>>>,
    failed: bool,
    /// A challenger is wanted, and why.
    wanted: Option<String>,
    trainings: u64,
    versions: Vec<ModelVersion>,
    config: PacketConfig,
    seed: u64,
    duration_min_s: u64,
    versions_max: u32,
    keep_in: Option<PathBuf>,
}

impl SideModels {
    /// Nothing is trained yet.
    pub fn new(config: &crate::config::Config, keep_in: Option<PathBuf>) -> Self {
        Self {
            running: None,
            failed: false,
            wanted: None,
            trainings: 0,
            versions: keep_in.as_deref().map_or_else(Vec::new, |dir| versions::list(dir, PACKET)),
            config: config.packets.clone(),
            seed: config.learn.seed,
            duration_min_s: config.learn.duration_min_s,
            versions_max: config.models.versions_max,
            keep_in,
        }
    }

    /// Kept versions, the one in place first.
    pub fn versions(&self) -> &[ModelVersion] {
        &self.versions
    }

    /// A challenger is to be trained when there is enough to learn from: with the flow models', for the same reason.
    pub fn renew(&mut self, reason: &str) {
        self.wanted = Some(reason.to_owned());
    }

    /// Once a round of the judge: starts the training when there is enough to learn from, and puts its result in place. `over`:
    /// nothing more will come, what was seen must do.
    pub fn round(&mut self, judge: &mut Judge, status: &Mutex<Status>, log: &mut Retrain, over: bool) {
        if let Some(result) = self.running.as_ref().and_then(|running| running.try_recv().ok()) {
            self.running = None;
            self.take(judge, log, result);
        }
        let mut status = super::judging::lock(status);
        status.packet_model = judge.packets().model().cloned();
        status.packets_judged = judge.packets().judged();
        drop(status);
        if self.running.is_some() {
            return;
        }
        if judge.packets().model().is_some() {
            self.start_challenger(judge, log);
        } else if !self.failed && (over || judge.packets().seen_s() >= self.duration_min_s as i64) {
            self.start_first(judge);
        }
    }

    fn take(&mut self, judge: &mut Judge, log: &mut Retrain, result: std::result::Result<Trained, String>) {
        match result {
            Ok(Trained { model, note }) => {
                let member = model.member();
                let heard = if member.admitted { "raises alerts" } else { "is shown only" };
                let rate = (member.false_positive_rate * 1000.0).round();
                let (number, why) = (note.version, &note.text);
                let text = if why.is_empty() { "the first one".to_owned() } else { why.clone() };
                log.log(
                    if why.is_empty() { "first" } else { "promoted" },
                    format!("Packet level, version {number}: {text}; {rate} of a thousand held-out packets flagged where 10 are promised, it {heard}"),
                );
                judge.packets().install(model);
                self.relist();
            }
            Err(why) if judge.packets().model().is_some() => {
                log.log("refused", format!("Packet level: the new model was not taken, the old one stays: {why}"));
            }
            Err(why) => {
                self.failed = true;
                tracing::warn!("packet level: {why}");
            }
        }
    }

    fn relist(&mut self) {
        self.versions = self.keep_in.as_deref().map_or_else(Vec::new, |dir| versions::list(dir, PACKET));
    }

    fn start_first(&mut self, judge: &mut Judge) {
        let Some(learn) = judge.packets().material() else { return };
        self.start(learn, None, "first");
    }

    fn start_challenger(&mut self, judge: &mut Judge, log: &mut Retrain) {
        if self.wanted.is_none() {
            return;
        }
        let Some((challenge, present)) = judge.packets().challenge().zip(judge.packets().model().cloned()) else {
            return;
        };
        let reason = self.wanted.take().unwrap_or_default();
        let packets = challenge.learn.seconds.len();
        log.log(
            "started",
            format!("A training of the packet level on {packets} packets began; the old model judges meanwhile"),
        );
        self.start(challenge.learn.clone(), Some((challenge, present)), &reason);
    }

    fn start(&mut self, learn: PacketMaterial, challenge: Option<(PacketChallenge, Arc<PacketModel>)>, reason: &str) {
        self.trainings += 1;
        let version = versions::next_number(&self.versions);
        let lesson = Lesson {
            learn,
            challenge,
            config: self.config.clone(),
            seed: self.seed.wrapping_add(self.trainings - 1),
            keep_in: self.keep_in.clone(),
            versions_max: self.versions_max,
            note: VersionNote { version, reason: reason.to_owned(), ..VersionNote::default() },
        };
        let (sender, result) = bounded(1);
        let thread = std::thread::Builder::new().name("packet-training".to_owned()).spawn(move || {
            source::lower_thread_priority(super::TRAINING_NICE);
            // The judge may be gone at shutdown.
            let _ = sender.send(train(&lesson));
        });
        match thread {
            Ok(_) => self.running = Some(result),
            Err(why) => {
                self.failed = true;
                tracing::warn!("packet level: no thread for training: {why}");
            }
        }
    }

    /// A person wants a kept version back.
    pub fn roll_back(
        &mut self,
        judge: &mut Judge,
        log: &mut Retrain,
        version: u64,
    ) -> std::result::Result<(), NoReturn> {
        let dir = versions::folder(self.running.is_some(), self.keep_in.as_deref())?;
        let model = versions::roll_back(dir, PACKET, version, PacketModel::from_bytes)?;
        judge.packets().install(Arc::new(model));
        self.relist();
        log.log("rolled_back", format!("Version {version} of the packet level was put back in place"));
        Ok(())
    }
}

fn train(lesson: &Lesson) -> std::result::Result<Trained, String> {
    let model = lesson.learn.train(lesson.seed).map_err(|e| e.to_string())?;
    let rows = lesson.learn.seconds.len() as u64;
    let mut note = VersionNote { made: Some(wall_clock()), rows_fitted: rows, ..lesson.note.clone() };
    if let Some((challenge, present)) = &lesson.challenge {
        examine(lesson, challenge, present, &model, &mut note)?;
    }
    if let Some(dir) = &lesson.keep_in {
        let bytes = versions::noted(&model.to_bytes(), &note).map_err(|e| e.to_string())?;
        artifact::save_bytes(dir, PACKET, &bytes, lesson.versions_max).map_err(|e| e.to_string())?;
    }
    Ok(Trained { model: Arc::new(model), note })
}

/// The same examination as the flow models': the model in place and the same recipe on older packets judge the same rows.
fn examine(
    lesson: &Lesson,
    challenge: &PacketChallenge,
    present: &PacketModel,
    model: &PacketModel,
    note: &mut VersionNote,
) -> std::result::Result<(), String> {
    let control = challenge.learn.first(challenge.older).train(lesson.seed).ok();
    let probes = packet_probes(&lesson.config, lesson.seed).map_err(|e| e.to_string())?;
    let marks = |model: &PacketModel| examine_packets(model, &challenge.judge, &probes, &lesson.config);
    let (new, old, control) = (marks(model), marks(present), control.as_ref().map(marks));
    note.rows_held_out = challenge.judge.seconds.len() as u64;
    note.marks = Some(shown(&new));
    note.text = decide_packets((&new, model.member().admitted), (&old, present.member().admitted), control.as_ref())?;
    Ok(())
}

/// The members beside those of flows, for the API.
pub fn members(status: &Status) -> Vec<ModelMember> {
    let packet = status.packet_model.iter().map(|model| {
        let member = model.member();
        ModelMember {
            name: member.name.clone(),
            kind: PACKET.to_owned(),
            looks_at:
                "How many packets of which sizes a device, a pair of hosts and a connection send, packet by packet"
                    .to_owned(),
            admitted: member.admitted,
            why: if member.admitted {
                "It keeps its promise on held-out packets, so it raises alerts of its own".to_owned()
            } else {
                "It flags more of the held-out packets than it promises, so it raises nothing".to_owned()
            },
            nominal_fpr: Some(evaluate::watch::MEMBER_P_VALUE),
            held_out_fpr: Some(member.false_positive_rate),
            threshold: Some(f64::from(member.threshold)),
            ..ModelMember::default()
        }
    });
    packet.collect()
}

#[cfg(test)]
#[path = "side_models_test.rs"]
mod tests;
