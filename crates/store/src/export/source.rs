//! Where the rows of an export come from. Owns the trait; the database answers in `reader/rows.rs`, the database and what it published in
//! `archive/rows.rs`.

use super::What;
use crate::rows::HostRow;
use crate::{FlowRow, Query, StoreError, TimeRange};
use record::{FlowRecord, Incident, ScanRow, Timestamp};
use serde::Serialize;
use std::ops::ControlFlow;
use std::path::PathBuf;

/// One bucket of a series.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct SeriesRow {
    /// Its start.
    pub timestamp: Timestamp,
    /// What was counted.
    pub metric: String,
    /// Length of the bucket, seconds.
    pub step_s: u32,
    /// Average of a watched second.
    pub value: f64,
    /// Seconds of it that were watched.
    pub watched_s: u32,
}

/// Takes rows until it breaks.
pub type Visit<'v, T> = &'v mut dyn FnMut(T) -> ControlFlow<()>;

/// A place that rows come from, newest first where nothing else is said. Memory is bounded for any number of rows.
pub trait RowSource: Send + Sync {
    /// Flows with their rows of the list, by end.
    ///
    /// # Errors
    /// `StoreError`, also after some rows.
    fn flows(&self, filter: &Query, range: TimeRange, visit: Visit<(FlowRecord, FlowRow)>) -> Result<(), StoreError>;
    /// Incidents, by when they were raised.
    ///
    /// # Errors
    /// As `flows`.
    fn incidents(&self, filter: &Query, range: TimeRange, visit: Visit<Incident>) -> Result<(), StoreError>;
    /// Hosts, by when they were first seen.
    ///
    /// # Errors
    /// As `flows`.
    fn hosts(&self, filter: &Query, range: TimeRange, visit: Visit<HostRow>) -> Result<(), StoreError>;
    /// Scans, by when they began.
    ///
    /// # Errors
    /// As `flows`.
    fn scans(&self, filter: &Query, range: TimeRange, visit: Visit<ScanRow>) -> Result<(), StoreError>;
    /// Buckets, metric after metric, oldest first, in the finest resolution that is kept back to the beginning of the range.
    ///
    /// # Errors
    /// As `flows`.
    fn series(&self, filter: &Query, range: TimeRange, visit: Visit<SeriesRow>) -> Result<(), StoreError>;
    /// How many rows will come; None: nobody knows without reading them.
    ///
    /// # Errors
    /// As `flows`.
    fn total(&self, what: What, filter: &Query, range: TimeRange) -> Result<Option<u64>, StoreError>;
    /// Incidents that name one of these flows.
    ///
    /// # Errors
    /// As `flows`.
    fn incidents_of(&self, flows: &[u64]) -> Result<Vec<String>, StoreError>;
    /// The packets kept for an incident.
    fn evidence(&self, incident: &str) -> Option<PathBuf>;
}
