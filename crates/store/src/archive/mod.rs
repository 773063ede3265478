//! The long history as Parquet on a folder or an object store: what the embedded store keeps for weeks is published here for years, laid out
//! for Spark, DuckDB, Athena and Trino. Owns the layout, the schemas, publishing exactly once, compaction, retention and reading back
//! (docs/decisions/0011). Knows no thread and no clock: who calls says what time it is.

pub mod config;

#[cfg(feature = "archive")]
mod archiver;
#[cfg(feature = "archive")]
mod cloud;
#[cfg(feature = "archive")]
mod compact;
#[cfg(feature = "archive")]
mod error;
#[cfg(feature = "archive")]
mod file;
#[cfg(feature = "archive")]
mod matching;
#[cfg(feature = "archive")]
mod names;
#[cfg(feature = "archive")]
mod object;
#[cfg(feature = "archive")]
mod place;
#[cfg(feature = "archive")]
mod publish;
#[cfg(feature = "archive")]
mod read_back;
#[cfg(feature = "archive")]
mod rows;
#[cfg(feature = "archive")]
pub(crate) mod tables;
#[cfg(all(test, feature = "archive"))]
mod tests;

#[cfg(feature = "archive")]
pub use archiver::{Archiver, Progress};
pub use config::{ArchiveConfig, ArchiveKind};
#[cfg(feature = "archive")]
pub use error::ArchiveError;
#[cfg(feature = "archive")]
pub use names::new_writer;
#[cfg(feature = "archive")]
pub use object::put_object;
#[cfg(feature = "archive")]
pub use read_back::ArchiveReader;
#[cfg(feature = "archive")]
pub use rows::ArchivedRows;
#[cfg(feature = "archive")]
pub use tables::{ArchivedScan, ArchivedVerdict};

/// Name of the setting in the store that holds the store's name in the archive.
pub const WRITER: &str = "archive_writer";
