//! Files that people hand over on the dashboard: each is kept in the data directory, analysed by a process of its own and never mixes
//! with the live watch. Owns the settings and the answers to the API; `shelf.rs` the files, `receiving.rs` their arrival, `analyst.rs`
//! the analysis.

mod analyst;
mod receiving;
mod shelf;

pub use shelf::Shelf;

use super::desk::Desk;
use super::spawn;
use crate::failure::{Context, Result as StartResult};
use analyst::Analyst;
use receiving::Arriving;
use serde::{Deserialize, Serialize};
use serve::shapes::{Upload, UploadAnalysis, UploadDetail, UploadPhase, Uploads};
use serve::{LiveError, Receiving, UploadKeeper};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::thread::JoinHandle;

/// Folder in the data directory.
const FOLDER: &str = "uploads";

/// Files handed over on the dashboard, section `[uploads]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct UploadSettings {
    /// Files are taken at all.
    pub enabled: bool,
    /// Largest file, bytes.
    pub upload_bytes_max: u64,
    /// All files together, bytes. When it is reached no more are taken until some are deleted.
    pub bytes_max: u64,
    /// Longest time that one analysis may take, seconds.
    pub timeout_s: u64,
}

impl Default for UploadSettings {
    fn default() -> Self {
        Self { enabled: true, upload_bytes_max: 1 << 30, bytes_max: 4 << 30, timeout_s: 3_600 }
    }
}

/// Who keeps the files, and the thread that works on them; none where none are taken.
pub type Started = (Option<Arc<Keeper>>, Option<JoinHandle<()>>);

/// Opens the files of earlier runs, and the thread that works on them; nothing where none are taken.
pub fn start(settings: UploadSettings, desk: &Arc<Desk>, stop: &Arc<AtomicBool>) -> StartResult<Started> {
    if !settings.enabled {
        return Ok((None, None));
    }
    let dir = desk.data_dir().join(FOLDER);
    let shelf = Arc::new(Shelf::open(dir.clone(), settings).context(dir.display())?);
    let analyst = Analyst { shelf: Arc::clone(&shelf), desk: Arc::clone(desk), stop: Arc::clone(stop) };
    let thread = spawn("uploads", move || analyst.run())?;
    Ok((Some(Arc::new(Keeper(shelf))), Some(thread)))
}

/// What the API asks.
pub struct Keeper(pub Arc<Shelf>);

impl UploadKeeper for Keeper {
    fn list(&self) -> Uploads {
        let settings = self.0.settings();
        let (items, bytes) = self.0.list();
        Uploads { items, bytes, bytes_max: settings.bytes_max, upload_bytes_max: settings.upload_bytes_max }
    }

    fn get(&self, id: &str) -> Result<UploadDetail, LiveError> {
        let upload = self.0.get(id).ok_or_else(|| unknown(id))?;
        let analysis = match upload.phase {
            UploadPhase::Done => Some(self.analysis(&upload)?),
            _ => None,
        };
        Ok(UploadDetail { upload, analysis })
    }

    fn begin(&self, name: &str, bytes: Option<u64>) -> Result<Box<dyn Receiving>, LiveError> {
        Ok(Box::new(Arriving::begin(Arc::clone(&self.0), name, bytes)?))
    }

    fn remove(&self, id: &str) -> Result<(), LiveError> {
        match self.0.remove(id) {
            Ok(true) => Ok(()),
            Ok(false) => Err(unknown(id)),
            Err(error) => Err(LiveError::Unavailable(format!("the file could not be deleted: {error}"))),
        }
    }
}

impl Keeper {
    fn analysis(&self, upload: &Upload) -> Result<UploadAnalysis, LiveError> {
        let read = std::fs::read(self.0.path(&upload.id, shelf::ANALYSIS));
        let parsed =
            read.map_err(|e| e.to_string()).and_then(|b| serde_json::from_slice(&b).map_err(|e| e.to_string()));
        let mut analysis: UploadAnalysis = parsed
            .map_err(|e| LiveError::Unavailable(format!("the analysis of {} cannot be read: {e}", upload.name)))?;
        for list in [&mut analysis.incidents, &mut analysis.held_back] {
            list.sort_by(|a, b| b.severity.cmp(&a.severity).then(a.first_seen.cmp(&b.first_seen)));
            list.truncate(UploadAnalysis::INCIDENTS_MAX);
        }
        Ok(analysis)
    }
}

fn unknown(id: &str) -> LiveError {
    let id: String = id.chars().take(40).collect();
    LiveError::NotFound(format!("there is no file `{id}`; it may have been deleted"))
}
