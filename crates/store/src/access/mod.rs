//! Who may come in, on disk: users, sessions, tokens, and the log of what was changed by whom. A small database of its own beside the
//! store, readable by its owner alone: a log-in never waits behind a million flows, deleting the history deletes no user, and
//! `tripline user` works on it while the program runs. Owns the rows and their bounds; knows no password in the clear and no HTTP.

mod audit;
mod schema;
mod sessions;
mod tokens;
mod users;

pub use audit::{AUDIT_MAX, AuditQuery, AuditRow};
pub use sessions::{Session, SessionEnds, SessionStart};
pub use tokens::{NewToken, TOKENS_MAX, Token};
pub use users::{USERS_MAX, User, UserChange};

use crate::StoreError;
use crate::connection::explain;
use rusqlite::{Connection, Transaction, TransactionBehavior};
use serde::{Deserialize, Serialize};
use std::fs::OpenOptions;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Name of the database in the data directory.
pub const ACCESS_NAME: &str = "access.sqlite3";
/// How long a statement waits for another process's.
const BUSY: Duration = Duration::from_secs(5);

/// What somebody may do; each may do what those before may.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Look.
    Viewer,
    /// Work: incidents, suppressions, scans, captures.
    Analyst,
    /// Everything: settings, users, tokens, models.
    Admin,
}

impl Role {
    /// All, from the least.
    pub const ALL: [Self; 3] = [Self::Viewer, Self::Analyst, Self::Admin];

    /// Its name, as settings, commands and the API spell it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Viewer => "viewer",
            Self::Analyst => "analyst",
            Self::Admin => "admin",
        }
    }

    /// By name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.name() == name)
    }
}

/// Why something asked of users or tokens was not done; each is a sentence for the person who asked.
#[derive(Debug, thiserror::Error)]
pub enum AccessError {
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// There is none of this name.
    #[error("there is no {what} `{name}`")]
    Missing {
        /// `user`, `token`.
        what: &'static str,
        /// As asked.
        name: String,
    },
    /// Not possible as things are.
    #[error("{0}")]
    Refused(String),
}

/// The database. Cheap to ask from many threads: calls take turns, each some ten microseconds.
pub struct Access {
    connection: Mutex<Connection>,
    path: PathBuf,
}

impl Access {
    /// Opens or makes it.
    ///
    /// # Errors
    /// Not writable, damaged, or of a newer version.
    pub fn open(data_dir: &Path) -> Result<Self, StoreError> {
        let path = data_dir.join(ACCESS_NAME);
        let refused =
            |e: std::io::Error| StoreError::NotWritable { path: data_dir.to_path_buf(), detail: e.to_string() };
        std::fs::create_dir_all(data_dir).map_err(refused)?;
        // Made with its rights, and set back to them: the side files take those of the database.
        let file = OpenOptions::new().create(true).append(true).mode(0o600).open(&path).map_err(refused)?;
        if file.metadata().map_err(refused)?.permissions().mode() & 0o077 != 0 {
            file.set_permissions(std::fs::Permissions::from_mode(0o600)).map_err(refused)?;
        }
        drop(file);
        give_to_owner(data_dir, &path);
        let mut connection = Connection::open(&path).map_err(|e| explain(&path, e))?;
        prepare(&mut connection).map_err(|e| explain(&path, e))?;
        schema::migrate(&mut connection, &path)?;
        Ok(Self { connection: Mutex::new(connection), path })
    }

    /// The same where it is there already; None where nobody ever made it.
    ///
    /// # Errors
    /// As of `open`.
    pub fn open_if_there(data_dir: &Path) -> Result<Option<Self>, StoreError> {
        if data_dir.join(ACCESS_NAME).is_file() { Self::open(data_dir).map(Some) } else { Ok(None) }
    }

    fn lock(&self) -> MutexGuard<'_, Connection> {
        self.connection.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn explain(&self, error: rusqlite::Error) -> StoreError {
        explain(&self.path, error)
    }

    fn read<T>(&self, work: impl FnOnce(&Connection) -> rusqlite::Result<T>) -> Result<T, StoreError> {
        work(&self.lock()).map_err(|e| self.explain(e))
    }

    /// In one transaction that has the right to write from its beginning: another process's never makes it begin again.
    fn write<T>(&self, work: impl FnOnce(&Transaction<'_>) -> Result<T, AccessError>) -> Result<T, AccessError> {
        let mut connection = self.lock();
        let transaction = connection
            .transaction_with_behavior(TransactionBehavior::Immediate)
            .map_err(|e| AccessError::Store(self.explain(e)))?;
        let result = work(&transaction)?;
        transaction.commit().map_err(|e| AccessError::Store(self.explain(e)))?;
        Ok(result)
    }

    /// A failure of the database inside a transaction.
    fn failed(&self) -> impl Fn(rusqlite::Error) -> AccessError + '_ {
        |error| AccessError::Store(self.explain(error))
    }
}

/// `sudo tripline user add` must not shut out the service, which runs as somebody else: the file is the folder's owner's. Only root can
/// and need do this; SQLite gives the side files to the same.
fn give_to_owner(data_dir: &Path, path: &Path) {
    if let (Ok(folder), Ok(file)) = (std::fs::metadata(data_dir), std::fs::metadata(path))
        && folder.uid() != file.uid()
    {
        drop(std::os::unix::fs::chown(path, Some(folder.uid()), Some(folder.gid())));
    }
}

fn prepare(connection: &mut Connection) -> rusqlite::Result<()> {
    connection.busy_timeout(BUSY)?;
    connection.pragma_update_and_check(None, "journal_mode", "WAL", |_| Ok(()))?;
    // Few and small writes: who was removed stays removed over a power cut.
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "secure_delete", true)?;
    connection.pragma_update_and_check(None, "journal_size_limit", 1 << 20, |_| Ok(()))?;
    Ok(())
}

#[cfg(test)]
mod tests;
