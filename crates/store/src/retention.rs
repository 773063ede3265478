//! The bounds on disk: by age and by size. Works inside the writer's thread, in small transactions, so that reads and
//! writes go on. Owns what goes first: the flows stored longest ago.

use crate::StoreConfig;
use crate::write::series::{HOUR, MINUTE, SECOND, SeriesState};
use crate::write::{busy, host_series, scans};
use crate::writer::Deleted;
use rusqlite::{Connection, params};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

/// A mark of the newest row is set this often; ages of flows are exact to it.
const MARK_EVERY_S: i64 = 600;
/// Ages are looked at this often.
const AGES_EVERY_S: i64 = 60;
/// Incidents deleted at a time when they alone are over the bound.
const INCIDENTS_AT_ONCE: i64 = 100;
/// Longest wait of the writer for reads that are in the way of moving the log.
const CHECKPOINT_WAIT: Duration = Duration::from_millis(20);
/// Sums of the busiest are cut when the newest are this much newer, seconds.
const BUSY_OPEN_S: i64 = 2 * busy::STEP_S;
const S_PER_DAY: i64 = 86_400;
const NS_PER_S: i64 = 1_000_000_000;
/// Share of the bound at which deleting begins and ends, per cent.
const HIGH_PERCENT: u64 = 97;
const LOW_PERCENT: u64 = 93;

pub(crate) struct Retention {
    config: StoreConfig,
    database: PathBuf,
    wal: PathBuf,
    next_ages_s: i64,
    next_mark_s: i64,
    /// Buckets of `busy` before it are cut.
    busy_cut_s: i64,
    /// The last row of flows that age may delete.
    held: Arc<AtomicI64>,
}

impl Retention {
    pub(crate) fn new(config: StoreConfig, database: &Path, held: Arc<AtomicI64>) -> Self {
        let mut wal = database.as_os_str().to_owned();
        wal.push("-wal");
        Self {
            config,
            database: database.to_path_buf(),
            wal: wal.into(),
            next_ages_s: 0,
            next_mark_s: 0,
            busy_cut_s: i64::MIN,
            held,
        }
    }

    /// Other bounds; ages are looked at with them at once.
    pub(crate) fn set_bounds(&mut self, config: StoreConfig) {
        self.config = config;
        self.next_ages_s = 0;
    }

    /// Bytes of the database file and of the write-ahead log.
    pub(crate) fn file_bytes(&self) -> (u64, u64) {
        let bytes = |path: &Path| std::fs::metadata(path).map_or(0, |m| m.len());
        (bytes(&self.database), bytes(&self.wal))
    }

    /// Keeps every bound. `now_s` is wall time.
    pub(crate) fn run(
        &mut self,
        connection: &Connection,
        series: &mut SeriesState,
        now_s: i64,
        deleted: &mut Deleted,
    ) -> rusqlite::Result<()> {
        if now_s >= self.next_mark_s {
            self.next_mark_s = now_s + MARK_EVERY_S;
            connection.execute(
                "INSERT OR IGNORE INTO flow_marks SELECT ?1, max(row) FROM flows HAVING max(row) IS NOT NULL",
                [now_s],
            )?;
        }
        if now_s >= self.next_ages_s {
            self.next_ages_s = now_s + AGES_EVERY_S;
            self.age_flows(connection, now_s, deleted)?;
            self.age_incidents(connection, deleted)?;
            self.age_hosts(connection, deleted)?;
            scans::forget(connection, &self.config, deleted)?;
            host_series::forget(connection)?;
            self.age_series(connection, series)?;
            let newest_s = busy::newest_s(connection)?;
            busy::forget(connection, newest_s.unwrap_or(0) - (self.config.flows_age_h as i64).saturating_mul(HOUR))?;
        }
        self.cut_busy(connection)?;
        self.bound_size(connection, deleted)
    }

    /// The newest flow stays, so that a row number is never given twice: who archives goes by them.
    fn age_flows(&self, connection: &Connection, now_s: i64, deleted: &mut Deleted) -> rusqlite::Result<()> {
        let before_s = now_s - (self.config.flows_age_h as i64).saturating_mul(HOUR);
        let last: Option<i64> =
            connection
                .query_row("SELECT max(last_row) FROM flow_marks WHERE wall_s <= ?1", [before_s], |r| r.get(0))?;
        let Some(last) = last.map(|last| last.min(self.held.load(Ordering::Relaxed))) else { return Ok(()) };
        loop {
            let chunk = self.config.flows_per_transaction() as i64;
            let gone = connection
                .prepare_cached(
                    "DELETE FROM flows WHERE row IN
                     (SELECT row FROM flows WHERE row <= ?1 AND row < (SELECT max(row) FROM flows) ORDER BY row LIMIT ?2)",
                )?
                .execute([last, chunk])?;
            deleted.add("flows_age", gone as u64);
            if gone == 0 {
                break;
            }
            self.bound_wal(connection)?;
        }
        // Marks of what is held stay, so that it goes when it is let go.
        connection.execute("DELETE FROM flow_marks WHERE wall_s <= ?1 AND last_row <= ?2", [before_s, last])?;
        Self::forget_segments(connection)
    }

    /// Incidents age by the newest evidence of any incident, so that replays of old traffic keep theirs.
    fn age_incidents(&self, connection: &Connection, deleted: &mut Deleted) -> rusqlite::Result<()> {
        let age_ns = (self.config.incidents_age_days as i64).saturating_mul(S_PER_DAY).saturating_mul(NS_PER_S);
        let newest: Option<i64> = connection.query_row("SELECT max(last_ns) FROM incidents", [], |r| r.get(0))?;
        let Some(before) = newest.map(|n| n.saturating_sub(age_ns)) else { return Ok(()) };
        let old = "SELECT id FROM incidents WHERE last_ns < ?1";
        deleted.add("incidents_age", delete_incidents(connection, old, before)?);
        let excess = "SELECT id FROM incidents ORDER BY raised_ns, id
            LIMIT max(0, (SELECT count(*) FROM incidents) - ?1)";
        deleted.add("incidents_max", delete_incidents(connection, excess, self.config.incidents_max as i64)?);
        Ok(())
    }

    fn age_hosts(&self, connection: &Connection, deleted: &mut Deleted) -> rusqlite::Result<()> {
        let age_ns = (self.config.hosts_age_days as i64).saturating_mul(S_PER_DAY).saturating_mul(NS_PER_S);
        let newest: Option<i64> = connection.query_row("SELECT max(last_ns) FROM hosts", [], |r| r.get(0))?;
        let Some(before) = newest.map(|n| n.saturating_sub(age_ns)) else { return Ok(()) };
        let gone = connection.execute("DELETE FROM hosts WHERE last_ns < ?1", [before])?;
        deleted.add("hosts_age", gone as u64);
        let gone = connection.execute(
            "DELETE FROM hosts WHERE ip IN (SELECT ip FROM hosts ORDER BY last_ns
             LIMIT max(0, (SELECT count(*) FROM hosts) - ?1))",
            [self.config.hosts_max as i64],
        )?;
        deleted.add("hosts_max", gone as u64);
        Ok(())
    }

    /// Buckets of the busiest that are over are cut to the busiest.
    fn cut_busy(&mut self, connection: &Connection) -> rusqlite::Result<()> {
        let Some(newest_s) = busy::newest_s(connection)? else { return Ok(()) };
        // Flows end before they are reported: the last buckets still grow.
        let over_s = newest_s - BUSY_OPEN_S;
        if over_s <= self.busy_cut_s {
            return Ok(());
        }
        let from_s = self.busy_cut_s.saturating_sub(BUSY_OPEN_S);
        self.busy_cut_s = over_s;
        busy::prune(connection, from_s, over_s)
    }

    /// Whole hours only: a coarse bucket must never be computed anew from a part of its finer ones.
    fn age_series(&self, connection: &Connection, series: &mut SeriesState) -> rusqlite::Result<()> {
        let Some(newest_s) = series.newest_s else { return Ok(()) };
        let ages = [
            (SECOND, (self.config.series_second_age_h as i64) * HOUR),
            (MINUTE, (self.config.series_minute_age_days as i64).saturating_mul(S_PER_DAY)),
            (HOUR, (self.config.series_hour_age_days as i64).saturating_mul(S_PER_DAY)),
        ];
        for (step_s, age_s) in ages {
            let before_s = newest_s.saturating_sub(age_s).div_euclid(HOUR) * HOUR;
            if step_s == SECOND {
                series.cutoff_s = Some(before_s);
            }
            connection
                .prepare_cached(
                    "DELETE FROM series WHERE step_s = ?1 AND metric IN (SELECT id FROM metrics) AND ts_s < ?2",
                )?
                .execute(params![step_s, before_s])?;
        }
        Ok(())
    }

    /// Segments without rows are gone with them.
    fn forget_segments(connection: &Connection) -> rusqlite::Result<()> {
        connection
            .execute("DELETE FROM flow_segments WHERE segment < (SELECT min(row) FROM flows) >> 15", [])
            .map(|_| ())
    }

    /// Deletes the oldest flows while the database holds too much, then gives free pages back to the disk.
    pub(crate) fn bound_size(&self, connection: &Connection, deleted: &mut Deleted) -> rusqlite::Result<()> {
        self.bound_wal(connection)?;
        let pragma = |name: &str| connection.query_row(&format!("PRAGMA {name}"), [], |r| r.get::<_, i64>(0));
        let page_bytes = pragma("page_size")? as u64;
        let bound = self.config.max_bytes - self.config.wal_reserve();
        let used = |free: i64, pages: i64| (pages - free).max(0) as u64 * page_bytes;
        if used(pragma("freelist_count")?, pragma("page_count")?) > bound * HIGH_PERCENT / 100 {
            while used(pragma("freelist_count")?, pragma("page_count")?) > bound * LOW_PERCENT / 100 {
                let chunk = self.config.flows_per_transaction() as i64;
                let gone = connection
                    .prepare_cached(
                        "DELETE FROM flows WHERE row IN
                         (SELECT row FROM flows WHERE row < (SELECT max(row) FROM flows) ORDER BY row LIMIT ?1)",
                    )?
                    .execute([chunk])?;
                deleted.add("flows_size", gone as u64);
                self.bound_wal(connection)?;
                if gone == 0 {
                    // Only when no flow is left do incidents go.
                    let oldest = "SELECT id FROM incidents ORDER BY raised_ns, id LIMIT ?1";
                    let gone = delete_incidents(connection, oldest, INCIDENTS_AT_ONCE)?;
                    deleted.add("incidents_size", gone);
                    if gone == 0 {
                        break;
                    }
                }
            }
            Self::forget_segments(connection)?;
        }
        // Free pages are reused by what comes next; only a file above its bound (which was lowered, say) has to shrink.
        let over = (pragma("page_count")? as u64 * page_bytes).saturating_sub(bound);
        if over > 0 && pragma("freelist_count")? > 0 {
            // A few thousand pages at a time: each moved page is written to the log.
            let pages = (over / page_bytes + 1).min(self.config.wal_reserve() / 4 / page_bytes);
            // The pragma gives one row a page, and does the work only as the rows are taken.
            let mut vacuum = connection.prepare(&format!("PRAGMA incremental_vacuum({pages})"))?;
            let mut freed = vacuum.query([])?;
            while freed.next()?.is_some() {}
            drop(freed);
            drop(vacuum);
            // The file shrinks when the log is moved into it.
            self.checkpoint(connection)?;
        }
        Ok(())
    }

    /// Moves the log into the database before it outgrows its share; a reader in the way makes it wait for the next time.
    fn bound_wal(&self, connection: &Connection) -> rusqlite::Result<()> {
        if self.file_bytes().1 > self.config.wal_reserve() / 2 {
            self.checkpoint(connection)?;
        }
        Ok(())
    }

    /// A read that is still under way keeps the log; the writer must not wait long for it, or flows would be lost.
    fn checkpoint(&self, connection: &Connection) -> rusqlite::Result<()> {
        connection.busy_timeout(CHECKPOINT_WAIT)?;
        let result = connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()));
        connection.busy_timeout(Duration::from_millis(self.config.busy_timeout_ms))?;
        result
    }
}

/// Deletes the incidents that `ids` (a query with one parameter) names, with what belongs to them.
fn delete_incidents(connection: &Connection, ids: &str, parameter: i64) -> rusqlite::Result<u64> {
    connection.execute(&format!("DELETE FROM incident_ips WHERE incident IN ({ids})"), [parameter])?;
    connection.execute(&format!("DELETE FROM incident_tags WHERE incident IN ({ids})"), [parameter])?;
    connection.execute(&format!("DELETE FROM incident_flows WHERE incident IN ({ids})"), [parameter])?;
    Ok(connection.execute(&format!("DELETE FROM incidents WHERE id IN ({ids})"), [parameter])? as u64)
}
