//! The inventory into its tables: a host is written whole, with its addresses and ports.

use record::{Asset, AssetEvent, InventoryChange};
use rusqlite::{Connection, params};

/// Services shown with a host in lists.
const SERVICES_SHOWN: usize = 8;

/// Takes over what a scan made of the inventory.
pub(crate) fn write(connection: &Connection, change: &InventoryChange) -> rusqlite::Result<()> {
    for (gone, kept) in &change.merged {
        merge(connection, gone, kept)?;
    }
    for asset in &change.assets {
        put(connection, asset)?;
    }
    events(connection, &change.events)
}

/// What was said of the host that is gone is said of the one that goes on.
fn merge(connection: &Connection, gone: &str, kept: &str) -> rusqlite::Result<()> {
    connection.prepare_cached("UPDATE asset_events SET key = ?2 WHERE key = ?1")?.execute([gone, kept])?;
    connection.prepare_cached("UPDATE OR REPLACE findings SET key = ?2 WHERE key = ?1")?.execute([gone, kept])?;
    delete(connection, gone)
}

/// Deletes a host with its addresses and ports.
pub(crate) fn delete(connection: &Connection, key: &str) -> rusqlite::Result<()> {
    connection.prepare_cached("DELETE FROM asset_addresses WHERE key = ?1")?.execute([key])?;
    connection.prepare_cached("DELETE FROM asset_ports WHERE key = ?1")?.execute([key])?;
    connection.prepare_cached("DELETE FROM assets WHERE key = ?1")?.execute([key])?;
    Ok(())
}

fn json<T: serde::Serialize>(value: &T) -> String {
    serde_json::to_string(value).unwrap_or_else(|_| "[]".to_owned())
}

fn put(connection: &Connection, asset: &Asset) -> rusqlite::Result<()> {
    let services: Vec<String> = asset.open_ports().take(SERVICES_SHOWN).map(record::AssetPort::title).collect();
    connection
        .prepare_cached(
            "INSERT INTO assets (key, mac, vendor, names, addresses, state, first_ns, last_ns, missed, os, ports_open, services,
               covered) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)
             ON CONFLICT (key) DO UPDATE SET mac = excluded.mac, vendor = excluded.vendor, names = excluded.names,
               addresses = excluded.addresses, state = excluded.state, first_ns = excluded.first_ns, last_ns = excluded.last_ns,
               missed = excluded.missed, os = excluded.os, ports_open = excluded.ports_open, services = excluded.services,
               covered = excluded.covered",
        )?
        .execute(params![
            asset.key,
            asset.mac,
            asset.vendor,
            json(&asset.names),
            json(&asset.addresses),
            asset.state.name(),
            asset.first_seen.0,
            asset.last_seen.0,
            asset.missed_scans,
            asset.os,
            asset.open_ports().count() as i64,
            json(&services),
            json(&asset.covered),
        ])?;
    connection.prepare_cached("DELETE FROM asset_addresses WHERE key = ?1")?.execute([&asset.key])?;
    let mut add = connection.prepare_cached("INSERT OR IGNORE INTO asset_addresses (ip, key) VALUES (?1, ?2)")?;
    for ip in &asset.addresses {
        add.execute(params![ip.0.as_slice(), asset.key])?;
    }
    ports(connection, asset)
}

fn ports(connection: &Connection, asset: &Asset) -> rusqlite::Result<()> {
    connection.prepare_cached("DELETE FROM asset_ports WHERE key = ?1")?.execute([&asset.key])?;
    let mut add = connection.prepare_cached(
        "INSERT OR REPLACE INTO asset_ports (key, protocol, port, state, open, service, version, certificate, told_by, first_ns,
           last_ns, closed_ns, absent_ns) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)",
    )?;
    for port in &asset.ports {
        add.execute(params![
            asset.key,
            port.protocol,
            port.port,
            port.state,
            port.is_open(),
            port.service,
            port.version,
            port.certificate,
            port.told_by,
            port.first_seen.0,
            port.last_seen.0,
            port.closed.map(|t| t.0),
            port.absent.map(|t| t.0),
        ])?;
    }
    Ok(())
}

fn events(connection: &Connection, events: &[AssetEvent]) -> rusqlite::Result<()> {
    let mut add = connection.prepare_cached(
        "INSERT INTO asset_events (at_ns, scan, key, what, text, before, after, protocol, port)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
    )?;
    for e in events {
        add.execute(params![e.at.0, e.scan, e.key, e.what.name(), e.text, e.before, e.after, e.protocol, e.port])?;
    }
    Ok(())
}
