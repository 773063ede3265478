//! Who and what is busiest, summed over the newest flows of a range.

use super::ReadError;
use crate::TopRow;
use crate::flow_blob::address;
use crate::read::{TimeRange, TopWhat};
use rusqlite::Connection;
use rusqlite::types::ValueRef;

/// Most flows summed: bounds the cost; a longer range shows its newest part.
const FLOWS_MAX: u32 = 200_000;
const ROWS_MAX: u32 = 20;

/// Busiest first.
pub(super) fn top(connection: &Connection, what: TopWhat, range: TimeRange) -> Result<Vec<TopRow>, ReadError> {
    let newest = format!(
        "SELECT src, dest, dest_port, proto, app_proto, bytes_toserver + bytes_toclient AS bytes, \
         pkts_toserver + pkts_toclient AS packets FROM flows WHERE end_ns BETWEEN ?1 AND ?2 \
         ORDER BY end_ns DESC LIMIT {FLOWS_MAX}"
    );
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
         FROM {source} GROUP BY 1 ORDER BY total DESC, 1 LIMIT {ROWS_MAX}"
    );
    let from = range.from.map_or(i64::MIN, |t| t.0);
    let to = range.to.map_or(i64::MAX, |t| t.0);
    let mut statement = connection.prepare_cached(&text)?;
    let rows = statement.query_map([from, to], |row| {
        let name = match row.get_ref(0)? {
            ValueRef::Blob(blob) => address(blob).to_string(),
            ValueRef::Text(text) => String::from_utf8_lossy(text).into_owned(),
            _ => String::new(),
        };
        let number = |index| row.get::<_, i64>(index).map(|n| n as u64);
        Ok(TopRow { name, bytes: number(1)?, packets: number(2)?, flows: number(3)? })
    })?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}
