//! What people say of incidents: a verdict, how far it reaches and until when, and the suppression that follows from a false
//! positive. Owns the shapes; what a suppression covers is `alert`'s, what models learn from a verdict is `app`'s and `detect`'s.

use crate::{IpAddr16, Kind, Prefix, Timestamp};
use serde::{Deserialize, Serialize};

/// What the incident was.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum FeedbackVerdict {
    /// Nothing to act on: its flows are learned as normal.
    FalsePositive,
    /// An attack or a fault: its flows are never learned as normal, and new models must still find them.
    TruePositive,
}

impl FeedbackVerdict {
    /// Lower-case name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::FalsePositive => "false_positive",
            Self::TruePositive => "true_positive",
        }
    }
}

/// How far a false positive reaches.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum FeedbackScope {
    /// The same kind between the same hosts.
    #[default]
    Pair,
    /// The same kind from the same host at the same service, whoever offers it.
    HostService,
    /// The same kind at the same service from any host; a learned kind must also have one of the same leading reasons.
    Everywhere,
}

/// What a person has said of one incident; it stands on the incident until it is taken back.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct IncidentFeedback {
    /// Number of the verdict, as in `/suppressions`.
    pub id: u64,
    /// Verdict.
    pub verdict: FeedbackVerdict,
    /// Reach of a false positive; null for a true positive.
    pub scope: Option<FeedbackScope>,
    /// A false positive holds until then; null: until it is taken back.
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>, format = DateTime))]
    pub until: Option<Timestamp>,
    /// When it was said, wall time.
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = DateTime))]
    pub at: Timestamp,
}

/// What a person wants to hear no more of, in the person's own scope: everything that is given must fit; at least one is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct SuppressionRule {
    /// Networks (or single addresses) in which every source must lie.
    #[cfg_attr(feature = "openapi", schema(value_type = Vec<String>))]
    pub src: Vec<Prefix>,
    /// Networks in which every target must lie.
    #[cfg_attr(feature = "openapi", schema(value_type = Vec<String>))]
    pub dest: Vec<Prefix>,
    /// Ports, among which every port of the incident must be.
    pub dest_port: Vec<u16>,
    /// Kinds, of which the incident must be one.
    pub kind: Vec<Kind>,
    /// Domains: every domain of the incident must be one of them or lie below one.
    pub domain: Vec<String>,
}

impl SuppressionRule {
    /// True when nothing is given: it would cover everything.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self == &Self::default()
    }
}

/// What is no longer told, and why.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Suppression {
    /// Number of the verdict or rule that it follows from.
    pub id: u64,
    /// Incident that the verdict was about; empty when it follows from a rule.
    pub incident: String,
    /// Kind of incident; host and flow anomalies count as one. Null when it follows from a rule.
    pub kind: Option<Kind>,
    /// Reach of the verdict; null when it follows from a rule.
    pub scope: Option<FeedbackScope>,
    /// Sources of that incident.
    #[cfg_attr(feature = "openapi", schema(value_type = Vec<String>))]
    pub src: Vec<IpAddr16>,
    /// Targets of it.
    #[cfg_attr(feature = "openapi", schema(value_type = Vec<String>))]
    pub dest: Vec<IpAddr16>,
    /// Ports of it.
    pub dest_port: Vec<u16>,
    /// Its leading reasons, for learned kinds.
    pub features: Vec<String>,
    /// When it began, wall time.
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = DateTime))]
    pub created: Timestamp,
    /// End; null: until it is taken back.
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>, format = DateTime))]
    pub until: Option<Timestamp>,
    /// In words.
    pub text: String,
    /// The rule, when it follows from one and not from a verdict.
    #[serde(default)]
    pub rule: Option<SuppressionRule>,
    /// Why, as the person wrote; empty for verdicts.
    #[serde(default)]
    pub reason: String,
}
