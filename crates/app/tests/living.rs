//! Models that live with time and with people, from the outside: a training that is asked for, a version put back, a false positive
//! that hides its like and can be taken back, all of it over a restart.
#![allow(clippy::unwrap_used)]

mod support;

use serde_json::{Value, json};
use std::time::Duration;
use support::http::{get_json, request};
use support::server::Server;
use support::{run, simulate, wait_for};

/// Until the demo has incidents, or a training has ended: generous, machines that test are slow.
const PATIENCE: Duration = Duration::from_mins(4);

fn demo(data_dir: &std::path::Path) -> Server {
    Server::start(&["demo", "--seed", "7", "--data-dir", data_dir.to_str().unwrap()])
}

fn models(port: u16) -> Value {
    get_json(port, "/api/v1/models")
}

fn send(port: u16, method: &str, path: &str, body: &Value) -> (u16, Value) {
    let answer = request(port, method, path, Some(&body.to_string())).unwrap();
    (answer.status, answer.json())
}

/// One training that was asked for; what the log said first about its end.
fn train(port: u16) -> Value {
    let before = models(port)["retraining"]["last"].clone();
    let (status, answer) = send(port, "POST", "/api/v1/models/retrain", &json!({}));
    assert_eq!((status, answer["state"].as_str()), (202, Some("training")), "{answer}");
    assert_eq!(send(port, "POST", "/api/v1/models/retrain", &json!({})).0, 409, "one at a time");
    wait_for(PATIENCE, "the end of the training", || {
        let now = models(port);
        (now["retraining"]["last"] != before && now["retraining"]["state"] != "training").then_some(now)
    })
}

#[test]
fn models_are_renewed_when_asked_and_can_be_put_back() {
    let dir = tempfile::tempdir().unwrap();
    let server = demo(dir.path());
    let port = server.port;
    wait_for(PATIENCE, "the models", || (models(port)["retraining"]["can_start"] == true).then_some(()));
    let first = models(port);
    assert_eq!(
        (first["version"].as_u64(), first["versions"][0]["reason"].as_str()),
        (Some(1), Some("first")),
        "{first}"
    );
    assert!(first["data"]["rows"].as_u64().unwrap() >= 500 && first["data"]["hosts"].as_u64().unwrap() > 5, "{first}");

    let after = train(port);
    let challenge = &after["challenge"];
    assert_eq!(challenge["reason"], "asked");
    assert!(challenge["challenger"]["benign"].as_u64().unwrap() >= 500, "{challenge}");
    assert!(challenge["present"]["probes"].as_u64().unwrap() >= 8, "{challenge}");
    let promoted = challenge["promoted"].as_bool().unwrap();
    eprintln!("challenge: {challenge}");
    let what = if promoted { "promoted" } else { "refused" };
    // The first models of other levels may come at any time.
    let newest = after["events"].as_array().unwrap().iter().find(|event| event["what"] != "first").unwrap();
    assert_eq!(newest["what"], what, "{}", after["events"]);
    assert_eq!(after["version"].as_u64(), Some(if promoted { 2 } else { 1 }));
    if promoted {
        let (status, back) = send(port, "POST", "/api/v1/models/rollback", &json!({"version": 1}));
        assert_eq!((status, back["version"].as_u64()), (200, Some(1)), "{back}");
        let kept: Vec<u64> = back["versions"]
            .as_array()
            .unwrap()
            .iter()
            .filter(|v| v["kind"] == "flow")
            .map(|v| v["version"].as_u64().unwrap())
            .collect();
        assert_eq!(kept, [1, 2], "none is lost");
        assert_eq!(back["events"][0]["what"], "rolled_back");
        assert_eq!(send(port, "POST", "/api/v1/models/rollback", &json!({"version": 1})).0, 409);
    }
    assert_eq!(send(port, "POST", "/api/v1/models/rollback", &json!({"version": 99})).0, 404);

    let watched = wait_for(PATIENCE, "live scores", || {
        let now = models(port);
        (now["live"]["flows"].as_u64().unwrap_or(0) > 20).then_some(now)
    });
    let sum = |list: &Value| list.as_array().unwrap().iter().map(|n| n.as_u64().unwrap()).sum::<u64>();
    let scores = &watched["live"]["scores"];
    assert_eq!(sum(&scores["ordinary"]) + sum(&scores["anomalous"]), watched["live"]["flows"].as_u64().unwrap());
    let members = watched["members"].as_array().unwrap();
    assert_eq!(
        watched["agreement"]["both"].as_array().unwrap().len(),
        watched["agreement"]["members"].as_array().unwrap().len()
    );
    assert!(members.iter().all(|m| !m["why"].as_str().unwrap().is_empty()), "{members:?}");
    assert!(server.terminate().success());
}

fn of_kind(port: u16, kind: &str, status: &str) -> Vec<Value> {
    let list = get_json(port, &format!("/api/v1/incidents?limit=500&q=kind:{kind}%20status:{status}"));
    list["items"].as_array().unwrap().clone()
}

/// A training takes the verdicts of a process that runs; where nobody has said anything, it says so.
fn labels_of_a_training(data: &std::path::Path) {
    let dir = tempfile::tempdir().unwrap();
    let capture = simulate(dir.path(), "office", "office", "2m");
    let (capture, out) = (capture.to_str().unwrap(), dir.path().join("models"));
    let train = |verdicts: &std::path::Path| {
        run(["train", capture, "--out", out.to_str().unwrap(), "--verdicts", verdicts.to_str().unwrap()])
    };
    let told = train(data).done().text();
    assert!(told.contains("people called 0 flows benign, and ") && !told.contains("and 0 attacks"), "{told}");
    let nothing = train(dir.path());
    assert!(nothing.code == Some(2) && nothing.stderr.contains("--verdicts"), "{}", nothing.stderr);
}

#[test]
fn a_false_positive_hides_its_like_outlives_a_restart_and_can_be_taken_back() {
    let dir = tempfile::tempdir().unwrap();
    let server = demo(dir.path());
    let port = server.port;
    let incident = wait_for(PATIENCE, "an incident with flows", || {
        let list = get_json(port, "/api/v1/incidents?q=status:open&limit=50");
        list["items"].as_array().unwrap().iter().find(|i| !i["flows"].as_array().unwrap().is_empty()).cloned()
    });
    let (id, kind) = (incident["id"].as_str().unwrap(), incident["kind"].as_str().unwrap());
    let path = format!("/api/v1/incidents/{id}");
    let preview = get_json(port, &format!("{path}/feedback"));
    let hides = preview["scopes"].as_array().unwrap().iter().find(|s| s["scope"] == "everywhere").unwrap().clone();
    assert!(hides["incidents"].as_u64().unwrap() >= 1, "{preview}");
    let open_before = get_json(port, "/api/v1/incidents?q=status:open")["total"].as_u64().unwrap();

    let said = json!({"feedback": {"verdict": "false_positive", "scope": "everywhere"}});
    let (status, changed) = send(port, "PATCH", &path, &said);
    assert_eq!((status, changed["status"].as_str()), (200, Some("false_positive")), "{changed}");
    assert_eq!(changed["feedback"]["scope"], "everywhere");
    let by = changed["suppressed_by"].as_u64().unwrap();
    assert!(get_json(port, "/api/v1/incidents?q=status:open")["total"].as_u64().unwrap() < open_before + 1);
    let listed = get_json(port, "/api/v1/suppressions")["items"][0].clone();
    assert_eq!((listed["id"].as_u64(), listed["active"].as_bool()), (Some(by), Some(true)), "{listed}");
    let learned = models(port)["data"]["said_benign"].as_u64().unwrap();
    wait_for(PATIENCE, "its flows among what is learned", || {
        (learned > 0 || models(port)["data"]["said_benign"].as_u64().unwrap() > 0).then_some(())
    });
    assert!(server.terminate().success());

    let server = demo(dir.path());
    let port = server.port;
    assert_eq!(get_json(port, "/api/v1/suppressions")["items"][0]["id"].as_u64(), Some(by), "forgotten over a restart");
    assert_eq!(get_json(port, &path)["incident"]["status"], "false_positive");
    let hidden = of_kind(port, kind, "false_positive").len();
    assert!(hidden >= 1);
    let (status, undone) = send(port, "DELETE", &format!("/api/v1/suppressions/{by}"), &json!({}));
    assert_eq!(status, 200, "{undone}");
    assert!(undone["incidents"].as_u64().unwrap() >= 1, "{undone}");
    let back = get_json(port, &path)["incident"].clone();
    assert_eq!(back["status"], incident["status"], "{back}");
    assert!(back.get("feedback").is_none() && back.get("suppressed_by").is_none(), "{back}");
    assert_eq!(get_json(port, "/api/v1/suppressions")["items"].as_array().unwrap().len(), 0);
    assert_eq!(send(port, "DELETE", &format!("/api/v1/suppressions/{by}"), &json!({})).0, 404);

    let (status, attack) = send(port, "PATCH", &path, &json!({"feedback": "true_positive"}));
    assert_eq!((status, attack["feedback"]["verdict"].as_str()), (200, Some("true_positive")), "{attack}");
    wait_for(PATIENCE, "the attack is kept", || (models(port)["data"]["pinned"].as_u64() == Some(1)).then_some(()));
    let questions = get_json(port, "/api/v1/models/questions");
    assert_eq!(
        (questions["per_day"].as_u64(), questions["answered_today"].as_u64()),
        (Some(5), Some(1)),
        "{questions}"
    );
    let asked = questions["items"].as_array().unwrap();
    assert!(
        asked.len() <= 4 && asked.iter().all(|q| q["incident"]["id"] != *id),
        "what is judged is not asked: {questions}"
    );
    labels_of_a_training(dir.path());
    assert_eq!(send(port, "PATCH", &path, &json!({"feedback": "none"})).0, 200);
    assert_eq!(send(port, "PATCH", &path, &json!({"feedback": "none"})).0, 409, "there is nothing left to take back");
    assert!(server.terminate().success());
}
