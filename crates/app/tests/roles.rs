//! A sensor, two detectors and a server as processes of their own with a real broker of Apache Kafka between them, beside one process that
//! does everything: the same incidents, the same flows, also when a detector is killed, the broker restarted or the network cut.
#![cfg(feature = "kafka")]
#![allow(clippy::unwrap_used)]

mod support;

use serde_json::Value;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;
use support::http::request;
use support::kafka::Broker;
use support::server::Server;
use support::{run, tripline, wait_for};

/// Until something is there, on a busy machine.
const PATIENCE: Duration = Duration::from_mins(3);
/// How long after a loss the others must be at work again.
const RECOVERY: Duration = Duration::from_secs(30);
/// What the office suffers.
const ATTACKS: &str = "office,port_scan_fast,host_sweep,ssh_brute_force,dns_tunnel,beacon,exfiltration";
/// Nothing is learned while it runs: learning takes its own time, and two runs would differ by it.
const FIXED: [&str; 4] = ["--set", "models.retrain_every_h=0", "--set", "packets.enabled=false"];

/// A simulation, thinned: what is compared are flows and incidents, not packets.
fn simulate(dir: &Path, name: &str, scenarios: &str, duration: &str) -> PathBuf {
    let capture = dir.join(format!("{name}.pcap"));
    let w = capture.to_str().unwrap();
    run(["simulate", "--scenario", scenarios, "--duration", duration, "--rate", "200", "--seed", "7", "-w", w]).done();
    capture
}

/// A capture, and models that know the office.
struct Ground {
    _dir: tempfile::TempDir,
    root: PathBuf,
    capture: PathBuf,
    model: PathBuf,
}

impl Ground {
    fn lay() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().to_owned();
        let past = simulate(&root, "past", "office", "20m");
        let capture = simulate(&root, "attacked", ATTACKS, "15m");
        let models = root.join("models");
        run([Path::new("train"), &past, Path::new("--out"), &models]).done();
        Self { _dir: dir, root, capture, model: models.join("flow.model") }
    }

    /// A data directory with these models, or without.
    fn data(&self, name: &str, with_models: bool) -> String {
        let dir = self.root.join(name);
        std::fs::create_dir_all(&dir).unwrap();
        if with_models {
            std::fs::copy(&self.model, dir.join("flow.model")).unwrap();
        }
        dir.to_str().unwrap().to_owned()
    }
}

/// One role on a broker.
fn role(broker: &Broker, name: &str, data_dir: &str, more: &[&str]) -> Server {
    let role = name.trim_end_matches(|c: char| c.is_ascii_digit());
    let mut command = tripline();
    command.env("TRIPLINE_KAFKA__BROKERS", format!("[\"127.0.0.1:{}\"]", broker.port));
    command.args(["run", "--role", role, "--data-dir", data_dir, "--listen", "127.0.0.1:0"]).args(FIXED);
    command.args(["--set", &format!("roles.name={name}"), "--set", "roles.partitions=2"]).args(more);
    Server::start_as(&mut command)
}

/// All incidents by id, without what is said of evidence on disk: packets stay at the sensor.
fn incidents(port: u16) -> BTreeMap<String, Value> {
    let answer = request(port, "GET", "/api/v1/incidents?limit=500", None).unwrap().json();
    let items = answer["items"].as_array().unwrap().clone();
    assert_eq!(answer["total"].as_u64().unwrap(), items.len() as u64, "all on one page");
    let bare = |mut incident: Value| {
        incident.as_object_mut().unwrap().remove("evidence");
        (incident["id"].as_str().unwrap().to_owned(), incident)
    };
    items.into_iter().map(bare).collect()
}

fn flows(port: u16) -> u64 {
    request(port, "GET", "/api/v1/flows?limit=1", None).unwrap().json()["total"].as_u64().unwrap()
}

/// Waits until the history stands still with this many flows, or with any number.
fn settled(port: u16, wanted: Option<u64>) -> u64 {
    let mut last = (0, 0);
    wait_for(PATIENCE, &format!("{wanted:?} flows in the history, last seen {last:?}"), || {
        let now = flows(port);
        last = if now == last.0 { (now, last.1 + 1) } else { (now, 0) };
        let enough = wanted.map_or(now > 0 && last.1 > 60, |wanted| now >= wanted && last.1 > 20);
        enough.then_some(now)
    })
}

/// What one process makes of it.
fn in_one(ground: &Ground) -> (u64, BTreeMap<String, Value>) {
    let data_dir = ground.data("one", true);
    let capture = ground.capture.to_str().unwrap();
    let mut command = tripline();
    command
        .args(["run", "-r", capture, "--speed", "max", "--data-dir", &data_dir, "--listen", "127.0.0.1:0"])
        .args(FIXED);
    let server = Server::start_as(&mut command);
    let flows = settled(server.port, None);
    let incidents = incidents(server.port);
    assert!(server.terminate().success());
    assert!(flows > 2_000, "{flows} flows");
    let kinds: std::collections::BTreeSet<_> = incidents.values().map(|i| i["kind"].as_str().unwrap()).collect();
    assert!(kinds.len() >= 5, "{kinds:?}");
    (flows, incidents)
}

/// The names of flows, each once.
fn assert_same(ground: &Ground, port: u16, one: &(u64, BTreeMap<String, Value>)) {
    assert_eq!(settled(port, Some(one.0)), one.0, "flows in the history: none lost, none twice");
    let here = incidents(port);
    let names = |incidents: &BTreeMap<String, Value>| {
        incidents.values().map(|i| format!("{} {}", i["id"], i["title"])).collect::<Vec<_>>()
    };
    assert_eq!(names(&here), names(&one.1), "{}", ground.root.display());
    for (id, incident) in &one.1 {
        assert_eq!(&here[id], incident);
    }
}

struct Parts {
    server: Server,
    detectors: Vec<Server>,
}

/// A server whose models have come to two detectors.
fn parts(ground: &Ground, broker: &Broker, tag: &str) -> Parts {
    let server = role(broker, "server", &ground.data(&format!("{tag}-server"), true), &[]);
    let detector = |n: usize| role(broker, &format!("detector{n}"), &ground.data(&format!("{tag}-d{n}"), false), &[]);
    let detectors: Vec<Server> = (1..=2).map(detector).collect();
    for detector in &detectors {
        wait_for(PATIENCE, "models at a detector", || detector.log().contains("models from the server").then_some(()));
    }
    Parts { server, detectors }
}

#[test]
fn three_roles_tell_what_one_process_tells_also_when_a_detector_or_the_broker_dies() {
    let broker_dir = tempfile::tempdir().unwrap();
    let Some(mut broker) = Broker::start("roles", broker_dir.path()) else { return };
    let ground = Ground::lay();
    let one = in_one(&ground);
    let mut parts = parts(&ground, &broker, "calm");
    let capture = ground.capture.to_str().unwrap().to_owned();
    let sensor = role(&broker, "sensor", &ground.data("calm-sensor", false), &["-r", &capture, "--speed", "max"]);
    assert_same(&ground, parts.server.port, &one);
    // Each says once a second how it does.
    for name in ["sensor sensor", "detector detector1", "detector detector2"] {
        wait_for(RECOVERY, name, || {
            let health = request(parts.server.port, "GET", "/api/v1/health", None).ok()?.text();
            health.contains(name).then_some(())
        });
    }
    // The same capture from another sensor, slowly, while a detector is killed and the broker loses its power: the same flows again,
    // which the history has already, and not one lost.
    assert!(sensor.terminate().success());
    let before = verdicts(parts.server.port);
    parts.detectors.remove(0).kill();
    let again = role(&broker, "sensor", &ground.data("storm-sensor", false), &["-r", &capture, "--speed", "40"]);
    wait_for(RECOVERY, "the other detector at work", || (verdicts(parts.server.port) > before).then_some(()));
    broker.down();
    std::thread::sleep(Duration::from_secs(5));
    broker.up();
    let during = verdicts(parts.server.port);
    wait_for(RECOVERY, "work after the broker is back", || (verdicts(parts.server.port) > during).then_some(()));
    wait_for(PATIENCE, "every flow told again", || (verdicts(parts.server.port) == before + one.0).then_some(()));
    std::thread::sleep(Duration::from_secs(2));
    assert_eq!(verdicts(parts.server.port), before + one.0, "none twice");
    assert_eq!(flows(parts.server.port), one.0);
    drop(again);
}

/// Flows that the server was told since its start.
fn verdicts(port: u16) -> u64 {
    request(port, "GET", "/api/v1/summary", None).unwrap().json()["totals"]["flows"].as_u64().unwrap()
}
