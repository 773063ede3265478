//! What a person acts on: the contract's INCIDENT, to the letter, with additions.

use crate::{IpAddr16, Kind, Timestamp};
use serde::{Deserialize, Serialize};

/// How much it matters.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum Severity {
    /// Worth a look some day.
    #[default]
    Low,
    /// Worth a look today.
    Medium,
    /// Worth a look now.
    High,
    /// Act now.
    Critical,
}

impl Severity {
    /// Lower-case name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
            Self::Critical => "critical",
        }
    }
    /// Reads the lower-case name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        [Self::Low, Self::Medium, Self::High, Self::Critical].into_iter().find(|s| s.name() == name)
    }
}

/// Where a person has taken it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum IncidentStatus {
    /// Nobody has looked.
    #[default]
    Open,
    /// Somebody is on it.
    Acknowledged,
    /// Dealt with.
    Closed,
    /// Was nothing.
    FalsePositive,
}

impl IncidentStatus {
    /// The contract's spelling.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Acknowledged => "acknowledged",
            Self::Closed => "closed",
            Self::FalsePositive => "false_positive",
        }
    }
    /// Reads the contract's spelling.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        [Self::Open, Self::Acknowledged, Self::Closed, Self::FalsePositive].into_iter().find(|s| s.name() == name)
    }
}

/// One reason: a value, what was expected, and how much of the score it carries.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Why {
    /// Feature name.
    pub feature: String,
    /// Observed value, in `unit`.
    pub value: f64,
    /// Lowest and highest value expected (1 % and 99 % of benign, or the detector's bounds).
    pub expected: [f64; 2],
    /// Unit for people.
    pub unit: String,
    /// Share of the score, 0 … 1; shares of one incident add to at most 1.
    pub share: f64,
}

/// One detector's part.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct DetectorScore {
    /// Name.
    pub name: String,
    /// Score, higher is stranger.
    pub score: f64,
    /// p-value; for exact detectors the error bound they were built for.
    pub p_value: f64,
}

/// What can be shown to prove it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Evidence {
    /// True when the packets were saved as pcapng.
    pub pcap: bool,
    /// Packets of evidence.
    pub packets: u64,
}

/// What somebody wrote.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Note {
    /// When.
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = DateTime))]
    pub ts: Timestamp,
    /// What.
    pub text: String,
}

/// The contract's INCIDENT.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Incident {
    /// Content hash, 16 hexadecimal digits: the same story gives the same id on every replay.
    pub id: String,
    /// Kind.
    pub kind: Kind,
    /// Plain words.
    pub title: String,
    /// Severity.
    pub severity: Severity,
    /// 0 … 1.
    pub score: f64,
    /// First evidence.
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = DateTime))]
    pub first_seen: Timestamp,
    /// Last evidence.
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = DateTime))]
    pub last_seen: Timestamp,
    /// When the first alert was raised, capture time.
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = DateTime))]
    pub raised: Timestamp,
    /// Sources.
    #[cfg_attr(feature = "openapi", schema(value_type = Vec<String>))]
    pub src: Vec<IpAddr16>,
    /// Targets.
    #[cfg_attr(feature = "openapi", schema(value_type = Vec<String>))]
    pub dest: Vec<IpAddr16>,
    /// Ports.
    pub dest_port: Vec<u16>,
    /// Alerts in it.
    pub alerts: u64,
    /// ATT&CK techniques.
    pub attack: Vec<String>,
    /// Status.
    pub status: IncidentStatus,
    /// Reasons, strongest first.
    pub why: Vec<Why>,
    /// Detectors behind it.
    pub detectors: Vec<DetectorScore>,
    /// Flows behind it.
    pub flows: Vec<u64>,
    /// Evidence.
    pub evidence: Evidence,
    /// What to do next, one or two sentences.
    pub advice: String,
    /// True when it was held back by the alert budget: searchable, not announced.
    pub over_budget: bool,
    /// Notes of people.
    #[serde(default)]
    pub notes: Vec<Note>,
    /// What a person said of the detection; absent before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub feedback: Option<crate::IncidentFeedback>,
    /// Domains it is about, in lower case, where its detector names some.
    #[serde(default)]
    pub domains: Vec<String>,
    /// Suppression that keeps it out of the inbox; absent when none does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub suppressed_by: Option<u64>,
    /// First incident of the story that this one is a step of; absent when it stands alone or is the first. People are shown the first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub part_of: Option<String>,
    /// Steps of the story that began with this incident, in the order in which they were raised, itself among them; empty when it
    /// stands alone.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub timeline: Vec<StoryStep>,
}

/// One step of a story over several kinds (a scan, then guesses at passwords, then an upload).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct StoryStep {
    /// When it was raised.
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = DateTime))]
    pub ts: Timestamp,
    /// Kind.
    pub kind: Kind,
    /// Its incident.
    pub incident: String,
    /// Plain words.
    pub title: String,
    /// Its severity.
    pub severity: Severity,
    /// Alerts in it.
    pub alerts: u64,
}
