//! The same traffic captured and exported: a capture is replayed over a wire between two namespaces, a probe at its far end exports what it
//! sees, and Tripline at the near end must tell the same hosts, the same bytes and the same scan as of the capture itself. Probes:
//! pmacct's nfprobe (NetFlow v9, IPFIX) and its sfprobe (sFlow, every packet sampled), and softflowd (IPFIX).
#![allow(clippy::unwrap_used)]

mod support;

use serde_json::Value;
use std::collections::BTreeSet;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};
use support::server::{Server, signal};
use support::wire::{Helper, Wire, has};
use support::{run, simulate, wait_for};

const PATIENCE: Duration = Duration::from_mins(2);
/// Where the near end collects.
const COLLECTOR: &str = "198.18.0.1:6343";
/// What the probes look at: not their own exports.
const FILTER: &str = "ip and not net 198.18.0.0/15";
/// Packets a second of the replay: bounded, so that no probe loses one.
const REPLAYED_PER_S: &str = "1000";
/// A probe from which nothing has come for so long has told what it tells by itself.
const REST: Duration = Duration::from_secs(4);
/// One after the other: probes that starve lose packets.
static TURN: Mutex<()> = Mutex::new(());

/// What was seen of the wire.
#[derive(Debug, PartialEq, Eq)]
struct Seen {
    packets: u64,
    bytes: u64,
    addresses: BTreeSet<String>,
    hosts: u64,
    /// Who scanned whom.
    scans: BTreeSet<(String, String)>,
}

/// How a probe counts the bytes of an IPv4 frame.
type Bytes = fn(frame: &[u8]) -> u64;

/// sFlow's definition: with the frame check sequence, which a capture does not have.
fn with_check_sequence(frame: &[u8]) -> u64 {
    frame.len() as u64 + 4
}

/// Without the Ethernet header, padding included.
fn behind_ethernet(frame: &[u8]) -> u64 {
    frame.len() as u64 - 14
}

fn of_ip_header(frame: &[u8]) -> u64 {
    u64::from(u16::from_be_bytes([frame[16], frame[17]]))
}

/// What the capture itself says.
fn seen_in_capture(capture: &Path, bytes: Bytes) -> Seen {
    let file = std::fs::read(capture).unwrap();
    let (mut at, mut packets, mut sum) = (24, 0, 0);
    while at < file.len() {
        let length = u32::from_le_bytes(*file[at + 8..].first_chunk::<4>().unwrap()) as usize;
        let frame = &file[at + 16..at + 16 + length];
        if frame[12..14] == [8, 0] {
            (packets, sum) = (packets + 1, sum + bytes(frame));
        }
        at += 16 + length;
    }
    let path = capture.to_str().unwrap();
    let flows = run(["-q", "flows", path, "-F", "ip", "-o", "json"]).done().text();
    let rows = flows.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let analysis = run(["-q", "analyze", path, "-F", "ip", "-o", "json"]).done().json();
    Seen {
        packets,
        bytes: sum,
        addresses: rows.flat_map(|row| addresses(&row)).collect(),
        hosts: analysis["hosts"].as_u64().unwrap(),
        scans: scans(&analysis["incidents"]),
    }
}

fn addresses(row: &Value) -> [String; 2] {
    ["src_ip", "dest_ip"].map(|name| row[name].as_str().unwrap().to_owned())
}

fn scans(incidents: &Value) -> BTreeSet<(String, String)> {
    let scans = incidents.as_array().unwrap().iter().filter(|incident| incident["kind"] == "port_scan");
    let first = |incident: &Value, name: &str| incident[name][0].as_str().unwrap().to_owned();
    scans.map(|incident| (first(incident, "src"), first(incident, "dest"))).collect()
}

/// What Tripline tells of the exports.
fn seen_in_exports(wire: &Wire, server: &Server) -> Seen {
    let (mut packets, mut bytes, mut found, mut cursor) = (0, 0, BTreeSet::new(), String::new());
    loop {
        let page = wire.get(server, &format!("/api/v1/flows?limit=500{cursor}"));
        for row in page["items"].as_array().unwrap() {
            let n = |name: &str| row[name].as_u64().unwrap();
            packets += n("pkts_toserver") + n("pkts_toclient");
            bytes += n("bytes_toserver") + n("bytes_toclient");
            found.extend(addresses(row));
        }
        match page["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => break,
        }
    }
    Seen {
        packets,
        bytes,
        addresses: found,
        hosts: wire.get(server, "/api/v1/hosts?limit=1")["total"].as_u64().unwrap(),
        scans: scans(&wire.get(server, "/api/v1/incidents")["items"]),
    }
}

/// A probe at the far end, once its log says `ready`.
fn probe(wire: &Wire, log: &Path, program: &str, args: &[&str], ready: &str) -> Helper {
    let file = File::create(log).unwrap();
    let mut command = Wire::inside(&wire.b, program);
    command.args(args).stdout(Stdio::from(file.try_clone().unwrap())).stderr(Stdio::from(file));
    let helper = Helper(command.spawn().unwrap());
    wait_for(PATIENCE, ready, || std::fs::read_to_string(log).is_ok_and(|log| log.contains(ready)).then_some(()));
    helper
}

/// pmacctd with one plugin, as its configuration says, that has seen the capture pass.
fn pmacct(wire: &Wire, dir: &Path, capture: &Path, plugin: &str) -> Helper {
    let settings = format!("daemonize: false\npcap_interface: wb\npcap_filter: {FILTER}\n{plugin}\n");
    let file = dir.join("pmacctd.conf");
    std::fs::write(&file, settings).unwrap();
    let args = ["-f", file.to_str().unwrap()];
    let helper = probe(wire, &dir.join("pmacctd.log"), "pmacctd", &args, "Exporting flows to");
    let mut replay = Wire::inside(&wire.a, "tcpreplay");
    let replayed = replay.args(["-q", "-i", "wa", "--pps", REPLAYED_PER_S, capture.to_str().unwrap()]).output();
    assert!(replayed.as_ref().unwrap().status.success(), "{replayed:?}");
    helper
}

fn nfprobe(version: u8) -> String {
    let times = "tcp=2:tcp.rst=1:tcp.fin=1:udp=2:icmp=2:general=2:maxlife=60:expint=1";
    format!(
        "plugins: nfprobe[n]\naggregate: src_host, dst_host, src_port, dst_port, proto, tos, tcpflags\n\
         nfprobe_receiver: {COLLECTOR}\nnfprobe_version: {version}\nnfprobe_timeouts: {times}"
    )
}

/// Replays over a wire of its own and compares.
fn compare(name: &str, tag: &str, program: &str, bytes: Bytes, start: impl FnOnce(&Wire, &Path, &Path) -> Helper) {
    if ![program, "tcpreplay", "curl"].iter().all(|tool| has(tool, name)) {
        return;
    }
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    let Some(wire) = Wire::new(name, tag) else { return };
    let dir = tempfile::tempdir().unwrap();
    let capture: PathBuf = simulate(dir.path(), "traffic", "office,port_scan_fast", "10s");
    let expected = seen_in_capture(&capture, bytes);
    assert!(expected.packets > 5_000 && expected.hosts > 20 && expected.scans.len() == 1, "{expected:?}");

    let mut command = Wire::inside(&wire.a, env!("CARGO_BIN_EXE_tripline"));
    let data = dir.path().join("data");
    command.args(["run", "--collect", COLLECTOR, "--listen", "127.0.0.1:0", "--data-dir", data.to_str().unwrap()]);
    // Samples of one conversation wait a minute otherwise.
    let server = Server::start_as(command.args(["--set", "exported.samples_span_ms=3000"]));
    let probe = start(&wire, dir.path(), &capture);
    let told = all_told(&wire, &server, &probe, &expected);
    let sources = wire.get(&server, "/api/v1/sources");
    assert_eq!(told, expected, "{sources}");
    let exporter = &sources["sources"][0]["exporters"][0];
    assert_eq!((&exporter["exporter"], exporter["missing"].as_u64()), (&"198.18.0.2".into(), Some(0)), "{exporter}");
    assert!(exporter["unreadable"].as_object().unwrap().is_empty(), "{exporter}");
    drop(probe);
    assert!(server.terminate().success());
}

/// What is told once nothing more comes, or all that is expected: probes tell what they hold when they are ended.
fn all_told(wire: &Wire, server: &Server, probe: &Helper, expected: &Seen) -> Seen {
    let (begun, mut ended) = (Instant::now(), false);
    let mut told = seen_in_exports(wire, server);
    while told != *expected && begun.elapsed() < PATIENCE {
        std::thread::sleep(REST);
        let now = seen_in_exports(wire, server);
        if !ended && now.packets > 0 && now.packets == told.packets {
            signal(probe.0.id(), "TERM");
            ended = true;
        }
        told = now;
    }
    told
}

/// softflowd reads the capture itself and only its exports go over the wire: on an interface it leaves what came last in the kernel's ring.
#[test]
fn softflowd_tells_over_a_wire_what_is_in_the_capture() {
    let name = "softflowd_tells_over_a_wire_what_is_in_the_capture";
    compare(name, "sf", "softflowd", behind_ethernet, |wire, dir, capture| {
        let args = ["-d", "-v", "10", "-r", capture.to_str().unwrap(), "-n", COLLECTOR, FILTER];
        probe(wire, &dir.join("softflowd.log"), "softflowd", &args, "Shutting down")
    });
}

#[test]
fn nfprobe_with_netflow_v9_tells_what_was_on_the_wire() {
    let name = "nfprobe_with_netflow_v9_tells_what_was_on_the_wire";
    compare(name, "n9", "pmacctd", of_ip_header, |wire, dir, capture| pmacct(wire, dir, capture, &nfprobe(9)));
}

#[test]
fn nfprobe_with_ipfix_tells_what_was_on_the_wire() {
    let name = "nfprobe_with_ipfix_tells_what_was_on_the_wire";
    compare(name, "n10", "pmacctd", of_ip_header, |wire, dir, capture| pmacct(wire, dir, capture, &nfprobe(10)));
}

#[test]
fn sflow_of_every_packet_tells_what_was_on_the_wire() {
    let plugin =
        format!("plugins: sfprobe[s]\nsampling_rate: 1\nsfprobe_agentip: 198.18.0.2\nsfprobe_receiver: {COLLECTOR}");
    let name = "sflow_of_every_packet_tells_what_was_on_the_wire";
    compare(name, "s1", "pmacctd", with_check_sequence, |wire, dir, capture| pmacct(wire, dir, capture, &plugin));
}
