//! What the archive reads of the store, in the order in which it arrived: flows by their row, incidents and scans by the number of their
//! last change (`changes`, kept by triggers). Owns no archive.

use super::{Reader, flows, incidents, scans};
use crate::archive::tables::{Key, Keys};
use crate::{FlowRow, StoreError};
use record::scan::Scan;
use record::{FlowRecord, Incident, ScanRow};
use rusqlite::{Connection, OptionalExtension, Row, params};

/// Kinds of changes, as the triggers write them.
const INCIDENTS: i64 = 1;
const SCANS: i64 = 2;

/// Number, second of the change, the run, what it found.
pub(crate) type NumberedScan = (i64, i64, ScanRow, Option<Scan>);

/// A flow with what its columns do not say.
pub(crate) struct NumberedFlow {
    pub number: i64,
    pub row: FlowRow,
    pub record: FlowRecord,
    /// The record as it is stored.
    pub blob: Vec<u8>,
    /// The verdict as it is stored; empty until judged.
    pub verdict: Vec<u8>,
}

impl Reader {
    /// Numbers and ends of the flows after a number, all or only those that were judged.
    pub(crate) fn flow_keys(&self, after: i64, upto: i64, limit: usize, judged: bool) -> Result<Keys, StoreError> {
        self.read(|c| Ok(flow_keys(c, (after, upto), limit, judged)?))
    }

    /// The flows of these numbers, in this order.
    pub(crate) fn flows_numbered(&self, numbers: &[i64]) -> Result<Vec<NumberedFlow>, StoreError> {
        self.read(|c| Ok(flows::numbered(c, numbers)?))
    }

    /// The incidents that changed after a number.
    pub(crate) fn incident_keys(&self, after: i64, upto: i64, limit: usize) -> Result<Keys, StoreError> {
        let sql = "SELECT c.number, i.raised_ns FROM changes c JOIN incidents i ON i.id = c.id
            WHERE c.what = 1 AND c.number > ?1 AND c.number <= ?2 ORDER BY c.number LIMIT ?3";
        self.read(|c| Ok(change_keys(c, sql, after, upto, limit)?))
    }

    /// The scans that ended and changed after a number.
    pub(crate) fn scan_keys(&self, after: i64, upto: i64, limit: usize) -> Result<Keys, StoreError> {
        let sql = "SELECT c.number, s.started_ns FROM changes c JOIN scans s ON s.id = c.id
            WHERE c.what = 2 AND c.number > ?1 AND c.number <= ?2 AND s.ended_ns IS NOT NULL ORDER BY c.number LIMIT ?3";
        self.read(|c| Ok(change_keys(c, sql, after, upto, limit)?))
    }

    /// The incidents of these numbers with the second of their change; those that changed again have another number.
    pub(crate) fn incidents_numbered(&self, numbers: &[i64]) -> Result<Vec<(i64, i64, Incident)>, StoreError> {
        self.read(|c| {
            let mut found = Vec::with_capacity(numbers.len());
            let mut statement = c.prepare_cached(
                "SELECT i.body, c.at_s FROM changes c JOIN incidents i ON i.id = c.id WHERE c.what = ?1 AND c.number = ?2",
            )?;
            for number in numbers {
                let read = |row: &Row| Ok((*number, row.get(1)?, incidents::incident(row)?));
                found.extend(statement.query_row(params![INCIDENTS, number], read).optional()?);
            }
            Ok(found)
        })
    }

    /// The same of scans, with what they found.
    pub(crate) fn scans_numbered(&self, numbers: &[i64]) -> Result<Vec<NumberedScan>, StoreError> {
        self.read(|c| {
            let mut found = Vec::with_capacity(numbers.len());
            let mut statement = c.prepare_cached("SELECT id, at_s FROM changes WHERE what = ?1 AND number = ?2")?;
            for number in numbers {
                let read = |row: &Row| Ok((row.get::<_, String>(0)?, row.get::<_, i64>(1)?));
                let Some((id, at_s)) = statement.query_row(params![SCANS, number], read).optional()? else { continue };
                let Some(row) = scans::one(c, &id)? else { continue };
                found.push((*number, at_s, row, scans::body(c, &id)?));
            }
            Ok(found)
        })
    }

    /// The number of the oldest flow that is kept; None: there is none.
    pub(crate) fn oldest_flow_number(&self) -> Result<Option<i64>, StoreError> {
        self.read(|c| Ok(c.query_row("SELECT min(row) FROM flows", [], |row| row.get(0))?))
    }
}

/// Rows are appended and deleted at the ends only: what lies between the number looked at last and the oldest row was deleted.
fn flow_keys(c: &Connection, (after, upto): (i64, i64), limit: usize, judged: bool) -> rusqlite::Result<Keys> {
    let oldest: Option<i64> = c.query_row("SELECT min(row) FROM flows", [], |row| row.get(0))?;
    let missed = oldest.filter(|_| after > 0).map_or(0, |oldest| (oldest - after - 1).max(0));
    let mut statement = c.prepare_cached(
        "SELECT row, end_ns, score IS NOT NULL FROM flows WHERE row > ?1 AND row <= ?2 ORDER BY row LIMIT ?3",
    )?;
    let mut keys = Keys { last: after, missed: missed as u64, ..Keys::default() };
    let mut rows = statement.query(params![after, upto, limit as i64])?;
    while let Some(row) = rows.next()? {
        keys.last = row.get(0)?;
        keys.looked_at += 1;
        if !judged || row.get(2)? {
            keys.found.push(Key { number: keys.last, time_ns: row.get(1)? });
        }
    }
    Ok(keys)
}

fn change_keys(c: &Connection, sql: &str, after: i64, upto: i64, limit: usize) -> rusqlite::Result<Keys> {
    let mut statement = c.prepare_cached(sql)?;
    let read = |row: &Row| Ok(Key { number: row.get(0)?, time_ns: row.get(1)? });
    let keys =
        statement.query_map(params![after, upto, limit as i64], read)?.collect::<rusqlite::Result<Vec<Key>>>()?;
    let last = keys.last().map_or(after, |key| key.number);
    let looked_at = keys.len();
    Ok(Keys { found: keys, last, looked_at, missed: 0 })
}
