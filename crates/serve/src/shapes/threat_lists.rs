//! Threat-intelligence lists as the API shows them.

use record::{Severity, Timestamp};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// All lists in use.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ThreatLists {
    /// Indicators of all lists together.
    pub entries: u64,
    /// Their bound.
    pub entries_max: u64,
    /// Each list, in the order of the settings.
    pub lists: Vec<ThreatList>,
}

/// One list.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ThreatList {
    /// Name.
    pub name: String,
    /// File or address, without keys.
    pub from: String,
    /// What a home host deserves that uses something on it.
    pub severity: Severity,
    /// Indicators taken.
    pub entries: u64,
    /// On a list before this one, or twice on this one.
    pub repeated: u64,
    /// Lines or objects of kinds that traffic is not compared with.
    pub not_matchable: u64,
    /// Left out because they would match half the Internet.
    pub too_broad: u64,
    /// Revoked or past their end.
    pub expired: u64,
    /// Left out because the bound was reached.
    pub over_bound: u64,
    /// The first line that was left out, in words; empty when none was.
    pub first_problem: String,
    /// When the content in use was written or fetched; absent when nothing was ever read.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub read: Option<Timestamp>,
    /// Why the newest content is not in use; absent when it is.
    pub problem: Option<String>,
}
