//! This machine as a source of its own: without any right to capture, in a network namespace of the test's own, a new listening port
//! and a burst become incidents, sockets and processes are in the API, and CSV logs are written and rotate. Beside a capture, flows
//! have their process. Times are printed, not judged.
#![allow(clippy::unwrap_used)]

mod support;

use serde_json::Value;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};
use support::server::Server;
use support::wait_for;
use support::wire::{Helper, Wire, has};

/// Until an incident must be there: generous, machines that test are slow.
const SEEN: Duration = Duration::from_secs(30);
/// A user without any right, which every system has.
const NOBODY: &str = "65534";
/// Where the program must lie so that that user may run it.
const PYTHON: &str = "/usr/bin/python3";

/// Sends 10 MB a second to the other end for eight seconds.
const BURST: &str = "
import socket, time
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
begun = time.time()
for tick in range(800):
    for _ in range(72):
        s.sendto(b'x' * 1400, ('198.18.0.1', 9))
    time.sleep(max(0, begun + tick / 100 - time.time()))
";

/// Calls the other end, stays for three seconds, and goes.
const CALL: &str = "
import socket, time
s = socket.create_connection(('198.18.0.2', 8080))
time.sleep(3)
";

/// A program inside a namespace, as a user without rights.
fn without_rights(namespace: &str, program: &str) -> Command {
    let mut command = Wire::inside(namespace, "setpriv");
    let drop = ["--reuid", NOBODY, "--regid", NOBODY, "--clear-groups", "--inh-caps=-all", "--bounding-set=-all"];
    command.args(drop).args(["--no-new-privs", program]);
    command
}

/// True when that user may run what is tested.
fn ready(test: &str) -> bool {
    let there = has("curl", test) && has("setpriv", test) && has(PYTHON, test);
    let program = Path::new(env!("CARGO_BIN_EXE_tripline"));
    let runs = there
        && Command::new("setpriv")
            .args(["--reuid", NOBODY, "--regid", NOBODY, "--clear-groups"])
            .arg(program)
            .arg("--version")
            .output()
            .is_ok_and(|output| output.status.success());
    if there && !runs {
        eprintln!("SKIP {test}: a user without rights cannot run {}", program.display());
    }
    runs
}

/// A folder that the user without rights may write to.
fn folder() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    let owner = Command::new("chown").args([NOBODY, dir.path().to_str().unwrap()]).status().unwrap();
    assert!(owner.success());
    dir
}

fn watch(wire: &Wire, data: &Path) -> Server {
    let mut command = without_rights(&wire.a, env!("CARGO_BIN_EXE_tripline"));
    command.args(["run", "--listen", "127.0.0.1:0", "--data-dir", data.to_str().unwrap()]);
    let settings = ["behaviour.burst.learn_s=4", "logging.csv.enabled=true", "logging.csv.traffic_every_s=1"];
    for setting in settings.into_iter().chain(["logging.csv.rotate_interval_s=3", "logging.csv.keep_files=100"]) {
        command.args(["--set", setting]);
    }
    Server::start_as(&mut command)
}

/// The first incident that matches.
fn incident(wire: &Wire, server: &Server, query: &str) -> Value {
    wait_for(SEEN, query, || {
        let list = wire.get(server, &format!("/api/v1/incidents?q={query}"));
        list["items"].as_array().unwrap().first().cloned()
    })
}

/// All data rows of one log, those put aside first; every file has the header and whole rows.
fn rows(folder: &Path, name: &str) -> (Vec<String>, usize) {
    let files = support::files_below(folder).into_iter();
    let mut files: Vec<_> = files.filter(|f| f.file_name().unwrap().to_string_lossy().starts_with(name)).collect();
    files.sort_by_key(|f| (f.file_stem().unwrap() == name, f.clone()));
    let mut all = Vec::new();
    let mut header = None;
    for file in &files {
        let text = std::fs::read_to_string(file).unwrap();
        assert!(text.ends_with('\n'), "{} ends within a row", file.display());
        let mut lines = text.lines().map(str::to_owned);
        let first = lines.next().unwrap();
        assert_eq!(header.get_or_insert(first.clone()), &first);
        let width = first.split(',').count();
        all.extend(lines.inspect(|line| assert_eq!(line.split(',').count(), width, "{line}")));
    }
    (all, files.len())
}

#[test]
fn without_any_right_a_new_port_and_a_burst_become_incidents() {
    let test = "without_any_right_a_new_port_and_a_burst_become_incidents";
    if !ready(test) {
        return;
    }
    let Some(wire) = Wire::new(test, "host") else { return };
    let dir = folder();
    let server = watch(&wire, dir.path());
    let mut before = Value::Null;
    for _ in 0..3 {
        before = wait_for(SEEN, "a reading", || {
            let sockets = wire.get(&server, "/api/v1/sockets");
            assert_eq!((&sockets["watching"], &sockets["problem"]), (&Value::Bool(true), &Value::Null));
            (sockets["read"] != before).then(|| sockets["read"].clone())
        });
    }
    assert_eq!(wire.get(&server, "/api/v1/sockets")["alone"], true);
    assert_eq!(wire.get(&server, "/api/v1/summary")["mode"], "host");
    a_new_port(&wire, &server);
    let burst = Instant::now();
    let _sender = Helper(Wire::inside(&wire.b, PYTHON).args(["-c", BURST]).spawn().unwrap());
    let told = incident(&wire, &server, "detector:burst");
    eprintln!("burst in the list {:.1} s after it began", burst.elapsed().as_secs_f64());
    assert!(told["title"].as_str().unwrap().starts_with("Interface wa of this machine receives "), "{told}");
    assert_eq!(told["kind"], "volume");
    assert!(server.terminate().success());
    let (traffic, files) = rows(&dir.path().join("csv"), "traffic");
    assert!(files > 1 && traffic.iter().all(|row| row.contains(",wa,")), "{files} files, {traffic:?}");
    let received: u64 = traffic.iter().map(|row| row.split(',').nth(3).unwrap().parse::<u64>().unwrap()).sum();
    assert!(received > 10_000_000, "{received} bytes in {} rows", traffic.len());
    let (connections, _) = rows(&dir.path().join("csv"), "connections");
    let opened = |row: &&String| row.contains(",opened,TCP,0.0.0.0,8000,") && row.contains(",python3");
    assert_eq!(connections.iter().filter(opened).count(), 1, "{connections:?}");
    assert!(connections.iter().any(|row| row.contains(",closed,TCP,0.0.0.0,8000,")), "{connections:?}");
}

/// A web server of the same user comes up: an incident, and a row of the API with its process; then it goes.
fn a_new_port(wire: &Wire, server: &Server) {
    let begun = Instant::now();
    let mut command = without_rights(&wire.a, PYTHON);
    let serve = ["-m", "http.server", "8000", "--bind", "0.0.0.0", "--directory", "/"];
    let child = command.args(serve).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let web = Helper(child);
    let told = incident(wire, server, "detector:new_listener");
    eprintln!("new listening port in the list {:.1} s after its program was started", begun.elapsed().as_secs_f64());
    let title = told["title"].as_str().unwrap();
    let words = [format!("python3 (process {}, user ", web.0.id()), "listens on TCP port 8000".to_owned()];
    assert!(words.iter().all(|word| title.contains(word)), "{title}");
    assert_eq!((&told["kind"], &told["src"]), (&"new_service".into(), &serde_json::json!(["198.18.0.1"])));
    let sockets = wire.get(server, "/api/v1/sockets");
    let listening = sockets["listening"].as_array().unwrap();
    let ours = listening.iter().find(|socket| socket["local_port"] == 8000).unwrap();
    assert_eq!((&ours["pid"], &ours["owner"]), (&web.0.id().into(), &"visible".into()), "{ours}");
    assert!(sockets["processes"].as_array().unwrap().iter().any(|p| p["pid"] == web.0.id()), "{sockets}");
    assert!(sockets["interfaces"].as_array().unwrap().iter().any(|i| i["name"] == "wa"), "{sockets}");
    drop(web);
    wait_for(SEEN, "the port to be gone", || {
        let sockets = wire.get(server, "/api/v1/sockets");
        let gone = sockets["listening"].as_array().unwrap().iter().all(|socket| socket["local_port"] != 8000);
        gone.then_some(())
    });
}

#[test]
fn owners_of_others_are_said_to_be_hidden() {
    let test = "owners_of_others_are_said_to_be_hidden";
    if !ready(test) {
        return;
    }
    let Some(wire) = Wire::new(test, "hide") else { return };
    let dir = folder();
    let server = watch(&wire, dir.path());
    wait_for(SEEN, "a reading", || wire.get(&server, "/api/v1/sockets")["read"].as_str().map(drop));
    // Root's, which the watching user may not look into.
    let mut command = Wire::inside(&wire.a, PYTHON);
    let serve = ["-m", "http.server", "31337", "--bind", "0.0.0.0"];
    let _web = Helper(command.args(serve).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap());
    let told = incident(&wire, &server, "detector:new_listener");
    let title = told["title"].as_str().unwrap();
    assert!(title.starts_with("A program of user root (which one is not visible without rights) listens"), "{title}");
    assert_eq!(told["severity"], "medium");
    let sockets = wire.get(&server, "/api/v1/sockets");
    let ours = sockets["listening"].as_array().unwrap().iter().find(|s| s["local_port"] == 31_337).unwrap();
    assert_eq!((&ours["pid"], &ours["owner"]), (&Value::Null, &"hidden".into()), "{ours}");
    assert!(sockets["owners_hidden"].as_u64().unwrap() >= 1);
    assert!(server.terminate().success());
}

#[test]
fn a_captured_flow_has_the_process_whose_socket_it_was() {
    let test = "a_captured_flow_has_the_process_whose_socket_it_was";
    if !has("curl", test) || !has(PYTHON, test) {
        return;
    }
    let Some(wire) = Wire::new(test, "own") else { return };
    let dir = tempfile::tempdir().unwrap();
    let mut command = Wire::inside(&wire.a, env!("CARGO_BIN_EXE_tripline"));
    command.args(["run", "-i", "wa", "--listen", "127.0.0.1:0", "--data-dir", dir.path().to_str().unwrap()]);
    let server = Server::start_as(command.args(["--set", "logging.csv.enabled=true"]));
    let web = |namespace: &str, port: &str| {
        let mut command = Wire::inside(namespace, PYTHON);
        let serve = ["-m", "http.server", port, "--bind", "0.0.0.0"];
        Helper(command.args(serve).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap())
    };
    let (ours, _theirs) = (web(&wire.a, "8000"), web(&wire.b, "8080"));
    // Beside the capture, the new port is told too.
    let told = incident(&wire, &server, "detector:new_listener");
    assert!(told["title"].as_str().unwrap().contains("TCP port 8000"), "{told}");
    assert_eq!(wire.get(&server, "/api/v1/sockets")["alone"], false);
    wait_for(SEEN, "a page of the guest's", || {
        let page = Wire::inside(&wire.b, "curl").args(["-sS", "-o", "/dev/null", "http://198.18.0.1:8000/"]).output();
        page.is_ok_and(|output| output.status.success()).then_some(())
    });
    let mut caller = Wire::inside(&wire.a, PYTHON).args(["-c", CALL]).spawn().unwrap();
    let calling = caller.id();
    assert!(caller.wait().unwrap().success());
    let flow = |query: &str| {
        wait_for(SEEN, query, || {
            let flows = wire.get(&server, &format!("/api/v1/flows?q={query}"));
            flows["items"].as_array().unwrap().first().cloned()
        })
    };
    let guest = flow("dest_port:8000%20process:python3");
    assert_eq!(guest["process_id"], ours.0.id(), "{guest}");
    let call = flow("dest_port:8080%20process:python3");
    assert_eq!((&call["process_id"], &call["dest_ip"]), (&calling.into(), &"198.18.0.2".into()), "{call}");
    assert_eq!(wire.get(&server, "/api/v1/flows?q=dest_port:8080%20-process:python3")["total"], 0);
    assert!(server.terminate().success());
    let (connections, _) = rows(&dir.path().join("csv"), "connections");
    let ours = |row: &&String| row.contains(",flow,TCP,198.18.0.1,") && row.contains(&format!(",{calling},python3,"));
    assert_eq!(connections.iter().filter(ours).count(), 1, "{connections:?}");
}
