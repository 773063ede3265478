//! A model of a user's own handed to the running program, as a page or curl does it: it answers, is calibrated on what the program has
//! seen or waits in shadow, outlives a restart, and what does not fit is refused in words and changes nothing.
#![allow(clippy::unwrap_used)]

mod support;

use serde_json::{Value, json};
use std::fs;
use std::time::Duration;
use support::http::{Answer, get_json, request, send_form};
use support::server::Server;
use support::{simulate, wait_for};

const PATIENCE: Duration = Duration::from_mins(4);
const PATH: &str = "/api/v1/models/import";
const ONNX: &[u8] = include_bytes!("../../detect/src/imported/fixtures/isolation_forest.onnx");
const MANIFEST: &str = "name = \"my_forest\"\nmeaning = \"lower_is_stranger\"\nvalues = \"natural\"\n\
    features = [\"duration_ms\", \"forward_packets\", \"backward_packets\", \"forward_bytes\", \"backward_bytes\", \"subflows\"]\n";

fn models(port: u16) -> Value {
    get_json(port, "/api/v1/models")
}

/// The models once they judge.
fn ready(port: u16) -> Value {
    wait_for(PATIENCE, "the models", || {
        let now = models(port);
        let judging = now["can_import"] == true && now["versions"][0].is_object();
        (judging && now["retraining"]["state"] != "training").then_some(now)
    })
}

fn import(port: u16, onnx: &[u8], manifest: &str) -> Answer {
    send_form(port, PATH, &[("file", "my_forest.onnx", onnx), ("file", "my_forest.toml", manifest.as_bytes())])
}

fn member(models: &Value) -> Value {
    let members = models["members"].as_array().unwrap();
    members.iter().find(|member| member["name"] == "my_forest").cloned().unwrap_or_default()
}

#[test]
fn a_model_is_calibrated_on_what_was_seen_and_what_does_not_fit_changes_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(&["demo", "--seed", "7", "--data-dir", dir.path().to_str().unwrap()]);
    let port = server.port;
    let before = ready(port);
    let good = "name = \"my_forest\"\nmeaning = \"lower_is_stranger\"\n";
    for (onnx, manifest, words) in [
        (&ONNX[..4_000], MANIFEST, "my_forest.onnx: imported model my_forest"),
        (ONNX, "name = \"my_forest\"\n", "manifest my_forest.toml"),
        (ONNX, good, "the file reads 6 columns"),
        (ONNX, &format!("{good}features = [\"colour\"]\n"), "feature colour is not in schema"),
        (ONNX, &MANIFEST.replace("my_forest", "loda"), "has this name"),
        (b"not a model", MANIFEST, "my_forest.onnx"),
    ] {
        let answer = import(port, onnx, manifest);
        assert_eq!(answer.status, 422, "{}", answer.text());
        assert!(answer.json()["detail"].as_str().unwrap().contains(words), "{words}: {}", answer.text());
    }
    assert_eq!(models(port)["version"], before["version"], "a refused model changes nothing");

    let answer = import(port, ONNX, MANIFEST);
    assert_eq!(answer.status, 200, "{}", answer.text());
    let after = answer.json();
    let (old, new) = (before["version"].as_u64().unwrap(), after["version"].as_u64().unwrap());
    assert_eq!((new, after["versions"][0]["reason"].as_str()), (old + 1, Some("import")), "{after}");
    let standing = member(&after)["imported"].clone();
    assert!(["votes", "no_vote"].contains(&standing.as_str().unwrap()), "calibrated at once: {}", member(&after));
    assert_eq!(after["events"][0]["what"], "imported");
    assert!(server.log().contains("my_forest was imported from my_forest.onnx"), "{}", server.log());
    assert!(member(&models(port))["weight_bytes"].as_u64().unwrap() > 1_000);

    let back = request(port, "POST", "/api/v1/models/rollback", Some(&json!({"version": old}).to_string())).unwrap();
    assert_eq!((back.status, member(&back.json())), (200, Value::Null), "the version before has no guest");
    assert!(server.terminate().success());
}

#[test]
fn a_model_in_shadow_outlives_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    let capture = simulate(dir.path(), "office", "office", "2m");
    let data = dir.path().join("data");
    let arguments = ["run", "-r", capture.to_str().unwrap(), "--speed", "max", "--data-dir", data.to_str().unwrap()];
    let server = Server::start(&arguments);
    ready(server.port);
    let answer = import(server.port, ONNX, MANIFEST);
    assert_eq!(answer.status, 200, "{}", answer.text());
    let shadow = member(&answer.json());
    assert_eq!((shadow["imported"].as_str(), shadow["admitted"].as_bool()), (Some("shadow"), Some(false)), "{shadow}");
    assert!(shadow["why"].as_str().unwrap().starts_with("In shadow"), "{shadow}");
    let kept = fs::read(data.join("flow.model")).unwrap();
    assert!(server.terminate().success());

    let server = Server::start(&arguments);
    let again = ready(server.port);
    assert_eq!(member(&again)["imported"], "shadow", "forgotten over a restart: {again}");
    assert_eq!(again["versions"][0]["reason"], "import");
    assert!(fs::read(data.join("flow.model")).unwrap() == kept, "reading it changes nothing");
    assert!(server.terminate().success());
}
