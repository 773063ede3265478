//! The inventory: list, one host with its past, sums.

use super::page::{List, count, rows};
use super::{ReadError, first_use};
use crate::Page;
use crate::flow_blob::address;
use crate::read::{AssetSort, ListQuery};
use crate::scan_rows::{AssetDetail, AssetPortRow, AssetRow, AssetTotals, SeenBy};
use record::{Asset, AssetChange, AssetEvent, AssetPort, AssetState, Finding, IpAddr16, Timestamp};
use rusqlite::{Connection, OptionalExtension, Row};
use std::collections::{BTreeMap, BTreeSet};

/// Changes shown with a host.
const HISTORY_MAX: u32 = 500;
/// Findings shown with a host.
const FINDINGS_MAX: u32 = 50;

const COLUMNS: &str =
    "key, mac, vendor, names, addresses, state, first_ns, last_ns, missed, os, ports_open, services, anomaly, finding,
    EXISTS (SELECT 1 FROM asset_addresses a CROSS JOIN hosts h ON h.ip = a.ip WHERE a.key = assets.key)";
const PORT_COLUMNS: &str =
    "key, protocol, port, state, service, version, certificate, told_by, first_ns, last_ns, closed_ns, absent_ns";
const EVENT_COLUMNS: &str = "at_ns, scan, key, what, text, before, after, protocol, port";

pub(super) fn list(sort: AssetSort) -> List {
    let time = match sort {
        AssetSort::LastSeen => "last_ns",
        AssetSort::FirstSeen => "first_ns",
        AssetSort::Ports => "ports_open",
        AssetSort::Anomaly => "anomaly",
    };
    List { table: "assets", columns: COLUMNS, time, tie: "key", ends: "last_ns", begins: "first_ns" }
}

/// A row with the number that a list by anomaly is sorted by.
fn asset_row(row: &Row) -> rusqlite::Result<(AssetRow, i64)> {
    let text = |index: usize| row.get::<_, String>(index);
    let finding = row.get::<_, Option<String>>(13)?;
    let asset = AssetRow {
        key: text(0)?,
        mac: row.get(1)?,
        vendor: text(2)?,
        names: serde_json::from_str(&text(3)?).unwrap_or_default(),
        addresses: serde_json::from_str(&text(4)?).unwrap_or_default(),
        state: AssetState::parse(&text(5)?).unwrap_or_default(),
        first_seen: Timestamp(row.get(6)?),
        last_seen: Timestamp(row.get(7)?),
        missed_scans: row.get(8)?,
        os: text(9)?,
        ports_open: row.get::<_, i64>(10)? as u64,
        services: serde_json::from_str(&text(11)?).unwrap_or_default(),
        anomaly: finding.and_then(|body| serde_json::from_str(&body).ok()),
        seen_by: if row.get(14)? { SeenBy::Both } else { SeenBy::Scan },
    };
    Ok((asset, row.get(12)?))
}

/// One page.
pub(super) fn page(connection: &Connection, query: &ListQuery, sort: AssetSort) -> Result<Page<AssetRow>, ReadError> {
    let list = list(sort);
    let order = |(row, anomaly): &(AssetRow, i64)| match sort {
        AssetSort::LastSeen => row.last_seen.0,
        AssetSort::FirstSeen => row.first_seen.0,
        AssetSort::Ports => row.ports_open as i64,
        AssetSort::Anomaly => *anomaly,
    };
    let key = |row: &(AssetRow, i64)| format!("{}_{}", order(row), row.0.key);
    let raw = rows(connection, &list, query, asset_row, key, |row| (order(row), 0))?;
    let (total, total_exact) = count(connection, &list, query)?;
    let items = raw.items.into_iter().map(|(row, _)| row).collect();
    Ok(Page { items, total, total_exact, next_cursor: raw.next_cursor })
}

fn one(connection: &Connection, key: &str) -> rusqlite::Result<Option<AssetRow>> {
    let text = format!("SELECT {COLUMNS} FROM assets WHERE key = ?1");
    connection.prepare_cached(&text)?.query_row([key], |row| Ok(asset_row(row)?.0)).optional()
}

/// The host that has an address: of several the one found last.
pub(super) fn at(connection: &Connection, ip: IpAddr16) -> rusqlite::Result<Option<AssetRow>> {
    let text = format!(
        "SELECT {COLUMNS} FROM assets WHERE key IN (SELECT a.key FROM asset_addresses a WHERE a.ip = ?1)
         ORDER BY last_ns DESC, key LIMIT 1"
    );
    connection.prepare_cached(&text)?.query_row([ip.0.as_slice()], |row| Ok(asset_row(row)?.0)).optional()
}

/// One host with its past.
pub(super) fn detail(connection: &Connection, key: &str) -> rusqlite::Result<Option<AssetDetail>> {
    let asset = match (one(connection, key)?, key.parse()) {
        (Some(asset), _) => asset,
        // What an address was the name of before its MAC address was known.
        (None, Ok(ip)) => match at(connection, ip)? {
            Some(asset) => asset,
            None => return Ok(None),
        },
        (None, Err(_)) => return Ok(None),
    };
    let text = format!("SELECT {PORT_COLUMNS} FROM asset_ports WHERE key = ?1");
    let ports: Vec<AssetPort> = connection
        .prepare_cached(&text)?
        .query_map([&asset.key], |row| Ok(port(row)?.1))?
        .collect::<rusqlite::Result<_>>()?;
    let ports = port_rows(connection, &asset, ports)?;
    let text = format!("SELECT {EVENT_COLUMNS} FROM asset_events WHERE key = ?1 ORDER BY id DESC LIMIT {HISTORY_MAX}");
    let history = connection.prepare_cached(&text)?.query_map([&asset.key], event)?.collect::<rusqlite::Result<_>>()?;
    let text = format!("SELECT body FROM findings WHERE key = ?1 ORDER BY at_ns DESC LIMIT {FINDINGS_MAX}");
    let findings = findings(connection, &text, &asset.key)?;
    Ok(Some(AssetDetail { asset, ports, history, findings }))
}

fn port(row: &Row) -> rusqlite::Result<(String, AssetPort)> {
    let port = AssetPort {
        protocol: row.get(1)?,
        port: row.get(2)?,
        state: row.get(3)?,
        service: row.get(4)?,
        version: row.get(5)?,
        certificate: row.get(6)?,
        told_by: row.get(7)?,
        first_seen: Timestamp(row.get(8)?),
        last_seen: Timestamp(row.get(9)?),
        closed: row.get::<_, Option<i64>>(10)?.map(Timestamp),
        absent: row.get::<_, Option<i64>>(11)?.map(Timestamp),
    };
    Ok((row.get(0)?, port))
}

/// Ports with what traffic knows of them.
fn port_rows(connection: &Connection, asset: &AssetRow, ports: Vec<AssetPort>) -> rusqlite::Result<Vec<AssetPortRow>> {
    let wanted: Vec<first_use::Wanted> = ports
        .iter()
        .filter(|port| port.is_open())
        .map(|port| first_use::Wanted {
            protocol: port.protocol.to_ascii_uppercase(),
            port: port.port,
            since: port.absent.unwrap_or(port.first_seen),
        })
        .collect();
    let mut uses = first_use::first_uses(connection, &asset.addresses, &wanted)?;
    let answered = answered(connection, &asset.addresses)?;
    Ok(ports
        .into_iter()
        .map(|port| {
            let name = (port.protocol.to_ascii_uppercase(), port.port);
            AssetPortRow {
                seen_by: if answered.contains(&name) { SeenBy::Both } else { SeenBy::Scan },
                first_use: uses.remove(&name),
                protocol: port.protocol,
                port: port.port,
                state: port.state,
                service: port.service,
                version: port.version,
                certificate: port.certificate,
                first_seen: port.first_seen,
                last_seen: port.last_seen,
                closed: port.closed,
            }
        })
        .collect())
}

/// Services that traffic knows of some addresses: transport and port.
fn answered(connection: &Connection, addresses: &[IpAddr16]) -> rusqlite::Result<BTreeSet<(String, u32)>> {
    let mut known = BTreeSet::new();
    let mut statement = connection.prepare_cached("SELECT services FROM hosts WHERE ip = ?1")?;
    for ip in addresses {
        let text: Option<String> = statement.query_row([ip.0.as_slice()], |r| r.get(0)).optional()?;
        let services: Vec<record::HostService> =
            text.and_then(|text| serde_json::from_str(&text).ok()).unwrap_or_default();
        known.extend(services.iter().map(|s| (record::net::proto_name(s.proto), u32::from(s.port))));
    }
    Ok(known)
}

fn event(row: &Row) -> rusqlite::Result<AssetEvent> {
    Ok(AssetEvent {
        at: Timestamp(row.get(0)?),
        scan: row.get(1)?,
        key: row.get(2)?,
        what: AssetChange::parse(&row.get::<_, String>(3)?).unwrap_or(AssetChange::NameChanged),
        text: row.get(4)?,
        before: row.get(5)?,
        after: row.get(6)?,
        protocol: row.get(7)?,
        port: row.get(8)?,
    })
}

/// What a scan changed.
pub(super) fn events_of_scan(connection: &Connection, scan: &str) -> rusqlite::Result<Vec<AssetEvent>> {
    let text = format!("SELECT {EVENT_COLUMNS} FROM asset_events WHERE scan = ?1 ORDER BY id");
    connection.prepare_cached(&text)?.query_map([scan], event)?.collect()
}

fn findings(connection: &Connection, text: &str, name: &str) -> rusqlite::Result<Vec<Finding>> {
    let mut statement = connection.prepare_cached(text)?;
    let bodies = statement.query_map([name], |row| row.get::<_, String>(0))?;
    Ok(bodies.collect::<rusqlite::Result<Vec<_>>>()?.iter().filter_map(|b| serde_json::from_str(b).ok()).collect())
}

/// What was strange in a scan, strangest first.
pub(super) fn findings_of_scan(connection: &Connection, scan: &str) -> rusqlite::Result<Vec<Finding>> {
    findings(connection, "SELECT body FROM findings WHERE scan = ?1 ORDER BY score DESC, key", scan)
}

/// Sums.
pub(super) fn totals(connection: &Connection) -> rusqlite::Result<AssetTotals> {
    let mut totals = AssetTotals::default();
    let mut statement =
        connection.prepare_cached("SELECT state, count(*), sum(ports_open) FROM assets GROUP BY state")?;
    let mut found = statement.query([])?;
    while let Some(row) = found.next()? {
        let (state, hosts, ports): (String, i64, i64) = (row.get(0)?, row.get(1)?, row.get(2)?);
        if state == AssetState::Down.name() {
            totals.down += hosts as u64;
        } else {
            totals.up += hosts as u64;
            totals.ports_open += ports as u64;
        }
    }
    let anomalous: i64 =
        connection.prepare_cached("SELECT count(*) FROM assets WHERE anomaly > 0")?.query_row([], |row| row.get(0))?;
    Ok(AssetTotals { anomalous: anomalous as u64, ..totals })
}

/// The whole inventory, by key.
pub(super) fn all(connection: &Connection) -> rusqlite::Result<Vec<Asset>> {
    let mut ports: BTreeMap<String, Vec<AssetPort>> = BTreeMap::new();
    let text = format!("SELECT {PORT_COLUMNS} FROM asset_ports");
    for found in connection.prepare_cached(&text)?.query_map([], port)? {
        let (key, port) = found?;
        ports.entry(key).or_default().push(port);
    }
    let mut addresses: BTreeMap<String, Vec<IpAddr16>> = BTreeMap::new();
    let read = |row: &Row| Ok((row.get(0)?, address(row.get_ref(1)?.as_blob().unwrap_or_default())));
    let mut statement = connection.prepare_cached("SELECT key, ip FROM asset_addresses ORDER BY ip")?;
    for found in statement.query_map([], read)? {
        let (key, ip): (String, IpAddr16) = found?;
        addresses.entry(key).or_default().push(ip);
    }
    let text = "SELECT key, mac, vendor, names, state, first_ns, last_ns, missed, os, covered FROM assets ORDER BY key";
    let asset = |row: &Row| {
        let key: String = row.get(0)?;
        Ok(Asset {
            mac: row.get(1)?,
            vendor: row.get(2)?,
            names: serde_json::from_str(&row.get::<_, String>(3)?).unwrap_or_default(),
            state: AssetState::parse(&row.get::<_, String>(4)?).unwrap_or_default(),
            first_seen: Timestamp(row.get(5)?),
            last_seen: Timestamp(row.get(6)?),
            missed_scans: row.get(7)?,
            os: row.get(8)?,
            covered: serde_json::from_str(&row.get::<_, String>(9)?).unwrap_or_default(),
            addresses: addresses.remove(&key).unwrap_or_default(),
            ports: ports.remove(&key).unwrap_or_default(),
            key,
        })
    };
    connection.prepare_cached(text)?.query_map([], asset)?.collect()
}
