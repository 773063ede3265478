//! Hosts into their table. Counters only grow, so that an address written again never loses what it had.

use super::host_series;
use record::HostRecord;
use rusqlite::{Connection, params};

const UPSERT: &str = "
INSERT INTO hosts (ip, mac, name, home, first_ns, last_ns, flows_out, flows_in, bytes_out, bytes_in, services)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)
ON CONFLICT (ip) DO UPDATE SET
  mac = coalesce(excluded.mac, mac), name = CASE WHEN excluded.name = '' THEN name ELSE excluded.name END,
  home = excluded.home, first_ns = min(first_ns, excluded.first_ns), last_ns = max(last_ns, excluded.last_ns),
  flows_out = max(flows_out, excluded.flows_out), flows_in = max(flows_in, excluded.flows_in),
  bytes_out = max(bytes_out, excluded.bytes_out), bytes_in = max(bytes_in, excluded.bytes_in),
  services = CASE WHEN excluded.services = '[]' THEN services ELSE excluded.services END";

/// Adds or updates hosts.
pub(crate) fn write(connection: &Connection, hosts: &[HostRecord]) -> rusqlite::Result<()> {
    let mut upsert = connection.prepare_cached(UPSERT)?;
    for h in hosts {
        host_series::grow(connection, h)?;
        upsert.execute(params![
            h.ip.0.as_slice(),
            h.mac.map(|m| m.to_string()),
            h.name,
            h.home,
            h.first_seen.0,
            h.last_seen.0,
            h.flows_out as i64,
            h.flows_in as i64,
            h.bytes_out as i64,
            h.bytes_in as i64,
            serde_json::to_string(&h.services).unwrap_or_else(|_| "[]".to_owned())
        ])?;
    }
    Ok(())
}
