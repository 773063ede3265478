//! Sinks and the read traits of the API.
//!
//! This room owns how flows, incidents, hosts and series are kept and found again: the embedded database, its one
//! writer, its bounds on disk, the filter language of the lists. It knows no HTTP, no packet and no model.

pub mod access;
pub mod archive;
pub mod civil;
pub mod config;
pub mod csv_log;
pub mod error;
pub mod evidence;
pub mod export;
pub mod formats;
pub mod journal;
#[cfg(feature = "kafka")]
pub mod kafka;
pub mod mongo;
pub mod notify;
pub mod query;
pub mod read;
pub mod rows;
pub mod scan_rows;
pub mod sqlite;

mod codec;
// Without the archive nobody reads tables back.
#[cfg_attr(not(feature = "archive"), allow(dead_code))]
mod columnar;
mod connection;
mod flow_blob;
mod graph_rows;
mod look;
mod queue;
mod reader;
mod retention;
mod schema;
mod spool;
mod spool_form;
mod write;
mod writer;

pub use config::StoreConfig;
pub use connection::DATABASE_NAME;
pub use error::StoreError;
pub use evidence::EvidenceFolder;
pub use graph_rows::{Graph, GraphEdge, GraphNode, GraphOf, IncidentCounts, KindCounts};
pub use look::{DataDirectory, look};
pub use query::{Field, FieldKind, FieldValue, Query, QueryError};
pub use read::{AssetSort, HostSort, ListQuery, Read, SeriesQuery, TimeRange, TopWhat};
pub use reader::Reader;
pub use reader::journal::{Listed, ScanChanges, Thing};
pub use rows::{
    AuditEntry, FlowDetail, FlowRow, HostCourse, HostDetail, HostProfile, HostRow, IncidentDetail, Page, ScatterPoint,
    ScatterResult, SimilarIncident, TopRow,
};
pub use scan_rows::{AssetDetail, AssetPortRow, AssetRow, AssetTotals, FirstUse, ScanHostRow, SeenBy};
pub use sqlite::{FeedbackEvent, FlowWrite, FlowsHeld, IncidentChange, ScanWrite, Sqlite, StoreBatch, StoreCounters};
