//! ATT&CK (Enterprise) techniques by kind: what an attacker would be doing if the incident is one.

use record::Kind;

/// Technique identifiers of a kind, most specific first; empty where none fits.
#[must_use]
pub fn techniques(kind: Kind) -> &'static [&'static str] {
    match kind {
        Kind::PortScan => &["T1046"],
        Kind::HostSweep => &["T1018", "T1046"],
        Kind::BruteForce => &["T1110"],
        Kind::Flood => &["T1498", "T1499"],
        Kind::DnsTunnel => &["T1071.004", "T1048"],
        Kind::Dga => &["T1568.002"],
        Kind::Beacon => &["T1071", "T1571"],
        Kind::ArpSpoof => &["T1557.002"],
        Kind::Exfiltration => &["T1048", "T1041"],
        Kind::LateralMovement => &["T1021"],
        Kind::NewDevice => &["T1200"],
        Kind::NewService => &["T1571"],
        Kind::ProtocolMisuse => &["T1095"],
        Kind::AnomalousFlow
        | Kind::AnomalousHost
        | Kind::AnomalousPackets
        | Kind::Volume
        | Kind::PortChange
        | Kind::HostDown
        | Kind::ImportedAlert
        | Kind::Custom => &[],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn techniques_are_spelled_as_attack_spells_them() {
        for kind in Kind::ALL {
            for technique in techniques(kind) {
                let digits: String = technique.chars().filter(char::is_ascii_digit).collect();
                assert!(technique.starts_with('T') && matches!(digits.len(), 4 | 7), "{technique}");
            }
        }
        assert_eq!(techniques(Kind::PortScan), ["T1046"]);
    }
}
