//! Files handed over for an analysis of their own, as the API shows them.

use record::{Contents, Counters, Incident, Severity, Timestamp};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// How far an upload is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum UploadPhase {
    /// Received; waits for its turn.
    #[default]
    Waiting,
    /// Being analysed.
    Analysing,
    /// Its analysis is there.
    Done,
    /// It could not be analysed; `error` says why.
    Failed,
}

/// One file.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Upload {
    /// Identity, 16 hexadecimal digits.
    pub id: String,
    /// The file's name as it was given.
    pub name: String,
    /// Its size, bytes.
    pub bytes: u64,
    /// When it was whole.
    #[schema(value_type = String, format = DateTime)]
    pub received: Timestamp,
    /// How far it is.
    pub phase: UploadPhase,
    /// While it is analysed: packets read so far.
    pub packets_read: u64,
    /// While it is analysed: packets in it; absent while they are being counted.
    pub packets_total: Option<u64>,
    /// Incidents found, when it is done.
    pub incidents: Option<u64>,
    /// The worst of them.
    pub severity_max: Option<Severity>,
    /// Why it could not be analysed.
    pub error: Option<String>,
}

/// All files and the bounds.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Uploads {
    /// Newest first.
    pub items: Vec<Upload>,
    /// Bytes of all together.
    pub bytes: u64,
    /// Their bound.
    pub bytes_max: u64,
    /// Largest file that is taken, bytes.
    pub upload_bytes_max: u64,
}

/// What was read of a file.
#[derive(Clone, Debug, Default, Serialize, Deserialize, ToSchema)]
pub struct UploadInput {
    /// Packets.
    pub packets: u64,
    /// Bytes on the wire.
    pub bytes: u64,
    /// First packet.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub first: Option<Timestamp>,
    /// Last packet.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub last: Option<Timestamp>,
    /// Dropped by reason.
    pub drops: Counters,
    /// Packets that could not be decoded, by kind.
    pub decode_errors: Counters,
    /// What the reader noticed, in words.
    pub notes: Vec<String>,
}

/// What the models learned from.
#[derive(Clone, Debug, Default, Serialize, Deserialize, ToSchema)]
pub struct UploadTraining {
    /// Flows.
    pub flows: u64,
    /// `whole_input`, or `none` (fewer than 500 flows: only the exact detectors spoke).
    pub how: String,
}

/// The analysis of one file: that of `tripline analyze -o json`, its incidents cut to `INCIDENTS_MAX`.
#[derive(Clone, Debug, Default, Serialize, Deserialize, ToSchema)]
pub struct UploadAnalysis {
    /// What was read.
    pub input: UploadInput,
    /// Flows.
    pub flows: u64,
    /// Hosts.
    pub hosts: u64,
    /// What the models learned from.
    pub trained_on: UploadTraining,
    /// Its busiest hosts, protocols and largest flows; empty in analyses of earlier versions.
    #[serde(default)]
    pub contents: Contents,
    /// Incidents, the worst first.
    pub incidents: Vec<Incident>,
    /// Incidents that the alert budget held back, likewise.
    pub held_back: Vec<Incident>,
}

impl UploadAnalysis {
    /// Most incidents of each list that are shown.
    pub const INCIDENTS_MAX: usize = 500;
}

/// One file with its analysis.
#[derive(Clone, Debug, Default, Serialize, Deserialize, ToSchema)]
pub struct UploadDetail {
    /// The file.
    pub upload: Upload,
    /// Its analysis, when it is done.
    pub analysis: Option<UploadAnalysis>,
}
