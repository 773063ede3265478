//! What every kind of channel keeps to, over the registry; and each against small servers of this file's own. Real servers of
//! others are in `crates/app/tests/notify.rs`.
#![allow(clippy::unwrap_used)]

use super::*;
use crate::notify::NotifyConfig;
use record::{Severity, Timestamp};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, UdpSocket};
use std::thread;

fn message() -> Message {
    Message {
        key: "00112233445566778899aabbccddeeff".into(),
        at: Timestamp::from_parts(1_700_000_000, 0),
        severity: Severity::High,
        kind: "port_scan".into(),
        subject: "Größe: a scan".into(),
        text: "plain".into(),
        html: "<p>html</p>".into(),
        pages: Vec::new(),
        picture: vec![1, 2, 3],
        body: r#"{"text":"body"}"#.into(),
        line: r#"{"line":1}"#.into(),
    }
}

fn channel(kind: &str, table: Value) -> Channel {
    let mut all = json!({ "name": "test", "kind": kind, "timeout_s": 2.0 });
    all[kind] = table;
    serde_json::from_value(all).unwrap()
}

/// One channel of each kind whose far side is not there.
fn absent(kind: &str) -> Channel {
    let table = match kind {
        "email" => json!({ "host": "127.0.0.1", "port": 1, "tls": "none", "user": "u", "password": "hunter2",
            "from": "a@example.net", "to": ["b@example.net"] }),
        "webhook" => json!({ "url": "http://127.0.0.1:1/hunter2", "secret": "hunter2" }),
        "syslog" => json!({ "host": "127.0.0.1", "port": 1 }),
        "file" => json!({ "path": "/nowhere/at/all" }),
        "command" => json!({ "program": "/nowhere/at/all" }),
        "kafka" => json!({ "topic": "incidents", "connection": { "brokers": ["127.0.0.1:1"], "security": "sasl_tls",
            "sasl_username": "u", "sasl_password": "hunter2" } }),
        other => panic!("{other} needs a case here"),
    };
    channel(kind, table)
}

#[test]
fn every_kind_keeps_what_it_could_not_deliver_and_tells_no_secret() {
    let mut names = BTreeSet::new();
    for sink in SINKS {
        assert!(names.insert(sink.kind), "{} twice", sink.kind);
        let there = absent(sink.kind);
        let config = NotifyConfig { channels: vec![there.clone()], ..NotifyConfig::default() };
        config.check().unwrap();
        match OpenChannel::open(&there).unwrap().deliver(&message()) {
            Delivery::Later { why, .. } => assert!(!why.is_empty() && !why.contains("hunter2"), "{why}"),
            other => panic!("{}: {other:?}", sink.kind),
        }
        let shown = format!("{there:?} {} {}", (sink.target)(&there), serde_json::to_string(&there).unwrap());
        assert!(!shown.contains("hunter2"), "{shown}");
        // Without its table, and with another's, it is refused in words.
        let bare = Channel { name: "x".into(), kind: sink.kind.into(), ..Channel::default() };
        assert!(bare.check().unwrap_err().contains(sink.kind));
        let other = if sink.kind == "file" { "command" } else { "file" };
        let mut two = serde_json::to_value(&there).unwrap();
        two[other] = if other == "file" { json!({ "path": "x" }) } else { json!({ "program": "x" }) };
        let two: Channel = serde_json::from_value(two).unwrap();
        assert!(two.check().unwrap_err().contains("must not have"));
    }
}

#[test]
fn settings_that_cannot_be_are_refused_by_name() {
    let refused = |channel: Channel| channel.check().unwrap_err();
    let pigeon = Channel { name: "x".into(), kind: "pigeon".into(), ..Channel::default() };
    assert!(refused(pigeon).contains("email, webhook, syslog, file, command"));
    let mail = |more: Value| {
        let mut table = json!({ "host": "h", "from": "a@example.net", "to": ["b@example.net"] });
        table.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        channel("email", table)
    };
    assert!(mail(json!({})).check().is_ok());
    assert!(refused(mail(json!({ "to": [] }))).contains("email.to"));
    assert!(refused(mail(json!({ "from": "nobody" }))).contains("email.from"));
    assert!(refused(mail(json!({ "tls": "none", "user": "u" }))).contains("in the clear"));
    let hook = |table: Value| channel("webhook", table);
    assert!(refused(hook(json!({ "url": "http://h", "template": "telegram" }))).contains("chat_id"));
    assert!(refused(hook(json!({ "url": "http://h", "template": "pagerduty" }))).contains("routing_key"));
    assert!(OpenChannel::open(&hook(json!({ "url": "ftp://h" }))).err().unwrap().contains("https://"));
    let twice = NotifyConfig { channels: vec![absent("file"), absent("file")], ..NotifyConfig::default() };
    assert!(twice.check().unwrap_err().contains("two are called test"));
}

/// Answers one HTTP request; gives back its head in lower case and its body.
fn answer_once(answer: &'static str) -> (String, thread::JoinHandle<(String, String)>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/hook", listener.local_addr().unwrap());
    let server = thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut reader = BufReader::new(stream.try_clone().unwrap());
        let (mut head, mut line) = (String::new(), String::new());
        while reader.read_line(&mut line).unwrap() > 2 {
            head.push_str(&line.to_lowercase());
            line.clear();
        }
        let length =
            head.split("content-length: ").nth(1).and_then(|t| t.lines().next()).unwrap().trim().parse().unwrap();
        let mut body = vec![0; length];
        reader.read_exact(&mut body).unwrap();
        stream.write_all(answer.as_bytes()).unwrap();
        (head, String::from_utf8(body).unwrap())
    });
    (url, server)
}

fn post(answer: &'static str, more: &Value) -> (Delivery, String, String) {
    let (url, server) = answer_once(answer);
    let mut table = json!({ "url": url });
    table.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    let result = OpenChannel::open(&channel("webhook", table)).unwrap().deliver(&message());
    let (head, body) = server.join().unwrap();
    (result, head, body)
}

#[test]
fn a_webhook_is_signed_and_says_which_delivery_it_is() {
    let more = json!({ "secret": "s3cr3t", "bearer": "tok-en", "headers": { "X-Team": "blue" } });
    let (result, head, body) = post("HTTP/1.1 204 No Content\r\n\r\n", &more);
    assert!(matches!(result, Delivery::Accepted(_)), "{result:?}");
    assert_eq!(body, message().body);
    for line in
        ["x-tripline-delivery: 00112233445566778899aabbccddeeff", "authorization: bearer tok-en", "x-team: blue"]
    {
        assert!(head.contains(line), "{head}");
    }
    let field = |name: &str| head.split(name).nth(1).and_then(|t| t.lines().next()).unwrap().trim().to_owned();
    let key = ring::hmac::Key::new(ring::hmac::HMAC_SHA256, b"s3cr3t");
    let signed = format!("{}.{body}", field("x-tripline-timestamp: "));
    let given = field("x-tripline-signature: ");
    let hex = given.strip_prefix("sha256=").unwrap();
    let tag: Vec<u8> = (0..64).step_by(2).map(|i| u8::from_str_radix(&hex[i..i + 2], 16).unwrap()).collect();
    ring::hmac::verify(&key, signed.as_bytes(), &tag).unwrap();
}

#[test]
fn answers_are_sorted_into_accepted_later_and_never() {
    let (result, ..) =
        post("HTTP/1.1 429 Too Many Requests\r\nRetry-After: 37\r\ncontent-length: 0\r\n\r\n", &json!({}));
    assert!(
        matches!(&result, Delivery::Later { after: Some(wait), .. } if *wait == Duration::from_secs(37)),
        "{result:?}"
    );
    let (result, ..) = post("HTTP/1.1 503 Service Unavailable\r\ncontent-length: 4\r\n\r\nbusy", &json!({}));
    assert!(matches!(&result, Delivery::Later { why, after: None } if why.contains("busy")), "{result:?}");
    let (result, ..) = post("HTTP/1.1 404 Not Found\r\ncontent-length: 7\r\n\r\nno hook", &json!({}));
    assert!(matches!(&result, Delivery::Refused(why) if why.contains("404") && why.contains("no hook")), "{result:?}");
    let elsewhere = "HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\ncontent-length: 0\r\n\r\n";
    let (result, ..) = post(elsewhere, &json!({}));
    assert!(matches!(&result, Delivery::Refused(why) if why.contains("not followed")), "{result:?}");
}

#[test]
fn services_get_their_address_in_the_body() {
    let more = json!({ "template": "pagerduty", "routing_key": "R0UTE" });
    let (_, _, body) = post("HTTP/1.1 202 Accepted\r\ncontent-length: 0\r\n\r\n", &more);
    let body: Value = serde_json::from_str(&body).unwrap();
    assert_eq!(body, json!({ "text": "body", "routing_key": "R0UTE" }));
    let more = json!({ "template": "telegram", "chat_id": "-100" });
    let (_, _, body) = post("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n", &more);
    assert_eq!(serde_json::from_str::<Value>(&body).unwrap()["chat_id"], "-100");
}

#[test]
fn words_of_the_far_side_never_carry_a_secret() {
    let answer = "HTTP/1.1 400 Bad Request\r\ncontent-length: 17\r\n\r\nno key s3cr3t ok\n";
    let (result, ..) = post(answer, &json!({ "secret": "s3cr3t" }));
    assert!(matches!(&result, Delivery::Refused(why) if !why.contains("s3cr3t") && why.contains(MASK)), "{result:?}");
}

#[test]
fn a_file_grows_by_whole_lines_also_after_a_cut_and_a_rotation() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("alerts.json");
    let mut file = OpenChannel::open(&channel("file", json!({ "path": path }))).unwrap();
    assert!(matches!(file.deliver(&message()), Delivery::Accepted(_)));
    std::fs::rename(&path, dir.path().join("alerts.json.1")).unwrap();
    std::fs::write(&path, "{\"cut").unwrap();
    assert!(matches!(file.deliver(&message()), Delivery::Accepted(_)));
    let text = std::fs::read_to_string(&path).unwrap();
    assert_eq!(text, "{\"cut\n{\"line\":1}\n");
}

#[test]
fn a_command_gets_json_and_its_exit_code_decides() {
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().join("out");
    let run = |args: Value| {
        let table = json!({ "program": "/bin/sh", "args": args });
        OpenChannel::open(&Channel { timeout_s: 1.0, ..channel("command", table) }).unwrap().deliver(&message())
    };
    let path = out.to_str().unwrap();
    assert!(matches!(
        run(json!(["-c", "cat > \"$0\"; echo $TRIPLINE_DELIVERY >> \"$0\"", path])),
        Delivery::Accepted(_)
    ));
    let text = std::fs::read_to_string(&out).unwrap();
    assert_eq!(text, "{\"text\":\"body\"}00112233445566778899aabbccddeeff\n");
    let result = run(json!(["-c", "echo no paper >&2; exit 3"]));
    assert!(
        matches!(&result, Delivery::Later { why, .. } if why.contains("no paper") && why.contains('3')),
        "{result:?}"
    );
    let result = run(json!(["-c", "sleep 30"]));
    assert!(matches!(&result, Delivery::Later { why, .. } if why.contains("ended")), "{result:?}");
}

#[test]
fn syslog_over_tcp_counts_octets_and_waits_for_the_server_to_close() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let server = thread::spawn(move || {
        let mut text = String::new();
        listener.accept().unwrap().0.read_to_string(&mut text).unwrap();
        text
    });
    let result = OpenChannel::open(&channel("syslog", json!({ "host": "127.0.0.1", "port": port }))).unwrap();
    let result = { result }.deliver(&message());
    assert!(matches!(&result, Delivery::Accepted(said) if said.contains("closed")), "{result:?}");
    let text = server.join().unwrap();
    let (count, frame) = text.split_once(' ').unwrap();
    assert_eq!(count.parse::<usize>().unwrap(), frame.len());
    assert!(
        frame.starts_with("<107>1 2023-11-14T22:13:20.000000Z ") && frame.ends_with(" port_scan - {\"line\":1}"),
        "{frame}"
    );
}

#[test]
fn syslog_over_udp_notices_that_nobody_listens() {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let port = socket.local_addr().unwrap().port();
    let there = channel("syslog", json!({ "host": "127.0.0.1", "port": port, "transport": "udp" }));
    let mut open = OpenChannel::open(&there).unwrap();
    assert!(matches!(open.deliver(&message()), Delivery::Accepted(_)));
    let mut buffer = [0; 2048];
    let n = socket.recv(&mut buffer).unwrap();
    assert!(buffer[..n].starts_with(b"<107>1 "));
    drop(socket);
    assert!(matches!(open.deliver(&message()), Delivery::Later { .. }));
}
