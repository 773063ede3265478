//! Incidents by kind and time: counted over an index that holds all that is asked, never over the incidents themselves.

use super::ReadError;
use crate::graph_rows::{IncidentCounts, KindCounts};
use record::Timestamp;
use record::timestamp::NS_PER_S;
use rusqlite::{Connection, params};
use std::collections::BTreeMap;

/// Buckets of one answer: nine weeks of hours, with room.
const BUCKETS_MAX: i64 = 2_000;

/// What was told in `[from, to)`, in buckets of at least `step_s`.
pub(super) fn counts(
    connection: &Connection,
    from: Timestamp,
    to: Timestamp,
    step_s: u32,
) -> Result<IncidentCounts, ReadError> {
    let span_s = (to.seconds() - from.seconds()).max(1);
    let step_s = i64::from(step_s).max(1).max((span_s + BUCKETS_MAX - 1) / BUCKETS_MAX);
    let start_s = from.seconds().div_euclid(step_s) * step_s;
    let buckets = (to.seconds().max(from.seconds() + 1) - start_s + step_s - 1) / step_s;
    let mut kinds: BTreeMap<String, KindCounts> = BTreeMap::new();
    let mut statement = connection.prepare_cached(
        "SELECT kind, (raised_ns - ?1) / ?2, count(*) FROM incidents INDEXED BY incidents_kind
         WHERE raised_ns >= ?3 AND raised_ns < ?4 AND over_budget = 0 AND part_of IS NULL
           AND id NOT IN (SELECT id FROM incidents INDEXED BY incidents_suppressed WHERE suppressed_by IS NOT NULL)
         GROUP BY 1, 2 ORDER BY 1, 2",
    )?;
    let mut rows = statement.query(params![start_s * NS_PER_S, step_s * NS_PER_S, from.0, to.0])?;
    while let Some(row) = rows.next()? {
        let (kind, bucket, count): (String, i64, i64) = (row.get(0)?, row.get(1)?, row.get(2)?);
        let entry = kinds.entry(kind.clone()).or_insert_with(|| KindCounts { kind, total: 0, counts: Vec::new() });
        entry.total += count as u64;
        entry.counts.push((bucket as u32, count as u64));
    }
    let mut kinds: Vec<KindCounts> = kinds.into_values().collect();
    kinds.sort_by(|a, b| b.total.cmp(&a.total).then_with(|| a.kind.cmp(&b.kind)));
    Ok(IncidentCounts {
        from: Timestamp::from_parts(start_s, 0),
        step_s: step_s as u32,
        buckets: buckets as u32,
        oldest: oldest(connection)?,
        kinds,
    })
}

fn oldest(connection: &Connection) -> rusqlite::Result<Option<Timestamp>> {
    connection
        .prepare_cached("SELECT min(raised_ns) FROM incidents INDEXED BY incidents_raised")?
        .query_row([], |row| Ok(row.get::<_, Option<i64>>(0)?.map(Timestamp)))
}
