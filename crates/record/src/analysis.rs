//! The one object of `analyze -o json`.

use crate::{Counters, HostRecord, Incident, IpAddr16, Timestamp};
use serde::{Deserialize, Serialize};

/// What was read.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct AnalysisInput {
    /// File names as given.
    pub files: Vec<String>,
    /// Packets read.
    pub packets: u64,
    /// Bytes on the wire.
    pub bytes: u64,
    /// First packet.
    pub first: Option<Timestamp>,
    /// Last packet.
    pub last: Option<Timestamp>,
    /// Dropped by reason.
    pub drops: Counters,
    /// Decode errors by kind.
    pub decode_errors: Counters,
    /// What the reader noticed: a cut last record, a skipped block; in words.
    pub notes: Vec<String>,
    /// What was read of logs; absent where the input was captures.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub logs: Option<LogInput>,
}

/// What was read of logs. `lines = used + heads + not_used + unreadable`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct LogInput {
    /// Lines, blank ones left out.
    pub lines: u64,
    /// Lines that told something.
    pub used: u64,
    /// Lines of the logs' own frame (column names).
    pub heads: u64,
    /// Lines read, by format.
    pub formats: Counters,
    /// Lines read in which there is nothing for Tripline, by what they are.
    pub not_used: Counters,
    /// Lines that could not be read, by reason.
    pub unreadable: Counters,
    /// Lines longer than 1 MiB, of which the rest was dropped.
    pub too_long: u64,
    /// Lines with bytes that are no UTF-8.
    pub not_utf8: u64,
    /// Flows told, beginnings of connections among them.
    pub flows: u64,
    /// Beginnings of connections whose end has a line of its own: not counted as flows of the result.
    pub openings: u64,
    /// Application messages told.
    pub events: u64,
    /// Other tools' alerts told.
    pub alerts: u64,
    /// Flows by what a firewall did with them.
    pub actions: Counters,
    /// Packets of the flows, where they are told.
    pub packets: u64,
    /// Bytes of the flows, where they are told.
    pub bytes: u64,
    /// Entries that came too late for their place in time.
    pub late: u64,
    /// The first few lines that could not be read, of all files.
    pub sample: Vec<UnreadableLine>,
}

/// A line that could not be read.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct UnreadableLine {
    /// Its file.
    pub file: String,
    /// Its number, blank lines left out, from 1.
    pub line: u64,
    /// Why.
    pub reason: String,
    /// Its first 200 bytes.
    pub text: String,
}

/// What the models learned from.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct TrainedOn {
    /// Packets.
    pub packets: u64,
    /// Flows.
    pub flows: u64,
    /// Last packet learned from.
    pub until: Option<Timestamp>,
    /// How: `train_first`, `model`, `whole_input`, or `none` (fewer than 500 flows).
    pub how: String,
}

/// What the packet level did.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct PacketLevel {
    /// Packets chosen for it.
    pub taken: u64,
    /// Packets left out by sampling.
    pub skipped: u64,
    /// Packets judged; 0 when there was too little to learn from.
    pub judged: u64,
    /// True when its model kept its promise on held-out packets, so that it may raise alerts.
    pub admitted: bool,
}

/// What a level beside flows and packets did.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct LevelState {
    /// Minutes of hosts, or steps of series, judged; 0 when there was too little to learn from.
    pub judged: u64,
    /// True when its model kept its promise on what was held out, so that it may raise alerts.
    pub admitted: bool,
}

/// Time and memory of the run.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Timing {
    /// Wall seconds.
    pub wall_s: f64,
    /// User and system seconds.
    pub cpu_s: f64,
    /// Packets per wall second.
    pub packets_per_s: f64,
    /// Peak resident memory.
    pub rss_max_bytes: u64,
}

/// Flows of one protocol.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ProtocolTotal {
    /// Application protocol (`tls`), where none was recognised the transport (`UDP`).
    pub name: String,
    /// Wire bytes, both directions.
    pub bytes: u64,
    /// Packets, both directions.
    pub packets: u64,
    /// Flows.
    pub flows: u64,
}

/// One of the largest flows. Names are those of `GET /flows`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct LargeFlow {
    /// Identity.
    pub flow_id: u64,
    /// First packet.
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = DateTime))]
    pub start: Timestamp,
    /// Last packet.
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = DateTime))]
    pub end: Timestamp,
    /// Originator.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub src_ip: IpAddr16,
    /// Originator's port, 0 when none.
    pub src_port: u16,
    /// Responder.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub dest_ip: IpAddr16,
    /// Responder's port, 0 when none.
    pub dest_port: u16,
    /// Transport, by name.
    pub proto: String,
    /// Application protocol; `unknown`.
    pub app_proto: String,
    /// Name that the client asked for; empty when it asked for none.
    pub host_name: String,
    /// Zeek's connection state.
    pub state: String,
    /// Packets of the originator.
    pub pkts_toserver: u64,
    /// Packets of the responder.
    pub pkts_toclient: u64,
    /// Wire bytes of the originator.
    pub bytes_toserver: u64,
    /// Wire bytes of the responder.
    pub bytes_toclient: u64,
}

impl LargeFlow {
    /// Wire bytes, both directions.
    #[must_use]
    pub const fn bytes(&self) -> u64 {
        self.bytes_toserver + self.bytes_toclient
    }
}

/// What is in the input, whatever anybody thinks of it: who sent most, by which protocols, in which flows.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(default)]
pub struct Contents {
    /// The hosts with most bytes, 20 at most; of those in memory at the end, where there were more than fit.
    pub hosts: Vec<HostRecord>,
    /// Protocols by bytes.
    pub protocols: Vec<ProtocolTotal>,
    /// The largest flows, 100 at most.
    pub flows: Vec<LargeFlow>,
}

/// The whole result.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Analysis {
    /// `tripline.analysis/1`.
    pub schema: String,
    /// Input.
    pub input: AnalysisInput,
    /// Flow records.
    pub flows: u64,
    /// Distinct addresses.
    pub hosts: u64,
    /// Training.
    pub trained_on: TrainedOn,
    /// Packet level.
    #[serde(default)]
    pub packet_level: PacketLevel,
    /// Minutes of hosts.
    #[serde(default)]
    pub host_level: LevelState,
    /// Series of interfaces and busy hosts.
    #[serde(default)]
    pub series_level: LevelState,
    /// What is in it.
    #[serde(default)]
    pub contents: Contents,
    /// Incidents, most severe first.
    pub incidents: Vec<Incident>,
    /// Cost.
    pub timing: Timing,
}
