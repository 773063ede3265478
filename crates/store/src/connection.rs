//! Opening the database: pragmas, rights, damage, and one writer per directory. Owns how a failure of the database
//! library becomes one of our errors.

use crate::schema::{self, MigrateError};
use crate::{StoreConfig, StoreError};
use rusqlite::{Connection, ErrorCode, OpenFlags};
use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Name of the database in the data directory.
pub const DATABASE_NAME: &str = "tripline.db";
/// Held locked by the process that writes.
const LOCK_NAME: &str = "tripline.lock";
/// Databases up to this size are checked whole when opened; larger ones would delay the start.
const CHECK_BYTES_MAX: u64 = 64 << 20;

/// Makes one of our errors of a database error.
pub(crate) fn explain(path: &Path, source: rusqlite::Error) -> StoreError {
    let path = path.to_path_buf();
    match source.sqlite_error_code() {
        Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => {
            StoreError::Corrupt { path, detail: source.to_string() }
        }
        Some(ErrorCode::ReadOnly | ErrorCode::CannotOpen | ErrorCode::PermissionDenied) => StoreError::NotWritable {
            path: path.parent().map_or(path.clone(), Path::to_path_buf),
            detail: source.to_string(),
        },
        _ => StoreError::Database { path, source },
    }
}

/// Takes the directory's lock; it is let go when the file is dropped or the process dies.
pub(crate) fn lock(dir: &Path) -> Result<File, StoreError> {
    let path = dir.join(LOCK_NAME);
    let refused = |e: std::io::Error| StoreError::NotWritable { path: dir.to_path_buf(), detail: e.to_string() };
    let file = File::options().create(true).truncate(false).write(true).open(&path).map_err(refused)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(StoreError::InUse { path: dir.to_path_buf() }),
        Err(TryLockError::Error(e)) => Err(refused(e)),
    }
}

/// The writer's connection: created, migrated, checked.
pub(crate) fn open_writer(dir: &Path, config: &StoreConfig) -> Result<(Connection, PathBuf), StoreError> {
    let path = dir.join(DATABASE_NAME);
    let mut connection = Connection::open(&path).map_err(|e| explain(&path, e))?;
    prepare(&mut connection, &path, config)?;
    Ok((connection, path))
}

fn prepare(connection: &mut Connection, path: &Path, config: &StoreConfig) -> Result<(), StoreError> {
    let wrap = |e| explain(path, e);
    let reserve = config.wal_reserve();
    connection.busy_timeout(Duration::from_millis(config.busy_timeout_ms)).map_err(wrap)?;
    // Only a database without tables takes this; it is what lets the file shrink again.
    connection.pragma_update(None, "auto_vacuum", "INCREMENTAL").map_err(wrap)?;
    connection.pragma_update_and_check(None, "journal_mode", "WAL", |_| Ok(())).map_err(wrap)?;
    connection.pragma_update(None, "synchronous", "NORMAL").map_err(wrap)?;
    connection.pragma_update(None, "wal_autocheckpoint", (reserve / 4 / 4096) as i64).map_err(wrap)?;
    connection.pragma_update_and_check(None, "journal_size_limit", (reserve / 4) as i64, |_| Ok(())).map_err(wrap)?;
    connection.pragma_update(None, "cache_size", -(64 << 10)).map_err(wrap)?;
    connection.pragma_update(None, "temp_store", "MEMORY").map_err(wrap)?;
    connection.set_prepared_statement_cache_capacity(64);
    schema::migrate(connection, schema::STEPS).map_err(|e| match e {
        MigrateError::TooNew(found) => {
            StoreError::TooNew { path: path.to_path_buf(), found, known: schema::STEPS.len() as i64 }
        }
        MigrateError::Database(e) => explain(path, e),
    })?;
    check(connection, path)
}

fn check(connection: &Connection, path: &Path) -> Result<(), StoreError> {
    if std::fs::metadata(path).map_or(0, |m| m.len()) > CHECK_BYTES_MAX {
        return Ok(());
    }
    let said: String =
        connection.query_row("PRAGMA quick_check(1)", [], |row| row.get(0)).map_err(|e| explain(path, e))?;
    if said == "ok" { Ok(()) } else { Err(StoreError::Corrupt { path: path.to_path_buf(), detail: said }) }
}

/// One of the readers' connections; it cannot write, and never blocks the writer.
pub(crate) fn open_reader(path: &Path, config: &StoreConfig) -> Result<Connection, StoreError> {
    if !path.is_file() {
        return Err(StoreError::Missing { path: path.to_path_buf() });
    }
    let wrap = |e| explain(path, e);
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags).map_err(wrap)?;
    connection.busy_timeout(Duration::from_millis(config.busy_timeout_ms)).map_err(wrap)?;
    connection.pragma_update(None, "query_only", true).map_err(wrap)?;
    connection.pragma_update(None, "cache_size", -(8 << 10)).map_err(wrap)?;
    connection.set_prepared_statement_cache_capacity(32);
    let (found, known) = (schema::version(&connection).map_err(wrap)?, schema::STEPS.len() as i64);
    if found > known {
        return Err(StoreError::TooNew { path: path.to_path_buf(), found, known });
    }
    Ok(connection)
}
