//! What the models said of one flow, and what a detector wants people to know.

use crate::{IpAddr16, incident::DetectorScore};
use crate::{Kind, Severity, Timestamp, Why};
use serde::{Deserialize, Serialize};

/// One member's view of one row.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct MemberScore {
    /// `isolation_forest`, `local_outlier_factor`, `autoencoder` …
    pub name: String,
    /// Raw score, higher is stranger.
    pub score: f32,
    /// Calibrated p-value: how often benign traffic scores at least this.
    pub p_value: f64,
    /// False when the admission gate keeps it out of the vote.
    pub admitted: bool,
}

/// What the channel that learned from labelled attacks says of one row, beside the novelty channel.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct KnownAttack {
    /// The most likely kind of attack, as its labels named it.
    pub kind: String,
    /// Probability of any attack, 0 to 1, as the forest has it.
    pub probability: f32,
    /// How often benign rows get at least this probability.
    pub p_value: f64,
}

/// The ensemble's view of one flow.
#[derive(Clone, Debug)]
pub struct Verdict {
    /// The flow judged.
    pub flow_id: u64,
    /// When the flow (report) ended.
    pub ts: Timestamp,
    /// 0 normal … 1 strange: a fixed map of the combined p-value (see `detect`), for colours and sorting.
    pub score: f32,
    /// Combined and recalibrated p-value: of the novelty channel, joined with the known-attack channel where there is one.
    pub p_value: f64,
    /// The novelty channel's own p-value.
    pub novelty_p_value: f64,
    /// The known-attack channel; none where no attack was labelled.
    pub known: Option<KnownAttack>,
    /// True above the label-free threshold.
    pub anomalous: bool,
    /// Every member.
    pub members: Vec<MemberScore>,
    /// Why, strongest first; filled only when `anomalous`.
    pub why: Vec<Why>,
}

/// Something a person may need to know; `alert` turns alerts into incidents.
#[derive(Clone, Debug)]
pub struct Alert {
    /// When the last piece of evidence was seen.
    pub ts: Timestamp,
    /// When the story began.
    pub first_seen: Timestamp,
    /// Kind.
    pub kind: Kind,
    /// Which detector says so (`port_scan`, `ensemble`).
    pub detector: &'static str,
    /// The host the incident is about (scanner, spoofer, anomalous host; for a flood the victim is in `dest`).
    pub src: Vec<IpAddr16>,
    /// The other side, at most 64.
    pub dest: Vec<IpAddr16>,
    /// Ports concerned, at most 64.
    pub dest_port: Vec<u16>,
    /// 0 … 1.
    pub score: f32,
    /// Detector's own severity; `alert` may lower or raise it.
    pub severity: Severity,
    /// Plain-words title, complete sentence without full stop ("192.0.2.7 scanned 312 ports of 192.0.2.9").
    pub title: String,
    /// Reasons, strongest first.
    pub why: Vec<Why>,
    /// Scores behind it.
    pub detectors: Vec<DetectorScore>,
    /// Flows behind it, at most 64.
    pub flows: Vec<u64>,
    /// Packets of evidence counted by the detector.
    pub packets: u64,
    /// Groups alerts of one story: alerts of the same kind and equal `story` become one incident. Empty: by first `src`.
    pub story: String,
    /// ATT&CK techniques of this very case, most specific first. Empty: those of its kind.
    pub attack: Vec<&'static str>,
}
