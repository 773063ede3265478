//! What waits to be written elsewhere: the entries of the journal with the things that they name, as they are now.

use super::{ReadError, assets, flows, hosts, incidents, scans};
use crate::flow_blob::address;
use crate::journal::{Collection, exists};
use crate::rows::HostRow;
use crate::{FlowDetail, StoreError};
use record::{AssetEvent, Finding, Incident, ScanRow};
use rusqlite::types::Value;
use rusqlite::{Connection, OptionalExtension, params};

/// Changes and findings of a scan that go with it; a document elsewhere has a bound.
pub const SCAN_ROWS_MAX: usize = 2_000;

/// A scan with what it changed.
#[derive(Clone, Debug)]
pub struct ScanChanges {
    /// The scan.
    pub row: ScanRow,
    /// What it changed, at most `SCAN_ROWS_MAX`.
    pub events: Vec<AssetEvent>,
    /// What was strange in it, strangest first, at most as many.
    pub findings: Vec<Finding>,
    /// Changes and findings beyond it.
    pub left_out: u64,
}

/// A thing as it is now.
#[derive(Clone, Debug)]
pub enum Thing {
    /// An incident.
    Incident(Box<Incident>),
    /// A flow that was judged anomalous.
    Alert(Box<FlowDetail>),
    /// A host.
    Host(Box<HostRow>),
    /// A scan.
    Scan(Box<ScanChanges>),
}

/// One entry.
#[derive(Clone, Debug)]
pub struct Listed {
    /// Revision; rises with every change.
    pub revision: i64,
    /// None: the store keeps it no more.
    pub thing: Option<Thing>,
}

/// Entries of one collection after a revision, oldest first.
pub(super) fn listed(
    connection: &Connection,
    collection: Collection,
    after: i64,
    limit: usize,
) -> Result<Vec<Listed>, ReadError> {
    if !exists(connection, "table", "journal")? {
        return Ok(Vec::new());
    }
    let mut statement =
        connection.prepare_cached("SELECT seq, id FROM journal WHERE what = ?1 AND seq > ?2 ORDER BY seq LIMIT ?3")?;
    let entries = statement
        .query_map(params![collection.name(), after, limit as i64], |row| Ok((row.get(0)?, row.get(1)?)))?
        .collect::<rusqlite::Result<Vec<(i64, Value)>>>()?;
    let entry = |(revision, id)| Ok(Listed { revision, thing: readable(thing(connection, collection, id))? });
    entries.into_iter().map(entry).collect()
}

/// A row that cannot be read must not hold up the others for ever.
fn readable(thing: Result<Option<Thing>, ReadError>) -> Result<Option<Thing>, ReadError> {
    match thing {
        Err(ReadError::Database(rusqlite::Error::FromSqlConversionFailure(..))) => Ok(None),
        other => other,
    }
}

fn thing(connection: &Connection, collection: Collection, id: Value) -> Result<Option<Thing>, ReadError> {
    Ok(match (collection, id) {
        (Collection::Incidents, Value::Text(id)) => {
            incidents::one(connection, &id)?.map(|found| Thing::Incident(Box::new(found)))
        }
        (Collection::Alerts, Value::Integer(id)) => {
            flows::detail(connection, id as u64)?.map(|found| Thing::Alert(Box::new(found)))
        }
        (Collection::Hosts, Value::Blob(ip)) => {
            hosts::one(connection, address(&ip))?.map(|found| Thing::Host(Box::new(found)))
        }
        (Collection::Scans, Value::Text(id)) => scan(connection, &id)?.map(|found| Thing::Scan(Box::new(found))),
        _ => None,
    })
}

fn scan(connection: &Connection, id: &str) -> rusqlite::Result<Option<ScanChanges>> {
    let Some(row) = scans::one(connection, id)? else { return Ok(None) };
    let (mut events, mut findings) =
        (assets::events_of_scan(connection, id)?, assets::findings_of_scan(connection, id)?);
    let over = |len: usize| len.saturating_sub(SCAN_ROWS_MAX) as u64;
    let left_out = over(events.len()) + over(findings.len());
    events.truncate(SCAN_ROWS_MAX);
    findings.truncate(SCAN_ROWS_MAX);
    Ok(Some(ScanChanges { row, events, findings, left_out }))
}

/// The newest revision listed of a collection; 0: none.
pub(super) fn newest(connection: &Connection, collection: Collection) -> rusqlite::Result<i64> {
    if !exists(connection, "table", "journal")? {
        return Ok(0);
    }
    let newest = "SELECT seq FROM journal WHERE what = ?1 ORDER BY seq DESC LIMIT 1";
    Ok(connection.prepare_cached(newest)?.query_row([collection.name()], |row| row.get(0)).optional()?.unwrap_or(0))
}

/// Entries of a collection.
pub(super) fn waiting(connection: &Connection, collection: Collection) -> rusqlite::Result<u64> {
    if !exists(connection, "table", "journal")? {
        return Ok(0);
    }
    let count: i64 = connection
        .prepare_cached("SELECT count(*) FROM journal WHERE what = ?1")?
        .query_row([collection.name()], |row| row.get(0))?;
    Ok(count as u64)
}

/// The revisions of the oldest entries.
pub(super) fn oldest(connection: &Connection, collection: Collection, limit: u64) -> rusqlite::Result<Vec<i64>> {
    let mut statement = connection.prepare_cached("SELECT seq FROM journal WHERE what = ?1 ORDER BY seq LIMIT ?2")?;
    statement.query_map(params![collection.name(), limit as i64], |row| row.get(0))?.collect()
}

impl super::Reader {
    /// What waits of a collection to be written elsewhere after a revision, oldest first.
    ///
    /// # Errors
    /// As `Read::incidents`.
    pub fn listed(&self, collection: Collection, after: i64, limit: usize) -> Result<Vec<Listed>, StoreError> {
        self.read(|c| listed(c, collection, after, limit))
    }

    /// The newest revision that waits; 0: none.
    ///
    /// # Errors
    /// As `Read::incidents`.
    pub fn newest_listed(&self, collection: Collection) -> Result<i64, StoreError> {
        self.read(|c| Ok(newest(c, collection)?))
    }

    /// How many wait.
    ///
    /// # Errors
    /// As `Read::incidents`.
    pub fn waiting(&self, collection: Collection) -> Result<u64, StoreError> {
        self.read(|c| Ok(waiting(c, collection)?))
    }

    /// Revisions of those that have waited longest.
    ///
    /// # Errors
    /// As `Read::incidents`.
    pub fn oldest_listed(&self, collection: Collection, limit: u64) -> Result<Vec<i64>, StoreError> {
        self.read(|c| Ok(oldest(c, collection, limit)?))
    }
}
