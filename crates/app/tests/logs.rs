//! Logs end to end: a scan that only a log saw is found, others' alerts are kept, and logs are read while they are written.
#![allow(clippy::unwrap_used)]

mod support;

use serde_json::Value;
use std::io::Write;
use std::net::{TcpStream, UdpSocket};
use std::path::Path;
use std::time::Duration;
use support::http::get_json;
use support::server::Server;
use support::{data, run, wait_for};

const WAIT: Duration = Duration::from_mins(1);

fn analyze(files: &[&Path]) -> Value {
    let names = files.iter().map(|file| file.to_str().unwrap());
    run(["analyze", "-o", "json"].into_iter().chain(names)).done().json()
}

fn kinds(analysis: &Value) -> Vec<String> {
    let incidents = analysis["incidents"].as_array().unwrap();
    incidents.iter().map(|incident| incident["kind"].as_str().unwrap().to_owned()).collect()
}

/// A firewall's line about a packet that it dropped.
fn dropped(second: u32, port: u16) -> String {
    format!(
        "<4>1 2026-03-01T10:00:{:02}Z fw kernel - - - [UFW BLOCK] IN=eth0 OUT= SRC=203.0.113.7 DST=192.168.1.10 LEN=44 TTL=50 PROTO=TCP SPT=40000 DPT={port} WINDOW=1024 SYN URGP=0",
        second % 60
    )
}

#[test]
fn a_scan_that_only_a_log_saw_is_found() {
    for (log, scanner) in [
        ("logs/firewall/crowdsec/iptables-scan-multi-port__iptables-scan-multi-port.log", "62.34.17.168"),
        ("logs/firewall/crowdsec/pf-scan-multi-port__pf-scan-multi-port.log", "10.0.2.2"),
        ("logs/firewall/crowdsec/mikrotik-scan-multi_ports__mikrotik-scan-multi_ports.log", "36.97.161.219"),
        ("logs/zeek/slips-port-scans-vertical/conn.log", "192.168.1.9"),
        ("logs/argus/test11-portscan.binetflow", "10.8.0.69"),
    ] {
        let Some(path) = data("a_scan_that_only_a_log_saw_is_found", log) else { return };
        let analysis = analyze(&[&path]);
        let scans: Vec<&Value> = analysis["incidents"]
            .as_array()
            .unwrap()
            .iter()
            .filter(|incident| incident["kind"] == "port_scan")
            .collect();
        assert!(scans.iter().any(|scan| scan["src"][0] == scanner), "{log}: {:?}", kinds(&analysis));
        assert_eq!(analysis["input"]["logs"]["unreadable"], serde_json::json!({}), "{log}");
    }
}

#[test]
fn what_a_firewall_let_through_is_no_scan() {
    let dir = tempfile::tempdir().unwrap();
    let log = dir.path().join("ufw.log");
    let lines: String = (1..=40).map(|n| dropped(n, n as u16).replace("BLOCK", "ALLOW") + "\n").collect();
    std::fs::write(&log, lines).unwrap();
    let analysis = analyze(&[&log]);
    assert_eq!(kinds(&analysis), Vec::<String>::new());
    assert_eq!((analysis["flows"].as_u64(), &analysis["input"]["logs"]["actions"]["allowed"]), (Some(40), &40.into()));
}

#[test]
fn alerts_of_suricata_become_incidents_with_its_words() {
    let Some(path) = data("alerts_of_suricata_become_incidents_with_its_words", "logs/eve/slips-test6-eve.jsonl.zst")
    else {
        return;
    };
    let analysis = analyze(&[&path]);
    let logs = &analysis["input"]["logs"];
    assert_eq!((&logs["alerts"], &logs["flows"], &logs["lines"]), (&745.into(), &3512.into(), &5000.into()));
    let imported: Vec<&Value> = analysis["incidents"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|i| i["detectors"][0]["name"] == "imported_alert")
        .collect();
    let alerts: u64 = imported.iter().map(|incident| incident["evidence"]["packets"].as_u64().unwrap()).sum();
    assert!(alerts >= 745, "{alerts}: an alert was lost");
    let title = imported[0]["title"].as_str().unwrap();
    assert!(title.starts_with("Suricata: ET ") && title.contains("severity "), "{title}");
}

#[test]
fn files_are_merged_whatever_their_order_and_flows_are_written() {
    let Some(folder) =
        data("files_are_merged_whatever_their_order_and_flows_are_written", "logs/zeek/slips-test9-mixed-zeek-dir")
    else {
        return;
    };
    let [conn, dns, ssl] = ["conn.log", "dns.log", "ssl.log"].map(|name| folder.join(name));
    let (forth, back) = (analyze(&[&conn, &dns, &ssl]), analyze(&[&ssl, &dns, &conn]));
    assert_eq!((&forth["incidents"], &forth["flows"]), (&back["incidents"], &back["flows"]));
    assert_eq!(forth["flows"].as_u64(), Some(576));
    let csv = run(["flows", "-o", "csv", conn.to_str().unwrap()]).done().text();
    assert_eq!(csv.lines().count(), 577);
}

#[test]
fn input_that_does_not_fit_is_refused_in_words() {
    let dir = tempfile::tempdir().unwrap();
    let log = dir.path().join("ufw.log");
    std::fs::write(&log, dropped(1, 1)).unwrap();
    let name = log.to_str().unwrap();
    let filtered = run(["analyze", "-F", "tcp", name]);
    assert_eq!((filtered.code, filtered.stderr.contains("capture filter")), (Some(2), true), "{}", filtered.stderr);
    let share = run(["analyze", "--train-first", "10%", name]);
    assert_eq!((share.code, share.stderr.contains("duration")), (Some(2), true), "{}", share.stderr);
    let notes = dir.path().join("notes.txt");
    std::fs::write(&notes, "hello\n").unwrap();
    let mixed = run(["flows", name, notes.to_str().unwrap()]);
    assert_eq!((mixed.code, mixed.stderr.contains("is a log")), (Some(2), true), "{}", mixed.stderr);
}

/// Lines with the clock of now: a detector must not take them for the past.
fn now_lines(ports: std::ops::RangeInclusive<u16>) -> String {
    ports.map(|port| dropped(0, port).replace("1 2026-03-01T10:00:00Z", "1 -") + "\n").collect()
}

/// With its data apart from the logs, so that nothing of its own is followed.
fn start(dir: &Path, settings: &[&str]) -> Server {
    let data_dir = dir.join("data");
    Server::start(&[&["run", "--data-dir", data_dir.to_str().unwrap()], settings].concat())
}

fn scanned(server: &Server) -> Option<String> {
    let incidents = get_json(server.port, "/api/v1/incidents");
    let scan = incidents["items"].as_array()?.iter().find(|incident| incident["kind"] == "port_scan")?;
    Some(scan["title"].as_str()?.to_owned())
}

#[test]
fn a_followed_file_and_syslog_are_read_while_they_come() {
    let dir = tempfile::tempdir().unwrap();
    let log = dir.path().join("fw.log");
    std::fs::write(&log, now_lines(1..=3)).unwrap();
    let files = format!("logs.files=[\"{}\"]", log.display());
    let server = start(dir.path(), &["--set", &files]);
    // What was there before is the past; what comes now is read, through a rotation.
    wait_for(WAIT, "the file is followed", || {
        let sources = get_json(server.port, "/api/v1/sources");
        (sources["sources"][0]["kind"] == "log").then_some(())
    });
    let mut file = std::fs::OpenOptions::new().append(true).open(&log).unwrap();
    std::thread::sleep(Duration::from_millis(500));
    file.write_all(now_lines(100..=110).as_bytes()).unwrap();
    std::fs::rename(&log, dir.path().join("fw.log.1")).unwrap();
    std::fs::write(&log, now_lines(200..=210)).unwrap();
    let lines = wait_for(WAIT, "all lines", || {
        let sources = get_json(server.port, "/api/v1/sources");
        let lines = sources["sources"][0]["packets"].as_u64()?;
        (lines >= 22).then_some(lines)
    });
    assert_eq!(lines, 22, "the three lines of before are not read, and none twice");
    let title = wait_for(WAIT, "the scan", || scanned(&server));
    assert!(title.contains("203.0.113.7"), "{title}");
}

#[test]
fn syslog_by_udp_and_tcp_gives_the_same_scan() {
    let dir = tempfile::tempdir().unwrap();
    let taken = UdpSocket::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port();
    drop(taken);
    let at = format!("127.0.0.1:{port}");
    let (udp, tcp) = (format!("logs.listen_udp=[\"{at}\"]"), format!("logs.listen_tcp=[\"{at}\"]"));
    let server = start(dir.path(), &["--set", &udp, "--set", &tcp]);
    let sender = UdpSocket::bind("127.0.0.1:0").unwrap();
    for line in now_lines(1..=6).lines() {
        sender.send_to(line.as_bytes(), &at).unwrap();
    }
    let mut stream = wait_for(WAIT, "the listener", || TcpStream::connect(&at).ok());
    for line in now_lines(7..=20).lines() {
        write!(stream, "{} {line}", line.len()).unwrap();
    }
    let lines = wait_for(WAIT, "all lines", || {
        let sources = get_json(server.port, "/api/v1/sources");
        let lines = sources["sources"][0]["packets"].as_u64()?;
        (lines >= 20).then_some(lines)
    });
    assert_eq!(lines, 20);
    wait_for(WAIT, "the scan", || scanned(&server));
}

#[test]
fn a_line_that_cannot_be_read_is_counted_everywhere_and_shown_under_sources_alone() {
    let dir = tempfile::tempdir().unwrap();
    let log = dir.path().join("fw.log");
    std::fs::write(&log, "").unwrap();
    let setting = format!("logs.files=[\"{}\"]", log.display());
    let server = start(dir.path(), &["--set", &setting]);
    let ask = |path: &str| get_json(server.port, path);
    wait_for(WAIT, "the file is followed", || (ask("/api/v1/sources")["sources"][0]["kind"] == "log").then_some(()));
    std::thread::sleep(Duration::from_millis(500));
    let mut file = std::fs::OpenOptions::new().append(true).open(&log).unwrap();
    writeln!(file, "{}door opened, password=open-sesame", now_lines(1..=3)).unwrap();
    let source = wait_for(WAIT, "all lines and a rate", || {
        let source = ask("/api/v1/sources")["sources"][0].clone();
        (source["packets"] == 4 && source["packets_per_s"].as_f64()? > 0.0).then_some(source)
    });
    assert_eq!(
        (&source["units"], &source["state"], &source["level"]),
        (&"lines".into(), &"running".into(), &"warning".into())
    );
    assert_eq!((&source["told"]["flows"], &source["unreadable"]["format_unknown"]), (&3.into(), &1.into()));
    let sample = &source["log"]["sample"][0];
    assert_eq!(
        (&sample["text"], &sample["reason"]),
        (&"door opened, password=open-sesame".into(), &"format_unknown".into())
    );
    assert_eq!(sample["from"], log.display().to_string());
    for path in ["/api/v1/health", "/api/v1/summary", "/api/v1/sources?brief=true"] {
        let text = ask(path).to_string();
        assert!(text.contains("1 of 4 lines cannot be read"), "{path}: {text}");
        assert!(!text.contains("open-sesame"), "{path}: {text}");
    }
}

#[test]
fn logs_are_replayed_beside_captures_merged_by_time_and_at_their_pace() {
    let dir = tempfile::tempdir().unwrap();
    let file = |name: &str, lines: String| {
        let path = dir.path().join(name);
        std::fs::write(&path, lines).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let half =
        |odd: u16| (1..=40).filter(|n| n % 2 == odd).map(|n| dropped(u32::from(n), n) + "\n").collect::<String>();
    let (odd, even) = (file("odd.log", half(1)), file("even.log", half(0) + "door opened\n"));
    let server = start(dir.path(), &["-r", &odd, "-r", &even, "--speed", "max"]);
    let source = wait_for(WAIT, "the end of both", || {
        let source = get_json(server.port, "/api/v1/sources")["sources"][0].clone();
        (source["state"] == "ended").then_some(source)
    });
    assert_eq!((&source["kind"], &source["units"]), (&"log_file".into(), &"lines".into()));
    assert_eq!((&source["state_text"], &source["packets"]), (&"Read to its end".into(), &41.into()));
    assert_eq!((&source["told"]["flows"], &source["unreadable"]["format_unknown"]), (&40.into(), &1.into()));
    assert_eq!(source["log"]["sample"][0]["text"], "door opened");
    let title = wait_for(WAIT, "the scan", || scanned(&server));
    assert!(title.contains("203.0.113.7") && title.contains("192.168.1.10"), "{title}");
    assert!(server.terminate().success());

    // The same by standard input, as `ssh firewall cat … | tripline run -r -` brings it: at the pace at which it comes.
    let all = file("all.log", (1..=40).map(|n| dropped(u32::from(n), n) + "\n").collect());
    let mut command = support::tripline();
    command.args(["run", "-r", "-", "--listen", "127.0.0.1:0", "--data-dir"]).arg(dir.path().join("piped"));
    let server = Server::start_as(command.stdin(std::fs::File::open(&all).unwrap()));
    let source = wait_for(WAIT, "the end of the pipe", || {
        let source = get_json(server.port, "/api/v1/sources")["sources"][0].clone();
        (source["state"] == "ended").then_some(source)
    });
    assert_eq!(
        (&source["kind"], &source["name"], &source["packets"]),
        (&"log_file".into(), &"standard input".into(), &40.into())
    );
    wait_for(WAIT, "the scan", || scanned(&server));
    assert!(server.terminate().success());

    // At its own pace it takes 40 s; it ends when asked all the same.
    let apart = dir.path().join("apart");
    let server = start(&apart, &["-r", &odd]);
    wait_for(WAIT, "the first lines", || {
        let source = get_json(server.port, "/api/v1/sources")["sources"][0].clone();
        (source["state"] == "running").then_some(())
    });
    assert!(server.terminate().success());
}
