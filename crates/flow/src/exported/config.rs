//! Settings of putting exported flows together: bounds and waits, each with its unit and the reason for its default.

use serde::{Deserialize, Serialize};

/// Bounds and waits. Times are those of the reports, not of this machine.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ExportedConfig {
    /// How long a report of one direction waits for that of the other. Default 5,000: both end together, so exporters tell them
    /// within their timer's tick.
    pub pair_wait_ms: u64,
    /// How long the sampled packets of one conversation are added up before they are told as one flow. Default 60,000.
    pub samples_span_ms: u64,
    /// Reports that wait; beyond it the oldest are told as they are, counted. Default 100,000 (about 60 MiB when really full).
    pub waiting_max: usize,
    /// Conversations remembered so that a later report of the same is known as such. Default 200,000 (about 20 MiB).
    pub conversations_max: usize,
    /// How far back a report may reach into the seconds of the volume charts and flood detection; what is older is left out
    /// there, counted. Also how late these seconds are told. Default 120: exporters with an active time-out of a minute lose
    /// nothing.
    pub seconds_lag_s: u32,
    /// Receivers followed in one second, for floods. Default 512.
    pub receivers_max: usize,
}

impl Default for ExportedConfig {
    fn default() -> Self {
        Self {
            pair_wait_ms: 5_000,
            samples_span_ms: 60_000,
            waiting_max: 100_000,
            conversations_max: 200_000,
            seconds_lag_s: 120,
            receivers_max: 512,
        }
    }
}
