//! `tripline models` on real files: versions listed, one shown, damage found with exit code 2, one put back.
#![allow(clippy::unwrap_used)]

mod support;

use std::path::{Path, PathBuf};
use support::run;

/// A folder with two versions, made by the program itself: models that a replay learned, and the same file as an older version.
fn trained(dir: &Path) -> PathBuf {
    let capture = support::simulate(dir, "office", "office", "3m");
    let data = dir.join("data");
    let args = ["run", "-r", capture.to_str().unwrap(), "--speed", "max", "--data-dir", data.to_str().unwrap()];
    let server = support::server::Server::start(&args);
    let ready = || support::http::get_json(server.port, "/api/v1/models")["state"] == "ready";
    support::wait_for(std::time::Duration::from_mins(2), "the first models", || ready().then_some(()));
    assert!(server.terminate().success());
    std::fs::copy(data.join("flow.model"), data.join("flow.model.1")).unwrap();
    data
}

#[test]
fn versions_are_listed_shown_checked_and_put_back() {
    let dir = tempfile::tempdir().unwrap();
    let data = trained(dir.path());
    let models = |args: &[&str]| run([&["models"], args, &["--data-dir", data.to_str().unwrap()]].concat());

    let list = models(&[]).done().text();
    assert!(list.contains("flow.model.1") && list.contains("first, in use"), "{list}");
    let json = models(&["list", "-o", "json"]).done().json();
    assert_eq!((json[0]["version"].as_u64(), json[0]["in_use"].as_bool()), (Some(1), Some(true)), "{json}");
    assert!(json[0]["trained_on"]["flows"].as_u64().unwrap() >= 500, "{json}");
    let shown = models(&["show"]).done().text();
    assert!(shown.contains("isolation_forest") && shown.contains("schema    flow/"), "{shown}");
    let shown = models(&["show", "1", "-o", "json"]).done().json();
    assert!(shown["members_told"].as_array().unwrap().len() >= 4 && shown["parts"].as_array().unwrap().len() > 4);
    let verified = models(&["verify"]).done().text();
    assert_eq!(verified.lines().filter(|l| l.contains(": good")).count(), 2, "{verified}");

    let refused = models(&["rollback", "1"]);
    assert!(refused.code == Some(2) && refused.stderr.contains("in place already"), "{}", refused.stderr);
    let refused = models(&["rollback", "77"]);
    assert!(refused.code == Some(2) && refused.stderr.contains("not kept; kept are 1, 1"), "{}", refused.stderr);
    let refused = models(&["show", "77"]);
    assert!(refused.code == Some(2) && refused.stderr.contains("version 77"), "{}", refused.stderr);
}

#[test]
fn damage_is_found_wherever_it_is() {
    let dir = tempfile::tempdir().unwrap();
    let data = trained(dir.path());
    let good = std::fs::read(data.join("flow.model.1")).unwrap();
    let verify = || run(["models", "verify", "--model", data.to_str().unwrap()]);
    for place in [0, 9, 60, good.len() / 3, good.len() / 2, good.len() - 1] {
        let mut bad = good.clone();
        bad[place] ^= 0x10;
        std::fs::write(data.join("flow.model.1"), bad).unwrap();
        let found = verify();
        assert_eq!(found.code, Some(2), "byte {place}: {}", found.stderr);
        assert!(found.stderr.starts_with("tripline: models ") && found.stderr.lines().count() == 1, "{}", found.stderr);
        assert!(found.stderr.contains("flow.model.1") && found.text().contains("flow.model: good"), "{}", found.stderr);
    }
    for length in [0, 7, good.len() / 2, good.len() - 1] {
        std::fs::write(data.join("flow.model.1"), &good[..length]).unwrap();
        assert_eq!(verify().code, Some(2), "cut to {length} bytes");
    }
    let listed = run(["models", "--model", data.to_str().unwrap()]).done().text();
    assert!(listed.contains("flow.model.1"), "a damaged one is listed with its reason: {listed}");
}

#[test]
fn an_empty_or_missing_folder_says_what_to_do() {
    let dir = tempfile::tempdir().unwrap();
    let empty = run(["models", "--model", dir.path().to_str().unwrap()]);
    assert!(empty.code == Some(2) && empty.stderr.contains("there are no models"), "{}", empty.stderr);
    let missing = run(["models", "verify", "--model", dir.path().join("nothing").to_str().unwrap()]);
    assert!(missing.code == Some(2) && missing.stderr.lines().count() == 1, "{}", missing.stderr);
}
