//! A file that grows by whole rows and is put aside by size or age. Owns that no row is lost or cut: rows wait in memory until they
//! are written, a write that fails half-way is taken back, and a full disk costs rows only when they wait in too great a number,
//! counted. Asks no clock: the time of the rows is told.

use super::config::CsvLogConfig;
use record::{Timestamp, timestamp::NS_PER_S};
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

/// Bytes of rows that wait for a disk that does not take them; beyond it the newest are lost, counted.
const PENDING_BYTES_MAX: usize = 4 << 20;
/// Files put aside in one and the same millisecond, at most.
const SAME_MOMENT_MAX: u32 = 1_000;

/// How a log does.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LogState {
    /// Rows written.
    pub rows: u64,
    /// Rows lost because the disk did not take them.
    pub rows_lost: u64,
    /// Files put aside.
    pub rotated: u64,
    /// Why the newest write failed; None when it did not.
    pub error: Option<String>,
}

/// The file.
pub struct RotatingFile {
    directory: PathBuf,
    name: &'static str,
    header: String,
    config: CsvLogConfig,
    file: Option<File>,
    /// Bytes that are whole rows.
    length: u64,
    /// When the file that is written to was begun.
    begun: Option<Timestamp>,
    pending: Vec<u8>,
    pending_rows: u64,
    state: LogState,
}

impl RotatingFile {
    /// A log `name.csv` in `directory`, which is made when the first row is written; `header` is its first line.
    #[must_use]
    pub fn new(directory: &Path, name: &'static str, header: &str, config: &CsvLogConfig) -> Self {
        Self {
            directory: directory.to_path_buf(),
            name,
            header: format!("{header}\n"),
            config: config.clone(),
            file: None,
            length: 0,
            begun: None,
            pending: Vec::new(),
            pending_rows: 0,
            state: LogState::default(),
        }
    }

    /// Takes a row (without its line end); it is written by `flush`, or at once when much waits.
    pub fn push(&mut self, row: &str, now: Timestamp) {
        let over = self.pending.len() + row.len() >= PENDING_BYTES_MAX;
        if over {
            self.flush(now);
        }
        if self.pending.len() + row.len() >= PENDING_BYTES_MAX {
            self.state.rows_lost += 1;
            return;
        }
        self.pending.extend_from_slice(row.as_bytes());
        self.pending.push(b'\n');
        self.pending_rows += 1;
    }

    /// Writes what waits, and puts the file aside when it is time.
    pub fn flush(&mut self, now: Timestamp) {
        if self.pending.is_empty() {
            return;
        }
        // A file that cannot be put aside is written on.
        let aside = if self.is_due(now) { self.put_aside(now) } else { Ok(()) };
        let written = self.write(now);
        if written.is_ok() {
            self.state.rows += self.pending_rows;
            self.pending_rows = 0;
            self.pending.clear();
        }
        self.state.error = written.and(aside).err().map(|error| format!("{}: {error}", self.path().display()));
    }

    /// How it does.
    #[must_use]
    pub const fn state(&self) -> &LogState {
        &self.state
    }

    fn path(&self) -> PathBuf {
        self.directory.join(format!("{}.csv", self.name))
    }

    fn write(&mut self, now: Timestamp) -> io::Result<()> {
        if self.file.is_none() {
            self.open(now)?;
        }
        let Some(file) = &mut self.file else { return Err(io::Error::other("the file is not open")) };
        if let Err(error) = file.write_all(&self.pending) {
            // What was written of it would be written again: it is taken back, or the file is begun anew.
            if file.set_len(self.length).is_err() {
                self.file = None;
            }
            return Err(error);
        }
        self.length += self.pending.len() as u64;
        Ok(())
    }

    fn is_due(&self, now: Timestamp) -> bool {
        let has_rows = self.length > self.header.len() as u64;
        let large = self.config.rotate_bytes > 0 && self.length + self.pending.len() as u64 > self.config.rotate_bytes;
        let interval_ns = i64::try_from(self.config.rotate_interval_s).unwrap_or(i64::MAX).saturating_mul(NS_PER_S);
        let old = interval_ns > 0 && self.begun.is_some_and(|begun| now.since(begun) >= interval_ns);
        has_rows && (large || old)
    }

    /// Opens the file of an earlier run, or a new one. Another program's columns, or an older version's, are put aside first.
    fn open(&mut self, now: Timestamp) -> io::Result<()> {
        fs::create_dir_all(&self.directory)?;
        let mut file = OpenOptions::new().create(true).append(true).read(true).open(self.path())?;
        let about = file.metadata()?;
        self.length = if about.is_file() { about.len() } else { 0 };
        self.begun = Some(now);
        if self.length > 0 {
            self.begun = about.created().or_else(|_| about.modified()).ok().map(timestamp).filter(|t| *t <= now);
            if !begins_with(&mut file, self.header.as_bytes())? {
                self.put_aside(now)?;
                return self.open(now);
            }
            if ends_within_a_line(&mut file)? {
                file.write_all(b"\n")?;
                self.length += 1;
            }
        } else {
            if let Err(error) = file.write_all(self.header.as_bytes()) {
                // Half a header would be taken for another program's columns.
                let _ = file.set_len(0);
                return Err(error);
            }
            self.length = self.header.len() as u64;
        }
        self.file = Some(file);
        Ok(())
    }

    /// Renames the file by the moment, and deletes the oldest beyond those that are kept.
    fn put_aside(&mut self, now: Timestamp) -> io::Result<()> {
        self.file = None;
        let moment: String = now.rfc3339().chars().filter(|c| !matches!(c, '-' | ':')).collect();
        let aside = (0..SAME_MOMENT_MAX)
            .map(|n| self.directory.join(format!("{}-{moment}-{n:03}.csv", self.name)))
            .find(|path| !path.exists())
            .ok_or_else(|| io::Error::other("too many files were put aside in one moment"))?;
        fs::rename(self.path(), aside)?;
        self.state.rotated += 1;
        self.drop_oldest()
    }

    fn drop_oldest(&self) -> io::Result<()> {
        let begins = format!("{}-", self.name);
        let is_ours = |name: &str| {
            name.strip_prefix(&begins).and_then(|rest| rest.strip_suffix(".csv")).is_some_and(|moment| {
                moment.starts_with(|c: char| c.is_ascii_digit()) && moment.contains('T') && moment.contains('Z')
            })
        };
        let names = fs::read_dir(&self.directory)?.flatten().filter_map(|entry| entry.file_name().into_string().ok());
        let mut ours: Vec<String> = names.filter(|name| is_ours(name)).collect();
        ours.sort();
        let over = ours.len().saturating_sub(self.config.keep_files);
        for name in &ours[..over] {
            fs::remove_file(self.directory.join(name))?;
        }
        Ok(())
    }
}

fn timestamp(time: std::time::SystemTime) -> Timestamp {
    let since = time.duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    Timestamp(i64::try_from(since.as_nanos()).unwrap_or(i64::MAX))
}

fn begins_with(file: &mut File, header: &[u8]) -> io::Result<bool> {
    let mut first = vec![0; header.len()];
    file.seek(SeekFrom::Start(0))?;
    match file.read_exact(&mut first) {
        Ok(()) => Ok(first == header),
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(false),
        Err(error) => Err(error),
    }
}

fn ends_within_a_line(file: &mut File) -> io::Result<bool> {
    let mut last = [0];
    file.seek(SeekFrom::End(-1))?;
    file.read_exact(&mut last)?;
    Ok(last[0] != b'\n')
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn at(s: i64) -> Timestamp {
        Timestamp::from_parts(1_800_000_000 + s, 0)
    }

    fn log(directory: &Path, config: &CsvLogConfig) -> RotatingFile {
        RotatingFile::new(directory, "traffic", "ts,n", config)
    }

    /// Every data row of every file, oldest file first.
    fn rows(directory: &Path) -> Vec<String> {
        let mut files: Vec<PathBuf> = fs::read_dir(directory).unwrap().map(|e| e.unwrap().path()).collect();
        // The file that is written to sorts behind those put aside.
        files.sort_by_key(|f| (f.file_name().unwrap() == "traffic.csv", f.clone()));
        let mut all = Vec::new();
        for file in files {
            let text = fs::read_to_string(file).unwrap();
            let mut lines = text.lines();
            assert_eq!(lines.next(), Some("ts,n"), "every file has its header");
            assert!(text.ends_with('\n'));
            all.extend(lines.map(str::to_owned));
        }
        all
    }

    #[test]
    fn no_row_is_lost_or_told_twice_over_rotations() {
        let dir = tempfile::tempdir().unwrap();
        let config = CsvLogConfig { rotate_bytes: 1_024, keep_files: 1_000, ..CsvLogConfig::default() };
        let mut file = log(dir.path(), &config);
        for n in 0..5_000 {
            file.push(&format!("{n},{}", n * 7), at(n / 100));
            if n % 13 == 0 {
                file.flush(at(n / 100));
            }
        }
        file.flush(at(60));
        let expected: Vec<String> = (0..5_000).map(|n| format!("{n},{}", n * 7)).collect();
        assert_eq!(rows(dir.path()), expected);
        let state = file.state();
        assert_eq!((state.rows, state.rows_lost, state.error.as_ref()), (5_000, 0, None));
        assert!(state.rotated > 40, "{state:?}");
        for entry in fs::read_dir(dir.path()).unwrap() {
            assert!(entry.unwrap().metadata().unwrap().len() <= 1_024);
        }
    }

    #[test]
    fn files_are_put_aside_by_age_and_the_oldest_go() {
        let dir = tempfile::tempdir().unwrap();
        let config = CsvLogConfig { rotate_interval_s: 60, keep_files: 3, ..CsvLogConfig::default() };
        fs::write(dir.path().join("traffic-notes.csv"), "a person's").unwrap();
        let mut file = log(dir.path(), &config);
        for minute in 0..10 {
            file.push(&minute.to_string(), at(minute * 60));
            file.flush(at(minute * 60));
        }
        assert!(dir.path().join("traffic-notes.csv").exists(), "not ours to delete");
        fs::remove_file(dir.path().join("traffic-notes.csv")).unwrap();
        assert_eq!(rows(dir.path()), ["6", "7", "8", "9"]);
    }

    #[test]
    fn an_earlier_runs_file_is_continued_and_other_columns_are_put_aside() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("traffic.csv"), "ts,n\n1,1\n2,cut sh").unwrap();
        let mut file = log(dir.path(), &CsvLogConfig::default());
        file.push("3,3", at(0));
        file.flush(at(0));
        assert_eq!(rows(dir.path()), ["1,1", "2,cut sh", "3,3"]);
        let mut other = RotatingFile::new(dir.path(), "traffic", "ts,n,more", &CsvLogConfig::default());
        other.push("4,4,4", at(1));
        other.flush(at(1));
        let now = fs::read_to_string(dir.path().join("traffic.csv")).unwrap();
        assert_eq!((now.as_str(), other.state().rotated), ("ts,n,more\n4,4,4\n", 1));
    }

    #[test]
    fn a_full_disk_is_told_and_rows_wait_for_it() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("traffic.csv");
        std::os::unix::fs::symlink("/dev/full", &path).unwrap();
        let mut file = log(dir.path(), &CsvLogConfig::default());
        file.push("1,1", at(0));
        file.flush(at(0));
        assert!(file.state().error.as_ref().unwrap().contains("No space left"), "{:?}", file.state());
        assert_eq!((file.state().rows, file.state().rows_lost), (0, 0), "it still waits");
        fs::remove_file(&path).unwrap();
        file.push("2,2", at(1));
        file.flush(at(1));
        assert_eq!(rows(dir.path()), ["1,1", "2,2"]);
        assert_eq!((file.state().rows, file.state().error.as_ref()), (2, None));
    }

    #[test]
    fn what_waits_is_bounded_and_what_is_lost_is_counted() {
        let dir = tempfile::tempdir().unwrap();
        std::os::unix::fs::symlink("/dev/full", dir.path().join("traffic.csv")).unwrap();
        let mut file = log(dir.path(), &CsvLogConfig::default());
        let row = "x".repeat(1 << 20);
        for n in 0..10 {
            file.push(&row, at(n));
        }
        assert_eq!((file.state().rows_lost, file.pending_rows), (7, 3));
    }
}
