//! Countries, and packets with fields of their tree.

use record::PacketSummary;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use utoipa::ToSchema;

/// Traffic with the hosts of one country.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct CountryRow {
    /// ISO 3166-1 alpha-2.
    pub country: String,
    /// Hosts among those added up.
    pub hosts: u64,
    /// Wire bytes, both directions.
    pub bytes: u64,
    /// Flows.
    pub flows: u64,
}

/// Countries by bytes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct CountriesView {
    /// False: no database is set, so that nothing is known.
    pub available: bool,
    /// What the database calls itself, with the day it was made.
    pub database: String,
    /// Most bytes first.
    pub items: Vec<CountryRow>,
    /// True when there are more hosts than were added up.
    pub cut: bool,
}

/// What the decode tree of a packet says, as far as it was asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PacketFields {
    /// The first parts of all field names of the tree (`eth`, `ip`, `tcp`, `tls`), outermost first.
    pub protocols: Vec<String>,
    /// Values of the fields asked for, in the order of the tree, as the tree writes them.
    pub values: BTreeMap<String, Vec<String>>,
}

/// A row of the packet list.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct PacketRow {
    /// The row.
    #[serde(flatten)]
    pub packet: PacketSummary,
    /// Only when fields were asked for; null when the packet left the ring meanwhile.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fields: Option<PacketFields>,
}
