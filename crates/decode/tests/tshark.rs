//! The decoder against Wireshark's, packet by packet, on a sample of the development captures: addresses, protocol,
//! ports, TCP flags, sequence number and payload length of the innermost packet; DNS names, TLS and QUIC server names,
//! HTTP hosts and targets. Skipped where `tshark` is not installed.
#![allow(clippy::unwrap_used)]

mod common;
use common::{captures, data, for_each_frame};
use decode::{DecodeConfig, Decoder};
use record::{AppData, PacketMeta, Tunnel};
use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

/// Packets compared of one capture.
const PACKETS_MAX: usize = 4000;

const FIELDS: [&str; 19] = [
    "frame.protocols",
    "ip.src",
    "ip.dst",
    "ipv6.src",
    "ipv6.dst",
    "tcp.srcport",
    "tcp.dstport",
    "udp.srcport",
    "udp.dstport",
    "tcp.flags",
    "tcp.seq_raw",
    "tcp.len",
    "udp.length",
    "dns.qry.name",
    "tls.handshake.extensions_server_name",
    "http.host",
    "http.request.uri",
    "ip.frag_offset",
    "_ws.malformed",
];

/// Differences that are meant, each with its reason: part of the file's name, what differs, at most how many packets.
const EXPECTED: &[(&str, &str, usize, &str)] = &[
    ("ndpi/ajp.pcap", "*", 12, "Cisco FabricPath around Ethernet: not read, counted as Ethernet type unknown"),
    ("ndpi/capwap_data", "*", 14, "wireless frames in CAPWAP: a tunnel that is not read, the outer flow is counted"),
    ("ndpi/haproxy", "sni", 1, "the hello follows a PROXY header in the same segment"),
    ("ndpi/rdp2", "sni", 2, "TLS inside RDP over UDP"),
    ("ndpi/quic-29", "sni", 1, "the hello sent again after Retry, already told"),
    ("ndpi/quic-24", "sni", 1, "the hello sent again, already told"),
    ("ndpi/quic-mvfst", "sni", 1, "a private version of QUIC"),
    ("ndpi/quic_t5", "sni", 1, "a private version of QUIC"),
    (
        "tcpdump/bigtcp-ipv6",
        "*",
        1,
        "payload length 0 with segmentation offload: tshark 4.0 stops, the wire has the segment",
    ),
    ("zeek/mixed-vlan-mpls", "uri", 1, "HTTP/0.9 request without a version"),
    ("zeek/tcp-reassembly", "uri", 1, "the request's first line is in two segments"),
];

/// One packet as tshark tells it: all occurrences of every field.
struct Told(Vec<Vec<String>>);

impl Told {
    fn all(&self, field: &str) -> &[String] {
        &self.0[FIELDS.iter().position(|name| *name == field).unwrap()]
    }
    fn nth(&self, field: &str, n: usize) -> &str {
        self.all(field).get(n).map_or("", String::as_str)
    }
    fn first(&self, field: &str) -> &str {
        self.nth(field, 0)
    }
}

fn tshark(path: &Path) -> Option<Vec<Told>> {
    let mut command = Command::new("tshark");
    command.args(["-n", "-c", &PACKETS_MAX.to_string(), "-T", "fields", "-E", "separator=/t", "-E", "occurrence=a"]);
    command.args(["-E", "aggregator=|", "-r"]).arg(path);
    for preference in [
        "ip.defragment:FALSE",
        "ipv6.defragment:FALSE",
        "http.desegment_body:FALSE",
        "http.desegment_headers:FALSE",
        "tcp.analyze_sequence_numbers:TRUE",
        "udp.process_info:FALSE",
    ] {
        command.args(["-o", preference]);
    }
    for field in FIELDS {
        command.args(["-e", field]);
    }
    let output = command.output().ok()?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let line = |line: &str| {
        let mut fields: Vec<Vec<String>> =
            line.split('\t').map(|f| f.split('|').filter(|v| !v.is_empty()).map(str::to_owned).collect()).collect();
        fields.resize(FIELDS.len(), Vec::new());
        Told(fields)
    };
    Some(text.lines().map(line).collect())
}

/// A header by tshark's name, and which of several it is.
type Nth = Option<(&'static str, usize)>;

/// The innermost packet that tshark saw before any quoted one: which occurrence of which header.
fn innermost(told: &Told) -> (Nth, Nth) {
    let (mut network, mut transport) = (None, None);
    let (mut v4, mut v6, mut tcp, mut udp) = (0, 0, 0, 0);
    for name in told.first("frame.protocols").split(':') {
        match name {
            "ip" => {
                network = Some(("ip", v4));
                transport = None;
                v4 += 1;
            }
            "ipv6" => {
                network = Some(("ipv6", v6));
                transport = None;
                v6 += 1;
            }
            "tcp" => {
                transport = Some(("tcp", tcp));
                tcp += 1;
            }
            "udp" => {
                transport = Some(("udp", udp));
                udp += 1;
            }
            "icmp" | "icmpv6" => break,
            _ => {}
        }
    }
    (network, transport)
}

/// What differs between the two, in words.
fn differences(told: &Told, meta: &PacketMeta, app: Option<&AppData>) -> Vec<(&'static str, String, String)> {
    let mut out = Vec::new();
    let mut compare = |what: &'static str, theirs: String, ours: String| {
        if theirs != ours {
            out.push((what, theirs, ours));
        }
    };
    let (network, transport) = innermost(told);
    let ours = (meta.ip_version != 0).then(|| (meta.src().addr.to_string(), meta.dest().addr.to_string()));
    let (src, dest) = ours.unwrap_or_default();
    let (name, n) = network.unwrap_or(("ip", usize::MAX));
    compare("src", told.nth(&format!("{name}.src"), n).to_owned(), src);
    compare("dest", told.nth(&format!("{name}.dst"), n).to_owned(), dest);
    if let Some((name, n)) = transport {
        compare("src_port", told.nth(&format!("{name}.srcport"), n).to_owned(), meta.src_port.to_string());
        compare("dest_port", told.nth(&format!("{name}.dstport"), n).to_owned(), meta.dest_port.to_string());
        compare("proto", if name == "tcp" { "6" } else { "17" }.to_owned(), meta.proto.to_string());
        if name == "tcp" && !told.nth("tcp.flags", n).is_empty() {
            let flags = u16::from_str_radix(told.nth("tcp.flags", n).trim_start_matches("0x"), 16).unwrap_or(0) & 0xff;
            compare("tcp_flags", flags.to_string(), meta.tcp_flags.0.to_string());
            compare("tcp_seq", told.nth("tcp.seq_raw", n).to_owned(), meta.tcp_seq.to_string());
            if !told.nth("tcp.len", n).is_empty() {
                compare("payload", told.nth("tcp.len", n).to_owned(), meta.payload_len.to_string());
            }
        }
        if name == "udp" && !meta.fragment {
            let len = told.nth("udp.length", n).parse::<u32>().map_or(0, |len| len.saturating_sub(8));
            compare("payload", len.to_string(), meta.payload_len.to_string());
        }
    }
    application_differences(told, app, &mut out);
    out
}

fn application_differences(told: &Told, app: Option<&AppData>, out: &mut Vec<(&'static str, String, String)>) {
    let protocols = told.first("frame.protocols");
    // Formats that borrow these fields' names, and quoted packets.
    let alike = ["llmnr", "nbns", "ssdp", "icmp", "icmpv6", "dtls"];
    if protocols.split(':').any(|name| alike.contains(&name)) {
        return;
    }
    let mut compare = |what: &'static str, theirs: &str, ours: &str| {
        let theirs = theirs.to_lowercase();
        if !theirs.is_empty() && theirs != ours.to_lowercase() {
            out.push((what, theirs, ours.to_owned()));
        }
    };
    let (mut dns, mut sni, mut host, mut uri) = ("", "", "", "");
    match app {
        Some(AppData::Dns(data)) => dns = &data.rrname,
        Some(AppData::Tls(data)) => sni = &data.sni,
        Some(AppData::Http(data)) => (host, uri) = (&data.hostname, &data.url),
        _ => {}
    }
    compare("dns", told.first("dns.qry.name").trim_end_matches('.').replace("<Root>", "").as_str(), dns);
    compare("sni", told.first("tls.handshake.extensions_server_name"), sni);
    let told_host = told.first("http.host");
    let (name, port) = told_host.rsplit_once(':').unwrap_or((told_host, ""));
    compare("host", if port.parse::<u16>().is_ok() { name } else { told_host }, host);
    compare("uri", told.first("http.request.uri"), uri);
}

/// Compares one capture; differences by what differs.
fn compare_capture(path: &Path) -> Option<(usize, BTreeMap<&'static str, Vec<String>>)> {
    let told = tshark(path)?;
    let mut decoder = Decoder::new(DecodeConfig::default());
    let mut meta = PacketMeta::default();
    let mut out: BTreeMap<&'static str, Vec<String>> = BTreeMap::new();
    let mut number = 0;
    for_each_frame(path, |header, frame| {
        let Some(told) = told.get(number) else { return };
        number += 1;
        decoder.decode(header, frame, &mut meta);
        let app = decoder.application(&meta, frame);
        for (what, theirs, ours) in differences(told, &meta, app.as_ref()) {
            let tunnel = if meta.tunnel == Tunnel::None { "" } else { " (tunnel)" };
            let stop = meta.stop.map(decode::stop_text).unwrap_or_default();
            out.entry(what).or_default().push(format!(
                "#{number} {what}: tshark `{theirs}`, ours `{ours}`{tunnel} {stop} {}",
                told.first("frame.protocols")
            ));
        }
    });
    Some((number.min(told.len()), out))
}

fn run(folders: &[&str]) {
    let Some(root) = data("tshark") else { return };
    if Command::new("tshark").arg("-v").output().is_err() {
        eprintln!("SKIP tshark: tshark is not installed");
        return;
    }
    let (mut files, mut packets, mut unexpected) = (0, 0, Vec::new());
    // Every capture takes a fifth of a second: of the largest set every third is enough, unless all are asked for.
    let all = std::env::var_os("TRIPLINE_TEST_ALL").is_some();
    for (n, path) in folders.iter().flat_map(|folder| captures(&root.join(folder))).enumerate() {
        let name = path.strip_prefix(&root).unwrap().to_string_lossy().into_owned();
        // tshark does not read zstd; the compressed captures are the long ones.
        let left_out = !all && name.contains("/ndpi/") && n % 3 != 0;
        if left_out || path.extension().is_some_and(|end| end == "zst") {
            continue;
        }
        let Some((compared, differences)) = compare_capture(&path) else { continue };
        files += 1;
        packets += compared;
        for (what, lines) in differences {
            let allowed =
                EXPECTED.iter().find(|(file, field, ..)| name.contains(file) && (*field == what || *field == "*"));
            if allowed.is_none_or(|(_, _, most, _)| lines.len() > *most) {
                unexpected.push(format!("{name}: {} × {what}; {}", lines.len(), lines[0]));
            }
        }
    }
    eprintln!("{folders:?}: {files} captures, {packets} packets compared");
    assert!(packets > 1000, "{packets} packets only");
    assert!(unexpected.is_empty(), "{} unexpected differences:\n{}", unexpected.len(), unexpected.join("\n"));
}

#[test]
fn protocols() {
    run(&["pcap-protocols"]);
}

#[test]
fn benign_and_attack() {
    run(&[
        "pcap-benign/web",
        "pcap-benign/office",
        "pcap-benign/ics",
        "pcap-attack/scans",
        "pcap-attack/c2-beacon",
        "pcap-attack/web",
    ]);
}
