//! Reports, as the API shows them.

use record::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// One report that is kept.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ReportRow {
    /// Identity, also its file's name.
    pub id: String,
    /// Beginning of its time.
    #[schema(value_type = String, format = DateTime)]
    pub from: Timestamp,
    /// End, not in it.
    #[schema(value_type = String, format = DateTime)]
    pub to: Timestamp,
    /// When it was made.
    #[schema(value_type = String, format = DateTime)]
    pub made: Timestamp,
    /// Size of its page, bytes.
    pub bytes: u64,
    /// Forms in which it is there.
    pub formats: Vec<String>,
    /// Incidents told in its time.
    pub incidents: u64,
    /// Who wanted it: `schedule`, `manual`.
    pub origin: String,
    /// What matters of it, in one sentence.
    pub words: String,
}

/// Reports, and when the next is made by itself.
#[derive(Clone, Debug, Default, Serialize, Deserialize, ToSchema)]
pub struct Reports {
    /// Newest first.
    pub reports: Vec<ReportRow>,
    /// `day`, `week`, `month`; empty: none is made by itself.
    pub every: String,
    /// Time of day.
    pub at: String,
    /// Whose clock.
    pub zone: String,
    /// When the next is due; null: never.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub next: Option<Timestamp>,
    /// Channels that scheduled reports are sent through.
    pub mail_channels: Vec<String>,
    /// Reports that are kept; the oldest go first.
    pub keep: u64,
    /// Why the last one could not be made; empty: it could.
    pub trouble: String,
}

/// A report is asked for.
#[derive(Clone, Copy, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ReportAsked {
    /// Beginning.
    #[schema(value_type = String, format = DateTime)]
    pub from: Timestamp,
    /// End, not in it.
    #[schema(value_type = String, format = DateTime)]
    pub to: Timestamp,
}
