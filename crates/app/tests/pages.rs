//! What people set on the dashboard, from the outside: importance of a host, the alert budget, a suppression of their own; each holds at
//! once, is refused in words, is kept over a restart and can be taken back.
#![allow(clippy::unwrap_used)]

mod support;

use serde_json::{Value, json};
use std::path::Path;
use std::time::Duration;
use support::http::{get_json, request};
use support::server::Server;
use support::{run, wait_for};

const SOON: Duration = Duration::from_mins(1);

fn send(port: u16, method: &str, path: &str, body: &Value) -> (u16, Value) {
    let answer = request(port, method, path, Some(&body.to_string())).unwrap();
    (answer.status, answer.json())
}

fn start(capture: &Path, data: &Path) -> Server {
    let (capture, data) = (capture.to_str().unwrap(), data.to_str().unwrap());
    Server::start(&["run", "-r", capture, "--speed", "max", "--data-dir", data, "--set", "store.hosts_age_days=9"])
}

fn incidents(port: u16, filter: &str) -> Vec<Value> {
    let list = get_json(port, &format!("/api/v1/incidents?limit=500&q={}", filter.replace(' ', "%20")));
    list["items"].as_array().unwrap().clone()
}

/// The one scan of the capture, once the store has it.
fn scan(port: u16) -> Value {
    wait_for(SOON, "the scan", || incidents(port, "kind:port_scan").first().cloned())
}

fn is_problem(answer: &(u16, Value), status: u16, words: &str) {
    assert_eq!(answer.0, status, "{}", answer.1);
    let detail = answer.1["detail"].as_str().unwrap();
    assert!(detail.contains(words), "{detail}");
}

#[test]
fn what_is_set_on_the_dashboard_holds_at_once_and_over_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    let capture = support::simulate(dir.path(), "scan", "port_scan_fast", "2m");
    let data = dir.path().join("data");
    let server = start(&capture, &data);
    let port = server.port;
    let source = scan(port)["src"][0].as_str().unwrap().to_owned();

    let path = format!("/api/v1/hosts/{source}");
    let row = wait_for(SOON, "the host", || {
        let answer = send(port, "PATCH", &path, &json!({"importance": "critical", "label": "the red one"}));
        (answer.0 == 200).then_some(answer.1)
    });
    assert_eq!((&row["importance"], &row["label"]), (&json!("critical"), &json!("the red one")));

    let (status, settings) = send(port, "PATCH", "/api/v1/settings", &json!({"values": {"alert.per_hour": 9}}));
    assert_eq!(status, 200, "{settings}");
    let item = |settings: &Value, key: &str| {
        settings["items"].as_array().unwrap().iter().find(|i| i["key"] == key).unwrap().clone()
    };
    assert_eq!(item(&settings, "alert.per_hour")["source"], "dashboard");
    wait_for(SOON, "the new budget", || (get_json(port, "/api/v1/summary")["budget"]["per_hour"] == 9.0).then_some(()));
    let fixed = item(&settings, "store.hosts_age_days");
    assert_eq!((&fixed["changeable"], &fixed["source"]), (&json!(false), &json!("command_line")));
    let change = |values: Value| send(port, "PATCH", "/api/v1/settings", &json!({"values": values}));
    is_problem(&change(json!({"store.hosts_age_days": 3})), 409, "--set");
    is_problem(&change(json!({"alert.per_hour": -3})), 422, "from 0 to 1000");
    is_problem(&change(json!({"serve.listen": "0.0.0.0:1"})), 409, "configuration file");
    is_problem(&change(json!({"alert.per_hour": 3, "nothing": 1})), 422, "alert.per_hour");
    assert_eq!(item(&get_json(port, "/api/v1/settings"), "alert.per_hour")["value"], 9.0, "all or nothing");

    let (_, settings) = send(port, "PATCH", "/api/v1/settings", &json!({"preset": "industrial"}));
    assert_eq!((&settings["preset"], &settings["preset_asked"]), (&json!("industrial"), &json!(true)));
    assert_eq!(item(&settings, "alert.per_hour")["value"], 8.0);
    let presets = get_json(port, "/api/v1/presets");
    let industrial = presets["items"].as_array().unwrap().iter().find(|p| p["name"] == "industrial").unwrap();
    assert_eq!(industrial["changes"], json!([]), "everything is as it says");
    let log: Vec<&str> = settings["changes"].as_array().unwrap().iter().map(|c| c["what"].as_str().unwrap()).collect();
    assert!(log.contains(&"host") && log.contains(&"setting") && log.contains(&"preset"), "{log:?}");
    assert!(server.terminate().success());

    let shown = run(["config", "show", "--data-dir", data.to_str().unwrap()]).done().text();
    assert!(shown.contains("per_hour = 8.0 # settings.toml (dashboard)"), "{shown}");
    assert!(shown.contains("flows_age_h = 336 # default"), "{shown}");

    let server = start(&capture, &data);
    assert_eq!(get_json(server.port, "/api/v1/summary")["budget"]["per_hour"], 8.0, "kept over a restart");
    assert_eq!(get_json(server.port, &path)["host"]["importance"], "critical");
    let (_, settings) = send(server.port, "PATCH", "/api/v1/settings", &json!({"values": {"alert.per_hour": null}}));
    assert_eq!(item(&settings, "alert.per_hour")["source"], "default", "taken back");
    assert!(server.terminate().success());
}

#[test]
fn a_rule_hides_as_many_as_were_told_and_taking_it_back_brings_them_back() {
    let dir = tempfile::tempdir().unwrap();
    let capture = support::simulate(dir.path(), "scan", "port_scan_fast,syn_flood", "2m");
    let data = dir.path().join("data");
    let server = start(&capture, &data);
    let port = server.port;
    let scan = scan(port);
    wait_for(SOON, "the end of the file", || {
        (get_json(port, "/api/v1/summary")["sources"][0]["state"] == "ended").then_some(())
    });
    let acknowledged = format!("/api/v1/incidents/{}", scan["id"].as_str().unwrap());
    assert_eq!(send(port, "PATCH", &acknowledged, &json!({"status": "acknowledged"})).0, 200);
    let before = incidents(port, "");
    let source = scan["src"][0].as_str().unwrap();
    let rule = json!({"rule": {"src": [format!("{source}/32")], "kind": ["port_scan"]}, "reason": "our own scanner"});
    let (_, preview) = send(port, "POST", "/api/v1/suppressions/preview", &rule);
    let told = preview["incidents"].as_u64().unwrap();
    assert!(told >= 1, "{preview}");
    let (status, added) = send(port, "POST", "/api/v1/suppressions", &rule);
    assert_eq!((status, added["incidents"].as_u64()), (201, Some(told)), "as many as were told before");
    let hidden = incidents(port, "status:false_positive");
    assert_eq!(hidden.len() as u64, told);
    assert!(hidden.iter().all(|i| i["kind"] == "port_scan" && i["src"] == json!([source])), "only that: {hidden:?}");
    let others = |list: &[Value]| -> Vec<String> {
        let same = list.iter().filter(|i| i["kind"] != "port_scan");
        let mut all: Vec<String> = same.map(|i| format!("{}{}", i["id"], i["status"])).collect();
        all.sort();
        all
    };
    assert_eq!(others(&incidents(port, "")), others(&before), "everything else is as it was");
    assert!(server.terminate().success());

    let server = start(&capture, &data);
    let port = server.port;
    let listed = get_json(port, "/api/v1/suppressions");
    let item = &listed["items"][0];
    assert_eq!((&item["reason"], &item["incidents"]), (&json!("our own scanner"), &json!(told)), "over a restart");
    let id = item["id"].as_u64().unwrap();
    let (status, undone) = send(port, "DELETE", &format!("/api/v1/suppressions/{id}"), &json!({}));
    assert_eq!(status, 200, "{undone}");
    let back = get_json(port, &acknowledged)["incident"].clone();
    assert_eq!((&back["status"], &back["suppressed_by"]), (&json!("acknowledged"), &Value::Null), "where it was");
    assert!(incidents(port, "status:false_positive").is_empty());
    is_problem(&send(port, "DELETE", &format!("/api/v1/suppressions/{id}"), &json!({})), 404, "no suppression");
    assert!(server.terminate().success());
}
