//! Application layers of the tree: what the registry reads, with places where the bytes can be pointed at.

use super::names;
use super::tree::{Tree, hex8, hex16};
use crate::app::{self, Registry, dns};
use crate::bytes::{be16_at, be32_at, text};
use crate::config::DecodeConfig;
use record::{
    AdminData, AdminProtocol, AdminStep, AppData, ControlData, ControlProtocol, DhcpData, PacketMeta, TlsData,
};

/// Layers of the innermost payload.
pub(super) fn layers(tree: &mut Tree<'_>, meta: &PacketMeta) {
    let Some(data) = app::payload_bytes(meta, tree.frame) else { return };
    let at = meta.payload_offset as usize;
    let config = DecodeConfig { hellos_pending_max: 1, ..DecodeConfig::default() };
    let (parsed, _) = Registry::new(&config).parse(meta, tree.frame);
    match parsed {
        Some(AppData::Dns(dns)) => dns_layer(tree, meta, at, dns.multicast),
        Some(AppData::Tls(tls)) if tls.quic => quic_layers(tree, at, &tls),
        Some(AppData::Tls(tls)) => tls_layer(tree, at, Some(&tls)),
        Some(AppData::Http(_)) => http_layer(tree, at, data),
        Some(AppData::Ssh(ssh)) => {
            tree.layer("SSH Protocol", at, data.len());
            tree.field(
                "ssh.protocol",
                "Protocol",
                format!("SSH-{}-{}", ssh.proto_version, ssh.software_version),
                at,
                data.len(),
            );
        }
        Some(AppData::Dhcp(dhcp)) => dhcp_layer(tree, at, &dhcp),
        Some(AppData::Ntp(ntp)) => {
            tree.layer("Network Time Protocol", at, data.len());
            tree.field("ntp.flags.vn", "Version", ntp.version, at, 1);
            tree.field("ntp.flags.mode", "Mode", ntp.mode, at, 1);
            tree.field("ntp.stratum", "Stratum", ntp.stratum, at + 1, 1);
        }
        Some(AppData::Control(control)) => control_layer(tree, at, data.len(), &control),
        Some(AppData::Admin(admin)) => admin_layer(tree, at, data.len(), &admin),
        Some(AppData::Login(login)) => {
            tree.layer(&login.protocol.name().to_uppercase(), at, data.len());
            tree.field("login.user", "User", login.user, at, data.len());
        }
        Some(AppData::Certificate(_)) => tls_layer(tree, at, None),
        None if is_tls(meta, data) => tls_layer(tree, at, None),
        None => {
            tree.layer("Data", at, data.len());
            tree.field("data.len", "Length", meta.payload_len, at, data.len());
        }
    }
}

/// Addresses and function codes of the first message; DNP3's addresses are the other way round on the wire.
fn control_layer(tree: &mut Tree<'_>, at: usize, len: usize, control: &ControlData) {
    let function = control.functions.first().copied().unwrap_or(0);
    let text = format!("{} ({function})", control.protocol.function(function));
    match control.protocol {
        ControlProtocol::Modbus => {
            tree.layer("Modbus", at, len);
            tree.field("mbtcp.unit_id", "Unit identifier", control.unit, at + 6, 1);
            tree.field("modbus.func_code", "Function code", text, at + 7, 1);
        }
        ControlProtocol::Dnp3 => {
            tree.layer("Distributed Network Protocol 3.0", at, len);
            tree.field("dnp3.dst", "Destination", control.unit, at + 4, 2);
            tree.field("dnp3.src", "Source", control.source, at + 6, 2);
            tree.field("dnp3.al.func", "Application function", text, at + 12, 1);
        }
    }
}

fn admin_layer(tree: &mut Tree<'_>, at: usize, len: usize, admin: &AdminData) {
    let (layer, field) = match (admin.protocol, admin.step) {
        (AdminProtocol::Smb, AdminStep::Share) => ("SMB (Server Message Block Protocol)", "smb2.tree"),
        (AdminProtocol::Smb, _) => ("SMB (Server Message Block Protocol)", "smb2.filename"),
        (AdminProtocol::DceRpc, _) => {
            ("Distributed Computing Environment / Remote Procedure Call (DCE/RPC)", "dcerpc.cn_bind_to_uuid")
        }
    };
    tree.layer(layer, at, len);
    if admin.step == AdminStep::Call {
        tree.field("dcerpc.opnum", "Operation", admin.operation, at + 22, 2);
    } else if !admin.name.is_empty() {
        tree.field(field, "Name", &admin.name, at, len);
    }
}

fn is_tls(meta: &PacketMeta, data: &[u8]) -> bool {
    meta.proto == 6 && matches!(data, [20..=24, 3, 0..=4, ..])
}

fn dns_layer(tree: &mut Tree<'_>, meta: &PacketMeta, at: usize, multicast: bool) {
    let at = if meta.proto == 6 { at + 2 } else { at };
    let message = tree.from(at);
    let word = |offset| be16_at(message, offset).unwrap_or(0);
    tree.layer(if multicast { "Multicast Domain Name System" } else { "Domain Name System" }, at, message.len());
    tree.field("dns.id", "Transaction identifier", hex16(word(0)), at, 2);
    tree.field("dns.flags", "Flags", hex16(word(2)), at + 2, 2);
    tree.field("dns.flags.response", "Response", word(2) >> 15, at + 2, 1);
    if word(2) >> 15 == 1 {
        tree.field("dns.flags.rcode", "Reply code", dns::rcode_name(word(2) & 15), at + 3, 1);
    }
    for (n, (name, label)) in [
        ("dns.count.queries", "Questions"),
        ("dns.count.answers", "Answers"),
        ("dns.count.auth_rr", "Authority records"),
        ("dns.count.add_rr", "Additional records"),
    ]
    .into_iter()
    .enumerate()
    {
        tree.field(name, label, word(4 + 2 * n), at + 4 + 2 * n, 2);
    }
    let mut place = 12;
    for _ in 0..word(4).min(8) {
        let Some((name, next)) = dns::name(message, place) else { return };
        tree.field("dns.qry.name", "Name", name, at + place, next - place);
        tree.field("dns.qry.type", "Type", dns::type_name(be16_at(message, next).unwrap_or(0)), at + next, 2);
        place = next + 4;
    }
    dns_records(tree, message, at, place, word(6).min(32));
}

/// Answers: name, type, time to live, and addresses or names in full.
fn dns_records(tree: &mut Tree<'_>, message: &[u8], at: usize, mut place: usize, count: u16) {
    for _ in 0..count {
        let Some((name, fixed)) = dns::name(message, place) else { return };
        let (Some(kind), Some(ttl_s), Some(len)) =
            (be16_at(message, fixed), be32_at(message, fixed + 4), be16_at(message, fixed + 8))
        else {
            return;
        };
        let data_at = fixed + 10;
        let Some(data) = message.get(data_at..data_at + usize::from(len)) else { return };
        tree.field("dns.resp.name", "Name", name, at + place, fixed - place);
        tree.field("dns.resp.type", "Type", dns::type_name(kind), at + fixed, 2);
        tree.field("dns.resp.ttl", "Time to live", ttl_s, at + fixed + 4, 4);
        let (field, value) = match (kind, data.first_chunk::<4>(), data.first_chunk::<16>()) {
            (1, Some(a), _) => ("dns.a", std::net::Ipv4Addr::from(*a).to_string()),
            (28, _, Some(a)) => ("dns.aaaa", std::net::Ipv6Addr::from(*a).to_string()),
            (5, ..) => ("dns.cname", dns::name(message, data_at).unwrap_or_default().0),
            (12, ..) => ("dns.ptr.domain_name", dns::name(message, data_at).unwrap_or_default().0),
            (2, ..) => ("dns.ns", dns::name(message, data_at).unwrap_or_default().0),
            (16, ..) => ("dns.txt", text(data.get(1..).unwrap_or(&[]))),
            _ => ("dns.resp.len", format!("{len} bytes")),
        };
        tree.field(field, "Data", value, at + data_at, usize::from(len));
        place = data_at + usize::from(len);
    }
}

fn tls_layer(tree: &mut Tree<'_>, at: usize, hello: Option<&TlsData>) {
    let data = tree.from(at);
    tree.layer("Transport Layer Security", at, data.len());
    let mut place = 0;
    while let Some(&[kind @ 20..=24, 3, minor, l0, l1]) = data.get(place..place + 5) {
        let len = usize::from(u16::from_be_bytes([l0, l1]));
        let here = at + place;
        tree.field("tls.record.content_type", "Content type", format!("{} ({kind})", names::tls_record(kind)), here, 1);
        tree.field("tls.record.version", "Version", names::tls_version(0x0300 | u16::from(minor)), here + 1, 2);
        tree.field("tls.record.length", "Length", len, here + 3, 2);
        if let (22, Some(&message)) = (kind, data.get(place + 5)) {
            let name = names::tls_handshake(message);
            tree.field("tls.handshake.type", "Handshake type", format!("{name} ({message})"), here + 5, 1);
        }
        place += 5 + len;
    }
    if let Some(hello) = hello {
        hello_fields(tree, at, hello);
    }
}

fn hello_fields(tree: &mut Tree<'_>, at: usize, hello: &TlsData) {
    let data = tree.from(at);
    // The name's bytes are in the clear: point at them where they are found.
    let found = data.windows(hello.sni.len().max(1)).position(|w| w.eq_ignore_ascii_case(hello.sni.as_bytes()));
    if !hello.sni.is_empty() {
        let (place, len) = found.map_or((at, 0), |place| (at + place, hello.sni.len()));
        tree.field("tls.handshake.extensions_server_name", "Server name", &hello.sni, place, len);
    }
    for name in &hello.alpn {
        tree.field("tls.handshake.extensions_alpn_str", "Application protocol", name, at, 0);
    }
    tree.field("tls.handshake.extensions.supported_version", "Highest version offered", &hello.version, at, 0);
    if !hello.ja4.is_empty() {
        tree.field("tls.handshake.ja4", "JA4", &hello.ja4, at, 0);
    }
}

fn quic_layers(tree: &mut Tree<'_>, at: usize, hello: &TlsData) {
    let data = tree.from(at);
    tree.layer("QUIC IETF", at, data.len());
    tree.field("quic.header_form", "Header form", "Long (1)", at, 1);
    tree.field("quic.version", "Version", format!("0x{:08x}", be32_at(data, 1).unwrap_or(0)), at + 1, 4);
    let id_len = data.get(5).map_or(0, |len| usize::from(*len));
    tree.field("quic.dcil", "Destination connection identifier length", id_len, at + 5, 1);
    if let Some(id) = data.get(6..6 + id_len) {
        let id = id.iter().fold(String::new(), |out, byte| out + &hex8(*byte)[2..]);
        tree.field("quic.dcid", "Destination connection identifier", id, at + 6, id_len);
    }
    hello_fields(tree, at, hello);
}

fn http_layer(tree: &mut Tree<'_>, at: usize, data: &[u8]) {
    tree.layer("Hypertext Transfer Protocol", at, data.len());
    let mut place = 0;
    for (n, line) in data.split_inclusive(|byte| *byte == b'\n').enumerate() {
        let shown = text(line.trim_ascii_end());
        if shown.is_empty() || n > 64 {
            return;
        }
        match (n, shown.split_once(':')) {
            (0, _) => first_line(tree, &shown, at, line.len()),
            (_, Some((name, value))) => {
                let field = format!("http.{}", name.to_ascii_lowercase().replace('-', "_"));
                tree.field(&field, name, value.trim(), at + place, line.len());
            }
            _ => {}
        }
        place += line.len();
    }
}

fn first_line(tree: &mut Tree<'_>, line: &str, at: usize, len: usize) {
    let mut words = line.splitn(3, ' ');
    let (first, second, third) = (words.next().unwrap_or(""), words.next().unwrap_or(""), words.next().unwrap_or(""));
    if first.starts_with("HTTP/") {
        tree.field("http.response.version", "Version", first, at, first.len());
        tree.field("http.response.code", "Status", second, at + first.len() + 1, second.len());
        tree.field("http.response.phrase", "Phrase", third, at, len);
    } else {
        tree.field("http.request.method", "Method", first, at, first.len());
        tree.field("http.request.uri", "Target", second, at + first.len() + 1, second.len());
        tree.field("http.request.version", "Version", third, at, len);
    }
}

fn dhcp_layer(tree: &mut Tree<'_>, at: usize, dhcp: &DhcpData) {
    let data = tree.from(at);
    tree.layer("Dynamic Host Configuration Protocol", at, data.len());
    tree.field("dhcp.type", "Operation", hex8(data.first().copied().unwrap_or(0)), at, 1);
    tree.field("dhcp.id", "Transaction identifier", format!("0x{:08x}", be32_at(data, 4).unwrap_or(0)), at + 4, 4);
    tree.field("dhcp.hw.mac_addr", "Client Ethernet address", dhcp.client_mac, at + 28, 6);
    tree.field("dhcp.option.dhcp", "Message type", &dhcp.dhcp_type, at + 240, 0);
    if let Some(address) = dhcp.assigned_ip {
        tree.field("dhcp.ip.your", "Address", address, at + 16, 4);
    }
    if let Some(server) = dhcp.server_ip {
        tree.field("dhcp.option.dhcp_server_id", "Server", server, at + 240, 0);
    }
    for router in &dhcp.routers {
        tree.field("dhcp.option.router", "Router", router, at + 240, 0);
    }
    if !dhcp.hostname.is_empty() {
        tree.field("dhcp.option.hostname", "Host name", &dhcp.hostname, at + 240, 0);
    }
}
