//! Incidents: list and detail.

use super::page::{List, count, rows};
use super::{ReadError, flows, similar};
use crate::read::ListQuery;
use crate::{IncidentDetail, Page};
use record::Incident;
use rusqlite::{Connection, OptionalExtension, Row};
use std::collections::BTreeMap;

static LIST: List = List {
    table: "incidents",
    columns: "body, raised_ns",
    time: "raised_ns",
    tie: "id",
    ends: "last_ns",
    begins: "first_ns",
};

/// How incidents are listed.
pub(super) fn list() -> &'static List {
    &LIST
}

/// Incidents that name one of these flows.
pub(super) fn naming(connection: &Connection, flows: &[u64]) -> rusqlite::Result<Vec<String>> {
    let ids = serde_json::to_string(flows).unwrap_or_default();
    let mut statement = connection.prepare_cached(
        "SELECT DISTINCT incident FROM incident_flows WHERE flow_id IN (SELECT value FROM json_each(?1))",
    )?;
    statement.query_map([ids], |row| row.get(0))?.collect()
}

/// The stored body as an incident; a body that cannot be read is a damaged database.
pub(super) fn incident(row: &Row) -> rusqlite::Result<Incident> {
    let body = row.get_ref(0)?.as_str()?;
    serde_json::from_str(body)
        .map_err(|e| rusqlite::Error::FromSqlConversionFailure(0, rusqlite::types::Type::Text, Box::new(e)))
}

/// One page.
pub(super) fn page(connection: &Connection, query: &ListQuery) -> Result<Page<Incident>, ReadError> {
    let (items, next_cursor) = plain_page(connection, query)?;
    let (total, total_exact) = count(connection, &LIST, query)?;
    Ok(Page { items, total, total_exact, next_cursor })
}

/// One page and the cursor of the next, without a count.
pub(super) fn plain_page(
    connection: &Connection,
    query: &ListQuery,
) -> Result<(Vec<Incident>, Option<String>), ReadError> {
    // The cursor comes from the column: the body's times end at microseconds.
    let read = |row: &Row| Ok((incident(row)?, row.get::<_, i64>(1)?));
    let raw =
        rows(connection, &LIST, query, read, |(i, raised)| format!("{raised}_{}", i.id), |(_, raised)| (*raised, 0))?;
    Ok((raw.items.into_iter().map(|(i, _)| i).collect(), raw.next_cursor))
}

/// How many incidents each suppression hides.
pub(super) fn suppressed_counts(connection: &Connection) -> rusqlite::Result<Vec<(u64, u64)>> {
    let mut statement = connection.prepare_cached(
        "SELECT suppressed_by, count(*) FROM incidents WHERE suppressed_by IS NOT NULL GROUP BY suppressed_by",
    )?;
    statement.query_map([], |row| Ok((row.get::<_, i64>(0)? as u64, row.get::<_, i64>(1)? as u64)))?.collect()
}

/// One incident.
pub(super) fn one(connection: &Connection, id: &str) -> rusqlite::Result<Option<Incident>> {
    connection.prepare_cached("SELECT body FROM incidents WHERE id = ?1")?.query_row([id], incident).optional()
}

/// One incident, its flows and its like.
pub(super) fn detail(connection: &Connection, id: &str) -> Result<Option<IncidentDetail>, ReadError> {
    let Some(found) = one(connection, id)? else { return Ok(None) };
    let flows = flows::of_incident(connection, id, 500)?;
    let similar = similar::of(connection, &found)?;
    Ok(Some(IncidentDetail { incident: found, flows, similar, countries: BTreeMap::new() }))
}
