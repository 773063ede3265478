//! The inventory that scans make: hosts over time with their ports, what changed of them, and what is strange about them. Owns the nouns
//! and their JSON; how a scan becomes an inventory is the scan room's.

use crate::{IpAddr16, Timestamp};
use serde::{Deserialize, Serialize};

/// Whether a host is there, by the scans that covered it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum AssetState {
    /// It answered, or has not been silent for long enough.
    #[default]
    Up,
    /// So many whole scans in a row did not find it.
    Down,
    /// It was down and answered the newest scan.
    Returned,
}

impl AssetState {
    /// Lower-case name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Up => "up",
            Self::Down => "down",
            Self::Returned => "returned",
        }
    }
    /// Reads the name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        [Self::Up, Self::Down, Self::Returned].into_iter().find(|state| state.name() == name)
    }
}

/// A port of a host that was open in some scan.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct AssetPort {
    /// Transport: `tcp`, `udp`, `sctp`.
    pub protocol: String,
    /// Number.
    pub port: u32,
    /// State in the newest scan that covered it: `open`, `closed`, `filtered` …
    pub state: String,
    /// What answers there (`ssh`); empty: not known.
    pub service: String,
    /// Program and version (`OpenSSH 9.2p1`), or its first words; empty: not known.
    pub version: String,
    /// Its certificate: fingerprint and name; empty: none was told.
    pub certificate: String,
    /// Who told service and version (`nmap -sV`): words of different scanners are not compared.
    pub told_by: String,
    /// When it was first found open.
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = DateTime))]
    pub first_seen: Timestamp,
    /// When it was last found open.
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = DateTime))]
    pub last_seen: Timestamp,
    /// When it was found to be open no more; null while it is.
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>, format = DateTime))]
    pub closed: Option<Timestamp>,
    /// The scan before, in which it was not open: it opened after that. Null: the host was not known then.
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>, format = DateTime))]
    pub absent: Option<Timestamp>,
}

impl AssetPort {
    /// It was open when it was last looked at.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.state == "open"
    }
    /// `22/tcp ssh`.
    #[must_use]
    pub fn title(&self) -> String {
        let service = if self.service.is_empty() { String::new() } else { format!(" {}", self.service) };
        format!("{}/{}{service}", self.port, self.protocol)
    }
}

/// A host of the inventory.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Asset {
    /// Its MAC address where one was seen, else its address.
    pub key: String,
    /// Addresses, sorted.
    pub addresses: Vec<IpAddr16>,
    /// MAC address, upper case.
    pub mac: Option<String>,
    /// Who made its network card.
    pub vendor: String,
    /// Names, sorted.
    pub names: Vec<String>,
    /// Whether it is there.
    pub state: AssetState,
    /// First scan that found it.
    pub first_seen: Timestamp,
    /// Last scan that found it.
    pub last_seen: Timestamp,
    /// Whole scans in a row that covered it and did not find it.
    pub missed_scans: u32,
    /// Best guess at the operating system; empty: none.
    pub os: String,
    /// Ports, by protocol and number.
    pub ports: Vec<AssetPort>,
    /// Ports that whole scans have asked so far, by transport: `22,80,8000-8010`.
    pub covered: Vec<(String, String)>,
}

impl Asset {
    /// Ports that are open.
    pub fn open_ports(&self) -> impl Iterator<Item = &AssetPort> {
        self.ports.iter().filter(|port| port.is_open())
    }
    /// Its first address, else its key.
    #[must_use]
    pub fn address(&self) -> String {
        self.addresses.first().map_or_else(|| self.key.clone(), ToString::to_string)
    }
}

/// What changed of a host.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum AssetChange {
    /// It was not known.
    NewDevice,
    /// So many whole scans in a row did not find it.
    Down,
    /// It was down and answers again.
    Returned,
    /// A port that was covered before and not open is open.
    PortOpened,
    /// A port that was open is covered and not open.
    PortClosed,
    /// Another service answers at a port.
    ServiceChanged,
    /// The same service in another version.
    VersionChanged,
    /// Another operating system is guessed.
    OsChanged,
    /// Another certificate at a port.
    CertificateChanged,
    /// Other names.
    NameChanged,
    /// Other addresses, by its MAC address.
    AddressChanged,
}

impl AssetChange {
    /// All.
    pub const ALL: [Self; 11] = [
        Self::NewDevice,
        Self::Down,
        Self::Returned,
        Self::PortOpened,
        Self::PortClosed,
        Self::ServiceChanged,
        Self::VersionChanged,
        Self::OsChanged,
        Self::CertificateChanged,
        Self::NameChanged,
        Self::AddressChanged,
    ];
    /// As JSON has it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::NewDevice => "new_device",
            Self::Down => "down",
            Self::Returned => "returned",
            Self::PortOpened => "port_opened",
            Self::PortClosed => "port_closed",
            Self::ServiceChanged => "service_changed",
            Self::VersionChanged => "version_changed",
            Self::OsChanged => "os_changed",
            Self::CertificateChanged => "certificate_changed",
            Self::NameChanged => "name_changed",
            Self::AddressChanged => "address_changed",
        }
    }
    /// Reads the name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|change| change.name() == name)
    }
}

/// One change of one host, as one scan found it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct AssetEvent {
    /// When the scan began that found it.
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = DateTime))]
    pub at: Timestamp,
    /// Scan.
    pub scan: String,
    /// Host.
    pub key: String,
    /// What.
    pub what: AssetChange,
    /// In words: `22/tcp ssh opened`.
    pub text: String,
    /// Before; empty: nothing.
    pub before: String,
    /// After; empty: nothing.
    pub after: String,
    /// Transport of the port concerned; empty: none.
    #[serde(default)]
    pub protocol: String,
    /// The port concerned; 0: none.
    #[serde(default)]
    pub port: u32,
}

/// One reason of a finding: a feature of the host beside what is usual.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct FindingReason {
    /// Feature (`ports_open`).
    pub feature: String,
    /// The feature in words (`open ports`).
    pub words: String,
    /// Value in this scan.
    pub value: f64,
    /// Lowest usual value.
    pub expected_low: f64,
    /// Highest usual value.
    pub expected_high: f64,
    /// Whose usual: `history`, the host's own, or `group`, of hosts like it.
    pub of: String,
}

/// What is strange about a host in one scan.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Finding {
    /// Scan.
    pub scan: String,
    /// When it began.
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = DateTime))]
    pub at: Timestamp,
    /// Host: key in the inventory.
    pub key: String,
    /// 0 usual to 1 strange.
    pub score: f64,
    /// How often usual hosts and scans score at least this.
    pub p_value: f64,
    /// One sentence.
    pub text: String,
    /// Why, strongest first.
    pub reasons: Vec<FindingReason>,
    /// The incident that it is part of.
    pub incident: Option<String>,
}

/// What one scan makes of the inventory; written as one.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct InventoryChange {
    /// Key of each host of the scan, in its order; empty: it is no part of the inventory.
    pub keys: Vec<String>,
    /// Hosts as they are now, those that the scan covered.
    pub assets: Vec<Asset>,
    /// Hosts that turned out to be another one: key that is gone, key that goes on.
    pub merged: Vec<(String, String)>,
    /// What changed.
    pub events: Vec<AssetEvent>,
}
