//! Every operation of the OpenAPI document with made-up and damaged values, by schemathesis, on a running demo that asks for a log-in: none
//! answers with a server error.
#![allow(clippy::unwrap_used)]

mod support;

use std::process::Command;
use support::http::request_with;
use support::server::Server;
use support::{finish, run, services, tripline};

#[test]
fn no_operation_answers_with_a_server_error() {
    let test = "no_operation_answers_with_a_server_error";
    let Some(script) = services::installed(test, "schemathesis") else { return };
    let (dir, work) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let at = dir.path().to_str().unwrap();
    // Without a terminal its password is made; nobody needs it here.
    finish(tripline().args(["user", "add", "ann", "--data-dir", at])).done();
    let token = run(["token", "create", "schemathesis", "--role", "admin", "--data-dir", at]).done().text();
    let server = Server::start(&["demo", "--seed", "7", "--data-dir", at]);
    let port = server.port.to_string();
    let ended = Command::new(script).arg("run").arg(work.path()).args([&port, token.trim()]).output().unwrap();
    let said = String::from_utf8_lossy(&ended.stdout).into_owned();
    assert!(ended.status.success(), "{said}\n{}", String::from_utf8_lossy(&ended.stderr));
    assert!(said.contains("tested") || said.contains("passed"), "{said}");
    let bearer = format!("Authorization: Bearer {}\r\n", token.trim());
    let answer = request_with(server.port, "GET", "/api/v1/summary", &bearer, "").unwrap();
    assert_eq!(answer.status, 200, "it still answers: {}", answer.text());
    assert!(server.terminate().success());
}
