//! The JSON of the API that is neither a record nor a row of the store. Names are the reference page's.

use record::{AppData, Counters, HealthItem, Incident, IncidentStatus, MemberScore, PacketSummary, Timestamp, Why};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use store::{FlowRow, ScatterPoint};
use utoipa::ToSchema;

mod access;
mod countries;
mod models;
mod notifications;
mod reports;
mod scans;
mod settings;
mod setup;
mod sockets;
mod sources;
mod threat_lists;
mod uploads;

pub use access::*;
pub use countries::*;
pub use models::*;
pub use notifications::*;
pub use reports::*;
pub use scans::*;
pub use settings::*;
pub use setup::*;
pub use sockets::*;
pub use sources::*;
pub use threat_lists::*;
pub use uploads::*;

/// How the process was started.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// An interface is watched.
    #[default]
    Live,
    /// Files are replayed.
    Replay,
    /// Traffic is made up.
    Demo,
    /// Only the host's own counters and sockets are read.
    Host,
}

/// One source of data.
#[derive(Clone, Debug, Default, Serialize, Deserialize, ToSchema)]
pub struct SourceState {
    /// Interface or file.
    pub name: String,
    /// `interface`, `file`, `demo`, `host`.
    pub kind: String,
    /// `running`, `ended`, `failed`, `waiting`.
    pub state: String,
    /// Packets read.
    pub packets: u64,
    /// Wire bytes read.
    pub bytes: u64,
    /// Packets dropped before they were read.
    pub dropped: u64,
    /// Newest packet; null before the first.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub last_event: Option<Timestamp>,
}

/// Averages over the newest seconds.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize, ToSchema)]
pub struct Rates {
    /// Packets a second.
    pub packets_per_s: f64,
    /// Bits a second on the wire.
    pub bits_per_s: f64,
    /// Of these from elsewhere to home networks.
    pub bits_in_per_s: f64,
    /// Of these from home networks to elsewhere.
    pub bits_out_per_s: f64,
    /// Flows reported a second.
    pub flows_per_s: f64,
}

/// Counts since the start.
#[derive(Clone, Debug, Default, Serialize, Deserialize, ToSchema)]
pub struct Totals {
    /// Packets.
    pub packets: u64,
    /// Wire bytes.
    pub bytes: u64,
    /// Flows reported.
    pub flows: u64,
    /// Flows above the threshold.
    pub flows_anomalous: u64,
    /// Addresses seen.
    pub hosts: u64,
    /// Incidents open now.
    pub incidents_open: u64,
    /// Dropped, by reason.
    pub drops: Counters,
    /// Decode errors, by kind.
    pub decode_errors: Counters,
}

/// How far the models are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum ModelPhase {
    /// Collecting flows to learn from.
    Learning,
    /// Judging.
    Ready,
    /// Switched off.
    #[default]
    Off,
    /// Training or loading failed.
    Failed,
}

/// The models in the summary.
#[derive(Clone, Debug, Default, Serialize, Deserialize, ToSchema)]
pub struct ModelSummary {
    /// Phase.
    pub state: ModelPhase,
    /// 0 … 1.
    pub progress: f64,
    /// Seconds to go; null when not known or done.
    pub eta_s: Option<u64>,
    /// Flows collected.
    pub flows_learned: u64,
    /// Flows needed.
    pub flows_needed: u64,
    /// In words.
    pub text: String,
}

/// The alert budget.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize, ToSchema)]
pub struct Budget {
    /// Announcements of learned detectors allowed an hour.
    pub per_hour: f64,
    /// Used in the last hour.
    pub used_last_hour: u64,
    /// Held back today.
    pub held_back_today: u64,
    /// Incidents of any kind today.
    pub alerts_today: u64,
}

/// SUMMARY.
#[derive(Clone, Debug, Default, Serialize, Deserialize, ToSchema)]
pub struct Summary {
    /// Now: wall time when live, capture time of a replay.
    #[schema(value_type = String, format = DateTime)]
    pub now: Timestamp,
    /// Start of the process.
    #[schema(value_type = String, format = DateTime)]
    pub started: Timestamp,
    /// Version.
    pub version: String,
    /// Mode.
    pub mode: Mode,
    /// Sources.
    pub sources: Vec<SourceState>,
    /// Rates.
    pub rates: Rates,
    /// Totals.
    pub totals: Totals,
    /// Models.
    pub model: ModelSummary,
    /// Budget.
    pub budget: Budget,
    /// How far judging is behind the traffic, milliseconds: wall time minus the capture time of the newest packet judged; in a
    /// replay, how far the clock of the replay is ahead of it. The largest of the last 5 s, of all sources.
    pub lag_ms: f64,
    /// True while ingestion is paused.
    pub paused_ingest: bool,
    /// Health lines, worst first.
    pub health: Vec<HealthItem>,
}

/// One feature of a flow beside what is normal.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct FeatureView {
    /// Name.
    pub feature: String,
    /// Value, in `unit`.
    pub value: f64,
    /// 1 % and 99 % of benign flows; null until learned.
    pub expected: Option<[f64; 2]>,
    /// Unit for people.
    pub unit: String,
}

/// Statistics of a flow by direction; names carry their unit.
#[derive(Clone, Debug, Default, Serialize, Deserialize, ToSchema)]
pub struct FlowStatistics {
    /// Originator to responder.
    pub forward: BTreeMap<String, f64>,
    /// Responder to originator.
    pub backward: BTreeMap<String, f64>,
    /// Both together.
    pub both: BTreeMap<String, f64>,
}

/// FLOW_DETAIL.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct FlowDetailAnswer {
    /// The row.
    pub flow: FlowRow,
    /// Statistics.
    pub statistics: FlowStatistics,
    /// First application message of the client.
    pub app: Option<AppData>,
    /// First application message of the server.
    pub app_response: Option<AppData>,
    /// Link address of the originator.
    pub src_mac: Option<String>,
    /// Link address of the responder.
    pub dest_mac: Option<String>,
    /// Every member's view.
    pub members: Vec<MemberScore>,
    /// Why, strongest first.
    pub why: Vec<Why>,
    /// Features against the normal range.
    pub features: Vec<FeatureView>,
    /// Incidents that name the flow.
    pub incidents: Vec<String>,
    /// Its packets that are still in the ring.
    pub packets: Vec<PacketSummary>,
}

/// What the models learned from.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ModelTrainedOn {
    /// Flows.
    pub flows: u64,
    /// Packets.
    pub packets: u64,
    /// Oldest flow learned from; null when not known.
    #[serde(default)]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub from: Option<Timestamp>,
    /// Newest flow learned from.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub until: Option<Timestamp>,
}

/// Worst level of the health lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum HealthStatus {
    /// Nothing to do.
    Ok,
    /// Something is lost or late.
    Degraded,
    /// Something stopped.
    Failed,
}

/// Answer of `/health`.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct HealthAnswer {
    /// Worst level.
    pub status: HealthStatus,
    /// Lines.
    pub items: Vec<HealthItem>,
    /// Every counter of the process.
    pub counters: Counters,
}

/// Body of `PATCH /incidents/{id}`; at least one of them.
#[derive(Clone, Debug, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct IncidentPatch {
    /// New status.
    #[serde(default)]
    pub status: Option<IncidentStatus>,
    /// A note to add, 1 to 4,096 bytes.
    #[serde(default)]
    pub note: Option<String>,
    /// What the person thinks of the detection: `false_positive`, `true_positive` or `none`, or an object.
    #[serde(default)]
    pub feedback: Option<FeedbackPatch>,
}

/// One second of traffic in a tick.
#[derive(Clone, Debug, Default, Serialize, Deserialize, ToSchema)]
pub struct TickSecond {
    /// Wire bytes.
    pub bytes: u64,
    /// Packets.
    pub packets: u64,
    /// Bytes from elsewhere to home networks.
    pub bytes_in: u64,
    /// Bytes from home networks to elsewhere.
    pub bytes_out: u64,
    /// Flows reported.
    pub flows: u64,
    /// Flows above the threshold.
    pub flows_anomalous: u64,
    /// Bytes by `tcp`, `udp`, `icmp`, `ip`, `arp`, `other`.
    pub bytes_by_class: BTreeMap<String, u64>,
    /// Packets by the same classes.
    pub packets_by_class: BTreeMap<String, u64>,
}

/// Data of event `tick`.
#[derive(Clone, Debug, Default, Serialize, Deserialize, ToSchema)]
pub struct Tick {
    /// Start of the second.
    #[schema(value_type = String, format = DateTime)]
    pub ts: Timestamp,
    /// Summary.
    pub summary: Summary,
    /// The second that passed.
    pub second: TickSecond,
    /// Events that this reader lost since its last tick; absent when none. The stream adds it, not the maker.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lost: Option<u64>,
}

/// Data of event `packet`.
#[derive(Clone, Debug, Default, Serialize, Deserialize, ToSchema)]
pub struct PacketBatch {
    /// At most 50.
    pub items: Vec<PacketSummary>,
    /// Left out.
    pub skipped: u64,
}

/// Data of event `flow`.
#[derive(Clone, Debug, Default, Serialize, Deserialize, ToSchema)]
pub struct FlowBatch {
    /// At most 100.
    pub items: Vec<FlowRow>,
    /// Left out.
    pub skipped: u64,
}

/// Data of event `verdict`.
#[derive(Clone, Debug, Default, Serialize, Deserialize, ToSchema)]
pub struct VerdictBatch {
    /// At most 500: `[flow_id, end_ms, duration_ms, bytes, score, anomalous 0/1]`.
    #[schema(value_type = Vec<Vec<Option<f64>>>)]
    pub items: Vec<ScatterPoint>,
    /// Left out.
    pub skipped: u64,
}

/// Data of event `health`.
#[derive(Clone, Debug, Default, Serialize, Deserialize, ToSchema)]
pub struct HealthEvent {
    /// Lines.
    pub items: Vec<HealthItem>,
}

/// Data of event `reset`: what came between is not in the buffer any more; load anew.
#[derive(Clone, Debug, Default, Serialize, Deserialize, ToSchema)]
pub struct Reset {
    /// Why, in words.
    pub reason: String,
}

/// Data of event `incident`, new or changed.
pub type IncidentEvent = Incident;

/// Answer of `/top`.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct TopAnswer {
    /// Busiest first, at most 20.
    pub items: Vec<store::TopRow>,
}
