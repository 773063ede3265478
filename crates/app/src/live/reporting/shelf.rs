//! Reports on disk: `reports/` in the data directory, a file a form and a small index. Owns names, and that a report is there whole or not
//! at all; its content is others'.

use serde::{Deserialize, Serialize};
use serve::ReportFormat;
use serve::shapes::ReportRow;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// Folder in the data directory.
pub const FOLDER: &str = "reports";
const INDEX: &str = "index.json";

/// What the index holds.
#[derive(Default, Serialize, Deserialize)]
struct Index {
    reports: Vec<ReportRow>,
}

/// The folder.
pub struct Shelf {
    dir: PathBuf,
    /// Newest first.
    rows: Vec<ReportRow>,
}

/// Names that the shelf gives: nothing else becomes part of a path.
fn is_name(id: &str) -> bool {
    !id.is_empty() && id.len() <= 80 && id.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
}

/// Writes beside the name, then renames.
fn write_whole(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let part = path.with_extension("part");
    let written = File::create(&part).and_then(|mut file| {
        file.write_all(bytes)?;
        file.sync_all()
    });
    written.and_then(|()| fs::rename(&part, path)).inspect_err(|_| drop(fs::remove_file(&part)))
}

impl Shelf {
    /// The reports of a data directory. An index that cannot be read is begun anew; its files stay.
    pub fn open(data_dir: &Path) -> Self {
        let dir = data_dir.join(FOLDER);
        let index = fs::read(dir.join(INDEX)).ok().and_then(|bytes| serde_json::from_slice::<Index>(&bytes).ok());
        let mut shelf = Self { rows: index.unwrap_or_default().reports, dir };
        let there: Vec<ReportRow> = shelf
            .rows
            .iter()
            .filter(|row| shelf.path(&row.id, ReportFormat::Html).is_some_and(|p| p.is_file()))
            .cloned()
            .collect();
        shelf.rows = there;
        shelf
    }

    /// Newest first.
    pub fn rows(&self) -> &[ReportRow] {
        &self.rows
    }

    fn path(&self, id: &str, format: ReportFormat) -> Option<PathBuf> {
        is_name(id).then(|| self.dir.join(format!("{id}.{}", format.name())))
    }

    /// Keeps a report; the oldest go beyond `keep`. The index names it when all its files are there.
    ///
    /// # Errors
    /// What the file system said; nothing of the report is then listed.
    pub fn put(&mut self, row: ReportRow, files: &[(ReportFormat, Vec<u8>)], keep: usize) -> io::Result<()> {
        fs::create_dir_all(&self.dir)?;
        for (format, bytes) in files {
            let path = self.path(&row.id, *format).ok_or(io::ErrorKind::InvalidInput)?;
            write_whole(&path, bytes)?;
        }
        self.rows.retain(|other| other.id != row.id);
        self.rows.insert(0, row);
        self.rows.sort_by(|a, b| b.made.cmp(&a.made).then(b.id.cmp(&a.id)));
        let gone = self.rows.split_off(keep.min(self.rows.len()));
        self.write_index()?;
        for row in gone {
            self.delete(&row.id);
        }
        Ok(())
    }

    fn write_index(&self) -> io::Result<()> {
        let index = Index { reports: self.rows.clone() };
        write_whole(&self.dir.join(INDEX), &serde_json::to_vec_pretty(&index)?)
    }

    fn delete(&self, id: &str) {
        for format in [ReportFormat::Html, ReportFormat::Json, ReportFormat::Csv] {
            if let Some(path) = self.path(id, format) {
                drop(fs::remove_file(path));
            }
        }
    }

    /// A report's file; None: it is not kept.
    pub fn read(&self, id: &str, format: ReportFormat) -> Option<io::Result<Vec<u8>>> {
        self.rows.iter().any(|row| row.id == id).then(|| self.path(id, format).map(fs::read)).flatten()
    }

    /// Forgets a report; false: it was not kept.
    ///
    /// # Errors
    /// The index cannot be written.
    pub fn remove(&mut self, id: &str) -> io::Result<bool> {
        let before = self.rows.len();
        self.rows.retain(|row| row.id != id);
        if self.rows.len() == before {
            return Ok(false);
        }
        self.write_index()?;
        self.delete(id);
        Ok(true)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use record::Timestamp;

    fn row(n: i64) -> ReportRow {
        ReportRow { id: format!("r{n}"), made: Timestamp::from_parts(n, 0), ..ReportRow::default() }
    }

    fn put(shelf: &mut Shelf, n: i64, keep: usize) {
        let page = format!("<p>{n}</p>").into_bytes();
        shelf.put(row(n), &[(ReportFormat::Html, page), (ReportFormat::Json, b"{}".to_vec())], keep).unwrap();
    }

    #[test]
    fn reports_are_kept_over_a_restart_up_to_the_bound() {
        let dir = tempfile::tempdir().unwrap();
        let mut shelf = Shelf::open(dir.path());
        (1..=5).for_each(|n| put(&mut shelf, n, 3));
        let ids = |shelf: &Shelf| shelf.rows().iter().map(|row| row.id.clone()).collect::<Vec<_>>();
        assert_eq!(ids(&shelf), ["r5", "r4", "r3"]);
        let again = Shelf::open(dir.path());
        assert_eq!(ids(&again), ids(&shelf));
        assert_eq!(again.read("r4", ReportFormat::Html).unwrap().unwrap(), b"<p>4</p>");
        assert!(again.read("r1", ReportFormat::Html).is_none() && !dir.path().join("reports/r1.html").exists());
        assert_eq!(fs::read_dir(dir.path().join(FOLDER)).unwrap().count(), 3 * 2 + 1);
    }

    #[test]
    fn a_removed_one_is_gone_and_no_name_leaves_the_folder() {
        let dir = tempfile::tempdir().unwrap();
        let mut shelf = Shelf::open(dir.path());
        put(&mut shelf, 1, 9);
        fs::write(dir.path().join("secret.html"), "x").unwrap();
        assert!(shelf.read("../secret", ReportFormat::Html).is_none());
        assert!(!shelf.remove("../secret").unwrap() && shelf.remove("r1").unwrap() && !shelf.remove("r1").unwrap());
        assert!(dir.path().join("secret.html").exists() && Shelf::open(dir.path()).rows().is_empty());
        let bad = ReportRow { id: "../up".to_owned(), ..ReportRow::default() };
        assert!(shelf.put(bad, &[(ReportFormat::Html, Vec::new())], 9).is_err());
    }

    #[test]
    fn a_damaged_index_is_begun_anew() {
        let dir = tempfile::tempdir().unwrap();
        put(&mut Shelf::open(dir.path()), 1, 9);
        fs::write(dir.path().join("reports/index.json"), "{").unwrap();
        let mut shelf = Shelf::open(dir.path());
        assert!(shelf.rows().is_empty());
        put(&mut shelf, 2, 9);
        assert_eq!(Shelf::open(dir.path()).rows().len(), 1);
    }
}
