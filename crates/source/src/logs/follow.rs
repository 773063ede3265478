//! Files followed while they grow: through rename and create, copy and truncate, and a restart of this program. A file that was
//! compressed on its way out was read before, and is left. Owns where each file was read to.

use super::glob;
use super::place::{Fingerprint, Inode, Place};
use super::settings::LogSettings;
use super::{LineSource, Piece};
use crate::{SourceError, SourceStats};
use record::Counters;
use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// Time between two searches for new files.
const SEARCH_EVERY: Duration = Duration::from_secs(1);
/// Wait when nothing was written.
const IDLE: Duration = Duration::from_millis(100);
/// Bytes of one file before the next has its turn.
const TURN_BYTES: usize = 256 * 1024;
/// First bytes of a file in which its head (column names) is looked for when reading begins further on.
const HEAD_BYTES: usize = 64 * 1024;
/// Names looked at beside a file that was renamed.
const SIBLINGS_MAX: usize = 10_000;
/// Places of earlier runs that are remembered.
const PLACES_MAX: usize = 1_024;

/// One file being read.
struct Following {
    path: PathBuf,
    file: File,
    inode: Inode,
    fingerprint: Fingerprint,
    /// Read so far.
    offset: u64,
    /// Behind the last newline.
    line_end: u64,
    stream: u64,
    /// Its name belongs to another file now: it ends when it is read.
    replaced: bool,
}

/// See the module.
pub struct Follow {
    settings: LogSettings,
    files: Vec<Following>,
    /// Where earlier runs, or files that are gone, were read to.
    known: Vec<Place>,
    searched: Option<Instant>,
    /// The first search of a run takes files at their end, later ones find new files, which are read whole.
    first: bool,
    next_stream: u64,
    buffer: Vec<u8>,
    stats: SourceStats,
    left: Counters,
}

impl Follow {
    /// Follows what the settings name. Files may come later.
    #[must_use]
    pub fn new(settings: &LogSettings) -> Self {
        Self {
            settings: settings.clone(),
            files: Vec::new(),
            known: Vec::new(),
            searched: None,
            first: true,
            next_stream: 0,
            buffer: vec![0; 64 * 1024],
            stats: SourceStats::default(),
            left: Counters::default(),
        }
    }

    /// Files being followed now.
    #[must_use]
    pub fn followed(&self) -> usize {
        self.files.len()
    }

    fn search(&mut self, sink: &mut dyn FnMut(u64, Piece<'_>)) {
        let patterns = self.settings.files.clone();
        for path in patterns.iter().flat_map(|pattern| glob::files(pattern)) {
            self.meet(&path, sink);
        }
        if self.first {
            self.renamed(sink);
        }
        self.first = false;
    }

    /// Files that were renamed while nobody looked: the rest of them is read, then they are done.
    fn renamed(&mut self, sink: &mut dyn FnMut(u64, Piece<'_>)) {
        for place in self.known.clone() {
            let Some(folder) = place.path.parent() else { continue };
            let Ok(entries) = std::fs::read_dir(folder) else { continue };
            let is_it = |path: &PathBuf| std::fs::metadata(path).is_ok_and(|about| Inode::of(&about) == place.inode);
            let found = entries.flatten().take(SIBLINGS_MAX).map(|entry| entry.path()).find(is_it);
            let followed = self.files.iter().any(|file| file.inode == place.inode);
            if let Some(path) = found.filter(|_| !followed)
                && let Ok(file) = File::open(&path)
                && place.fingerprint.fits(&file)
                && let Ok(about) = file.metadata()
            {
                self.begin(&path, file, place.inode, about.len(), sink);
                self.files.iter_mut().filter(|file| file.inode == place.inode).for_each(|file| file.replaced = true);
            }
        }
    }

    /// Looks at a name: the file behind it is followed already, is another one now, or is new.
    fn meet(&mut self, path: &Path, sink: &mut dyn FnMut(u64, Piece<'_>)) {
        let packed = path.extension().is_some_and(|end| ["gz", "zst", "bz2", "xz"].iter().any(|packed| end == *packed));
        let Ok(about) = std::fs::metadata(path) else { return };
        let inode = Inode::of(&about);
        if packed {
            return;
        }
        if let Some(own) = self.files.iter_mut().find(|file| file.inode == inode) {
            // Renamed, as a rotation does: it is read to its end under whatever name.
            path.clone_into(&mut own.path);
            return;
        }
        self.files.iter_mut().filter(|file| file.path == path).for_each(|file| file.replaced = true);
        if self.files.len() >= self.settings.files_max {
            self.left.add("files_over_limit", 1);
            return;
        }
        let Ok(file) = File::open(path) else {
            self.left.add("files_not_readable", 1);
            return;
        };
        self.begin(path, file, inode, about.len(), sink);
    }

    /// Begins to read a file: where an earlier run stopped, at its beginning, or at its end.
    fn begin(&mut self, path: &Path, file: File, inode: Inode, bytes: u64, sink: &mut dyn FnMut(u64, Piece<'_>)) {
        let known = self.known.iter().position(|place| {
            place.fingerprint.fits(&file) && (place.inode == inode || place.fingerprint.is_telling())
        });
        let copy_of_followed =
            self.files.iter().find(|other| other.fingerprint.is_telling() && other.fingerprint.fits(&file));
        // A file in the place of one that an earlier run read came by a rotation: all of it is new.
        let succeeds = self.known.iter().any(|place| place.path == path);
        let offset = match (known, copy_of_followed) {
            (Some(at), _) => self.known.swap_remove(at).offset.min(bytes),
            // Copied away before its origin is truncated: all of it was read there.
            (None, Some(origin)) => origin.offset.min(bytes),
            (None, None) if self.first && !self.settings.from_start && !succeeds => bytes,
            (None, None) => 0,
        };
        self.next_stream += 1;
        let stream = self.next_stream;
        let fingerprint = Fingerprint::of(&file).unwrap_or_default();
        if offset > 0 {
            head(&file, offset, &mut |head| sink(stream, Piece::Bytes(head)));
        }
        let path = path.to_owned();
        self.files.push(Following {
            path,
            file,
            inode,
            fingerprint,
            offset,
            line_end: offset,
            stream,
            replaced: false,
        });
    }

    /// Reads each file's turn; true when anything was there.
    fn read(&mut self, sink: &mut dyn FnMut(u64, Piece<'_>)) -> bool {
        let mut any = false;
        for file in &mut self.files {
            file.look_for_truncation(sink);
            let n = file.read(&mut self.buffer, sink);
            self.stats.packets += u64::from(n > 0);
            self.stats.bytes += n;
            any |= n > 0;
        }
        let known = &mut self.known;
        self.files.retain(|file| {
            let ended = file.is_over();
            if ended {
                sink(file.stream, Piece::End);
                remember(known, file.place());
            }
            !ended
        });
        any
    }
}

/// Keeps a place, the newest of many.
fn remember(known: &mut Vec<Place>, place: Place) {
    if known.len() >= PLACES_MAX {
        known.remove(0);
    }
    known.push(place);
}

/// The lines at a file's beginning that name its columns, when reading begins behind them.
fn head(file: &File, offset: u64, sink: &mut dyn FnMut(&[u8])) {
    let mut first = vec![0; HEAD_BYTES.min(usize::try_from(offset).unwrap_or(HEAD_BYTES))];
    let Ok(n) = file.read_at(&mut first, 0) else { return };
    for line in first[..n].split_inclusive(|byte| *byte == b'\n') {
        let names = [b"#".as_slice(), b"StartTime,", b"version "].iter().any(|begin| line.starts_with(begin));
        if !names || !line.ends_with(b"\n") {
            return;
        }
        sink(line);
    }
}

impl Following {
    fn place(&self) -> Place {
        Place { path: self.path.clone(), inode: self.inode, fingerprint: self.fingerprint, offset: self.line_end }
    }

    /// Hands on what was written, at most one turn; bytes read.
    fn read(&mut self, buffer: &mut [u8], sink: &mut dyn FnMut(u64, Piece<'_>)) -> u64 {
        let mut total = 0;
        while total < TURN_BYTES {
            let Ok(n) = self.file.read_at(buffer, self.offset) else { break };
            if n == 0 {
                break;
            }
            if let Some(newline) = buffer[..n].iter().rposition(|byte| *byte == b'\n') {
                self.line_end = self.offset + newline as u64 + 1;
            }
            sink(self.stream, Piece::Bytes(&buffer[..n]));
            self.offset += n as u64;
            total += n;
        }
        if total > 0 && !self.fingerprint.is_telling() {
            self.fingerprint = Fingerprint::of(&self.file).unwrap_or(self.fingerprint);
        }
        total as u64
    }

    /// A file that became shorter, or begins otherwise, was truncated in its place: it is read anew.
    fn look_for_truncation(&mut self, sink: &mut dyn FnMut(u64, Piece<'_>)) {
        let Ok(about) = self.file.metadata() else { return };
        let begins_otherwise = self.offset > 0 && self.fingerprint.is_set() && !self.fingerprint.fits(&self.file);
        if about.len() < self.offset || begins_otherwise {
            sink(self.stream, Piece::End);
            (self.offset, self.line_end) = (0, 0);
            self.fingerprint = Fingerprint::of(&self.file).unwrap_or_default();
        }
    }

    /// Its name belongs to another file, and nothing is left to read.
    fn is_over(&self) -> bool {
        self.replaced && self.file.metadata().is_ok_and(|about| about.len() <= self.offset)
    }
}

impl LineSource for Follow {
    fn next(&mut self, sink: &mut dyn FnMut(u64, Piece<'_>)) -> Result<(), SourceError> {
        if self.searched.is_none_or(|at| at.elapsed() >= SEARCH_EVERY) {
            self.searched = Some(Instant::now());
            self.search(sink);
        }
        if !self.read(sink) {
            std::thread::sleep(IDLE);
        }
        Ok(())
    }

    fn origin(&self, stream: u64) -> String {
        let file = self.files.iter().find(|file| file.stream == stream);
        file.map_or(String::new(), |file| file.path.display().to_string())
    }

    fn stats(&self) -> SourceStats {
        let mut stats = self.stats.clone();
        stats.notes.extend(self.left.0.keys().map(|why| match why.as_str() {
            "files_over_limit" => "more files fit than logs.files_max allows; the rest is not followed".to_owned(),
            _ => "some files cannot be read; give this program the right to".to_owned(),
        }));
        stats
    }

    fn restore(&mut self, places: &str) {
        self.known = places.lines().filter_map(Place::read).take(PLACES_MAX).collect();
    }

    fn places(&self) -> String {
        self.known.iter().map(Place::write).chain(self.files.iter().map(|file| file.place().write())).collect()
    }
}

#[cfg(test)]
mod tests;
