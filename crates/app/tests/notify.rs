//! Notifications to servers of others: aiosmtpd with STARTTLS and log-in, with TLS from the first byte and without either, rsyslogd over
//! UDP, TCP and TLS, a receiver over HTTP and HTTPS, a file and a program. Each is there, gone while incidents come, and back; Tripline is stopped and killed in between. None is lost,
//! none comes twice.
#![allow(clippy::unwrap_used)]

mod support;

use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::time::Duration;
use support::http::get_json;
use support::server::Server;
use support::servers::{Far, free_port, has_rsyslog, json_lines, lines, python_with_smtp, script};
use support::{finish, tripline, wait_for};

const SOON: Duration = Duration::from_mins(2);
const PASSWORD: &str = "correct-horse";

/// The world outside and the settings that name it.
struct World {
    dir: tempfile::TempDir,
    servers: Vec<Far>,
    settings: PathBuf,
    channels: Vec<&'static str>,
}

/// A server's script with its arguments.
fn call(python: Option<&str>, name: &str, args: &[&str]) -> Vec<String> {
    let path = script(name).display().to_string();
    python.into_iter().chain([path.as_str()]).chain(args.iter().copied()).map(str::to_owned).collect()
}

impl World {
    /// None, with the reason, where a server is not installed.
    fn new(test: &str) -> Option<Self> {
        let Some(python) = python_with_smtp() else {
            eprintln!("SKIP {test}: no Python with aiosmtpd (package python3-aiosmtpd)");
            return None;
        };
        if !has_rsyslog() {
            eprintln!(
                "SKIP {test}: rsyslogd with TLS or openssl is missing (packages rsyslog, rsyslog-gnutls, openssl)"
            );
            return None;
        }
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().to_str().unwrap();
        assert!(std::process::Command::new(script("certificates.sh")).arg(root).status().unwrap().success());
        let at = |name: &str| dir.path().join(name).display().to_string();
        let ports: Vec<u16> = (0..8).map(|_| free_port()).collect();
        let port = |i: usize| ports[i].to_string();
        let (cert, key) = (at("server.pem"), at("server.key"));
        let secure = [port(0), at("secure.json"), cert.clone(), key.clone(), "tripline".into(), PASSWORD.into()];
        let servers = vec![
            Far::tcp(call(Some(python), "smtp.py", &secure.each_ref().map(String::as_str)), ports[0]),
            Far::tcp(call(Some(python), "smtp.py", &[&port(1), &at("plain.json")]), ports[1]),
            Far::tcp(call(Some(python), "webhook.py", &[&port(2), &at("hook.json"), PASSWORD]), ports[2]),
            Far::tcp(call(None, "rsyslog.sh", &["tcp", &port(3), root]), ports[3]),
            Far::tcp(call(None, "rsyslog.sh", &["tls", &port(4), root]), ports[4]),
            Far::tcp(call(Some(python), "smtp.py", &[&port(6), &at("smtps.json"), &cert, &key]), ports[6]),
            Far::tcp(call(Some(python), "webhook.py", &[&port(7), &at("https.json"), PASSWORD, &cert, &key]), ports[7]),
            Far::file(call(None, "rsyslog.sh", &["udp", &port(5), root]), dir.path().join("udp.pid")),
        ];
        let settings = dir.path().join("tripline.toml");
        std::fs::write(&settings, toml(&dir.path().display().to_string(), &ports)).unwrap();
        let channels = vec!["secure", "smtps", "plain", "hook", "https", "tcp", "tls", "udp", "log", "run"];
        Some(Self { dir, servers, settings, channels })
    }

    fn start(&self, capture: &Path) -> Server {
        let data = self.dir.path().join("data");
        let args = ["run", "-r", capture.to_str().unwrap(), "--speed", "max", "-c", self.settings.to_str().unwrap()];
        Server::start(&[&args[..], &["--data-dir", data.to_str().unwrap()]].concat())
    }

    fn up(&mut self) {
        self.servers.iter_mut().for_each(Far::up);
    }

    fn down(&mut self) {
        self.servers.iter_mut().for_each(Far::down);
    }

    fn file(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// Incident and severity of every message that each channel was given, in the words of that channel.
    fn told(&self, channel: &str) -> Vec<(String, String)> {
        match channel {
            "secure" | "smtps" | "plain" => {
                json_lines(&self.file(&format!("{channel}.json"))).iter().map(of_mail).collect()
            }
            "hook" | "https" | "run" => {
                json_lines(&self.file(&format!("{channel}.json"))).iter().map(of_body).collect()
            }
            "log" => json_lines(&self.file("log.json")).iter().map(of_eve).collect(),
            "tls" => lines(&self.file("tls.log")).iter().map(|line| of_cef(line)).collect(),
            "tcp" => lines(&self.file("tcp.log")).iter().map(|line| of_eve(&after_header(line))).collect(),
            "udp" => lines(&self.file("udp.log")).iter().map(|line| of_text(line)).collect(),
            other => panic!("{other}"),
        }
    }

    /// None lost, none twice: every announced incident, each of its severities at most once, at most two messages.
    fn check(&self, announced: &BTreeSet<String>) {
        for channel in &self.channels {
            let told = self.told(channel);
            let mut times: BTreeMap<&str, usize> = BTreeMap::new();
            for (id, _) in &told {
                *times.entry(id).or_default() += 1;
            }
            let ids: BTreeSet<String> = times.keys().map(|id| (*id).to_owned()).collect();
            assert_eq!(&ids, announced, "{channel}: lost, or never announced");
            assert_eq!(told.iter().collect::<BTreeSet<_>>().len(), told.len(), "{channel}: twice: {told:?}");
            assert!(times.values().all(|n| *n <= 2), "{channel}: {times:?}");
        }
    }
}

fn toml(root: &str, ports: &[u16]) -> String {
    let common = "severity_min = \"low\"\nrate_per_hour = 0\n";
    let channel = |name: &str, kind: &str, rest: String| {
        format!("[[notify.channels]]\nname = \"{name}\"\nkind = \"{kind}\"\n{common}{rest}\n")
    };
    let mail = "from = \"Tripline <tripline@example.net>\", to = [\"admins@example.net\"]";
    let ca = format!("ca_file = \"{root}/ca.pem\"");
    std::fs::write(format!("{root}/password"), format!("{PASSWORD}\n")).unwrap();
    let run = format!("cat >> {root}/run.json; echo >> {root}/run.json");
    [
        "[notify]\nsettle_s = 0.2\nretry_first_s = 0.1\nretry_max_s = 0.5\n".to_owned(),
        channel("secure", "email", format!(
            "email = {{ host = \"127.0.0.1\", port = {}, tls = \"starttls\", user = \"tripline\", password = {{ file = \"{root}/password\" }}, {ca}, {mail} }}",
            ports[0]
        )),
        channel("plain", "email", format!("email = {{ host = \"127.0.0.1\", port = {}, tls = \"none\", {mail} }}", ports[1])),
        channel("hook", "webhook", format!(
            "webhook = {{ url = \"http://127.0.0.1:{}/in\", secret = \"{PASSWORD}\" }}",
            ports[2]
        )),
        channel("smtps", "email", format!("email = {{ host = \"127.0.0.1\", port = {}, tls = \"tls\", {ca}, {mail} }}", ports[6])),
        channel("https", "webhook", format!(
            "webhook = {{ url = \"https://127.0.0.1:{}/in\", secret = \"{PASSWORD}\", {ca} }}",
            ports[7]
        )),
        channel("tcp", "syslog", format!("syslog = {{ host = \"127.0.0.1\", port = {}, format = \"eve\" }}", ports[3])),
        channel("tls", "syslog", format!(
            "syslog = {{ host = \"127.0.0.1\", port = {}, transport = \"tls\", format = \"cef\", {ca} }}",
            ports[4]
        )),
        channel("udp", "syslog", format!("syslog = {{ host = \"127.0.0.1\", port = {}, transport = \"udp\" }}", ports[5])),
        channel("log", "file", format!("file.path = \"{root}/log.json\"")),
        channel("run", "command", format!("command = {{ program = \"/bin/sh\", args = [\"-c\", \"{run}\"] }}")),
    ]
    .join("\n")
}

fn of_mail(mail: &Value) -> (String, String) {
    let text = mail["parts"][0][2].as_str().unwrap();
    let severity = text.lines().nth(1).unwrap().split(' ').next().unwrap().to_lowercase();
    let id = text.lines().find_map(|line| line.strip_prefix("incident ")).unwrap().to_owned();
    (id, severity)
}

fn of_body(kept: &Value) -> (String, String) {
    let body = if kept["body"].is_null() { kept } else { &kept["body"] };
    let incidents = body["incidents"].as_array().unwrap();
    assert_eq!(incidents.len(), 1);
    let text = |name: &str| incidents[0]["incident"][name].as_str().unwrap().to_owned();
    (text("id"), text("severity"))
}

fn of_eve(event: &Value) -> (String, String) {
    let metadata = &event["alert"]["metadata"];
    let tags = metadata["tag"].as_array().unwrap();
    let id = tags.iter().find_map(|tag| tag.as_str().unwrap().strip_prefix("incident.")).unwrap();
    (id.to_owned(), metadata["signature_severity"][0].as_str().unwrap().to_owned())
}

/// The JSON after a syslog header.
fn after_header(line: &str) -> Value {
    serde_json::from_str(&line[line.find('{').unwrap()..]).unwrap()
}

fn of_cef(line: &str) -> (String, String) {
    let id = line.split("externalId=").nth(1).unwrap().split(' ').next().unwrap();
    let severity = line.split('|').nth(6).unwrap();
    (id.to_owned(), severity.to_owned())
}

fn of_text(line: &str) -> (String, String) {
    let field = |name: &str| line.split(name).nth(1).unwrap().split([' ', ']']).next().unwrap().to_owned();
    (field("incident="), field("[severity="))
}

/// Incidents that are announced, once the whole capture is judged and no more come.
fn announced(server: &Server) -> BTreeSet<String> {
    wait_for(SOON, "the end of the capture", || {
        let summary = get_json(server.port, "/api/v1/summary");
        (summary["sources"][0]["state"] == "ended").then_some(())
    });
    let ask = || {
        let page = get_json(server.port, "/api/v1/incidents?limit=500&q=over_budget:false+step:false");
        let items = page["items"].as_array().unwrap();
        items.iter().map(|i| i["id"].as_str().unwrap().to_owned()).collect::<BTreeSet<_>>()
    };
    let mut last = (ask(), 0);
    wait_for(SOON, "a quiet inbox", || {
        let now = ask();
        last = if now == last.0 { (now, last.1 + 1) } else { (now, 0) };
        (last.1 > 30).then(|| last.0.clone())
    })
}

fn channels(server: &Server) -> Vec<Value> {
    get_json(server.port, "/api/v1/notifications")["channels"].as_array().unwrap().clone()
}

/// How long the servers stay away beyond what the test itself takes: TRIPLINE_TEST_DOWN_S=60 for a minute of refused attempts.
fn down_for() -> Duration {
    let told = std::env::var("TRIPLINE_TEST_DOWN_S").ok();
    Duration::from_secs(told.map_or(0, |s| s.parse().expect("TRIPLINE_TEST_DOWN_S is a number of seconds")))
}

fn nothing_waits(server: &Server) {
    wait_for(SOON, "everything accepted", || {
        channels(server).iter().all(|c| c["waiting"] == 0 && c["failed"] == 0 && c["state"] == "idle").then_some(())
    });
}

#[test]
fn servers_go_and_come_back_and_tripline_is_killed_yet_none_is_lost_and_none_comes_twice() {
    let Some(mut world) = World::new("notify::servers") else { return };
    let scans = support::simulate(world.dir.path(), "scans", "office,port_scan_fast,host_sweep", "3m");
    let floods = support::simulate(world.dir.path(), "floods", "office,ssh_brute_force,syn_flood,arp_spoof", "3m");
    let quiet = support::simulate(world.dir.path(), "quiet", "office", "20s");

    // All are there.
    world.up();
    let server = world.start(&scans);
    let first = announced(&server);
    assert!(first.len() >= 2, "{first:?}");
    nothing_waits(&server);
    world.check(&first);
    assert!(server.terminate().success());
    let mails = json_lines(&world.file("secure.json"));
    assert!(mails.iter().all(|mail| mail["tls"] == true && mail["login"] == true));
    let parts: Vec<&str> = mails[0]["parts"].as_array().unwrap().iter().map(|p| p[0].as_str().unwrap()).collect();
    assert_eq!(parts, ["text/plain", "text/html", "image/png"]);
    assert_eq!(mails[0]["parts"][2][2], "89504e470d0a1a0a", "a PNG");

    // All are gone; what comes waits, and outlives a kill.
    world.down();
    let server = world.start(&floods);
    let all = announced(&server);
    assert!(all.len() > first.len(), "{all:?}");
    wait_for(SOON, "the file has them", || {
        let told: BTreeSet<String> = world.told("log").into_iter().map(|(id, _)| id).collect();
        (told == all).then_some(())
    });
    let health = get_json(server.port, "/api/v1/health")["items"].to_string();
    for channel in channels(&server).iter().filter(|c| c["name"] != "log" && c["name"] != "run") {
        assert!(channel["waiting"].as_u64().unwrap() > 0 && channel["state"] == "failing", "{channel}");
        assert!(!channel["last_error"].as_str().unwrap().is_empty() && channel["next_try"].is_string(), "{channel}");
        let name = channel["name"].as_str().unwrap();
        assert!(health.contains(&format!("\\\"{name}\\\" does not accept")), "{name}: {health}");
    }
    assert!(!server.log().contains(PASSWORD) && !health.contains(PASSWORD));
    server.kill();

    // A new process finds the queue; the servers come back while it runs, go once more, and come back.
    let server = world.start(&quiet);
    std::thread::sleep(down_for());
    world.up();
    let all: BTreeSet<String> = all.union(&announced(&server)).cloned().collect();
    nothing_waits(&server);
    world.down();
    world.up();
    nothing_waits(&server);
    assert!(server.terminate().success());
    world.check(&all);
    let keys =
        |file: &str| -> Vec<Value> { json_lines(&world.file(file)).iter().map(|m| m["delivery"].clone()).collect() };
    for file in ["secure.json", "plain.json", "hook.json"] {
        let keys = keys(file);
        let distinct: BTreeSet<String> = keys.iter().map(ToString::to_string).collect();
        assert_eq!(distinct.len(), keys.len(), "{file}: a delivery came twice");
    }
}

#[test]
fn a_test_message_says_what_the_far_side_said() {
    let Some(mut world) = World::new("notify::test_message") else { return };
    world.servers[0].up();
    let test = |settings: &Path| {
        finish(tripline().args(["notify", "--test", "--channel", "secure", "-c", settings.to_str().unwrap()]))
    };
    let good = test(&world.settings).done();
    assert!(good.text().starts_with("accepted  secure") && good.text().contains("250 OK kept"), "{}", good.text());
    assert_eq!(json_lines(&world.file("secure.json")).len(), 1);

    // A wrong password: the server's words, and not the password.
    std::fs::write(world.file("password"), "wrong-battery").unwrap();
    let bad = test(&world.settings);
    assert_eq!(bad.code, Some(2), "{}", bad.stderr);
    assert!(bad.stderr.contains("535") && !bad.stderr.contains("wrong-battery"), "{}", bad.stderr);
    assert!(bad.text().starts_with("REFUSED") && !bad.text().contains("wrong-battery"), "{}", bad.text());

    // An authority that did not sign the server: no log-in is tried.
    std::fs::write(world.file("password"), PASSWORD).unwrap();
    let other = tempfile::tempdir().unwrap();
    assert!(std::process::Command::new(script("certificates.sh")).arg(other.path()).status().unwrap().success());
    std::fs::copy(other.path().join("ca.pem"), world.file("ca.pem")).unwrap();
    let bad = test(&world.settings);
    assert_eq!(bad.code, Some(2));
    assert!(bad.stderr.contains("certificate"), "{}", bad.stderr);
    assert_eq!(json_lines(&world.file("secure.json")).len(), 1);

    let shown = finish(tripline().args(["config", "show", "-c", world.settings.to_str().unwrap()])).done().text();
    assert!(!shown.contains(PASSWORD) && shown.contains("********"), "{shown}");
}
