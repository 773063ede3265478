//! Captures kept as evidence: one pcapng file an incident, in a folder beside the database, bounded in bytes. Owns
//! names and bounds; what is in a capture its writer knows.

use crate::{StoreConfig, StoreError};
use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

/// The folder.
#[derive(Clone, Debug)]
pub struct EvidenceFolder {
    dir: PathBuf,
    max_bytes: u64,
    file_max_bytes: u64,
}

/// Counts bytes, and refuses those over the bound.
struct Bounded<W> {
    inner: W,
    left: u64,
}

impl<W: Write> Write for Bounded<W> {
    fn write(&mut self, data: &[u8]) -> io::Result<usize> {
        if data.len() as u64 > self.left {
            return Err(io::Error::new(io::ErrorKind::FileTooLarge, "over store.evidence_file_max_bytes"));
        }
        let n = self.inner.write(data)?;
        self.left -= n as u64;
        Ok(n)
    }
    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

impl EvidenceFolder {
    /// Opens or creates the folder in the data directory.
    ///
    /// # Errors
    /// `StoreError::NotWritable`.
    pub fn open(data_dir: &Path, config: &StoreConfig) -> Result<Self, StoreError> {
        let dir = data_dir.join("evidence");
        fs::create_dir_all(&dir)
            .map_err(|e| StoreError::NotWritable { path: data_dir.to_path_buf(), detail: e.to_string() })?;
        let folder = Self::at(data_dir, config);
        // A process that was killed may have left a part.
        for (_, _, path) in folder.list().unwrap_or_default() {
            if path.extension().is_some_and(|e| e == "part") {
                drop(fs::remove_file(path));
            }
        }
        Ok(folder)
    }

    /// The folder for reading; it need not exist.
    #[must_use]
    pub fn at(data_dir: &Path, config: &StoreConfig) -> Self {
        let dir = data_dir.join("evidence");
        Self { dir, max_bytes: config.evidence_max_bytes, file_max_bytes: config.evidence_file_max_bytes }
    }

    /// Incident ids are hexadecimal digits; nothing else may become part of a path.
    fn file(&self, incident: &str) -> Option<PathBuf> {
        let sound = !incident.is_empty() && incident.len() <= 64 && incident.bytes().all(|b| b.is_ascii_alphanumeric());
        sound.then(|| self.dir.join(format!("{incident}.pcapng")))
    }

    /// The capture of an incident; None when there is none.
    #[must_use]
    pub fn path(&self, incident: &str) -> Option<PathBuf> {
        self.file(incident).filter(|path| path.is_file())
    }

    /// Saves (or replaces) an incident's capture: `write` gets the file. It appears under its name only when complete;
    /// then the oldest captures go until the folder is inside its bound.
    ///
    /// # Errors
    /// What the file system or `write` said; a capture over `evidence_file_max_bytes` is refused.
    pub fn save(
        &self,
        incident: &str,
        write: impl FnOnce(&mut dyn Write) -> io::Result<()>,
    ) -> Result<PathBuf, StoreError> {
        let wrap = |path: &Path, source| StoreError::File { path: path.to_path_buf(), source };
        let Some(path) = self.file(incident) else {
            let bad = io::Error::new(io::ErrorKind::InvalidInput, "an incident id has letters and digits only");
            return Err(wrap(&self.dir, bad));
        };
        let part = path.with_extension("part");
        let saved = File::create(&part).and_then(|file| {
            let mut out = Bounded { inner: BufWriter::new(file), left: self.file_max_bytes };
            write(&mut out)?;
            out.flush()
        });
        if let Err(e) = saved.and_then(|()| fs::rename(&part, &path)) {
            drop(fs::remove_file(&part));
            return Err(wrap(&path, e));
        }
        self.bound(&path).map_err(|e| wrap(&self.dir, e))?;
        Ok(path)
    }

    /// Bytes and number of all captures.
    #[must_use]
    pub fn usage(&self) -> (u64, u64) {
        self.list().map_or((0, 0), |files| (files.iter().map(|f| f.1).sum(), files.len() as u64))
    }

    fn list(&self) -> io::Result<Vec<(std::time::SystemTime, u64, PathBuf)>> {
        let mut files = Vec::new();
        for entry in fs::read_dir(&self.dir)? {
            let entry = entry?;
            let meta = entry.metadata()?;
            if meta.is_file() {
                files.push((meta.modified()?, meta.len(), entry.path()));
            }
        }
        files.sort();
        Ok(files)
    }

    fn bound(&self, keep: &Path) -> io::Result<()> {
        let files = self.list()?;
        let mut bytes: u64 = files.iter().map(|f| f.1).sum();
        for (_, size, path) in files {
            if bytes <= self.max_bytes {
                break;
            }
            if path != keep {
                fs::remove_file(&path)?;
                bytes -= size;
            }
        }
        Ok(())
    }
}
