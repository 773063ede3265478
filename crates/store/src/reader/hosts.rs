//! Hosts: list and detail.

use super::page::{List, count, rows, segments};
use super::{ReadError, assets, flows, incidents};
use crate::flow_blob::address;
use crate::read::{HostSort, ListQuery, TimeRange};
use crate::rows::{HostProfile, HostRow, PeerRow, ServiceRow, proto_name};
use crate::schema::SEGMENT;
use crate::{HostDetail, Page};
use record::{HostRecord, HostService, Importance, IpAddr16, MacAddr, Severity, Timestamp};
use rusqlite::{Connection, OptionalExtension, Row, params};
use std::collections::{BTreeMap, HashMap};
use std::sync::LazyLock;

/// Flows shown with a host.
const FLOWS_MAX: usize = 100;
/// Peers and services shown.
const ROWS_MAX: usize = 50;
/// Newest flows, each way, of which peers are summed.
const PEER_FLOWS_MAX: usize = 5_000;
/// Newest flows of which services are summed.
const SERVICE_FLOWS_MAX: usize = 10_000;

/// Open incidents of a host and the rank of the worst, from an index of those alone.
const OPEN: &str = "FROM incident_ips a WHERE a.ip = hosts.ip AND a.open > 0";
/// What a person said of a host's importance; 1 where nobody did.
pub(crate) const IMPORTANCE: &str = "coalesce((SELECT p.importance FROM host_profiles p WHERE p.ip = hosts.ip), 1)";
/// `HostRow::risk`, which says how it is made.
pub(crate) const RISK: &str =
    "(SELECT CAST(min(100, (CASE worst WHEN 4 THEN 80 WHEN 3 THEN 55 WHEN 2 THEN 30 WHEN 1 THEN 10 ELSE 0 END
  + min(15, max(0, 3 * (n - 1)))) * CASE coalesce((SELECT p.importance FROM host_profiles p WHERE p.ip = hosts.ip), 1)
      WHEN 0 THEN 0.5 WHEN 2 THEN 1.25 WHEN 3 THEN 1.5 ELSE 1.0 END) AS INTEGER)
  FROM (SELECT count(DISTINCT a.incident) AS n, coalesce(max(a.open), 0) AS worst
    FROM incident_ips a WHERE a.ip = hosts.ip AND a.open > 0))";

/// Among hosts in the same danger those of the home networks come first.
static BY_RISK: LazyLock<String> = LazyLock::new(|| format!("{RISK} * 2 + home"));

static COLUMNS: LazyLock<String> = LazyLock::new(|| {
    let profile = |column: &str| format!("(SELECT p.{column} FROM host_profiles p WHERE p.ip = hosts.ip)");
    format!(
        "ip, mac, name, home, first_ns, last_ns, flows_out, flows_in, bytes_out, bytes_in, services, {IMPORTANCE}, {}, {},
         (SELECT count(DISTINCT a.incident) {OPEN}), (SELECT max(a.open) {OPEN}), {RISK}",
        profile("label"),
        profile("note")
    )
});

pub(super) fn list(sort: HostSort) -> List {
    let time = match sort {
        HostSort::FirstSeen => "first_ns",
        HostSort::LastSeen => "last_ns",
        HostSort::Traffic => "bytes_in + bytes_out",
        HostSort::Risk => BY_RISK.as_str(),
    };
    List { table: "hosts", columns: COLUMNS.as_str(), time, tie: "ip", ends: "last_ns", begins: "first_ns" }
}

fn mac(text: &str) -> Option<MacAddr> {
    serde_json::from_value(serde_json::Value::String(text.to_owned())).ok()
}

fn importance(rank: i64) -> Importance {
    Importance::ALL.get(rank as usize).copied().unwrap_or_default()
}

fn severity(rank: i64) -> Option<Severity> {
    let all = [Severity::Low, Severity::Medium, Severity::High, Severity::Critical];
    all.get(usize::try_from(rank - 1).ok()?).copied()
}

fn host(row: &Row) -> rusqlite::Result<HostRow> {
    let count = |index: usize| row.get::<_, i64>(index).map(|n| n as u64);
    let text = |index: usize| row.get::<_, Option<String>>(index).map(Option::unwrap_or_default);
    let host = HostRecord {
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
        services: serde_json::from_str(&row.get::<_, String>(10)?).unwrap_or_default(),
    };
    Ok(HostRow {
        host,
        vendor: String::new(),
        country: String::new(),
        importance: importance(row.get(11)?),
        label: text(12)?,
        note: text(13)?,
        incidents_open: count(14)?,
        worst: row.get::<_, Option<i64>>(15)?.and_then(severity),
        risk: row.get::<_, i64>(16)?.clamp(0, 100) as u8,
    })
}

/// The cursor's number: what the list is sorted by.
fn order(host: &HostRow, sort: HostSort) -> i64 {
    match sort {
        HostSort::FirstSeen => host.host.first_seen.0,
        HostSort::LastSeen => host.host.last_seen.0,
        HostSort::Traffic => (host.host.bytes_in + host.host.bytes_out) as i64,
        HostSort::Risk => i64::from(host.risk) * 2 + i64::from(host.host.home),
    }
}

/// One page.
pub(super) fn page(connection: &Connection, query: &ListQuery, sort: HostSort) -> Result<Page<HostRow>, ReadError> {
    let (items, next_cursor) = plain_page(connection, query, sort)?;
    let (total, total_exact) = count(connection, &list(sort), query)?;
    Ok(Page { items, total, total_exact, next_cursor })
}

/// One page and the cursor of the next, without a count.
pub(super) fn plain_page(
    connection: &Connection,
    query: &ListQuery,
    sort: HostSort,
) -> Result<(Vec<HostRow>, Option<String>), ReadError> {
    let key = |row: &HostRow| format!("{}_{}", order(row, sort), row.host.ip);
    let raw = rows(connection, &list(sort), query, host, key, |row| (order(row, sort), 0))?;
    Ok((raw.items, raw.next_cursor))
}

/// One host.
pub(super) fn one(connection: &Connection, ip: IpAddr16) -> rusqlite::Result<Option<HostRow>> {
    let text = format!("SELECT {} FROM hosts WHERE ip = ?1", COLUMNS.as_str());
    connection.prepare_cached(&text)?.query_row([ip.0.as_slice()], host).optional()
}

/// One host and what surrounds it. A host that only flows know (its row was never written) is None.
pub(super) fn detail(connection: &Connection, ip: IpAddr16) -> Result<Option<HostDetail>, ReadError> {
    let blob = ip.0.to_vec();
    let Some(host) = one(connection, ip)? else { return Ok(None) };
    let flows = flows::of_host(connection, ip, FLOWS_MAX)?;
    // Source and target of one incident: twice the rows, each once in the answer.
    let mut statement = connection.prepare_cached(
        "SELECT body FROM (SELECT DISTINCT raised_ns, incident FROM incident_ips WHERE ip = ?1
           ORDER BY raised_ns DESC, incident DESC LIMIT 50) a
         JOIN incidents i ON i.id = a.incident ORDER BY a.raised_ns DESC, a.incident DESC",
    )?;
    let incidents = statement.query_map([&blob], incidents::incident)?.collect::<rusqlite::Result<_>>()?;
    let services = match host.host.services.as_slice() {
        [] => services(connection, &blob)?,
        known => known.iter().map(service).collect(),
    };
    let asset = assets::at(connection, ip)?;
    Ok(Some(HostDetail { host, incidents, flows, peers: peers(connection, &blob)?, services, asset }))
}

fn service(known: &HostService) -> ServiceRow {
    let HostService { proto, port, flows, first_seen, last_seen } = *known;
    ServiceRow { port, proto: proto_name(proto), flows, first_seen, last_seen }
}

/// What people said of hosts, in the order of addresses.
pub(super) fn profiles(connection: &Connection) -> rusqlite::Result<Vec<HostProfile>> {
    let mut statement =
        connection.prepare_cached("SELECT ip, importance, label, note, changed_ns FROM host_profiles ORDER BY ip")?;
    let read = |row: &Row| {
        Ok(HostProfile {
            ip: address(row.get_ref(0)?.as_blob().unwrap_or_default()),
            importance: importance(row.get(1)?),
            label: row.get(2)?,
            note: row.get(3)?,
            changed: Timestamp(row.get(4)?),
        })
    };
    statement.query_map([], read)?.collect()
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
        "SELECT dest_port, proto, start_ns, pkts_toclient > 0 AND state <> 'REJ', end_ns FROM flows
         WHERE {SEGMENT} = ?1 AND dest = ?2 ORDER BY end_ns DESC"
    );
    let mut sums: BTreeMap<(u16, String), (u64, i64, i64)> = BTreeMap::new();
    each_newest(connection, &text, blob, SERVICE_FLOWS_MAX, |row| {
        let (port, answered): (u16, bool) = (row.get(0)?, row.get(3)?);
        if port > 0 && answered {
            let (start, end): (i64, i64) = (row.get(2)?, row.get(4)?);
            let sum = sums.entry((port, row.get(1)?)).or_insert((0, start, end));
            *sum = (sum.0 + 1, sum.1.min(start), sum.2.max(end));
        }
        Ok(())
    })?;
    let mut services: Vec<ServiceRow> = sums
        .into_iter()
        .map(|((port, proto), (flows, first, last))| ServiceRow {
            port,
            proto,
            flows,
            first_seen: Timestamp(first),
            last_seen: Timestamp(last),
        })
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
