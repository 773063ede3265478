//! What the archive asks of a place that keeps objects. Owns nothing: folders and clouds are `cloud`'s, faults are the tests'.

use super::ArchiveError;
use bytes::Bytes;
use std::ops::Range;

/// One object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    /// Name below the archive's prefix.
    pub name: String,
    /// Size, bytes.
    pub bytes: u64,
}

/// Objects by name; names have `/`. All calls block.
pub(crate) trait Place: Send + Sync {
    /// Makes an object or replaces it. It is there whole or not at all; two of the same name have the same content.
    fn put(&self, name: &str, bytes: Bytes) -> Result<(), ArchiveError>;
    /// Part of an object; `Gone` when it is not there.
    fn get(&self, name: &str, range: Range<u64>) -> Result<Bytes, ArchiveError>;
    /// Every object below a name that ends at a `/`.
    fn list(&self, below: &str) -> Result<Vec<Entry>, ArchiveError>;
    /// Removes an object; one that is not there is removed.
    fn delete(&self, name: &str) -> Result<(), ArchiveError>;
    /// What people call it.
    fn address(&self) -> &str;
}
