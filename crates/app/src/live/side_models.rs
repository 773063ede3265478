//! The models beside those of flows: the packet level's file, its training in a thread of its own, and how it is shown.
//! Owns when it trains and where it is kept; what it learns is `evaluate`'s.

use super::status::Status;
use crate::failure::{Context, Failure, Result};
use crossbeam_channel::{Receiver, bounded};
use detect::packet::PacketModel;
use evaluate::Judge;
use serve::shapes::ModelMember;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

/// Name of the packet level's file in the data or model directory.
pub const PACKET_FILE: &str = "packet.model";

/// Reads a file of the directory; None when there is none.
fn read(dir: &Path, name: &str) -> Result<Option<Vec<u8>>> {
    let path = dir.join(name);
    match fs::read(&path) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(e) => Err(Failure::new(format!("models {}: {e}; name a folder that you may read", path.display()))),
    }
}

/// The packet level's model of a directory; None when there is none.
pub fn load_packets(dir: &Path) -> Result<Option<Arc<PacketModel>>> {
    let Some(bytes) = read(dir, PACKET_FILE)? else { return Ok(None) };
    let model = PacketModel::from_bytes(&bytes).context(format!("models {}", dir.join(PACKET_FILE).display()))?;
    Ok(Some(Arc::new(model)))
}

/// Writes a file beside its final name and renames, so that a crash leaves the old one.
pub fn save(dir: &Path, name: &str, bytes: &[u8]) -> Result<()> {
    let (path, temporary) = (dir.join(name), dir.join(format!("{name}.part")));
    let write = || {
        fs::create_dir_all(dir)?;
        let mut file = fs::File::create(&temporary)?;
        std::io::Write::write_all(&mut file, bytes)?;
        file.sync_all()?;
        fs::rename(&temporary, &path)
    };
    write().context(format!("models {}", path.display()))
}

type Trained = std::result::Result<Arc<PacketModel>, String>;

/// The packet level's training.
pub struct SideModels {
    running: Option<Receiver<Trained>>,
    failed: bool,
    seed: u64,
    duration_min_s: u64,
    keep_in: Option<PathBuf>,
}

impl SideModels {
    /// Nothing is trained yet.
    pub fn new(learn: &evaluate::LearnConfig, keep_in: Option<PathBuf>) -> Self {
        Self { running: None, failed: false, seed: learn.seed, duration_min_s: learn.duration_min_s, keep_in }
    }

    /// Once a round of the judge: starts the training when there is enough to learn from, and puts its result in place. `over`:
    /// nothing more will come, what was seen must do.
    pub fn round(&mut self, judge: &mut Judge, status: &Mutex<Status>, over: bool) {
        if let Some(result) = self.running.as_ref().and_then(|running| running.try_recv().ok()) {
            self.running = None;
            match result {
                Ok(model) => {
                    let member = model.member();
                    let heard = if member.admitted { "raises alerts" } else { "is shown only" };
                    tracing::info!(
                        "packet level: {} false positives per thousand held-out packets at its 1 % threshold, {heard}",
                        (member.false_positive_rate * 1000.0).round()
                    );
                    judge.packets().install(model);
                }
                Err(why) => {
                    self.failed = true;
                    tracing::warn!("packet level: {why}");
                }
            }
        }
        let mut status = super::judging::lock(status);
        status.packet_model = judge.packets().model().cloned();
        status.packets_judged = judge.packets().judged();
        drop(status);
        if self.running.is_none() && !self.failed && (over || judge.packets().seen_s() >= self.duration_min_s as i64) {
            self.start(judge);
        }
    }

    fn start(&mut self, judge: &mut Judge) {
        let Some(material) = judge.packets().material() else { return };
        let (sender, result) = bounded(1);
        let (seed, keep_in) = (self.seed, self.keep_in.clone());
        let train = move || -> Trained {
            let model = material.train(seed).map_err(|e| e.to_string())?;
            if let Some(dir) = keep_in {
                save(&dir, PACKET_FILE, &model.to_bytes()).map_err(|e| e.to_string())?;
            }
            Ok(Arc::new(model))
        };
        let thread = std::thread::Builder::new().name("packet-training".to_owned()).spawn(move || {
            source::lower_thread_priority();
            // The judge may be gone at shutdown.
            let _ = sender.send(train());
        });
        match thread {
            Ok(_) => self.running = Some(result),
            Err(why) => {
                self.failed = true;
                tracing::warn!("packet level: no thread for training: {why}");
            }
        }
    }
}

/// The members beside those of flows, for the API.
pub fn members(status: &Status) -> Vec<ModelMember> {
    let packet = status.packet_model.iter().map(|model| {
        let member = model.member();
        ModelMember {
            name: member.name.clone(),
            kind: "packet".to_owned(),
            looks_at:
                "How many packets of which sizes a device, a pair of hosts and a connection send, packet by packet"
                    .to_owned(),
            admitted: member.admitted,
            why: if member.admitted {
                "It keeps its promise on held-out packets, so it raises alerts of its own".to_owned()
            } else {
                "It flags more of the held-out packets than it promises, so it raises nothing".to_owned()
            },
            nominal_fpr: Some(0.01),
            held_out_fpr: Some(member.false_positive_rate),
            threshold: Some(f64::from(member.threshold)),
            ..ModelMember::default()
        }
    });
    packet.collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_missing_file_is_none_and_a_damaged_one_says_so() {
        let dir = tempfile::tempdir().unwrap();
        assert!(load_packets(dir.path()).unwrap().is_none());
        save(dir.path(), PACKET_FILE, b"not a model").unwrap();
        let why = load_packets(dir.path()).err().map(|e| e.to_string()).unwrap_or_default();
        assert!(why.contains(PACKET_FILE) && why.contains("does not begin like a model file"), "{why}");
    }
}
