//! What the exact detectors remember over a restart, as a file beside the models. Owns the file: written whole or not at all, in a
//! thread of its own so that judging never waits for the disk; a damaged one is kept aside. The bytes are `detect`'s.

use crate::failure::{Context, Failure, Result};
use detect::behaviour::BehaviourSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// Name in the data directory.
pub const FILE_NAME: &str = "behaviour.memory";
/// Time between two writes: what a crash forgets at most.
const EVERY: Duration = Duration::from_mins(1);

/// Where the memory is kept.
pub struct Memory {
    /// None: nowhere (replays and the demo, whose past is not this network's).
    path: Option<PathBuf>,
    interfaces: String,
    saved: Instant,
    writing: Option<JoinHandle<()>>,
}

impl Memory {
    /// Puts back what was kept in `dir`, when there is something. What cannot be read is moved aside and told; detectors then learn
    /// anew.
    pub fn open(dir: Option<&Path>, interfaces: &[&str], behaviours: &mut BehaviourSet) -> Result<Self> {
        let path = dir.map(|dir| dir.join(FILE_NAME));
        let interfaces = interfaces.join(",");
        if let Some(path) = &path {
            read(path, &interfaces, behaviours)?;
        }
        Ok(Self { path, interfaces, saved: Instant::now(), writing: None })
    }

    /// Writes when it is time, or at the end, which waits for the disk.
    pub fn save(&mut self, behaviours: &BehaviourSet, end: bool) {
        let Some(path) = self.path.clone().filter(|_| end || self.saved.elapsed() >= EVERY) else { return };
        if !end && self.writing.as_ref().is_some_and(|thread| !thread.is_finished()) {
            return;
        }
        self.wait();
        self.saved = Instant::now();
        let bytes = behaviours.snapshot(&self.interfaces);
        let write = move || {
            if let Err(error) = write(&path, &bytes) {
                tracing::error!("what the detectors remember is not kept: {error}");
            }
        };
        self.writing = std::thread::Builder::new().name("memory".to_owned()).spawn(write).ok();
        if end {
            self.wait();
        }
    }

    fn wait(&mut self) {
        if let Some(thread) = self.writing.take() {
            // It has told its own failure; a panic is the runtime's to tell.
            drop(thread.join());
        }
    }
}

fn read(path: &Path, interfaces: &str, behaviours: &mut BehaviourSet) -> Result<()> {
    let bytes = match fs::read(path) {
        Ok(bytes) => bytes,
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        Err(e) => return Err(Failure::new(format!("detectors' memory {}: {e}", path.display()))),
    };
    if let Err(error) = behaviours.restore(&bytes, interfaces) {
        let aside = path.with_extension("memory.damaged");
        fs::rename(path, &aside).context(path.display())?;
        tracing::warn!(
            "detectors' memory {}: {error}; it is kept as {}, and known devices and usual volumes are learned anew",
            path.display(),
            aside.display()
        );
    }
    Ok(())
}

/// Beside the final name first, then renamed.
fn write(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let temporary = path.with_extension("memory.part");
    let mut file = fs::File::create(&temporary)?;
    std::io::Write::write_all(&mut file, bytes)?;
    file.sync_all()?;
    fs::rename(&temporary, path)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use detect::behaviour::BehaviourConfig;

    #[test]
    fn a_damaged_memory_is_kept_aside_and_a_new_one_begun() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join(FILE_NAME), b"nonsense").unwrap();
        let mut set = BehaviourSet::new(&BehaviourConfig::default());
        let mut memory = Memory::open(Some(dir.path()), &["eth0"], &mut set).unwrap();
        assert_eq!(fs::read(dir.path().join("behaviour.memory.damaged")).unwrap(), b"nonsense");
        assert!(!dir.path().join(FILE_NAME).exists());
        memory.save(&set, false);
        assert!(!dir.path().join(FILE_NAME).exists(), "not yet time");
        memory.save(&set, true);
        assert_eq!(fs::read(dir.path().join(FILE_NAME)).unwrap(), set.snapshot("eth0"));
    }

    #[test]
    fn without_a_place_nothing_is_kept() {
        let mut set = BehaviourSet::new(&BehaviourConfig::default());
        Memory::open(None, &["x"], &mut set).unwrap().save(&set, true);
    }
}
