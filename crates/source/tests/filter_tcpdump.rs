//! The same expression over the same capture passes as many packets here as in tcpdump.
#![allow(clippy::unwrap_used)]

mod common;

use record::LinkType;
use source::{Filter, open_capture};
use std::fs;
use std::path::{Path, PathBuf};

const EXPRESSIONS: &[&str] = &[
    "ip",
    "ip6",
    "arp",
    "rarp",
    "tcp",
    "udp",
    "sctp",
    "icmp",
    "icmp6",
    "igmp",
    "not ip",
    "ip proto 47",
    "proto 17",
    "ip6 proto 58",
    "ip proto \\udp",
    "port 53",
    "tcp port 80",
    "udp port 53 or 5353",
    "port 53 or 80 and udp",
    "src port 443",
    "dst port 443",
    "src and dst port 123",
    "portrange 0-1023",
    "udp portrange 60-70",
    "sctp port 80",
    "not port 53",
    "net 10",
    "net 192.168",
    "src net 192.168.0.0/16",
    "dst net 10.0.0.0 mask 255.0.0.0",
    "net 192.168 and not src net 192.168.1",
    "host 192.168.1.1",
    "host 192.168.1 or 10.0.0.1",
    "host 255.255.255.255",
    "ip6 net fe80::/10",
    "ip6 host ff02::fb",
    "dst host ff02::1:2",
    "net 2001::/16",
    "src net 0.0.0.0/0",
    "less 60",
    "greater 1000",
    "len - 100 > 200",
    "ip multicast",
    "ip6 multicast",
    "tcp[13] & 2 != 0",
    "tcp[tcpflags] & (tcp-syn|tcp-fin) != 0",
    "tcp[tcpflags] = tcp-syn",
    "tcp[13] != 2",
    "ip[6:2] & 0x1fff != 0",
    "ip[6] & 0x20 != 0",
    "icmp[icmptype] == icmp-echo",
    "icmp[0] = 3 and icmp[1] = 3",
    "ip6[6]=17",
    "icmp6[icmp6type] = icmp6-neighborsolicit",
    "udp[4:2] > 100",
    "ip[2:2] - ((ip[0] & 0xf) << 2) >= 500",
    "tcp[((tcp[12:1] & 0xf0) >> 2):4] = 0x47455420",
    "(udp[8:2] * 2) % 7 = 3",
    "ip[8] < 64 or ip6[7] < 64",
    "ip[len - 40] > 128",
    "10 > ip[8] ^ 64 | 1",
    "arp[6:2] = 1",
    "arp net 192.168",
    "(tcp or udp) and (port 80 or 443) and not net 10",
    "tcp and (tcp[0:2] > 1023) and (tcp[2:2] > 1023)",
    "udp or tcp and port 53",
    "not (tcp or udp or arp)",
    "!tcp && !udp || icmp",
];

/// Only on Ethernet.
const ETHERNET: &[&str] = &[
    "ether broadcast",
    "ether multicast",
    "multicast",
    "ether proto 0x88cc",
    "ether proto \\arp",
    "ether host ff:ff:ff:ff:ff:ff",
    "ether[0] & 1 = 1",
    "ether[12:2] > 1500",
    "ether proto 0x42",
    "vlan",
    "vlan and ip",
    "vlan 100",
    "vlan and tcp port 80",
    "vlan and vlan",
    "not vlan and ip",
    "tcp or vlan and udp",
    "mpls",
    "mpls and ip",
    "mpls 18 and mpls and ip",
    "pppoed",
    "ether src 00:00:00:00:00:00 or ether dst ff:ff:ff:ff:ff:ff",
    "vlan and ip[8] = 64",
];

struct Capture {
    plain: PathBuf,
    link: LinkType,
    /// Start, captured length and wire length of each frame in `bytes`.
    frames: Vec<(usize, usize, u32)>,
    bytes: Vec<u8>,
}

/// Loads a capture of one link type, and unpacks it for tcpdump.
fn load(path: &Path, unpacked: &Path) -> Option<Capture> {
    let mut raw = fs::read(path).unwrap();
    if path.extension().is_some_and(|e| e == "zst") {
        raw = zstd::stream::decode_all(raw.as_slice()).unwrap();
    }
    let mut source = open_capture(path).ok()?;
    let (mut headers, mut links) = (Vec::new(), Vec::new());
    let mut capture = Capture { plain: unpacked.to_owned(), link: LinkType(0), frames: Vec::new(), bytes: Vec::new() };
    while let Some(slice) = source.next_batch(&mut headers).unwrap() {
        for h in &headers {
            capture.frames.push((capture.bytes.len(), h.captured_len as usize, h.wire_len));
            capture.bytes.extend(&slice[h.offset..h.offset + h.captured_len as usize]);
            links.push(h.link);
        }
    }
    links.dedup();
    capture.link = *links.first().filter(|_| links.len() == 1)?;
    fs::write(unpacked, raw).unwrap();
    Some(capture)
}

/// Packets that tcpdump passes; None when it refuses the expression or the file.
fn tcpdump(capture: &Capture, expression: &str) -> Option<usize> {
    let output = common::run("tcpdump", &["--count", "-r", &capture.plain.display().to_string(), expression]);
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let count = text.lines().find_map(|line| line.strip_suffix(" packets").or(line.strip_suffix(" packet")));
    output.status.success().then(|| count.unwrap().parse().unwrap())
}

fn ours(capture: &Capture, filter: &Filter) -> usize {
    let passes = |(start, length, wire): &&(usize, usize, u32)| {
        filter.matches(capture.link, &capture.bytes[*start..start + length], *wire)
    };
    capture.frames.iter().filter(passes).count()
}

/// How many captures to compare: all with `TRIPLINE_FILTER_CAPTURES=all`, which takes minutes.
fn chosen(all: &[(String, Option<u64>)]) -> Vec<String> {
    let files = all.iter().filter(|(_, packets)| packets.is_some_and(|p| p > 0)).map(|(file, _)| file.clone());
    let files: Vec<String> = files.collect();
    if std::env::var("TRIPLINE_FILTER_CAPTURES").is_ok_and(|v| v == "all") {
        return files;
    }
    let odd = |f: &String| {
        ["vlan", "QinQ", "mpls", "sll", "ppp", "raw", "frag", "sctp", "ipv6", "null"].iter().any(|w| f.contains(w))
    };
    let odd_files = files.iter().filter(|f| f.starts_with("pcap-protocols/") && odd(f)).take(16);
    let spread = files.iter().filter(|f| !f.contains("24h") && !f.contains("normal_")).step_by(60);
    // Frames cut inside the headers that filters read.
    let cut = |f: &&String| ["ip4-trunc", "chdlc-slarp-short", "getname_2_read4"].iter().any(|w| f.contains(w));
    odd_files.chain(spread).chain(files.iter().filter(cut)).cloned().collect()
}

#[test]
fn counts_equal_tcpdump() {
    let test = "counts_equal_tcpdump";
    let Some(data) = common::data(test) else { return };
    if !common::has_tool(test, "tcpdump") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let (mut compared, mut skipped, mut passed, mut wrong) = (0, 0, 0, Vec::new());
    for file in chosen(&common::captures(&data)) {
        let Some(capture) = load(&data.join(&file), &folder.path().join("capture")) else { continue };
        if !Filter::parse("ip").unwrap().supports(capture.link) || tcpdump(&capture, "").is_none() {
            skipped += 1;
            continue;
        }
        let ethernet: &[&str] = if capture.link == LinkType::ETHERNET { ETHERNET } else { &[] };
        for expression in EXPRESSIONS.iter().chain(ethernet) {
            let filter = Filter::parse(expression).unwrap();
            let Some(theirs) = tcpdump(&capture, expression) else {
                skipped += 1;
                continue;
            };
            compared += 1;
            let here = ours(&capture, &filter);
            passed += here;
            if here != theirs {
                wrong.push(format!("{file} (link {}) `{expression}`: {here}, tcpdump {theirs}", capture.link.0));
            }
        }
    }
    eprintln!("{compared} counts compared, {skipped} not comparable, {passed} packets passed, {} differ", wrong.len());
    assert!(compared > 1500 && passed > 10_000);
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
