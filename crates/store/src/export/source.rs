//! Where the rows of an export come from. Owns the trait and the joining of two places at a border in time; the database answers in
//! `reader/rows.rs`.

use super::What;
use crate::rows::HostRow;
use crate::{FlowRow, Query, StoreError, TimeRange};
use record::{FlowRecord, Incident, ScanRow, Timestamp};
use serde::Serialize;
use std::ops::ControlFlow;
use std::path::PathBuf;
use std::sync::Arc;

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

/// What is asked of each place.
type Ask<'a, T> = dyn Fn(&dyn RowSource, Visit<T>) -> Result<(), StoreError> + 'a;

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

/// Two places as one: from the border on `newer` answers, before it `older`. Nothing is told twice, also where both hold it. Hosts and
/// packets are the newer place's.
pub struct Chained {
    /// Whole from the border on.
    pub newer: Arc<dyn RowSource>,
    /// What lies before it.
    pub older: Arc<dyn RowSource>,
    /// Flows that ended, incidents that were raised and scans that began then or later are `newer`'s.
    pub border: Timestamp,
}

impl Chained {
    /// The part of a range before the border; None: it has none.
    fn before(&self, range: TimeRange) -> Option<TimeRange> {
        let last = self.border.plus_ns(-1);
        let to = range.to.map_or(last, |to| to.min(last));
        range.from.is_none_or(|from| from <= to).then_some(TimeRange { from: range.from, to: Some(to) })
    }

    /// The part from the border on.
    fn since(&self, range: TimeRange) -> Option<TimeRange> {
        let from = range.from.map_or(self.border, |from| from.max(self.border));
        range.to.is_none_or(|to| from <= to).then_some(TimeRange { from: Some(from), to: range.to })
    }

    /// The newer place's rows, then the older one's, each with those of its side of the border; a range by overlap finds them in both.
    fn both<T>(&self, time: fn(&T) -> Timestamp, visit: Visit<T>, ask: &Ask<T>) -> Result<(), StoreError> {
        let mut broken = false;
        for (source, is_newer) in [(&self.newer, true), (&self.older, false)] {
            if !broken {
                ask(source.as_ref(), &mut |row| {
                    if (time(&row) >= self.border) != is_newer {
                        return ControlFlow::Continue(());
                    }
                    let went_on = visit(row);
                    broken = went_on.is_break();
                    went_on
                })?;
            }
        }
        Ok(())
    }
}

impl RowSource for Chained {
    fn flows(&self, filter: &Query, range: TimeRange, visit: Visit<(FlowRecord, FlowRow)>) -> Result<(), StoreError> {
        let mut broken = false;
        let mut take = |row: (FlowRecord, FlowRow)| {
            let went_on = visit(row);
            broken = went_on.is_break();
            went_on
        };
        if let Some(range) = self.since(range) {
            self.newer.flows(filter, range, &mut take)?;
        }
        match self.before(range) {
            Some(range) if !broken => self.older.flows(filter, range, visit),
            _ => Ok(()),
        }
    }
    fn incidents(&self, filter: &Query, range: TimeRange, visit: Visit<Incident>) -> Result<(), StoreError> {
        self.both(|incident: &Incident| incident.raised, visit, &|source, visit| source.incidents(filter, range, visit))
    }
    fn hosts(&self, filter: &Query, range: TimeRange, visit: Visit<HostRow>) -> Result<(), StoreError> {
        self.newer.hosts(filter, range, visit)
    }
    fn scans(&self, filter: &Query, range: TimeRange, visit: Visit<ScanRow>) -> Result<(), StoreError> {
        self.both(|scan: &ScanRow| scan.started, visit, &|source, visit| source.scans(filter, range, visit))
    }
    fn series(&self, filter: &Query, range: TimeRange, visit: Visit<SeriesRow>) -> Result<(), StoreError> {
        let mut broken = false;
        let mut take = |row: SeriesRow| {
            let went_on = visit(row);
            broken = went_on.is_break();
            went_on
        };
        if let Some(range) = self.before(range) {
            self.older.series(filter, range, &mut take)?;
        }
        match self.since(range) {
            Some(range) if !broken => self.newer.series(filter, range, visit),
            _ => Ok(()),
        }
    }
    fn total(&self, what: What, filter: &Query, range: TimeRange) -> Result<Option<u64>, StoreError> {
        if what == What::Hosts {
            return self.newer.total(what, filter, range);
        }
        if what != What::Flows {
            return Ok(None);
        }
        let of = |source: &dyn RowSource, range: Option<TimeRange>| match range {
            Some(range) => source.total(what, filter, range),
            None => Ok(Some(0)),
        };
        let (newer, older) = (of(&*self.newer, self.since(range))?, of(&*self.older, self.before(range))?);
        Ok(newer.zip(older).map(|(a, b)| a + b))
    }
    fn incidents_of(&self, flows: &[u64]) -> Result<Vec<String>, StoreError> {
        self.newer.incidents_of(flows)
    }
    fn evidence(&self, incident: &str) -> Option<PathBuf> {
        self.newer.evidence(incident)
    }
}
