//! Hosts: list and detail.

use super::page::{List, count, rows};
use super::{ReadError, flows, incidents};
use crate::flow_blob::address;
use crate::read::ListQuery;
use crate::rows::{PeerRow, ServiceRow};
use crate::{HostDetail, Page};
use record::{HostRecord, IpAddr16, MacAddr, Timestamp};
use rusqlite::{Connection, OptionalExtension, Row};

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
    let raw = rows(connection, &LIST, query, host, key)?;
    let (total, total_exact) = count(connection, &LIST, query)?;
    Ok(Page { items: raw.items, total, total_exact, next_cursor: raw.next_cursor })
}

/// One host and what surrounds it. A host that only flows know (its row was never written) is None.
pub(super) fn detail(connection: &Connection, ip: IpAddr16) -> Result<Option<HostDetail>, ReadError> {
    let blob = ip.0.to_vec();
    let text = format!("SELECT {COLUMNS} FROM hosts WHERE ip = ?1");
    let Some(host) = connection.prepare_cached(&text)?.query_row([&blob], host).optional()? else { return Ok(None) };
    let mut flows = flows::some(connection, "src = ?1", &blob, 100)?;
    flows.extend(flows::some(connection, "dest = ?1 AND src <> dest", &blob, 100)?);
    flows.sort_by_key(|f| std::cmp::Reverse((f.end, f.flow_id)));
    flows.truncate(100);
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

fn peers(connection: &Connection, blob: &[u8]) -> rusqlite::Result<Vec<PeerRow>> {
    let mut statement = connection.prepare_cached(
        "SELECT peer, count(*), sum(bytes) AS total FROM (
           SELECT * FROM (SELECT dest AS peer, bytes_toserver + bytes_toclient AS bytes FROM flows WHERE src = ?1
             ORDER BY end_ns DESC LIMIT 5000)
           UNION ALL
           SELECT * FROM (SELECT src AS peer, bytes_toserver + bytes_toclient AS bytes FROM flows WHERE dest = ?1
             ORDER BY end_ns DESC LIMIT 5000))
         GROUP BY peer ORDER BY total DESC, peer LIMIT 50",
    )?;
    statement
        .query_map([blob], |row| {
            Ok(PeerRow {
                ip: address(row.get_ref(0)?.as_blob().unwrap_or_default()),
                flows: row.get::<_, i64>(1)? as u64,
                bytes: row.get::<_, i64>(2)? as u64,
            })
        })?
        .collect()
}

fn services(connection: &Connection, blob: &[u8]) -> rusqlite::Result<Vec<ServiceRow>> {
    let mut statement = connection.prepare_cached(
        "SELECT dest_port, proto, count(*) AS flows, min(start_ns) FROM (
           SELECT dest_port, proto, start_ns, pkts_toclient, state FROM flows WHERE dest = ?1 ORDER BY end_ns DESC LIMIT 10000)
         WHERE dest_port > 0 AND pkts_toclient > 0 AND state <> 'REJ'
         GROUP BY dest_port, proto ORDER BY flows DESC, dest_port LIMIT 50",
    )?;
    statement
        .query_map([blob], |row| {
            Ok(ServiceRow {
                port: row.get(0)?,
                proto: row.get(1)?,
                flows: row.get::<_, i64>(2)? as u64,
                first_seen: Timestamp(row.get(3)?),
            })
        })?
        .collect()
}
