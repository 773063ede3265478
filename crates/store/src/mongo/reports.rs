//! Daily reports: files of JSON that somebody else writes into a folder, one document each. Owns which of them are new.

use super::documents::{Upsert, document};
use mongodb::bson::Bson;
use record::Timestamp;
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

/// Newest reports that are looked at.
const REPORTS_MAX: usize = 1_000;
/// Largest file that is read, bytes.
const FILE_BYTES_MAX: u64 = 15 << 20;

/// The folder, and what of it has been written since the start; a start writes all again, which changes nothing.
pub(super) struct Reports {
    folder: PathBuf,
    /// Revision by name.
    written: BTreeMap<String, i64>,
}

impl Reports {
    pub(super) fn new(folder: PathBuf) -> Self {
        Self { folder, written: BTreeMap::new() }
    }

    /// Reports that are new or changed, oldest first, at most `limit`.
    pub(super) fn new_ones(&self, limit: usize) -> Vec<Upsert> {
        let Ok(entries) = std::fs::read_dir(&self.folder) else { return Vec::new() };
        let mut found: Vec<(i64, String, PathBuf)> =
            entries.flatten().filter_map(|entry| revision_of(&entry.path())).collect();
        found.sort();
        let skip = found.len().saturating_sub(REPORTS_MAX);
        let new = |(revision, name, _): &(i64, String, PathBuf)| self.written.get(name) != Some(revision);
        let read = |(revision, name, path): (i64, String, PathBuf)| upsert(&path, name, revision);
        found.into_iter().skip(skip).filter(new).filter_map(read).take(limit).collect()
    }

    /// They are written, or refused for good.
    pub(super) fn done(&mut self, upserts: &[(Bson, i64)]) {
        for (id, revision) in upserts {
            if let Bson::String(name) = id {
                self.written.insert(name.clone(), *revision);
            }
        }
    }

    /// The server may have lost them.
    pub(super) fn again(&mut self) {
        self.written.clear();
    }
}

/// When a file changed, microseconds since 1970, and its name without the ending.
fn revision_of(path: &Path) -> Option<(i64, String, PathBuf)> {
    let name = path.file_stem()?.to_str()?.to_owned();
    let about = std::fs::metadata(path).ok()?;
    let json = path.extension().is_some_and(|ending| ending == "json") && !name.starts_with('.');
    if !json || !about.is_file() || about.len() > FILE_BYTES_MAX {
        return None;
    }
    let changed = about.modified().ok()?.duration_since(UNIX_EPOCH).ok()?;
    Some((i64::try_from(changed.as_micros()).ok()?, name, path.to_owned()))
}

/// A file that is no JSON is being written, or somebody else's.
fn upsert(path: &Path, name: String, revision: i64) -> Option<Upsert> {
    let fields = match serde_json::from_slice(&std::fs::read(path).ok()?).ok()? {
        Value::Object(fields) => fields,
        other => Map::from_iter([("report".to_owned(), other)]),
    };
    let day = Timestamp::from_parts(revision / 1_000_000, 0);
    Some(document(Bson::String(name), revision, fields, Some(day)))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_report_is_new_once_and_again_when_it_changes() {
        let dir = tempfile::tempdir().unwrap();
        let mut reports = Reports::new(dir.path().join("reports"));
        assert!(reports.new_ones(9).is_empty(), "no folder, no report");
        std::fs::create_dir(dir.path().join("reports")).unwrap();
        let path = dir.path().join("reports/2026-01-02.json");
        std::fs::write(&path, r#"{"title":"A day","generated":"2026-01-03T00:00:00Z","by.kind":{"$x":1}}"#).unwrap();
        std::fs::write(dir.path().join("reports/half.json"), r#"{"title":"#).unwrap();
        std::fs::write(dir.path().join("reports/other.html"), "<html>").unwrap();
        let found = reports.new_ones(9);
        assert_eq!(found.len(), 1);
        let document = &found[0].document;
        assert_eq!(document.get_str("_id").unwrap(), "2026-01-02");
        assert_eq!(document.get_datetime("generated").unwrap().timestamp_millis(), 1_767_398_400_000);
        assert!(document.get_document("by_kind").unwrap().contains_key("_x"), "no server refuses its names");
        reports.done(&[(found[0].id.clone(), found[0].revision)]);
        assert!(reports.new_ones(9).is_empty());
        let later = std::fs::metadata(&path).unwrap().modified().unwrap() + std::time::Duration::from_secs(5);
        std::fs::File::options().write(true).open(&path).unwrap().set_modified(later).unwrap();
        assert_eq!(reports.new_ones(9).len(), 1);
    }
}
