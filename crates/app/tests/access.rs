//! Who may come in, on the running program: users and tokens made while it runs, a flood of wrong passwords, a listener outside loopback,
//! TLS as openssl sees it.
#![allow(clippy::unwrap_used)]

mod support;

use serde_json::{Value, json};
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;
use support::http::{Answer, get, request_with};
use support::server::{Server, signal};
use support::{Run, finish, run, tripline, wait_for};

const PASSWORD: &str = "correct horse battery";
/// Wrong passwords of the flood.
const WRONG: usize = 10_000;

fn add_user(dir: &Path, name: &str) -> Run {
    let dir = dir.to_str().unwrap();
    let mut child = tripline()
        .args(["user", "add", name, "--password-stdin", "--data-dir", dir])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    writeln!(child.stdin.take().unwrap(), "{PASSWORD}").unwrap();
    let output = child.wait_with_output().unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
    Run { code: output.status.code(), stdout: output.stdout, stderr }.done()
}

fn demo(dir: &Path, more: &[&str]) -> Server {
    let mut args = vec!["demo", "--seed", "7", "--data-dir", dir.to_str().unwrap()];
    args.extend(more);
    Server::start(&args)
}

/// Cookie and csrf of a log-in.
fn log_in(port: u16, lines: &str, password: &str) -> Answer {
    let body = json!({"name": "ann", "password": password}).to_string();
    request_with(port, "POST", "/api/v1/login", lines, &body).unwrap()
}

fn cookie(answer: &Answer) -> String {
    let line = answer.head.lines().find(|l| l.to_lowercase().starts_with("set-cookie:")).unwrap();
    format!("Cookie: {}\r\n", line.split_once(':').unwrap().1.split(';').next().unwrap().trim())
}

#[test]
fn users_and_tokens_are_made_while_it_runs() {
    let dir = tempfile::tempdir().unwrap();
    let at = dir.path().to_str().unwrap();
    let server = demo(dir.path(), &[]);
    let port = server.port;
    assert_eq!(get(port, "/api/v1/summary").status, 200);
    // The real keepers of files: a name with a way out of their folders is none.
    for kept in ["captures", "reports", "scans"] {
        for id in ["..%2f..%2faccess.sqlite3", "%2e%2e%2faccess.sqlite3", "..%5caccess.sqlite3", "%2faccess.sqlite3"] {
            let answer = get(port, &format!("/api/v1/{kept}/{id}"));
            assert!((400..500).contains(&answer.status), "{kept}/{id}: {} {}", answer.status, answer.text());
        }
    }
    let said = add_user(dir.path(), "ann").text();
    assert!(said.contains("ann added, admin") && said.contains("log in"), "{said}");
    for path in ["/api/v1/summary", "/metrics", "/openapi.json", "/", "/readyz"] {
        assert_eq!(get(port, path).status, 401, "{path}");
    }
    assert_eq!(get(port, "/healthz").status, 200);
    let came = log_in(port, "", PASSWORD);
    assert_eq!(came.status, 200, "{}", came.text());
    let cookie = cookie(&came);
    assert_eq!(request_with(port, "GET", "/api/v1/summary", &cookie, "").unwrap().status, 200);
    let token = run(["token", "create", "scrape", "--read-only", "--data-dir", at]).done().text();
    let bearer = format!("Authorization: Bearer {}\r\n", token.trim());
    assert_eq!(request_with(port, "GET", "/metrics", &bearer, "").unwrap().status, 200);
    assert_eq!(request_with(port, "POST", "/api/v1/models/retrain", &bearer, "{}").unwrap().status, 403);
    let listed = run(["token", "list", "-o", "json", "--data-dir", at]).done();
    assert!(listed.json()["items"][0]["name"] == "scrape" && !listed.text().contains(token.trim()));
    run(["token", "revoke", "scrape", "--data-dir", at]).done();
    assert_eq!(request_with(port, "GET", "/metrics", &bearer, "").unwrap().status, 401);

    // Without a terminal a password is made, shown once, and works.
    let made = finish(tripline().args(["user", "passwd", "ann", "--data-dir", at])).done().text();
    let password = made.lines().find_map(|l| l.strip_prefix("password, shown this once: ")).unwrap().to_owned();
    assert_eq!(request_with(port, "GET", "/api/v1/summary", &cookie, "").unwrap().status, 401, "the session until now");
    assert_eq!(log_in(port, "", PASSWORD).status, 401);
    assert_eq!(log_in(port, "", &password).status, 200);
    let refused = run(["user", "role", "ann", "viewer", "--data-dir", at]);
    assert!(refused.code == Some(2) && refused.stderr.contains("only admin"), "{}", refused.stderr);
    let weak = run(["user", "add", "a b", "--data-dir", at]);
    assert!(weak.code == Some(2) && weak.stderr.contains("letters"), "{}", weak.stderr);
    let users: Value = run(["user", "list", "-o", "json", "--data-dir", at]).done().json();
    assert_eq!((&users["items"][0]["name"], &users["items"][0]["role"]), (&json!("ann"), &json!("admin")));
    run(["user", "remove", "ann", "--data-dir", at]).done();
    assert_eq!(get(port, "/api/v1/summary").status, 200, "nobody has to log in any more");
    assert!(server.terminate().success());
}

#[test]
fn ten_thousand_wrong_passwords_are_turned_away() {
    let dir = tempfile::tempdir().unwrap();
    add_user(dir.path(), "ann");
    // The addresses are a proxy's word: a test has one of its own only.
    let server = demo(dir.path(), &["--set", "serve.proxy.trusted=[\"127.0.0.1\"]"]);
    let port = server.port;
    let begun = std::time::Instant::now();
    let threads: Vec<_> = (0..4)
        .map(|_| {
            std::thread::spawn(move || {
                let mut hashed = 0;
                for n in 0..WRONG / 4 {
                    let answer = log_in(port, "X-Forwarded-For: 192.0.2.66\r\n", &format!("wrong password {n}"));
                    assert!([401, 429, 503].contains(&answer.status), "{}", answer.text());
                    hashed += usize::from(answer.status == 401);
                }
                hashed
            })
        })
        .collect();
    let hashed: usize = threads.into_iter().map(|thread| thread.join().unwrap()).sum();
    eprintln!("{WRONG} wrong passwords in {:.1} s, {hashed} of them hashed", begun.elapsed().as_secs_f64());
    // Five at once, then 1, 2, 4 … seconds apart: in an hour no more than these.
    assert!((1..=25).contains(&hashed), "{hashed} were hashed");
    let locked = log_in(port, "X-Forwarded-For: 192.0.2.66\r\n", PASSWORD);
    assert!(locked.status == 429 && locked.head.to_lowercase().contains("retry-after"), "{}", locked.head);
    assert_eq!(log_in(port, "X-Forwarded-For: 192.0.2.1\r\n", PASSWORD).status, 200, "the user, from another address");
    assert!(server.terminate().success());
}

#[test]
fn a_listener_outside_loopback_waits_for_a_user() {
    let dir = tempfile::tempdir().unwrap();
    let args = ["demo", "--data-dir", dir.path().to_str().unwrap(), "--listen", "0.0.0.0:0"];
    let refused = run(args);
    assert!(refused.code == Some(2) && refused.stderr.contains("tripline user add"), "{}", refused.stderr);
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0, "a refused start leaves nothing behind");
    add_user(dir.path(), "ann");
    let server = Server::start_as(tripline().args(args));
    assert_eq!(get(server.port, "/api/v1/summary").status, 401);
    assert_eq!(log_in(server.port, "", PASSWORD).status, 200);
    assert!(server.terminate().success());
}

fn certificate(dir: &Path, name: &str) {
    let made = Command::new("openssl")
        .args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"])
        .args(["-subj", &format!("/CN={name}"), "-addext", "subjectAltName=DNS:localhost"])
        .arg("-keyout")
        .arg(dir.join("key.pem"))
        .arg("-out")
        .arg(dir.join("cert.pem"))
        .output()
        .unwrap();
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
}

/// What openssl's own client sees.
fn openssl(port: u16, version: &str) -> String {
    let mut child = Command::new("openssl")
        .args(["s_client", version, "-connect", &format!("127.0.0.1:{port}"), "-ign_eof", "-cipher", "ALL:@SECLEVEL=0"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let request = format!("GET /healthz HTTP/1.0\r\nHost: localhost:{port}\r\n\r\n");
    // One that is refused has closed already.
    let _ = child.stdin.take().unwrap().write_all(request.as_bytes());
    let output = child.wait_with_output().unwrap();
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[test]
fn tls_is_new_and_its_certificate_is_renewed_while_it_runs() {
    if Command::new("openssl").arg("version").output().is_err() {
        eprintln!("SKIP tls_is_new_and_its_certificate_is_renewed_while_it_runs: openssl is not installed");
        return;
    }
    let (dir, files) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    certificate(files.path(), "first.example");
    let set = |name: &str, file: &str| format!("serve.tls.{name}={}", files.path().join(file).display());
    let (cert, key) = (set("certificate", "cert.pem"), set("key", "key.pem"));
    let server = demo(dir.path(), &["--set", &cert, "--set", &key]);
    for version in ["-tls1_2", "-tls1_3"] {
        let seen = openssl(server.port, version);
        assert!(seen.contains("200 OK") && seen.contains("first.example"), "{version}: {seen}");
        assert!(seen.to_lowercase().contains("strict-transport-security: max-age=31536000"), "{seen}");
    }
    for version in ["-tls1", "-tls1_1"] {
        assert!(!openssl(server.port, version).contains("200 OK"), "{version} is refused");
    }
    let url = format!("https://127.0.0.1:{}", server.port);
    assert_eq!(run(["health", "--url", &url]).done().text().trim(), format!("{url}/healthz: ok"));
    certificate(files.path(), "second.example");
    signal(server.pid, "HUP");
    wait_for(Duration::from_secs(30), "the new certificate", || {
        openssl(server.port, "-tls1_3").contains("second.example").then_some(())
    });
    std::fs::write(files.path().join("cert.pem"), "no certificate").unwrap();
    signal(server.pid, "HUP");
    wait_for(Duration::from_secs(30), "the words", || {
        server.log().contains("the certificate in use stays").then_some(())
    });
    assert!(openssl(server.port, "-tls1_3").contains("second.example"));
    assert!(server.terminate().success());
    let at = dir.path().to_str().unwrap();
    let wrong = run(["demo", "--data-dir", at, "--listen", "127.0.0.1:0", "--set", &cert, "--set", &key]);
    assert!(wrong.code == Some(2) && wrong.stderr.contains("serve.tls.certificate"), "{}", wrong.stderr);
    let half = run(["demo", "--data-dir", at, "--listen", "127.0.0.1:0", "--set", &key]);
    assert!(half.code == Some(2) && half.stderr.contains("certificate and key"), "{}", half.stderr);
}
