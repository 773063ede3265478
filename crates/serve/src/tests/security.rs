//! Who may ask, what every answer carries, and what the page's paths answer.

use super::double::*;
use axum::body::Body;
use axum::http::{Request, StatusCode};

#[tokio::test]
async fn foreign_host_names_are_refused() {
    let mut world = world();
    let ask = |host: &str| Request::get("/api/v1/summary").header("host", host).body(Body::empty()).unwrap();
    for host in ["localhost:7070", "127.0.0.1:7070", "[::1]:7070"] {
        assert_eq!(world.send(ask(host)).await.status(), StatusCode::OK, "{host}");
    }
    problem(world.send(ask("rebound.example:7070")).await, 421, "rebound").await;
    problem(world.send(Request::get("/").body(Body::empty()).unwrap()).await, 400, "no host").await;
    let mut config = (*world.state.config).clone();
    config.host_names = vec!["rebound.example".into()];
    world.state.config = config.into();
    assert_eq!(world.send(ask("rebound.example:7070")).await.status(), StatusCode::OK);
}

#[tokio::test]
async fn other_sites_change_nothing() {
    let world = world();
    let path = format!("/api/v1/incidents/{}", incident(1).id);
    for (name, value, status) in [
        ("origin", "http://evil.example", 403),
        ("origin", "null", 403),
        ("sec-fetch-site", "cross-site", 403),
        ("sec-fetch-site", "same-site", 403),
        ("origin", "http://localhost:9999", 403),
        ("origin", "http://localhost:7070", 200),
        ("sec-fetch-site", "same-origin", 200),
        ("x-none", "x", 200),
    ] {
        let request = Request::patch(&path)
            .header("host", "localhost:7070")
            .header("content-type", "application/json")
            .header(name, value)
            .body(Body::from(r#"{"note": "x"}"#))
            .unwrap();
        assert_eq!(world.send(request).await.status().as_u16(), status, "{name}: {value}");
    }
    // A form of another site can send text without asking; it is not taken for JSON.
    let form = Request::patch(&path).header("host", "localhost").header("content-type", "text/plain");
    problem(world.send(form.body(Body::from(r#"{"note": "x"}"#)).unwrap()).await, 415, "text").await;
}

#[tokio::test]
async fn every_answer_carries_its_headers() {
    let world = world();
    for path in ["/", "/api/v1/summary", "/nothing.js", "/metrics", "/api/v1/flows?q=x:1"] {
        let response = world.get(path).await;
        let policy = response.headers()["content-security-policy"].to_str().unwrap();
        assert!(policy.contains("default-src 'self'") && policy.contains("frame-ancestors 'none'"), "{path}");
        assert!(!policy.contains("script-src"), "{path}: scripts are our own files only");
        assert_eq!(response.headers()["x-content-type-options"], "nosniff", "{path}");
        assert_eq!(response.headers()["referrer-policy"], "no-referrer", "{path}");
        if path.starts_with("/api/") {
            assert_eq!(response.headers()["cache-control"], "no-store", "{path}");
        }
    }
}

#[tokio::test]
async fn unknown_paths_and_methods_are_problems() {
    let world = world();
    for path in ["/api/v1/nothing", "/api/", "/api/v2/flows", "/missing.js", "/assets/missing.css", "/../Cargo.toml"] {
        world.problem(path, 404).await;
    }
    for (method, path) in
        [("POST", "/api/v1/flows"), ("DELETE", "/api/v1/incidents/1"), ("POST", "/incidents"), ("PUT", "/metrics")]
    {
        let request =
            Request::builder().method(method).uri(path).header("host", "localhost").body(Body::empty()).unwrap();
        problem(world.send(request).await, 405, path).await;
    }
}

#[tokio::test]
async fn the_page_answers_on_its_own_paths() {
    let world = world();
    let index = world.get("/").await;
    assert_eq!((index.status(), &index.headers()["cache-control"]), (StatusCode::OK, &"no-cache".parse().unwrap()));
    let tag = index.headers()["etag"].clone();
    let page = text(index).await;
    assert!(page.contains("<title>Tripline"), "{page}");
    assert!(!page.contains("<script>"), "the policy forbids scripts inside the page");
    for path in ["/incidents?q=kind:dga", "/flows", "/hosts/10.0.0.1/x", "/index.html"] {
        let response = world.get(path).await;
        let wanted = path != "/hosts/10.0.0.1/x" || response.status() == StatusCode::OK;
        assert!(wanted && text(response).await == page, "{path}");
    }
    let again = Request::get("/").header("host", "localhost").header("if-none-match", tag).body(Body::empty()).unwrap();
    assert_eq!(world.send(again).await.status(), StatusCode::NOT_MODIFIED);
    for file in page.split('"').filter(|f| f.starts_with("/assets/")) {
        let response = world.get(file).await;
        assert_eq!(response.status(), StatusCode::OK, "{file}");
        assert!(response.headers()["cache-control"].to_str().unwrap().contains("immutable"), "{file}");
    }
}

#[tokio::test]
async fn large_answers_are_compressed_and_streams_are_not() {
    let world = world();
    let ask = |path: &str| {
        Request::get(path).header("host", "localhost").header("accept-encoding", "gzip").body(Body::empty()).unwrap()
    };
    let flows = world.send(ask("/api/v1/flows")).await;
    assert_eq!(flows.headers()["content-encoding"], "gzip");
    assert!(bytes(flows).await.starts_with(&[0x1f, 0x8b]));
    assert!(!world.send(ask("/api/v1/live")).await.headers().contains_key("content-encoding"));
}
