//! Rows of exports and reports from the database and, for what it no longer keeps, from the archive: each once. Owns which of the two is asked
//! for what; the archive is asked only where the database has deleted something that could be in the answer.

use super::read_back::ArchiveReader;
use super::{ArchiveConfig, ArchiveError, WRITER};
use crate::export::{RowSource, SeriesRow, Visit, What};
use crate::query::{FLOW_FIELDS, FieldValue};
use crate::rows::HostRow;
use crate::{FlowRow, Query, Read, Reader, StoreConfig, StoreError, TimeRange};
use record::{FlowRecord, Incident, ScanRow, Timestamp};
use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::path::PathBuf;
use std::sync::Arc;

const NS_PER_DAY: i64 = 86_400_000_000_000;
const HOUR_S: u32 = 3_600;
/// What archived flows tell of an hour, in the order of `Hour`.
const METRICS: [&str; 4] = ["bytes", "flows", "flows_anomalous", "packets"];

/// Sums of an hour.
type Hour = [u64; METRICS.len()];

/// The database of a data directory and what it published.
pub struct ArchivedRows {
    store: Arc<Reader>,
    archive: Box<Open>,
    kept: StoreConfig,
    clock: fn() -> Timestamp,
}

/// Opens the archive.
type Open = dyn Fn() -> Result<ArchiveReader, ArchiveError> + Send + Sync;

impl From<ArchiveError> for StoreError {
    fn from(error: ArchiveError) -> Self {
        Self::Archive { what: error.to_string() }
    }
}

/// What comes of a visit into which errors and ends are carried.
struct Visited<'v, T> {
    visit: Visit<'v, T>,
    broken: bool,
    error: Option<StoreError>,
}

impl<T> Visited<'_, T> {
    /// Gives a row on when the question about it is answered with yes.
    fn give(&mut self, wanted: Result<bool, StoreError>, row: T) -> ControlFlow<()> {
        match wanted {
            Ok(true) => {
                let went_on = (self.visit)(row);
                self.broken = went_on.is_break();
                went_on
            }
            Ok(false) => ControlFlow::Continue(()),
            Err(error) => {
                self.error = Some(error);
                ControlFlow::Break(())
            }
        }
    }
    fn done(self) -> Result<(), StoreError> {
        self.error.map_or(Ok(()), Err)
    }
}

impl ArchivedRows {
    /// Nothing is opened before it is asked for. `clock` tells how old a row is.
    #[must_use]
    pub fn new(store: Arc<Reader>, archive: ArchiveConfig, kept: StoreConfig, clock: fn() -> Timestamp) -> Self {
        Self::with(store, Box::new(move || ArchiveReader::open(&archive)), kept, clock)
    }

    pub(super) fn with(store: Arc<Reader>, archive: Box<Open>, kept: StoreConfig, clock: fn() -> Timestamp) -> Self {
        Self { store, archive, kept, clock }
    }

    /// The database's own rows.
    fn held(&self) -> &dyn RowSource {
        self.store.as_ref()
    }

    /// The archive and this store's name there; None: nothing of it was ever published.
    fn published(&self) -> Result<Option<(ArchiveReader, String)>, StoreError> {
        match self.store.setting(WRITER)? {
            Some(writer) => Ok(Some(((self.archive)()?, writer))),
            None => Ok(None),
        }
    }

    /// May the database have deleted rows of a range: by their age, or because it holds nearly as many as it may?
    fn may_lack(&self, what: What, range: TimeRange) -> Result<bool, StoreError> {
        let (age_days, most, fields) = match what {
            What::Incidents => (self.kept.incidents_age_days, self.kept.incidents_max, crate::query::INCIDENT_FIELDS),
            _ => (self.kept.scans_age_days, self.kept.scans_max, crate::query::SCAN_FIELDS),
        };
        let oldest = (self.clock)().plus_ns((age_days as i64).saturating_mul(NS_PER_DAY).saturating_neg());
        if range.from.is_none_or(|from| from < oldest) {
            return Ok(true);
        }
        let held = self.held().total(what, &Query::all(fields), TimeRange::default())?;
        Ok(held.is_none_or(|held| held >= most / 10 * 9))
    }

    /// The number of the oldest flow that the database still holds, when it has deleted some.
    fn first_kept(&self) -> Result<Option<i64>, StoreError> {
        let oldest = self.store.oldest_flow_number()?.unwrap_or(i64::MAX);
        Ok((oldest > 1).then_some(oldest))
    }

    /// Sums of archived flows by the hour of their end, before a time.
    fn hours(&self, range: TimeRange, before: Timestamp) -> Result<BTreeMap<i64, Hour>, StoreError> {
        let mut hours: BTreeMap<i64, Hour> = BTreeMap::new();
        let Some((archive, writer)) = self.published()? else { return Ok(hours) };
        let range = TimeRange { from: range.from, to: Some(before.plus_ns(-1)) };
        archive.flows_of(&writer, range, &Query::all(FLOW_FIELDS), i64::MAX, &mut |_, row| {
            let sums = hours.entry(row.end.seconds() / i64::from(HOUR_S) * i64::from(HOUR_S)).or_default();
            let bytes = row.bytes_toserver + row.bytes_toclient;
            let packets = row.pkts_toserver + row.pkts_toclient;
            for (sum, value) in sums.iter_mut().zip([bytes, 1, u64::from(row.anomalous), packets]) {
                *sum += value;
            }
            ControlFlow::Continue(())
        })?;
        Ok(hours)
    }

    /// When the database's buckets of a metric begin; None: it has none in the range.
    fn begins(&self, metric: &str, range: TimeRange) -> Result<Option<Timestamp>, StoreError> {
        let filter = Query::parse(&format!("metric:{metric}"), crate::query::SERIES_FIELDS)?;
        let mut first = None;
        let upto = TimeRange { from: None, to: range.to };
        self.held().series(&filter, upto, &mut |row| {
            first = Some(row.timestamp);
            ControlFlow::Break(())
        })?;
        Ok(first)
    }

    /// Hours of the archive that lie before the database's own buckets; true when the visit was broken off.
    fn older_series(&self, filter: &Query, range: TimeRange, visit: Visit<SeriesRow>) -> Result<bool, StoreError> {
        let wanted = |metric: &&str| {
            filter.matches(&|field, give| {
                if field == "metric" {
                    give(FieldValue::Text(metric));
                }
            })
        };
        for (place, metric) in METRICS.into_iter().enumerate().filter(|(_, metric)| wanted(metric)) {
            // Without a bucket there is nothing that the archive could go before.
            let Some(begins) = self.begins(metric, range)? else { continue };
            if range.from.is_some_and(|from| from >= begins) {
                continue;
            }
            for (second, sums) in self.hours(range, begins)? {
                let row = SeriesRow {
                    timestamp: Timestamp::from_parts(second, 0),
                    metric: metric.to_owned(),
                    step_s: HOUR_S,
                    value: sums[place] as f64 / f64::from(HOUR_S),
                    watched_s: HOUR_S,
                };
                if visit(row).is_break() {
                    return Ok(true);
                }
            }
        }
        Ok(false)
    }
}

impl RowSource for ArchivedRows {
    fn flows(&self, filter: &Query, range: TimeRange, visit: Visit<(FlowRecord, FlowRow)>) -> Result<(), StoreError> {
        let first_kept = self.first_kept()?;
        let mut visited = Visited { visit, broken: false, error: None };
        self.held().flows(filter, range, &mut |row| visited.give(Ok(true), row))?;
        let Some(first_kept) = first_kept.filter(|_| !visited.broken) else { return Ok(()) };
        let Some((archive, writer)) = self.published()? else { return Ok(()) };
        archive
            .flows_of(&writer, range, filter, first_kept, &mut |record, row| visited.give(Ok(true), (record, row)))?;
        visited.done()
    }
    fn incidents(&self, filter: &Query, range: TimeRange, visit: Visit<Incident>) -> Result<(), StoreError> {
        let mut visited = Visited { visit, broken: false, error: None };
        self.held().incidents(filter, range, &mut |row| visited.give(Ok(true), row))?;
        if visited.broken || !self.may_lack(What::Incidents, range)? {
            return Ok(());
        }
        let Some((archive, writer)) = self.published()? else { return Ok(()) };
        archive.incidents_of(&writer, range, filter, &mut |incident| {
            let wanted = self.store.incident(&incident.id).map(|held| held.is_none());
            visited.give(wanted, incident)
        })?;
        visited.done()
    }
    fn hosts(&self, filter: &Query, range: TimeRange, visit: Visit<HostRow>) -> Result<(), StoreError> {
        self.held().hosts(filter, range, visit)
    }
    fn scans(&self, filter: &Query, range: TimeRange, visit: Visit<ScanRow>) -> Result<(), StoreError> {
        let mut visited = Visited { visit, broken: false, error: None };
        self.held().scans(filter, range, &mut |row| visited.give(Ok(true), row))?;
        if visited.broken || !self.may_lack(What::Scans, range)? {
            return Ok(());
        }
        let Some((archive, writer)) = self.published()? else { return Ok(()) };
        archive.scans_of(&writer, range, filter, &mut |scan| {
            let wanted = self.store.scan(&scan.row.id).map(|held| held.is_none());
            visited.give(wanted, scan.row)
        })?;
        visited.done()
    }
    fn series(&self, filter: &Query, range: TimeRange, visit: Visit<SeriesRow>) -> Result<(), StoreError> {
        if self.older_series(filter, range, visit)? { Ok(()) } else { self.held().series(filter, range, visit) }
    }
    fn total(&self, what: What, filter: &Query, range: TimeRange) -> Result<Option<u64>, StoreError> {
        let whole = match what {
            What::Flows => self.first_kept()?.is_none(),
            What::Incidents | What::Scans => !self.may_lack(what, range)?,
            What::Alerts | What::Hosts | What::Series => true,
        };
        let is_all = whole || self.store.setting(WRITER)?.is_none();
        if is_all { self.held().total(what, filter, range) } else { Ok(None) }
    }
    fn incidents_of(&self, flows: &[u64]) -> Result<Vec<String>, StoreError> {
        self.held().incidents_of(flows)
    }
    fn evidence(&self, incident: &str) -> Option<PathBuf> {
        self.held().evidence(incident)
    }
}
