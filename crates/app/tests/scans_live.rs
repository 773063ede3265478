//! Scanning by the running program, on loopback: a scan by the API, its progress on the live stream, the inventory, exactly what changed, what is
//! refused, cancelled, interrupted and kept. The services are this test's own; nothing but 127.0.0.0/28 is ever scanned.
#![allow(clippy::unwrap_used)]

mod support;

use serde_json::{Value, json};
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};
use support::http::{Answer, get, get_json, request, send_file};
use support::server::Server;
use support::{simulate, wait_for};

const ALLOW: &str = "scan.allow=[\"127.0.0.0/29\"]";
const SOON: Duration = Duration::from_mins(1);

/// A service that greets whoever comes, until it is dropped.
struct Service {
    port: u16,
    end: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Service {
    fn open(address: &str, port: u16, greeting: &'static str) -> Self {
        // The port of a service that has just ended may be held for a moment by nobody but the kernel.
        let listener = wait_for(SOON, "port", || TcpListener::bind((address, port)).ok());
        let port = listener.local_addr().unwrap().port();
        listener.set_nonblocking(true).unwrap();
        let end = Arc::new(AtomicBool::new(false));
        let ends = Arc::clone(&end);
        let thread = std::thread::spawn(move || {
            while !ends.load(Ordering::Relaxed) {
                match listener.accept() {
                    Ok((mut stream, _)) => {
                        let _ = stream.write_all(greeting.as_bytes());
                    }
                    Err(_) => std::thread::sleep(Duration::from_millis(5)),
                }
            }
        });
        Self { port, end, thread: Some(thread) }
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        self.end.store(true, Ordering::Relaxed);
        self.thread.take().into_iter().for_each(|thread| thread.join().unwrap());
    }
}

const OLD: &str = "SSH-2.0-OpenSSH_9.2\r\n";
const NEW: &str = "SSH-2.0-OpenSSH_9.6\r\n";

/// A port of loopback at which nobody listens now.
fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

fn has_nmap(test: &str) -> bool {
    let found = Command::new("nmap").arg("-V").output().is_ok();
    if !found {
        eprintln!("SKIP {test}: nmap is not installed");
    }
    found
}

/// A program that replays a capture and may scan.
fn start(dir: &Path, settings: &[&str]) -> Server {
    let capture = dir.join("quiet.pcap");
    if !capture.exists() {
        simulate(dir, "quiet", "office", "20s");
    }
    let (capture, data) = (capture.to_str().unwrap().to_owned(), dir.join("data").to_str().unwrap().to_owned());
    let mut args = vec!["run", "-r", &capture, "--speed", "max", "--data-dir", &data];
    for setting in settings {
        args.extend(["--set", setting]);
    }
    Server::start(&args)
}

fn post(server: &Server, path: &str, body: &Value) -> Answer {
    request(server.port, "POST", path, Some(&body.to_string())).unwrap()
}

fn ended(server: &Server, id: &str) -> Value {
    wait_for(SOON, "the end of the scan", || {
        let scan = get_json(server.port, &format!("/api/v1/scans/{id}"))["scan"].clone();
        (scan["state"] != "running").then_some(scan)
    })
}

/// Scans to the end; the row.
fn scanned(server: &Server, asked: &Value) -> Value {
    let answer = post(server, "/api/v1/scans", asked);
    assert_eq!(answer.status, 202, "{}", answer.text());
    let row = answer.json();
    assert_eq!(row["state"], "running");
    ended(server, row["id"].as_str().unwrap())
}

/// What a scan changed of a host, as kinds with the port in their words.
fn changes(server: &Server, key: &str, scan: &Value) -> Vec<String> {
    let detail = get_json(server.port, &format!("/api/v1/assets/{key}"));
    let history = detail["history"].as_array().unwrap().iter().filter(|event| event["scan"] == scan["id"]);
    let mut told: Vec<String> =
        history.map(|event| format!("{} {}", event["what"].as_str().unwrap(), event["port"])).collect();
    told.sort_unstable();
    told
}

#[test]
fn what_happens_to_services_is_exactly_what_is_told() {
    let test = "what_happens_to_services_is_exactly_what_is_told";
    for backend in if has_nmap(test) { vec!["connect", "nmap"] } else { vec!["connect"] } {
        let dir = tempfile::tempdir().unwrap();
        let (stays, upgraded) = (Service::open("127.0.0.2", 0, OLD), Service::open("127.0.0.2", 0, OLD));
        let (moves, to, later) = (Service::open("127.0.0.2", 0, OLD), free_port(), free_port());
        let from = moves.port;
        let ports = [stays.port, upgraded.port, from, to, later].map(|port| port.to_string()).join(",");
        let server = start(dir.path(), &[ALLOW]);
        let asked = json!({"targets": ["127.0.0.2"], "backend": backend, "ports": ports});
        let first = scanned(&server, &asked);
        assert_eq!((&first["state"], &first["hosts_up"], &first["ports_open"]), (&json!("done"), &json!(1), &json!(3)));
        assert_eq!(
            (&first["previous"], &first["changes"], &first["backend"]),
            (&Value::Null, &Value::Null, &json!(backend))
        );
        let list = get_json(server.port, "/api/v1/assets?q=port:>0&sort=ports");
        let asset = &list["items"][0];
        assert_eq!((&list["total"], &asset["key"], &asset["ports_open"]), (&json!(1), &json!("127.0.0.2"), &json!(3)));
        assert_eq!(changes(&server, "127.0.0.2", &first), ["new_device 0"]);
        let again = scanned(&server, &asked);
        assert_eq!((&again["changes"], &again["previous"]), (&json!(0), &first["id"]), "{again}");
        assert!(changes(&server, "127.0.0.2", &again).is_empty());
        // One is upgraded, one moves, one is new.
        let port = upgraded.port;
        drop((upgraded, moves));
        let _open = [
            Service::open("127.0.0.2", port, NEW),
            Service::open("127.0.0.2", to, OLD),
            Service::open("127.0.0.2", later, OLD),
        ];
        let third = scanned(&server, &asked);
        let mut expected = vec![
            format!("version_changed {port}"),
            format!("port_closed {from}"),
            format!("port_opened {to}"),
            format!("port_opened {later}"),
        ];
        expected.sort_unstable();
        assert_eq!(changes(&server, "127.0.0.2", &third), expected, "{backend}");
        assert_eq!(third["changes"], 1);
        let id = third["id"].as_str().unwrap();
        let diff = get_json(server.port, &format!("/api/v1/scans/{id}/diff"));
        assert_eq!((&diff["equal"], diff["hosts"].as_array().unwrap().len()), (&json!(false), 1));
        let text = get(server.port, &format!("/api/v1/scans/{id}/diff?format=text")).text();
        assert!(text.contains(&format!("+  {to}/tcp")) && text.contains("1 host changed"), "{text}");
        let xml =
            get(server.port, &format!("/api/v1/scans/{id}/diff?format=xml&with={}", first["id"].as_str().unwrap()));
        assert!(xml.text().contains("<nmapdiff version=\"1\">"), "{}", xml.text());
        let hosts = get_json(server.port, &format!("/api/v1/scans/{id}/hosts"));
        assert_eq!((&hosts["total"], &hosts["items"][0]["key"]), (&json!(1), &json!("127.0.0.2")));
        assert_eq!(hosts["items"][0]["ports_open"], 4);
        let earlier = get(server.port, &format!("/api/v1/scans/{}/diff", first["id"].as_str().unwrap()));
        assert_eq!(earlier.status, 404, "there is none before the first");
    }
}

#[test]
fn a_host_that_is_silent_is_down_and_returns() {
    let dir = tempfile::tempdir().unwrap();
    // The connect probe takes a host of which nothing answers for down: on loopback every closed port answers. A file says it instead.
    let server = start(dir.path(), &["scan.missed_scans_down=2"]);
    let file = |start: u32, state: &str| {
        format!(
            "<nmaprun scanner=\"nmap\" args=\"nmap -v -p 22 192.0.2.0/24\" start=\"{start}\" version=\"7.93\">\
             <scaninfo type=\"syn\" protocol=\"tcp\" numservices=\"1\" services=\"22\"/>\
             <host><status state=\"{state}\"/><address addr=\"192.0.2.7\" addrtype=\"ipv4\"/></host>\
             <runstats><finished time=\"{start}\" exit=\"success\"/></runstats></nmaprun>"
        )
    };
    let import = |start, state| {
        let answer = send_file(server.port, "/api/v1/scans/import", file(start, state).as_bytes());
        assert_eq!(answer.status, 201, "{}", answer.text());
        answer.json()
    };
    let state = || get_json(server.port, "/api/v1/assets/192.0.2.7")["asset"]["state"].clone();
    import(1_700_000_000, "up");
    import(1_700_003_600, "down");
    assert_eq!(state(), "up", "missed once");
    let gone = import(1_700_007_200, "down");
    assert_eq!((state(), changes(&server, "192.0.2.7", &gone)), (json!("down"), vec!["down 0".to_owned()]));
    assert_eq!(get_json(server.port, "/api/v1/assets?q=state:down")["total"], 1);
    let back = import(1_700_010_800, "up");
    assert_eq!((state(), changes(&server, "192.0.2.7", &back)), (json!("returned"), vec!["returned 0".to_owned()]));
    assert_eq!((&back["origin"], &back["targets"]), (&json!("import"), &json!(["192.0.2.0/24"])));
    let cut = send_file(server.port, "/api/v1/scans/import", b"<nmaprun scanner=\"nmap\"><host>");
    assert_eq!(cut.status, 422, "{}", cut.text());
    assert!(cut.text().contains("cut short"), "{}", cut.text());
}

#[test]
fn what_is_not_allowed_is_refused_and_logged() {
    let dir = tempfile::tempdir().unwrap();
    let off = start(dir.path(), &[]);
    let answer = post(&off, "/api/v1/scans", &json!({}));
    assert_eq!((answer.status, answer.text().contains("[scan]")), (403, true), "{}", answer.text());
    assert_eq!(get_json(off.port, "/api/v1/scans/state")["allow"], json!([]));
    assert!(off.terminate().success());
    let server = start(dir.path(), &[ALLOW]);
    for (asked, status) in [
        (json!({"targets": ["127.0.1.1"]}), 403),
        (json!({"targets": ["127.0.0.0/24"]}), 403),
        (json!({"targets": ["--script=vuln"]}), 422),
        (json!({"targets": ["127.0.0.1;id"]}), 422),
        (json!({"ports": "22 --script vuln"}), 422),
        (json!({"backend": "import"}), 422),
        (json!({"backend": "masscan"}), 422),
        (json!({"arguments": "-sC"}), 422),
    ] {
        let answer = post(&server, "/api/v1/scans", &asked);
        assert_eq!(answer.status, status, "{asked}: {}", answer.text());
    }
    for (path, status) in
        [("/api/v1/scans/nothing", 404), ("/api/v1/scans/nothing/hosts", 404), ("/api/v1/assets/nothing", 404)]
    {
        assert_eq!(get(server.port, path).status, status, "{path}");
    }
    assert_eq!(post(&server, "/api/v1/scans/nothing/cancel", &json!({})).status, 404);
    assert_eq!(get_json(server.port, "/api/v1/scans")["total"], 0, "nothing ran");
    let log = get_json(server.port, "/api/v1/settings")["changes"].to_string();
    assert!(log.contains("scan refused") && log.contains("127.0.1.1"), "{log}");
}

/// Scan events of the live stream until one says that a scan has ended.
fn follow(port: u16) -> JoinHandle<Vec<Value>> {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    stream.set_read_timeout(Some(SOON)).unwrap();
    write!(stream, "GET /api/v1/live?events=scan HTTP/1.0\r\nHost: 127.0.0.1\r\n\r\n").unwrap();
    std::thread::spawn(move || {
        let (mut text, mut chunk) = (String::new(), [0; 4096]);
        loop {
            let read = stream.read(&mut chunk).unwrap();
            text.push_str(&String::from_utf8_lossy(&chunk[..read]));
            let events: Vec<Value> = text
                .lines()
                .filter_map(|l| l.strip_prefix("data: "))
                .filter_map(|l| serde_json::from_str(l).ok())
                .collect();
            if read == 0 || events.iter().any(|event| !event["ended"].is_null()) {
                return events;
            }
        }
    })
}

#[test]
fn a_scan_tells_how_far_it_is_stands_alone_and_is_cancelled() {
    let dir = tempfile::tempdir().unwrap();
    // 2,400 questions at 200 a second.
    let server = start(dir.path(), &[ALLOW, "scan.rate_packets_per_s=200"]);
    let events = follow(server.port);
    let asked = json!({"backend": "connect", "ports": "20001-20300"});
    let row = post(&server, "/api/v1/scans", &asked).json();
    let id = row["id"].as_str().unwrap().to_owned();
    let other = post(&server, "/api/v1/scans", &json!({"targets": ["127.0.0.3"]}));
    assert_eq!((other.status, other.text().contains(&id)), (409, true), "{}", other.text());
    wait_for(SOON, "progress", || {
        let state = get_json(server.port, "/api/v1/scans/state");
        state["running"][0]["progress"]["percent"].as_f64().filter(|percent| *percent > 20.0)
    });
    let begun = Instant::now();
    assert_eq!(post(&server, &format!("/api/v1/scans/{id}/cancel"), &json!({})).status, 202);
    let scan = ended(&server, &id);
    let took = begun.elapsed();
    assert_eq!(scan["state"], "cancelled", "{scan}");
    // What was asked of it; a bound, no measurement.
    assert!(took < Duration::from_secs(10), "{took:?}");
    assert_eq!(post(&server, &format!("/api/v1/scans/{id}/cancel"), &json!({})).status, 409);
    let events = events.join().unwrap();
    let percents: Vec<f64> = events.iter().filter_map(|event| event["progress"]["percent"].as_f64()).collect();
    assert!(percents.windows(2).all(|pair| pair[0] <= pair[1]) && percents.last() > percents.first(), "{percents:?}");
    assert_eq!(events.last().unwrap()["state"], "cancelled");
    let limited = scanned(&server, &json!({"targets": ["127.0.0.4"], "backend": "connect", "ports": "22"}));
    assert_eq!(limited["state"], "done", "the network is free again");
}

#[test]
fn a_restart_keeps_all_and_an_interrupted_scan_is_incomplete() {
    let dir = tempfile::tempdir().unwrap();
    let service = Service::open("127.0.0.2", 0, OLD);
    let settings = [ALLOW, "scan.rate_packets_per_s=100", "scan.every_h=24"];
    let server = start(dir.path(), &settings);
    let done =
        scanned(&server, &json!({"targets": ["127.0.0.2"], "backend": "connect", "ports": service.port.to_string()}));
    let long = json!({"backend": "connect", "ports": "20001-20900"});
    let ended_by_us = post(&server, "/api/v1/scans", &long).json();
    let next = get_json(server.port, "/api/v1/scans/state")["schedule"][0]["next"].clone();
    assert!(next.is_string());
    assert!(server.terminate().success());
    let server = start(dir.path(), &settings);
    let row = |server: &Server, of: &Value| {
        get_json(server.port, &format!("/api/v1/scans/{}", of["id"].as_str().unwrap()))["scan"].clone()
    };
    assert_eq!(row(&server, &done), done);
    let stopped = row(&server, &ended_by_us);
    assert_eq!(stopped["state"], "incomplete", "{stopped}");
    assert_eq!(get_json(server.port, "/api/v1/scans/state")["schedule"][0]["next"], next, "the time is kept");
    assert_eq!(get_json(server.port, "/api/v1/assets/127.0.0.2")["ports"][0]["port"], service.port);
    let killed = post(&server, "/api/v1/scans", &long).json();
    server.kill();
    let server = start(dir.path(), &settings);
    let died = row(&server, &killed);
    assert_eq!((&died["state"], died["ended"].is_string()), (&json!("incomplete"), true), "{died}");
    assert!(died["words"].as_str().unwrap().contains("the program ended"), "{died}");
    let log = get_json(server.port, "/api/v1/settings")["changes"].to_string();
    assert!(log.contains("begun by connect") && log.contains(killed["id"].as_str().unwrap()), "{log}");
}
