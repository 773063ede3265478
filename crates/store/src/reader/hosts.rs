//! Hosts: list and detail.

use super::page::{List, count, rows, segments};
use super::{ReadError, flows, incidents};
use crate::flow_blob::address;
use crate::read::{ListQuery, TimeRange};
use crate::rows::{PeerRow, ServiceRow};
use crate::schema::SEGMENT;
use crate::{HostDetail, Page};
use record::{HostRecord, IpAddr16, MacAddr, Timestamp};
use rusqlite::{Connection, OptionalExtension, Row, params};
use std::collections::{BTreeMap, HashMap};

/// Flows shown with a host.
const FLOWS_MAX: usize = 100;
/// Peers and services shown.
const ROWS_MAX: usize = 50;
/// Newest flows, each way, of which peers are summed.
const PEER_FLOWS_MAX: usize = 5_000;
/// Newest flows of which services are summed.
const SERVICE_FLOWS_MAX: usize = 10_000;

const COLUMNS: &str = "ip, mac, name, home, first_ns, last_ns, flows_out, flows_in, bytes_out, bytes_in";
static LIST: List =
    List { table: "hosts", columns: COLUMNS, time: "first_ns", tie: "ip", ends: "last_ns", begins: "first_ns" };

fn mac(text: &str) -> Option<MacAddr> {
    serde_json::from_value(serde_json::Value::String(text.to_owned())).ok()
}

fn host(row: &Row) -> rusqlite::Result<HostRecord> {
    let count = |index: usize| row.get::<_, i64>(index).map(|n| n as u64);
    Ok(HostRecord {
        ip: address(row.get_ref(0)?.as_blob().unwrap_or_default()),
        mac: row.get::<_, Option<String>>(1)?.as_deref().and_then(mac),
        name: row.get(2)?,
        home: row.get(3)?,
        first_seen: Timestamp(row.get(4)?),
        last_seen: Timestamp(row.get(5)?),
        flows_out: count(6)?,
        flows_in: count(7)?,
        bytes_out: count(8)?,
        bytes_in: count(9)?,
    })
}

fn key(host: &HostRecord) -> String {
    format!("{}_{}", host.first_seen.0, host.ip)
}

/// One page.
pub(super) fn page(connection: &Connection, query: &ListQuery) -> Result<Page<HostRecord>, ReadError> {
    let raw = rows(connection, &LIST, query, host, key, |host| (host.first_seen.0, 0))?;
    let (total, total_exact) = count(connection, &LIST, query)?;
    Ok(Page { items: raw.items, total, total_exact, next_cursor: raw.next_cursor })
}

/// One host and what surrounds it. A host that only flows know (its row was never written) is None.
pub(super) fn detail(connection: &Connection, ip: IpAddr16) -> Result<Option<HostDetail>, ReadError> {
    let blob = ip.0.to_vec();
    let text = format!("SELECT {COLUMNS} FROM hosts WHERE ip = ?1");
    let Some(host) = connection.prepare_cached(&text)?.query_row([&blob], host).optional()? else { return Ok(None) };
    let flows = flows::of_host(connection, ip, FLOWS_MAX)?;
    let mut statement = connection.prepare_cached(
        "SELECT body FROM incidents WHERE id IN (SELECT incident FROM incident_ips WHERE ip = ?1)
         ORDER BY raised_ns DESC, id DESC LIMIT 50",
    )?;
    let incidents = statement.query_map([&blob], incidents::incident)?.collect::<rusqlite::Result<_>>()?;
    Ok(Some(HostDetail {
        host,
        incidents,
        flows,
        peers: peers(connection, &blob)?,
        services: services(connection, &blob)?,
    }))
}

/// Who the newest flows of a host were with.
fn peers(connection: &Connection, blob: &[u8]) -> rusqlite::Result<Vec<PeerRow>> {
    let mut sums: HashMap<Vec<u8>, (u64, u64)> = HashMap::new();
    for (own, other) in [("src", "dest"), ("dest", "src")] {
        let text = format!(
            "SELECT {other}, bytes_toserver + bytes_toclient FROM flows WHERE {SEGMENT} = ?1 AND {own} = ?2 ORDER BY end_ns DESC"
        );
        each_newest(connection, &text, blob, PEER_FLOWS_MAX, |row| {
            let sum = sums.entry(row.get(0)?).or_default();
            sum.0 += 1;
            sum.1 += row.get::<_, i64>(1)? as u64;
            Ok(())
        })?;
    }
    let mut peers: Vec<PeerRow> =
        sums.into_iter().map(|(blob, (flows, bytes))| PeerRow { ip: address(&blob), flows, bytes }).collect();
    peers.sort_by_key(|peer| (std::cmp::Reverse(peer.bytes), peer.ip));
    peers.truncate(ROWS_MAX);
    Ok(peers)
}

/// What the newest flows to a host asked for, and got.
fn services(connection: &Connection, blob: &[u8]) -> rusqlite::Result<Vec<ServiceRow>> {
    let text = format!(
        "SELECT dest_port, proto, start_ns, pkts_toclient > 0 AND state <> 'REJ' FROM flows
         WHERE {SEGMENT} = ?1 AND dest = ?2 ORDER BY end_ns DESC"
    );
    let mut sums: BTreeMap<(u16, String), (u64, i64)> = BTreeMap::new();
    each_newest(connection, &text, blob, SERVICE_FLOWS_MAX, |row| {
        let (port, answered): (u16, bool) = (row.get(0)?, row.get(3)?);
        if port > 0 && answered {
            let start: i64 = row.get(2)?;
            let sum = sums.entry((port, row.get(1)?)).or_insert((0, start));
            *sum = (sum.0 + 1, sum.1.min(start));
        }
        Ok(())
    })?;
    let mut services: Vec<ServiceRow> = sums
        .into_iter()
        .map(|((port, proto), (flows, first))| ServiceRow { port, proto, flows, first_seen: Timestamp(first) })
        .collect();
    services.sort_by_key(|service| std::cmp::Reverse(service.flows));
    services.truncate(ROWS_MAX);
    Ok(services)
}

/// Visits at most `limit` rows, segment by segment, newest segments first.
fn each_newest(
    connection: &Connection,
    text: &str,
    blob: &[u8],
    limit: usize,
    mut visit: impl FnMut(&Row) -> rusqlite::Result<()>,
) -> rusqlite::Result<()> {
    let mut statement = connection.prepare_cached(text)?;
    let mut room = limit;
    for segment in segments(connection, TimeRange::default())? {
        let mut rows = statement.query(params![segment.number, blob])?;
        while room > 0 {
            let Some(row) = rows.next()? else { break };
            visit(row)?;
            room -= 1;
        }
        if room == 0 {
            break;
        }
    }
    Ok(())
}
