//! The models' endpoints and what people say of detections: shapes, refusals, and who may ask.

use super::double::*;
use axum::body::Body;
use axum::http::{Request, StatusCode};

#[tokio::test]
async fn feedback_is_a_word_or_all_of_it_and_can_be_taken_back() {
    let world = world();
    let path = format!("/api/v1/incidents/{}", incident(1).id);
    for (body, verdict, scope) in [
        (r#"{"feedback": "true_positive"}"#, "true_positive", None),
        (
            r#"{"feedback": {"verdict": "false_positive", "scope": "everywhere", "until": "2099-01-01T00:00:00Z"}}"#,
            "false_positive",
            Some("everywhere"),
        ),
    ] {
        let response = world.patch(&path, body).await;
        assert_eq!(response.status(), StatusCode::OK, "{body}");
        let kept = world.json(&path).await["incident"]["feedback"].clone();
        assert_eq!(kept["verdict"], verdict, "{body}");
        assert_eq!(kept["scope"].as_str(), scope, "{body}");
    }
    assert_eq!(world.patch(&path, r#"{"feedback": "none"}"#).await.status(), StatusCode::OK);
    assert!(world.json(&path).await["incident"].get("feedback").is_none());
    for (body, status) in [
        (r#"{"feedback": "who knows"}"#, 400),
        (r#"{"feedback": {"verdict": "true_positive", "scope": "pair"}}"#, 400),
        (r#"{"feedback": {"verdict": "false_positive", "until": "1999-01-01T00:00:00Z"}}"#, 400),
        (r#"{"feedback": {"verdict": "wrong"}}"#, 422),
        (r#"{"feedback": {"verdict": "false_positive", "colour": 1}}"#, 422),
    ] {
        problem(world.patch(&path, body).await, status, body).await;
    }
    problem(world.patch("/api/v1/incidents/none", r#"{"feedback": "true_positive"}"#).await, 404, "none").await;
}

#[tokio::test]
async fn a_scope_is_shown_before_it_is_given() {
    let world = world();
    let preview = world.json(&format!("/api/v1/incidents/{}/feedback", incident(1).id)).await;
    assert_eq!(keys(&preview["scopes"][0]), names("scope text incidents alerts"));
    world.problem("/api/v1/incidents/none/feedback", 404).await;
}

#[tokio::test]
async fn what_to_ask_today_names_whole_incidents() {
    let questions = world().json("/api/v1/models/questions").await;
    assert_eq!(keys(&questions), names("per_day answered_today items"));
    assert_eq!(keys(&questions["items"][0]), names("incident doubt text"));
    assert_eq!(questions["items"][0]["incident"]["id"], incident(1).id);
}

#[tokio::test]
async fn suppressions_are_listed_and_undone() {
    let world = world();
    let listed = world.json("/api/v1/suppressions").await;
    let shape = "id incident kind scope src dest dest_port features created until text title active incidents \
                 rule reason";
    assert_eq!(keys(&listed["items"][0]), names(shape));
    assert_eq!(world.delete("/api/v1/suppressions/7").await.status(), StatusCode::OK);
    problem(world.delete("/api/v1/suppressions/8").await, 404, "unknown").await;
    problem(world.delete("/api/v1/suppressions/x").await, 400, "no number").await;
}

#[tokio::test]
async fn models_are_renewed_and_put_back_only_from_here() {
    let world = world();
    problem(world.post("/api/v1/models/retrain", "").await, 409, "busy").await;
    assert_eq!(world.post("/api/v1/models/rollback", r#"{"version": 2}"#).await.status(), StatusCode::OK);
    let packet = r#"{"version": 2, "kind": "packet"}"#;
    problem(world.post("/api/v1/models/rollback", packet).await, 404, "another kind").await;
    problem(world.post("/api/v1/models/rollback", r#"{"version": 9}"#).await, 404, "not kept").await;
    problem(world.post("/api/v1/models/rollback", r#"{"version": "x"}"#).await, 422, "no number").await;
    problem(world.post("/api/v1/models/rollback", "{").await, 400, "no JSON").await;
    for path in ["/api/v1/models/retrain", "/api/v1/models/rollback"] {
        let request = Request::post(path).header("host", "localhost").header("origin", "http://evil.example");
        problem(world.send(request.body(Body::from(r#"{"version": 2}"#)).unwrap()).await, 403, path).await;
    }
    let request = Request::delete("/api/v1/suppressions/7").header("host", "localhost");
    let request = request.header("sec-fetch-site", "cross-site").body(Body::empty()).unwrap();
    problem(world.send(request).await, 403, "cross-site").await;
}
