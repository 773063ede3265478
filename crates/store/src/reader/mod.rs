//! Reads for the API: a small pool of read-only connections, one file a topic. Reads never block the writer, and end at
//! their time limit.

#[cfg(feature = "archive")]
mod archive;
mod assets;
mod audit;
mod feedback;
mod first_use;
pub(crate) mod flows;
mod graph;
mod host_course;
pub(crate) mod hosts;
mod incident_counts;
mod incidents;
pub(crate) mod journal;
mod page;
mod rows;
mod scans;
mod series;
mod similar;
mod top;

use crate::connection::{DATABASE_NAME, explain, open_reader};
use crate::read::{AssetSort, HostSort, ListQuery, Read, SeriesQuery, TimeRange, TopWhat};
use crate::rows::{AuditEntry, HostCourse, HostProfile, HostRow};
use crate::scan_rows::{AssetDetail, AssetRow, AssetTotals, FirstUse, ScanHostRow};
use crate::{
    EvidenceFolder, FeedbackEvent, FlowDetail, FlowRow, Graph, GraphOf, HostDetail, IncidentCounts, IncidentDetail,
    Page, Query, ScatterResult, StoreConfig, StoreError, TopRow,
};
use record::scan::Scan;
use record::{Asset, AssetEvent, Finding, FlowRecord, Incident, IpAddr16, ScanRow, SeriesResult, Timestamp};
use rusqlite::{Connection, ErrorCode, OptionalExtension};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::{Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// The clock is looked at after this many steps of the database's machine (some hundred microseconds).
const STEPS_BETWEEN_CHECKS: i32 = 20_000;

struct Pool {
    idle: Vec<Connection>,
    opened: usize,
}

/// The reading side of a store; also opened alone, beside a process that writes.
pub struct Reader {
    path: PathBuf,
    config: StoreConfig,
    evidence: EvidenceFolder,
    pool: Mutex<Pool>,
    returned: Condvar,
}

impl Reader {
    /// Opens the store in `dir` for reading.
    ///
    /// # Errors
    /// There is none, it is damaged, or a newer version wrote it.
    pub fn open(dir: &Path, config: &StoreConfig) -> Result<Self, StoreError> {
        config.check()?;
        let path = dir.join(DATABASE_NAME);
        let first = open_reader(&path, config)?;
        let evidence = EvidenceFolder::at(dir, config);
        let pool = Mutex::new(Pool { idle: vec![first], opened: 1 });
        Ok(Self { path, config: config.clone(), evidence, pool, returned: Condvar::new() })
    }

    fn take(&self) -> Result<Connection, StoreError> {
        let mut pool = self.pool.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            if let Some(connection) = pool.idle.pop() {
                return Ok(connection);
            }
            if pool.opened < self.config.read_connections {
                pool.opened += 1;
                drop(pool);
                return open_reader(&self.path, &self.config).inspect_err(|_| self.put(None));
            }
            pool = self.returned.wait(pool).unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn put(&self, connection: Option<Connection>) {
        let mut pool = self.pool.lock().unwrap_or_else(PoisonError::into_inner);
        match connection {
            Some(connection) => pool.idle.push(connection),
            None => pool.opened -= 1,
        }
        self.returned.notify_one();
    }

    /// Runs one read on a connection of the pool, in one consistent view, within the time limit.
    fn read<T>(&self, work: impl FnOnce(&Connection) -> Result<T, ReadError>) -> Result<T, StoreError> {
        let mut connection = self.take()?;
        let until = Instant::now() + Duration::from_millis(self.config.read_timeout_ms);
        let limited = connection.progress_handler(STEPS_BETWEEN_CHECKS, Some(move || Instant::now() > until));
        let result = limited.map_err(ReadError::Database).and_then(|()| {
            let view = connection.unchecked_transaction()?;
            let result = work(&connection);
            view.finish()?;
            result
        });
        // The connection goes back also after a failed read: a read leaves nothing behind.
        drop(connection.progress_handler(0, None::<fn() -> bool>));
        self.put(Some(connection));
        result.map_err(|e| match e {
            ReadError::Store(e) => e,
            ReadError::Database(e) if e.sqlite_error_code() == Some(ErrorCode::OperationInterrupted) => {
                StoreError::TooSlow { limit_ms: self.config.read_timeout_ms }
            }
            ReadError::Database(e) => explain(&self.path, e),
        })
    }

    /// Every incident that passes, newest first. Pages are separate reads without a count.
    ///
    /// # Errors
    /// As `Read::incidents`.
    pub fn visit_incidents(&self, filter: &Query, visit: &mut dyn FnMut(Incident)) -> Result<(), StoreError> {
        let limit = crate::read::PAGE_ROWS_MAX;
        let mut query = ListQuery { filter: filter.clone(), range: TimeRange::default(), limit, cursor: None };
        loop {
            let (items, next) = self.read(|c| incidents::plain_page(c, &query))?;
            items.into_iter().for_each(&mut *visit);
            match next {
                Some(next) => query.cursor = Some(next),
                None => return Ok(()),
            }
        }
    }

    /// The whole inventory, for the next scan to be folded into.
    ///
    /// # Errors
    /// As `Read::assets`.
    pub fn inventory(&self) -> Result<Vec<Asset>, StoreError> {
        self.read(|c| Ok(assets::all(c)?))
    }

    /// Whole scans of exactly these targets, newest first, at most `limit`.
    ///
    /// # Errors
    /// As `Read::scans`.
    pub fn whole_scans(&self, targets: &[String], limit: u32) -> Result<Vec<ScanRow>, StoreError> {
        self.read(|c| Ok(scans::whole(c, targets, limit)?))
    }

    /// What a scan changed of the inventory.
    ///
    /// # Errors
    /// As `Read::assets`.
    pub fn events_of_scan(&self, scan: &str) -> Result<Vec<AssetEvent>, StoreError> {
        self.read(|c| Ok(assets::events_of_scan(c, scan)?))
    }

    /// The first kept flow to a port since some time that was none of our own scans'; None: none among those looked at.
    ///
    /// # Errors
    /// As `Read::flows`.
    pub fn first_use(
        &self,
        addresses: &[IpAddr16],
        protocol: &str,
        port: u32,
        since: Timestamp,
    ) -> Result<Option<FirstUse>, StoreError> {
        let wanted = first_use::Wanted { protocol: protocol.to_ascii_uppercase(), port, since };
        self.read(|c| Ok(first_use::first_uses(c, addresses, &[wanted])?.into_values().next()))
    }

    /// How many incidents each suppression hides, by its number.
    ///
    /// # Errors
    /// As `Read::incidents`.
    pub fn suppressed_counts(&self) -> Result<Vec<(u64, u64)>, StoreError> {
        self.read(|c| Ok(incidents::suppressed_counts(c)?))
    }

    /// Every flow that passes, newest first, with its whole record, until `visit` breaks. Pages are separate reads, so
    /// that a long export neither holds up the log nor runs into the time limit.
    ///
    /// # Errors
    /// As `Read::flows`.
    pub fn visit_flows(
        &self,
        filter: &Query,
        range: TimeRange,
        visit: &mut dyn FnMut(FlowRecord, FlowRow) -> ControlFlow<()>,
    ) -> Result<(), StoreError> {
        let limit = crate::read::PAGE_ROWS_MAX;
        let mut query = ListQuery { filter: filter.clone(), range, limit, cursor: None };
        loop {
            let page = self.read(|c| flows::records(c, &query))?;
            for (record, row) in page.items {
                if visit(record, row).is_break() {
                    return Ok(());
                }
            }
            match page.next_cursor {
                Some(next) => query.cursor = Some(next),
                None => return Ok(()),
            }
        }
    }
}

/// A failure inside a read.
pub(crate) enum ReadError {
    Database(rusqlite::Error),
    Store(StoreError),
}

impl From<rusqlite::Error> for ReadError {
    fn from(e: rusqlite::Error) -> Self {
        Self::Database(e)
    }
}

impl Read for Reader {
    fn flows(&self, query: &ListQuery) -> Result<Page<FlowRow>, StoreError> {
        self.read(|c| flows::page(c, query))
    }
    fn flow(&self, flow_id: u64) -> Result<Option<FlowDetail>, StoreError> {
        self.read(|c| flows::detail(c, flow_id))
    }
    fn scatter(&self, filter: &Query, range: TimeRange, limit: u32) -> Result<ScatterResult, StoreError> {
        self.read(|c| flows::scatter(c, filter, range, limit))
    }
    fn top(&self, what: TopWhat, range: TimeRange) -> Result<Vec<TopRow>, StoreError> {
        self.read(|c| top::top(c, what, range, top::ROWS_MAX))
    }
    fn busiest(&self, range: TimeRange, limit: u32) -> Result<Vec<TopRow>, StoreError> {
        self.read(|c| top::top(c, TopWhat::Hosts, range, limit))
    }
    fn graph(&self, of: &GraphOf) -> Result<Option<Graph>, StoreError> {
        self.read(|c| graph::graph(c, of))
    }
    fn incident_counts(&self, from: Timestamp, to: Timestamp, step_s: u32) -> Result<IncidentCounts, StoreError> {
        self.read(|c| incident_counts::counts(c, from, to, step_s))
    }
    fn incidents(&self, query: &ListQuery) -> Result<Page<Incident>, StoreError> {
        self.read(|c| incidents::page(c, query))
    }
    fn incident(&self, id: &str) -> Result<Option<IncidentDetail>, StoreError> {
        self.read(|c| incidents::detail(c, id))
    }
    fn hosts(&self, query: &ListQuery, sort: HostSort) -> Result<Page<HostRow>, StoreError> {
        self.read(|c| hosts::page(c, query, sort))
    }
    fn host_course(&self, ip: IpAddr16) -> Result<HostCourse, StoreError> {
        self.read(|c| Ok(host_course::course(c, ip)?))
    }
    fn profiles(&self) -> Result<Vec<HostProfile>, StoreError> {
        self.read(|c| Ok(hosts::profiles(c)?))
    }
    fn audit(&self, limit: u32) -> Result<Vec<AuditEntry>, StoreError> {
        self.read(|c| Ok(audit::newest(c, limit)?))
    }
    fn host(&self, ip: IpAddr16) -> Result<Option<HostDetail>, StoreError> {
        self.read(|c| hosts::detail(c, ip))
    }
    fn series(&self, query: &SeriesQuery) -> Result<Vec<SeriesResult>, StoreError> {
        self.read(|c| series::series(c, query))
    }
    fn evidence(&self, incident: &str) -> Result<Option<PathBuf>, StoreError> {
        Ok(self.evidence.path(incident))
    }
    fn feedback(&self) -> Result<Vec<FeedbackEvent>, StoreError> {
        self.read(feedback::all)
    }
    fn scans(&self, query: &ListQuery) -> Result<Page<ScanRow>, StoreError> {
        self.read(|c| scans::page(c, query))
    }
    fn scan(&self, id: &str) -> Result<Option<ScanRow>, StoreError> {
        self.read(|c| Ok(scans::one(c, id)?))
    }
    fn scan_body(&self, id: &str) -> Result<Option<Scan>, StoreError> {
        self.read(|c| Ok(scans::body(c, id)?))
    }
    fn scan_hosts(&self, id: &str, limit: u32, cursor: Option<&str>) -> Result<Page<ScanHostRow>, StoreError> {
        self.read(|c| scans::hosts(c, id, limit, cursor))
    }
    fn findings(&self, scan: &str) -> Result<Vec<Finding>, StoreError> {
        self.read(|c| Ok(assets::findings_of_scan(c, scan)?))
    }
    fn assets(&self, query: &ListQuery, sort: AssetSort) -> Result<Page<AssetRow>, StoreError> {
        self.read(|c| assets::page(c, query, sort))
    }
    fn asset(&self, key: &str) -> Result<Option<AssetDetail>, StoreError> {
        self.read(|c| Ok(assets::detail(c, key)?))
    }
    fn asset_at(&self, ip: IpAddr16) -> Result<Option<AssetRow>, StoreError> {
        self.read(|c| Ok(assets::at(c, ip)?))
    }
    fn asset_totals(&self) -> Result<AssetTotals, StoreError> {
        self.read(|c| Ok(assets::totals(c)?))
    }
    fn setting(&self, name: &str) -> Result<Option<String>, StoreError> {
        self.read(|c| Ok(c.query_row("SELECT value FROM settings WHERE name = ?1", [name], |r| r.get(0)).optional()?))
    }
}
