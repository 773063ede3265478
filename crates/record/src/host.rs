//! A host as known from traffic.

use crate::{IpAddr16, MacAddr, Timestamp};
use serde::{Deserialize, Serialize};

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
}
