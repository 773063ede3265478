//! Scans that ended: a row each time one was found to have changed, with all that it found. Of the rows of a scan the one with the largest
//! `number` is how it stands.

use super::{ArchiveKind, Keys, Table, json, owned, seconds};
use crate::columnar::{COUNT, Cell, Column, JSON, MAYBE, MAYBE_COUNT, MAYBE_TIME, TEXT, TIME, WHOLE};
use crate::formats::parquet::time;
use crate::{Reader, StoreError};
use record::ScanRow;
use record::scan::Scan;
use std::sync::LazyLock;

static NAMES: LazyLock<Vec<(String, &'static str)>> = LazyLock::new(|| {
    owned(&[
        ("number", WHOLE),
        ("updated", TIME),
        ("id", TEXT),
        ("started", TIME),
        ("ended", MAYBE_TIME),
        ("targets", JSON),
        ("backend", TEXT),
        ("origin", TEXT),
        ("state", TEXT),
        ("words", TEXT),
        ("hosts_up", COUNT),
        ("hosts_down", COUNT),
        ("ports_open", COUNT),
        ("changes", MAYBE_COUNT),
        ("previous", MAYBE),
        ("anomalies", COUNT),
        ("row", JSON),
        ("scan", JSON),
    ])
});

/// Scans.
pub(super) struct Scans;

impl Table for Scans {
    fn kind(&self) -> ArchiveKind {
        ArchiveKind::Scans
    }
    fn columns(&self) -> &[(String, &'static str)] {
        &NAMES
    }
    fn time(&self) -> &'static str {
        "started"
    }
    fn keys(&self, store: &Reader, after: i64, upto: i64, limit: usize) -> Result<Keys, StoreError> {
        store.scan_keys(after, upto, limit)
    }
    fn rows(&self, store: &Reader, numbers: &[i64]) -> Result<Vec<Vec<Cell>>, StoreError> {
        Ok(store
            .scans_numbered(numbers)?
            .into_iter()
            .map(|(number, at_s, row, scan)| cells(number, at_s, &row, scan.as_ref()))
            .collect())
    }
}

fn cells(number: i64, at_s: i64, row: &ScanRow, scan: Option<&Scan>) -> Vec<Cell> {
    vec![
        Cell::Int64(number),
        seconds(at_s),
        Cell::text(&row.id),
        time(row.started),
        row.ended.map_or(Cell::Null, time),
        json(&row.targets),
        Cell::text(row.backend.name()),
        Cell::text(row.origin.name()),
        Cell::text(row.state.name()),
        Cell::text(&row.words),
        Cell::count(row.hosts_up),
        Cell::count(row.hosts_down),
        Cell::count(row.ports_open),
        row.changes.map_or(Cell::Null, Cell::count),
        Cell::maybe(row.previous.clone()),
        Cell::count(row.anomalies),
        json(row),
        scan.map_or(Cell::Null, json),
    ]
}

/// A scan read back.
#[derive(Clone, Debug)]
pub struct ArchivedScan {
    /// The run.
    pub row: ScanRow,
    /// What it found; None when nothing was kept.
    pub scan: Option<Scan>,
}

/// Number, and the scan of a row of all columns.
pub(in super::super) fn scan_back(columns: &[Column], at: usize) -> Option<(i64, ArchivedScan)> {
    let [number, .., row, scan] = columns else { return None };
    let row = serde_json::from_slice(row.bytes(at)).ok()?;
    let scan = serde_json::from_slice(scan.bytes(at)).ok();
    Some((number.whole(at), ArchivedScan { row, scan }))
}
