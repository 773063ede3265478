//! Scans as the API asks for them and shows them, beside their rows.

use record::{Finding, ScanBackend, ScanRow, Timestamp};
use serde::{Deserialize, Serialize};
use store::AssetTotals;
use utoipa::ToSchema;

/// A scan is asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct ScanAsked {
    /// Networks, addresses and names, each inside `scan.allow`; empty: all that is allowed.
    pub targets: Vec<String>,
    /// `nmap` or `connect`; null: nmap where it is installed.
    pub backend: Option<ScanBackend>,
    /// TCP ports (`22,80,8000-8010`); null: those of `scan.ports`.
    pub ports: Option<String>,
}

/// One line of the timetable.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ScanSchedule {
    /// What is scanned.
    pub targets: Vec<String>,
    /// How often, hours.
    pub every_h: f64,
    /// When next; null: not known yet.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub next: Option<Timestamp>,
}

/// What may be scanned, what runs, what is known.
#[derive(Clone, Debug, Default, Serialize, Deserialize, ToSchema)]
pub struct ScansState {
    /// Networks, addresses and names that may be scanned; empty: scanning is off.
    pub allow: Vec<String>,
    /// Version of nmap; null where it is not installed.
    pub nmap: Option<String>,
    /// A host that so many whole scans in a row did not find is down.
    pub missed_scans_down: u32,
    /// Timetable; empty: nothing is scanned by itself.
    pub schedule: Vec<ScanSchedule>,
    /// Scans that run.
    pub running: Vec<ScanRow>,
    /// The newest that has ended.
    pub last: Option<ScanRow>,
    /// Sums over the inventory.
    pub assets: AssetTotals,
}

/// One scan with what was strange in it.
#[derive(Clone, Debug, Default, Serialize, Deserialize, ToSchema)]
pub struct ScanDetail {
    /// The scan.
    pub scan: ScanRow,
    /// Strangest first.
    pub findings: Vec<Finding>,
}

/// How a scan of a difference was made.
#[derive(Clone, Debug, Default, Serialize, Deserialize, ToSchema)]
pub struct ScanCall {
    /// Program.
    pub scanner: String,
    /// Its version.
    pub version: String,
    /// How it was called.
    pub args: String,
    /// When it began.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub started: Option<Timestamp>,
    /// When it ended.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub ended: Option<Timestamp>,
}

/// What changed from one scan to another, as `tripline scan --diff -o json` writes it.
#[derive(Clone, Debug, Default, Serialize, Deserialize, ToSchema)]
pub struct ScanDifference {
    /// `tripline.scan_diff/1`.
    pub schema: String,
    /// Nothing changed.
    pub equal: bool,
    /// The first scan.
    pub before: ScanCall,
    /// The second.
    pub after: ScanCall,
    /// Hosts that changed: `change` is `gone`, `new` (both with `host`) or `changed` (with `state`, `addresses`, `names`, `not_shown`, `ports`,
    /// `os`, `scripts`; each change has `before` and `after`).
    #[schema(value_type = Vec<Object>)]
    pub hosts: Vec<serde_json::Value>,
    /// What scripts said before the scan.
    #[schema(value_type = Vec<Object>)]
    pub pre_scripts: Vec<serde_json::Value>,
    /// After it.
    #[schema(value_type = Vec<Object>)]
    pub post_scripts: Vec<serde_json::Value>,
}
