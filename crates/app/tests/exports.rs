//! Flow exports from the outside: captures and dumps of them, a live collector with senders of its own, and exporters that Tripline
//! does not know from within.
#![allow(clippy::unwrap_used)]

mod support;

use serde_json::Value;
use std::net::UdpSocket;
use std::path::Path;
use std::process::Command;
use std::time::Duration;
use support::http::get_json;
use support::server::Server;
use support::{run, simulate, wait_for};

const PATIENCE: Duration = Duration::from_mins(2);
const SYN: u8 = 0x02;

/// One record of NetFlow v5.
#[derive(Clone, Copy)]
struct Record {
    src: [u8; 4],
    dest: [u8; 4],
    ports: [u16; 2],
    flags: u8,
    packets: u32,
    bytes: u32,
}

/// A datagram of NetFlow v5 whose flows began and ended a second before `now_s`.
fn v5(now_s: u32, sequence: u32, records: &[Record]) -> Vec<u8> {
    let mut out = vec![0, 5];
    out.extend((records.len() as u16).to_be_bytes());
    out.extend(1_000_000_u32.to_be_bytes());
    out.extend(now_s.to_be_bytes());
    out.extend(0_u32.to_be_bytes());
    out.extend(sequence.to_be_bytes());
    out.extend([0; 4]);
    for r in records {
        out.extend(r.src);
        out.extend(r.dest);
        out.extend([0; 4]);
        out.extend([0, 1, 0, 2]);
        out.extend(r.packets.to_be_bytes());
        out.extend(r.bytes.to_be_bytes());
        out.extend(999_000_u32.to_be_bytes());
        out.extend(999_000_u32.to_be_bytes());
        out.extend(r.ports[0].to_be_bytes());
        out.extend(r.ports[1].to_be_bytes());
        out.extend([0, r.flags, 6, 0]);
        out.extend([0; 8]);
    }
    out
}

/// A scan of one host, 30 ports a datagram.
fn scan(now_s: u32) -> Vec<Vec<u8>> {
    let record = |port: u16| {
        let (src, dest) = ([10, 1, 0, 66], [10, 1, 0, 5]);
        Record { src, dest, ports: [40_000, port], flags: SYN, packets: 1, bytes: 44 }
    };
    let records: Vec<Record> = (1..=300).map(record).collect();
    records.chunks(30).enumerate().map(|(n, part)| v5(now_s, n as u32 * 30, part)).collect()
}

fn now_s() -> u32 {
    std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs() as u32
}

/// A collector with no interface, and the port that it was given.
fn collector(data_dir: &Path) -> (Server, u16) {
    let server = Server::start(&[
        "run",
        "--collect",
        "127.0.0.1:0",
        "--data-dir",
        data_dir.to_str().unwrap(),
        "--log-format",
        "text",
    ]);
    let log = server.log();
    let place = log.split("collecting flow exports at 127.0.0.1:").nth(1).unwrap_or_else(|| panic!("{log}"));
    let digits: String = place.chars().take_while(char::is_ascii_digit).collect();
    (server, digits.parse().unwrap())
}

fn exporters(server: &Server) -> Vec<Value> {
    get_json(server.port, "/api/v1/sources")["sources"][0]["exporters"].as_array().unwrap().clone()
}

/// Kinds of the incidents so far.
fn kinds(server: &Server) -> Vec<String> {
    let incidents = get_json(server.port, "/api/v1/incidents");
    incidents["items"].as_array().unwrap().iter().map(|i| i["kind"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn a_scan_that_only_netflow_tells_is_found_live_and_in_a_dump() {
    let dir = tempfile::tempdir().unwrap();
    let (server, port) = collector(dir.path());
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    for datagram in scan(now_s()) {
        socket.send_to(&datagram, ("127.0.0.1", port)).unwrap();
    }
    wait_for(PATIENCE, "a port scan", || kinds(&server).contains(&"port_scan".to_owned()).then_some(()));
    let all = || {
        Some(get_json(server.port, "/api/v1/flows?limit=500")).filter(|f| f["items"].as_array().unwrap().len() >= 300)
    };
    let flows = wait_for(PATIENCE, "all flows", all);
    assert_eq!(flows["items"].as_array().unwrap().len(), 300);
    assert_eq!(flows["items"][0]["in_iface"], "127.0.0.1", "the exporter stands in the place of the interface");
    assert_eq!(flows["items"][0]["state"], "S0");
    let exporter = &exporters(&server)[0];
    assert_eq!((exporter["flows"].as_u64(), exporter["missing"].as_u64()), (Some(300), Some(0)), "{exporter}");
    assert_eq!(exporter["level"], "ok");
    let source = &get_json(server.port, "/api/v1/sources?brief=true")["sources"][0];
    assert_eq!((&source["told"]["flows"], &source["units"]), (&300.into(), &"datagrams".into()), "{source}");
    assert!(source["idle_ms"].as_f64().is_some() && source["lag_ms"].as_f64().is_some(), "{source}");
    assert!(source["buffer_granted_bytes"].as_u64() > Some(0), "{source}");
    let summary = get_json(server.port, "/api/v1/summary");
    assert_eq!((&summary["mode"], &summary["sources"][0]["kind"]), (&"live".into(), &"collector".into()));
    assert!(server.terminate().success());

    let dump = dir.path().join("scan.dat");
    std::fs::write(&dump, scan(1_700_000_000).concat()).unwrap();
    let told = run(["-q".as_ref(), "analyze".as_ref(), dump.as_os_str(), "-o".as_ref(), "json".as_ref()]);
    let analysis: Value = serde_json::from_slice(&told.stdout).unwrap();
    assert_eq!((told.code, analysis["flows"].as_u64()), (Some(0), Some(300)), "{}", told.stderr);
    let found: Vec<_> = analysis["incidents"].as_array().unwrap().iter().map(|i| i["kind"].as_str().unwrap()).collect();
    assert!(found.contains(&"port_scan"), "{found:?}");
    assert_eq!(analysis["trained_on"]["how"], "none", "models do not learn from exports");
}

#[test]
fn gaps_garbage_and_strangers_are_counted_and_templates_outlive_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    let (server, port) = collector(dir.path());
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let send = |port: u16, datagram: &[u8]| socket.send_to(datagram, ("127.0.0.1", port)).unwrap();
    let mut datagrams = scan(now_s());
    datagrams.remove(4);
    for datagram in &datagrams {
        send(port, datagram);
    }
    send(port, b"not an export at all");
    send(port, &[]);
    // NetFlow v9: a template of two addresses, then a record of it.
    let v9 = |sequence: u8, set: u16, body: &[u8]| {
        let mut out = vec![0, 9, 0, 1, 0, 0, 0, 0];
        out.extend(now_s().to_be_bytes());
        out.extend([0, 0, 0, sequence, 0, 0, 0, 7]);
        out.extend(set.to_be_bytes());
        out.extend((4 + body.len() as u16).to_be_bytes());
        out.extend(body);
        out
    };
    send(port, &v9(1, 0, &[1, 0, 0, 2, 0, 8, 0, 4, 0, 12, 0, 4]));
    let of = |server: &Server, format: &str| exporters(server).into_iter().find(|e| e["format"] == format);
    wait_for(PATIENCE, "the template", || of(&server, "netflow_v9").filter(|e| e["templates"] == 1));
    let v5 = of(&server, "netflow_v5").unwrap();
    assert_eq!((v5["missing"].as_u64(), v5["missing_unit"].as_str()), (Some(30), Some("flows")), "{v5}");
    let strange = of(&server, "other").unwrap();
    assert_eq!(strange["unreadable"]["version_unknown"], 2, "{strange}");
    let health = get_json(server.port, "/api/v1/summary")["health"].to_string();
    assert!(health.contains("30 flows missing"), "{health}");
    let metrics = support::http::get(server.port, "/metrics").text();
    assert!(metrics.contains("tripline_exporter_missing_total{exporter=\"127.0.0.1 NetFlow v5 0\"} 30"), "{metrics}");
    assert!(server.terminate().success());

    let (server, port) = collector(dir.path());
    send(port, &v9(2, 256, &[10, 0, 0, 1, 10, 0, 0, 2]));
    let again = wait_for(PATIENCE, "its data", || of(&server, "netflow_v9").filter(|e| e["datagrams"] == 1));
    assert_eq!((again["flows"].as_u64(), again["sets_without_template"].as_u64()), (Some(1), Some(0)), "{again}");
    assert!(server.terminate().success());
}

#[test]
fn captures_of_exports_can_be_flows_or_packets() {
    let dir = tempfile::tempdir().unwrap();
    // The dump's frames as a capture: raw IP with UDP to the usual port.
    let mut pcap = vec![0xd4, 0xc3, 0xb2, 0xa1, 2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 101, 0, 0, 0];
    for payload in scan(1_700_000_000) {
        let udp = 8 + payload.len() as u16;
        let mut frame = vec![0x45, 0];
        frame.extend((20 + udp).to_be_bytes());
        frame.extend([0, 0, 0, 0, 64, 17, 0, 0, 192, 0, 2, 1, 192, 0, 2, 2]);
        frame.extend([0x9c, 0x40, 0x08, 0x07]);
        frame.extend(udp.to_be_bytes());
        frame.extend([0, 0]);
        frame.extend(payload);
        pcap.extend(1_700_000_000_u32.to_le_bytes());
        pcap.extend(0_u32.to_le_bytes());
        pcap.extend((frame.len() as u32).to_le_bytes());
        pcap.extend((frame.len() as u32).to_le_bytes());
        pcap.extend(frame);
    }
    let file = dir.path().join("exports.pcap");
    std::fs::write(&file, pcap).unwrap();
    let flows = |what: &str| {
        let out = run(["flows", file.to_str().unwrap(), "-o", "zeek", "--exports", what]);
        assert_eq!(out.code, Some(0), "{}", out.stderr);
        String::from_utf8(out.stdout).unwrap().lines().filter(|line| !line.starts_with('#')).count()
    };
    assert_eq!((flows("auto"), flows("only"), flows("ignore")), (300, 300, 1));
    for workers in ["2", "5"] {
        let out = run(["-q", "flows", file.to_str().unwrap(), "-o", "json", "--workers", workers]);
        let one = run(["-q", "flows", file.to_str().unwrap(), "-o", "json"]);
        assert!(out.stdout == one.stdout, "{workers} workers give the same");
    }
}

#[test]
fn a_file_of_nfdump_is_refused_with_the_way_out() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("nfcapd.202301010000");
    std::fs::write(&file, [&[0x0c, 0xa5, 1, 0][..], &[0; 600]].concat()).unwrap();
    let told = run(["flows", file.to_str().unwrap()]);
    assert_eq!(told.code, Some(2));
    assert!(told.stderr.contains("nfreplay"), "{}", told.stderr);
}

/// Packets of a capture of Ethernet, and their bytes without that header, padding included: what softflowd counts.
fn sums(file: &Path) -> (u64, u64) {
    let bytes = std::fs::read(file).unwrap();
    let (mut at, mut total) = (24, (0, 0));
    while at < bytes.len() {
        let word = |at: usize| u64::from(u32::from_le_bytes(*bytes[at..].first_chunk::<4>().unwrap()));
        // Only IPv4 is counted; the scenario has ARP beside it.
        let frame = &bytes[at + 16..at + 16 + word(at + 8) as usize];
        if frame[12..14] == [8, 0] {
            total = (total.0 + 1, total.1 + word(at + 12) - 14);
        }
        at += 16 + frame.len();
    }
    total
}

/// Packets and bytes that exports told of all conversations, from the API.
fn told_sums(server: &Server) -> (u64, u64, u64) {
    let mut total = (0, 0, 0);
    let mut cursor = String::new();
    loop {
        let page = get_json(server.port, &format!("/api/v1/flows?limit=500{cursor}"));
        for flow in page["items"].as_array().unwrap() {
            let n = |name: &str| flow[name].as_u64().unwrap();
            let (packets, bytes) = (n("pkts_toserver") + n("pkts_toclient"), n("bytes_toserver") + n("bytes_toclient"));
            total = (total.0 + 1, total.1 + packets, total.2 + bytes);
        }
        match page["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return total,
        }
    }
}

#[test]
fn softflowd_tells_the_same_scan_and_the_same_bytes_as_the_capture() {
    let name = "softflowd_tells_the_same_scan_and_the_same_bytes_as_the_capture";
    if Command::new("softflowd").arg("-h").output().is_err() {
        eprintln!("SKIP {name}: softflowd is not installed");
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let capture = simulate(dir.path(), "scan", "port_scan_fast", "30s");
    let (packets, bytes) = sums(&capture);
    for version in ["5", "9", "10"] {
        let data = dir.path().join(version);
        let (server, port) = collector(&data);
        let to = format!("127.0.0.1:{port}");
        let args = ["-d", "-v", version, "-n", &to, "-r", capture.to_str().unwrap()];
        let ended = Command::new("softflowd").args(args).output().unwrap();
        assert!(ended.status.success(), "{}", String::from_utf8_lossy(&ended.stderr));
        wait_for(PATIENCE, "a port scan", || kinds(&server).contains(&"port_scan".to_owned()).then_some(()));
        let told = wait_for(PATIENCE, "all flows", || Some(told_sums(&server)).filter(|told| told.1 >= packets));
        assert_eq!((told.1, told.2), (packets, bytes), "version {version}");
        let exporter = &exporters(&server)[0];
        assert_eq!(exporter["missing"].as_u64(), Some(0), "{exporter}");
        assert!(exporter["unreadable"].as_object().unwrap().is_empty(), "{exporter}");
        assert!(server.terminate().success());
    }
}
