//! `tripline export` from the outside: every kind and form read by somebody else's reader where there is one, refusals, files that appear
//! whole, memory that does not grow with the rows, and a store that is being written.
#![allow(clippy::unwrap_used)]

mod support;

use record::{Endpoint, FlowKey, FlowRecord, Incident, IpAddr16, Kind, SeriesPoint, Timestamp, Verdict};
use std::io::Read;
use std::path::Path;
use std::process::{Command, Stdio};
use store::{FlowWrite, Sqlite, StoreBatch, StoreConfig};
use support::server::Server;
use support::{http, run, tripline};
use tempfile::TempDir;

/// Memory of an export of a million rows above that of ten thousand, bytes: pages of the database's cache, nothing that grows.
const MORE_MEMORY_MAX: u64 = 48 << 20;

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_parts(1_767_225_600 + seconds, 0)
}

/// Flow `n`, ended `n` seconds after the beginning.
fn flow(n: u64) -> FlowWrite {
    let src = Endpoint { addr: IpAddr16::v4([10, (n >> 16) as u8, (n >> 8) as u8, n as u8]), port: 40_000 };
    let dest = Endpoint { addr: IpAddr16::v4([192, 0, 2, 1]), port: 443 };
    let (key, originator_low) = FlowKey::new(src, dest, 6);
    let mut record = FlowRecord {
        flow_id: n + 1,
        key,
        originator_low,
        start: at(n as i64 - 1),
        end: at(n as i64),
        first_seen: at(n as i64 - 1),
        ..FlowRecord::default()
    };
    (record.forward.packets, record.forward.bytes, record.backward.packets, record.backward.bytes) =
        (3, 300 + n, 2, 132);
    let verdict = n.is_multiple_of(100).then(|| Verdict {
        flow_id: n + 1,
        ts: at(n as i64),
        score: 0.9,
        p_value: 1e-5,
        novelty_p_value: 1e-5,
        known: None,
        anomalous: true,
        members: Vec::new(),
        why: Vec::new(),
    });
    FlowWrite { record: Box::new(record), verdict, community_id: format!("1:{n}="), in_iface: "eth0".into() }
}

fn incident(n: u64) -> Incident {
    let text = format!(
        r#"{{"id":"{n:016x}","kind":"port_scan","title":"=10.0.0.{n} probed, \"all\" ports","severity":"high","score":0.9,
        "first_seen":"2026-01-01T00:00:01Z","last_seen":"2026-01-01T00:00:09Z","raised":"2026-01-01T00:00:0{n}Z",
        "src":["10.0.0.{n}"],"dest":["192.0.2.1"],"dest_port":[22,443],"alerts":1,"attack":["T1046"],"status":"open",
        "why":[{{"feature":"ports","value":312,"expected":[0,8],"unit":"ports","share":0.5}}],
        "detectors":[{{"name":"port_scan","score":1,"p_value":1e-5}}],"flows":[{}],"evidence":{{"pcap":false,"packets":0}},
        "advice":"Look.","over_budget":false}}"#,
        n + 1
    );
    serde_json::from_str(&text).unwrap()
}

/// A data directory with so many flows, two incidents and a minute of a series.
fn filled(flows: u64) -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    let config = StoreConfig { queue_flows_max: 1 << 20, ..StoreConfig::default() };
    let store = Sqlite::open(dir.path(), &config).unwrap();
    for first in (0..flows).step_by(20_000) {
        let flows = (first..flows.min(first + 20_000)).map(flow).collect();
        store.write(StoreBatch { flows, ..StoreBatch::default() }).unwrap();
        store.flush().unwrap();
    }
    let series = (0..60).map(|s| SeriesPoint { ts: at(s), metric: "bytes", value: s as f64 }).collect();
    store.write(StoreBatch { incidents: vec![incident(1), incident(2)], series, ..StoreBatch::default() }).unwrap();
    store.flush().unwrap();
    drop(store);
    dir
}

fn export(dir: &Path, args: &[&str]) -> support::Run {
    run(["export"].iter().chain(args).map(ToString::to_string).chain(["--data-dir".into(), dir.display().to_string()]))
}

/// What Python's own reader makes of standard input; None where there is no Python.
fn python(test: &str, script: &str, input: &[u8]) -> Option<String> {
    use std::io::Write;
    let spawned = Command::new("python3").args(["-c", script]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn();
    let Ok(mut child) = spawned else {
        eprintln!("SKIP {test}: python3 is not installed");
        return None;
    };
    child.stdin.take().unwrap().write_all(input).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success());
    Some(String::from_utf8(output.stdout).unwrap().trim().to_owned())
}

#[test]
fn csv_and_json_are_read_by_pythons_readers() {
    let dir = filled(1_234);
    let csv = export(dir.path(), &["flows"]).done();
    let rows = "import csv,sys
rows = list(csv.DictReader(sys.stdin))
print(len(rows), sum(int(r['bytes_toserver']) for r in rows), sum(r['anomalous'] == 'true' for r in rows), rows[0]['flow_id'])";
    let bytes: u64 = (0..1_234).map(|n| 300 + n).sum();
    let expected = format!("1234 {bytes} 13 1234");
    assert_eq!(
        python("csv_and_json_are_read_by_pythons_readers", rows, &csv.stdout).as_deref().unwrap_or(&expected),
        expected
    );
    let json = export(dir.path(), &["flows", "-o", "json"]).done();
    let objects = "import json,sys
rows = [json.loads(line) for line in sys.stdin]
print(len(rows), sum(r['bytes_toserver'] for r in rows), sum(r['anomalous'] for r in rows), rows[0]['flow_id'])";
    assert_eq!(
        python("csv_and_json_are_read_by_pythons_readers", objects, &json.stdout).as_deref().unwrap_or(&expected),
        expected
    );
    let incidents = export(dir.path(), &["incidents", "-o", "csv"]).done();
    let titles = "import csv,sys
print('|'.join(r['title'] + r['reasons'] for r in csv.DictReader(sys.stdin)))";
    let told = "'=10.0.0.2 probed, \"all\" portsports 312 ports, expected 0 to 8|'=10.0.0.1 probed, \"all\" portsports 312 ports, expected 0 to 8";
    assert_eq!(
        python("csv_and_json_are_read_by_pythons_readers", titles, &incidents.stdout).as_deref().unwrap_or(told),
        told
    );
}

#[test]
fn alerts_are_flows_and_incidents_as_eve_events() {
    let dir = filled(1_000);
    let text = export(dir.path(), &["alerts"]).done().text();
    let events: Vec<serde_json::Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(events.len(), 10 + 2);
    assert!(
        events
            .iter()
            .all(|event| event["event_type"] == "alert" && event["timestamp"].as_str().unwrap().ends_with("+0000"))
    );
    let categories: Vec<_> = events.iter().map(|event| event["alert"]["category"].as_str().unwrap()).collect();
    assert_eq!(categories.iter().filter(|name| **name == Kind::AnomalousFlow.name()).count(), 10);
    let some = export(dir.path(), &["alerts", "--where", "kind:port_scan", "--since", "2026-01-01"]).done();
    assert_eq!(some.text().lines().count(), 2);
}

#[test]
fn times_and_filters_bound_and_mistakes_are_told_in_one_line() {
    let dir = filled(200);
    let lines = |args: &[&str]| export(dir.path(), args).done().text().lines().count() - 1;
    let (since, until) = ("2026-01-01T00:00:10Z", "2026-01-01T00:00:19Z");
    assert_eq!(lines(&["flows", "--since", since, "--until", until]), 10);
    assert_eq!(lines(&["flows", "--where", "anomalous:true"]), 2);
    assert_eq!(lines(&["series", "--where", "metric:byt*"]), 60);
    assert_eq!(lines(&["flows", "--since", "1h"]), 0, "that traffic is old");
    for (args, hint) in [
        (&["hosts", "-o", "eve"][..], "csv, json, parquet"),
        (&["flows", "--since", "yesterday"], "RFC 3339"),
        (&["flows", "--since", until, "--until", since], "is after"),
        (&["flows", "--where", "colour:red"], "known fields"),
        (&["incidents", "-o", "pcapng"], "no packets are kept"),
        (&["flows", "-w", "/nonexistent/x.csv"], "cannot write"),
    ] {
        let refused = export(dir.path(), args);
        assert_eq!((refused.code, refused.stderr.trim().lines().count()), (Some(2), 1), "{args:?}: {}", refused.stderr);
        assert!(refused.stderr.contains(hint) && refused.stdout.is_empty(), "{args:?}: {}", refused.stderr);
    }
    let nowhere = tempfile::tempdir().unwrap();
    let missing = export(nowhere.path(), &["flows"]);
    assert!(missing.code == Some(2) && missing.stderr.contains("there is no database"), "{}", missing.stderr);
}

#[test]
fn a_file_appears_whole_by_its_ending_and_a_closed_pipe_is_no_failure() {
    let dir = filled(3_000);
    let out = tempfile::tempdir().unwrap();
    for (name, begins) in [
        ("f.parquet", &b"PAR1"[..]),
        ("f.csv", b"flow_id,"),
        ("f.jsonl", b"{"),
        ("eve.json", b"{"),
        ("conn.log", b"#sep"),
    ] {
        let path = out.path().join(name);
        let done = export(dir.path(), &["flows", "-w", path.to_str().unwrap()]).done();
        assert!(done.stdout.is_empty() && std::fs::read(&path).unwrap().starts_with(begins), "{name}");
    }
    assert_eq!(support::files_below(out.path()).len(), 5, "no part is left");
    let mut child = tripline()
        .args(["export", "flows", "-o", "json", "--data-dir"])
        .arg(dir.path())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut first = [0; 100];
    child.stdout.take().unwrap().read_exact(&mut first).unwrap();
    // The reader is gone now, as `head` is.
    let ended = child.wait_with_output().unwrap();
    assert_eq!((ended.status.code(), String::from_utf8(ended.stderr).unwrap()), (Some(0), String::new()));
}

/// Peak memory of an export while all of it was read, and its size.
fn peak(dir: &Path, form: &str) -> (u64, u64) {
    let mut child = tripline()
        .args(["export", "flows", "-q", "-o", form, "--data-dir"])
        .arg(dir)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut out = child.stdout.take().unwrap();
    let status = format!("/proc/{}/status", child.id());
    let (mut bytes, mut peak, mut buffer) = (0, 0, vec![0; 1 << 16]);
    loop {
        // Monotonic, and there until the last byte was taken.
        let text = std::fs::read_to_string(&status).unwrap_or_default();
        let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        peak = peak.max(line.and_then(|l| l.split_whitespace().next()?.parse::<u64>().ok()).unwrap_or(0) * 1_024);
        match out.read(&mut buffer).unwrap() {
            0 => break,
            n => bytes += n as u64,
        }
    }
    assert!(child.wait().unwrap().success());
    (peak, bytes)
}

#[test]
fn a_million_rows_need_no_more_memory_than_ten_thousand() {
    let (small, large) = (filled(10_000), filled(1_000_000));
    // Lines go one way, row groups another.
    for form in ["csv", "parquet"] {
        let ((few, few_bytes), (many, many_bytes)) = (peak(small.path(), form), peak(large.path(), form));
        assert!(many_bytes > 50 * few_bytes, "{form}: {few_bytes} and {many_bytes} bytes came");
        println!("{form}: {} MiB for 10,000 rows, {} MiB for 1,000,000", few >> 20, many >> 20);
        assert!(few > 0 && many < few + MORE_MEMORY_MAX, "{form}: {few} bytes for few rows, {many} for many");
    }
}

#[test]
fn the_running_program_exports_the_same_and_its_store_is_read_beside_it() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    let capture = support::simulate(dir.path(), "scan", "office,port_scan_fast", "2m");
    let (capture, data_text) = (capture.to_str().unwrap(), data.to_str().unwrap());
    let server = Server::start(&["run", "-r", capture, "--speed", "max", "--data-dir", data_text]);
    support::wait_for(std::time::Duration::from_mins(2), "an incident with packets", || {
        let list = http::get_json(server.port, "/api/v1/incidents?q=pcap:true");
        list["items"].as_array().is_some_and(|items| !items.is_empty()).then_some(())
    });
    let beside = export(&data, &["incidents", "-o", "json"]).done().text();
    assert!(beside.lines().any(|line| line.contains("port_scan")), "{beside}");
    let served = http::get(server.port, "/api/v1/export/incidents?format=pcapng");
    assert_eq!(served.status, 200, "{}", served.text());
    let out = dir.path().join("evidence.pcapng");
    export(&data, &["incidents", "-w", out.to_str().unwrap()]).done();
    let packets = tshark("the_running_program_exports_the_same_and_its_store_is_read_beside_it", &out);
    assert!(packets.is_none_or(|packets| packets > 10), "{packets:?}");
    assert!(server.terminate().success());
    let whole = export(&data, &["flows"]).done().text().lines().count();
    assert!(whole > 100, "{whole}");
}

/// Packets that Wireshark's reader finds.
fn tshark(test: &str, file: &Path) -> Option<usize> {
    let Ok(output) = Command::new("tshark").arg("-r").arg(file).args(["-T", "fields", "-e", "frame.number"]).output()
    else {
        eprintln!("SKIP {test}: tshark is not installed");
        return None;
    };
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Some(String::from_utf8_lossy(&output.stdout).lines().count())
}
