//! What the API asks of a store, whatever the store is made of.

use crate::rows::{AuditEntry, HostCourse, HostProfile, HostRow};
use crate::scan_rows::{AssetDetail, AssetRow, AssetTotals, ScanHostRow};
use crate::{
    FeedbackEvent, FlowDetail, FlowRow, Graph, GraphOf, HostDetail, IncidentCounts, IncidentDetail, Page, Query,
    ScatterResult, StoreError, TopRow,
};
use record::scan::Scan;
use record::{Finding, Incident, IpAddr16, ScanRow, SeriesResult, Timestamp};
use std::path::PathBuf;

/// Most rows of one page.
pub const PAGE_ROWS_MAX: u32 = 500;
/// Most points of one scatter.
pub const SCATTER_POINTS_MAX: u32 = 50_000;
/// Rows are counted exactly up to here.
pub const COUNT_MAX: u64 = 100_000;
/// Most buckets of one series.
pub const SERIES_BUCKETS_MAX: i64 = 10_000;
/// Buckets aimed at when no step is given.
pub const SERIES_BUCKETS_AUTO: i64 = 600;

/// A span of time; open where None. Both ends are inside.
#[derive(Clone, Copy, Debug, Default)]
pub struct TimeRange {
    /// Earliest.
    pub from: Option<Timestamp>,
    /// Latest.
    pub to: Option<Timestamp>,
}

/// One page of a list is asked for.
#[derive(Clone, Debug)]
pub struct ListQuery {
    /// Filter over the list's fields.
    pub filter: Query,
    /// Flows by their end, incidents and hosts when they overlap it.
    pub range: TimeRange,
    /// 1 … `PAGE_ROWS_MAX` (clamped).
    pub limit: u32,
    /// `next_cursor` of the page before.
    pub cursor: Option<String>,
}

/// A series is asked for.
#[derive(Clone, Debug)]
pub struct SeriesQuery {
    /// Metric names.
    pub metrics: Vec<String>,
    /// First moment.
    pub from: Timestamp,
    /// Last moment.
    pub to: Timestamp,
    /// Seconds a bucket; 0: chosen. Raised where only coarser data is kept, or the buckets would be too many.
    pub step_s: u32,
}

/// What to sum up busiest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TopWhat {
    /// Addresses, as source or destination.
    Hosts,
    /// Application protocol, else transport.
    Protocols,
    /// Responder's ports.
    Ports,
}

/// What a list of the inventory begins with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AssetSort {
    /// Those found last.
    #[default]
    LastSeen,
    /// Those that are newest.
    FirstSeen,
    /// Those with most open ports.
    Ports,
    /// Those that are strangest.
    Anomaly,
}

impl AssetSort {
    /// Reads `last_seen`, `first_seen`, `ports`, `anomaly`.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        match name {
            "last_seen" => Some(Self::LastSeen),
            "first_seen" => Some(Self::FirstSeen),
            "ports" => Some(Self::Ports),
            "anomaly" => Some(Self::Anomaly),
            _ => None,
        }
    }
}

/// What a list of hosts begins with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum HostSort {
    /// Those found last.
    #[default]
    FirstSeen,
    /// Those heard of last.
    LastSeen,
    /// Those that moved most bytes.
    Traffic,
    /// Those in most danger.
    Risk,
}

impl HostSort {
    /// Reads `first_seen`, `last_seen`, `traffic`, `risk`.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        match name {
            "first_seen" => Some(Self::FirstSeen),
            "last_seen" => Some(Self::LastSeen),
            "traffic" => Some(Self::Traffic),
            "risk" => Some(Self::Risk),
            _ => None,
        }
    }
}

/// Reading side of a store. All calls block: an async caller uses its blocking threads.
pub trait Read: Send + Sync {
    /// One page of flows, by end then id, newest first.
    fn flows(&self, query: &ListQuery) -> Result<Page<FlowRow>, StoreError>;
    /// One flow whole; None when it is not kept.
    fn flow(&self, flow_id: u64) -> Result<Option<FlowDetail>, StoreError>;
    /// Newest flows as points; `limit` is clamped to `SCATTER_POINTS_MAX`.
    fn scatter(&self, filter: &Query, range: TimeRange, limit: u32) -> Result<ScatterResult, StoreError>;
    /// Busiest first, at most 20, over the newest 200,000 flows in the range.
    fn top(&self, what: TopWhat, range: TimeRange) -> Result<Vec<TopRow>, StoreError>;
    /// Hosts, busiest first, at most `limit`, as `top` finds them.
    fn busiest(&self, range: TimeRange, limit: u32) -> Result<Vec<TopRow>, StoreError>;
    /// Who talks to whom around a host or an incident; None when there is no such incident.
    fn graph(&self, of: &GraphOf) -> Result<Option<Graph>, StoreError>;
    /// Incidents that were told in `[from, to)`, by kind and buckets of at least `step_s`.
    fn incident_counts(&self, from: Timestamp, to: Timestamp, step_s: u32) -> Result<IncidentCounts, StoreError>;
    /// One page of incidents, by the time they were raised then id, newest first.
    fn incidents(&self, query: &ListQuery) -> Result<Page<Incident>, StoreError>;
    /// One incident and what surrounds it.
    fn incident(&self, id: &str) -> Result<Option<IncidentDetail>, StoreError>;
    /// One page of hosts, by what `sort` says then address, largest first. What they are sorted by may change between two pages.
    fn hosts(&self, query: &ListQuery, sort: HostSort) -> Result<Page<HostRow>, StoreError>;
    /// One host and what surrounds it.
    fn host(&self, ip: IpAddr16) -> Result<Option<HostDetail>, StoreError>;
    /// What a home host did over time; empty for others.
    fn host_course(&self, ip: IpAddr16) -> Result<HostCourse, StoreError>;
    /// Everything that people said of hosts.
    fn profiles(&self) -> Result<Vec<HostProfile>, StoreError>;
    /// What people changed, newest first, at most `limit`.
    fn audit(&self, limit: u32) -> Result<Vec<AuditEntry>, StoreError>;
    /// Numbers over time, one result a metric asked for, in order; buckets without data are None.
    fn series(&self, query: &SeriesQuery) -> Result<Vec<SeriesResult>, StoreError>;
    /// The capture kept for an incident; None when there is none.
    fn evidence(&self, incident: &str) -> Result<Option<PathBuf>, StoreError>;
    /// A value of `settings`.
    fn setting(&self, name: &str) -> Result<Option<String>, StoreError>;
    /// Scans, newest first.
    fn scans(&self, query: &ListQuery) -> Result<Page<ScanRow>, StoreError>;
    /// One scan.
    fn scan(&self, id: &str) -> Result<Option<ScanRow>, StoreError>;
    /// What a scan found; None when it found nothing or is not kept.
    fn scan_body(&self, id: &str) -> Result<Option<Scan>, StoreError>;
    /// The hosts of a scan in its order; `cursor` is the number of the last of the page before.
    fn scan_hosts(&self, id: &str, limit: u32, cursor: Option<&str>) -> Result<Page<ScanHostRow>, StoreError>;
    /// What was strange in a scan, strangest first.
    fn findings(&self, scan: &str) -> Result<Vec<Finding>, StoreError>;
    /// Hosts of the inventory, the largest first by `sort`.
    fn assets(&self, query: &ListQuery, sort: AssetSort) -> Result<Page<AssetRow>, StoreError>;
    /// One host of the inventory, by key or address; None when no scan found it.
    fn asset(&self, key: &str) -> Result<Option<AssetDetail>, StoreError>;
    /// The host of the inventory that has an address.
    fn asset_at(&self, ip: IpAddr16) -> Result<Option<AssetRow>, StoreError>;
    /// Sums over the inventory.
    fn asset_totals(&self) -> Result<AssetTotals, StoreError>;
    /// Everything that people said of incidents, oldest first.
    fn feedback(&self) -> Result<Vec<FeedbackEvent>, StoreError>;
}
