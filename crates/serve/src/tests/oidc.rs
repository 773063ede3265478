//! Log-in by an identity provider: a small one of the test's own, with real signatures, honest and not.

use super::double::*;
use crate::Auth;
use axum::body::Body;
use axum::http::{Request, Response};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as B64;
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair};
use serde_json::{Value, json};
use std::io::{Read, Write};
use std::net::TcpListener;
use std::sync::{Arc, Mutex};

/// What the provider puts into its next token.
#[derive(Clone, Default)]
struct Token {
    claims: Value,
    wrong_key: bool,
    challenge: String,
    huge: bool,
}

struct Issuer {
    url: String,
    next: Arc<Mutex<Token>>,
}

fn key() -> EcdsaKeyPair {
    let rng = SystemRandom::new();
    let made = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &rng).unwrap();
    EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, made.as_ref(), &rng).unwrap()
}

fn signed(key: &EcdsaKeyPair, claims: &Value) -> String {
    let head = B64.encode(json!({"alg": "ES256", "kid": "1", "typ": "JWT"}).to_string());
    let text = format!("{head}.{}", B64.encode(claims.to_string()));
    let signature = key.sign(&SystemRandom::new(), text.as_bytes()).unwrap();
    format!("{text}.{}", B64.encode(signature.as_ref()))
}

fn answer(path: &str, body: &str, url: &str, (key, other): (&EcdsaKeyPair, &EcdsaKeyPair), token: &Token) -> String {
    match path {
        "/.well-known/openid-configuration" => json!({
            "issuer": url, "authorization_endpoint": format!("{url}/authorize"), "token_endpoint": format!("{url}/token"),
            "jwks_uri": format!("{url}/keys"), "response_types_supported": ["code"], "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["ES256"],
        })
        .to_string(),
        "/keys" => {
            let point = key.public_key().as_ref();
            let (x, y) = (B64.encode(&point[1..33]), B64.encode(&point[33..65]));
            json!({"keys": [{"kty": "EC", "crv": "P-256", "use": "sig", "kid": "1", "alg": "ES256", "x": x, "y": y}]}).to_string()
        }
        _ if token.huge => "x".repeat(3 << 20),
        _ => {
            let verifier = body.split('&').find_map(|pair| pair.strip_prefix("code_verifier=")).unwrap();
            let hashed = ring::digest::digest(&ring::digest::SHA256, verifier.as_bytes());
            assert_eq!(B64.encode(hashed.as_ref()), token.challenge, "PKCE");
            let id_token = signed(if token.wrong_key { other } else { key }, &token.claims);
            json!({"access_token": "a", "token_type": "Bearer", "expires_in": 60, "id_token": id_token}).to_string()
        }
    }
}

fn issuer() -> Issuer {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let next = Arc::new(Mutex::new(Token::default()));
    let (shared, own) = (Arc::clone(&next), url.clone());
    std::thread::spawn(move || {
        let keys = (key(), key());
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let (mut bytes, mut chunk) = (Vec::new(), [0; 4096]);
            let whole = |bytes: &[u8]| {
                let text = String::from_utf8_lossy(bytes).to_lowercase();
                let Some((head, body)) = text.split_once("\r\n\r\n") else { return false };
                let length = head.lines().find_map(|l| l.strip_prefix("content-length: ").and_then(|n| n.parse().ok()));
                body.len() >= length.unwrap_or(0)
            };
            while !whole(&bytes) {
                match stream.read(&mut chunk) {
                    Ok(n) if n > 0 => bytes.extend_from_slice(&chunk[..n]),
                    _ => break,
                }
            }
            let text = String::from_utf8_lossy(&bytes).into_owned();
            let path = text.split_whitespace().nth(1).unwrap_or_default();
            let body = text.split_once("\r\n\r\n").map_or("", |(_, body)| body);
            let said = answer(path, body, &own, (&keys.0, &keys.1), &shared.lock().unwrap().clone());
            let head = format!(
                "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
                said.len()
            );
            // A client that has enough goes away.
            let _ = stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(said.as_bytes()));
        }
    });
    Issuer { url, next }
}

fn with_provider(issuer: &Issuer) -> World {
    let mut world = world();
    let mut config = (*world.state.config).clone();
    config.oidc.issuer.clone_from(&issuer.url);
    config.oidc.client_id = "tripline".into();
    config.oidc.client_secret = record::Password("s3cret".into());
    config.oidc.public_url = "http://localhost:7070".into();
    config.oidc.role_claim = "groups".into();
    config.oidc.roles = vec!["netops=analyst".into(), "security=admin".into()];
    config.check().unwrap();
    world.state.auth = Arc::new(Auth::new(Arc::clone(&world.access), &config).unwrap());
    world.state.config = config.into();
    world
}

async fn get(world: &World, path: &str, cookie: &str) -> Response<Body> {
    let request = Request::get(path).header("host", "localhost:7070").header("cookie", cookie);
    world.send(request.body(Body::empty()).unwrap()).await
}

fn param(url: &str, name: &str) -> String {
    let query = url.split_once('?').unwrap().1;
    query.split('&').find_map(|pair| pair.strip_prefix(&format!("{name}="))).unwrap_or_default().to_owned()
}

/// Begins: what the provider was told, and the browser's cookie.
async fn begin(world: &World) -> (String, String) {
    let sent = get(world, "/api/v1/login/oidc?next=/flows", "").await;
    assert_eq!(sent.status(), 303);
    let cookie = sent.headers()["set-cookie"].to_str().unwrap().split(';').next().unwrap().to_owned();
    (sent.headers()["location"].to_str().unwrap().to_owned(), cookie)
}

fn claims(issuer: &Issuer, url: &str) -> Value {
    let now = crate::auth::now().seconds();
    json!({"iss": issuer.url, "aud": "tripline", "sub": "u-1", "exp": now + 60, "iat": now, "nonce": param(url, "nonce"),
        "preferred_username": "carol", "groups": ["netops", "staff"]})
}

/// A whole log-in with these claims changed; the last answer.
async fn log_in(
    world: &World,
    issuer: &Issuer,
    change: impl FnOnce(&mut Token, &mut String, &mut String),
) -> Response<Body> {
    let (url, mut cookie) = begin(world).await;
    assert!(
        url.starts_with(&format!("{}/authorize?", issuer.url)) && param(&url, "code_challenge_method") == "S256",
        "{url}"
    );
    let mut token =
        Token { claims: claims(issuer, &url), challenge: param(&url, "code_challenge"), ..Token::default() };
    let mut state = param(&url, "state");
    change(&mut token, &mut state, &mut cookie);
    *issuer.next.lock().unwrap() = token;
    get(world, &format!("/api/v1/login/oidc/callback?code=c&state={state}"), &cookie).await
}

#[tokio::test]
async fn who_the_provider_knows_comes_in_with_the_role_of_its_groups() {
    let issuer = issuer();
    let world = with_provider(&issuer);
    assert!(text(world.get("/login").await).await.contains("/api/v1/login/oidc"));
    world.problem("/api/v1/summary", 401).await;
    let came = log_in(&world, &issuer, |_, _, _| {}).await;
    assert_eq!(came.status(), 200);
    let cookie = came.headers()["set-cookie"].to_str().unwrap().split(';').next().unwrap().to_owned();
    assert!(text(came).await.contains("url=/flows"));
    let view: Value = serde_json::from_str(&text(get(&world, "/api/v1/session", &cookie).await).await).unwrap();
    assert_eq!((&view["user"], &view["role"], &view["via"]), (&json!("carol"), &json!("analyst"), &json!("oidc")));
    assert_eq!(view["has_password"], false);
    // Promoted there: the role is that of the next log-in, and the session until then ends.
    let came = log_in(&world, &issuer, |token, _, _| token.claims["groups"] = json!("security")).await;
    assert_eq!(came.status(), 200);
    assert_eq!(world.access.user("carol").unwrap().unwrap().role, store::access::Role::Admin);
    problem(get(&world, "/api/v1/session", &cookie).await, 401, "the session until then").await;
}

#[tokio::test]
async fn whatever_does_not_hold_is_sent_back_and_written_down() {
    let issuer = issuer();
    let world = with_provider(&issuer);
    type Change = fn(&mut Token, &mut String, &mut String);
    let cases: [(&str, &str, Change); 10] = [
        ("another key", "does not hold", |token, _, _| token.wrong_key = true),
        ("another audience", "does not hold", |token, _, _| token.claims["aud"] = json!("other")),
        ("another issuer", "does not hold", |token, _, _| token.claims["iss"] = json!("https://evil.example")),
        ("another nonce", "does not hold", |token, _, _| token.claims["nonce"] = json!("x")),
        ("ended", "does not hold", |token, _, _| token.claims["exp"] = json!(1)),
        ("no role", "has no role", |token, _, _| token.claims["groups"] = json!(["staff"])),
        ("no name", "names no user", |token, _, _| token.claims["preferred_username"] = json!("<script>")),
        ("too long", "no token", |token, _, _| token.huge = true),
        ("a state that was not given", "not begun in this browser", |_, state, _| *state = "x".into()),
        ("another browser", "not begun in this browser", |_, _, cookie| *cookie = "tripline-oidc=x".into()),
    ];
    for (what, why, change) in cases {
        let back = log_in(&world, &issuer, change).await;
        assert_eq!(
            (back.status().as_u16(), back.headers()["location"].to_str().unwrap()),
            (303, "/login?said=provider"),
            "{what}"
        );
        assert!(!back.headers().contains_key("set-cookie"), "{what}");
        let row =
            &world.access.audit_rows(&store::access::AuditQuery { before: None, about: "login", limit: 1 }).unwrap()[0];
        assert!(!row.done && row.text.contains(why), "{what}: {}", row.text);
    }
    let (url, cookie) = begin(&world).await;
    *issuer.next.lock().unwrap() =
        Token { claims: claims(&issuer, &url), challenge: param(&url, "code_challenge"), ..Token::default() };
    let path = format!("/api/v1/login/oidc/callback?code=c&state={}", param(&url, "state"));
    assert_eq!(get(&world, &path, &cookie).await.status(), 200);
    assert_eq!(get(&world, &path, &cookie).await.status(), 303, "a state twice");
    super::access::add(&world, "erin", store::access::Role::Admin);
    let back = log_in(&world, &issuer, |token, _, _| token.claims["preferred_username"] = json!("erin")).await;
    assert_eq!(back.status(), 303, "the name of a user with a password is not taken over");
    let open = get(&world, "/api/v1/login/oidc?next=//evil.example/", "").await;
    assert_eq!(open.status(), 303);
}
