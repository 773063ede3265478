//! The file that the page writes: the configuration file of the call, or `settings.toml` of the data directory where none was given or it
//! cannot be written. Owns that it is replaced whole or not at all, and never over what somebody else wrote meanwhile.

use super::file;
use std::fs::{File, OpenOptions, Permissions};
use std::io::{ErrorKind, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

/// Rights of a file that is made: it may hold secrets.
const MODE: u32 = 0o600;

/// See the module.
#[derive(Clone, Debug)]
pub struct Place {
    /// As it was named.
    pub path: PathBuf,
    /// Is it the configuration file?
    pub is_config: bool,
    /// Why it is not, for people; empty when it is.
    pub why_not: String,
}

impl Place {
    /// Decides once, at the start.
    pub fn choose(config: Option<&Path>, data_dir: &Path) -> Self {
        let own = |why_not: String| Self { path: data_dir.join(file::NAME), is_config: false, why_not };
        let Some(path) = config else {
            return own("the program was started without a configuration file (-c FILE)".to_owned());
        };
        match writable(path) {
            Ok(()) => Self { path: path.to_path_buf(), is_config: true, why_not: String::new() },
            Err(error) => own(format!("the program may not write {}: {error}", path.display())),
        }
    }

    /// Its text; of one that is not there yet, what it begins with.
    pub fn read(&self) -> std::io::Result<String> {
        match std::fs::read_to_string(&self.path) {
            Err(error) if error.kind() == ErrorKind::NotFound && !self.is_config => Ok(file::empty()),
            read => read,
        }
    }

    /// Puts `new` in the place of `old`, which must still be what stands there.
    pub fn replace(&self, old: &str, new: &str) -> std::io::Result<()> {
        if self.read()? != old {
            return Err(std::io::Error::other("it was changed meanwhile; nothing was written"));
        }
        write_whole(&self.path, new)
    }
}

/// May the file be replaced? Looks without changing anything: it is opened for appending, and its folder must take a new file.
fn writable(path: &Path) -> std::io::Result<()> {
    OpenOptions::new().append(true).open(path)?;
    let part = part_of(&std::fs::canonicalize(path)?);
    OpenOptions::new().write(true).create(true).truncate(true).mode(MODE).open(&part)?;
    std::fs::remove_file(part)
}

fn part_of(path: &Path) -> PathBuf {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    path.with_file_name(format!(".{name}.part"))
}

/// Writes a file beside its place and moves it there, with the rights and the group of the old one; a link stays a link.
pub fn write_whole(path: &Path, text: &str) -> std::io::Result<()> {
    let path = match std::fs::canonicalize(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => path.to_path_buf(),
        place => place?,
    };
    let part = part_of(&path);
    let written = fill(&part, &path, text).and_then(|()| std::fs::rename(&part, &path));
    if written.is_err() {
        // The reason is told already.
        let _ = std::fs::remove_file(&part);
        return written;
    }
    // The name is on the disk too when the folder is.
    path.parent().map_or(Ok(()), |folder| File::open(folder)?.sync_all())
}

fn fill(part: &Path, path: &Path, text: &str) -> std::io::Result<()> {
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(MODE).open(part)?;
    if let Ok(about) = std::fs::metadata(path) {
        // Only root may give a file to others; who may not keeps its own name on it.
        let _ = std::os::unix::fs::fchown(&file, Some(about.uid()), Some(about.gid()));
        file.set_permissions(Permissions::from_mode(about.mode() & 0o7777))?;
    }
    file.write_all(text.as_bytes())?;
    file.sync_all()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_file_is_replaced_whole_with_its_rights_and_through_a_link() {
        let dir = tempfile::tempdir().unwrap();
        let (real, link) = (dir.path().join("real.toml"), dir.path().join("link.toml"));
        std::fs::write(&real, "old").unwrap();
        std::fs::set_permissions(&real, Permissions::from_mode(0o640)).unwrap();
        std::os::unix::fs::symlink(&real, &link).unwrap();
        let place = Place::choose(Some(&link), dir.path());
        assert!(place.is_config && place.why_not.is_empty());
        place.replace("old", "new").unwrap();
        assert!(std::fs::symlink_metadata(&link).unwrap().is_symlink());
        assert_eq!(std::fs::read_to_string(&real).unwrap(), "new");
        assert_eq!(std::fs::metadata(&real).unwrap().mode() & 0o7777, 0o640);
        assert!(place.replace("old", "newer").unwrap_err().to_string().contains("changed meanwhile"));
        assert_eq!(std::fs::read_to_string(&real).unwrap(), "new");
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 2, "nothing is left beside it");
    }

    #[test]
    fn without_a_file_that_can_be_written_it_is_the_data_directorys() {
        let dir = tempfile::tempdir().unwrap();
        let none = Place::choose(None, dir.path());
        assert!(!none.is_config && none.why_not.contains("-c FILE"), "{none:?}");
        assert!(none.read().unwrap().starts_with('#'));
        let missing = Place::choose(Some(&dir.path().join("no/such.toml")), dir.path());
        assert_eq!((missing.is_config, missing.path), (false, dir.path().join("settings.toml")));
        assert!(missing.why_not.contains("such.toml"));
    }
}
