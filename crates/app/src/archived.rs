//! What of the archive commands and the dashboard use: rows that the database no longer keeps, and reports put on object stores. Owns what a
//! build without archives says instead.

use crate::config::Config;
use crate::failure::{Failure, Result};
use std::sync::Arc;
use store::Reader;
use store::export::RowSource;

/// Beginnings of addresses that are no files.
const STORES: [&str; 9] =
    ["s3://", "s3a://", "gs://", "az://", "azure://", "abfs://", "abfss://", "http://", "https://"];

/// Is this the address of an object, and no file?
pub fn is_object(address: &str) -> bool {
    STORES.into_iter().any(|begin| address.starts_with(begin))
}

/// Rows of the database and, where there is an archive, of what it published and deleted.
#[cfg(feature = "archive")]
pub fn rows(config: &Config, reader: &Arc<Reader>) -> Arc<dyn RowSource> {
    if !config.archive.is_on() {
        return Arc::clone(reader) as Arc<dyn RowSource>;
    }
    let (archive, kept) = (config.archive.clone(), config.store.clone());
    Arc::new(store::archive::ArchivedRows::new(Arc::clone(reader), archive, kept, crate::live::wall_clock))
}

/// Rows of the database.
#[cfg(not(feature = "archive"))]
pub fn rows(_: &Config, reader: &Arc<Reader>) -> Arc<dyn RowSource> {
    Arc::clone(reader) as Arc<dyn RowSource>
}

/// Puts an object at an address, with the credentials of `[archive]`.
#[cfg(feature = "archive")]
pub fn put(config: &Config, address: &str, bytes: Vec<u8>) -> Result<()> {
    store::archive::put_object(&config.archive, address, bytes).map_err(|error| Failure::new(error.to_string()))
}

/// Says that it cannot be.
#[cfg(not(feature = "archive"))]
pub fn put(_: &Config, address: &str, _: Vec<u8>) -> Result<()> {
    Err(Failure::new(format!("{address}: this build has no object stores; build it with `make release`")))
}

#[cfg(test)]
mod tests {
    use super::is_object;

    #[test]
    fn addresses_are_told_from_files() {
        assert!(["s3://b/k.html", "gs://b/k", "az://c/k"].into_iter().all(is_object));
        assert!(!["report.html", "./s3:/x", "/srv/s3/x", "-"].into_iter().any(is_object));
    }
}
