//! Scans into their tables with what they make of the inventory, and their bounds. Owns how what was found of a host is packed.

use super::assets;
use crate::StoreConfig;
use crate::sqlite::ScanWrite;
use crate::writer::Deleted;
use record::scan::{Scan, ScannedHost};
use record::{Finding, ScanState};
use rusqlite::{Connection, OptionalExtension, params};
use std::io::Read;

const NS_PER_DAY: i64 = 86_400 * 1_000_000_000;
/// Level of compression: twice as fast as the next that is notably smaller.
const LEVEL: i32 = 3;
/// Most bytes of one host when unpacked: a bound on what a damaged file can claim.
const HOST_BYTES_MAX: u64 = 64 << 20;

/// Writes scans.
pub(crate) fn write(connection: &Connection, scans: &[ScanWrite]) -> rusqlite::Result<()> {
    for scan in scans {
        row(connection, scan)?;
        if let Some(found) = &scan.scan {
            body(connection, &scan.row.id, found, &scan.inventory.keys)?;
        }
        assets::write(connection, &scan.inventory)?;
        if scan.row.state == ScanState::Done {
            quiet(connection, scan)?;
        }
        findings(connection, &scan.findings)?;
    }
    Ok(())
}

fn text(value: &impl serde::Serialize) -> String {
    serde_json::to_string(value).unwrap_or_default()
}

fn row(connection: &Connection, write: &ScanWrite) -> rusqlite::Result<()> {
    let row = &write.row;
    connection
        .prepare_cached(
            "INSERT INTO scans (id, started_ns, ended_ns, targets, backend, origin, state, words, hosts_up, hosts_down, ports_open,
               changes, previous, anomalies, sources) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15)
             ON CONFLICT (id) DO UPDATE SET started_ns = excluded.started_ns, ended_ns = excluded.ended_ns, state = excluded.state,
               words = excluded.words, hosts_up = excluded.hosts_up, hosts_down = excluded.hosts_down,
               ports_open = excluded.ports_open, changes = excluded.changes, previous = excluded.previous,
               anomalies = excluded.anomalies",
        )?
        .execute(params![
            row.id,
            row.started.0,
            row.ended.map(|t| t.0),
            text(&row.targets),
            row.backend.name(),
            row.origin.name(),
            row.state.name(),
            row.words,
            row.hosts_up as i64,
            row.hosts_down as i64,
            row.ports_open as i64,
            row.changes.map(|n| n as i64),
            row.previous,
            row.anomalies as i64,
            text(&write.sources),
        ])?;
    Ok(())
}

/// What a scan found: the scan without its hosts, and each host by itself, so that a page of them is read without the rest.
fn body(connection: &Connection, id: &str, scan: &Scan, keys: &[String]) -> rusqlite::Result<()> {
    let head = Scan { hosts: Vec::new(), ..scan.clone() };
    connection.prepare_cached("DELETE FROM scan_hosts WHERE scan = ?1")?.execute([id])?;
    let mut add =
        connection.prepare_cached("INSERT INTO scan_hosts (scan, place, key, body) VALUES (?1, ?2, ?3, ?4)")?;
    let mut packer = zstd::bulk::Compressor::new(LEVEL).map_err(|e| not_packed(&e))?;
    let mut bytes = 0;
    for (place, host) in scan.hosts.iter().enumerate() {
        let packed = packer.compress(text(host).as_bytes()).map_err(|e| not_packed(&e))?;
        bytes += packed.len();
        let key = keys.get(place).map_or("", String::as_str);
        add.execute(params![id, place as i64, key, packed])?;
    }
    let head = text(&head);
    connection.prepare_cached("UPDATE scans SET head = ?2, bytes = ?3 WHERE id = ?1")?.execute(params![
        id,
        head,
        (bytes + head.len()) as i64
    ])?;
    Ok(())
}

fn not_packed(error: &std::io::Error) -> rusqlite::Error {
    rusqlite::Error::ToSqlConversionFailure(error.to_string().into())
}

/// A host as it was packed; None: it cannot be read.
pub(crate) fn unpack(packed: &[u8]) -> Option<ScannedHost> {
    let mut plain = Vec::new();
    zstd::Decoder::new(packed).ok()?.take(HOST_BYTES_MAX).read_to_end(&mut plain).ok()?;
    serde_json::from_slice(&plain).ok()
}

/// What an earlier scan found strange of the hosts that this one covered is of the past.
fn quiet(connection: &Connection, scan: &ScanWrite) -> rusqlite::Result<()> {
    let mut clear = connection
        .prepare_cached("UPDATE assets SET anomaly = 0, finding = NULL WHERE key = ?1 AND finding IS NOT NULL")?;
    let covered = scan.inventory.assets.iter().map(|asset| &asset.key);
    for key in covered.chain(&scan.inventory.keys) {
        clear.execute([key])?;
    }
    Ok(())
}

fn findings(connection: &Connection, findings: &[Finding]) -> rusqlite::Result<()> {
    let mut add = connection.prepare_cached(
        "INSERT OR REPLACE INTO findings (scan, key, at_ns, score, body) VALUES (?1, ?2, ?3, ?4, ?5)",
    )?;
    let mut mark = connection.prepare_cached("UPDATE assets SET anomaly = ?2, finding = ?3 WHERE key = ?1")?;
    for finding in findings {
        let body = text(finding);
        add.execute(params![finding.scan, finding.key, finding.at.0, finding.score, body])?;
        mark.execute(params![finding.key, (finding.score.clamp(0.0, 1.0) * 1e6) as i64, body])?;
    }
    Ok(())
}

/// Keeps the bounds by age, number and bytes. Ages are measured from the newest scan: an inventory that is not renewed stays.
pub(crate) fn forget(connection: &Connection, config: &StoreConfig, deleted: &mut Deleted) -> rusqlite::Result<()> {
    let newest: Option<i64> = connection.query_row("SELECT max(started_ns) FROM scans", [], |r| r.get(0))?;
    let Some(newest) = newest else { return Ok(()) };
    let before = |days: u64| newest.saturating_sub((days as i64).saturating_mul(NS_PER_DAY));
    let old = "SELECT id FROM scans WHERE started_ns < ?1";
    deleted.add("scans", delete(connection, old, before(config.scans_age_days))?);
    let excess = "SELECT id FROM scans ORDER BY started_ns, id LIMIT max(0, (SELECT count(*) FROM scans) - ?1)";
    deleted.add("scans", delete(connection, excess, config.scans_max as i64)?);
    // Each with the bytes of all that are newer and its own; the newest stays whatever it holds.
    let large = "SELECT id FROM (SELECT id, sum(bytes) OVER w AS total, row_number() OVER w AS place FROM scans
        WINDOW w AS (ORDER BY started_ns DESC, id DESC)) WHERE total > ?1 AND place > 1";
    deleted.add("scans", delete(connection, large, config.scans_max_bytes as i64)?);
    let old = "SELECT key FROM assets WHERE last_ns < ?1 ORDER BY last_ns LIMIT 1000";
    let excess = "SELECT key FROM assets ORDER BY last_ns LIMIT max(0, (SELECT count(*) FROM assets) - ?1)";
    for (keys, bound) in [(old, before(config.assets_age_days)), (excess, config.assets_max as i64)] {
        let mut statement = connection.prepare_cached(keys)?;
        let keys = statement.query_map([bound], |r| r.get(0))?.collect::<rusqlite::Result<Vec<String>>>()?;
        for key in &keys {
            assets::delete(connection, key)?;
        }
        deleted.add("assets", keys.len() as u64);
    }
    let newest: Option<i64> =
        connection.query_row("SELECT max(id) FROM asset_events", [], |r| r.get(0)).optional()?.flatten();
    let last = newest.unwrap_or(0).saturating_sub(config.asset_events_max as i64);
    let gone = connection.execute("DELETE FROM asset_events WHERE id <= ?1", [last])?;
    deleted.add("asset_events", gone as u64);
    Ok(())
}

/// Deletes the scans that `ids` (a query with one parameter) names, with what they found.
fn delete(connection: &Connection, ids: &str, parameter: i64) -> rusqlite::Result<u64> {
    connection.execute(&format!("DELETE FROM scan_hosts WHERE scan IN ({ids})"), [parameter])?;
    connection.execute(&format!("DELETE FROM findings WHERE scan IN ({ids})"), [parameter])?;
    Ok(connection.execute(&format!("DELETE FROM scans WHERE id IN ({ids})"), [parameter])? as u64)
}
