//! Incidents: list and detail.

use super::page::{List, count, rows};
use super::{ReadError, flows};
use crate::read::ListQuery;
use crate::{IncidentDetail, Page};
use record::Incident;
use rusqlite::{Connection, OptionalExtension, Row, params};

static LIST: List = List {
    table: "incidents",
    columns: "body, raised_ns",
    time: "raised_ns",
    tie: "id",
    ends: "last_ns",
    begins: "first_ns",
};

/// The stored body as an incident; a body that cannot be read is a damaged database.
pub(super) fn incident(row: &Row) -> rusqlite::Result<Incident> {
    let body = row.get_ref(0)?.as_str()?;
    serde_json::from_str(body)
        .map_err(|e| rusqlite::Error::FromSqlConversionFailure(0, rusqlite::types::Type::Text, Box::new(e)))
}

/// One page.
pub(super) fn page(connection: &Connection, query: &ListQuery) -> Result<Page<Incident>, ReadError> {
    // The cursor comes from the column: the body's times end at microseconds.
    let read = |row: &Row| Ok((incident(row)?, row.get::<_, i64>(1)?));
    let raw =
        rows(connection, &LIST, query, read, |(i, raised)| format!("{raised}_{}", i.id), |(_, raised)| (*raised, 0))?;
    let (total, total_exact) = count(connection, &LIST, query)?;
    let items = raw.items.into_iter().map(|(i, _)| i).collect();
    Ok(Page { items, total, total_exact, next_cursor: raw.next_cursor })
}

/// One incident, its flows and its like.
pub(super) fn detail(connection: &Connection, id: &str) -> Result<Option<IncidentDetail>, ReadError> {
    let found =
        connection.prepare_cached("SELECT body FROM incidents WHERE id = ?1")?.query_row([id], incident).optional()?;
    let Some(found) = found else { return Ok(None) };
    let flows = flows::of_incident(connection, id, 500)?;
    let src = found.src.first().map(|ip| ip.0.to_vec()).unwrap_or_default();
    let mut statement = connection.prepare_cached(
        "SELECT body, id IN (SELECT incident FROM incident_ips WHERE ip = ?3) AS same_source, kind = ?2 AS same_kind
         FROM incidents
         WHERE id <> ?1 AND (kind = ?2 OR id IN (SELECT incident FROM incident_ips WHERE ip = ?3))
         ORDER BY same_source + same_kind DESC, raised_ns DESC, id DESC LIMIT 10",
    )?;
    let similar =
        statement.query_map(params![id, found.kind.name(), src], incident)?.collect::<rusqlite::Result<Vec<_>>>()?;
    Ok(Some(IncidentDetail { incident: found, flows, similar }))
}
