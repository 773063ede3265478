//! The models' files: written whole or not at all, read at the next start. Owns the names and the rename; the format is `detect`'s.

use crate::failure::{Context, Failure, Result};
use detect::Ensemble;
use std::fs;
use std::path::Path;

/// The kind of models that judge flows.
pub const FLOW: &str = "flow";
/// Name of the flow models' file in the data or model directory.
pub const FILE_NAME: &str = "flow.model";

/// Name of a kind's file in use.
pub fn file_name(kind: &str) -> String {
    format!("{kind}.model")
}

/// Name of a kind's file under way; never read.
pub fn part_name(kind: &str) -> String {
    format!("{kind}.model.part")
}

/// Reads the models of a directory; None when there are none yet.
pub fn load(dir: &Path) -> Result<Option<Ensemble>> {
    let path = dir.join(FILE_NAME);
    let bytes = match fs::read(&path) {
        Ok(bytes) => bytes,
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(e) => {
            let advice = "name a folder that holds it and that you may read";
            return Err(Failure::new(format!("models {}: {e}; {advice}", path.display())));
        }
    };
    Ensemble::from_bytes(&bytes, features::flow_schema()).map(Some).context(format!("models {}", path.display()))
}

/// Writes the flow models; see `save_bytes`.
pub fn save(dir: &Path, ensemble: &Ensemble, versions_max: u32) -> Result<()> {
    save_bytes(dir, FLOW, &ensemble.to_bytes(), versions_max)
}

/// Writes models of a kind beside their final name and renames, so that a crash leaves the old ones. Of earlier versions,
/// `versions_max - 1` stay: `flow.model.1` is the one before, and so on. To go back, stop, and rename one to `flow.model`.
pub fn save_bytes(dir: &Path, kind: &str, bytes: &[u8], versions_max: u32) -> Result<()> {
    let (path, temporary) = (dir.join(file_name(kind)), dir.join(part_name(kind)));
    fs::create_dir_all(dir).context(dir.display())?;
    let write = || {
        let mut file = fs::File::create(&temporary)?;
        std::io::Write::write_all(&mut file, bytes)?;
        file.sync_all()?;
        keep_versions(&path, versions_max)?;
        fs::rename(&temporary, &path)
    };
    write().context(format!("models {}", path.display()))
}

/// Moves each version one place back; the name of the newest stays until the new file takes its place.
fn keep_versions(path: &Path, versions_max: u32) -> std::io::Result<()> {
    if versions_max < 2 {
        return Ok(());
    }
    move_back(path, versions_max - 1)
}

/// Moves the versions before place `last` one place back, the last of them over what is there.
pub fn move_back(path: &Path, last: u32) -> std::io::Result<()> {
    let version = |n: u32| if n == 0 { path.to_owned() } else { path.with_extension(format!("model.{n}")) };
    let move_if_there = |result: std::io::Result<()>| match result {
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(()),
        other => other,
    };
    for n in (1..last).rev() {
        move_if_there(fs::rename(version(n), version(n + 1)))?;
    }
    // A second name for the same file, so that a crash between the two renames leaves models in place.
    move_if_there(fs::remove_file(version(1)))?;
    move_if_there(fs::hard_link(path, version(1)).or_else(|_| fs::copy(path, version(1)).map(|_| ())))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn the_last_versions_are_kept_in_order() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join(FILE_NAME);
        for n in 0..8 {
            keep_versions(&path, 4).unwrap();
            // As `save` does: a new file takes the name.
            let part = dir.path().join("part");
            fs::write(&part, format!("{n}")).unwrap();
            fs::rename(&part, &path).unwrap();
        }
        let read = |name: &str| fs::read_to_string(dir.path().join(name)).unwrap();
        assert_eq!(read("flow.model"), "7");
        assert_eq!(
            (read("flow.model.1"), read("flow.model.2"), read("flow.model.3")),
            ("6".into(), "5".into(), "4".into())
        );
        assert!(!dir.path().join("flow.model.4").exists());
        keep_versions(&path, 1).unwrap();
        assert_eq!((read("flow.model"), read("flow.model.1")), ("7".into(), "6".into()));
    }
}
