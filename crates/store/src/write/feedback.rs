//! What people said of incidents, appended.

use crate::sqlite::FeedbackEvent;
use rusqlite::{Connection, params};

/// Appends; an event that is there already (a transaction tried again) stays as it is.
pub(crate) fn write(connection: &Connection, events: &[FeedbackEvent]) -> rusqlite::Result<()> {
    if events.is_empty() {
        return Ok(());
    }
    let mut add = connection.prepare_cached(
        "INSERT OR IGNORE INTO feedback (id, ts_ns, incident, body, columns, vectors) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
    )?;
    for event in events {
        let vectors: Vec<u8> = event.values.iter().flat_map(|value| value.to_le_bytes()).collect();
        add.execute(params![event.id as i64, event.ts.0, event.incident, event.body, event.columns, vectors])?;
    }
    Ok(())
}
