//! Names that stand for numbers in filter expressions. Names of hosts are not looked up, on purpose: a filter must
//! mean the same on every machine.

use super::ast::Protocol;

/// Protocol words.
pub fn protocol(word: &str) -> Option<Protocol> {
    Some(match word {
        "ether" | "link" => Protocol::Link,
        "ip" => Protocol::Ip,
        "ip6" => Protocol::Ip6,
        "arp" => Protocol::Arp,
        "rarp" => Protocol::Rarp,
        "icmp" => Protocol::Over4(1),
        "igmp" => Protocol::Over4(2),
        "igrp" => Protocol::Over4(9),
        "vrrp" | "carp" => Protocol::Over4(112),
        "icmp6" => Protocol::Over6(58),
        "tcp" => Protocol::OverBoth(6),
        "udp" => Protocol::OverBoth(17),
        "sctp" => Protocol::OverBoth(132),
        "esp" => Protocol::OverBoth(50),
        "ah" => Protocol::OverBoth(51),
        "pim" => Protocol::OverBoth(103),
        _ => return None,
    })
}

/// IP protocol numbers (IANA), for `proto NAME`.
pub fn ip_protocol(word: &str) -> Option<u8> {
    Some(match word {
        "icmp" => 1,
        "igmp" => 2,
        "ipip" => 4,
        "tcp" => 6,
        "egp" => 8,
        "igrp" => 9,
        "udp" => 17,
        "ipv6" => 41,
        "gre" => 47,
        "esp" => 50,
        "ah" => 51,
        "icmp6" | "ipv6-icmp" => 58,
        "eigrp" => 88,
        "ospf" => 89,
        "pim" => 103,
        "vrrp" => 112,
        "l2tp" => 115,
        "sctp" => 132,
        _ => return None,
    })
}

/// Ethernet types, for `ether proto NAME`.
pub fn ether_type(word: &str) -> Option<u16> {
    Some(match word {
        "ip" => 0x0800,
        "arp" => 0x0806,
        "rarp" => 0x8035,
        "atalk" => 0x809b,
        "aarp" => 0x80f3,
        "ip6" => 0x86dd,
        "loopback" => 0x9000,
        "stp" => 0x42,
        _ => return None,
    })
}

/// Ports by IANA's service names.
pub fn port(word: &str) -> Option<u16> {
    Some(match word {
        "ftp-data" => 20,
        "ftp" => 21,
        "ssh" => 22,
        "telnet" => 23,
        "smtp" => 25,
        "domain" => 53,
        "bootps" => 67,
        "bootpc" => 68,
        "tftp" => 69,
        "http" => 80,
        "kerberos" => 88,
        "pop3" => 110,
        "sunrpc" => 111,
        "ntp" => 123,
        "netbios-ns" => 137,
        "netbios-dgm" => 138,
        "netbios-ssn" => 139,
        "imap2" | "imap" => 143,
        "snmp" => 161,
        "snmp-trap" => 162,
        "bgp" => 179,
        "ldap" => 389,
        "https" => 443,
        "microsoft-ds" => 445,
        "isakmp" => 500,
        "syslog" => 514,
        "submission" => 587,
        "ldaps" => 636,
        "domain-s" => 853,
        "imaps" => 993,
        "pop3s" => 995,
        "mysql" => 3306,
        "rdp" | "ms-wbt-server" => 3389,
        "sip" => 5060,
        "mdns" => 5353,
        "postgresql" => 5432,
        _ => return None,
    })
}

/// Constants of arithmetic: offsets, flags and types.
const CONSTANTS: &[(&str, u32)] = &[
    ("tcpflags", 13),
    ("tcp-fin", 0x01),
    ("tcp-syn", 0x02),
    ("tcp-rst", 0x04),
    ("tcp-push", 0x08),
    ("tcp-ack", 0x10),
    ("tcp-urg", 0x20),
    ("tcp-ece", 0x40),
    ("tcp-cwr", 0x80),
    ("icmptype", 0),
    ("icmp6type", 0),
    ("icmp-echoreply", 0),
    ("icmpcode", 1),
    ("icmp6code", 1),
    ("icmp-unreach", 3),
    ("icmp-sourcequench", 4),
    ("icmp-redirect", 5),
    ("icmp-echo", 8),
    ("icmp-routeradvert", 9),
    ("icmp-routersolicit", 10),
    ("icmp-timxceed", 11),
    ("icmp-paramprob", 12),
    ("icmp-tstamp", 13),
    ("icmp-tstampreply", 14),
    ("icmp-ireq", 15),
    ("icmp-ireqreply", 16),
    ("icmp-maskreq", 17),
    ("icmp-maskreply", 18),
    ("icmp6-destinationunreach", 1),
    ("icmp6-packettoobig", 2),
    ("icmp6-timeexceeded", 3),
    ("icmp6-parameterproblem", 4),
    ("icmp6-echo", 128),
    ("icmp6-echoreply", 129),
    ("icmp6-multicastlistenerquery", 130),
    ("icmp6-multicastlistenerreportv1", 131),
    ("icmp6-multicastlistenerdone", 132),
    ("icmp6-routersolicit", 133),
    ("icmp6-routeradvert", 134),
    ("icmp6-neighborsolicit", 135),
    ("icmp6-neighboradvert", 136),
    ("icmp6-redirect", 137),
];

/// A constant by its name.
pub fn constant(word: &str) -> Option<u32> {
    CONSTANTS.iter().find(|(name, _)| *name == word).map(|(_, value)| *value)
}

/// A number as C writes it: decimal, 0x hexadecimal, 0 octal.
pub fn number(word: &str) -> Option<u32> {
    if let Some(hex) = word.strip_prefix("0x") {
        return u32::from_str_radix(hex, 16).ok();
    }
    match word.strip_prefix('0') {
        Some(octal) if !octal.is_empty() => u32::from_str_radix(octal, 8).ok(),
        _ => word.bytes().all(|b| b.is_ascii_digit()).then(|| word.parse().ok()).flatten(),
    }
}
