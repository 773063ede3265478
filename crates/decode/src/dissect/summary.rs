//! One line about a packet: protocol and information, worded as Wireshark words them. Stateless, so sequence numbers are
//! the ones on the wire.

use super::{names, wireless};
use crate::app::Registry;
use crate::bytes::{be16_at, be32_at, text};
use crate::config::DecodeConfig;
use crate::errors::stop_text;
use crate::link::ETHER_ARP;
use crate::transport::icmp::is_echo;
use crate::{app, arp};
use record::{
    AdminData, AdminProtocol, AdminStep, AppData, ControlData, ControlProtocol, DecodeErrorKind, DhcpData, DnsData,
    HttpData, LoginData, NtpData, PacketMeta, TcpFlags, TlsData,
};
use std::fmt::Write;

/// Protocol and information of a decoded packet. `frame` is the bytes that `meta` was decoded from.
#[must_use]
pub fn summarize(meta: &PacketMeta, frame: &[u8]) -> (String, String) {
    if meta.ip_version == 0 {
        return without_ip(meta, frame);
    }
    if meta.fragment_later {
        let info = format!("Fragmented IP protocol (proto={} {})", names::ip_protocol(meta.proto), meta.proto);
        return (version(meta).to_owned(), info);
    }
    // A table of one place: a hello in one packet is read, one that goes on is not waited for.
    let config = DecodeConfig { hellos_pending_max: 1, ..DecodeConfig::default() };
    if let (Some(data), _) = Registry::new(&config).parse(meta, frame) {
        return application(meta, frame, &data);
    }
    match meta.proto {
        6 => tls_records(meta, frame).unwrap_or_else(|| ("TCP".to_owned(), tcp(meta))),
        17 => ("UDP".to_owned(), format!("{} → {} Len={}", meta.src_port, meta.dest_port, meta.payload_len)),
        1 => ("ICMP".to_owned(), icmp(meta, frame)),
        58 => ("ICMPv6".to_owned(), icmp(meta, frame)),
        2 => ("IGMP".to_owned(), igmp(meta, frame)),
        132 => ("SCTP".to_owned(), format!("{} → {} Len={}", meta.src_port, meta.dest_port, meta.payload_len)),
        50 => ("ESP".to_owned(), esp(meta, frame)),
        proto => {
            (names::ip_protocol(proto).to_owned(), meta.stop.map_or_else(|| format!("IP protocol {proto}"), stop_text))
        }
    }
}

fn version(meta: &PacketMeta) -> &'static str {
    if meta.ip_version == 6 { "IPv6" } else { "IPv4" }
}

fn without_ip(meta: &PacketMeta, frame: &[u8]) -> (String, String) {
    if let Some(arp) = arp::data(meta, frame) {
        let info = match arp.operation {
            1 if arp.sender_ip == arp.target_ip => format!("ARP Announcement for {}", arp.sender_ip),
            1 => format!("Who has {}? Tell {}", arp.target_ip, arp.sender_ip),
            2 => format!("{} is at {}", arp.sender_ip, arp.sender_mac),
            operation => format!("ARP operation {operation}"),
        };
        return ("ARP".to_owned(), info);
    }
    if let Some((DecodeErrorKind::LinkControl | DecodeErrorKind::LinkEncrypted, _, at)) = meta.stop
        && let Some(summary) = wireless::summary(frame, usize::from(at))
    {
        return summary;
    }
    let stopped = meta.stop.map(stop_text);
    match meta.ether_type {
        0 => ("LLC".to_owned(), stopped.unwrap_or_else(|| "802.2 frame".to_owned())),
        ETHER_ARP => ("ARP".to_owned(), stopped.unwrap_or_default()),
        kind => {
            let name = names::ether_type(kind);
            let info = match stopped {
                // Known by name, only not read further: that is no news.
                Some(_) if name != "Ethernet" && !matches!(kind, 0x0800 | 0x86dd) => {
                    format!("Ethernet type 0x{kind:04x}, {} bytes", meta.wire_len)
                }
                Some(text) => format!("Ethernet type 0x{kind:04x}: {text}"),
                None => format!("Ethernet type 0x{kind:04x}"),
            };
            (name.to_owned(), info)
        }
    }
}

fn tcp(meta: &PacketMeta) -> String {
    let mut out = format!("{} → {} [{}]", meta.src_port, meta.dest_port, names::tcp_flags(meta.tcp_flags.0));
    let _ = write!(out, " Seq={}", meta.tcp_seq);
    if meta.tcp_flags.has(TcpFlags::ACK) {
        let _ = write!(out, " Ack={}", meta.tcp_ack);
    }
    let _ = write!(out, " Win={} Len={}", meta.tcp_window, meta.payload_len);
    if meta.tcp_mss != 0 {
        let _ = write!(out, " MSS={}", meta.tcp_mss);
    }
    if let Some(stop) = meta.stop {
        let _ = write!(out, " [{}]", stop_text(stop));
    }
    out
}

/// TLS records that are no ClientHello: their kinds in order.
fn tls_records(meta: &PacketMeta, frame: &[u8]) -> Option<(String, String)> {
    let data = app::payload_bytes(meta, frame)?;
    let mut kinds: Vec<&str> = Vec::new();
    let mut shown = 0;
    let mut at = 0;
    while let Some(&[kind @ 20..=24, 3, minor @ 0..=4, l0, l1]) = data.get(at..at + 5) {
        let len = usize::from(u16::from_be_bytes([l0, l1]));
        if len == 0 || len > (1 << 14) + 2048 {
            break;
        }
        shown = 0x0300 | u16::from(minor);
        let name = match (kind, data.get(at + 5)) {
            (22, Some(message)) => names::tls_handshake(*message),
            _ => names::tls_record(kind),
        };
        if kinds.last() != Some(&name) && kinds.len() < 8 {
            kinds.push(name);
        }
        at += 5 + len;
    }
    (!kinds.is_empty()).then(|| (names::tls_version(shown).to_owned(), kinds.join(", ")))
}

fn icmp(meta: &PacketMeta, frame: &[u8]) -> String {
    let name = if meta.proto == 1 {
        names::icmp(meta.icmp_type, meta.icmp_code)
    } else {
        names::icmpv6(meta.icmp_type, meta.icmp_code)
    };
    let at = (meta.payload_offset as usize).saturating_sub(4);
    match (is_echo(meta.proto, meta.icmp_type), be16_at(frame, at), be16_at(frame, at + 2)) {
        (true, Some(id), Some(sequence)) if meta.l4_header_len == 8 => {
            format!("{name} id=0x{id:04x}, seq={sequence}, ttl={}", meta.ttl)
        }
        _ => name.to_owned(),
    }
}

fn igmp(meta: &PacketMeta, frame: &[u8]) -> String {
    let at = (meta.payload_offset as usize).saturating_sub(usize::from(meta.l4_header_len));
    frame.get(at).map_or_else(String::new, |kind| names::igmp(*kind).to_owned())
}

fn esp(meta: &PacketMeta, frame: &[u8]) -> String {
    be32_at(frame, meta.payload_offset as usize).map_or_else(String::new, |spi| format!("ESP (SPI=0x{spi:08x})"))
}

fn application(meta: &PacketMeta, frame: &[u8], data: &AppData) -> (String, String) {
    let (protocol, info) = match data {
        AppData::Dns(dns) => (if dns.multicast { "MDNS" } else { "DNS" }, dns_info(dns)),
        AppData::Tls(tls) if tls.quic => ("QUIC", format!("Initial, {}", hello_info(tls))),
        AppData::Tls(tls) => return (tls_protocol(tls), hello_info(tls)),
        AppData::Http(http) => ("HTTP", http_info(http, meta, frame)),
        AppData::Ssh(ssh) => {
            let who = if meta.dest_port == 22 { "Client" } else { "Server" };
            ("SSH", format!("{who}: Protocol (SSH-{}-{})", ssh.proto_version, ssh.software_version))
        }
        AppData::Dhcp(dhcp) => ("DHCP", dhcp_info(dhcp)),
        AppData::Ntp(ntp) => ("NTP", ntp_info(ntp)),
        AppData::Login(login) => return (login.protocol.name().to_uppercase(), login_info(login)),
        AppData::Certificate(certificate) => ("TLS", format!("Certificate ({})", certificate.subject)),
        AppData::Control(control) => match control.protocol {
            ControlProtocol::Modbus => ("Modbus/TCP", control_info(control)),
            ControlProtocol::Dnp3 => ("DNP 3.0", control_info(control)),
        },
        AppData::Admin(admin) => (admin_protocol(admin), admin_info(admin)),
    };
    (protocol.to_owned(), info)
}

/// What happened, never the password.
fn login_info(login: &LoginData) -> String {
    let who = if login.response { "Response" } else { "Request" };
    let what = match login.accepted {
        Some(true) => "log-in accepted",
        Some(false) => "log-in refused",
        None if login.mechanism.is_empty() => "greeting",
        None => login.mechanism.as_str(),
    };
    if login.user.is_empty() { format!("{who}: {what}") } else { format!("{who}: {what} {}", login.user) }
}

fn dns_info(dns: &DnsData) -> String {
    let mut out = format!("Standard query {}0x{:04x}", if dns.response { "response " } else { "" }, dns.id);
    if dns.response && dns.rcode != "NOERROR" {
        let _ = write!(out, " {}", dns.rcode);
    }
    let _ = write!(out, " {} {}", dns.rrtype, if dns.rrname.is_empty() { "<Root>" } else { &dns.rrname });
    for answer in dns.answers.iter().take(6) {
        out.push(' ');
        out.push_str(answer);
    }
    out
}

fn tls_protocol(tls: &TlsData) -> String {
    if tls.version.starts_with("1.") { format!("TLSv{}", tls.version) } else { "TLS".to_owned() }
}

fn hello_info(tls: &TlsData) -> String {
    if tls.sni.is_empty() { "Client Hello".to_owned() } else { format!("Client Hello (SNI={})", tls.sni) }
}

/// The first line as sent; the kind of content of a response behind it.
fn http_info(http: &HttpData, meta: &PacketMeta, frame: &[u8]) -> String {
    let line = app::payload_bytes(meta, frame).and_then(|data| data.split(|b| matches!(b, b'\r' | b'\n')).next());
    let kind = if http.http_content_type.is_empty() { String::new() } else { format!(" ({})", http.http_content_type) };
    format!("{}{kind}", text(line.unwrap_or(&[])))
}

fn dhcp_info(dhcp: &DhcpData) -> String {
    let mut kind = dhcp.dhcp_type.clone();
    if let Some(first) = kind.get_mut(..1) {
        first.make_ascii_uppercase();
    }
    format!("DHCP {kind} - {}", dhcp.client_mac)
}

fn admin_protocol(admin: &AdminData) -> &'static str {
    match admin.protocol {
        AdminProtocol::Smb => "SMB",
        AdminProtocol::DceRpc => "DCERPC",
    }
}

fn admin_info(admin: &AdminData) -> String {
    let side = if admin.response { "Response" } else { "Request" };
    match admin.step {
        AdminStep::Other => side.to_owned(),
        AdminStep::LogonRefused => "Response, log-in refused".to_owned(),
        AdminStep::Share => format!("Tree connect, {}", admin.name),
        AdminStep::File => format!("Create, {}", admin.name),
        AdminStep::Bind => format!("Bind, {}", admin.name),
        AdminStep::Call => format!("Call, operation {}", admin.operation),
        AdminStep::ReservedTransaction => "Trans2, reserved session setup".to_owned(),
    }
}

fn control_info(control: &ControlData) -> String {
    let kind = if control.exception {
        "Exception"
    } else if control.response {
        "Response"
    } else {
        "Request"
    };
    let functions: Vec<String> =
        control.functions.iter().map(|code| format!("{} ({code})", control.protocol.function(*code))).collect();
    format!("{kind}, {}", functions.join(", "))
}

fn ntp_info(ntp: &NtpData) -> String {
    const MODES: [&str; 8] =
        ["reserved", "symmetric active", "symmetric passive", "client", "server", "broadcast", "control", "private"];
    format!("NTP Version {}, {}", ntp.version, MODES[usize::from(ntp.mode & 7)])
}
