//! What people changed, newest first.

use crate::rows::AuditEntry;
use record::Timestamp;
use rusqlite::Connection;

/// At most `limit` changes.
pub(super) fn newest(connection: &Connection, limit: u32) -> rusqlite::Result<Vec<AuditEntry>> {
    let mut statement =
        connection.prepare_cached("SELECT ts_ns, what, subject, text FROM audit ORDER BY id DESC LIMIT ?1")?;
    let read = |row: &rusqlite::Row| {
        Ok(AuditEntry { ts: Timestamp(row.get(0)?), what: row.get(1)?, subject: row.get(2)?, text: row.get(3)? })
    };
    statement.query_map([limit], read)?.collect()
}
