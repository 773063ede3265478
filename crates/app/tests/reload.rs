//! SIGHUP on the running program: what can be applied is applied and seen through the API, what cannot is named, and a bad file
//! changes nothing.
#![allow(clippy::unwrap_used)]

mod support;

use std::time::Duration;
use support::http::get_json;
use support::server::{Server, signal};
use support::wait_for;

const SOON: Duration = Duration::from_secs(30);

fn per_hour(server: &Server) -> f64 {
    get_json(server.port, "/api/v1/summary")["budget"]["per_hour"].as_f64().unwrap()
}

#[test]
fn settings_are_applied_while_it_runs_and_a_bad_file_changes_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let capture = support::simulate(dir.path(), "office", "office", "5m");
    let (file, data) = (dir.path().join("t.toml"), dir.path().join("data"));
    let write = |text: &str| std::fs::write(&file, text).unwrap();
    write("[alert]\nper_hour = 3\n");
    let (path, file, data) = (capture.to_str().unwrap(), file.to_str().unwrap(), data.to_str().unwrap());
    let server = Server::start(&["run", "-r", path, "-c", file, "--data-dir", data]);
    assert_eq!(per_hour(&server), 3.0);

    write(
        "[alert]\nper_hour = 9\n[behaviour]\ndisabled = [\"beacon\"]\n[models]\ntrees = 50\n[capture]\nworkers = 1\n",
    );
    signal(server.pid, "HUP");
    wait_for(SOON, "the new budget", || (per_hour(&server) == 9.0).then_some(()));
    wait_for(SOON, "the log", || server.log().contains("need a new start: capture.workers").then_some(()));
    assert!(server.log().contains("settings applied: alert.per_hour, behaviour.disabled\n"), "{}", server.log());
    assert!(server.log().contains("from the next training on: models.trees\n"), "{}", server.log());

    write("[alert]\nper_hour = 20\nper_huor = 1\n");
    signal(server.pid, "HUP");
    wait_for(SOON, "the refusal", || server.log().contains("the old ones stay").then_some(()));
    assert!(server.log().contains("line 3") && server.log().contains("per_huor"), "{}", server.log());
    assert_eq!(per_hour(&server), 9.0);

    write("[store]\nmax_bytes = 5\n");
    signal(server.pid, "HUP");
    wait_for(SOON, "the second refusal", || server.log().contains("max_bytes").then_some(()));
    assert_eq!(per_hour(&server), 9.0, "nothing of a bad file is applied");

    write("");
    signal(server.pid, "HUP");
    wait_for(SOON, "the default", || (per_hour(&server) == 4.0).then_some(()));
    assert!(server.terminate().success());
}
