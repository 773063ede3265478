//! Threat-intelligence lists through the real program: found in a capture, said when wrong, taken over while it runs.
#![allow(clippy::unwrap_used)]

mod support;

use std::path::Path;
use std::time::Duration;
use support::http::get_json;
use support::server::Server;
use support::wait_for;

const SOON: Duration = Duration::from_secs(30);

/// A settings file that names one list.
fn settings(dir: &Path, list: &Path) -> String {
    let file = dir.join("t.toml");
    std::fs::write(
        &file,
        format!("[[intel.lists]]\nname = 'mine'\nfrom = '{}'\nseverity = 'critical'\n", list.display()),
    )
    .unwrap();
    file.to_str().unwrap().to_owned()
}

/// The outside server of most flows of a capture, so that a list can name it.
fn busiest_server(capture: &str) -> String {
    let flows = support::run(["flows", capture, "-o", "json"]).done().text();
    let mut counts = std::collections::BTreeMap::<String, usize>::new();
    for flow in flows.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap()) {
        let address = flow["dest_ip"].as_str().unwrap();
        if !["10.", "192.168.", "224.", "239.", "255.", "f"].iter().any(|home| address.starts_with(home)) {
            *counts.entry(address.to_owned()).or_default() += 1;
        }
    }
    counts.into_iter().max_by_key(|(_, n)| *n).unwrap().0
}

#[test]
fn a_listed_server_in_a_capture_is_an_incident_with_the_lists_words() {
    let dir = tempfile::tempdir().unwrap();
    let capture = support::simulate(dir.path(), "office", "office", "5m");
    let capture = capture.to_str().unwrap();
    let (server, list) = (busiest_server(capture), dir.path().join("bad.csv"));
    std::fs::write(&list, format!("ip_address,malware\n{server},Emotet\n203.0.113.77,Dridex\n")).unwrap();
    let (config, data) = (settings(dir.path(), &list), dir.path().join("data"));
    let found = support::run(["analyze", capture, "-o", "json", "-c", &config, "--data-dir", data.to_str().unwrap()]);
    let incidents = found.done().json()["incidents"].clone();
    let told: Vec<_> = incidents.as_array().unwrap().iter().filter(|i| i["kind"] == "imported_alert").collect();
    assert!(!told.is_empty());
    for incident in told {
        assert_eq!((&incident["severity"], &incident["dest"][0]), (&"critical".into(), &server.as_str().into()));
        let title = incident["title"].as_str().unwrap();
        assert!(title.contains(&server) && title.ends_with("which is on the list mine: Emotet"), "{title}");
        assert_eq!(incident["detectors"][0]["name"], "threat_intel");
        assert!(incident["why"][0]["value"].as_f64().unwrap() >= 1.0 && incident["flows"].as_array().is_some());
    }
}

#[test]
fn lists_that_cannot_be_used_are_said_before_anything_is_judged() {
    let dir = tempfile::tempdir().unwrap();
    let capture = support::simulate(dir.path(), "office", "office", "10s");
    let list = dir.path().join("bad.txt");
    let config = settings(dir.path(), &list);
    let refused = |words: &str| {
        for command in [vec!["analyze", capture.to_str().unwrap()], vec!["config", "check"]] {
            let run = support::run(command.iter().copied().chain(["-c", &config]));
            assert_eq!((run.code, run.stderr.lines().count()), (Some(2), 1), "{}", run.stderr);
            assert!(run.stderr.contains(words), "{}", run.stderr);
        }
    };
    refused("cannot read the list");
    std::fs::write(&list, "<html>please log in</html>\n").unwrap();
    refused("is it the right file?");
    std::fs::write(&list, "{\"type\":\"bundle\",").unwrap();
    refused("is not a STIX 2.1 bundle");
}

#[test]
fn a_running_watch_takes_a_changed_list_over_and_keeps_the_old_one_when_it_goes_bad() {
    let dir = tempfile::tempdir().unwrap();
    let capture = support::simulate(dir.path(), "office", "office", "5m");
    let list = dir.path().join("bad.txt");
    std::fs::write(&list, "203.0.113.1\n").unwrap();
    let (config, data) = (settings(dir.path(), &list), dir.path().join("data"));
    let data = data.to_str().unwrap();
    let server = Server::start(&["run", "-r", capture.to_str().unwrap(), "-c", &config, "--data-dir", data]);
    let lists = || get_json(server.port, "/api/v1/threat-lists");
    assert_eq!((lists()["entries"].as_u64(), lists()["lists"][0]["name"].as_str()), (Some(1), Some("mine")));
    std::fs::write(&list, "203.0.113.1\n203.0.113.2\nnot an address\n").unwrap();
    wait_for(SOON, "the longer list", || (lists()["entries"] == 2).then_some(()));
    assert_eq!(lists()["lists"][0]["not_matchable"], 1);
    std::fs::write(&list, "nothing useful at all\n").unwrap();
    wait_for(SOON, "the problem", || lists()["lists"][0]["problem"].is_string().then_some(()));
    assert_eq!(lists()["entries"], 2, "the last good content stays");
    let health = get_json(server.port, "/api/v1/health").to_string();
    assert!(health.contains("Threat list mine"), "{health}");
    assert!(server.terminate().success());
}
