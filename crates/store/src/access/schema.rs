//! The tables as an ordered list of steps, as of the store: a step is never changed once released, a new one is appended.

use crate::StoreError;
use crate::connection::explain;
use rusqlite::{Connection, TransactionBehavior};
use std::path::Path;

/// Steps in order.
pub(super) const STEPS: &[&str] = &[STEP_1];

/// `password` is a PHC string, NULL for those whom an identity provider or a proxy names. Of sessions and tokens only the SHA-256 of
/// the secret is there. `known` are addresses from which a user has come in before.
const STEP_1: &str = "
CREATE TABLE users (
  name TEXT PRIMARY KEY COLLATE NOCASE, role TEXT NOT NULL, password TEXT, origin TEXT NOT NULL,
  created_ns INTEGER NOT NULL, changed_ns INTEGER NOT NULL, login_ns INTEGER, subject TEXT
) STRICT, WITHOUT ROWID;
CREATE TABLE sessions (
  hash BLOB PRIMARY KEY, user TEXT NOT NULL COLLATE NOCASE, origin TEXT NOT NULL, address TEXT NOT NULL,
  created_ns INTEGER NOT NULL, used_ns INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX sessions_user ON sessions (user, used_ns);
CREATE TABLE tokens (
  id INTEGER PRIMARY KEY AUTOINCREMENT, hash BLOB NOT NULL UNIQUE, name TEXT NOT NULL UNIQUE COLLATE NOCASE, role TEXT NOT NULL,
  read_only INTEGER NOT NULL, creator TEXT NOT NULL COLLATE NOCASE, created_ns INTEGER NOT NULL, ends_ns INTEGER, used_ns INTEGER
) STRICT;
CREATE TABLE known (
  user TEXT NOT NULL COLLATE NOCASE, address TEXT NOT NULL, at_ns INTEGER NOT NULL, PRIMARY KEY (user, address)
) STRICT, WITHOUT ROWID;
CREATE TABLE audit (
  id INTEGER PRIMARY KEY AUTOINCREMENT, ts_ns INTEGER NOT NULL, who TEXT NOT NULL, role TEXT NOT NULL, address TEXT NOT NULL,
  what TEXT NOT NULL, subject TEXT NOT NULL, done INTEGER NOT NULL, text TEXT NOT NULL
) STRICT;
";

/// Takes the steps that are missing, each in a transaction with its number; two processes at once take each once.
pub(super) fn migrate(connection: &mut Connection, path: &Path) -> Result<(), StoreError> {
    let wrap = |e| explain(path, e);
    loop {
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(wrap)?;
        let found: i64 = transaction.query_row("PRAGMA user_version", [], |row| row.get(0)).map_err(wrap)?;
        let known = STEPS.len() as i64;
        if found > known || found < 0 {
            return Err(StoreError::TooNew { path: path.to_path_buf(), found, known });
        }
        let Some(step) = STEPS.get(found as usize) else { return Ok(()) };
        transaction.execute_batch(step).map_err(wrap)?;
        transaction.pragma_update(None, "user_version", found + 1).map_err(wrap)?;
        transaction.commit().map_err(wrap)?;
    }
}
