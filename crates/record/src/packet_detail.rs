//! A packet as the Packets page shows it.

use crate::{IpAddr16, Timestamp};
use serde::{Deserialize, Serialize};

/// One row of the live list.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct PacketSummary {
    /// Number since start.
    pub id: u64,
    /// Capture time.
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = DateTime))]
    pub timestamp: Timestamp,
    /// Source address, or Ethernet address when there is no IP.
    pub src: String,
    /// Destination address.
    pub dest: String,
    /// Source IP, when there is one.
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>))]
    pub src_ip: Option<IpAddr16>,
    /// Destination IP, when there is one.
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>))]
    pub dest_ip: Option<IpAddr16>,
    /// Source port, 0 when none.
    pub src_port: u16,
    /// Destination port, 0 when none.
    pub dest_port: u16,
    /// Highest protocol known (`TCP`, `DNS`, `ARP`).
    pub protocol: String,
    /// Bytes on the wire.
    pub length: u32,
    /// Wireshark-like summary.
    pub info: String,
    /// Score of its flow, when judged.
    pub score: Option<f32>,
}

/// One field of the decode tree.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct DetailField {
    /// Wireshark's field name where it has one (`ip.src`).
    pub name: String,
    /// For people ("Source address").
    pub label: String,
    /// Value as text.
    pub value: String,
    /// First byte in the frame.
    pub offset: u32,
    /// Bytes.
    pub length: u32,
}

/// One layer of the decode tree.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct DetailLayer {
    /// Name (`Ethernet II`, `Internet Protocol Version 4`).
    pub name: String,
    /// First byte in the frame.
    pub offset: u32,
    /// Bytes.
    pub length: u32,
    /// Fields.
    pub fields: Vec<DetailField>,
}

/// One packet, whole.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct PacketDetail {
    /// The list's row.
    pub summary: PacketSummary,
    /// The tree.
    pub layers: Vec<DetailLayer>,
    /// Captured bytes, lower-case hexadecimal.
    pub hex: String,
    /// Why decoding stopped early; empty when it did not.
    pub stopped: String,
}
