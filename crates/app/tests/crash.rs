//! A crash in the middle of writing: the database stays sound, history and models are there at the next start.
#![allow(clippy::unwrap_used)]

mod support;

use std::path::Path;
use std::process::Command;
use std::time::Duration;
use support::http::get_json;
use support::server::Server;
use support::wait_for;

fn replay(capture: &Path, data: &Path, speed: &str) -> Server {
    let (capture, data) = (capture.to_str().unwrap(), data.to_str().unwrap());
    let learn = ["--set", "learn.flows_min=600", "--set", "learn.duration_min_s=0"];
    let args = ["run", "-r", capture, "--speed", speed, "--data-dir", data];
    Server::start(&args.into_iter().chain(learn).collect::<Vec<_>>())
}

fn total(server: &Server, what: &str) -> u64 {
    get_json(server.port, &format!("/api/v1/{what}?limit=1"))["total"].as_u64().unwrap()
}

fn model_state(server: &Server) -> String {
    get_json(server.port, "/api/v1/summary")["model"]["state"].as_str().unwrap().to_owned()
}

#[test]
fn history_and_models_survive_a_crash() {
    let dir = tempfile::tempdir().unwrap();
    let capture = support::simulate(dir.path(), "scan", "office,port_scan_fast", "2m");
    let data = dir.path().join("data");

    let server = replay(&capture, &data, "max");
    wait_for(Duration::from_secs(90), "models", || (model_state(&server) == "ready").then_some(()));
    wait_for(Duration::from_secs(30), "an incident", || (total(&server, "incidents") > 0).then_some(()));
    wait_for(Duration::from_secs(30), "flow.model", || data.join("flow.model").exists().then_some(()));
    assert!(server.terminate().success());
    let model = std::fs::read(data.join("flow.model")).unwrap();

    // Another office, so that the second run writes rows of its own.
    let other = support::simulate(dir.path(), "other", "office,ssh_brute_force", "4m");
    let server = replay(&other, &data, "40");
    assert_eq!(model_state(&server), "ready", "models that were saved judge at once");
    let (flows, incidents) = (total(&server, "flows"), total(&server, "incidents"));
    assert!(flows > 100 && incidents > 0, "{flows} flows, {incidents} incidents of the first run");
    wait_for(Duration::from_mins(1), "rows of the second run", || (total(&server, "flows") > flows).then_some(()));
    let told = total(&server, "flows");
    server.kill();
    sound(&data);

    let server = replay(&capture, &data, "0.001");
    assert_eq!(model_state(&server), "ready");
    assert_eq!(std::fs::read(data.join("flow.model")).unwrap(), model, "the model file changed");
    assert!(total(&server, "flows") >= told, "{} flows, {told} were told before the crash", total(&server, "flows"));
    assert!(total(&server, "incidents") >= incidents);
    assert!(server.terminate().success());
    sound(&data);
}

/// Asks `SQLite`'s own check through another program; starting Tripline on it asks again.
fn sound(data: &Path) {
    let script =
        "import sqlite3, sys; print(sqlite3.connect(sys.argv[1]).execute('PRAGMA integrity_check').fetchone()[0])";
    match Command::new("python3").args(["-c", script]).arg(data.join("tripline.db")).output() {
        Ok(output) => assert_eq!(String::from_utf8_lossy(&output.stdout).trim(), "ok", "{output:?}"),
        Err(e) => eprintln!("SKIP the second look at the database: python3: {e}"),
    }
}

#[test]
fn a_crash_at_any_moment_leaves_a_database_that_opens() {
    let dir = tempfile::tempdir().unwrap();
    let capture = support::simulate(dir.path(), "scan", "office,port_scan_fast", "1m");
    let data = dir.path().join("data");
    for wait_ms in [0, 30, 100, 300, 700, 1_500] {
        let server = replay(&capture, &data, "max");
        std::thread::sleep(Duration::from_millis(wait_ms));
        server.kill();
        sound(&data);
    }
    let server = replay(&capture, &data, "max");
    wait_for(Duration::from_mins(1), "flows", || (total(&server, "flows") > 100).then_some(()));
    assert!(server.terminate().success());
}
