//! A folder into which people and programs drop files: each is analysed once it is whole, as if it were handed over, and put away in
//! `done/` or, with the reason beside it, in `failed/`. Owns when a file is whole and where it goes; what is known of files over a restart
//! is the shelf's.

use super::shelf::Shelf;
use crate::failure::{Failure, Result};
use crate::live::item;
use crate::live::wall_clock;
use record::{HealthItem, HealthLevel};
use serve::shapes::{Upload, UploadPhase};
use std::collections::BTreeMap;
use std::fs::{self, DirEntry};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant, SystemTime};

/// Time between two looks.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// Files of the folder that are looked at; the others have their turn when these are put away.
const FILES_MAX: usize = 4_096;
/// Characters of a file's name that are shown.
const NAME_MAX: usize = 100;
/// Where files are put away.
const DONE: &str = "done";
const FAILED: &str = "failed";

/// What tells whether a file has changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct State {
    bytes: u64,
    changed: Option<SystemTime>,
}

/// Takes what the folder says of itself.
pub(super) type Tell = Box<dyn Fn(Vec<HealthItem>) + Send>;

/// See the module.
pub(super) struct DropFolder {
    shelf: Arc<Shelf>,
    /// Where people are told of it.
    tell: Tell,
    stop: Arc<AtomicBool>,
    dir: PathBuf,
    quiet: Duration,
    /// Files that are not whole yet, and since when they have been as they are.
    settling: BTreeMap<PathBuf, (State, Instant)>,
    /// Files under way, and how they were when they were taken.
    taken: BTreeMap<String, (PathBuf, State)>,
    /// The newest file that could not be analysed, until a later one could.
    failed: Option<String>,
    /// What stands in the way of the folder itself.
    problem: Option<String>,
}

impl DropFolder {
    /// Looks whether the folder can be used.
    pub(super) fn open(shelf: Arc<Shelf>, tell: Tell, stop: Arc<AtomicBool>) -> Result<Self> {
        let given = shelf.settings().watch_dir.clone();
        let failed = |error: io::Error| {
            let why = "it must be a folder in which this user may make, move and delete files";
            Failure::new(format!("uploads.watch_dir {}: {error}; {why}", given.display()))
        };
        let dir = given.canonicalize().map_err(failed)?;
        for name in [DONE, FAILED] {
            fs::create_dir_all(dir.join(name)).map_err(failed)?;
        }
        let quiet = Duration::from_secs(shelf.settings().watch_quiet_s);
        tracing::info!("watching the folder {} for files", dir.display());
        let (settling, taken) = (BTreeMap::new(), BTreeMap::new());
        Ok(Self { shelf, tell, stop, dir, quiet, settling, taken, failed: None, problem: None })
    }

    /// Looks until `stop`.
    pub(super) fn run(mut self) {
        let mut looked: Option<Instant> = None;
        while !self.stop.load(Ordering::Relaxed) {
            if looked.is_none_or(|looked| looked.elapsed() >= LOOK_EVERY) {
                looked = Some(Instant::now());
                self.look();
            }
            std::thread::sleep(LOOK_EVERY / 10);
        }
    }

    fn look(&mut self) {
        let before = self.problem.take();
        let waiting = match self.round() {
            Ok(waiting) => waiting,
            Err(problem) => {
                if before.as_deref() != Some(problem.as_str()) {
                    tracing::warn!("{problem}");
                }
                self.problem = Some(problem);
                0
            }
        };
        (self.tell)(self.health(waiting));
    }

    /// Puts away what is analysed and takes the next file; how many wait.
    fn round(&mut self) -> std::result::Result<usize, String> {
        let mut under_way = 0;
        for (upload, file) in self.shelf.outside() {
            match upload.phase {
                UploadPhase::Waiting | UploadPhase::Analysing => under_way += 1,
                UploadPhase::Done => self.put_away(&upload, &file, None)?,
                UploadPhase::Failed => self.put_away(&upload, &file, upload.error.as_deref().or(Some("")))?,
            }
        }
        self.deleted()?;
        let now = (Instant::now(), SystemTime::now());
        let files = self.files().map_err(|error| format!("the folder {}: {error}", self.dir.display()))?;
        let whole = self.whole(files, now);
        if under_way == 0
            && let Some((file, state)) = whole.first()
        {
            self.take(file, *state)?;
        }
        Ok(whole.len())
    }

    /// Files that are somebody's to analyse, and how they are.
    fn files(&self) -> io::Result<Vec<(PathBuf, State)>> {
        let known: Vec<PathBuf> = self.shelf.outside().into_iter().map(|(_, file)| file).collect();
        let mut files = Vec::new();
        for entry in fs::read_dir(&self.dir)?.take(FILES_MAX) {
            let entry = entry?;
            let Some(state) = state_of(&entry).filter(|_| !is_unfinished(&entry)) else { continue };
            if !known.contains(&entry.path()) {
                files.push((entry.path(), state));
            }
        }
        Ok(files)
    }

    /// Those that have not changed for long enough, the oldest first.
    fn whole(&mut self, files: Vec<(PathBuf, State)>, (now, clock): (Instant, SystemTime)) -> Vec<(PathBuf, State)> {
        let mut settling = BTreeMap::new();
        let mut whole = Vec::new();
        for (file, state) in files {
            let since = match self.settling.get(&file) {
                Some((before, since)) if *before == state => *since,
                _ => now,
            };
            let age = state.changed.and_then(|changed| clock.duration_since(changed).ok()).unwrap_or_default();
            if age.max(now.saturating_duration_since(since)) >= self.quiet {
                whole.push((file.clone(), state));
            }
            settling.insert(file, (state, since));
        }
        self.settling = settling;
        whole.sort_by(|(a, first), (b, second)| (first.changed, a).cmp(&(second.changed, b)));
        whole
    }

    fn take(&mut self, file: &Path, state: State) -> std::result::Result<(), String> {
        let name: String = name_of(file).chars().filter(|c| !c.is_control()).take(NAME_MAX).collect();
        let id = self.shelf.new_id();
        let upload = Upload { id: id.clone(), name, bytes: state.bytes, received: wall_clock(), ..Upload::default() };
        self.shelf.put_link(upload, file).map_err(|error| format!("{}: {error}", file.display()))?;
        self.taken.insert(id, (file.to_owned(), state));
        Ok(())
    }

    /// A person deleted it on the dashboard before it was analysed: it must not come back at the next look.
    fn deleted(&mut self) -> std::result::Result<(), String> {
        let known: Vec<String> = self.shelf.outside().into_iter().map(|(upload, _)| upload.id).collect();
        let gone = self.taken.iter().find(|(id, _)| !known.contains(id));
        let Some((id, (file, state))) = gone.map(|(id, of)| (id.clone(), of.clone())) else { return Ok(()) };
        self.taken.remove(&id);
        if fs::metadata(&file).is_ok_and(|now| of(&now) == state) {
            self.lay(&id, &file, Some("it was deleted on the dashboard before it was analysed"))?;
        }
        Ok(())
    }

    /// Moves a file to where it belongs, unless it was written anew meanwhile: then it is a new one.
    fn put_away(&mut self, upload: &Upload, file: &Path, error: Option<&str>) -> std::result::Result<(), String> {
        let told = |error: io::Error| format!("{} cannot be put away: {error}", file.display());
        let same = |now: &fs::Metadata| match self.taken.get(&upload.id) {
            Some((_, then)) => of(now) == *then,
            None => now.len() == upload.bytes,
        };
        if fs::metadata(file).is_ok_and(|now| same(&now)) {
            self.lay(&upload.id, file, error)?;
        }
        match error {
            Some(error) => {
                tracing::warn!("{} cannot be analysed: {error}", file.display());
                self.failed = Some(format!("{}: {error}", upload.name));
            }
            None => self.failed = None,
        }
        self.taken.remove(&upload.id);
        self.shelf.unlink(&upload.id, self.shelf.settings().watch_kept_max).map_err(told)
    }

    /// Into `done/` or `failed/`, under a name that nothing there has.
    fn lay(&self, id: &str, file: &Path, error: Option<&str>) -> std::result::Result<(), String> {
        let told = |error: io::Error| format!("{} cannot be put away: {error}", file.display());
        let folder = self.dir.join(if error.is_some() { FAILED } else { DONE });
        let mut to = folder.join(file.file_name().unwrap_or_default());
        if to.exists() {
            to = folder.join(format!("{id}-{}", name_of(file)));
        }
        fs::create_dir_all(&folder).and_then(|()| fs::rename(file, &to)).map_err(told)?;
        match error {
            Some(error) => {
                fs::write(folder.join(format!("{}.why.txt", name_of(&to))), format!("{error}\n")).map_err(told)
            }
            None => Ok(()),
        }
    }

    fn health(&self, waiting: usize) -> Vec<HealthItem> {
        let mut items = Vec::new();
        if let Some(problem) = &self.problem {
            let action = "Give this user the right to make, move and delete files there; it is tried again.";
            items.push(item("drop folder", HealthLevel::Warning, format!("Watched folder: {problem}"), action));
        }
        if let Some(failed) = &self.failed {
            let action = "The file lies in failed/ of the watched folder with the reason beside it.";
            items.push(item("dropped file", HealthLevel::Warning, format!("Not analysed: {failed}"), action));
        }
        if waiting > 0 {
            let text = format!("{waiting} files of {} wait for their analysis", self.dir.display());
            items.push(item("dropped files", HealthLevel::Info, text, "They are analysed one after the other."));
        }
        items
    }
}

fn name_of(file: &Path) -> String {
    file.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
}

/// Plain files with something in them; a writer may keep an empty one for long.
fn state_of(entry: &DirEntry) -> Option<State> {
    let about = entry.metadata().ok()?;
    (about.is_file() && about.len() > 0).then(|| of(&about))
}

fn of(about: &fs::Metadata) -> State {
    State { bytes: about.len(), changed: about.modified().ok() }
}

/// Names that programs give to what they have not finished.
fn is_unfinished(entry: &DirEntry) -> bool {
    let name = entry.file_name();
    let name = name.to_string_lossy();
    name.starts_with('.') || [".part", ".tmp", ".partial", ".filepart", "~"].iter().any(|end| name.ends_with(end))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::super::UploadSettings;
    use super::*;

    fn folder(dir: &Path) -> DropFolder {
        let watch = dir.join("drop");
        fs::create_dir_all(&watch).unwrap();
        let settings = UploadSettings { watch_dir: watch.clone(), watch_quiet_s: 10, ..UploadSettings::default() };
        DropFolder {
            shelf: Arc::new(Shelf::open(dir.join("uploads"), settings).unwrap()),
            tell: Box::new(drop),
            stop: Arc::default(),
            dir: watch,
            quiet: Duration::from_secs(10),
            settling: BTreeMap::new(),
            taken: BTreeMap::new(),
            failed: None,
            problem: None,
        }
    }

    fn names(files: &[(PathBuf, State)]) -> Vec<String> {
        files.iter().map(|(file, _)| name_of(file)).collect()
    }

    #[test]
    fn a_file_is_whole_when_it_has_rested() {
        let dir = tempfile::tempdir().unwrap();
        let mut folder = folder(dir.path());
        let (start, clock) = (Instant::now(), SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000));
        let state = |bytes, ago_s| State { bytes, changed: Some(clock - Duration::from_secs(ago_s)) };
        let mut look = |after_s: u64, files: &[(&str, State)]| {
            let files = files.iter().map(|(name, state)| (PathBuf::from(name), *state)).collect();
            let after = Duration::from_secs(after_s);
            names(&folder.whole(files, (start + after, clock + after)))
        };
        let moved_in = ("old", state(9, 3_600));
        assert_eq!(look(0, &[("new", state(5, 0)), moved_in]), ["old"]);
        assert_eq!(look(9, &[("new", state(6, 0))]), [""; 0], "it grows");
        let ahead = State { bytes: 1, changed: Some(clock + Duration::from_mins(150)) };
        assert_eq!(look(12, &[("new", state(6, 0)), ("ahead", ahead)]), ["new"]);
        assert_eq!(
            look(22, &[("ahead", ahead), ("older", state(1, 100))]),
            ["older", "ahead"],
            "a clock that is wrong"
        );
    }

    #[test]
    fn files_are_put_away_once_and_deleted_ones_do_not_come_back() {
        let dir = tempfile::tempdir().unwrap();
        let mut folder = folder(dir.path());
        folder.quiet = Duration::ZERO;
        let drop = |name: &str| fs::write(dir.path().join("drop").join(name), name).unwrap();
        let there = |name: &str| dir.path().join("drop").join(name).exists();
        ["a.pcap", ".hidden", "b.part", "c~"].into_iter().for_each(drop);
        fs::write(dir.path().join("drop/empty"), "").unwrap();
        assert_eq!(folder.round(), Ok(1));
        let next = |folder: &DropFolder| folder.shelf.next(Duration::ZERO).unwrap().0;
        let upload = next(&folder);
        assert_eq!((upload.name.as_str(), upload.bytes), ("a.pcap", 6));
        assert_eq!(folder.round(), Ok(0), "it is under way");
        folder.shelf.change(&upload.id, |u| u.phase = UploadPhase::Done);
        folder.round().unwrap();
        assert!(there("done/a.pcap") && there("b.part") && folder.shelf.outside().is_empty());
        assert_eq!(folder.shelf.list().1, 0);

        drop("a.pcap");
        folder.round().unwrap();
        let upload = next(&folder);
        folder.shelf.change(&upload.id, |u| (u.phase, u.error) = (UploadPhase::Failed, Some("no capture".to_owned())));
        folder.round().unwrap();
        let why = fs::read_to_string(dir.path().join("drop/failed/a.pcap.why.txt")).unwrap();
        assert_eq!((why.as_str(), folder.round()), ("no capture\n", Ok(0)));
        assert!(folder.health(0)[0].text.contains("a.pcap: no capture"));

        drop("d.pcap");
        folder.round().unwrap();
        folder.shelf.remove(&next(&folder).id).unwrap();
        folder.round().unwrap();
        assert!(there("failed/d.pcap") && !there("d.pcap"));
        // Written on while it was analysed: a new file.
        drop("e.pcap");
        folder.round().unwrap();
        let upload = next(&folder);
        fs::write(dir.path().join("drop/e.pcap"), "more than before").unwrap();
        folder.shelf.change(&upload.id, |u| u.phase = UploadPhase::Done);
        folder.round().unwrap();
        assert!(there("e.pcap") && next(&folder).bytes == 16);
    }
}
