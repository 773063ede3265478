//! Files that people hand over on the dashboard or drop into a watched folder: each is kept in the data directory, analysed by a process of its own and never mixes
//! with the live watch. Owns the settings and the answers to the API; `shelf.rs` the files, `receiving.rs` their arrival, `folder.rs`
//! the watched folder, `analyst.rs` the analysis.

mod analyst;
mod folder;
mod receiving;
mod shelf;

pub use shelf::Shelf;

use super::desk::Desk;
use super::spawn;
use crate::failure::{Context, Failure, Result as StartResult};
use crate::live::judging::lock;
use crate::live::status::Status;
use analyst::Analyst;
use folder::DropFolder;
use receiving::Arriving;
use serde::{Deserialize, Serialize};
use serve::shapes::{Upload, UploadAnalysis, UploadDetail, UploadPhase, Uploads};
use serve::{LiveError, Receiving, UploadKeeper};
use std::path::PathBuf;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

/// Folder in the data directory.
const FOLDER: &str = "uploads";

/// Files handed over on the dashboard, section `[uploads]`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
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
    /// Folder whose files are analysed as if they were handed over; empty: none.
    pub watch_dir: PathBuf,
    /// A file there is whole when it has not changed for so long, seconds.
    pub watch_quiet_s: u64,
    /// Analyses of its files that are kept; the oldest go first.
    pub watch_kept_max: usize,
}

impl Default for UploadSettings {
    fn default() -> Self {
        Self {
            enabled: true,
            upload_bytes_max: 1 << 30,
            bytes_max: 4 << 30,
            timeout_s: 3_600,
            watch_dir: PathBuf::new(),
            watch_quiet_s: 10,
            watch_kept_max: 200,
        }
    }
}

impl UploadSettings {
    /// True when a folder is watched.
    pub fn watches(&self) -> bool {
        !self.watch_dir.as_os_str().is_empty()
    }

    /// What types cannot say.
    pub fn check(&self) -> StartResult<()> {
        if self.watches() && !self.enabled {
            return Err(Failure::new("uploads.watch_dir is set and uploads.enabled is false; set it to true"));
        }
        Ok(())
    }
}

/// Who keeps the files, and the threads that work on them; none where none are taken.
pub type Started = (Option<Arc<Keeper>>, Vec<JoinHandle<()>>);

/// Opens the files of earlier runs, and the threads that work on them; nothing where none are taken. `watches`: the folder too, which
/// replays and the demo leave to whoever watches a network.
pub fn start(
    settings: UploadSettings,
    watches: bool,
    desk: &Arc<Desk>,
    status: &Arc<Mutex<Status>>,
    stop: &Arc<AtomicBool>,
) -> StartResult<Started> {
    if !settings.enabled {
        return Ok((None, Vec::new()));
    }
    let watches = watches && settings.watches();
    let dir = desk.data_dir().join(FOLDER);
    let shelf = Arc::new(Shelf::open(dir.clone(), settings).context(dir.display())?);
    let analyst = Analyst { shelf: Arc::clone(&shelf), desk: Arc::clone(desk), stop: Arc::clone(stop) };
    let mut threads = Vec::new();
    if watches {
        let status = Arc::clone(status);
        let tell = Box::new(move |items| lock(&status).folder = items);
        let folder = DropFolder::open(Arc::clone(&shelf), tell, Arc::clone(stop))?;
        threads.push(spawn("drop-folder", move || folder.run())?);
    }
    threads.push(spawn("uploads", move || analyst.run())?);
    Ok((Some(Arc::new(Keeper(shelf))), threads))
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
