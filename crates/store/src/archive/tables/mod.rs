//! The tables of the archive, one file a kind: their columns, where their rows are in the embedded store, and how a row is read back.
//! Column names are those of `flow-formats.md` and of the API; a column is only ever added, at the end of its list.

mod flows;
mod incidents;
mod scans;
mod verdicts;

pub(super) use flows::{flow_back, flow_columns};
pub(super) use incidents::incident_back;
pub use scans::ArchivedScan;
pub(super) use scans::scan_back;
pub use verdicts::ArchivedVerdict;
pub(super) use verdicts::verdict_back;

use super::config::ArchiveKind;
use crate::columnar::Cell;
use crate::{Reader, StoreError};

/// A row before it is read: its number in the store, which orders arrival, and the time that decides its day.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Key {
    pub number: i64,
    pub time_ns: i64,
}

/// What comes next.
#[derive(Debug, Default)]
pub(crate) struct Keys {
    /// Rows to archive, by number.
    pub found: Vec<Key>,
    /// Everything up to here has been looked at.
    pub last: i64,
    /// Rows that were looked at.
    pub looked_at: usize,
    /// Rows that the store deleted before anybody looked at them.
    pub missed: u64,
}

/// One table.
pub(crate) trait Table: Sync {
    /// Its kind.
    fn kind(&self) -> ArchiveKind;
    /// Names and types of its columns; the first is `number`.
    fn columns(&self) -> &[(String, &'static str)];
    /// The column that files are sorted by.
    fn time(&self) -> &'static str;
    /// At most `limit` rows after a number, and up to another one.
    fn keys(&self, store: &Reader, after: i64, upto: i64, limit: usize) -> Result<Keys, StoreError>;
    /// The rows of these numbers in this order; those that are gone are left out.
    fn rows(&self, store: &Reader, numbers: &[i64]) -> Result<Vec<Vec<Cell>>, StoreError>;
}

/// Every table. A new one is a file and a line here.
pub(crate) static TABLES: &[&dyn Table] = &[&flows::Flows, &verdicts::Verdicts, &incidents::Incidents, &scans::Scans];

/// The table of a kind.
pub(super) fn table(kind: ArchiveKind) -> Option<&'static dyn Table> {
    TABLES.iter().copied().find(|table| table.kind() == kind)
}

/// Names and types as they are asked of a file.
pub(super) fn pairs<'c>(columns: &'c [(String, &'static str)]) -> impl Iterator<Item = (&'c str, &'c str)> + Clone {
    columns.iter().map(|(name, kind)| (name.as_str(), *kind))
}

/// Seconds as a timestamp of the files.
fn seconds(at_s: i64) -> Cell {
    Cell::Int64(at_s.saturating_mul(1_000_000))
}

/// A value as JSON.
fn json(value: &impl serde::Serialize) -> Cell {
    Cell::maybe(serde_json::to_string(value).ok())
}

fn owned(columns: &[(&str, &'static str)]) -> Vec<(String, &'static str)> {
    columns.iter().map(|(name, kind)| ((*name).to_owned(), *kind)).collect()
}
