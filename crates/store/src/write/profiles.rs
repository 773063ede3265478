//! What people say of hosts, and the log of what they changed.

use crate::rows::{AuditEntry, HostProfile};
use record::Importance;
use rusqlite::{Connection, params};

/// Changes kept in the log; the oldest go first.
const AUDIT_MAX: i64 = 10_000;

/// Rank of an importance, as the table has it.
pub(crate) fn rank(importance: Importance) -> i64 {
    importance as i64
}

/// Adds or replaces profiles; one that says nothing is deleted.
pub(crate) fn write(connection: &Connection, profiles: &[HostProfile]) -> rusqlite::Result<()> {
    for profile in profiles {
        let ip = profile.ip.0.as_slice();
        if profile.is_empty() {
            connection.prepare_cached("DELETE FROM host_profiles WHERE ip = ?1")?.execute([ip])?;
            continue;
        }
        connection
            .prepare_cached(
                "INSERT OR REPLACE INTO host_profiles (ip, importance, label, note, changed_ns) VALUES (?1, ?2, ?3, ?4, ?5)",
            )?
            .execute(params![ip, rank(profile.importance), profile.label, profile.note, profile.changed.0])?;
    }
    Ok(())
}

/// Appends to the log of changes and keeps its bound.
pub(crate) fn audit(connection: &Connection, entries: &[AuditEntry]) -> rusqlite::Result<()> {
    if entries.is_empty() {
        return Ok(());
    }
    let mut add =
        connection.prepare_cached("INSERT INTO audit (ts_ns, what, subject, text) VALUES (?1, ?2, ?3, ?4)")?;
    for entry in entries {
        add.execute(params![entry.ts.0, entry.what, entry.subject, entry.text])?;
    }
    connection
        .prepare_cached("DELETE FROM audit WHERE id <= (SELECT max(id) FROM audit) - ?1")?
        .execute([AUDIT_MAX])?;
    Ok(())
}
