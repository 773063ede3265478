//! What to do next, by kind, in one or two plain sentences.

use record::Kind;

/// Advice for a kind of incident.
#[must_use]
pub fn advice(kind: Kind) -> &'static str {
    match kind {
        Kind::PortScan => {
            "Find out who runs the source: an inventory or vulnerability scanner you know is harmless, anything else should be taken off the network. Then look at the ports that answered."
        }
        Kind::HostSweep => {
            "Check whether the source is a management or monitoring system. If not, isolate it and look for the program that searches for other hosts."
        }
        Kind::BruteForce => {
            "Look in the target's log for a successful log-in from this source; if there is one, change that password and end its sessions. Then block the source or limit log-in attempts."
        }
        Kind::Flood => {
            "See whether the victim still answers. Limit or block the busiest senders in front of it, and ask your provider to filter if the line is full."
        }
        Kind::DnsTunnel => {
            "Block the domain at your resolver and look on the client for the program that asks these names."
        }
        Kind::Dga => "Look on the client for malware: it asks for names that a program made up.",
        Kind::Beacon => {
            "Find the program on the source that calls this address so regularly. Update checks and monitoring agents do this too; if you know it, mark the incident as a false positive."
        }
        Kind::ArpSpoof => {
            "Compare the Ethernet address with your gateway's and hosts' real ones. Unplug the device behind the false claim, then renew the ARP tables of the hosts it lied to."
        }
        Kind::Exfiltration => {
            "Find out what was uploaded and by whom: a backup or file sharing explains it. If nobody can, block the destination and secure the source."
        }
        Kind::LateralMovement => {
            "Check whether an administrator did this. If not, isolate the source and change the accounts used on it."
        }
        Kind::NewDevice => {
            "See whether somebody connected this device on purpose; if nobody did, find its switch port or Wi-Fi session."
        }
        Kind::NewService => "See whether this service was installed on purpose.",
        Kind::PortChange => "Compare with the last change on this host; close the port if nobody opened it on purpose.",
        Kind::HostDown => "Check power and network of the host.",
        Kind::Volume => {
            "Look at the busiest hosts of this time on the Overview page. A backup, an update or a new service explains most rises."
        }
        Kind::ProtocolMisuse => {
            "Look at the packets and ask who changed something: a device or program does what it should not, or what it never did."
        }
        Kind::AnomalousFlow | Kind::AnomalousHost | Kind::AnomalousPackets => {
            "Read the reasons and open the flows: is this a program you know, doing something new? If it is harmless, mark it as a false positive."
        }
        Kind::ImportedAlert => "Read the other tool's message and its flow.",
        Kind::Custom => "Read the message of the rule that raised this.",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_has_advice_in_full_sentences() {
        for kind in Kind::ALL {
            let text = advice(kind);
            assert!(text.len() > 20 && text.ends_with('.'), "{kind:?}");
            assert!(text.chars().next().is_some_and(char::is_uppercase), "{kind:?}");
        }
    }
}
