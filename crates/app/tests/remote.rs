//! Captures that others send while they capture: by TCP, in TLS, through a pipe. Each is a source that is shown as its packets come, goes on
//! when its sender comes again, and is nobody's who may not send.
#![allow(clippy::unwrap_used)]

mod support;

use serde_json::Value;
use std::fs::File;
use std::io::Write;
use std::net::TcpStream;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;
use support::http::{get, get_json};
use support::server::Server;
use support::wire::{Helper, Wire, has};
use support::{servers, simulate, tripline, wait_for};

const PATIENCE: Duration = Duration::from_mins(2);

/// Takes captures at a port that it was given, named in the log behind `transport`.
fn start(data: &Path, transport: &str, more: &[&str]) -> (Server, u16) {
    let args = ["run", "--data-dir", data.to_str().unwrap(), "--log-format", "text"];
    let server = Server::start(&[&args[..], more].concat());
    let log = server.log();
    let place = log.split(&format!("{transport} 127.0.0.1:")).nth(1).unwrap_or_else(|| panic!("{log}"));
    let digits: String = place.chars().take_while(char::is_ascii_digit).collect();
    (server, digits.parse().unwrap())
}

fn sources(server: &Server) -> Vec<Value> {
    get_json(server.port, "/api/v1/sources")["sources"].as_array().unwrap().clone()
}

fn kinds(server: &Server) -> Vec<String> {
    let incidents = get_json(server.port, "/api/v1/incidents");
    incidents["items"].as_array().unwrap().iter().map(|i| i["kind"].as_str().unwrap().to_owned()).collect()
}

fn packets(server: &Server) -> u64 {
    get_json(server.port, "/api/v1/summary")["totals"]["packets"].as_u64().unwrap()
}

fn health(server: &Server) -> String {
    get_json(server.port, "/api/v1/summary")["health"].to_string()
}

#[test]
fn a_scan_that_a_sensor_sends_is_found_and_a_bad_stream_beside_it_ends_alone() {
    let dir = tempfile::tempdir().unwrap();
    let scan = std::fs::read(simulate(dir.path(), "scan", "port_scan_fast", "20s")).unwrap();
    let (server, port) = start(&dir.path().join("data"), "tcp", &["--pcap-listen", "127.0.0.1:0"]);
    let empty = sources(&server);
    assert_eq!((empty.len(), &empty[0]["kind"], &empty[0]["state"]), (1, &"remote".into(), &"waiting".into()));
    assert!(health(&server).contains("No capture has come yet"));

    let mut sensor = TcpStream::connect(("127.0.0.1", port)).unwrap();
    sensor.write_all(&scan).unwrap();
    // A second connection has nothing good to say.
    wait_for(PATIENCE, "the first sender's name", || (sources(&server)[0]["name"] == "127.0.0.1").then_some(()));
    TcpStream::connect(("127.0.0.1", port)).unwrap().write_all(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n").unwrap();
    let dropped = || {
        let drops = &get_json(server.port, "/api/v1/summary")["totals"]["drops"];
        (drops["sender_not_a_capture"] == 1).then_some(())
    };
    wait_for(PATIENCE, "the bad stream", dropped);
    assert!(health(&server).contains("1 sender not a capture"), "{}", health(&server));
    assert!(get(server.port, "/metrics").text().contains("sender_not_a_capture"));

    wait_for(PATIENCE, "a port scan", || kinds(&server).contains(&"port_scan".to_owned()).then_some(()));
    let flow = get_json(server.port, "/api/v1/flows?limit=1");
    assert_eq!(flow["items"][0]["in_iface"], "127.0.0.1", "the sender stands in the place of the interface");
    let running = sources(&server).into_iter().find(|s| s["state"] == "running").unwrap();
    assert!(running["notes"][0].as_str().unwrap().contains("days"), "the recording is told as one: {running}");

    // The sender goes and comes again: the same source goes on.
    drop(sensor);
    let gone = |s: &Value| s["state"] == "waiting" && s["notes"].to_string().contains("the sender closed it");
    wait_for(PATIENCE, "its end", || sources(&server).iter().any(gone).then_some(()));
    let before = packets(&server);
    let mut again = TcpStream::connect(("127.0.0.1", port)).unwrap();
    again.write_all(&scan).unwrap();
    wait_for(PATIENCE, "more packets", || (packets(&server) > before).then_some(()));
    assert_eq!(sources(&server).len(), 2, "the seats that both senders had");
    assert!(server.terminate().success());
}

#[test]
fn strangers_are_turned_away_and_an_open_door_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let open = support::run(["run", "--pcap-listen", "0.0.0.0:0", "--data-dir", dir.path().to_str().unwrap()]);
    assert_eq!(open.code, Some(2));
    assert!(open.stderr.contains("pcap.allow"), "{}", open.stderr);
    let args = ["--pcap-listen", "127.0.0.1:0", "--set", "pcap.allow=[\"192.0.2.0/24\"]"];
    let (server, port) = start(&dir.path().join("data"), "tcp", &args);
    drop(TcpStream::connect(("127.0.0.1", port)).unwrap());
    let told = || health(&server).contains("1 sender not allowed").then_some(());
    wait_for(PATIENCE, "the refusal", told);
    assert_eq!(packets(&server), 0);
    assert!(server.terminate().success());
}

#[test]
fn tls_takes_who_has_a_certificate_and_nobody_else() {
    let name = "tls_takes_who_has_a_certificate_and_nobody_else";
    if !["socat", "openssl"].iter().all(|tool| has(tool, name)) {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    assert!(Command::new(servers::script("certificates.sh")).arg(dir.path()).status().unwrap().success());
    let file = |name: &str| dir.path().join(name).display().to_string();
    let set = |key: &str, name: &str| format!("pcap.{key}=\"{}\"", file(name));
    let settings = [set("tls_certificate", "server.pem"), set("tls_key", "server.key"), set("tls_client_ca", "ca.pem")];
    let mut args = vec!["--set", "pcap.listen_tls=[\"127.0.0.1:0\"]"];
    args.extend(settings.iter().flat_map(|setting| ["--set", setting.as_str()]));
    let (server, port) = start(&dir.path().join("data"), "tls", &args);
    let capture = simulate(dir.path(), "office", "office", "5s");
    let send = |identity: &str| {
        let to = format!("OPENSSL:127.0.0.1:{port},cafile={},commonname=localhost{identity}", file("ca.pem"));
        let from = Stdio::from(File::open(&capture).unwrap());
        Command::new("socat").args(["-u", "-", &to]).stdin(from).stderr(Stdio::null()).status().unwrap()
    };
    send("");
    let refused = || get_json(server.port, "/api/v1/summary")["totals"]["drops"]["sender_failed"].as_u64();
    assert_eq!(wait_for(PATIENCE, "the refusal", refused), 1);
    assert_eq!(packets(&server), 0);
    assert!(send(&format!(",cert={},key={}", file("client.pem"), file("client.key"))).success());
    wait_for(PATIENCE, "packets", || (packets(&server) > 0).then_some(()));
    assert!(server.terminate().success());
}

#[test]
fn packets_of_a_pipe_are_shown_when_they_come_and_a_signal_ends_the_wait() {
    let dir = tempfile::tempdir().unwrap();
    let capture = std::fs::read(simulate(dir.path(), "office", "office", "20s")).unwrap();
    let fifo = dir.path().join("fifo");
    assert!(Command::new("mkfifo").arg(&fifo).status().unwrap().success());
    // Open both ways, so that it neither waits for the other end nor ends with it.
    let mut pipe = File::options().read(true).write(true).open(&fifo).unwrap();
    pipe.write_all(&capture[..24]).unwrap();
    let data = dir.path().join("data");
    let mut command = tripline();
    command.args(["run", "-r", "-", "--listen", "127.0.0.1:0", "--data-dir", data.to_str().unwrap()]);
    let server = Server::start_as(command.stdin(Stdio::from(pipe.try_clone().unwrap())));
    assert_eq!(packets(&server), 0);
    let mut at = 24;
    for n in 1..=3 {
        let length = u32::from_le_bytes(*capture[at + 8..].first_chunk::<4>().unwrap()) as usize;
        pipe.write_all(&capture[at..at + 16 + length]).unwrap();
        at += 16 + length;
        wait_for(PATIENCE, "the packet that was written", || (packets(&server) == n).then_some(()));
        let shown = get_json(server.port, "/api/v1/packets");
        assert_eq!(shown["items"].as_array().unwrap().len() as u64, n);
    }
    assert!(server.terminate().success());
}

/// tcpdump at the far end of a wire, sending what it sees, as a user would write it.
fn sensor(wire: &Wire) -> Helper {
    let far = "exec socat -u EXEC:\"tcpdump -i wb -U -w - icmp\" TCP:198.18.0.1:5555";
    Helper(Wire::inside(&wire.b, "sh").args(["-c", far]).stderr(Stdio::null()).spawn().unwrap())
}

#[test]
fn tcpdump_elsewhere_is_watched_live_and_goes_on_after_its_death() {
    let name = "tcpdump_elsewhere_is_watched_live_and_goes_on_after_its_death";
    if !["tcpdump", "socat", "ping", "curl"].iter().all(|tool| has(tool, name)) {
        return;
    }
    let Some(wire) = Wire::new(name, "rp") else { return };
    let dir = tempfile::tempdir().unwrap();
    let mut command = Wire::inside(&wire.a, env!("CARGO_BIN_EXE_tripline"));
    command.args(["run", "--pcap-listen", "198.18.0.1:5555", "--set", "pcap.allow=[\"198.18.0.2\"]"]);
    command.args(["--listen", "127.0.0.1:0", "--data-dir", dir.path().to_str().unwrap()]);
    let server = Server::start_as(&mut command);
    let source = || wire.get(&server, "/api/v1/sources")["sources"][0].clone();
    for round in 1..=2_u64 {
        let sensor = sensor(&wire);
        // Its first packet tells that it looks; how many go before that is its affair.
        let heard = || {
            assert!(Wire::inside(&wire.a, "ping").args(["-c", "1", "198.18.0.2"]).output().unwrap().status.success());
            let source = source();
            (source["name"] == "198.18.0.2" && source["state"] == "running")
                .then(|| source["packets"].as_u64().unwrap())
        };
        wait_for(PATIENCE, "the sensor", heard);
        let before = wait_for(PATIENCE, "rest", || {
            let counts: Vec<u64> = (0..2)
                .map(|_| {
                    std::thread::sleep(Duration::from_millis(500));
                    source()["packets"].as_u64().unwrap()
                })
                .collect();
            (counts[0] == counts[1]).then_some(counts[0])
        });
        let ping = Wire::inside(&wire.a, "ping").args(["-q", "-c", "50", "-i", "0.01", "198.18.0.2"]).output().unwrap();
        assert!(ping.status.success(), "{ping:?}");
        wait_for(PATIENCE, "its packets", || (source()["packets"].as_u64() == Some(before + 100)).then_some(()));
        assert!(source()["dropped"].as_object().unwrap().is_empty(), "round {round}: {}", source());
        drop(sensor);
        wait_for(PATIENCE, "its death", || (source()["state"] == "waiting").then_some(()));
    }
    let flows = wire.get(&server, "/api/v1/sources");
    assert_eq!(flows["sources"].as_array().unwrap().len(), 1, "it had the same seat again");
    assert!(server.terminate().success());
}
