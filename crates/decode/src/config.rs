//! Settings of the room: the bounds of decoding. Knows no file; `app` composes and checks.

use serde::{Deserialize, Serialize};

/// Bounds on what one packet may cost.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct DecodeConfig {
    /// VLAN tags and MPLS labels read in one stack before the frame is given up (`tags_too_many`). Default 8.
    pub tags_max: u8,
    /// IPv6 extension headers read in one packet before it is given up (`ipv6_extensions_too_many`). Default 8.
    pub extensions_max: u8,
    /// Tunnels read inside each other; one more is counted as `tunnels_too_many` and the flow is the innermost read.
    /// Default 4.
    pub tunnels_max: u8,
    /// ClientHellos (TLS over several segments, QUIC over several datagrams) waited for at once by one decoder; a new
    /// one that needs the place of an old one takes it (`hellos_evicted`). Default 256, rounded up to a power of two, at most 65,536.
    pub hellos_pending_max: u32,
    /// Longest ClientHello put together, bytes; a longer one is read as far as it is there. Default 16,384.
    pub hello_bytes_max: u32,
}

impl Default for DecodeConfig {
    fn default() -> Self {
        Self { tags_max: 8, extensions_max: 8, tunnels_max: 4, hellos_pending_max: 256, hello_bytes_max: 16_384 }
    }
}
