//! Live capture on a wire of its own: two network namespaces joined by a veth pair. No packet is missing, and a port scan becomes an
//! incident on the live stream; the time from its last packet is printed, not judged.
#![allow(clippy::unwrap_used)]

mod support;

use serde_json::Value;
use std::io::{BufRead, BufReader};
use std::process::Stdio;
use std::sync::mpsc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use support::server::Server;
use support::wait_for;
use support::wire::{Helper, Wire, has, ip};

/// Until a scan must be on the live stream: generous, machines that test are slow.
const SCAN_SEEN: Duration = Duration::from_secs(30);

#[test]
fn known_devices_stay_known_over_a_restart() {
    let test = "known_devices_stay_known_over_a_restart";
    if !has("curl", test) || !has("ping", test) {
        return;
    }
    let Some(wire) = Wire::new(test, "m") else { return };
    let dir = tempfile::tempdir().unwrap();
    let new_devices =
        |server: &Server| wire.get(server, "/api/v1/incidents?q=kind:new_device")["total"].as_u64().unwrap();
    let packets = |server: &Server| wire.get(server, "/api/v1/summary")["totals"]["packets"].as_u64().unwrap();
    let talk = |server: &Server| {
        let before = packets(server);
        assert!(ip(&["-n", &wire.b, "neigh", "flush", "all"]));
        assert!(Wire::inside(&wire.b, "ping").args(["-c", "2", "198.18.0.1"]).output().unwrap().status.success());
        wait_for(SCAN_SEEN, "the packets", || (packets(server) >= before + 6).then_some(()));
    };
    let watch = || {
        let mut command = Wire::inside(&wire.a, env!("CARGO_BIN_EXE_tripline"));
        let learn = ["--set", "behaviour.new_device.learn_s=3", "--set", "networks.home=[\"198.18.0.0/24\"]"];
        command.args(["run", "-i", "wa", "--listen", "127.0.0.1:0", "--data-dir", dir.path().to_str().unwrap()]);
        Server::start_as(command.args(learn))
    };

    let server = watch();
    talk(&server);
    std::thread::sleep(Duration::from_secs(4));
    assert_eq!(new_devices(&server), 0);
    assert!(server.terminate().success());

    let server = watch();
    talk(&server);
    assert_eq!(new_devices(&server), 0, "told as new although it was there before");
    assert!(ip(&["-n", &wire.b, "link", "set", "wb", "address", "02:00:5e:00:00:77"]));
    talk(&server);
    wait_for(SCAN_SEEN, "the new device", || (new_devices(&server) == 1).then_some(()));
    assert!(server.terminate().success());
}

#[test]
fn no_packet_is_missing() {
    let test = "no_packet_is_missing";
    if !has("curl", test) {
        return;
    }
    let Some(wire) = Wire::new(test, "count") else { return };
    let dir = tempfile::tempdir().unwrap();
    let server = wire.watch(&dir.path().join("data"));
    let before = wire.frames();
    let mut send = Wire::inside(&wire.b, env!("CARGO_BIN_EXE_tripline"));
    let send =
        send.args(["simulate", "-i", "wb", "--scenario", "office,port_scan_fast,udp_flood", "--duration", "12s"]);
    let sent = support::finish(send).done();
    let sent =
        sent.stderr.split(" frames, ").next().unwrap().split_whitespace().last().unwrap().parse::<u64>().unwrap();
    let ping = Wire::inside(&wire.b, "ping").args(["-q", "-c", "20", "-i", "0.05", "198.18.0.1"]).output();
    let ping = ping.is_ok_and(|o| o.status.success());
    let seen = || wire.get(&server, "/api/v1/summary")["totals"]["packets"].as_u64().unwrap();
    let on_wire = || wire.frames() - before;
    wait_for(Duration::from_secs(20), "every packet counted", || (seen() == on_wire()).then_some(()));
    let summary = wire.get(&server, "/api/v1/summary");
    let counted = seen();
    eprintln!("{sent} frames sent (ping: {ping}), {} on the wire, {counted} counted", on_wire());
    assert!(sent > 500 && counted >= sent + if ping { 40 } else { 0 }, "{sent} sent, {counted} counted");
    assert_eq!(summary["totals"]["drops"], serde_json::json!({}), "something was lost");
    assert_eq!(summary["mode"], "live");
    assert!(server.terminate().success());
}

/// Events of the live stream with the time they came.
fn live_incidents(wire: &Wire, server: &Server) -> (Helper, mpsc::Receiver<(SystemTime, Value)>) {
    let url = format!("http://127.0.0.1:{}/api/v1/live?events=incident", server.port);
    let mut curl = Wire::inside(&wire.a, "curl");
    let mut child = curl.args(["-sSN", &url]).stdout(Stdio::piped()).spawn().unwrap();
    let stdout = BufReader::new(child.stdout.take().unwrap());
    let (sender, receiver) = mpsc::channel();
    std::thread::spawn(move || {
        for line in stdout.lines().map_while(Result::ok) {
            let Some(event) = line.strip_prefix("data:").and_then(|json| serde_json::from_str(json).ok()) else {
                continue;
            };
            if sender.send((SystemTime::now(), event)).is_err() {
                break;
            }
        }
    });
    (Helper(child), receiver)
}

#[test]
fn a_port_scan_becomes_an_incident_on_the_live_stream() {
    let test = "a_port_scan_becomes_an_incident";
    if !has("curl", test) || !has("nmap", test) {
        return;
    }
    let Some(wire) = Wire::new(test, "scan") else { return };
    let dir = tempfile::tempdir().unwrap();
    let server = wire.watch(&dir.path().join("data"));
    let (_curl, incidents) = live_incidents(&wire, &server);
    // A little of the usual first: a network without a past is not what a scan comes to.
    let pings = ["-q", "-c", "10", "-i", "0.2", "198.18.0.1"];
    let _ = Wire::inside(&wire.b, "ping").args(pings).output();
    let begun = SystemTime::now();
    let scan = ["-sS", "-n", "-Pn", "--max-retries", "1", "-p", "1-1000", "198.18.0.1"];
    let nmap = Wire::inside(&wire.b, "nmap").args(scan).output().unwrap();
    assert!(nmap.status.success(), "{nmap:?}");
    let (seen, incident) = loop {
        let (at, event) = incidents.recv_timeout(SCAN_SEEN).expect("no port_scan on the live stream");
        if event["kind"] == "port_scan" {
            break (at, event);
        }
    };
    assert_eq!(incident["src"], serde_json::json!(["198.18.0.2"]));
    assert_eq!(incident["dest"], serde_json::json!(["198.18.0.1"]));
    let listed = wait_for(SCAN_SEEN, "the incident in the list", || {
        let list = wire.get(&server, "/api/v1/incidents?q=kind:port_scan");
        list["items"].as_array().unwrap().first().cloned()
    });
    assert_eq!(listed["id"], incident["id"]);
    let since = |from: SystemTime| {
        let signed = |t: SystemTime| t.duration_since(UNIX_EPOCH).unwrap().as_secs_f64();
        signed(seen) - signed(from)
    };
    let newest = wire.get(&server, "/api/v1/packets?q=ip:198.18.0.2&limit=1")["items"][0]["timestamp"].clone();
    let last = record::Timestamp::parse_rfc3339(newest.as_str().unwrap()).unwrap();
    let last = UNIX_EPOCH + Duration::from_nanos(last.0.unsigned_abs());
    eprintln!(
        "port_scan on the live stream {:.0} ms after nmap began, {:.0} ms after its last packet",
        since(begun) * 1e3,
        since(last) * 1e3
    );
    assert!(server.terminate().success());
}

#[test]
fn an_interface_that_goes_away_is_said() {
    let test = "an_interface_that_goes_away";
    if !has("curl", test) {
        return;
    }
    let Some(wire) = Wire::new(test, "down") else { return };
    let dir = tempfile::tempdir().unwrap();
    let server = wire.watch(&dir.path().join("data"));
    assert!(ip(&["-n", &wire.a, "link", "set", "wa", "down"]));
    wait_for(Duration::from_secs(20), "words on the health strip", || {
        let health = wire.get(&server, "/api/v1/summary")["health"].to_string();
        (health.contains("Capture stopped") || health.contains("down")).then_some(())
    });
    assert!(server.terminate().success());
}
