//! An independent judge: tshark finds nothing malformed, no wrong checksum, and the protocols that should be there.

use super::super::{Simulator, scenarios};
use super::config;
use std::io::Write;
use std::path::Path;
use std::process::Command;

/// Writes a run as pcap with nanoseconds (magic number a1b23c4d).
fn write_pcap(path: &Path, names: &[&str], duration_s: f64) {
    let mut simulator = Simulator::new(&config(names, duration_s, 6)).unwrap();
    let mut out = std::io::BufWriter::new(std::fs::File::create(path).unwrap());
    for v in [0xa1b2_3c4d_u32, 0x0004_0002, 0, 0, 262_144, 1] {
        out.write_all(&v.to_le_bytes()).unwrap();
    }
    let mut data = Vec::new();
    while let Some((ts, _)) = simulator.next_into(&mut data) {
        let len = data.len() as u32;
        for v in [ts.seconds() as u32, ts.0.rem_euclid(1_000_000_000) as u32, len, len] {
            out.write_all(&v.to_le_bytes()).unwrap();
        }
        out.write_all(&data).unwrap();
    }
    out.flush().unwrap();
}

fn tshark(path: &Path, arguments: &[&str]) -> Option<String> {
    let checks = ["ip.check_checksum", "tcp.check_checksum", "udp.check_checksum"];
    let mut command = Command::new("tshark");
    command.arg("-n").arg("-r").arg(path);
    for check in checks {
        command.arg("-o").arg(format!("{check}:TRUE"));
    }
    let out = command.args(arguments).output().ok()?;
    Some(String::from_utf8_lossy(&out.stdout).into_owned())
}

#[test]
fn nothing_is_malformed_in_any_scenario() {
    let dir = tempfile::tempdir().unwrap();
    for info in scenarios() {
        let path = dir.path().join(info.name);
        write_pcap(&path, &[info.name], 40.0);
        let filter = "_ws.malformed || _ws.expert.severity == \"Error\" || ip.checksum.status == \"Bad\" || \
                      tcp.checksum.status == \"Bad\" || udp.checksum.status == \"Bad\" || icmp.checksum.status == \"Bad\" || \
                      icmpv6.checksum.status == \"Bad\"";
        let Some(bad) = tshark(&path, &["-Y", filter]) else {
            eprintln!("SKIP nothing_is_malformed_in_any_scenario: tshark is not installed");
            return;
        };
        assert_eq!(bad, "", "{}", info.name);
    }
}

#[test]
fn the_office_speaks_its_protocols() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("office.pcap");
    write_pcap(&path, &["office"], 240.0);
    let expected = [
        ("DNS answers", "dns.flags.response == 1 && dns.a", 100),
        ("aliases", "dns.cname", 5),
        ("negative answers", "dns.flags.rcode == 3", 5),
        ("server names", "tls.handshake.extensions_server_name contains \"example\"", 100),
        ("ALPN", "tls.handshake.extensions_alpn_str == \"h2\"", 100),
        (
            "TLS 1.3 server hellos",
            "tls.handshake.type == 2 && tls.handshake.extensions.supported_version == 0x0304",
            100,
        ),
        ("application data", "tls.app_data", 500),
        ("QUIC hellos", "quic && tls.handshake.type == 1 && tls.handshake.extensions_server_name", 10),
        ("QUIC answers", "quic && tls.handshake.type == 2", 10),
        ("HTTP requests", "http.request", 20),
        ("HTTP answers", "http.response", 20),
        ("printing", "ipp", 1),
        ("SSH key exchanges", "ssh.message_code == 20", 2),
        ("NTP", "ntp.flags.mode == 4", 20),
        ("SMB sessions", "smb2.cmd == 1", 4),
        ("sealed SMB", "smb2 && tcp.payload contains fd:53:4d:42", 10),
        ("SMTP", "smtp.req.command == \"RCPT\"", 2),
        ("IMAP", "imap.request", 5),
        ("DHCP", "dhcp.option.dhcp == 5", 1),
        ("ARP", "arp.opcode == 2", 20),
        ("mDNS", "mdns", 20),
        ("echo", "icmp.type == 8", 10),
        ("IPv6", "ipv6 && tcp", 100),
        ("neighbours", "icmpv6.type == 136", 10),
        ("router", "icmpv6.type == 134", 2),
        ("retransmissions", "tcp.analysis.retransmission", 1),
    ];
    let filters: Vec<&str> = expected.iter().map(|e| e.1).collect();
    let Some(table) = tshark(&path, &["-q", "-z", &format!("io,stat,0,{}", filters.join(","))]) else {
        eprintln!("SKIP the_office_speaks_its_protocols: tshark is not installed");
        return;
    };
    // The last row: the interval, then frames and bytes for each filter.
    let row = table.lines().rfind(|l| l.contains("<>")).unwrap_or_default();
    let counts: Vec<u64> = row.split('|').skip(2).step_by(2).filter_map(|n| n.trim().parse().ok()).collect();
    assert_eq!(counts.len(), expected.len(), "{table}");
    for ((what, _, least), n) in expected.iter().zip(counts) {
        assert!(n >= *least, "{what}: {n} of at least {least}");
    }
}
