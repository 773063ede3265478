//! The audit log: every change and every log-in, by whom, from where, when, from what to what. Rows are only added; the oldest go at
//! the bound.

use super::Access;
use crate::StoreError;
use record::Timestamp;
use rusqlite::params;
use serde::{Deserialize, Serialize};

/// Rows kept.
pub const AUDIT_MAX: i64 = 50_000;
/// Bytes of a row's text.
const TEXT_BYTES_MAX: usize = 4_096;
/// Bytes of its other fields, each.
const FIELD_BYTES_MAX: usize = 200;

/// One row.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct AuditRow {
    /// Number, rising.
    pub id: i64,
    /// When, wall time.
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = DateTime))]
    pub ts: Timestamp,
    /// Who: a user's name, `token NAME`, `command line`, empty where nobody had to log in.
    pub who: String,
    /// As what; empty where nobody had to log in.
    pub role: String,
    /// From which address; empty on the command line.
    pub address: String,
    /// What was done: an operation of the API, `login`, `logout`, `user_add` …
    pub what: String,
    /// To what.
    pub subject: String,
    /// Was it done? False: it was refused.
    pub done: bool,
    /// From what to what, or why not, in words; without secrets.
    pub text: String,
}

/// Which rows.
#[derive(Clone, Copy, Debug)]
pub struct AuditQuery<'a> {
    /// Only older than this number.
    pub before: Option<i64>,
    /// Only of this who or what; empty: all.
    pub about: &'a str,
    /// Most rows.
    pub limit: u32,
}

fn cut(text: &str, bytes: usize) -> &str {
    &text[..text.floor_char_boundary(bytes)]
}

impl Access {
    /// Adds one; its number is given by the log.
    ///
    /// # Errors
    /// The database's.
    pub fn audit(&self, row: &AuditRow) -> Result<(), StoreError> {
        let field = |text| cut(text, FIELD_BYTES_MAX);
        self.read(|c| {
            c.prepare_cached(
                "INSERT INTO audit (ts_ns, who, role, address, what, subject, done, text) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
            )?
            .execute(params![
                row.ts.0,
                field(&row.who),
                row.role,
                field(&row.address),
                field(&row.what),
                field(&row.subject),
                row.done,
                cut(&row.text, TEXT_BYTES_MAX)
            ])?;
            c.prepare_cached("DELETE FROM audit WHERE id <= (SELECT max(id) FROM audit) - ?1")?.execute([AUDIT_MAX])?;
            Ok(())
        })
    }

    /// Newest first.
    ///
    /// # Errors
    /// The database's.
    pub fn audit_rows(&self, query: &AuditQuery<'_>) -> Result<Vec<AuditRow>, StoreError> {
        self.read(|c| {
            c.prepare_cached(
                "SELECT id, ts_ns, who, role, address, what, subject, done, text FROM audit
                 WHERE id < ?1 AND (?2 = '' OR who = ?2 COLLATE NOCASE OR what = ?2 OR subject = ?2 COLLATE NOCASE OR address = ?2)
                 ORDER BY id DESC LIMIT ?3",
            )?
            .query_map(params![query.before.unwrap_or(i64::MAX), query.about, query.limit], |row| {
                Ok(AuditRow {
                    id: row.get(0)?,
                    ts: Timestamp(row.get(1)?),
                    who: row.get(2)?,
                    role: row.get(3)?,
                    address: row.get(4)?,
                    what: row.get(5)?,
                    subject: row.get(6)?,
                    done: row.get(7)?,
                    text: row.get(8)?,
                })
            })?
            .collect()
        })
    }

    /// How many there are.
    ///
    /// # Errors
    /// The database's.
    pub fn audit_len(&self) -> Result<u64, StoreError> {
        self.read(|c| c.query_row("SELECT count(*) FROM audit", [], |row| row.get::<_, i64>(0)).map(|n| n as u64))
    }
}
