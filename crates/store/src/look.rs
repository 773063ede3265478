//! What a data directory holds, before anything opens it to write. Owns the look; it changes nothing and waits for nobody.

use crate::connection::DATABASE_NAME;
use crate::schema;
use rusqlite::{Connection, OpenFlags};
use std::path::Path;

/// What was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DataDirectory {
    /// No database yet.
    Empty,
    /// Of this version's schema.
    Current(i64),
    /// Of an earlier one, and the one it is brought to.
    Older(i64, i64),
    /// Of a later one, and the one that is known.
    Newer(i64, i64),
    /// It cannot be read.
    Damaged(String),
}

/// Looks into a data directory.
#[must_use]
pub fn look(dir: &Path) -> DataDirectory {
    let path = dir.join(DATABASE_NAME);
    if !path.exists() {
        return DataDirectory::Empty;
    }
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let found = Connection::open_with_flags(&path, flags).and_then(|connection| schema::version(&connection));
    let known = schema::STEPS.len() as i64;
    match found {
        Ok(found) if found == known => DataDirectory::Current(found),
        Ok(found) if found < known => DataDirectory::Older(found, known),
        Ok(found) => DataDirectory::Newer(found, known),
        Err(error) => DataDirectory::Damaged(error.to_string()),
    }
}
