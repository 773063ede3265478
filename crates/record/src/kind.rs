//! The kinds of incident that the contract names.

use serde::{Deserialize, Serialize};

/// What an alert or incident is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum Kind {
    /// One source asks many ports.
    PortScan,
    /// One source asks many hosts.
    HostSweep,
    /// Repeated log-in guesses.
    BruteForce,
    /// More traffic than a victim can take.
    Flood,
    /// Data in DNS names.
    DnsTunnel,
    /// Generated domain names.
    Dga,
    /// Regular calls home.
    Beacon,
    /// False ARP claims.
    ArpSpoof,
    /// Unusual upload.
    Exfiltration,
    /// First contact on administrative ports.
    LateralMovement,
    /// Never seen before.
    NewDevice,
    /// A service not offered before.
    NewService,
    /// A port opened or closed.
    PortChange,
    /// A host is gone.
    HostDown,
    /// An interface's rate against its own past.
    Volume,
    /// A protocol used as it should not be.
    ProtocolMisuse,
    /// A flow unlike the learned ones.
    AnomalousFlow,
    /// A host unlike itself.
    AnomalousHost,
    /// Packets unlike the learned ones.
    AnomalousPackets,
    /// Another tool's alert.
    ImportedAlert,
    /// A user's own detector.
    Custom,
}

impl Kind {
    /// All, in the contract's order.
    pub const ALL: [Self; 21] = [
        Self::PortScan,
        Self::HostSweep,
        Self::BruteForce,
        Self::Flood,
        Self::DnsTunnel,
        Self::Dga,
        Self::Beacon,
        Self::ArpSpoof,
        Self::Exfiltration,
        Self::LateralMovement,
        Self::NewDevice,
        Self::NewService,
        Self::PortChange,
        Self::HostDown,
        Self::Volume,
        Self::ProtocolMisuse,
        Self::AnomalousFlow,
        Self::AnomalousHost,
        Self::AnomalousPackets,
        Self::ImportedAlert,
        Self::Custom,
    ];
    /// The contract's spelling.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::PortScan => "port_scan",
            Self::HostSweep => "host_sweep",
            Self::BruteForce => "brute_force",
            Self::Flood => "flood",
            Self::DnsTunnel => "dns_tunnel",
            Self::Dga => "dga",
            Self::Beacon => "beacon",
            Self::ArpSpoof => "arp_spoof",
            Self::Exfiltration => "exfiltration",
            Self::LateralMovement => "lateral_movement",
            Self::NewDevice => "new_device",
            Self::NewService => "new_service",
            Self::PortChange => "port_change",
            Self::HostDown => "host_down",
            Self::Volume => "volume",
            Self::ProtocolMisuse => "protocol_misuse",
            Self::AnomalousFlow => "anomalous_flow",
            Self::AnomalousHost => "anomalous_host",
            Self::AnomalousPackets => "anomalous_packets",
            Self::ImportedAlert => "imported_alert",
            Self::Custom => "custom",
        }
    }
    /// Reads the contract's spelling.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|k| k.name() == name)
    }
    /// True for kinds that come from learned scores and so fall under the alert budget.
    #[must_use]
    pub const fn is_learned(self) -> bool {
        matches!(self, Self::AnomalousFlow | Self::AnomalousHost | Self::AnomalousPackets)
    }
}
