//! Names of numbers, for people. Owns wording only.

/// An Ethernet type's protocol, as Wireshark calls it.
pub(super) const fn ether_type(kind: u16) -> &'static str {
    match kind {
        0x0800 => "IPv4",
        0x0806 => "ARP",
        0x0842 => "WoL",
        0x8035 => "RARP",
        0x8100 | 0x88a8 | 0x9100 => "VLAN",
        0x8137 => "IPX",
        0x86dd => "IPv6",
        0x8808 => "MAC CTRL",
        0x8809 => "Slow Protocols",
        0x8847 | 0x8848 => "MPLS",
        0x8863 => "PPPoED",
        0x8864 => "PPPoES",
        0x888e => "EAPOL",
        0x8892 => "PROFINET",
        0x88a4 => "ECATF",
        0x88b8 => "GOOSE",
        0x88ba => "Sampled Values",
        0x88cc => "LLDP",
        0x88e1 | 0x8912 => "HomePlug",
        0x88e3 => "MRP",
        0x88e5 => "MACSEC",
        0x88e7 => "PBB",
        0x88f7 => "PTP",
        0x8902 => "CFM",
        0x8906 => "FCoE",
        0x9000 => "LOOP",
        _ => "Ethernet",
    }
}

/// An IP protocol's name.
pub(super) const fn ip_protocol(proto: u8) -> &'static str {
    match proto {
        1 => "ICMP",
        2 => "IGMP",
        4 => "IPIP",
        6 => "TCP",
        17 => "UDP",
        33 => "DCCP",
        41 => "6in4",
        46 => "RSVP",
        47 => "GRE",
        50 => "ESP",
        51 => "AH",
        58 => "ICMPv6",
        88 => "EIGRP",
        89 => "OSPF",
        103 => "PIM",
        108 => "IPComp",
        112 => "VRRP",
        115 => "L2TPv3",
        132 => "SCTP",
        136 => "UDP-Lite",
        137 => "MPLS",
        _ => "IP",
    }
}

/// An ICMP message by type and code.
pub(super) const fn icmp(kind: u8, code: u8) -> &'static str {
    match (kind, code) {
        (0, _) => "Echo (ping) reply",
        (3, 0) => "Destination unreachable (Network unreachable)",
        (3, 1) => "Destination unreachable (Host unreachable)",
        (3, 2) => "Destination unreachable (Protocol unreachable)",
        (3, 3) => "Destination unreachable (Port unreachable)",
        (3, 4) => "Destination unreachable (Fragmentation needed)",
        (3, 9 | 10 | 13) => "Destination unreachable (Communication administratively filtered)",
        (3, _) => "Destination unreachable",
        (4, _) => "Source quench",
        (5, _) => "Redirect",
        (8, _) => "Echo (ping) request",
        (9, _) => "Router advertisement",
        (10, _) => "Router solicitation",
        (11, 1) => "Time-to-live exceeded (Fragment reassembly time exceeded)",
        (11, _) => "Time-to-live exceeded (Time to live exceeded in transit)",
        (12, _) => "Parameter problem",
        (13, _) => "Timestamp request",
        (14, _) => "Timestamp reply",
        (17, _) => "Address mask request",
        (18, _) => "Address mask reply",
        _ => "ICMP message",
    }
}

/// An ICMPv6 message by type and code.
pub(super) const fn icmpv6(kind: u8, code: u8) -> &'static str {
    match (kind, code) {
        (1, 0) => "Destination Unreachable (no route to destination)",
        (1, 1) => "Destination Unreachable (administratively prohibited)",
        (1, 3) => "Destination Unreachable (address unreachable)",
        (1, 4) => "Destination Unreachable (port unreachable)",
        (1, _) => "Destination Unreachable",
        (2, _) => "Packet Too Big",
        (3, _) => "Time Exceeded",
        (4, _) => "Parameter Problem",
        (128, _) => "Echo (ping) request",
        (129, _) => "Echo (ping) reply",
        (130, _) => "Multicast Listener Query",
        (131, _) => "Multicast Listener Report",
        (132, _) => "Multicast Listener Done",
        (133, _) => "Router Solicitation",
        (134, _) => "Router Advertisement",
        (135, _) => "Neighbor Solicitation",
        (136, _) => "Neighbor Advertisement",
        (137, _) => "Redirect",
        (143, _) => "Multicast Listener Report Message v2",
        _ => "ICMPv6 message",
    }
}

/// An IGMP message by type.
pub(super) const fn igmp(kind: u8) -> &'static str {
    match kind {
        0x11 => "Membership Query",
        0x12 => "Membership Report (version 1)",
        0x16 => "Membership Report",
        0x17 => "Leave Group",
        0x22 => "Membership Report (version 3)",
        _ => "IGMP message",
    }
}

/// TCP flags as Wireshark lists them, `SYN, ACK`.
pub(super) fn tcp_flags(flags: u8) -> String {
    const NAMES: [&str; 8] = ["FIN", "SYN", "RST", "PSH", "ACK", "URG", "ECE", "CWR"];
    let set: Vec<&str> = (0..8).filter(|bit| flags >> bit & 1 == 1).map(|bit| NAMES[bit]).collect();
    if set.is_empty() { "<None>".to_owned() } else { set.join(", ") }
}

/// A TLS handshake message's name.
pub(super) const fn tls_handshake(kind: u8) -> &'static str {
    match kind {
        0 => "Hello Request",
        1 => "Client Hello",
        2 => "Server Hello",
        4 => "New Session Ticket",
        8 => "Encrypted Extensions",
        11 => "Certificate",
        12 => "Server Key Exchange",
        13 => "Certificate Request",
        14 => "Server Hello Done",
        15 => "Certificate Verify",
        16 => "Client Key Exchange",
        20 => "Finished",
        22 => "Certificate Status",
        _ => "Encrypted Handshake Message",
    }
}

/// A TLS record's name.
pub(super) const fn tls_record(kind: u8) -> &'static str {
    match kind {
        20 => "Change Cipher Spec",
        21 => "Alert",
        22 => "Handshake",
        23 => "Application Data",
        24 => "Heartbeat",
        _ => "Record",
    }
}

/// The highest TLS version that has this number.
pub(super) const fn tls_version(version: u16) -> &'static str {
    match version {
        0x0300 => "SSLv3",
        0x0301 => "TLSv1",
        0x0302 => "TLSv1.1",
        0x0303 => "TLSv1.2",
        0x0304 => "TLSv1.3",
        _ => "TLS",
    }
}
