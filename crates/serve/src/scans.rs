//! What serving asks of whoever scans; `app` implements it. Calls come from blocking threads; names of a request are resolved in one.

use crate::LiveError;
use crate::shapes::{ScanAsked, ScansState};
use record::ScanRow;
use record::scan::Scan;

/// How a difference is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum DiffFormat {
    /// For programs.
    #[default]
    Json,
    /// For people.
    Text,
    /// As nmap's ndiff writes it.
    Xml,
}

impl DiffFormat {
    /// Reads `json`, `text`, `xml`.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        match name {
            "json" => Some(Self::Json),
            "text" => Some(Self::Text),
            "xml" => Some(Self::Xml),
            _ => None,
        }
    }
}

/// The keeper.
pub trait ScanKeeper: Send + Sync {
    /// What may be scanned, what runs, what is known.
    ///
    /// # Errors
    /// `Unavailable` when the store does not answer.
    fn state(&self) -> Result<ScansState, LiveError>;
    /// Scans that run, with their progress.
    fn running(&self) -> Vec<ScanRow>;
    /// Begins a scan.
    ///
    /// # Errors
    /// `Forbidden` for what is not allowed, `Conflict` while a scan of an overlapping network runs, `Refused` for targets or ports that
    /// are none, `Unavailable` when it cannot be kept.
    fn begin(&self, asked: &ScanAsked) -> Result<ScanRow, LiveError>;
    /// Ends a scan that runs; it is over within a second.
    ///
    /// # Errors
    /// `NotFound`; `Conflict` when it does not run.
    fn cancel(&self, id: &str) -> Result<ScanRow, LiveError>;
    /// Takes a file of nmap's into the inventory.
    ///
    /// # Errors
    /// `Refused` when it cannot be read, `Unavailable` when it cannot be kept.
    fn import(&self, xml: &[u8]) -> Result<ScanRow, LiveError>;
    /// What changed from one scan to another.
    fn diff(&self, before: &Scan, after: &Scan, format: DiffFormat) -> String;
}
