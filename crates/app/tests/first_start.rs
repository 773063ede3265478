//! What is set on the page is written to the configuration file as its author would have, shown before it is, and never over what was
//! changed by hand; the first start asks, writes, and starts anew.
#![allow(clippy::unwrap_used)]

mod support;

use serde_json::{Value, json};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::Duration;
use support::http::{get_json, request};
use support::server::Server;
use support::wait_for;

const SOON: Duration = Duration::from_mins(1);
const FILE: &str =
    "# Our settings.\n[alert]\n# Two are enough.\nper_hour = 2.0 # agreed\n\n[kafka]\nsasl_password = \"s3cret\"\n";

fn send(port: u16, method: &str, path: &str, body: &Value) -> (u16, Value) {
    let answer = request(port, method, &format!("/api/v1{path}"), Some(&body.to_string())).unwrap();
    (answer.status, serde_json::from_slice(&answer.body).unwrap_or_default())
}

/// A watch of loopback, with a configuration file.
fn start(file: &Path, data: &Path, more: &[&str]) -> Server {
    let mut args = vec!["run", "-c", file.to_str().unwrap(), "--data-dir", data.to_str().unwrap(), "--duration", "3m"];
    args.extend(more);
    Server::start(&args)
}

fn item(port: u16, key: &str) -> Value {
    let settings = get_json(port, "/api/v1/settings");
    settings["items"].as_array().unwrap().iter().find(|item| item["key"] == key).unwrap().clone()
}

#[test]
fn the_file_is_written_with_its_comments_after_a_preview_and_not_over_a_hand() {
    let dir = tempfile::tempdir().unwrap();
    let (file, data) = (dir.path().join("t.toml"), dir.path().join("data"));
    std::fs::write(&file, FILE).unwrap();
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o640)).unwrap();
    let capture = support::simulate(dir.path(), "office", "office", "1m");
    let server = start(&file, &data, &["-r", capture.to_str().unwrap()]);
    let port = server.port;
    let settings = get_json(port, "/api/v1/settings");
    assert_eq!((settings["file"].as_str(), &settings["file_why"]), (file.to_str(), &json!("")));

    let wanted =
        json!({"values": {"alert.per_hour": 7.5, "networks.home": ["10.0.0.0/8"], "capture.interfaces": ["lo"]}});
    let (status, preview) = send(port, "POST", "/settings/preview", &wanted);
    assert_eq!(status, 200, "{preview}");
    let difference = preview["difference"].as_str().unwrap();
    assert!(difference.contains("-per_hour = 2.0 # agreed\n+per_hour = 7.5 # agreed\n"), "{difference}");
    assert!(!difference.contains("s3cret"), "{difference}");
    assert_eq!(preview["at_once"], json!(["alert.per_hour", "networks.home"]));
    assert_eq!(preview["next_start"], json!(["capture.interfaces"]));
    assert_eq!(std::fs::read_to_string(&file).unwrap(), FILE, "looking writes nothing");

    let (_, wrong) = send(
        port,
        "POST",
        "/settings/preview",
        &json!({"values": {"networks.home": ["10.0.0.0/99"], "alert.per_hour": -1}}),
    );
    let keys: Vec<&str> = wrong["wrong"].as_array().unwrap().iter().map(|w| w["key"].as_str().unwrap()).collect();
    assert_eq!(keys, ["alert.per_hour"], "{wrong}");
    let (_, wrong) = send(port, "POST", "/settings/preview", &json!({"values": {"networks.home": ["10.0.0.0/99"]}}));
    assert_eq!(wrong["wrong"][0]["key"], "networks.home", "{wrong}");

    let (status, after) = send(port, "PATCH", "/settings", &wanted);
    assert_eq!(status, 200, "{after}");
    let text = std::fs::read_to_string(&file).unwrap();
    assert!(text.starts_with("# Our settings.\n[alert]\n# Two are enough.\nper_hour = 7.5 # agreed\n"), "{text}");
    assert!(text.contains("sasl_password = \"s3cret\"") && text.contains("home = [\"10.0.0.0/8\"]"), "{text}");
    assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o640);
    assert_eq!(item(port, "alert.per_hour")["source"], "file");
    assert_eq!(item(port, "capture.interfaces")["pending"], true);
    wait_for(SOON, "the new budget", || (get_json(port, "/api/v1/summary")["budget"]["per_hour"] == 7.5).then_some(()));

    // Somebody edits the file; the page has not seen it.
    let version = get_json(port, "/api/v1/settings")["version"].clone();
    std::fs::write(&file, format!("{text}# by hand\n")).unwrap();
    let (status, problem) =
        send(port, "PATCH", "/settings", &json!({"values": {"alert.per_hour": 3}, "version": version}));
    assert_eq!(status, 409, "{problem}");
    assert!(problem["detail"].as_str().unwrap().contains("+# by hand"), "{problem}");
    assert!(std::fs::read_to_string(&file).unwrap().contains("per_hour = 7.5"), "nothing was written");
    let version = get_json(port, "/api/v1/settings")["version"].clone();
    let (status, _) =
        send(port, "PATCH", "/settings", &json!({"values": {"alert.per_hour": null}, "version": version}));
    assert_eq!(status, 200, "once it was looked at");
    let text = std::fs::read_to_string(&file).unwrap();
    assert!(
        text.contains("per_hour = 4.0 # agreed") && text.ends_with("# by hand\n"),
        "its comment stays, with the default: {text}"
    );
    assert!(server.terminate().success());
}

#[test]
fn secrets_are_written_and_never_told() {
    let dir = tempfile::tempdir().unwrap();
    let (file, data) = (dir.path().join("t.toml"), dir.path().join("data"));
    std::fs::write(&file, "").unwrap();
    let capture = support::simulate(dir.path(), "office", "office", "1m");
    let server = start(&file, &data, &["-r", capture.to_str().unwrap()]);
    let port = server.port;
    let hook = json!({"channels": [{"name": "chat", "set": {"kind": "webhook", "webhook": {"url": "https://127.0.0.1:9/s3cret", "template": "slack"}}}]});
    let (status, preview) = send(port, "POST", "/settings/preview", &hook);
    assert_eq!((status, &preview["wrong"]), (200, &json!([])), "{preview}");
    assert!(
        !preview.to_string().contains("s3cret") && preview["difference"].as_str().unwrap().contains("hidden"),
        "{preview}"
    );
    let (status, settings) = send(port, "PATCH", "/settings", &hook);
    assert_eq!(status, 200, "{settings}");
    assert!(std::fs::read_to_string(&file).unwrap().contains("https://127.0.0.1:9/s3cret"));
    wait_for(SOON, "the channel", || {
        (get_json(port, "/api/v1/notifications")["channels"][0]["name"] == "chat").then_some(())
    });
    for path in ["/api/v1/settings", "/api/v1/notifications", "/api/v1/setup"] {
        assert!(!get_json(port, path).to_string().contains("s3cret"), "{path}");
    }
    // A field alone is changed; the secret that nobody gave again stays.
    let severity = json!({"channels": [{"name": "chat", "set": {"severity_min": "critical"}}]});
    assert_eq!(send(port, "PATCH", "/settings", &severity).0, 200);
    let text = std::fs::read_to_string(&file).unwrap();
    assert!(text.contains("s3cret") && text.contains("severity_min = \"critical\""), "{text}");
    let command = json!({"channels": [{"name": "x", "set": {"kind": "command", "command": {"program": "/bin/true"}}}]});
    let (status, problem) = send(port, "PATCH", "/settings", &command);
    assert_eq!((status, problem.to_string().contains("in the file alone")), (422, true), "{problem}");
    assert_eq!(send(port, "PATCH", "/settings", &json!({"channels": [{"name": "chat", "set": null}]})).0, 200);
    assert!(!std::fs::read_to_string(&file).unwrap().contains("s3cret"));
    assert!(server.terminate().success());
}

#[test]
fn the_first_start_asks_once_writes_the_answers_and_starts_anew() {
    let dir = tempfile::tempdir().unwrap();
    let (file, data) = (dir.path().join("t.toml"), dir.path().join("data"));
    std::fs::write(&file, "# fresh\n").unwrap();
    let port = support::servers::free_port();
    let listen = format!("127.0.0.1:{port}");
    let mut child = support::tripline()
        .args([
            "run",
            "-q",
            "-c",
            file.to_str().unwrap(),
            "--listen",
            &listen,
            "--data-dir",
            data.to_str().unwrap(),
            "--duration",
            "3m",
        ])
        .spawn()
        .unwrap();
    let up = || {
        request(port, "GET", "/api/v1/summary", None)
            .ok()
            .filter(|answer| answer.status == 200)
            .map(|answer| answer.json())
    };
    let started = wait_for(SOON, "the first answer", up)["started"].clone();
    let setup = get_json(port, "/api/v1/setup");
    assert_eq!((&setup["needed"], &setup["user_needed"]), (&json!(true), &json!(true)), "{setup}");
    let names: Vec<&str> =
        setup["interfaces"].as_array().unwrap().iter().map(|one| one["name"].as_str().unwrap()).collect();
    assert!(names.contains(&"lo"), "{names:?}");
    let answers =
        json!({"interfaces": ["lo"], "home": ["127.0.0.0/8"], "preset": "office", "version": setup["version"]});
    let (status, preview) = send(port, "POST", "/setup/preview", &answers);
    assert_eq!((status, &preview["settings"]["wrong"]), (200, &json!([])), "{preview}");
    assert!(preview["words"].to_string().contains("lo is watched"), "{preview}");
    let (status, done) = send(port, "POST", "/setup", &answers);
    assert_eq!((status, &done["needed"]), (200, &json!(false)), "{done}");
    assert!(std::fs::read_to_string(&file).unwrap().starts_with("# fresh\n"));
    assert_eq!(done["pending"], json!(["capture.interfaces"]), "{done}");
    assert_eq!(send(port, "POST", "/setup/restart", &json!({})).0, 202);
    let again = || up().filter(|summary| summary["started"] != started);
    wait_for(SOON, "the new start", again);
    let setup = get_json(port, "/api/v1/setup");
    assert_eq!(
        (&setup["chosen"], &setup["pending"], &setup["preset"]),
        (&json!(["lo"]), &json!([]), &json!("office")),
        "{setup}"
    );
    support::server::signal(child.id(), "TERM");
    assert!(child.wait().unwrap().success(), "the same process");
}
