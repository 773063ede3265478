//! Series points into their table, and the roll-up 1 s → 1 min → 1 h. A coarse bucket is always computed anew from
//! the finer ones, so that writing a point twice changes nothing; buckets are deleted in whole hours, so that none is
//! ever computed from a part.

use record::SeriesPoint;
use rusqlite::{Connection, OptionalExtension, params};
use std::collections::{BTreeSet, HashMap};

/// Steps kept, seconds.
pub(crate) const SECOND: i64 = 1;
pub(crate) const MINUTE: i64 = 60;
pub(crate) const HOUR: i64 = 3_600;

const PUT: &str = "
INSERT INTO series (step_s, metric, ts_s, total, seconds) VALUES (1, ?1, ?2, ?3, 1)
ON CONFLICT (step_s, metric, ts_s) DO UPDATE SET total = excluded.total";

const ROLL_UP: &str = "
INSERT INTO series (step_s, metric, ts_s, total, seconds)
SELECT ?1, metric, ?3, sum(total), sum(seconds) FROM series
WHERE step_s = ?2 AND metric = ?4 AND ts_s >= ?3 AND ts_s < ?3 + ?1
HAVING count(*) > 0
ON CONFLICT (step_s, metric, ts_s) DO UPDATE SET total = excluded.total, seconds = excluded.seconds";

/// What the roll-up has to remember between transactions.
#[derive(Default)]
pub(crate) struct SeriesState {
    metrics: HashMap<String, i64>,
    /// Minutes (their start) with points newer than their bucket.
    dirty: BTreeSet<i64>,
    /// Newest second written since opening; ages count back from it, so that a replay of old traffic keeps its series.
    pub newest_s: Option<i64>,
    /// Whole hours; points before it are too late to be added.
    pub cutoff_s: Option<i64>,
}

impl SeriesState {
    /// Everything that has one-second points is computed anew once: the last run may have ended in the middle.
    pub(crate) fn open(connection: &Connection) -> rusqlite::Result<Self> {
        let mut state = Self::default();
        let mut minutes = connection.prepare("SELECT DISTINCT ts_s / 60 * 60 FROM series WHERE step_s = 1")?;
        for minute in minutes.query_map([], |row| row.get::<_, i64>(0))? {
            state.dirty.insert(minute?);
        }
        state.load_metrics(connection)?;
        Ok(state)
    }

    /// Reads the metrics' numbers; needed again after a rolled-back transaction, which may have given out some.
    pub(crate) fn load_metrics(&mut self, connection: &Connection) -> rusqlite::Result<()> {
        self.metrics.clear();
        let mut names = connection.prepare("SELECT id, name FROM metrics")?;
        for row in names.query_map([], |row| Ok((row.get(1)?, row.get(0)?)))? {
            let (name, id): (String, i64) = row?;
            self.metrics.insert(name, id);
        }
        Ok(())
    }

    fn metric(&mut self, connection: &Connection, name: &str) -> rusqlite::Result<i64> {
        if let Some(id) = self.metrics.get(name) {
            return Ok(*id);
        }
        let found =
            connection.query_row("SELECT id FROM metrics WHERE name = ?1", [name], |row| row.get(0)).optional()?;
        let id = if let Some(id) = found {
            id
        } else {
            connection.execute("INSERT INTO metrics (name) VALUES (?1)", [name])?;
            connection.last_insert_rowid()
        };
        self.metrics.insert(name.to_owned(), id);
        Ok(id)
    }

    /// Writes points; says how many were too late.
    pub(crate) fn write(&mut self, connection: &Connection, points: &[SeriesPoint]) -> rusqlite::Result<u64> {
        let mut late = 0;
        for point in points {
            let second = point.ts.seconds();
            if self.cutoff_s.is_some_and(|cutoff| second < cutoff) {
                late += 1;
                continue;
            }
            let metric = self.metric(connection, point.metric)?;
            connection.prepare_cached(PUT)?.execute(params![metric, second, point.value])?;
            self.dirty.insert(second.div_euclid(MINUTE) * MINUTE);
            self.newest_s = Some(self.newest_s.map_or(second, |newest| newest.max(second)));
        }
        Ok(late)
    }

    /// Brings the minutes and hours of changed seconds up to date.
    pub(crate) fn roll_up(&mut self, connection: &Connection) -> rusqlite::Result<()> {
        let hours: BTreeSet<i64> = self.dirty.iter().map(|m| m.div_euclid(HOUR) * HOUR).collect();
        let metrics: Vec<i64> = self.metrics.values().copied().collect();
        let mut step = connection.prepare_cached(ROLL_UP)?;
        for (to, from, starts) in [(MINUTE, SECOND, &self.dirty), (HOUR, MINUTE, &hours)] {
            for start in starts {
                for metric in &metrics {
                    step.execute(params![to, from, start, metric])?;
                }
            }
        }
        Ok(())
    }

    /// The buckets written by `roll_up` are committed.
    pub(crate) fn rolled_up(&mut self) {
        self.dirty.clear();
    }
}
