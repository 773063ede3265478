//! Settings of the room.

use crate::roll_up::RollUpConfig;
use serde::{Deserialize, Serialize};

/// Settings of incident making.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AlertConfig {
    /// New incidents an hour of capture time that learned detectors may announce; more are kept, marked over budget.
    /// Default 4. 0 announces none.
    pub per_hour: f64,
    /// An incident without new evidence for this long is over; later evidence makes a new one, seconds. Default 7200.
    pub idle_s: u32,
    /// The same for kinds whose evidence comes rarely (beacons), seconds. Default 86400.
    pub slow_idle_s: u32,
    /// Incidents of learned detectors are over after this long, seconds. Default 1800.
    pub learned_idle_s: u32,
    /// A host whose log-in was guessed or that was exploited counts as a victim for this long: what it then does to others is one step more
    /// severe, seconds. Default 86400.
    pub victim_s: u32,
    /// Incidents that can still grow; the one quiet for longest is let go first (it stays in the store). Default 4096.
    pub live_max: usize,
    /// Entries of any list inside an incident (sources, targets, ports, flows). Default 64.
    pub list_max: usize,
    /// Learned verdicts to incidents.
    pub roll_up: RollUpConfig,
}

impl Default for AlertConfig {
    fn default() -> Self {
        Self {
            per_hour: 4.0,
            idle_s: 7200,
            slow_idle_s: 86_400,
            learned_idle_s: 1800,
            victim_s: 86_400,
            live_max: 4096,
            list_max: 64,
            roll_up: RollUpConfig::default(),
        }
    }
}
