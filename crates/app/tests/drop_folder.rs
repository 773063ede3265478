//! Files dropped into a folder: analysed by themselves once they are whole, listed on Captures, put away, told when they are bad, and not
//! done twice when the process is killed.
#![allow(clippy::unwrap_used)]

mod support;

use serde_json::Value;
use std::path::Path;
use std::time::Duration;
use support::http::get_json;
use support::server::Server;
use support::{simulate, wait_for};

const SOON: Duration = Duration::from_mins(2);

/// Watches nothing but exports that never come, and a folder.
fn start(dir: &Path) -> Server {
    let drop = dir.join("drop");
    std::fs::create_dir_all(&drop).unwrap();
    let watch = format!("uploads.watch_dir=\"{}\"", drop.display());
    let data = dir.join("data");
    let data = ["--data-dir", data.to_str().unwrap()];
    let settings = ["--set", &watch, "--set", "uploads.watch_quiet_s=1"];
    Server::start(&[&["run", "--collect", "127.0.0.1:0"][..], &data, &settings].concat())
}

fn items(server: &Server) -> Vec<Value> {
    get_json(server.port, "/api/v1/captures")["items"].as_array().unwrap().clone()
}

fn ended(server: &Server, name: &str) -> Value {
    let is = |item: &Value| item["name"] == name && (item["phase"] == "done" || item["phase"] == "failed");
    wait_for(SOON, name, || items(server).into_iter().find(is))
}

#[test]
fn a_dropped_scan_is_found_apart_from_the_watch_and_a_bad_file_is_told() {
    let dir = tempfile::tempdir().unwrap();
    let scan = simulate(dir.path(), "scan", "office,port_scan_fast", "3m");
    let drop = dir.path().join("drop");
    let server = start(dir.path());
    // Written under a name that says it is not finished, then renamed, as rsync and browsers do.
    std::fs::copy(&scan, drop.join("scan.pcap.part")).unwrap();
    std::fs::write(drop.join("letter.pcap"), "Dear administrator, this is no capture.\n").unwrap();
    let bad = ended(&server, "letter.pcap");
    assert!(bad["error"].as_str().unwrap().contains("not a capture"), "{bad}");
    let why = wait_for(SOON, "the reason", || std::fs::read_to_string(drop.join("failed/letter.pcap.why.txt")).ok());
    assert!(why.contains("letter.pcap") && !drop.join("letter.pcap").exists(), "{why}");
    let health = || get_json(server.port, "/api/v1/summary")["health"].to_string();
    wait_for(SOON, "the line", || health().contains("Not analysed: letter.pcap").then_some(()));
    assert_eq!(items(&server).len(), 1, "what is not finished is left alone");

    std::fs::rename(drop.join("scan.pcap.part"), drop.join("scan.pcap")).unwrap();
    let done = ended(&server, "scan.pcap");
    let detail = get_json(server.port, &format!("/api/v1/captures/{}", done["id"].as_str().unwrap()));
    let kinds: Vec<_> = detail["analysis"]["incidents"].as_array().unwrap().iter().map(|i| &i["kind"]).collect();
    assert!(kinds.contains(&&Value::from("port_scan")), "{kinds:?}");
    wait_for(SOON, "its place", || drop.join("done/scan.pcap").exists().then_some(()));
    assert_eq!(std::fs::read(drop.join("done/scan.pcap")).unwrap(), std::fs::read(&scan).unwrap());
    assert_eq!(get_json(server.port, "/api/v1/captures")["bytes"], 0, "its bytes are not kept twice");
    assert_eq!(get_json(server.port, "/api/v1/incidents")["items"], serde_json::json!([]), "nothing mixes");
    assert_eq!(items(&server).len(), 2);
    assert!(server.terminate().success());
}

#[test]
fn a_kill_loses_no_file_and_does_none_twice() {
    let dir = tempfile::tempdir().unwrap();
    let scan = simulate(dir.path(), "scan", "office,port_scan_fast", "2m");
    let drop = dir.path().join("drop");
    let names = ["a.pcap", "b.pcap", "c.pcap"];
    let server = start(dir.path());
    for name in names {
        drop_in(&scan, &drop, name);
    }
    wait_for(SOON, "the first", || (!items(&server).is_empty()).then_some(()));
    server.kill();
    let server = start(dir.path());
    for name in names {
        assert_eq!(ended(&server, name)["phase"], "done", "{name}");
    }
    let put_away = || names.iter().all(|name| drop.join("done").join(name).exists()).then_some(());
    wait_for(SOON, "their places", put_away);
    server.kill();
    let server = start(dir.path());
    assert_eq!(items(&server).len(), names.len(), "each once");
    assert!(server.terminate().success());
}

/// A copy that is whole when it appears.
fn drop_in(file: &Path, folder: &Path, name: &str) {
    let beside = folder.join(format!(".{name}"));
    std::fs::copy(file, &beside).unwrap();
    std::fs::rename(beside, folder.join(name)).unwrap();
}

#[test]
fn a_folder_that_cannot_be_used_is_said_at_the_start() {
    let dir = tempfile::tempdir().unwrap();
    let args = ["run", "--collect", "127.0.0.1:0", "--data-dir", dir.path().to_str().unwrap()];
    let told = support::run(args.into_iter().chain(["--set", "uploads.watch_dir=\"/nonexistent/drop\""]));
    assert_eq!(told.code, Some(2));
    assert!(told.stderr.contains("uploads.watch_dir /nonexistent/drop"), "{}", told.stderr);
}
