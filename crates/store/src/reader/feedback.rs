//! What people said of incidents, oldest first.

use super::ReadError;
use crate::FeedbackEvent;
use record::Timestamp;
use rusqlite::{Connection, Row};

/// The whole log.
pub(super) fn all(connection: &Connection) -> Result<Vec<FeedbackEvent>, ReadError> {
    let mut statement =
        connection.prepare_cached("SELECT id, ts_ns, incident, body, columns, vectors FROM feedback ORDER BY id")?;
    let read = |row: &Row| {
        let vectors: Vec<u8> = row.get(5)?;
        Ok(FeedbackEvent {
            id: row.get::<_, i64>(0)? as u64,
            ts: Timestamp(row.get(1)?),
            incident: row.get(2)?,
            body: row.get(3)?,
            columns: row.get(4)?,
            values: vectors.chunks_exact(4).map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]])).collect(),
        })
    };
    let events = statement.query_map([], read)?.collect::<rusqlite::Result<Vec<_>>>()?;
    Ok(events)
}
