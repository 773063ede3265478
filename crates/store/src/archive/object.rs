//! One object of any name at an address of its own, with the archive's credentials: reports go this way. Owns how the address is read.

use super::cloud::Cloud;
use super::place::Place;
use super::{ArchiveConfig, ArchiveError};
use bytes::Bytes;

/// Writes `bytes` to `url` (`s3://bucket/folder/name`, `gs://…`, `az://…`); an object of that name is replaced. Region, endpoint, credentials and
/// time limit are the archive's.
///
/// # Errors
/// The address names no object, or the store did not take it.
pub fn put_object(archive: &ArchiveConfig, url: &str, bytes: Vec<u8>) -> Result<(), ArchiveError> {
    let wanted = || ArchiveError::Config(format!("{url}: write the object's name too, as in s3://bucket/folder/name"));
    let (folder, name) = url.rsplit_once('/').ok_or_else(wanted)?;
    if name.is_empty() || folder.ends_with(":/") || folder.ends_with(':') {
        return Err(wanted());
    }
    let place = Cloud::open(&ArchiveConfig { url: folder.to_owned(), ..archive.clone() })?;
    place.put(name, Bytes::from(bytes))
}
