//! The levels beside flows, from the outside: packets, minutes of hosts and series are learned from captures by `train`, judge in
//! `analyze` and `run`, are listed, shown, checked, and refused when they are damaged or of another kind.
#![allow(clippy::unwrap_used)]

mod support;

use std::path::Path;
use std::time::Duration;
use support::http::get_json;
use support::run;

/// Until a replay has ended and the levels have learned: generous, machines that test are slow.
const PATIENCE: Duration = Duration::from_mins(4);

/// An hour of an office, and a folder with a model of every kind that learned it.
fn trained(dir: &Path) -> (String, String) {
    let capture = support::simulate(dir, "hour", "office", "60m").to_str().unwrap().to_owned();
    let models = dir.join("models").to_str().unwrap().to_owned();
    // Fewer steps than a real training would take: what is looked at here is that all of it works together.
    let quick = ["--set", "series.lstm.train_steps=40", "--set", "series.lstm.hidden=16"];
    for kind in ["flow", "packet", "host", "series"] {
        let told = run(["train", &capture, "--kind", kind, "--out", &models].into_iter().chain(quick)).done().text();
        assert!(told.to_lowercase().contains("learned") && told.contains(&format!("{kind}.model")), "{told}");
    }
    (capture, models)
}

#[test]
fn every_kind_is_trained_shown_and_used() {
    let dir = tempfile::tempdir().unwrap();
    let (capture, models) = trained(dir.path());

    let verified = run(["models", "verify", "--model", &models]).done().text();
    assert_eq!(verified.lines().filter(|line| line.contains(": good")).count(), 4, "{verified}");
    let shown = run(["models", "show", "--model", &models]).done().text();
    for wanted in ["isolation_forest", "host.model", "schema host/1", "minutes of", "series.model", "nats a step"] {
        assert!(shown.contains(wanted), "{wanted}: {shown}");
    }
    let listed = run(["models", "list", "--model", &models, "-o", "json"]).done().json();
    let files: Vec<&str> = listed.as_array().unwrap().iter().map(|kept| kept["file"].as_str().unwrap()).collect();
    assert_eq!(files, ["flow.model", "host.model", "packet.model", "series.model"]);
    assert!(listed.as_array().unwrap().iter().all(|kept| kept["members"].as_u64() >= Some(1)), "{listed}");

    let judged = run(["analyze", &capture, "--model", &models, "-o", "json"]).done().json();
    assert!(judged["host_level"]["judged"].as_u64() > Some(200), "{judged}");
    assert!(judged["series_level"]["judged"].as_u64() > Some(200), "{judged}");
    assert_eq!(judged["host_level"]["admitted"], true, "{}", judged["host_level"]);
    let again = run(["train", &capture, "--kind", "host", "--out", &models, "-q"]).done();
    assert!(again.stdout.is_empty(), "quiet is quiet");
}

#[test]
fn damaged_files_and_those_of_another_kind_are_refused_in_words() {
    let dir = tempfile::tempdir().unwrap();
    let (capture, models) = trained(dir.path());
    let file = |name: &str| Path::new(&models).join(name);
    let analyze = || run(["analyze", &capture, "--model", &models]);
    for name in ["host.model", "series.model"] {
        let good = std::fs::read(file(name)).unwrap();
        let mut bad = good.clone();
        bad[good.len() / 2] ^= 0x10;
        std::fs::write(file(name), bad).unwrap();
        let refused = analyze();
        assert!(refused.code == Some(2) && refused.stderr.contains(name), "{}", refused.stderr);
        assert_eq!(run(["models", "verify", "--model", &models]).code, Some(2));
        std::fs::write(file(name), good).unwrap();
    }
    std::fs::copy(file("packet.model"), file("host.model")).unwrap();
    let refused = analyze();
    assert!(refused.code == Some(2) && refused.stderr.contains("host.model"), "{}", refused.stderr);

    let train = |more: &[&str]| run([&["train", &capture, "--out", &models], more].concat());
    let labels = train(&["--kind", "host", "--label-column", "x", "--benign", "y"]);
    assert!(labels.code == Some(2) && labels.stderr.contains("--kind flow"), "{}", labels.stderr);
    let short = support::simulate(dir.path(), "short", "office", "1m");
    let short = run(["train", short.to_str().unwrap(), "--kind", "host", "--out", &models]);
    assert!(short.code == Some(2) && short.stderr.contains("too few minutes of hosts"), "{}", short.stderr);
}

#[test]
fn a_running_process_learns_the_levels_keeps_them_and_shows_them() {
    let dir = tempfile::tempdir().unwrap();
    let capture = support::simulate(dir.path(), "hour", "office", "60m");
    let data = dir.path().join("data");
    let replay = ["run", "-r", capture.to_str().unwrap(), "--speed", "max", "--data-dir", data.to_str().unwrap()];
    let quick = ["--set", "series.lstm.train_steps=20", "--set", "series.lstm.hidden=8"];
    let server = support::server::Server::start(&[&replay[..], &quick[..]].concat());
    let member = |kind: &str| {
        let models = get_json(server.port, "/api/v1/models");
        models["members"].as_array().unwrap().iter().find(|member| member["kind"] == kind).cloned()
    };
    let host = support::wait_for(PATIENCE, "the host level", || member("host"));
    assert_eq!(host["name"], "half_space_trees");
    assert!(host["why"].as_str().unwrap().starts_with("Learned ") && host["held_out_fpr"].is_number(), "{host}");
    let series = support::wait_for(PATIENCE, "the level of series", || member("series"));
    assert!(series["name"].as_str().unwrap().starts_with("lstm_"), "{series}");
    assert!(series["why"].as_str().unwrap().contains("raises"), "{series}");
    assert!(server.terminate().success());
    let verified = run(["models", "verify", "--model", data.to_str().unwrap()]).done().text();
    assert!(verified.contains("host.model: good") && verified.contains("series.model: good"), "{verified}");
}
