//! Zeek's conn.log as tab-separated values, with `community_id` as its policy script adds it. The times of opening and
//! closing the log are left out: the same input gives the same output.

use super::{LineFormat, Told};
use record::{AppProto, FlowRecord, Tunnel};
use std::fmt::Write as _;

/// Field names and Zeek types in order.
#[rustfmt::skip]
pub(super) const FIELDS: [(&str, &str); 23] = [
    ("ts", "time"), ("uid", "string"), ("id.orig_h", "addr"), ("id.orig_p", "port"), ("id.resp_h", "addr"),
    ("id.resp_p", "port"), ("proto", "enum"), ("service", "string"), ("duration", "interval"),
    ("orig_bytes", "count"), ("resp_bytes", "count"), ("conn_state", "string"), ("local_orig", "bool"),
    ("local_resp", "bool"), ("missed_bytes", "count"), ("history", "string"), ("orig_pkts", "count"),
    ("orig_ip_bytes", "count"), ("resp_pkts", "count"), ("resp_ip_bytes", "count"),
    ("tunnel_parents", "set[string]"), ("ip_proto", "count"), ("community_id", "string"),
];

/// conn.log.
pub(super) struct Zeek;

impl LineFormat for Zeek {
    fn name(&self) -> &'static str {
        "zeek"
    }
    fn about(&self) -> &'static str {
        "Zeek's conn.log, tab-separated, with community_id"
    }
    fn header(&self, line: &mut String) {
        line.push_str(
            "#separator \\x09\n#set_separator\t,\n#empty_field\t(empty)\n#unset_field\t-\n#path\tconn\n#fields",
        );
        for (name, _) in FIELDS {
            line.extend(["\t", name]);
        }
        line.push_str("\n#types");
        for (_, kind) in FIELDS {
            line.extend(["\t", kind]);
        }
        line.push('\n');
    }
    fn record(&self, flow: &FlowRecord, told: Told<'_>, line: &mut String) {
        let (src, dest, proto) = (flow.src(), flow.dest(), flow.key.proto);
        let icmp = matches!(proto, 1 | 58);
        let (src_port, dest_port) =
            if icmp { (u16::from(flow.icmp_type), u16::from(flow.icmp_code)) } else { (src.port, dest.port) };
        let ns = flow.start.0;
        let _ = write!(line, "{}.{:06}\t", ns.div_euclid(1_000_000_000), ns.rem_euclid(1_000_000_000) / 1_000);
        uid(flow.flow_id, line);
        let _ = write!(line, "\t{}\t{src_port}\t{}\t{dest_port}", src.addr, dest.addr);
        let _ = write!(line, "\t{}\t{}\t", transport(proto), service(flow.app_proto()));
        match flow.duration_ns() {
            0 => line.push('-'),
            ns => {
                let _ = write!(line, "{}.{:06}", ns / 1_000_000_000, ns % 1_000_000_000 / 1_000);
            }
        }
        let _ = write!(line, "\t{}\t{}\t{}", flow.forward.payload.sum, flow.backward.payload.sum, flow.state.name());
        let missed = flow.forward.missed_bytes + flow.backward.missed_bytes;
        let history = if flow.history.len == 0 { "-" } else { flow.history.as_str() };
        let _ = write!(line, "\t-\t-\t{missed}\t{history}");
        for side in [&flow.forward, &flow.backward] {
            let _ = write!(line, "\t{}\t{}", side.packets, side.ip_bytes);
        }
        // The parent's identity is not kept, only that there is one.
        let tunnel = if flow.tunnel == Tunnel::None { "-" } else { "(empty)" };
        let _ = writeln!(line, "\t{tunnel}\t{proto}\t{}", told.community_id(flow));
    }
}

/// Zeek's identities begin with C for a connection; the rest is ours in base 62.
fn uid(flow_id: u64, line: &mut String) {
    const DIGITS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    line.push('C');
    let mut rest = flow_id;
    while rest > 0 {
        line.push(char::from(DIGITS[(rest % 62) as usize]));
        rest /= 62;
    }
}

fn transport(proto: u8) -> &'static str {
    match proto {
        6 => "tcp",
        17 => "udp",
        1 | 58 => "icmp",
        _ => "unknown_transport",
    }
}

/// Zeek's names of services.
fn service(app: AppProto) -> &'static str {
    match app {
        AppProto::Dns | AppProto::Mdns => "dns",
        AppProto::Tls => "ssl",
        AppProto::Quic => "quic",
        AppProto::Http => "http",
        AppProto::Ssh => "ssh",
        AppProto::Dhcp => "dhcp",
        AppProto::Ntp => "ntp",
        AppProto::Modbus => "modbus",
        AppProto::Dnp3 => "dnp3_tcp",
        AppProto::Ftp => "ftp",
        AppProto::Smtp => "smtp",
        AppProto::Imap => "imap",
        AppProto::Pop3 => "pop3",
        AppProto::Snmp => "snmp",
        // Zeek names no service for the last two.
        AppProto::Unknown | AppProto::Telnet | AppProto::Stratum => "-",
    }
}
