//! Numbers over time.

use crate::Timestamp;
use serde::{Deserialize, Serialize};

/// One value of one metric at one time, as stored (one-second resolution).
#[derive(Clone, Debug)]
pub struct SeriesPoint {
    /// Start of the bucket.
    pub ts: Timestamp,
    /// `bytes`, `packets`, `bytes_in`, `bytes_out`, `bytes.tcp`, `flows`, `flows_anomalous`, `dropped`.
    pub metric: &'static str,
    /// Sum over the bucket.
    pub value: f64,
}

/// The API's answer: one bucket a step, missing buckets are null (unknown), not 0.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct SeriesResult {
    /// Metric name.
    pub metric: String,
    /// First bucket's start.
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = DateTime))]
    pub from: Timestamp,
    /// Bucket length, seconds.
    pub step_s: u32,
    /// Per-second average in each bucket.
    pub values: Vec<Option<f64>>,
}
