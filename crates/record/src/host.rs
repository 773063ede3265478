//! A host as known from traffic, and how much it matters to the people who own it.

use crate::{IpAddr16, MacAddr, Timestamp};
use serde::{Deserialize, Serialize};

/// Services kept of one host; the first that were used.
pub const HOST_SERVICES_MAX: usize = 32;

/// How much a host matters, as a person said.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum Importance {
    /// A test machine, a guest: its incidents are one step less severe.
    Low,
    /// What was never said anything else of.
    #[default]
    Normal,
    /// Its incidents are one step more severe.
    High,
    /// Its incidents are two steps more severe.
    Critical,
}

impl Importance {
    /// All, least first.
    pub const ALL: [Self; 4] = [Self::Low, Self::Normal, Self::High, Self::Critical];

    /// Lower-case name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Low => "low",
            Self::Normal => "normal",
            Self::High => "high",
            Self::Critical => "critical",
        }
    }
}

/// Something a host answers on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct HostService {
    /// IP protocol number (6 TCP, 17 UDP).
    pub proto: u8,
    /// Port.
    pub port: u16,
    /// Flows that were answered.
    pub flows: u64,
    /// Start of the first of them.
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = DateTime))]
    pub first_seen: Timestamp,
    /// End of the last of them.
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = DateTime))]
    pub last_seen: Timestamp,
}

/// One address seen on the network. Counters are since `first_seen`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct HostRecord {
    /// Address.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub ip: IpAddr16,
    /// Last Ethernet address seen with it; None behind a router.
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>))]
    pub mac: Option<MacAddr>,
    /// Name from DHCP, mDNS or DNS; empty when unknown.
    pub name: String,
    /// True inside the configured home networks.
    pub home: bool,
    /// First packet.
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = DateTime))]
    pub first_seen: Timestamp,
    /// Last packet.
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = DateTime))]
    pub last_seen: Timestamp,
    /// Flows it opened.
    pub flows_out: u64,
    /// Flows opened to it.
    pub flows_in: u64,
    /// Bytes it sent.
    pub bytes_out: u64,
    /// Bytes it received.
    pub bytes_in: u64,
    /// What it answers on, first used first, at most `HOST_SERVICES_MAX`; of home hosts only, below the ports that programs choose
    /// by chance (49152, for UDP 32768).
    #[serde(default)]
    pub services: Vec<HostService>,
}
