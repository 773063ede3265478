//! What serving asks of whoever keeps files handed over for an analysis of their own; `app` implements it. Calls come from blocking
//! threads and may wait for the disk.

use crate::LiveError;
use crate::shapes::{Upload, UploadDetail, Uploads};

/// The keeper.
pub trait UploadKeeper: Send + Sync {
    /// All files and the bounds.
    fn list(&self) -> Uploads;
    /// One file with its analysis.
    ///
    /// # Errors
    /// `NotFound`; `Unavailable` when its analysis cannot be read.
    fn get(&self, id: &str) -> Result<UploadDetail, LiveError>;
    /// Begins to take a file; `bytes` is what the sender says of its size.
    ///
    /// # Errors
    /// `TooLarge` for one over the bound, `Conflict` when all together would be, `Unavailable` when it cannot be kept.
    fn begin(&self, name: &str, bytes: Option<u64>) -> Result<Box<dyn Receiving>, LiveError>;
    /// Deletes a file with its analysis; one that is being analysed is stopped first.
    ///
    /// # Errors
    /// `NotFound`; `Unavailable` when it cannot be deleted.
    fn remove(&self, id: &str) -> Result<(), LiveError>;
}

/// A file on its way. Dropped before `finish`, nothing is kept of it.
pub trait Receiving: Send {
    /// Takes the next bytes.
    ///
    /// # Errors
    /// As `UploadKeeper::begin`.
    fn write(&mut self, bytes: &[u8]) -> Result<(), LiveError>;
    /// It is whole.
    ///
    /// # Errors
    /// `Refused` when nothing came; `Unavailable` when it cannot be kept.
    fn finish(self: Box<Self>) -> Result<Upload, LiveError>;
}
