//! Scans: list, one, what it found.

use super::ReadError;
use super::page::{List, count, rows};
use crate::read::{ListQuery, PAGE_ROWS_MAX};
use crate::scan_rows::ScanHostRow;
use crate::write::scans::unpack;
use crate::{Page, StoreError};
use record::scan::{AddressKind, Scan, ScannedHost, ScannedPort};
use record::{ScanBackend, ScanOrigin, ScanRow, ScanState, Timestamp};
use rusqlite::{Connection, OptionalExtension, Row, params};

/// Ports shown with a host of a scan.
const PORTS_SHOWN: usize = 20;

const COLUMNS: &str = "id, started_ns, ended_ns, targets, backend, origin, state, words, hosts_up, hosts_down, ports_open, changes, \
    previous, anomalies";

static LIST: List = List {
    table: "scans",
    columns: COLUMNS,
    time: "started_ns",
    tie: "id",
    ends: "coalesce(ended_ns, started_ns)",
    begins: "started_ns",
};

fn scan_row(row: &Row) -> rusqlite::Result<ScanRow> {
    let count = |index: usize| row.get::<_, i64>(index).map(|n| n as u64);
    let text = |index: usize| row.get::<_, String>(index);
    Ok(ScanRow {
        id: text(0)?,
        started: Timestamp(row.get(1)?),
        ended: row.get::<_, Option<i64>>(2)?.map(Timestamp),
        targets: serde_json::from_str(&text(3)?).unwrap_or_default(),
        backend: ScanBackend::parse(&text(4)?).unwrap_or_default(),
        origin: ScanOrigin::parse(&text(5)?).unwrap_or_default(),
        state: ScanState::parse(&text(6)?).unwrap_or_default(),
        words: text(7)?,
        hosts_up: count(8)?,
        hosts_down: count(9)?,
        ports_open: count(10)?,
        changes: row.get::<_, Option<i64>>(11)?.map(|n| n as u64),
        previous: row.get(12)?,
        anomalies: count(13)?,
        progress: None,
    })
}

/// How scans are listed.
pub(super) fn list() -> &'static List {
    &LIST
}

/// One page.
pub(super) fn page(connection: &Connection, query: &ListQuery) -> Result<Page<ScanRow>, ReadError> {
    let (items, next_cursor) = plain_page(connection, query)?;
    let (total, total_exact) = count(connection, &LIST, query)?;
    Ok(Page { items, total, total_exact, next_cursor })
}

/// One page and the cursor of the next, without a count.
pub(super) fn plain_page(
    connection: &Connection,
    query: &ListQuery,
) -> Result<(Vec<ScanRow>, Option<String>), ReadError> {
    let key = |row: &ScanRow| format!("{}_{}", row.started.0, row.id);
    let raw = rows(connection, &LIST, query, scan_row, key, |row| (row.started.0, 0))?;
    Ok((raw.items, raw.next_cursor))
}

/// One scan.
pub(super) fn one(connection: &Connection, id: &str) -> rusqlite::Result<Option<ScanRow>> {
    let text = format!("SELECT {COLUMNS} FROM scans WHERE id = ?1");
    connection.prepare_cached(&text)?.query_row([id], scan_row).optional()
}

/// Whole scans of exactly these targets, newest first.
pub(super) fn whole(connection: &Connection, targets: &[String], limit: u32) -> rusqlite::Result<Vec<ScanRow>> {
    let text = format!(
        "SELECT {COLUMNS} FROM scans WHERE targets = ?1 AND state = 'done' ORDER BY started_ns DESC, id DESC LIMIT ?2"
    );
    let targets = serde_json::to_string(targets).unwrap_or_default();
    connection.prepare_cached(&text)?.query_map(params![targets, limit], scan_row)?.collect()
}

/// What a scan found.
pub(super) fn body(connection: &Connection, id: &str) -> rusqlite::Result<Option<Scan>> {
    let head: Option<String> =
        connection.prepare_cached("SELECT head FROM scans WHERE id = ?1")?.query_row([id], |r| r.get(0)).optional()?;
    let Some(mut scan) = head.and_then(|head| serde_json::from_str::<Scan>(&head).ok()) else { return Ok(None) };
    let mut statement = connection.prepare_cached("SELECT body FROM scan_hosts WHERE scan = ?1 ORDER BY place")?;
    let mut found = statement.query([id])?;
    while let Some(row) = found.next()? {
        scan.hosts.extend(unpack(row.get_ref(0)?.as_blob().unwrap_or_default()));
    }
    Ok(Some(scan))
}

/// One page of the hosts of a scan.
pub(super) fn hosts(
    connection: &Connection,
    id: &str,
    limit: u32,
    cursor: Option<&str>,
) -> Result<Page<ScanHostRow>, ReadError> {
    let bad = |text: &str| ReadError::Store(StoreError::Cursor(text.chars().take(80).collect()));
    let after = cursor.map_or(Ok(-1), |text| text.parse::<i64>().map_err(|_| bad(text)))?;
    let limit = limit.clamp(1, PAGE_ROWS_MAX) as usize;
    let mut statement = connection.prepare_cached(
        "SELECT place, key, body FROM scan_hosts WHERE scan = ?1 AND place > ?2 ORDER BY place LIMIT ?3",
    )?;
    let read = |row: &Row| {
        let host = unpack(row.get_ref(2)?.as_blob().unwrap_or_default()).unwrap_or_default();
        Ok((row.get::<_, i64>(0)?, host_row(row.get(1)?, &host)))
    };
    let mut found = statement
        .query_map(params![id, after, limit as i64 + 1], read)?
        .collect::<rusqlite::Result<Vec<(i64, ScanHostRow)>>>()?;
    let more = found.len() > limit;
    found.truncate(limit);
    let next_cursor = found.last().filter(|_| more).map(|(place, _)| place.to_string());
    let total: i64 =
        connection.prepare_cached("SELECT count(*) FROM scan_hosts WHERE scan = ?1")?.query_row([id], |r| r.get(0))?;
    let items = found.into_iter().map(|(_, row)| row).collect();
    Ok(Page { items, total: total as u64, total_exact: true, next_cursor })
}

fn host_row(key: String, host: &ScannedHost) -> ScanHostRow {
    let address = host.addresses.iter().filter(|a| a.kind != AddressKind::Mac).min().or(host.addresses.first());
    let open = || host.ports.iter().filter(|port| port.state.as_deref() == Some("open"));
    ScanHostRow {
        key,
        address: address.map_or_else(String::new, |a| a.addr.clone()),
        names: host.names.clone(),
        state: host.state.clone().unwrap_or_else(|| "unknown".to_owned()),
        ports_open: open().count() as u64,
        ports: open().take(PORTS_SHOWN).map(port_title).collect(),
        os: host.os.first().map_or_else(String::new, |guess| guess.name.clone()),
    }
}

fn port_title(port: &ScannedPort) -> String {
    let service = &port.service;
    let words = [&service.name, &service.product, &service.version].into_iter().flatten();
    words.fold(format!("{}/{}", port.port, port.protocol), |title, word| format!("{title} {word}"))
}
