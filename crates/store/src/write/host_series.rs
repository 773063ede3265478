//! The course of home hosts: what each sent, received and opened, in steps of five minutes and of an hour, from the growth of its
//! counters. Owns the steps and how long they are kept; written with the hosts.

use record::HostRecord;
use rusqlite::{Connection, OptionalExtension, params};

/// Fine steps, seconds, kept for two days.
pub(crate) const FINE_S: i64 = 300;
/// Coarse steps, seconds, kept for thirty days.
pub(crate) const COARSE_S: i64 = 3_600;
const FINE_AGE_S: i64 = 2 * 86_400;
const COARSE_AGE_S: i64 = 30 * 86_400;
/// Rows of each step; beyond it the oldest steps go first, whole.
const ROWS_MAX: i64 = 1_000_000;
const NS_PER_S: i64 = 1_000_000_000;

const ADD: &str = "
INSERT INTO host_series (ip, step_s, ts_s, bytes_out, bytes_in, flows) VALUES (?1, ?2, ?3, ?4, ?5, ?6)
ON CONFLICT (ip, step_s, ts_s) DO UPDATE SET bytes_out = bytes_out + excluded.bytes_out,
  bytes_in = bytes_in + excluded.bytes_in, flows = flows + excluded.flows";

/// What the host did since its row was written last goes into the steps of its last packet. Call it before the row is written.
pub(crate) fn grow(connection: &Connection, host: &HostRecord) -> rusqlite::Result<()> {
    if !host.home {
        return Ok(());
    }
    let mut known =
        connection.prepare_cached("SELECT bytes_out, bytes_in, flows_out + flows_in FROM hosts WHERE ip = ?1")?;
    let before = known.query_row([host.ip.0.as_slice()], |r| Ok([r.get(0)?, r.get(1)?, r.get(2)?])).optional()?;
    let before: [i64; 3] = before.unwrap_or_default();
    let now = [host.bytes_out as i64, host.bytes_in as i64, (host.flows_out + host.flows_in) as i64];
    let grown: Vec<i64> = now.iter().zip(before).map(|(now, before)| (now - before).max(0)).collect();
    if grown.iter().all(|n| *n == 0) {
        return Ok(());
    }
    let mut add = connection.prepare_cached(ADD)?;
    for step_s in [FINE_S, COARSE_S] {
        let ts_s = host.last_seen.0.div_euclid(NS_PER_S * step_s) * step_s;
        add.execute(params![host.ip.0.as_slice(), step_s, ts_s, grown[0], grown[1], grown[2]])?;
    }
    Ok(())
}

/// Steps that are too old go, by the newest of any host, and the oldest ones beyond the bound on rows.
pub(crate) fn forget(connection: &Connection) -> rusqlite::Result<()> {
    for (step_s, age_s) in [(FINE_S, FINE_AGE_S), (COARSE_S, COARSE_AGE_S)] {
        let newest: Option<i64> =
            connection.query_row("SELECT max(ts_s) FROM host_series WHERE step_s = ?1", [step_s], |r| r.get(0))?;
        let Some(newest) = newest else { continue };
        let beyond: Option<i64> = connection
            .prepare_cached("SELECT ts_s FROM host_series WHERE step_s = ?1 ORDER BY ts_s DESC LIMIT 1 OFFSET ?2")?
            .query_row([step_s, ROWS_MAX], |r| r.get(0))
            .optional()?;
        let before = (newest - age_s).max(beyond.map_or(i64::MIN, |ts_s| ts_s + 1));
        connection
            .prepare_cached("DELETE FROM host_series WHERE step_s = ?1 AND ts_s < ?2")?
            .execute([step_s, before])?;
    }
    Ok(())
}
