//! Series: which resolution serves a question, and its buckets with gaps.

use super::ReadError;
use crate::Query;
use crate::export::SeriesRow;
use crate::read::{SERIES_BUCKETS_AUTO, SERIES_BUCKETS_MAX, SeriesQuery, TimeRange};
use crate::write::series::{HOUR, MINUTE, SECOND};
use record::{SeriesResult, Timestamp};
use rusqlite::types::Value;
use rusqlite::{Connection, OptionalExtension, params, params_from_iter};

/// Steps offered when none is asked for, seconds.
const STEPS_S: [i64; 17] = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1_800, 3_600, 7_200, 21_600, 43_200, 86_400];

/// One result a metric.
pub(super) fn series(connection: &Connection, query: &SeriesQuery) -> Result<Vec<SeriesResult>, ReadError> {
    let from_s = query.from.seconds();
    let span_s = (query.to.seconds() - from_s).max(0) + 1;
    let asked = i64::from(query.step_s);
    let step_s = if asked > 0 { asked.max(span_s / SERIES_BUCKETS_MAX + 1) } else { automatic(span_s) };
    query.metrics.iter().map(|metric| one(connection, metric, from_s, span_s, step_s)).collect()
}

fn automatic(span_s: i64) -> i64 {
    let fits = |step: &i64| span_s <= *step * SERIES_BUCKETS_AUTO;
    // Beyond the largest: whole days.
    STEPS_S.into_iter().find(fits).unwrap_or_else(|| (span_s / SERIES_BUCKETS_AUTO / 86_400 + 1) * 86_400)
}

fn one(connection: &Connection, name: &str, from_s: i64, span_s: i64, step_s: i64) -> Result<SeriesResult, ReadError> {
    let metric: Option<i64> = connection
        .prepare_cached("SELECT id FROM metrics WHERE name = ?1")?
        .query_row([name], |row| row.get(0))
        .optional()?;
    let stored_s = match metric {
        Some(metric) => resolution(connection, metric, from_s, step_s)?,
        None => SECOND,
    };
    // A bucket must hold whole stored ones.
    let step_s = (step_s.max(stored_s) + stored_s - 1) / stored_s * stored_s;
    let start_s = from_s.div_euclid(step_s) * step_s;
    let buckets = ((from_s + span_s - start_s) + step_s - 1) / step_s;
    let mut values = vec![None; buckets.max(1) as usize];
    if let Some(metric) = metric {
        let mut statement = connection.prepare_cached(
            "SELECT (ts_s - ?3) / ?4, sum(total) / sum(seconds) FROM series
             WHERE step_s = ?1 AND metric = ?2 AND ts_s >= ?3 AND ts_s < ?3 + ?4 * ?5 GROUP BY 1",
        )?;
        let mut rows = statement.query(params![stored_s, metric, start_s, step_s, buckets])?;
        while let Some(row) = rows.next()? {
            let (index, value): (i64, f64) = (row.get(0)?, row.get(1)?);
            if let Some(slot) = values.get_mut(index as usize) {
                *slot = Some(value);
            }
        }
    }
    Ok(SeriesResult { metric: name.to_owned(), from: Timestamp::from_parts(start_s, 0), step_s: step_s as u32, values })
}

/// Buckets read at a time.
const STORED_AT_ONCE: usize = 2_000;

/// Metrics that pass, by name.
pub(super) fn metrics(connection: &Connection, filter: &Query) -> rusqlite::Result<Vec<String>> {
    let (mut sql, mut values): (String, Vec<Value>) = ("SELECT name FROM metrics WHERE 1".to_owned(), Vec::new());
    filter.append_sql(&mut sql, &mut values);
    sql.push_str(" ORDER BY name");
    connection.prepare_cached(&sql)?.query_map(params_from_iter(values), |row| row.get(0))?.collect()
}

fn number(connection: &Connection, name: &str) -> rusqlite::Result<i64> {
    connection.prepare_cached("SELECT id FROM metrics WHERE name = ?1")?.query_row([name], |row| row.get(0))
}

/// The finest step in which a metric is kept back to the beginning of the range.
pub(super) fn finest(connection: &Connection, metric: &str, range: TimeRange) -> rusqlite::Result<i64> {
    resolution(connection, number(connection, metric)?, range.from.map_or(i64::MIN, Timestamp::seconds), SECOND)
}

/// Buckets as they are stored, oldest first, from second `from` on.
pub(super) fn stored(
    connection: &Connection,
    metric: &str,
    step_s: i64,
    from: Option<i64>,
    range: TimeRange,
) -> rusqlite::Result<Vec<SeriesRow>> {
    let text = format!(
        "SELECT ts_s, total / seconds, seconds FROM series WHERE step_s = ?1 AND metric = ?2 AND ts_s >= ?3 AND ts_s <= ?4
         ORDER BY ts_s LIMIT {STORED_AT_ONCE}"
    );
    let (from, to) = (from.unwrap_or(i64::MIN), range.to.map_or(i64::MAX, Timestamp::seconds));
    let read = |row: &rusqlite::Row| {
        let timestamp = Timestamp::from_parts(row.get(0)?, 0);
        let (value, watched_s) = (row.get(1)?, row.get(2)?);
        Ok(SeriesRow { timestamp, metric: metric.to_owned(), step_s: step_s as u32, value, watched_s })
    };
    let mut statement = connection.prepare_cached(&text)?;
    statement.query_map(params![step_s, number(connection, metric)?, from, to], read)?.collect()
}

/// The finest stored step that is not coarser than needed and still holds the beginning of the range.
fn resolution(connection: &Connection, metric: i64, from_s: i64, step_s: i64) -> rusqlite::Result<i64> {
    let mut oldest = connection.prepare_cached("SELECT min(ts_s) FROM series WHERE step_s = ?1 AND metric = ?2")?;
    let mut oldest = |step: i64| oldest.query_row([step, metric], |row| row.get::<_, Option<i64>>(0));
    let fitting = if step_s >= HOUR && step_s % HOUR == 0 {
        HOUR
    } else if step_s >= MINUTE && step_s % MINUTE == 0 {
        MINUTE
    } else {
        SECOND
    };
    for (fine, coarse) in [(SECOND, MINUTE), (MINUTE, HOUR)] {
        if fine < fitting {
            continue;
        }
        let Some(first) = oldest(fine)? else { continue };
        // The coarser one reaches further back only when it has a bucket that begins before the finer one's first.
        let further = oldest(coarse)?.is_some_and(|c| c < first.div_euclid(coarse) * coarse);
        if first <= from_s || !further {
            return Ok(fine);
        }
    }
    Ok(HOUR)
}
