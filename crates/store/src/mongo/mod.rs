//! Results kept in MongoDB: what changed in the embedded store (`crate::journal`) becomes documents that are put in place by their id,
//! again and again until the server has them (docs/decisions/0012). Owns settings, documents, indexes and the words of the server's
//! refusals; starts no thread.

pub mod config;

#[cfg(feature = "mongodb")]
mod client;
#[cfg(feature = "mongodb")]
mod documents;
#[cfg(feature = "mongodb")]
mod indexes;
#[cfg(feature = "mongodb")]
mod reports;
#[cfg(feature = "mongodb")]
mod sink;
#[cfg(feature = "mongodb")]
mod trouble;

pub use crate::journal::Collection;
pub use config::MongoConfig;

#[cfg(feature = "mongodb")]
pub use sink::{Sink, SinkCounters};
#[cfg(feature = "mongodb")]
pub use trouble::Trouble;
