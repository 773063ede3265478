//! The rows of scans and of the inventory that the store answers with; their JSON is the API's.

use record::{AssetEvent, AssetState, Finding, IpAddr16, Timestamp};
use serde::{Deserialize, Serialize};

/// One host of a scan.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ScanHostRow {
    /// Its key in the inventory; empty: it is no part of it.
    pub key: String,
    /// Its first address.
    pub address: String,
    /// Names.
    pub names: Vec<String>,
    /// `up`, `down`, `unknown`.
    pub state: String,
    /// Open ports.
    pub ports_open: u64,
    /// The first 20 of them: `22/tcp ssh OpenSSH 9.2`.
    pub ports: Vec<String>,
    /// Best guess at the operating system; empty: none.
    pub os: String,
}

/// Who knows of a host or port.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum SeenBy {
    /// Scans alone.
    #[default]
    Scan,
    /// Traffic alone.
    Traffic,
    /// Both.
    Both,
}

/// ASSET: one row of the inventory.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct AssetRow {
    /// MAC address where one was seen, else its address.
    pub key: String,
    /// Addresses.
    #[cfg_attr(feature = "openapi", schema(value_type = Vec<String>))]
    pub addresses: Vec<IpAddr16>,
    /// MAC address.
    pub mac: Option<String>,
    /// Who made its network card; empty: not known.
    pub vendor: String,
    /// Names.
    pub names: Vec<String>,
    /// Whether it is there.
    pub state: AssetState,
    /// `both` when traffic knows one of its addresses too.
    pub seen_by: SeenBy,
    /// First scan that found it.
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = DateTime))]
    pub first_seen: Timestamp,
    /// Last scan that found it.
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = DateTime))]
    pub last_seen: Timestamp,
    /// Whole scans in a row that did not find it.
    pub missed_scans: u32,
    /// Best guess at the operating system; empty: none.
    pub os: String,
    /// Open ports.
    pub ports_open: u64,
    /// The first 8 of them: `22/tcp ssh`.
    pub services: Vec<String>,
    /// What is strange about it in the newest scan that covered it.
    pub anomaly: Option<Finding>,
}

/// The first flow that used a port.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct FirstUse {
    /// When it began.
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = DateTime))]
    pub at: Timestamp,
    /// Who.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub peer: IpAddr16,
    /// The flow.
    pub flow_id: u64,
}

/// One port of a host of the inventory.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct AssetPortRow {
    /// Transport: `tcp`, `udp`, `sctp`.
    pub protocol: String,
    /// Number.
    pub port: u32,
    /// State in the newest scan that covered it: `open`, `closed`, `filtered` …
    pub state: String,
    /// What answers there; empty: not known.
    pub service: String,
    /// Program and version, or its first words; empty: not known.
    pub version: String,
    /// Its certificate: fingerprint and name; empty: none was told.
    pub certificate: String,
    /// `both` when traffic has been answered there too.
    pub seen_by: SeenBy,
    /// When it was first found open.
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = DateTime))]
    pub first_seen: Timestamp,
    /// When it was last found open.
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = DateTime))]
    pub last_seen: Timestamp,
    /// When it was found to be open no more; null while it is.
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>, format = DateTime))]
    pub closed: Option<Timestamp>,
    /// The first kept flow that used it since the scan before it was found open; null: none among those looked at.
    pub first_use: Option<FirstUse>,
}

/// One host of the inventory with its past.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct AssetDetail {
    /// The host.
    pub asset: AssetRow,
    /// Ports that were ever open, by protocol and number.
    pub ports: Vec<AssetPortRow>,
    /// What changed, newest first, at most 500.
    pub history: Vec<AssetEvent>,
    /// What was strange, newest first, at most 50.
    pub findings: Vec<Finding>,
}

/// Sums over the inventory.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct AssetTotals {
    /// Hosts that are there.
    pub up: u64,
    /// Hosts that are down.
    pub down: u64,
    /// Open ports of those that are there.
    pub ports_open: u64,
    /// Hosts that are strange in the newest scan that covered them.
    pub anomalous: u64,
}
