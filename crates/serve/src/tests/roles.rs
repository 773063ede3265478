//! Every operation of the OpenAPI document, asked by everybody: nobody, each role, a token, another site, an ended session and token.

use super::access::{Caller, ann, guarded, send};
use super::double::*;
use crate::auth::{Need, TABLE};
use axum::http::Method;
use serde_json::Value;
use std::collections::BTreeSet;
use store::access::Role;

/// Method and path, as the document has them.
fn operations() -> Vec<(Method, String)> {
    let document: Value = serde_json::from_str(&crate::openapi_json()).unwrap();
    let mut all = Vec::new();
    for (path, methods) in document["paths"].as_object().unwrap() {
        for method in methods.as_object().unwrap().keys() {
            all.push((method.to_uppercase().parse().unwrap(), path.clone()));
        }
    }
    all
}

/// The same with something in its place, and the stream out of the way: it never ends.
fn filled(path: &str) -> String {
    path.replace("{ip}", "10.0.0.1")
        .replace("{what}", "hosts")
        .replace("{name}", "nobody")
        .replace("{id}", "1")
        .replace("{key}", "x")
}

#[test]
fn every_operation_has_a_role_and_no_line_is_without_one() {
    let documented: BTreeSet<_> = operations().into_iter().map(|(method, path)| (method.to_string(), path)).collect();
    let mut listed: BTreeSet<_> =
        TABLE.iter().map(|(method, path, ..)| (method.to_string(), (*path).to_owned())).collect();
    assert_eq!(listed.len(), TABLE.len(), "a line twice");
    assert!(
        listed.remove(&("GET".to_owned(), "/openapi.json".to_owned())),
        "the document itself, which it does not name"
    );
    assert_eq!(listed, documented, "serve/src/auth/roles.rs and the handlers differ: who may do it?");
    let open: Vec<_> = TABLE.iter().filter(|(.., need)| *need == Need::Open).map(|(_, _, name, _)| *name).collect();
    assert_eq!(open, ["healthz", "login", "login_oidc", "login_oidc_callback"], "what answers without a log-in");
    for (method, path, name, need) in TABLE {
        let reads =
            *method == Method::GET || *need == Need::Open || path.contains("/session") || path.ends_with("/logout");
        assert!(reads || *need >= Need::Role(Role::Analyst), "{name} changes something and a viewer may do it");
    }
}

#[tokio::test]
async fn nobody_is_let_in_and_each_role_goes_as_far_as_it_may() {
    let world = world();
    let callers = guarded(&world).await;
    for (method, path) in operations() {
        let (_, _, name, need) = TABLE.iter().find(|(m, p, ..)| *m == method && *p == path).unwrap();
        let Need::Role(wanted) = need else { continue };
        let path = filled(&path);
        let nobody = send(&world, &method, &path, &Caller::Nobody).await;
        problem(nobody, 401, name).await;
        for (role, cookie, csrf) in &callers {
            // Each would end or change what the others stand on.
            if ["logout", "change_password", "retrain_models"].contains(name) {
                continue;
            }
            let caller = Caller::Session { cookie: cookie.clone(), csrf: csrf.clone() };
            let status = send(&world, &method, &path, &caller).await.status().as_u16();
            let refused_role = *role < *wanted;
            assert_eq!(status == 403, refused_role, "{name} by {}: {status}", role.name());
            assert_ne!(status, 401, "{name} by {}", role.name());
            assert!(status < 500 || status == 503, "{name} by {}: {status}", role.name());
        }
    }
}

#[tokio::test]
async fn ended_sessions_wrong_tokens_and_other_sites_get_nowhere() {
    let world = world();
    let callers = guarded(&world).await;
    let (_, cookie, csrf) = callers.iter().find(|(role, ..)| *role == Role::Admin).unwrap();
    let ended = Caller::Session { cookie: "tripline=never-given".to_owned(), csrf: csrf.clone() };
    for (method, path) in operations() {
        let (_, _, name, need) = TABLE.iter().find(|(m, p, ..)| *m == method && *p == path).unwrap();
        if *need == Need::Open {
            continue;
        }
        let path = filled(&path);
        for caller in [&ended, &Caller::Token("tl_wrong".to_owned()), &Caller::Token(String::new())] {
            problem(send(&world, &method, &path, caller).await, 401, name).await;
        }
        if method == Method::GET {
            continue;
        }
        let without = Caller::Session { cookie: cookie.clone(), csrf: String::new() };
        problem(send(&world, &method, &path, &without).await, 403, name).await;
        let elsewhere = Caller::Elsewhere { cookie: cookie.clone(), csrf: csrf.clone() };
        problem(send(&world, &method, &path, &elsewhere).await, 403, name).await;
    }
    let still = Caller::Session { cookie: cookie.clone(), csrf: csrf.clone() };
    assert_eq!(send(&world, &Method::GET, "/api/v1/users", &still).await.status(), 200, "{} is still in", ann().0);
}
