//! What counts as one protocol when volume is counted: the protocol that was recognised, else the service of the port, else the class of
//! traffic. Owns the names and their order; knows no amounts.

use super::contacts;
use record::{AppProto, FlowRecord};

/// Everything that is told apart, in the order of the memory: later ones are added at the end.
pub(super) const PROTOCOLS: [&str; 44] = [
    "DNS",
    "multicast DNS",
    "TLS",
    "QUIC",
    "HTTP",
    "SSH",
    "DHCP",
    "NTP",
    "Modbus",
    "DNP3",
    "FTP",
    "SMTP",
    "IMAP",
    "POP3",
    "Telnet",
    "Stratum",
    "SMB",
    "RDP",
    "NetBIOS",
    "SNMP",
    "LDAP",
    "Kerberos",
    "SSDP",
    "SQL Server",
    "MySQL",
    "PostgreSQL",
    "VNC",
    "memcached",
    "syslog",
    "SIP",
    "MQTT",
    "NFS",
    "RPC",
    "WinRM",
    "OpenVPN",
    "WireGuard",
    "IPsec",
    "other TCP",
    "other UDP",
    "ICMP",
    "GRE",
    "other IP",
    "ARP",
    "other frames",
];

/// Where a name stands; what is none of them is the last.
pub(super) fn place(name: &str) -> usize {
    PROTOCOLS.iter().position(|known| *known == name).unwrap_or(PROTOCOLS.len() - 1)
}

/// The name of what a flow carries: the protocol that was recognised, else the service of its port, else the class.
pub(super) fn name_of(flow: &FlowRecord) -> &'static str {
    if let Some(name) = name_of_app(flow.app_proto()) {
        return name;
    }
    let port = flow.dest().port;
    match flow.key.proto {
        contacts::TCP => name_of_port(port).unwrap_or("other TCP"),
        contacts::UDP => name_of_port(port).unwrap_or("other UDP"),
        1 | 58 => "ICMP",
        47 => "GRE",
        50 | 51 => "IPsec",
        _ => "other IP",
    }
}

fn name_of_app(proto: AppProto) -> Option<&'static str> {
    Some(match proto {
        AppProto::Unknown => return None,
        AppProto::Dns => "DNS",
        AppProto::Mdns => "multicast DNS",
        AppProto::Tls => "TLS",
        AppProto::Quic => "QUIC",
        AppProto::Http => "HTTP",
        AppProto::Ssh => "SSH",
        AppProto::Dhcp => "DHCP",
        AppProto::Ntp => "NTP",
        AppProto::Modbus => "Modbus",
        AppProto::Dnp3 => "DNP3",
        AppProto::Ftp => "FTP",
        AppProto::Smtp => "SMTP",
        AppProto::Imap => "IMAP",
        AppProto::Pop3 => "POP3",
        AppProto::Telnet => "Telnet",
        AppProto::Stratum => "Stratum",
        AppProto::Snmp => "SNMP",
    })
}

/// By the server's port, where nothing was recognised: the middle of a connection, or a protocol that is not taken apart.
fn name_of_port(port: u16) -> Option<&'static str> {
    Some(match port {
        53 => "DNS",
        80 | 8080 => "HTTP",
        443 | 8443 => "TLS",
        22 => "SSH",
        67 | 68 => "DHCP",
        88 => "Kerberos",
        111 | 135 => "RPC",
        123 => "NTP",
        137..=139 => "NetBIOS",
        161 | 162 => "SNMP",
        389 | 636 => "LDAP",
        445 => "SMB",
        500 | 4500 => "IPsec",
        514 | 6514 => "syslog",
        1194 => "OpenVPN",
        1433 => "SQL Server",
        1883 | 8883 => "MQTT",
        1900 => "SSDP",
        2049 => "NFS",
        3306 => "MySQL",
        3389 => "RDP",
        5060 | 5061 => "SIP",
        5432 => "PostgreSQL",
        5900..=5909 => "VNC",
        5985 | 5986 => "WinRM",
        11_211 => "memcached",
        51_820 => "WireGuard",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::super::synthetic::{flow, ip};
    use super::*;

    #[test]
    fn flows_are_named_by_what_was_recognised_then_by_port_then_by_class() {
        let named = |proto: u8, port: u16| {
            let mut f = flow(0, ip(1), ip(2), port, 1, 1);
            f.key.proto = proto;
            name_of(&f)
        };
        assert_eq!(
            [named(6, 445), named(6, 40_000), named(17, 161), named(17, 40_000)],
            ["SMB", "other TCP", "SNMP", "other UDP"]
        );
        assert_eq!([named(1, 0), named(58, 0), named(47, 0), named(132, 0)], ["ICMP", "ICMP", "GRE", "other IP"]);
        let mut f = flow(0, ip(1), ip(2), 8443, 1, 1);
        f.app = Some(Box::new(record::AppSummary { proto: AppProto::Ssh, ..record::AppSummary::default() }));
        assert_eq!(name_of(&f), "SSH");
        let mut sorted = PROTOCOLS;
        sorted.sort_unstable();
        assert!(sorted.windows(2).all(|pair| pair[0] != pair[1]), "each name once");
        let every = (0..=u16::MAX).filter_map(name_of_port);
        assert!(every.into_iter().all(|name| PROTOCOLS.contains(&name)));
    }
}
