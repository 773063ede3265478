//! What can go wrong with the store, each in one sentence: what, where, what to do.

use std::path::PathBuf;

/// Failures of opening, writing and reading.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The file is no database, or a damaged one. Nothing was deleted.
    #[error(
        "the database {} is damaged ({detail}); nothing was deleted: move it and its -wal and -shm files aside and \
         start again, or restore a copy",
        path.display()
    )]
    Corrupt {
        /// The database file.
        path: PathBuf,
        /// What the database library said.
        detail: String,
    },
    /// A newer program wrote it.
    #[error(
        "the database {} has schema {found}, this version knows up to {known}; use the newer version, or another data \
         directory",
        path.display()
    )]
    TooNew {
        /// The database file.
        path: PathBuf,
        /// Schema found.
        found: i64,
        /// Newest schema known here.
        known: i64,
    },
    /// The directory or a file in it cannot be written.
    #[error("cannot write in the data directory {} ({detail}); make it writable, or choose another with --data-dir", path.display())]
    NotWritable {
        /// The directory.
        path: PathBuf,
        /// What the system said.
        detail: String,
    },
    /// Another process writes this store.
    #[error(
        "the data directory {} is in use by another process; stop that one, or choose another with --data-dir",
        path.display()
    )]
    InUse {
        /// The directory.
        path: PathBuf,
    },
    /// There is no store to read.
    #[error("there is no database at {}; run once with this data directory, or choose another with --data-dir", path.display())]
    Missing {
        /// The database file.
        path: PathBuf,
    },
    /// A bound makes no sense.
    #[error("store.{name} is {value}, it must be {wanted}")]
    Config {
        /// Setting.
        name: &'static str,
        /// Its value.
        value: u64,
        /// What it must be.
        wanted: &'static str,
    },
    /// A filter could not be read.
    #[error(transparent)]
    Query(#[from] crate::query::QueryError),
    /// A cursor that this list did not hand out.
    #[error("the cursor `{0}` is not one that this list gave; start again without it")]
    Cursor(String),
    /// A read took longer than its time limit.
    #[error("the query took longer than {limit_ms} ms and was ended; narrow the time range or the filter")]
    TooSlow {
        /// `read_timeout_ms`.
        limit_ms: u64,
    },
    /// Apache Kafka cannot be used as it is set.
    #[error("{what}")]
    Kafka {
        /// What is wrong, where, and what to do.
        what: String,
    },
    /// The archive cannot be read or written.
    #[error("{what}")]
    Archive {
        /// What is wrong, where, and what to do.
        what: String,
    },
    /// The writer is gone (closed, or its thread ended).
    #[error("the store is closed")]
    Closed,
    /// Anything else the database said.
    #[error("the database {} failed: {source}", path.display())]
    Database {
        /// The database file.
        path: PathBuf,
        /// What it said.
        source: rusqlite::Error,
    },
    /// A file beside the database failed.
    #[error("{}: {source}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
}
