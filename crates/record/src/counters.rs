//! Named counts and health lines. Every drop, every decode error and every queue has a name here before it has a value.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Counts by reason, ordered by name so that output is stable.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Counters(pub BTreeMap<String, u64>);

impl Counters {
    /// Adds `n` to `name`; adding 0 creates nothing.
    pub fn add(&mut self, name: &str, n: u64) {
        if n > 0 {
            *self.0.entry(name.to_owned()).or_default() += n;
        }
    }
    /// Adds all of `other`.
    pub fn merge(&mut self, other: &Self) {
        for (name, n) in &other.0 {
            self.add(name, *n);
        }
    }
    /// Sum of all.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.0.values().sum()
    }
}

/// How bad a health line is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum HealthLevel {
    /// Fine.
    Ok,
    /// Information with a time to go (learning).
    Info,
    /// Something is lost or late.
    Warning,
    /// Something stopped.
    Error,
}

/// One line of the health strip.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct HealthItem {
    /// Machine name (`capture`, `drops`, `models`, `store`).
    pub name: String,
    /// Level.
    pub level: HealthLevel,
    /// What is so, in words.
    pub text: String,
    /// What to do; empty when nothing.
    pub action: String,
}
