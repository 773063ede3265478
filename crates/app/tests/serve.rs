//! The running program from the outside: `demo` answers, moves, finds, remembers and stops when told; `run` without the right to
//! capture shows the host's own counters, and needs little memory.
#![allow(clippy::unwrap_used)]

mod support;

use serde_json::Value;
use std::process::Command;
use std::time::{Duration, Instant};
use support::http::{get, get_json, request};
use support::server::Server;
use support::wait_for;

/// Peak resident memory that an idle process may have, bytes.
const IDLE_BYTES_MAX: u64 = 150 << 20;
/// Until the demo must show its first incident with reasons.
const FIRST_INCIDENT: Duration = Duration::from_secs(90);

fn demo(data_dir: &std::path::Path) -> Server {
    Server::start(&["demo", "--seed", "7", "--data-dir", data_dir.to_str().unwrap()])
}

#[test]
fn the_demo_answers_moves_finds_and_remembers() {
    let dir = tempfile::tempdir().unwrap();
    let begun = Instant::now();
    let server = demo(dir.path());
    let port = server.port;
    assert_eq!(get(port, "/healthz").status, 200);
    pages_and_descriptions(port);
    summary_moves(port);
    lists_page(port);
    let incident = first_incident(port);
    eprintln!("first incident with reasons after {:.1} s: {}", begun.elapsed().as_secs_f64(), incident["title"]);
    let id = incident["id"].as_str().unwrap();
    acknowledge(port, id);
    evidence_opens(port);
    eprintln!("demo: {} MiB at its peak", server.peak_bytes() >> 20);
    assert!(server.terminate().success(), "SIGTERM ends with 0");

    let server = demo(dir.path());
    let kept = get_json(server.port, &format!("/api/v1/incidents/{id}"));
    assert_eq!(kept["incident"]["status"], "acknowledged", "forgotten over a restart: {kept}");
    assert!(kept["incident"]["notes"].to_string().contains("seen by a test"), "{kept}");
    assert!(server.terminate().success());
}

fn pages_and_descriptions(port: u16) {
    let page = get(port, "/");
    assert!(page.status == 200 && page.head.to_lowercase().contains("content-type: text/html"), "{}", page.head);
    let metrics = get(port, "/metrics").text();
    let samples: Vec<&str> = metrics.lines().filter(|l| !l.is_empty() && !l.starts_with('#')).collect();
    assert!(samples.len() > 5 && samples.iter().all(|l| l.starts_with("tripline_")), "{metrics}");
    assert!(metrics.contains("tripline_packets_total"), "{metrics}");
    let openapi = get_json(port, "/openapi.json");
    for path in ["/summary", "/flows", "/incidents", "/incidents/{id}", "/hosts", "/packets", "/series", "/live"] {
        assert!(openapi["paths"].get(format!("/api/v1{path}")).is_some(), "{path} is not described");
    }
    let problem = get(port, "/api/v1/flows?q=colour:blue");
    assert_eq!(problem.status, 400);
    assert!(problem.head.to_lowercase().contains("application/problem+json"), "{}", problem.head);
    assert_eq!(get(port, "/api/v1/nothing").status, 404);
}

fn summary_moves(port: u16) {
    let packets = || get_json(port, "/api/v1/summary")["totals"]["packets"].as_u64().unwrap();
    let first = packets();
    wait_for(Duration::from_secs(30), "packets to grow", || (packets() > first).then_some(()));
    let summary = get_json(port, "/api/v1/summary");
    assert_eq!(summary["mode"], "demo");
    for name in ["now", "started", "version", "sources", "rates", "totals", "model", "budget", "health"] {
        assert!(summary.get(name).is_some(), "{name} is missing in the summary");
    }
    let state = || get_json(port, "/api/v1/summary")["model"]["state"].as_str().unwrap() == "ready";
    wait_for(Duration::from_mins(1), "the models to judge", || state().then_some(()));
}

fn lists_page(port: u16) {
    let has_two = || get_json(port, "/api/v1/flows?limit=1")["total"].as_u64().unwrap() > 2;
    wait_for(Duration::from_mins(1), "flows in the store", || has_two().then_some(()));
    let first = get_json(port, "/api/v1/flows?limit=1");
    let cursor = first["next_cursor"].as_str().unwrap();
    let second = get_json(port, &format!("/api/v1/flows?limit=1&cursor={cursor}"));
    assert_ne!(first["items"][0]["flow_id"], second["items"][0]["flow_id"]);
    let detail = get_json(port, &format!("/api/v1/flows/{}", first["items"][0]["flow_id"]));
    assert_eq!(detail["flow"]["flow_id"], first["items"][0]["flow_id"]);
    assert!(get_json(port, "/api/v1/hosts")["total"].as_u64().unwrap() > 0);
    assert!(!get_json(port, "/api/v1/packets?limit=5")["items"].as_array().unwrap().is_empty());
}

fn first_incident(port: u16) -> Value {
    wait_for(FIRST_INCIDENT, "an incident with reasons", || {
        let list = get_json(port, "/api/v1/incidents");
        list["items"].as_array().unwrap().iter().find(|i| !i["why"].as_array().unwrap().is_empty()).cloned()
    })
}

fn acknowledge(port: u16, id: &str) {
    let path = format!("/api/v1/incidents/{id}");
    let body = r#"{"status": "acknowledged", "note": "seen by a test"}"#;
    let answer = request(port, "PATCH", &path, Some(body)).unwrap();
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(answer.json()["status"], "acknowledged");
    let stored = || get_json(port, &path)["incident"]["status"] == "acknowledged";
    wait_for(Duration::from_secs(10), "the status to be stored", || stored().then_some(()));
    assert_eq!(request(port, "PATCH", &path, Some(r#"{"status": "nonsense"}"#)).unwrap().status / 100, 4);
    assert_eq!(request(port, "PATCH", "/api/v1/incidents/0000000000000000", Some(body)).unwrap().status, 404);
}

/// The packets of an incident are a pcapng file that Tripline itself reads.
fn evidence_opens(port: u16) {
    let with_pcap = wait_for(Duration::from_mins(1), "an incident with packets", || {
        let list = get_json(port, "/api/v1/incidents?q=pcap:true");
        list["items"].as_array().unwrap().iter().find(|i| i["evidence"]["pcap"] == true).cloned()
    });
    let answer = get(port, &format!("/api/v1/incidents/{}/pcap", with_pcap["id"].as_str().unwrap()));
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(answer.body[..4], [0x0a, 0x0d, 0x0d, 0x0a], "not a pcapng section header");
    let words = format!("Tripline incident {}: ", with_pcap["id"].as_str().unwrap());
    let first_block = u32::from_le_bytes(answer.body[4..8].try_into().unwrap()) as usize;
    let head = String::from_utf8_lossy(&answer.body[..first_block]).into_owned();
    assert!(head.contains(&words) && head.contains(with_pcap["kind"].as_str().unwrap()), "{head}");
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("evidence.pcapng");
    std::fs::write(&file, &answer.body).unwrap();
    let read = support::run(["analyze", file.to_str().unwrap(), "-o", "json"]).done().json();
    assert!(read["input"]["packets"].as_u64().unwrap() > 0);
}

#[test]
fn without_the_right_to_capture_the_host_is_shown_in_little_memory() {
    let test = "without_the_right_to_capture";
    let dir = tempfile::tempdir().unwrap();
    let program = env!("CARGO_BIN_EXE_tripline");
    let nobody = ["--reuid=65534", "--regid=65534", "--clear-groups", "--no-new-privs"];
    let as_nobody = |args: &[&str]| {
        let mut command = Command::new("setpriv");
        command.args(nobody).arg(program).args(args).current_dir("/");
        command
    };
    if !as_nobody(&["-V"]).output().is_ok_and(|o| o.status.success()) {
        eprintln!("SKIP {test}: setpriv cannot become another user here, or that user cannot read the program");
        return;
    }
    let data = dir.path().join("data");
    std::fs::create_dir(&data).unwrap();
    for path in [dir.path(), &data] {
        let mode = std::os::unix::fs::PermissionsExt::from_mode(0o777);
        std::fs::set_permissions(path, mode).unwrap();
    }
    let mut command = as_nobody(&["run", "--listen", "127.0.0.1:0", "--data-dir", data.to_str().unwrap()]);
    let server = Server::start_as(&mut command);
    let summary = get_json(server.port, "/api/v1/summary");
    assert_eq!(summary["mode"], "host");
    assert!(summary["health"].to_string().contains("setcap"), "{}", summary["health"]);
    let ticks = || get(server.port, "/api/v1/series?metric=bytes").status == 200;
    wait_for(Duration::from_secs(10), "series", || ticks().then_some(()));
    std::thread::sleep(Duration::from_secs(3));
    let peak = server.peak_bytes();
    eprintln!("idle run in host mode: {} MiB at its peak", peak >> 20);
    assert!(peak < IDLE_BYTES_MAX, "{peak} bytes");
    assert!(server.terminate().success());
    let refused = support::finish(&mut as_nobody(&[
        "run",
        "-i",
        "lo",
        "--listen",
        "127.0.0.1:0",
        "--data-dir",
        data.to_str().unwrap(),
    ]));
    assert!(refused.code == Some(2) && refused.stderr.contains("setcap"), "{}", refused.stderr);
}

#[test]
fn a_replay_that_has_ended_can_still_be_worked_with() {
    let dir = tempfile::tempdir().unwrap();
    let capture = support::simulate(dir.path(), "scan", "office,port_scan_fast", "1m");
    let data = dir.path().join("data");
    let args = ["run", "-r", capture.to_str().unwrap(), "--speed", "max", "--data-dir", data.to_str().unwrap()];
    let server = Server::start(&args);
    let ended = || get_json(server.port, "/api/v1/summary")["sources"][0]["state"] == "ended";
    wait_for(Duration::from_mins(1), "the end of the file", || ended().then_some(()));
    let incident = first_incident(server.port);
    acknowledge(server.port, incident["id"].as_str().unwrap());
    evidence_opens(server.port);
    assert!(server.terminate().success());
}

#[test]
fn a_named_pipe_is_read_once_and_whole() {
    let dir = tempfile::tempdir().unwrap();
    let capture = support::simulate(dir.path(), "office", "office", "1m");
    let packets = support::run(["analyze", capture.to_str().unwrap(), "-q", "-o", "json"]).done().json();
    let packets = packets["input"]["packets"].clone();
    assert!(packets.as_u64().unwrap() > 2_000, "more than a look ahead would take: {packets}");
    let pipe = dir.path().join("pipe");
    assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let (bytes, end) = (std::fs::read(&capture).unwrap(), pipe.clone());
    let writing = std::thread::spawn(move || std::fs::write(end, bytes));
    let data = dir.path().join("data");
    let args = ["run", "-r", pipe.to_str().unwrap(), "--speed", "max", "--data-dir", data.to_str().unwrap()];
    let server = Server::start(&args);
    let ended = || get_json(server.port, "/api/v1/summary")["sources"][0]["state"] == "ended";
    wait_for(Duration::from_mins(1), "the end of the pipe", || ended().then_some(()));
    assert_eq!(get_json(server.port, "/api/v1/summary")["sources"][0]["packets"], packets);
    writing.join().unwrap().unwrap();
    assert!(server.terminate().success());
}

#[test]
fn a_duration_ends_a_run() {
    let dir = tempfile::tempdir().unwrap();
    let capture = support::simulate(dir.path(), "office", "office", "5s");
    let data = dir.path().join("data");
    let args = [
        "run",
        "-r",
        capture.to_str().unwrap(),
        "--speed",
        "max",
        "--duration",
        "1s",
        "--data-dir",
        data.to_str().unwrap(),
    ];
    support::run(args.into_iter().chain(["--listen", "127.0.0.1:0"])).done();
}

#[test]
fn two_processes_do_not_share_a_data_directory() {
    let dir = tempfile::tempdir().unwrap();
    let server = demo(dir.path());
    let second = support::run(["demo", "--listen", "127.0.0.1:0", "--data-dir", dir.path().to_str().unwrap()]);
    assert_eq!(second.code, Some(2), "{}", second.stderr);
    assert!(second.stderr.starts_with("tripline: ") && second.stderr.lines().count() == 1, "{}", second.stderr);
    assert_eq!(get(server.port, "/healthz").status, 200);
    assert!(server.terminate().success());
}
