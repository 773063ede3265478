//! What serving asks of whoever makes and keeps reports; `app` implements it. Calls come from blocking threads and may take seconds.

use crate::LiveError;
use crate::shapes::{ReportAsked, ReportRow, Reports};

/// How a report is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ReportFormat {
    /// A page.
    #[default]
    Html,
    /// `tripline.report/1`.
    Json,
    /// Its incidents.
    Csv,
}

impl ReportFormat {
    /// Name, as the API and file names have it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Html => "html",
            Self::Json => "json",
            Self::Csv => "csv",
        }
    }

    /// Reads the name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        [Self::Html, Self::Json, Self::Csv].into_iter().find(|format| format.name() == name)
    }
}

/// The keeper.
pub trait ReportKeeper: Send + Sync {
    /// Reports kept, newest first, and the timetable.
    fn list(&self) -> Reports;
    /// Makes one now.
    ///
    /// # Errors
    /// `Refused` for a time that is none, `Conflict` while another is made, `Unavailable` when it cannot be made or kept.
    fn make(&self, asked: &ReportAsked) -> Result<ReportRow, LiveError>;
    /// One report as it was made.
    ///
    /// # Errors
    /// `NotFound`.
    fn read(&self, id: &str, format: ReportFormat) -> Result<Vec<u8>, LiveError>;
    /// Deletes one.
    ///
    /// # Errors
    /// `NotFound`; `Unavailable` when it cannot be deleted.
    fn remove(&self, id: &str) -> Result<(), LiveError>;
}
