//! All rows that pass, for exports: pages without a count, each a read of its own, so that a long export neither holds up the log nor
//! runs into the time limit.

use super::{ReadError, Reader, flows, hosts, incidents, page, scans, series};
use crate::export::{RowSource, SeriesRow, What};
use crate::read::{HostSort, ListQuery, PAGE_ROWS_MAX, TimeRange};
use crate::rows::HostRow;
use crate::{FlowRow, Query, StoreError};
use record::{FlowRecord, Incident, ScanRow};
use rusqlite::Connection;
use std::ops::ControlFlow;
use std::path::PathBuf;

type Visit<'v, T> = &'v mut dyn FnMut(T) -> ControlFlow<()>;
/// One page of rows and the cursor of the next.
type PlainPage<T> = (Vec<T>, Option<String>);

impl Reader {
    /// Page after page until the end, or until `visit` breaks.
    fn pages<T>(
        &self,
        filter: &Query,
        range: TimeRange,
        page: impl Fn(&Connection, &ListQuery) -> Result<PlainPage<T>, ReadError>,
        visit: Visit<T>,
    ) -> Result<(), StoreError> {
        let mut query = ListQuery { filter: filter.clone(), range, limit: PAGE_ROWS_MAX, cursor: None };
        loop {
            let (items, next) = self.read(|c| page(c, &query))?;
            for item in items {
                if visit(item).is_break() {
                    return Ok(());
                }
            }
            match next {
                Some(next) => query.cursor = Some(next),
                None => return Ok(()),
            }
        }
    }
}

impl RowSource for Reader {
    fn flows(&self, filter: &Query, range: TimeRange, visit: Visit<(FlowRecord, FlowRow)>) -> Result<(), StoreError> {
        let page = |c: &Connection, query: &ListQuery| flows::records(c, query).map(|p| (p.items, p.next_cursor));
        self.pages(filter, range, page, visit)
    }
    fn incidents(&self, filter: &Query, range: TimeRange, visit: Visit<Incident>) -> Result<(), StoreError> {
        self.pages(filter, range, incidents::plain_page, visit)
    }
    fn hosts(&self, filter: &Query, range: TimeRange, visit: Visit<HostRow>) -> Result<(), StoreError> {
        self.pages(filter, range, |c, query| hosts::plain_page(c, query, HostSort::FirstSeen), visit)
    }
    fn scans(&self, filter: &Query, range: TimeRange, visit: Visit<ScanRow>) -> Result<(), StoreError> {
        self.pages(filter, range, scans::plain_page, visit)
    }
    fn series(&self, filter: &Query, range: TimeRange, visit: Visit<SeriesRow>) -> Result<(), StoreError> {
        for metric in self.read(|c| Ok(series::metrics(c, filter)?))? {
            let step_s = self.read(|c| Ok(series::finest(c, &metric, range)?))?;
            let mut from = range.from.map(record::Timestamp::seconds);
            loop {
                let rows = self.read(|c| Ok(series::stored(c, &metric, step_s, from, range)?))?;
                let Some(last) = rows.last() else { break };
                from = Some(last.timestamp.seconds() + 1);
                for row in rows {
                    if visit(row).is_break() {
                        return Ok(());
                    }
                }
            }
        }
        Ok(())
    }
    fn total(&self, what: What, filter: &Query, range: TimeRange) -> Result<Option<u64>, StoreError> {
        let list = match what {
            What::Flows => flows::list(),
            What::Incidents => incidents::list(),
            What::Hosts => &hosts::list(HostSort::FirstSeen),
            What::Scans => scans::list(),
            What::Alerts | What::Series => return Ok(None),
        };
        let query = ListQuery { filter: filter.clone(), range, limit: 1, cursor: None };
        let (total, exact) = self.read(|c| Ok(page::count(c, list, &query)?))?;
        Ok(exact.then_some(total))
    }
    fn incidents_of(&self, flows: &[u64]) -> Result<Vec<String>, StoreError> {
        self.read(|c| Ok(incidents::naming(c, flows)?))
    }
    fn evidence(&self, incident: &str) -> Option<PathBuf> {
        self.evidence.path(incident)
    }
}
