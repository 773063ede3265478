//! Flows: list, detail, scatter, whole records.

use super::ReadError;
use super::page::{List, RawPage, count, newest, rows, segments};
use crate::flow_blob::{FlowColumns, address, unpack_record, unpack_verdict};
use crate::read::{ListQuery, SCATTER_POINTS_MAX, TimeRange};
use crate::rows::ScatterPoint;
use crate::schema::SEGMENT;
use crate::{FlowDetail, FlowRow, Page, Query, ScatterResult};
use record::{Endpoint, FlowRecord, IpAddr16, Process, Timestamp};
use rusqlite::{Connection, OptionalExtension, Row, params};
use std::sync::Arc;

const COLUMNS: &str = "flow_id, start_ns, end_ns, src, src_port, dest, dest_port, proto, app_proto, state, history, \
    reason, pkts_toserver, pkts_toclient, bytes_toserver, bytes_toclient, community_id, in_iface, vlan, tunnel, \
    host_name, score, p_value, anomalous, process, process_id";

static LIST: List =
    List { table: "flows", columns: COLUMNS, time: "end_ns", tie: "flow_id", ends: "end_ns", begins: "end_ns" };

/// How flows are listed.
pub(super) fn list() -> &'static List {
    &LIST
}

fn address_at(row: &Row, index: usize) -> rusqlite::Result<IpAddr16> {
    Ok(address(row.get_ref(index)?.as_blob().unwrap_or_default()))
}

fn flow_row(row: &Row) -> rusqlite::Result<FlowRow> {
    let (start, end) = (Timestamp(row.get(1)?), Timestamp(row.get(2)?));
    let count = |index: usize| row.get::<_, i64>(index).map(|n| n as u64);
    Ok(FlowRow {
        flow_id: count(0)?,
        start,
        end,
        duration_ms: end.since(start).max(0) as f64 / 1e6,
        src_ip: address_at(row, 3)?,
        src_port: row.get(4)?,
        dest_ip: address_at(row, 5)?,
        dest_port: row.get(6)?,
        proto: row.get(7)?,
        app_proto: row.get(8)?,
        state: row.get(9)?,
        history: row.get(10)?,
        reason: row.get(11)?,
        pkts_toserver: count(12)?,
        pkts_toclient: count(13)?,
        bytes_toserver: count(14)?,
        bytes_toclient: count(15)?,
        community_id: row.get(16)?,
        in_iface: row.get(17)?,
        vlan: row.get(18)?,
        tunnel: row.get(19)?,
        host_name: row.get(20)?,
        score: row.get(21)?,
        p_value: row.get(22)?,
        anomalous: row.get(23)?,
        process: row.get(24)?,
        process_id: row.get(25)?,
        src_country: String::new(),
        dest_country: String::new(),
    })
}

fn key(flow: &FlowRow) -> String {
    format!("{}_{}", flow.end.0, flow.flow_id)
}

fn order(flow: &FlowRow) -> (i64, u64) {
    (flow.end.0, flow.flow_id)
}

/// One page.
pub(super) fn page(connection: &Connection, query: &ListQuery) -> Result<Page<FlowRow>, ReadError> {
    let raw = rows(connection, &LIST, query, flow_row, key, order)?;
    let (total, total_exact) = count(connection, &LIST, query)?;
    Ok(Page { items: raw.items, total, total_exact, next_cursor: raw.next_cursor })
}

/// The whole record of a row and its blob; a blob that cannot be read (a later version wrote it) leaves the row's counts.
pub(crate) fn whole(flow: &FlowRow, blob: &[u8]) -> FlowRecord {
    let columns = FlowColumns {
        flow_id: flow.flow_id,
        start: flow.start,
        end: flow.end,
        src: Endpoint { addr: flow.src_ip, port: flow.src_port },
        dest: Endpoint { addr: flow.dest_ip, port: flow.dest_port },
        vlan: flow.vlan,
        app_proto: flow.app_proto.clone(),
        state: flow.state.clone(),
        reason: flow.reason.clone(),
        tunnel: flow.tunnel.clone(),
        history: flow.history.clone(),
    };
    let mut record = unpack_record(&columns, blob).unwrap_or_else(|| {
        let mut record =
            FlowRecord { flow_id: flow.flow_id, start: flow.start, end: flow.end, ..FlowRecord::default() };
        (record.key, record.originator_low) = record::FlowKey::new(columns.src, columns.dest, 0);
        (record.forward.packets, record.backward.packets) = (flow.pkts_toserver, flow.pkts_toclient);
        (record.forward.bytes, record.backward.bytes) = (flow.bytes_toserver, flow.bytes_toclient);
        record
    });
    record.process =
        flow.process_id.map(|pid| Arc::new(Process { pid, name: flow.process.clone(), exe: String::new() }));
    record
}

/// Whole records of one page, and the next cursor.
pub(super) fn records(connection: &Connection, query: &ListQuery) -> Result<RawPage<(FlowRecord, FlowRow)>, ReadError> {
    static WITH_BLOB: List = List {
        columns: "flow_id, start_ns, end_ns, src, src_port, dest, dest_port, proto, app_proto, state, history, \
            reason, pkts_toserver, pkts_toclient, bytes_toserver, bytes_toclient, community_id, in_iface, vlan, tunnel, \
            host_name, score, p_value, anomalous, process, process_id, record",
        ..LIST
    };
    let read = |row: &Row| {
        let flow = flow_row(row)?;
        let record = whole(&flow, row.get_ref(26)?.as_blob().unwrap_or_default());
        Ok((record, flow))
    };
    rows(connection, &WITH_BLOB, query, read, |(_, flow)| key(flow), |(_, flow)| order(flow))
}

/// The flows of these rows in this order, with their blobs; rows that are gone are left out.
#[cfg(feature = "archive")]
pub(super) fn numbered(
    connection: &Connection,
    numbers: &[i64],
) -> rusqlite::Result<Vec<super::archive::NumberedFlow>> {
    let mut found = Vec::with_capacity(numbers.len());
    let mut statement =
        connection.prepare_cached(&format!("SELECT {COLUMNS}, record, verdict FROM flows WHERE row = ?1"))?;
    for number in numbers {
        let read = |row: &Row| {
            let flow = flow_row(row)?;
            let blob = row.get_ref(26)?.as_blob().unwrap_or_default().to_vec();
            let verdict = row.get::<_, Option<Vec<u8>>>(27)?.unwrap_or_default();
            let record = whole(&flow, &blob);
            Ok(super::archive::NumberedFlow { number: *number, row: flow, record, blob, verdict })
        };
        found.extend(statement.query_row([number], read).optional()?);
    }
    Ok(found)
}

/// One flow.
pub(super) fn detail(connection: &Connection, flow_id: u64) -> Result<Option<FlowDetail>, ReadError> {
    let Ok(id) = i64::try_from(flow_id) else { return Ok(None) };
    let text = format!(
        "SELECT {COLUMNS}, record, verdict FROM flows INDEXED BY flows_id WHERE {SEGMENT} = ?1 AND flow_id = ?2"
    );
    let mut statement = connection.prepare_cached(&text)?;
    let mut found = None;
    for segment in segments(connection, TimeRange::default())? {
        let read = |row: &Row| Ok((flow_row(row)?, row.get::<_, Vec<u8>>(26)?, row.get::<_, Option<Vec<u8>>>(27)?));
        found = statement.query_row([segment.number, id], read).optional()?;
        if found.is_some() {
            break;
        }
    }
    let Some((flow, blob, verdict)) = found else { return Ok(None) };
    let (members, why) = verdict.and_then(|blob| unpack_verdict(&blob)).unwrap_or_default();
    let mut statement = connection.prepare_cached("SELECT incident FROM incident_flows WHERE flow_id = ?1 LIMIT 50")?;
    let incidents = statement.query_map([id], |row| row.get(0))?.collect::<rusqlite::Result<_>>()?;
    Ok(Some(FlowDetail { record: whole(&flow, &blob), flow, members, why, incidents }))
}

/// The newest flows as points.
pub(super) fn scatter(
    connection: &Connection,
    filter: &Query,
    range: TimeRange,
    limit: u32,
) -> Result<ScatterResult, ReadError> {
    static POINTS: List =
        List { columns: "flow_id, end_ns, start_ns, bytes_toserver + bytes_toclient, score, anomalous", ..LIST };
    let query = ListQuery { filter: filter.clone(), range, limit: 1, cursor: None };
    let read = |row: &Row| {
        let (end, start): (i64, i64) = (row.get(1)?, row.get(2)?);
        let duration_ms = end.saturating_sub(start).max(0) as f64 / 1e6;
        let (id, bytes): (i64, i64) = (row.get(0)?, row.get(3)?);
        let point =
            ScatterPoint(id as u64, end.div_euclid(1_000_000), duration_ms, bytes as u64, row.get(4)?, row.get(5)?);
        Ok((end, point))
    };
    let limit = limit.clamp(1, SCATTER_POINTS_MAX) as usize;
    let found = newest(connection, &POINTS, &query, limit, read, |(end, point)| (*end, point.0))?;
    let points = found.into_iter().map(|(_, point)| point).collect();
    Ok(ScatterResult { points, total: count(connection, &LIST, &query)?.0 })
}

/// The newest flows of one address.
pub(super) fn of_host(connection: &Connection, ip: IpAddr16, limit: usize) -> Result<Vec<FlowRow>, ReadError> {
    let filter =
        Query::parse(&format!("ip:{ip}"), crate::query::FLOW_FIELDS).unwrap_or(Query::all(crate::query::FLOW_FIELDS));
    let query = ListQuery { filter, range: TimeRange::default(), limit: 1, cursor: None };
    newest(connection, &LIST, &query, limit, flow_row, order)
}

/// The flows of an incident that are still kept, newest first.
pub(super) fn of_incident(connection: &Connection, incident: &str, limit: usize) -> Result<Vec<FlowRow>, ReadError> {
    let wanted: i64 = connection
        .prepare_cached("SELECT count(*) FROM incident_flows WHERE incident = ?1")?
        .query_row([incident], |row| row.get(0))?;
    let text = format!(
        "SELECT {COLUMNS} FROM flows WHERE {SEGMENT} = ?2
         AND flow_id IN (SELECT flow_id FROM incident_flows WHERE incident = ?1)"
    );
    let mut statement = connection.prepare_cached(&text)?;
    let mut found = Vec::new();
    for segment in segments(connection, TimeRange::default())? {
        if found.len() as i64 >= wanted {
            break;
        }
        for row in statement.query_map(params![incident, segment.number], flow_row)? {
            found.push(row?);
        }
    }
    found.sort_by_key(|flow| std::cmp::Reverse(order(flow)));
    found.truncate(limit);
    Ok(found)
}
