//! Rows of a store as downloads: what can be exported in which form, and how rows become bytes while they come. Owns forms, columns and
//! order; where rows come from is behind `RowSource`, so that another place of rows (an archive) can stand before or behind the database.

mod alerts;
mod ask;
mod columns;
mod pcapng;
mod run;
mod source;
mod table;
mod table_parquet;
#[cfg(test)]
mod tests;

pub use ask::{Ask, ExportError, Form, What};
pub use run::{Done, Exporter};
pub use source::{RowSource, SeriesRow, Visit};
