//! `tripline analyze` from the outside: the contract's object, what is found in simulated and recorded attacks, what is not found in
//! benign captures, and that input form, worker count and repetition do not change the result.
#![allow(clippy::unwrap_used)]

mod support;

use serde_json::Value;
use std::path::Path;
use support::{run, run_from};

const KINDS: [&str; 21] = [
    "port_scan",
    "host_sweep",
    "brute_force",
    "flood",
    "dns_tunnel",
    "dga",
    "beacon",
    "arp_spoof",
    "exfiltration",
    "lateral_movement",
    "new_device",
    "new_service",
    "port_change",
    "host_down",
    "volume",
    "protocol_misuse",
    "anomalous_flow",
    "anomalous_host",
    "anomalous_packets",
    "imported_alert",
    "custom",
];

fn analyze(file: &Path, more: &[&str]) -> Value {
    let args = ["analyze", file.to_str().unwrap(), "-o", "json"];
    run(args.iter().chain(more)).done().json()
}

fn keys(value: &Value) -> Vec<&str> {
    value.as_object().unwrap_or_else(|| panic!("no object: {value}")).keys().map(String::as_str).collect()
}

fn has(value: &Value, names: &[&str]) {
    let keys = keys(value);
    for name in names {
        assert!(keys.contains(name), "`{name}` is missing in {keys:?}");
    }
}

fn is_time(value: &Value) {
    let text = value.as_str().unwrap_or_else(|| panic!("no time: {value}"));
    assert!(record::Timestamp::parse_rfc3339(text).is_some(), "{text} is not RFC 3339");
}

fn numbers(value: &Value, names: &[&str]) {
    for name in names {
        assert!(value[name].is_number(), "{name} is {}", value[name]);
    }
}

fn share(value: &Value) {
    assert!((0.0..=1.0).contains(&value.as_f64().unwrap()), "{value} is not within 0 … 1");
}

fn conforms(incident: &Value) {
    let fields = [
        "id",
        "kind",
        "title",
        "severity",
        "score",
        "first_seen",
        "last_seen",
        "src",
        "dest",
        "dest_port",
        "alerts",
        "attack",
        "status",
        "why",
        "detectors",
        "flows",
        "evidence",
    ];
    has(incident, &fields);
    assert!(KINDS.contains(&incident["kind"].as_str().unwrap()), "{}", incident["kind"]);
    assert!(["low", "medium", "high", "critical"].contains(&incident["severity"].as_str().unwrap()));
    assert_eq!(incident["status"], "open");
    share(&incident["score"]);
    is_time(&incident["first_seen"]);
    is_time(&incident["last_seen"]);
    for address in ["src", "dest"].iter().flat_map(|side| incident[side].as_array().unwrap()) {
        assert!(address.as_str().unwrap().parse::<std::net::IpAddr>().is_ok(), "{address}");
    }
    assert!(incident["dest_port"].as_array().unwrap().iter().all(Value::is_u64));
    assert!(incident["flows"].as_array().unwrap().iter().all(Value::is_u64));
    assert!(incident["attack"].as_array().unwrap().iter().all(|t| t.as_str().unwrap().starts_with('T')));
    assert!(!incident["why"].as_array().unwrap().is_empty(), "no reason: {incident}");
    for why in incident["why"].as_array().unwrap() {
        assert_eq!(keys(why), ["expected", "feature", "share", "unit", "value"]);
        share(&why["share"]);
        assert_eq!(why["expected"].as_array().unwrap().len(), 2);
    }
    for detector in incident["detectors"].as_array().unwrap() {
        has(detector, &["name", "score", "p_value"]);
        share(&detector["p_value"]);
    }
    assert!(incident["evidence"]["pcap"].is_boolean() && incident["evidence"]["packets"].is_u64());
}

#[test]
fn the_object_is_the_contracts() {
    let dir = tempfile::tempdir().unwrap();
    let capture = support::simulate(dir.path(), "scan", "office,port_scan_fast,ssh_brute_force,arp_spoof", "3m");
    let object = analyze(&capture, &[]);
    has(&object, &["schema", "input", "flows", "hosts", "trained_on", "incidents", "timing"]);
    assert_eq!(object["schema"], "tripline.analysis/1");
    let input = &object["input"];
    has(input, &["files", "packets", "bytes", "first", "last", "drops", "decode_errors"]);
    assert_eq!(input["files"][0], capture.to_str().unwrap());
    numbers(input, &["packets", "bytes"]);
    is_time(&input["first"]);
    is_time(&input["last"]);
    assert!(input["drops"].is_object() && input["decode_errors"].is_object());
    numbers(&object, &["flows", "hosts"]);
    numbers(&object["trained_on"], &["packets", "flows"]);
    is_time(&object["trained_on"]["until"]);
    numbers(&object["timing"], &["wall_s", "cpu_s", "packets_per_s", "rss_max_bytes"]);
    let incidents = object["incidents"].as_array().unwrap();
    assert!(incidents.len() >= 3, "three attacks, {} incidents", incidents.len());
    incidents.iter().for_each(conforms);
}

/// The labels' rows as (source, destination, kind), without the header.
fn labels(file: &Path) -> Vec<(String, String, String)> {
    let text = std::fs::read_to_string(file).unwrap();
    let row = |line: &str| {
        let cells: Vec<String> = line.split(',').map(str::to_owned).collect();
        (cells[2].clone(), cells[3].clone(), cells[5].clone())
    };
    text.lines().skip(1).map(row).collect()
}

#[test]
fn a_simulated_scan_is_found_where_its_labels_say() {
    let dir = tempfile::tempdir().unwrap();
    let capture = support::simulate(dir.path(), "scan", "office,port_scan_fast", "2m");
    let labels = labels(&dir.path().join("scan.csv"));
    assert!(!labels.is_empty());
    let object = analyze(&capture, &[]);
    let incidents = object["incidents"].as_array().unwrap();
    for (src, dest, kind) in &labels {
        let found = incidents.iter().any(|i| i["kind"] == **kind && i["src"][0] == **src && i["dest"][0] == **dest);
        assert!(found, "{kind} of {src} against {dest} is not among {incidents:?}");
    }
    let sources: Vec<&String> = labels.iter().map(|(src, ..)| src).collect();
    for scan in incidents.iter().filter(|i| i["kind"] == "port_scan") {
        assert!(sources.iter().any(|s| scan["src"][0] == ***s), "{} did not scan", scan["src"]);
    }
}

#[test]
fn every_output_says_the_same() {
    let dir = tempfile::tempdir().unwrap();
    let capture = support::simulate(dir.path(), "scan", "office,port_scan_fast", "1m");
    let c = capture.to_str().unwrap();
    let title = analyze(&capture, &[])["incidents"][0]["title"].as_str().unwrap().to_owned();
    for format in ["text", "html", "eve"] {
        let text = run(["analyze", c, "-o", format]).done().text();
        assert!(text.contains(&title), "{format} does not say `{title}`");
    }
    let html = run(["analyze", c, "-o", "html"]).done().text();
    assert!(html.starts_with("<!") && html.trim_end().ends_with("</html>"), "no whole page");
    assert!(!html.contains("src=\"http") && !html.contains("href=\"http"), "the page loads something from elsewhere");
    for line in run(["analyze", c, "-o", "eve"]).done().text().lines() {
        let event: Value = serde_json::from_str(line).unwrap();
        has(&event, &["timestamp", "event_type", "src_ip", "dest_ip", "alert"]);
        assert_eq!(event["event_type"], "alert");
        has(&event["alert"], &["action", "gid", "signature_id", "rev", "signature", "category", "severity"]);
    }
    let out = dir.path().join("out.html");
    let written = run(["analyze", c, "-o", "html", "-w", out.to_str().unwrap()]).done();
    assert!(written.stdout.is_empty() && std::fs::read_to_string(&out).unwrap().contains(&title));
}

/// The object without what may differ between two runs over the same packets: cost and names of files.
fn without_cost(mut object: Value) -> Value {
    object["timing"] = Value::Null;
    object["input"]["files"] = Value::Null;
    object
}

#[test]
fn input_form_and_workers_do_not_change_the_result() {
    let dir = tempfile::tempdir().unwrap();
    let capture = support::simulate(dir.path(), "scan", "office,port_scan_fast,dns_tunnel", "2m");
    let expected = without_cost(analyze(&capture, &[]));
    assert!(!expected["incidents"].as_array().unwrap().is_empty());
    for workers in ["1", "2", "4"] {
        let object = without_cost(analyze(&capture, &["--workers", workers]));
        assert_eq!(object, expected, "--workers {workers} differs");
    }
    let piped = run_from(&capture, &["analyze", "-", "-o", "json"]).done().json();
    assert_eq!(without_cost(piped), expected, "standard input differs");
    for (tool, end) in [("gzip", "gz"), ("zstd", "zst")] {
        let packed = dir.path().join(format!("scan.pcap.{end}"));
        let output = std::process::Command::new(tool).args(["-q", "-c"]).arg(&capture).output();
        let Ok(output) = output else {
            eprintln!("SKIP {tool}: not here");
            continue;
        };
        std::fs::write(&packed, output.stdout).unwrap();
        assert_eq!(without_cost(analyze(&packed, &[])), expected, "{tool} differs");
        let piped = run_from(&packed, &["analyze", "-", "-o", "json"]).done().json();
        assert_eq!(without_cost(piped), expected, "{tool} through standard input differs");
    }
}

#[test]
fn train_first_learns_from_the_beginning_only() {
    let dir = tempfile::tempdir().unwrap();
    let capture = support::simulate(dir.path(), "office", "office,exfiltration", "4m");
    let object = analyze(&capture, &["--train-first", "50%"]);
    let learned = &object["trained_on"];
    assert_eq!(learned["how"], "train_first");
    let (part, all) = (learned["packets"].as_u64().unwrap(), object["input"]["packets"].as_u64().unwrap());
    assert!(part > 0 && part < all, "{part} of {all} packets");
    let time = |v: &Value| record::Timestamp::parse_rfc3339(v.as_str().unwrap()).unwrap();
    let (first, until, last) =
        (time(&object["input"]["first"]), time(&learned["until"]), time(&object["input"]["last"]));
    assert!(until.since(first) <= last.since(first) / 2 + 1_000_000_000, "learned until {until}");
    let duration = analyze(&capture, &["--train-first", "2m"]);
    assert_eq!(duration["trained_on"]["how"], "train_first");
    let small = support::simulate(dir.path(), "small", "office", "5s");
    let object = analyze(&small, &[]);
    assert_eq!(object["trained_on"]["how"], "none", "fewer than 500 flows: {}", object["trained_on"]);
}

#[test]
fn models_that_run_saved_judge_files() {
    let dir = tempfile::tempdir().unwrap();
    let capture = support::simulate(dir.path(), "office", "office", "2m");
    let models = dir.path().join("data");
    let args = [
        "run",
        "-r",
        capture.to_str().unwrap(),
        "--speed",
        "max",
        "--data-dir",
        models.to_str().unwrap(),
        "--set",
        "learn.flows_min=600",
        "--set",
        "learn.duration_min_s=0",
    ];
    let server = support::server::Server::start(&args);
    let file = models.join("flow.model");
    support::wait_for(std::time::Duration::from_mins(1), "flow.model", || file.exists().then_some(()));
    assert!(server.terminate().success());
    let scan = support::simulate(dir.path(), "scan", "office,port_scan_fast", "1m");
    let object = analyze(&scan, &["--model", models.to_str().unwrap()]);
    assert_eq!(object["trained_on"]["how"], "model");
    assert!(object["incidents"].as_array().unwrap().iter().any(|i| i["kind"] == "port_scan"));
}

#[test]
fn every_recorded_scan_type_names_the_scanner() {
    let Some(folder) = support::data("every_recorded_scan_type_names_the_scanner", "pcap-attack/scans/nmap-types")
    else {
        return;
    };
    let files = support::files_below(&folder);
    assert_eq!(files.iter().filter(|f| support::is_capture(f)).count(), 12);
    for file in files.iter().filter(|f| support::is_capture(f)) {
        // The bounce reaches the target from the FTP server that it goes through.
        let bounce = file.file_name().unwrap().to_string_lossy().starts_with("ftp_bounce");
        let scanner = if bounce { "192.168.1.25" } else { "192.168.1.10" };
        let incidents = analyze(file, &[])["incidents"].clone();
        let named = |i: &Value| i["kind"] == "port_scan" && i["src"][0] == scanner;
        assert!(incidents.as_array().unwrap().iter().any(named), "{}: {incidents}", file.display());
    }
}

#[test]
fn benign_captures_raise_no_scan_sweep_flood_or_spoofing() {
    let Some(folder) = support::data("benign_captures_raise_no_scan", "pcap-benign") else { return };
    let mut wrong = Vec::new();
    let mut analysed = 0;
    for file in support::files_below(&folder).iter().filter(|f| support::is_capture(f)) {
        analysed += 1;
        for incident in analyze(file, &[])["incidents"].as_array().unwrap() {
            if ["port_scan", "host_sweep", "flood", "arp_spoof"].contains(&incident["kind"].as_str().unwrap()) {
                wrong.push(format!("{}: {}", file.display(), incident["title"]));
            }
        }
    }
    assert!(analysed > 50, "only {analysed} captures");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
