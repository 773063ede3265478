//! Files handed over on the dashboard: analysed by themselves, never mixed with what is watched, bounded, deleted when asked, and not
//! lost when the process is killed.
#![allow(clippy::unwrap_used)]

mod support;

use serde_json::Value;
use std::path::Path;
use std::time::Duration;
use support::http::{get, get_json, request, send_file};
use support::server::Server;
use support::{simulate, wait_for};

const SOON: Duration = Duration::from_mins(2);

/// Watches quiet traffic with `more` settings.
fn start(dir: &Path, more: &[&str]) -> Server {
    let quiet = simulate(dir, "quiet", "office", "20s");
    let data = dir.join("data");
    let args = ["run", "-r", quiet.to_str().unwrap(), "--speed", "max", "--data-dir", data.to_str().unwrap()];
    Server::start(&[&args[..], more].concat())
}

fn hand_over(server: &Server, name: &str, bytes: &[u8]) -> String {
    let answer = send_file(server.port, &format!("/api/v1/captures?name={name}"), bytes);
    assert_eq!(answer.status, 201, "{}", answer.text());
    answer.json()["id"].as_str().unwrap().to_owned()
}

/// The upload once it is done or failed.
fn ended(server: &Server, id: &str) -> Value {
    wait_for(SOON, "the analysis", || {
        let detail = get_json(server.port, &format!("/api/v1/captures/{id}"));
        let phase = detail["upload"]["phase"].as_str().unwrap();
        (phase == "done" || phase == "failed").then_some(detail.clone())
    })
}

fn kinds(incidents: &Value) -> Vec<&str> {
    incidents.as_array().unwrap().iter().map(|i| i["kind"].as_str().unwrap()).collect()
}

#[test]
fn a_scan_handed_over_is_found_there_and_nowhere_else_and_goes_when_asked() {
    let dir = tempfile::tempdir().unwrap();
    let scan = std::fs::read(simulate(dir.path(), "scan", "office,port_scan_fast", "3m")).unwrap();
    let server = start(dir.path(), &[]);
    let id = hand_over(&server, "..%2Fscan%0A.pcap", &scan);
    let detail = ended(&server, &id);
    assert_eq!(detail["upload"]["name"], "scan.pcap", "no folder, no line break");
    let upload = &detail["upload"];
    assert_eq!((upload["phase"].as_str(), upload["bytes"].as_u64()), (Some("done"), Some(scan.len() as u64)));
    assert!(kinds(&detail["analysis"]["incidents"]).contains(&"port_scan"), "{}", detail["analysis"]["incidents"]);
    assert_eq!(upload["packets_total"], detail["analysis"]["input"]["packets"]);
    assert_eq!(upload["incidents"].as_u64().unwrap() as usize, kinds(&detail["analysis"]["incidents"]).len());
    assert!(upload["severity_max"].is_string());

    // The watch knows nothing of it.
    let live = get_json(server.port, "/api/v1/incidents");
    assert!(!kinds(&live["items"]).contains(&"port_scan"), "{live}");
    let summary = get_json(server.port, "/api/v1/summary");
    assert!(summary["totals"]["packets"].as_u64().unwrap() < upload["packets_total"].as_u64().unwrap());

    let folder = dir.path().join("data/uploads");
    assert!(std::fs::read_dir(&folder).unwrap().count() > 1);
    let path = format!("/api/v1/captures/{id}");
    assert_eq!(request(server.port, "DELETE", &path, None).unwrap().status, 204);
    assert_eq!(get(server.port, &path).status, 404);
    assert_eq!(request(server.port, "DELETE", &path, None).unwrap().status, 404);
    let left: Vec<_> = std::fs::read_dir(&folder).unwrap().map(|e| e.unwrap().file_name()).collect();
    assert_eq!(left, ["settings.toml"], "nothing of it is left");
    assert!(server.terminate().success());
}

#[test]
fn what_is_no_capture_or_too_large_is_refused_in_words() {
    let dir = tempfile::tempdir().unwrap();
    let server = start(dir.path(), &["--set", "uploads.upload_bytes_max=5000", "--set", "uploads.bytes_max=8000"]);
    let id = hand_over(&server, "letter.txt", &[b'a'; 4_000]);
    let detail = ended(&server, &id);
    let error = detail["upload"]["error"].as_str().unwrap();
    assert!(error.contains("letter.txt") && error.contains("not a capture") && !error.contains("uploads"), "{error}");
    assert!(detail["analysis"].is_null());

    let upload = |bytes: usize| send_file(server.port, "/api/v1/captures?name=x", &vec![0; bytes]);
    let large = upload(5_001);
    assert!(large.status == 413 && large.text().contains("upload_bytes_max"), "{}", large.text());
    let full = upload(4_500);
    assert!(full.status == 409 && full.text().contains("delete some"), "{}", full.text());
    assert_eq!(upload(0).status, 422);
    assert_eq!(get_json(server.port, "/api/v1/captures")["bytes"], 4_000, "what was refused takes no room");
    assert!(server.terminate().success());
}

#[test]
fn a_file_outlives_a_kill_and_is_analysed_by_the_next_process() {
    let dir = tempfile::tempdir().unwrap();
    let scan = std::fs::read(simulate(dir.path(), "scan", "office,port_scan_fast", "3m")).unwrap();
    let server = start(dir.path(), &[]);
    let ids: Vec<String> = ["a", "b", "c"].iter().map(|name| hand_over(&server, name, &scan)).collect();
    server.kill();
    let server = start(dir.path(), &[]);
    for id in &ids {
        assert_eq!(ended(&server, id)["upload"]["phase"], "done");
    }
    let listed = get_json(server.port, "/api/v1/captures");
    assert_eq!(listed["items"].as_array().unwrap().len(), ids.len());
    assert!(server.terminate().success());
}

#[test]
fn none_is_taken_where_that_is_switched_off() {
    let dir = tempfile::tempdir().unwrap();
    let server = start(dir.path(), &["--set", "uploads.enabled=false"]);
    let refused = get(server.port, "/api/v1/captures");
    assert!(refused.status == 503 && refused.text().contains("uploads.enabled"), "{}", refused.text());
    assert!(!dir.path().join("data/uploads").exists());
    assert!(server.terminate().success());
}
