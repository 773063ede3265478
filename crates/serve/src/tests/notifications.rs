//! Notifications over HTTP: shapes, and that a refusal of the far side is no success.

use super::double::*;
use axum::body::Body;
use axum::http::{Request, StatusCode};

#[tokio::test]
async fn channels_are_listed_with_their_state() {
    let world = world();
    let listed = world.json("/api/v1/notifications").await;
    assert_eq!(keys(&listed), names("channels failed lost"));
    let shape = "name kind target severity_min kinds state text waiting accepted dropped failed last_accepted said \
                 last_error failures next_try";
    assert_eq!(keys(&listed["channels"][0]), names(shape));
    assert_eq!(listed["channels"][0]["state"], "failing");
}

#[tokio::test]
async fn a_test_that_was_not_accepted_is_no_success() {
    let world = world();
    let path = "/api/v1/notifications/test";
    let response = world.post(path, r#"{"channel": "admins"}"#).await;
    assert_eq!(response.status(), StatusCode::OK);
    problem(world.post(path, r#"{"channel": "down"}"#).await, 502, "refused").await;
    problem(world.post(path, r#"{"channel": "nobody"}"#).await, 404, "unknown").await;
    problem(world.post(path, r#"{"colour": 1}"#).await, 422, "no channel").await;
    problem(world.post(path, "{").await, 400, "no JSON").await;
    assert_eq!(world.post("/api/v1/notifications/retry", r#"{"channel": "admins"}"#).await.status(), StatusCode::OK);
    for path in ["/api/v1/notifications/test", "/api/v1/notifications/retry"] {
        let request = Request::post(path).header("host", "localhost").header("origin", "http://evil.example");
        let request = request.header("content-type", "application/json");
        problem(world.send(request.body(Body::from(r#"{"channel": "admins"}"#)).unwrap()).await, 403, path).await;
    }
}
