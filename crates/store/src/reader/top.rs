//! Who and what is busiest, summed over the newest flows of a range.

use super::ReadError;
use crate::TopRow;
use crate::flow_blob::address;
use crate::read::{TimeRange, TopWhat};
use crate::write::busy;
use record::Timestamp;
use rusqlite::types::ValueRef;
use rusqlite::{Connection, Row, params};

/// Ranges of at most so many flows are summed from the flows themselves; others from the sums by five minutes.
const FLOWS_MAX: i64 = 10_000;
/// Rows of `/top`.
pub(super) const ROWS_MAX: u32 = 20;

/// Busiest first.
pub(super) fn top(
    connection: &Connection,
    what: TopWhat,
    range: TimeRange,
    limit: u32,
) -> Result<Vec<TopRow>, ReadError> {
    let ends = (range.from.map_or(i64::MIN, |t| t.0), range.to.map_or(i64::MAX, |t| t.0));
    let flows: i64 = connection
        .prepare_cached("SELECT count(*) FROM (SELECT 1 FROM flows WHERE end_ns BETWEEN ?1 AND ?2 LIMIT ?3)")?
        .query_row(params![ends.0, ends.1, FLOWS_MAX + 1], |row| row.get(0))?;
    if flows > FLOWS_MAX { of_sums(connection, what, range, limit) } else { of_flows(connection, what, ends, limit) }
}

/// Whole five minutes, all that the range touches.
fn of_sums(connection: &Connection, what: TopWhat, range: TimeRange, limit: u32) -> Result<Vec<TopRow>, ReadError> {
    let kind = match what {
        TopWhat::Hosts => busy::HOSTS,
        TopWhat::Protocols => busy::PROTOCOLS,
        TopWhat::Ports => busy::PORTS,
    };
    let from_s = range.from.map_or(i64::MIN, |t| t.seconds().saturating_sub(busy::STEP_S - 1));
    let to_s = range.to.map_or(i64::MAX, Timestamp::seconds);
    let mut statement = connection.prepare_cached(
        "SELECT name, sum(bytes) AS total, sum(packets), sum(flows) FROM busy
         WHERE what = ?1 AND start_s BETWEEN ?2 AND ?3 GROUP BY name ORDER BY total DESC, name LIMIT ?4",
    )?;
    let rows = statement.query_map(params![kind, from_s, to_s, limit], |row| {
        let name = row.get_ref(0)?.as_blob().unwrap_or_default();
        let name =
            if kind == busy::HOSTS { address(name).to_string() } else { String::from_utf8_lossy(name).into_owned() };
        sums(row, name)
    })?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

fn sums(row: &Row, name: String) -> rusqlite::Result<TopRow> {
    let number = |index| row.get::<_, i64>(index).map(|n| n as u64);
    Ok(TopRow { name, bytes: number(1)?, packets: number(2)?, flows: number(3)? })
}

fn of_flows(connection: &Connection, what: TopWhat, ends: (i64, i64), limit: u32) -> Result<Vec<TopRow>, ReadError> {
    let newest = "SELECT src, dest, dest_port, proto, app_proto, bytes_toserver + bytes_toclient AS bytes, \
         pkts_toserver + pkts_toclient AS packets FROM flows WHERE end_ns BETWEEN ?1 AND ?2";
    let (name, source) = match what {
        TopWhat::Hosts => (
            "host",
            "(SELECT src AS host, bytes, packets FROM newest UNION ALL SELECT dest, bytes, packets FROM newest WHERE dest <> src)",
        ),
        TopWhat::Protocols => ("CASE WHEN app_proto = 'unknown' THEN proto ELSE app_proto END", "newest"),
        TopWhat::Ports => ("dest_port || '/' || lower(proto)", "(SELECT * FROM newest WHERE dest_port > 0)"),
    };
    let text = format!(
        "WITH newest AS MATERIALIZED ({newest}) SELECT {name} AS name, sum(bytes) AS total, sum(packets), count(*) \
         FROM {source} GROUP BY 1 ORDER BY total DESC, 1 LIMIT {limit}"
    );
    let mut statement = connection.prepare_cached(&text)?;
    let rows = statement.query_map([ends.0, ends.1], |row| {
        let name = match row.get_ref(0)? {
            ValueRef::Blob(blob) => address(blob).to_string(),
            ValueRef::Text(text) => String::from_utf8_lossy(text).into_owned(),
            _ => String::new(),
        };
        sums(row, name)
    })?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}
