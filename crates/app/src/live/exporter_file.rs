//! What exporters told of their data (templates, sampling rates), kept in the data directory: exporters repeat it only every few
//! minutes, and after a restart nothing could be read until then. Owns the file; its content is `decode`'s.

use evaluate::Meter;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// Name of the file in the data directory.
const NAME: &str = "exporters.templates";
/// Longest time that a change waits to be written.
const EVERY: Duration = Duration::from_mins(1);

/// The file and what it holds.
pub struct ExporterFile {
    path: PathBuf,
    written: Vec<u8>,
    looked: Instant,
}

impl ExporterFile {
    /// Gives the meter what an earlier run kept. A file that is not good is told and written anew.
    pub fn open(data_dir: &Path, meter: &mut Meter) -> Self {
        let path = data_dir.join(NAME);
        let written = std::fs::read(&path).unwrap_or_default();
        if !written.is_empty() && !meter.restore_exporters(&written) {
            tracing::warn!("{}: damaged; exporters' templates are learned anew", path.display());
        }
        Self { path, written, looked: Instant::now() }
    }

    /// Writes what changed; at the end (`now`) at once.
    pub fn save(&mut self, meter: &Meter, now: bool) {
        if !now && self.looked.elapsed() < EVERY {
            return;
        }
        self.looked = Instant::now();
        let content = meter.exporters_snapshot();
        if content == self.written {
            return;
        }
        // Whole or not at all: a half-written file would be read as damaged.
        let beside = self.path.with_extension("new");
        let result = std::fs::write(&beside, &content).and_then(|()| std::fs::rename(&beside, &self.path));
        match result {
            Ok(()) => self.written = content,
            Err(error) => tracing::warn!("{}: {error}; templates are not kept over a restart", self.path.display()),
        }
    }
}
