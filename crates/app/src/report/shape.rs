//! The object `tripline.report/1`. Fields are only added.

use record::{ScanRow, Severity, Timestamp};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Name and version of the object.
pub const SCHEMA: &str = "tripline.report/1";
/// Incidents that a report names; more are counted.
pub const INCIDENTS_MAX: usize = 1_000;
/// Changes of scans that a report names; more are counted.
pub const CHANGES_MAX: usize = 200;
/// Buckets of its courses, at most.
pub const BUCKETS_MAX: i64 = 170;

/// What happened in a time.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Report {
    /// `SCHEMA`.
    pub schema: String,
    /// Who watched what.
    pub network: Network,
    /// The time, its end not in it.
    pub from: Timestamp,
    /// See `from`.
    pub to: Timestamp,
    /// When the report was made.
    pub made: Timestamp,
    /// The program's version.
    pub version: String,
    /// The same as people read it: `from`, `to`, `made`, with the zone.
    pub shown: Shown,
    /// What matters, in sentences.
    pub summary: Vec<String>,
    /// Sums over the time.
    pub totals: Totals,
    /// Sums over the time of the same length before it.
    pub before: Totals,
    /// Courses over the time.
    pub course: Course,
    /// Incidents by kind, most first.
    pub kinds: Vec<KindRow>,
    /// Hosts that moved most, most first.
    pub hosts: Vec<HostLine>,
    /// Incidents told, most severe first; the rest is counted in `totals`.
    pub incidents: Vec<IncidentLine>,
    /// Scans.
    pub scans: Scans,
    /// Models.
    pub models: ModelHealth,
    /// What was not seen.
    pub losses: Losses,
    /// What the reader should know of this report itself.
    pub notes: Vec<String>,
}

/// Who watched what.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Network {
    /// Name of the machine.
    pub sensor: String,
    /// Home networks.
    pub home: Vec<String>,
}

/// Times as people read them.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Shown {
    /// Beginning.
    pub from: String,
    /// End.
    pub to: String,
    /// When it was made.
    pub made: String,
    /// Offset from UTC.
    pub zone: String,
    /// Starts of the course's buckets.
    pub buckets: Vec<String>,
}

/// Sums.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Totals {
    /// Seconds that were watched.
    pub watched_s: u64,
    /// Wire bytes.
    pub bytes: u64,
    /// Packets.
    pub packets: u64,
    /// Flows that ended.
    pub flows: u64,
    /// Of them anomalous.
    pub flows_anomalous: u64,
    /// Packets that were lost.
    pub dropped: u64,
    /// Incidents told.
    pub incidents: u64,
    /// The same by severity.
    pub by_severity: BTreeMap<String, u64>,
    /// Of them still open when the report was made.
    pub open: u64,
    /// Incidents held back by the alert budget.
    pub held_back: u64,
    /// Incidents that a suppression hides, steps of other stories not among them.
    pub suppressed: u64,
}

/// Courses: one value a bucket.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Course {
    /// Length of a bucket, seconds.
    pub step_s: u32,
    /// Bytes a second towards the home networks; null: nobody watched.
    pub bytes_in: Vec<Option<f64>>,
    /// The same from them.
    pub bytes_out: Vec<Option<f64>>,
    /// All bytes a second.
    pub bytes: Vec<Option<f64>>,
    /// Incidents told, by kind.
    pub incidents: BTreeMap<String, Vec<u64>>,
    /// Anomalous flows.
    pub flows_anomalous: Vec<Option<f64>>,
}

/// Incidents of one kind.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct KindRow {
    /// Kind.
    pub kind: String,
    /// How many.
    pub incidents: u64,
    /// How many in the time before.
    pub before: u64,
    /// The worst.
    pub worst: Severity,
}

/// A busy host.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct HostLine {
    /// Address.
    pub ip: String,
    /// What people call it, else its own name; empty: neither is known.
    pub name: String,
    /// Wire bytes, both directions.
    pub bytes: u64,
    /// Packets.
    pub packets: u64,
    /// Flows.
    pub flows: u64,
    /// Incidents told in which it has a part.
    pub incidents: u64,
}

/// One incident.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct IncidentLine {
    /// Identity.
    pub id: String,
    /// Kind.
    pub kind: String,
    /// What happened.
    pub title: String,
    /// Severity.
    pub severity: Severity,
    /// Status.
    pub status: String,
    /// 0 … 1.
    pub score: f64,
    /// First evidence.
    pub first_seen: Timestamp,
    /// Last evidence.
    pub last_seen: Timestamp,
    /// When it was raised.
    pub raised: Timestamp,
    /// The same as people read it.
    pub raised_shown: String,
    /// Sources.
    pub src: Vec<String>,
    /// Targets.
    pub dest: Vec<String>,
    /// Ports.
    pub dest_port: Vec<u16>,
    /// Alerts in it.
    pub alerts: u64,
    /// ATT&CK techniques.
    pub attack: Vec<String>,
    /// Why, in words, strongest first.
    pub reasons: Vec<String>,
    /// What to do.
    pub advice: String,
    /// Steps of the story that began with it, in words.
    pub steps: Vec<String>,
}

/// Scans of the time.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Scans {
    /// Runs, newest first.
    pub runs: Vec<ScanRow>,
    /// What they changed, newest first.
    pub changes: Vec<ChangeLine>,
    /// How many there were.
    pub changes_total: u64,
}

/// One change of a host.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct ChangeLine {
    /// When the scan began that found it.
    pub at: Timestamp,
    /// The same as people read it.
    pub at_shown: String,
    /// Host.
    pub host: String,
    /// What: `port_opened` …
    pub what: String,
    /// In words.
    pub text: String,
}

/// How the models do.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct ModelHealth {
    /// Versions in use, a line each kind.
    pub versions: Vec<VersionLine>,
    /// What happened to them in the time, newest first.
    pub events: Vec<EventLine>,
    /// Incidents an hour that learned detectors may tell; None: not set.
    pub budget_per_hour: f64,
    /// Incidents told in an hour that was watched.
    pub told_per_hour: f64,
    /// Share of the flows that were anomalous.
    pub anomalous_share: f64,
}

/// A version of models.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct VersionLine {
    /// What it judges.
    pub kind: String,
    /// Number.
    pub version: u64,
    /// When it was made; empty when not known.
    pub made: String,
    /// Why it was taken, or why it cannot be used.
    pub text: String,
}

/// A step in the life of the models.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct EventLine {
    /// When.
    pub at: String,
    /// What.
    pub what: String,
    /// In words.
    pub text: String,
}

/// What was not seen.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Losses {
    /// Length of the time, seconds; of it up to now where it is not over.
    pub period_s: u64,
    /// Seconds that nobody watched.
    pub unwatched_s: u64,
    /// What was lost, by reason, most first.
    pub reasons: Vec<ReasonLine>,
}

/// One reason.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReasonLine {
    /// Reason, as `/metrics` names it.
    pub reason: String,
    /// What of: `packets`, `history`, `memory` …
    pub of: String,
    /// How many.
    pub count: u64,
}
