//! The store's settings: every bound on disk, memory and time, with its unit.

use crate::StoreError;
use serde::{Deserialize, Serialize};

/// Smallest `max_bytes`: below it the write-ahead log alone would not fit.
pub const MAX_BYTES_MIN: u64 = 16 << 20;

/// Bytes of a page of the database.
const PAGE_BYTES: u64 = 4096;

/// Settings of the embedded store, section `[store]`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct StoreConfig {
    /// Most bytes of database and write-ahead log together; the oldest flows go first. At least 16 MiB.
    pub max_bytes: u64,
    /// Flows are kept this long after they were stored, hours.
    pub flows_age_h: u64,
    /// Incidents are kept this long after their last evidence, days.
    pub incidents_age_days: u64,
    /// Most incidents; those raised longest ago go first.
    pub incidents_max: u64,
    /// Hosts are kept this long after they were last seen, days.
    pub hosts_age_days: u64,
    /// Most hosts; those unseen for longest go first.
    pub hosts_max: u64,
    /// Scans are kept this long after they began, days; the inventory keeps what they found.
    pub scans_age_days: u64,
    /// Most scans; the oldest go first.
    pub scans_max: u64,
    /// Most bytes of what scans found, compressed; the oldest scans go first, the newest stays.
    pub scans_max_bytes: u64,
    /// Hosts of the inventory are kept this long after a scan last found them, days.
    pub assets_age_days: u64,
    /// Most hosts of the inventory; those unseen for longest go first.
    pub assets_max: u64,
    /// Most changes of hosts of the inventory; the oldest go first.
    pub asset_events_max: u64,
    /// One-second series are kept this long, hours (1 to 48).
    pub series_second_age_h: u64,
    /// One-minute series are kept this long, days.
    pub series_minute_age_days: u64,
    /// One-hour series are kept this long, days.
    pub series_hour_age_days: u64,
    /// Most bytes of evidence captures; the oldest go first.
    pub evidence_max_bytes: u64,
    /// Most bytes of one evidence capture.
    pub evidence_file_max_bytes: u64,
    /// Most flows and verdicts waiting for the writer; more are dropped and counted as `store_queue_full`. An eighth of the room is kept
    /// for anomalous flows.
    pub queue_flows_max: usize,
    /// Most incidents, hosts and series points waiting; the caller waits when it is reached, nothing is dropped.
    pub queue_other_max: usize,
    /// Longest time between a write and its commit, milliseconds.
    pub batch_ms: u64,
    /// Connections for reading.
    pub read_connections: usize,
    /// A read that takes longer is ended, milliseconds.
    pub read_timeout_ms: u64,
    /// How long to wait for a lock of the database, milliseconds.
    pub busy_timeout_ms: u64,
}

impl Default for StoreConfig {
    fn default() -> Self {
        Self {
            max_bytes: 4 << 30,
            flows_age_h: 14 * 24,
            incidents_age_days: 365,
            incidents_max: 100_000,
            hosts_age_days: 365,
            hosts_max: 200_000,
            scans_age_days: 365,
            scans_max: 1_000,
            scans_max_bytes: 256 << 20,
            assets_age_days: 365,
            assets_max: 65_536,
            asset_events_max: 200_000,
            series_second_age_h: 2,
            series_minute_age_days: 14,
            series_hour_age_days: 730,
            evidence_max_bytes: 1 << 30,
            evidence_file_max_bytes: 64 << 20,
            queue_flows_max: 200_000,
            queue_other_max: 20_000,
            batch_ms: 250,
            read_connections: 4,
            read_timeout_ms: 10_000,
            busy_timeout_ms: 5_000,
        }
    }
}

impl StoreConfig {
    /// Refuses bounds that cannot hold.
    ///
    /// # Errors
    /// `StoreError::Config` naming the setting.
    pub fn check(&self) -> Result<(), StoreError> {
        let bad = |name, value, wanted| Err(StoreError::Config { name, value, wanted });
        if self.max_bytes < MAX_BYTES_MIN {
            return bad("max_bytes", self.max_bytes, "at least 16777216 (16 MiB)");
        }
        if !(1..=48).contains(&self.series_second_age_h) {
            return bad("series_second_age_h", self.series_second_age_h, "from 1 to 48");
        }
        if self.queue_flows_max == 0 {
            return bad("queue_flows_max", 0, "at least 1");
        }
        if self.queue_other_max == 0 {
            return bad("queue_other_max", 0, "at least 1");
        }
        if self.read_connections == 0 {
            return bad("read_connections", 0, "at least 1");
        }
        if self.batch_ms > 10_000 {
            return bad("batch_ms", self.batch_ms, "at most 10000");
        }
        Ok(())
    }

    /// Share of `max_bytes` left for the write-ahead log.
    pub(crate) fn wal_reserve(&self) -> u64 {
        (self.max_bytes / 3).min(192 << 20)
    }

    /// Most flows of one transaction, so that what it writes to the log stays below half the reserve. In the worst case a flow touches
    /// about five pages: its own and one of each index. A large transaction touches no more pages of the indexes than two segments
    /// have (`schema`: 2 segments, 4 indexes, 900 pages), and each is then written once and not at every few thousand flows.
    pub(crate) fn flows_per_transaction(&self) -> usize {
        let pages = (self.wal_reserve() / 2 / PAGE_BYTES) as usize;
        (pages / 5).max(pages.saturating_sub(7_200)).clamp(64, 16_384)
    }
}
