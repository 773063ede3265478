//! Coming in and going: log-in, sessions, lock-out, tokens, the first user, a proxy's word, the audit log.

use super::double::*;
use crate::Auth;
use axum::body::Body;
use axum::http::{Method, Request, Response, StatusCode};
use record::Timestamp;
use serde_json::{Value, json};
use std::sync::Arc;
use store::access::{NewToken, Role, User};

/// Hashed once: hashing is slow on purpose.
fn hashed() -> &'static str {
    static HASH: std::sync::OnceLock<String> = std::sync::OnceLock::new();
    HASH.get_or_init(|| crate::auth::hash_password(ann().1).unwrap())
}

/// Name and password of the admin.
pub(super) fn ann() -> (&'static str, &'static str) {
    ("ann", "correct horse battery")
}

/// Whoever asks.
pub(super) enum Caller {
    Nobody,
    Session { cookie: String, csrf: String },
    Elsewhere { cookie: String, csrf: String },
    Token(String),
}

/// Asks as somebody, from another machine.
pub(super) async fn send(world: &World, method: &Method, path: &str, caller: &Caller) -> Response<Body> {
    let mut request = Request::builder().method(method).uri(path).header("host", "192.0.2.1:7070");
    let body = if *method == Method::GET { Body::empty() } else { Body::from("{}") };
    request = match caller {
        Caller::Nobody => request,
        Caller::Token(token) => request.header("authorization", format!("Bearer {token}")),
        Caller::Session { cookie, csrf } => request.header("cookie", cookie).header("x-tripline-csrf", csrf),
        Caller::Elsewhere { cookie, csrf } => {
            request.header("cookie", cookie).header("x-tripline-csrf", csrf).header("origin", "http://evil.example")
        }
    };
    let mut request = request.header("content-type", "application/json").body(body).unwrap();
    request.extensions_mut().insert(from("192.0.2.7"));
    world.send(request).await
}

pub(super) fn add(world: &World, name: &str, role: Role) {
    let user = User {
        name: name.to_owned(),
        role,
        password: Some(hashed().to_owned()),
        origin: "password".to_owned(),
        subject: None,
        created: Timestamp(1),
        changed: Timestamp(1),
        login: None,
    };
    world.access.add_user(&user, false).unwrap();
}

fn login_request(ip: &str, name: &str, password: &str, cookie: Option<&str>) -> Request<Body> {
    let mut request =
        Request::post("/api/v1/login").header("host", "localhost").header("content-type", "application/json");
    if let Some(cookie) = cookie {
        request = request.header("cookie", cookie);
    }
    let mut request = request.body(Body::from(json!({"name": name, "password": password}).to_string())).unwrap();
    request.extensions_mut().insert(from(ip));
    request
}

/// Status, cookie as it is sent back, and the answer.
async fn login(world: &World, ip: &str, name: &str, password: &str, cookie: Option<&str>) -> (u16, String, Value) {
    let response = world.send(login_request(ip, name, password, cookie)).await;
    let status = response.status().as_u16();
    let set = response.headers().get("set-cookie").map_or("", |v| v.to_str().unwrap()).to_owned();
    let kept = set.split(';').next().unwrap_or_default().to_owned();
    if status == 200 {
        for part in ["Path=/", "HttpOnly", "SameSite=Strict", "Max-Age=604800"] {
            assert!(set.contains(part), "{set}");
        }
    }
    (status, kept, serde_json::from_str(&text(response).await).unwrap())
}

/// A user of each role, logged in: role, cookie, csrf.
pub(super) async fn guarded(world: &World) -> Vec<(Role, String, String)> {
    let mut all = Vec::new();
    for role in [Role::Admin, Role::Analyst, Role::Viewer] {
        let name = if role == Role::Admin { ann().0 } else { role.name() };
        add(world, name, role);
        let (status, cookie, view) = login(world, "127.0.0.1", name, ann().1, None).await;
        assert_eq!((status, view["role"].as_str()), (200, Some(role.name())));
        all.push((role, cookie, view["csrf"].as_str().unwrap().to_owned()));
    }
    all
}

fn as_admin(callers: &[(Role, String, String)]) -> Caller {
    Caller::Session { cookie: callers[0].1.clone(), csrf: callers[0].2.clone() }
}

async fn ask(world: &World, method: &str, path: &str, caller: &Caller, body: &Value) -> (u16, Value) {
    let Caller::Session { cookie, csrf } = caller else { panic!("a session") };
    let request = Request::builder().method(method).uri(path).header("host", "localhost");
    let (request, body) =
        (request.header("content-type", "application/json").header("cookie", cookie), body.to_string());
    let request = request.header("content-length", body.len()).header("x-tripline-csrf", csrf);
    let response = world.send(request.body(Body::from(body)).unwrap()).await;
    let status = response.status().as_u16();
    (status, serde_json::from_str(&text(response).await).unwrap_or(Value::Null))
}

#[tokio::test]
async fn without_users_this_machine_alone_is_let_in() {
    let world = world();
    assert_eq!(world.get("/api/v1/summary").await.status(), StatusCode::OK);
    let view = world.json("/api/v1/session").await;
    assert_eq!((&view["user"], &view["role"], &view["csrf"]), (&Value::Null, &json!("admin"), &Value::Null));
    for (ip, header) in [("192.0.2.7", "x-none"), ("::ffff:10.0.0.9", "x-none"), ("127.0.0.1", "x-forwarded-for")] {
        let request = Request::get("/api/v1/summary").header("host", "localhost").header(header, "127.0.0.1");
        let mut request = request.body(Body::empty()).unwrap();
        request.extensions_mut().insert(from(ip));
        let said = problem(world.send(request).await, 403, ip).await;
        assert!(said["detail"].as_str().unwrap().contains("tripline user add"), "{said}");
    }
}

#[tokio::test]
async fn the_first_user_is_made_once_and_then_everybody_logs_in() {
    let world = world();
    let body = json!({"name": "ann", "password": ann().1}).to_string();
    problem(world.post("/api/v1/setup/user", r#"{"name": "ann", "password": "short"}"#).await, 400, "short").await;
    problem(world.post("/api/v1/setup/user", r#"{"name": "<b>", "password": "correct horse"}"#).await, 400, "name")
        .await;
    problem(world.post("/api/v1/users", &json!({"name": "bob", "role": "viewer"}).to_string()).await, 409, "no admin")
        .await;
    let made = world.post("/api/v1/setup/user", &body).await;
    assert_eq!(made.status(), StatusCode::CREATED);
    let cookie = made.headers()["set-cookie"].to_str().unwrap().split(';').next().unwrap().to_owned();
    problem(world.post("/api/v1/setup/user", &body).await, 401, "twice").await;
    world.problem("/api/v1/summary", 401).await;
    world.problem("/metrics", 401).await;
    world.problem("/openapi.json", 401).await;
    world.problem("/readyz", 401).await;
    assert_eq!(world.get("/healthz").await.status(), StatusCode::OK);
    assert_eq!(text(world.get("/healthz?ready=true").await).await, "ready\n");
    let request = Request::get("/api/v1/summary").header("host", "localhost").header("cookie", cookie);
    assert_eq!(world.send(request.body(Body::empty()).unwrap()).await.status(), StatusCode::OK);
}

#[tokio::test]
async fn the_log_in_page_is_all_that_strangers_see() {
    let world = world();
    add(&world, "ann", Role::Admin);
    for path in ["/login", "/login.css", "/login.js", "/tripline.svg"] {
        let response = world.get(path).await;
        assert_eq!(response.status(), StatusCode::OK, "{path}");
        if path != "/tripline.svg" {
            let policy = response.headers()["content-security-policy"].to_str().unwrap();
            assert!(policy.contains("default-src 'none'") && !policy.contains("unsafe"), "{policy}");
        }
    }
    let page = text(world.get("/login").await).await;
    assert!(
        page.contains("/login.js") && !page.contains("<script>") && !page.contains("style=") && !page.contains("oidc")
    );
    for path in [
        "/index.html",
        "/assets/x.js",
        "/flows",
        "/nothing.js",
        "/licenses.txt",
        "/login/../index.html",
        "/login%2f..%2findex.html",
    ] {
        world.problem(path, 401).await;
    }
    let request = Request::get("/flows?q=app:dns&x=1").header("host", "localhost").header("accept", "text/html,*/*");
    let led = world.send(request.body(Body::empty()).unwrap()).await;
    assert_eq!(led.status(), StatusCode::SEE_OTHER);
    assert_eq!(led.headers()["location"], "/login?next=/flows%3Fq%3Dapp%3Adns%26x%3D1");
}

#[tokio::test]
async fn a_session_is_always_a_new_one() {
    let world = world();
    add(&world, "ann", Role::Admin);
    // Planted by somebody before the log-in.
    let planted = "tripline=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
    let (status, cookie, _) = login(&world, "127.0.0.1", "ann", ann().1, Some(planted)).await;
    assert!(status == 200 && cookie != planted);
    let holds = async |cookie: &str| {
        let request = Request::get("/api/v1/session").header("host", "localhost").header("cookie", cookie);
        world.send(request.body(Body::empty()).unwrap()).await.status() == StatusCode::OK
    };
    assert!(holds(&cookie).await && !holds(planted).await);
    // The session of an attacker, put under a victim's log-in: it ends, and gains nothing.
    let (_, next, _) = login(&world, "127.0.0.1", "ann", ann().1, Some(&cookie)).await;
    assert!(next != cookie && holds(&next).await && !holds(&cookie).await);
    assert!(!holds(&format!("{next}; {planted}")).await, "two cookies of the name");
}

#[tokio::test]
async fn sessions_end_with_log_out_password_and_role() {
    let world = world();
    let callers = guarded(&world).await;
    let admin = as_admin(&callers);
    let (viewer, csrf) = (callers[2].1.clone(), callers[2].2.clone());
    let old = Caller::Session { cookie: viewer.clone(), csrf: csrf.clone() };
    let wrong = json!({"current": "wrong wrong wrong", "password": "another horse battery"});
    assert_eq!(ask(&world, "POST", "/api/v1/session/password", &old, &wrong).await.0, 403);
    let right = json!({"current": ann().1, "password": "another horse battery"});
    let (status, view) = ask(&world, "POST", "/api/v1/session/password", &old, &right).await;
    assert_eq!((status, view["user"].as_str()), (200, Some("viewer")));
    assert_eq!(ask(&world, "GET", "/api/v1/session", &old, &Value::Null).await.0, 401, "the session until now");
    assert_eq!(login(&world, "127.0.0.1", "viewer", ann().1, None).await.0, 401, "the password until now");
    let (_, cookie, view) = login(&world, "127.0.0.1", "viewer", "another horse battery", None).await;
    let now = Caller::Session { cookie, csrf: view["csrf"].as_str().unwrap().to_owned() };
    assert_eq!(ask(&world, "PATCH", "/api/v1/users/viewer", &admin, &json!({"role": "analyst"})).await.0, 200);
    assert_eq!(ask(&world, "GET", "/api/v1/session", &now, &Value::Null).await.0, 401, "another role");
    assert_eq!(ask(&world, "DELETE", "/api/v1/users/ann", &admin, &Value::Null).await.0, 409, "oneself");
    let analyst = Caller::Session { cookie: callers[1].1.clone(), csrf: callers[1].2.clone() };
    assert_eq!(ask(&world, "DELETE", "/api/v1/users/analyst", &admin, &Value::Null).await.0, 204);
    assert_eq!(ask(&world, "GET", "/api/v1/session", &analyst, &Value::Null).await.0, 401, "removed");
    assert_eq!(ask(&world, "POST", "/api/v1/logout", &admin, &Value::Null).await.0, 204);
    assert_eq!(ask(&world, "GET", "/api/v1/session", &admin, &Value::Null).await.0, 401, "logged out");
}

#[tokio::test]
async fn wrong_passwords_lock_an_address_out_and_tell_nothing() {
    let world = world();
    add(&world, "ann", Role::Admin);
    let mut said = std::collections::BTreeSet::new();
    for name in ["ann", "nobody", "ann", "nobody"] {
        let (status, _, answer) = login(&world, "192.0.2.66", name, "wrong wrong wrong", None).await;
        said.insert((status, answer.to_string()));
    }
    assert_eq!(said.len(), 1, "a user that there is and one that there is not: {said:?}");
    let mut turned_away = 0;
    for _ in 0..500 {
        turned_away += u32::from(login(&world, "192.0.2.66", "ann", "wrong wrong wrong", None).await.0 == 429);
    }
    assert!(turned_away > 490, "{turned_away} of 500");
    let response = world.send(login_request("192.0.2.66", "ann", ann().1, None)).await;
    assert!(response.headers().contains_key("retry-after"));
    problem(response, 429, "the right password too").await;
    assert_eq!(login(&world, "192.0.2.1", "ann", ann().1, None).await.0, 200, "from elsewhere");
    let rows = world.access.audit_rows(&store::access::AuditQuery { before: None, about: "", limit: 500 }).unwrap();
    assert!(rows.len() < 20, "{} rows of a flood", rows.len());
    assert!(rows[0].done && rows[1].text.contains("wait") && !rows.iter().any(|row| row.text.contains("wrong wrong")));
    let long = "x".repeat(300);
    problem(world.send(login_request("192.0.2.2", "ann", &long, None)).await, 400, "long").await;
}

#[tokio::test]
async fn tokens_have_a_scope_and_an_end() {
    let world = world();
    let callers = guarded(&world).await;
    let admin = as_admin(&callers);
    let given = json!({"name": "scrape", "role": "admin", "read_only": true, "days": 30});
    let (status, made) = ask(&world, "POST", "/api/v1/tokens", &admin, &given).await;
    let secret = made["secret"].as_str().unwrap().to_owned();
    assert!(status == 201 && secret.starts_with("tl_") && made["token"]["ends"].is_string(), "{made}");
    let token = Caller::Token(secret.clone());
    assert_eq!(send(&world, &Method::GET, "/metrics", &token).await.status(), StatusCode::OK);
    let refused = problem(send(&world, &Method::POST, "/api/v1/models/retrain", &token).await, 403, "reads").await;
    assert!(refused["detail"].as_str().unwrap().contains("only read"), "{refused}");
    let (_, list) = ask(&world, "GET", "/api/v1/tokens", &admin, &Value::Null).await;
    assert!(list["items"][0]["used"].is_string() && !list.to_string().contains(&secret[3..]), "{list}");
    assert_eq!(ask(&world, "DELETE", "/api/v1/tokens/scrape", &admin, &Value::Null).await.0, 204);
    problem(send(&world, &Method::GET, "/metrics", &token).await, 401, "revoked").await;
    let ended = NewToken {
        hash: crate::auth::secret_hash("tl_ended"),
        name: "ended",
        role: Role::Admin,
        read_only: false,
        creator: "ann",
        created: Timestamp(0),
        ends: Some(Timestamp(1)),
    };
    world.access.add_token(&ended).unwrap();
    problem(send(&world, &Method::GET, "/metrics", &Caller::Token("tl_ended".into())).await, 401, "its end").await;
    let bad = json!({"name": "x", "role": "viewer", "days": 0});
    assert_eq!(ask(&world, "POST", "/api/v1/tokens", &admin, &bad).await.0, 400);
}

#[tokio::test]
async fn a_proxy_is_believed_when_it_is_listed() {
    let mut world = world();
    let mut config = (*world.state.config).clone();
    config.proxy.trusted = vec!["192.0.2.10".into()];
    config.proxy.user_header = "X-Remote-User".into();
    config.proxy.roles = vec!["carol=analyst".into()];
    config.check().unwrap();
    world.state.auth = Arc::new(Auth::new(Arc::clone(&world.access), &config).unwrap());
    world.state.config = config.into();
    let ask = |ip: &str, name: &str| {
        let request = Request::get("/api/v1/session").header("host", "localhost").header("x-remote-user", name);
        let mut request = request.body(Body::empty()).unwrap();
        request.extensions_mut().insert(from(ip));
        request
    };
    for stranger in ["192.0.2.11", "127.0.0.1"] {
        problem(world.send(ask(stranger, "ann")).await, 401, "not listed").await;
    }
    let view = |text: String| serde_json::from_str::<Value>(&text).unwrap();
    let carol = view(text(world.send(ask("192.0.2.10", "carol")).await).await);
    assert_eq!((&carol["user"], &carol["role"], &carol["via"]), (&json!("carol"), &json!("analyst"), &json!("proxy")));
    let dave = view(text(world.send(ask("192.0.2.10", "dave")).await).await);
    assert_eq!(dave["role"], "viewer");
    add(&world, "ann", Role::Admin);
    assert_eq!(view(text(world.send(ask("192.0.2.10", "ann")).await).await)["role"], "admin");
    for (csrf, status) in [("", 403), (carol["csrf"].as_str().unwrap(), 404)] {
        let request = Request::delete("/api/v1/captures/none").header("host", "localhost");
        let request = request.header("x-remote-user", "carol").header("x-tripline-csrf", csrf);
        let mut request = request.body(Body::empty()).unwrap();
        request.extensions_mut().insert(from("192.0.2.10"));
        let found = world.send(request).await.status().as_u16();
        assert!(found == status || (status == 404 && found != 403), "{csrf}: {found}");
    }
}

#[tokio::test]
async fn the_audit_log_has_who_what_and_from_where_without_secrets() {
    let world = world();
    let callers = guarded(&world).await;
    let admin = as_admin(&callers);
    let given = json!({"name": "bob", "role": "viewer", "password": "a secret nobody reads"});
    assert_eq!(ask(&world, "POST", "/api/v1/users", &admin, &given).await.0, 201);
    assert_eq!(
        ask(&world, "PATCH", "/api/v1/users/bob", &admin, &json!({"role": "analyst", "new_password": true})).await.0,
        200
    );
    let path = format!("/api/v1/incidents/{}", incident(1).id);
    assert_eq!(ask(&world, "PATCH", &path, &admin, &json!({"note": "looked at"})).await.0, 200);
    let viewer = Caller::Session { cookie: callers[2].1.clone(), csrf: callers[2].2.clone() };
    assert_eq!(ask(&world, "PATCH", &path, &viewer, &json!({"note": "no"})).await.0, 403);
    let (_, log) = ask(&world, "GET", "/api/v1/audit?limit=4", &admin, &Value::Null).await;
    let row = |n: usize| &log["items"][n];
    assert_eq!(
        (row(0)["who"].as_str(), row(0)["done"].as_bool(), row(0)["what"].as_str()),
        (Some("viewer"), Some(false), Some("change_incident"))
    );
    assert!(row(1)["text"].as_str().unwrap().contains("looked at") && row(1)["subject"] == path.as_str(), "{log}");
    assert!(row(2)["text"].as_str().unwrap().contains("role from viewer to analyst"), "{log}");
    assert_eq!(
        (row(3)["who"].as_str(), row(3)["address"].as_str(), row(3)["role"].as_str()),
        (Some("ann"), Some("127.0.0.1"), Some("admin"))
    );
    assert!(!log.to_string().contains("a secret"), "{log}");
    let cursor = log["next_cursor"].as_str().unwrap();
    let (_, older) =
        ask(&world, "GET", &format!("/api/v1/audit?cursor={cursor}&about=login"), &admin, &Value::Null).await;
    assert_eq!(older["items"].as_array().unwrap().len(), 3, "{older}");
    world.post("/api/v1/login", "{}").await;
    assert_eq!(ask(&world, "GET", "/api/v1/audit?cursor=x", &admin, &Value::Null).await.0, 400);
}

#[tokio::test]
async fn a_stream_ends_with_its_session() {
    use http_body_util::BodyExt;
    let world = world();
    let callers = guarded(&world).await;
    let admin = as_admin(&callers);
    let request = Request::get("/api/v1/live").header("host", "localhost").header("cookie", &callers[0].1);
    let response = world.send(request.body(Body::empty()).unwrap()).await;
    assert_eq!(response.status(), StatusCode::OK);
    let reading = tokio::spawn(response.into_body().collect());
    tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    assert!(!reading.is_finished());
    assert_eq!(ask(&world, "POST", "/api/v1/logout", &admin, &Value::Null).await.0, 204);
    let ended = tokio::time::timeout(std::time::Duration::from_secs(20), reading).await;
    assert!(ended.is_ok(), "it goes on after the log-out");
}

#[tokio::test]
async fn paths_lead_nowhere_else() {
    let world = world();
    for path in [
        "/..%2f..%2fCargo.toml",
        "/%2e%2e/%2e%2e/etc/passwd",
        "/assets/..%2f..%2findex.html.x",
        "//etc/passwd.x",
        "/assets/%5c..%5cx.y",
        "/api/v1/reports/..%2f..%2fetc%2fpasswd",
        "/api/v1/export/..%2fhosts",
        "/api/v1/incidents/..%2f..%2faccess.sqlite3/pcap",
        "/api/v1/incidents/%2e%2e%2f1/pcap",
        "/access.sqlite3",
    ] {
        let response = world.get(path).await;
        let status = response.status().as_u16();
        let said = text(response).await;
        // A path that names no file is the page itself, which says that there is no such page.
        assert!((400..500).contains(&status) || said.contains("<title>Tripline"), "{path}: {status}");
        assert!(!said.contains("SQLite format") && !said.contains("root:"), "{path}");
    }
}
