//! Rows of two drawings: who talks to whom, and incidents over time. Shapes only; how they are read is `reader`'s.

use record::{IpAddr16, Timestamp};
use serde::{Deserialize, Serialize};

/// Whose neighbours are drawn.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum GraphOf {
    /// A host and those it talked to.
    Host(IpAddr16),
    /// The hosts of an incident, with what else they did.
    Incident(String),
}

/// A host of the drawing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct GraphNode {
    /// Address.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub ip: IpAddr16,
    /// Its name among people, else the one it gives itself; empty when unknown.
    pub name: String,
    /// Inside the home networks; also true of a host that was never listed when its address is private.
    pub home: bool,
    /// Asked for: the host, or a host that the incident names.
    pub subject: bool,
    /// Country of an outside address as an ISO code; empty when it is not known.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub country: String,
}

/// What two hosts said to each other; `src` opened the flows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct GraphEdge {
    /// Originator.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub src: IpAddr16,
    /// Responder.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub dest: IpAddr16,
    /// Flows among those looked at; 0: the incident names both, and no flow between them is kept.
    pub flows: u64,
    /// Wire bytes, both directions.
    pub bytes: u64,
    /// Of these flows, how many are anomalous.
    pub anomalous: u64,
    /// True when the incident is about this.
    pub evidence: bool,
}

/// Who talks to whom around a host or an incident.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Graph {
    /// Hosts, those asked for first.
    pub nodes: Vec<GraphNode>,
    /// Lines between them: of the incident first, then with anomalous flows, then by bytes.
    pub edges: Vec<GraphEdge>,
    /// Newest flows that were looked at.
    pub flows_read: u64,
    /// Hosts left out of the drawing.
    pub nodes_left: u64,
    /// Flows with them.
    pub flows_left: u64,
    /// True when older flows of the hosts are kept that were not looked at.
    pub more: bool,
}

/// Incidents of one kind, by bucket of time: `[bucket, incidents]`, empty ones left out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct KindCounts {
    /// Kind.
    pub kind: String,
    /// All of them.
    pub total: u64,
    /// Each bucket's.
    #[cfg_attr(feature = "openapi", schema(value_type = Vec<Vec<u64>>))]
    pub counts: Vec<(u32, u64)>,
}

/// Incidents that were told, by kind and time; those held back by the budget, steps of a story and suppressed ones are not counted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct IncidentCounts {
    /// Beginning of bucket 0.
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = DateTime))]
    pub from: Timestamp,
    /// Seconds a bucket.
    pub step_s: u32,
    /// Buckets of the range.
    pub buckets: u32,
    /// When the oldest incident that is kept was raised; null without any.
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>, format = DateTime))]
    pub oldest: Option<Timestamp>,
    /// Kinds, most first.
    pub kinds: Vec<KindCounts>,
}
