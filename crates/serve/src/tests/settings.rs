//! What people set: hosts, rules, settings, presets; and that each refusal says why.

use super::double::*;
use serde_json::{Value, json};

async fn ok(response: axum::http::Response<axum::body::Body>, status: u16) -> Value {
    let found = response.status().as_u16();
    let text = text(response).await;
    assert_eq!(found, status, "{text}");
    serde_json::from_str(&text).unwrap()
}

#[tokio::test]
async fn a_host_is_said_to_matter() {
    let world = world();
    let path = "/api/v1/hosts/10.0.0.1";
    let row = ok(world.patch(path, r#"{"importance": "critical", "label": " The shop "}"#).await, 200).await;
    assert_eq!(
        (&row["importance"], &row["label"], &row["ip"]),
        (&json!("critical"), &json!("The shop"), &json!("10.0.0.1"))
    );
    let list = world.json("/api/v1/hosts?q=importance:critical&sort=risk").await;
    assert_eq!(
        (&list["total"], &list["items"][0]["incidents_open"], &list["items"][0]["worst"]),
        (&json!(1), &json!(2), &json!("high"))
    );
    assert_eq!(list["items"][0]["risk"], 87, "(55 + 3) · 1.5");
    for (path, body, status) in [
        (path, "{}", 400),
        (path, r#"{"importance": "huge"}"#, 422),
        (path, r#"{"nothing": 1}"#, 422),
        (path, "{", 400),
        ("/api/v1/hosts/10.9.9.9", r#"{"label": "x"}"#, 404),
        ("/api/v1/hosts/nowhere", r#"{"label": "x"}"#, 400),
    ] {
        problem(world.patch(path, body).await, status, body).await;
    }
    let long = json!({ "label": "x".repeat(129) }).to_string();
    assert!(problem(world.patch(path, &long).await, 400, "long").await["detail"].as_str().unwrap().contains("128"));
    problem(world.get("/api/v1/hosts?sort=size").await, 400, "sort").await;
    assert_eq!(keys(&world.json("/api/v1/hosts/10.0.0.1/course").await), names("fine coarse usual usual_days"));
}

#[tokio::test]
async fn a_rule_is_previewed_given_and_refused() {
    let world = world();
    let rule = json!({"rule": {"src": ["10.0.0.0/8"], "kind": ["beacon"]}, "reason": "backup"});
    let preview = ok(world.post("/api/v1/suppressions/preview", &rule.to_string()).await, 200).await;
    assert_eq!((preview["incidents"].as_u64(), preview["alerts"].as_u64()), (Some(3), Some(9)));
    let added = ok(world.post("/api/v1/suppressions", &rule.to_string()).await, 201).await;
    assert_eq!((&added["rule"]["src"], &added["reason"]), (&json!(["10.0.0.0/8"]), &json!("backup")));
    for (body, status) in [
        (json!({"rule": {"src": ["10.0.0.0/8"]}}), 400),
        (json!({"rule": {"src": ["10.0.0.0/99"]}, "reason": "x"}), 422),
        (json!({"rule": {"sorce": []}, "reason": "x"}), 422),
        (json!({"rule": {}, "reason": "x"}), 422),
        (json!({"rule": {"dest_port": [22]}, "reason": "x", "until": "2001-01-01T00:00:00Z"}), 400),
    ] {
        problem(world.post("/api/v1/suppressions", &body.to_string()).await, status, &body.to_string()).await;
    }
}

#[tokio::test]
async fn settings_are_shown_changed_and_refused() {
    let world = world();
    assert_eq!(world.json("/api/v1/settings").await["items"][0]["key"], "alert.per_hour");
    assert_eq!(world.json("/api/v1/presets").await["items"][0]["changes"][0]["to"], 2.0);
    ok(world.patch("/api/v1/settings", r#"{"values": {"alert.per_hour": 2}}"#).await, 200).await;
    ok(world.patch("/api/v1/settings", r#"{"preset": "home"}"#).await, 200).await;
    for (body, status) in [
        ("{}", 400),
        (r#"{"preset": "moon"}"#, 404),
        (r#"{"values": {"serve.listen": 1}}"#, 409),
        (r#"{"values": {"alert.per_hour": "x"}}"#, 422),
        (r#"{"value": {}}"#, 422),
    ] {
        problem(world.patch("/api/v1/settings", body).await, status, body).await;
    }
}

#[tokio::test]
async fn a_change_is_previewed_and_the_first_questions_are_answered() {
    let world = world();
    let preview = |body: &'static str| world.post("/api/v1/settings/preview", body);
    let answer = ok(preview(r#"{"values": {"alert.per_hour": "x"}}"#).await, 200).await;
    assert_eq!(answer["wrong"][0]["key"], "alert.per_hour");
    assert!(answer["difference"].as_str().unwrap().contains("per_hour"));
    problem(preview("{}").await, 400, "nothing").await;
    let setup = world.json("/api/v1/setup").await;
    assert_eq!((&setup["needed"], &setup["user_needed"]), (&json!(true), &json!(true)));
    let words = ok(world.post("/api/v1/setup/preview", r#"{"preset": "home"}"#).await, 200).await;
    assert_eq!(words["words"][0], "eth0 is watched.");
    ok(world.post("/api/v1/setup", r#"{"skip": true}"#).await, 200).await;
    for (path, body, status) in [
        ("/api/v1/setup/preview", r#"{"preset": "moon"}"#, 404),
        ("/api/v1/setup", r#"{"version": "old"}"#, 409),
        ("/api/v1/setup", r#"{"interface": []}"#, 422),
        ("/api/v1/setup/restart", "{}", 409),
    ] {
        problem(world.post(path, body).await, status, path).await;
    }
}
