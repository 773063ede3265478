//! The files on disk and what is known of each. Owns their names, the bounds and who is next; knows no HTTP and runs nothing. A file of a
//! watched folder is a symbolic link here, which is also what a later start knows it by.

use super::UploadSettings;
use crate::live::wall_clock;
use serve::shapes::{Upload, UploadPhase};
use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Ending of a file that has arrived.
pub(super) const CONTENT: &str = "upload";
/// Ending of one that is arriving: gone at the next start.
pub(super) const PART: &str = "part";
/// Ending of what is known of it.
const ABOUT: &str = "about.json";
/// Ending of its analysis.
pub(super) const ANALYSIS: &str = "analysis.json";

struct Kept {
    upload: Upload,
    /// Its bytes are here and count; those of a watched folder stay there.
    here: bool,
    /// Where its bytes are instead, until they are put away.
    outside: Option<PathBuf>,
    /// Set when it is deleted: whoever works on it stops.
    gone: Arc<AtomicBool>,
}

/// See the module.
pub struct Shelf {
    dir: PathBuf,
    settings: UploadSettings,
    /// By identity, which grows with time.
    kept: Mutex<BTreeMap<String, Kept>>,
    arrived: Condvar,
    /// Bytes of files on their way.
    arriving: AtomicU64,
}

impl Shelf {
    /// Opens the folder: what was arriving or being analysed when the process ended is swept out or waits again.
    pub fn open(dir: PathBuf, settings: UploadSettings) -> io::Result<Self> {
        std::fs::create_dir_all(&dir)?;
        let (mut kept, mut links) = (BTreeMap::new(), Vec::new());
        for entry in std::fs::read_dir(&dir)? {
            let path = entry?.path();
            let name = path.file_name().and_then(|n| n.to_str()).unwrap_or_default().to_owned();
            if path.is_symlink() {
                links.push(path);
            } else if name.ends_with(PART) {
                std::fs::remove_file(&path)?;
            } else if let Some(id) = name.strip_suffix(ABOUT).and_then(|n| n.strip_suffix('.')) {
                match read_about(&path) {
                    Ok(upload) => {
                        let content = dir.join(format!("{id}.{CONTENT}"));
                        let outside = std::fs::read_link(&content).ok();
                        let here = outside.is_none() && content.exists();
                        kept.insert(id.to_owned(), Kept { upload, here, outside, gone: Arc::default() });
                    }
                    Err(error) => {
                        tracing::warn!("{}: {error}; the file handed over is left where it is", path.display());
                    }
                }
            }
        }
        // A link whose file was not taken any more.
        for link in links {
            let id = link.file_stem().and_then(|id| id.to_str()).unwrap_or_default();
            if !kept.contains_key(id) {
                std::fs::remove_file(&link)?;
            }
        }
        Ok(Self { dir, settings, kept: Mutex::new(kept), arrived: Condvar::new(), arriving: AtomicU64::new(0) })
    }

    /// Settings.
    pub fn settings(&self) -> &UploadSettings {
        &self.settings
    }

    /// The folder.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// A file of an upload.
    pub fn path(&self, id: &str, ending: &str) -> PathBuf {
        self.dir.join(format!("{id}.{ending}"))
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, Kept>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Newest first, and the bytes of all, those on their way among them.
    pub fn list(&self) -> (Vec<Upload>, u64) {
        let kept = self.lock();
        let items: Vec<Upload> = kept.values().rev().map(|k| k.upload.clone()).collect();
        let bytes = bytes_here(&kept) + self.arriving.load(Ordering::Relaxed);
        (items, bytes)
    }

    /// One.
    pub fn get(&self, id: &str) -> Option<Upload> {
        self.lock().get(id).map(|k| k.upload.clone())
    }

    /// Takes room for bytes on their way; false when there is none.
    pub(super) fn take_room(&self, bytes: u64) -> bool {
        let kept = self.lock();
        let others = bytes_here(&kept) + self.arriving.load(Ordering::Relaxed);
        let room = others.saturating_add(bytes) <= self.settings.bytes_max;
        if room {
            self.arriving.fetch_add(bytes, Ordering::Relaxed);
        }
        room
    }

    /// Gives room back.
    pub(super) fn leave_room(&self, bytes: u64) {
        self.arriving.fetch_sub(bytes, Ordering::Relaxed);
    }

    /// An identity that no file has: the time, or a little later.
    pub(super) fn new_id(&self) -> String {
        let kept = self.lock();
        let mut number = wall_clock().0.unsigned_abs();
        let taken = |n: u64| {
            let id = format!("{n:016x}");
            kept.contains_key(&id) || self.path(&id, PART).exists()
        };
        while taken(number) {
            number += 1;
        }
        format!("{number:016x}")
    }

    /// A file has arrived whole; its room has been given back.
    pub(super) fn put(&self, upload: Upload) -> io::Result<()> {
        self.keep(upload, None)
    }

    /// A file that stays where it is, until it is put away.
    pub(super) fn put_link(&self, upload: Upload, file: &Path) -> io::Result<()> {
        std::os::unix::fs::symlink(file, self.path(&upload.id, CONTENT))?;
        self.keep(upload, Some(file.to_owned()))
    }

    fn keep(&self, upload: Upload, outside: Option<PathBuf>) -> io::Result<()> {
        self.write_about(&upload)?;
        let here = outside.is_none();
        self.lock().insert(upload.id.clone(), Kept { upload, here, outside, gone: Arc::default() });
        self.arrived.notify_all();
        Ok(())
    }

    /// Files that lie elsewhere and are not put away, oldest first.
    pub(super) fn outside(&self) -> Vec<(Upload, PathBuf)> {
        let kept = self.lock();
        kept.values().filter_map(|k| Some((k.upload.clone(), k.outside.clone()?))).collect()
    }

    /// The file that lay elsewhere is put away: only its analysis is kept. The oldest such analyses beyond `kept_max` are deleted.
    pub(super) fn unlink(&self, id: &str, kept_max: usize) -> io::Result<()> {
        std::fs::remove_file(self.path(id, CONTENT))?;
        let old: Vec<String> = {
            let mut kept = self.lock();
            if let Some(found) = kept.get_mut(id) {
                found.outside = None;
            }
            let settled = |k: &&Kept| !k.here && k.outside.is_none();
            let ids: Vec<String> = kept.values().filter(settled).map(|k| k.upload.id.clone()).collect();
            ids[..ids.len().saturating_sub(kept_max)].to_vec()
        };
        for id in old {
            self.remove(&id)?;
        }
        Ok(())
    }

    /// The oldest that waits, marked as being analysed; None after `patience`.
    pub(super) fn next(&self, patience: Duration) -> Option<(Upload, Arc<AtomicBool>)> {
        let waits = |kept: &BTreeMap<String, Kept>| kept.values().any(|k| k.upload.phase == UploadPhase::Waiting);
        let kept = self.lock();
        let (mut kept, _) = self
            .arrived
            .wait_timeout_while(kept, patience, |kept| !waits(kept))
            .unwrap_or_else(PoisonError::into_inner);
        let next = kept.values_mut().find(|k| k.upload.phase == UploadPhase::Waiting)?;
        next.upload.phase = UploadPhase::Analysing;
        Some((next.upload.clone(), Arc::clone(&next.gone)))
    }

    /// Changes what is known of a file, if it is still here; kept on disk when its phase changed.
    pub(super) fn change(&self, id: &str, how: impl FnOnce(&mut Upload)) {
        let mut kept = self.lock();
        let Some(found) = kept.get_mut(id) else { return };
        let before = found.upload.phase;
        how(&mut found.upload);
        if found.upload.phase != before
            && let Err(error) = self.write_about(&found.upload)
        {
            tracing::warn!("{}: {error}; after a restart the file is analysed again", self.dir.display());
        }
    }

    /// Deletes everything of it; false when there is none.
    pub(super) fn remove(&self, id: &str) -> io::Result<bool> {
        let Some(found) = self.lock().remove(id) else { return Ok(false) };
        found.gone.store(true, Ordering::Relaxed);
        for ending in [CONTENT, ANALYSIS, ABOUT] {
            match std::fs::remove_file(self.path(id, ending)) {
                Err(e) if e.kind() != io::ErrorKind::NotFound => return Err(e),
                _ => {}
            }
        }
        Ok(true)
    }

    fn write_about(&self, upload: &Upload) -> io::Result<()> {
        let (path, part) = (self.path(&upload.id, ABOUT), self.path(&upload.id, &format!("about.{PART}")));
        std::fs::write(&part, serde_json::to_vec(upload)?)?;
        std::fs::rename(part, path)
    }
}

/// Bytes of all that lie here.
fn bytes_here(kept: &BTreeMap<String, Kept>) -> u64 {
    kept.values().filter(|k| k.here).map(|k| k.upload.bytes).sum()
}

/// What is known of a file; one that was being analysed waits again.
fn read_about(path: &Path) -> io::Result<Upload> {
    let mut upload: Upload = serde_json::from_slice(&std::fs::read(path)?)?;
    if upload.phase == UploadPhase::Analysing {
        upload = Upload { phase: UploadPhase::Waiting, packets_read: 0, packets_total: None, ..upload };
    }
    Ok(upload)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn shelf(dir: &Path) -> Shelf {
        Shelf::open(dir.to_path_buf(), UploadSettings { bytes_max: 100, ..UploadSettings::default() }).unwrap()
    }

    fn put(shelf: &Shelf, bytes: u64) -> String {
        let id = shelf.new_id();
        std::fs::write(shelf.path(&id, CONTENT), vec![0; bytes as usize]).unwrap();
        shelf.put(Upload { id: id.clone(), bytes, ..Upload::default() }).unwrap();
        id
    }

    #[test]
    fn the_oldest_goes_first_and_what_a_restart_cut_off_waits_again() {
        let dir = tempfile::tempdir().unwrap();
        let first = shelf(dir.path());
        let (a, b) = (put(&first, 10), put(&first, 20));
        assert_eq!(first.next(Duration::ZERO).unwrap().0.id, a);
        first.change(&a, |u| u.phase = UploadPhase::Done);
        assert_eq!(first.next(Duration::ZERO).unwrap().0.id, b);
        first.change(&b, |u| u.packets_read = 7);
        assert!(first.next(Duration::ZERO).is_none());
        std::fs::write(dir.path().join("0123.part"), b"half").unwrap();

        let again = shelf(dir.path());
        assert!(!dir.path().join("0123.part").exists());
        assert_eq!(again.get(&a).unwrap().phase, UploadPhase::Done);
        let (next, gone) = again.next(Duration::ZERO).unwrap();
        assert_eq!((next.id.as_str(), next.packets_read), (b.as_str(), 0));
        assert_eq!(again.list().0[0].id, b, "newest first");
        assert!(again.remove(&b).unwrap() && !again.remove(&b).unwrap());
        assert!(gone.load(Ordering::Relaxed));
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 2, "only what belongs to the first is left");
    }

    #[test]
    fn a_file_elsewhere_takes_no_room_and_a_restart_knows_it() {
        let dir = tempfile::tempdir().unwrap();
        let (file, uploads) = (dir.path().join("x.pcap"), dir.path().join("uploads"));
        std::fs::write(&file, [0; 500]).unwrap();
        let first = shelf(&uploads);
        for n in 0..3 {
            let upload = Upload { id: format!("{n:016x}"), bytes: 500, ..Upload::default() };
            first.put_link(upload, &file).unwrap();
        }
        put(&first, 10);
        assert_eq!((first.list().0.len(), first.list().1, first.outside().len()), (4, 10, 3));
        std::os::unix::fs::symlink(&file, uploads.join("77.upload")).unwrap();
        let again = shelf(&uploads);
        assert!(!uploads.join("77.upload").is_symlink(), "nothing is known of it");
        assert_eq!((again.list().0.len(), again.list().1, again.outside().len()), (4, 10, 3));
        again.outside().into_iter().for_each(|(upload, _)| again.unlink(&upload.id, 2).unwrap());
        let ids: Vec<String> = again.list().0.into_iter().map(|u| u.id).collect();
        assert_eq!((ids.len(), ids[1].as_str(), ids[2].as_str()), (3, "0000000000000002", "0000000000000001"));
        assert!(file.exists());
        assert_eq!(shelf(&uploads).list().1, 10, "only what lies here counts, also later");
    }

    #[test]
    fn room_is_taken_once() {
        let dir = tempfile::tempdir().unwrap();
        let shelf = shelf(dir.path());
        put(&shelf, 60);
        assert!(shelf.take_room(40) && !shelf.take_room(1));
        assert_eq!(shelf.list().1, 100);
        shelf.leave_room(40);
        assert!(shelf.take_room(1));
    }
}
