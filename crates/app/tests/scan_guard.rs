//! What `tripline scan` refuses and how it fails, with an nmap of the test's own that writes down how it was called: nothing runs through
//! a shell, a name that resolves outside is refused by the real resolver, nmap is killed, its answer is cut short, and a scan of 256
//! addresses is cancelled by either backend. Times are printed, not judged.
#![allow(clippy::unwrap_used)]

mod support;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use support::lab::find;
use support::{Run, wait_for};

const PATIENCE: Duration = Duration::from_secs(30);
const LOOPBACK: &str = "scan.allow=[\"127.0.0.0/8\"]";
const HOST: &str = r#"<host><status state="up"/><address addr="127.0.0.1" addrtype="ipv4"/></host>"#;

/// A folder whose `nmap` runs these lines of a shell's own words, after it wrote its arguments and environment into `calls`.
fn with_nmap(body: &str) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    let calls = dir.path().join("calls");
    let text = format!("#!/bin/sh\nprintf '<%s>\\n' \"$@\" >> {0}\nexport -p >> {0}\n{body}\n", calls.display());
    fs::write(dir.path().join("text"), text).unwrap();
    // Copied by another process: what this one has just written may be held open by a child of a test beside, and is busy then.
    let program = dir.path().join("nmap");
    assert!(Command::new("cp").arg(dir.path().join("text")).arg(&program).status().unwrap().success());
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    dir
}

/// `tripline scan` with nothing in its path but the folder's nmap.
fn command(dir: &Path, args: &[&str]) -> Command {
    let mut command = support::tripline();
    command.env("PATH", dir).env("NMAPDIR", "/tmp").current_dir(dir).args(["scan", "-q"]).args(args);
    command
}

fn scan(dir: &Path, args: &[&str]) -> Run {
    support::finish(&mut command(dir, args))
}

/// One line that holds each word, and exit code 2.
fn refused(run: &Run, words: &[&str]) {
    assert_eq!(run.code, Some(2), "{}", run.stderr);
    assert_eq!(run.stderr.trim_end().lines().count(), 1, "{}", run.stderr);
    for word in words {
        assert!(run.stderr.contains(word), "`{word}` is missing: {}", run.stderr);
    }
}

#[test]
fn nothing_runs_through_a_shell_and_options_stay_words() {
    let dir = with_nmap(&format!("echo '<nmaprun>{HOST}</nmaprun>'"));
    let bad = dir.path().join("bad");
    let touch = format!("touch {}", bad.display());
    let attacks =
        [format!(";{touch}"), format!("$({touch})"), format!("`{touch}`"), format!("|{touch}"), format!("\n{touch}\n")];
    for attack in attacks.iter().map(String::as_str).chain([" -oN bad", " --script=/tmp/x.nse", " -iL /etc/passwd"]) {
        let quoted = serde_json::to_string(&format!("22{attack}")).unwrap();
        for target in [format!("127.0.0.1{attack}"), attack.trim().to_owned(), format!("a{attack}")] {
            let run = scan(dir.path(), &["--set", LOOPBACK, "--", &target]);
            refused(&run, &[]);
            assert!(
                run.stderr.contains("neither an address") || run.stderr.contains("options are not"),
                "{}",
                run.stderr
            );
        }
        for setting in ["scan.ports", "scan.udp_ports"] {
            let set = format!("{setting}={quoted}");
            refused(&scan(dir.path(), &["127.0.0.1", "--set", LOOPBACK, "--set", &set]), &[setting, "is no port"]);
        }
        let (allow, scripts) = (format!("scan.allow=[{quoted}]"), format!("scan.scripts=[{quoted}]"));
        refused(&scan(dir.path(), &["127.0.0.1", "--set", &allow]), &["scan.allow"]);
        refused(&scan(dir.path(), &["127.0.0.1", "--set", LOOPBACK, "--set", &scripts]), &["scan.scripts"]);
    }
    assert!(!bad.exists() && !dir.path().join("calls").exists(), "something ran");

    let run = scan(dir.path(), &["127.0.0.1", "--set", LOOPBACK, "--set", "scan.ports=\"22,80\"", "-o", "json"]).done();
    assert_eq!(run.json()["scans"][0]["hosts"][0]["state"], "up");
    let calls = fs::read_to_string(dir.path().join("calls")).unwrap();
    let (arguments, environment): (Vec<_>, Vec<_>) = calls.lines().partition(|line| line.starts_with('<'));
    let expected = "<-n> <--stats-every> <1s> <-oX> <-> <-T3> <--max-rate> <300> <-p> <22,80> <-sV> <--> <127.0.0.1>";
    assert_eq!(arguments.join(" "), expected);
    // The shell sets PWD by itself.
    let names = environment.iter().filter_map(|line| line.strip_prefix("export ")?.split('=').next());
    assert_eq!(
        names.filter(|name| *name != "PWD" && *name != "OLDPWD").collect::<Vec<_>>(),
        ["PATH"],
        "{environment:?}"
    );
}

#[test]
fn a_name_that_resolves_outside_is_refused_and_nothing_is_asked() {
    let test = "a_name_that_resolves_outside_is_refused_and_nothing_is_asked";
    let dir = with_nmap(&format!("echo '<nmaprun>{HOST}</nmaprun>'"));
    let hosts = dir.path().join("hosts");
    fs::write(&hosts, "127.0.0.5 inside.laboratory\n127.0.0.6 half.laboratory\n198.51.100.7 half.laboratory\n198.51.100.8 out.laboratory\n")
        .unwrap();
    let own_hosts = |program: &Path| {
        let mut command = Command::new("unshare");
        let script = "mount --bind \"$0\" /etc/hosts && exec \"$@\"";
        command.args(["--mount", "sh", "-c", script]).arg(&hosts).arg(program);
        command.stdin(Stdio::null());
        command
    };
    if !own_hosts(Path::new("true")).stderr(Stdio::null()).status().is_ok_and(|status| status.success()) {
        eprintln!("SKIP {test}: a file of hosts of one's own needs root");
        return;
    }
    let named = |name: &str, backend: &str| {
        let mut command = own_hosts(Path::new("/usr/bin/env"));
        command.arg(format!("PATH={}", dir.path().display())).arg(env!("CARGO_BIN_EXE_tripline"));
        support::finish(command.args([
            "scan",
            "-q",
            "--set",
            LOOPBACK,
            name,
            "--backend",
            backend,
            "--set",
            "scan.ports=9",
            "-o",
            "json",
        ]))
    };
    for backend in ["nmap", "connect"] {
        refused(&named("out.laboratory", backend), &["out.laboratory (198.51.100.8)", "scan.allow"]);
        refused(&named("half.laboratory", backend), &["half.laboratory (198.51.100.7)", "scan.allow"]);
    }
    assert!(!dir.path().join("calls").exists(), "nmap was called");
    let inside = named("inside.laboratory", "connect").done().json();
    assert_eq!(inside["scans"][0]["hosts"][0]["names"][0], "inside.laboratory");
    assert_eq!(inside["scans"][0]["hosts"][0]["addresses"][0]["addr"], "127.0.0.5");
    // nmap is given the address, never the name.
    named("inside.laboratory", "nmap").done();
    let calls = fs::read_to_string(dir.path().join("calls")).unwrap();
    assert!(calls.contains("<-->\n<127.0.0.5>") && !calls.contains("laboratory>"), "{calls}");
}

#[test]
fn an_answer_that_is_cut_short_is_no_scan() {
    for (answer, words) in [
        (format!("<nmaprun>{HOST}"), &["nmap's answer cannot be read", "cut short", "1 host was read"][..]),
        (format!("<nmaprun>{HOST}<host><stat"), &["cut short", "1 host was read"]),
        (String::new(), &["nmap's answer cannot be read"]),
        ("<!DOCTYPE nmaprun [<!ENTITY a \"x\">]><nmaprun/>".to_owned(), &["refused and never resolved"]),
    ] {
        let dir = with_nmap(&format!("printf '%s' '{answer}'"));
        let run = scan(dir.path(), &["127.0.0.1", "--set", LOOPBACK, "--backend", "nmap"]);
        refused(&run, words);
        assert_eq!(run.text(), "", "{answer}");
    }
}

/// The only child of a process.
fn child_of(pid: u32) -> Option<String> {
    let children = fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).ok()?;
    children.split_whitespace().next().map(str::to_owned)
}

fn signal(name: &str, pid: &str) {
    assert!(Command::new("kill").args([name, pid]).status().unwrap().success());
}

/// Waits for its end.
fn ended(mut child: Child) -> Run {
    wait_for(PATIENCE, "the scan ends", || child.try_wait().unwrap());
    let output = child.wait_with_output().unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
    Run { code: output.status.code(), stdout: output.stdout, stderr }
}

/// A scan of 256 addresses that would take hours.
fn slow_scan(backend: &str) -> Child {
    let mut command = support::tripline();
    command.args(["scan", "-q", "127.0.0.0/24", "--set", LOOPBACK, "--backend", backend, "-o", "json"]);
    command.args(["--set", "scan.rate_packets_per_s=50", "--set", "scan.ports=\"1-5000\""]);
    command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

/// Those that there are.
fn backends(test: &str) -> Vec<&'static str> {
    if find("nmap").is_some() {
        return vec!["nmap", "connect"];
    }
    eprintln!("SKIP {test}: nmap is not installed");
    vec!["connect"]
}

#[test]
fn a_scan_of_256_addresses_is_cancelled_by_either_backend() {
    for backend in backends("a_scan_of_256_addresses_is_cancelled_by_either_backend") {
        let child = slow_scan(backend);
        let pid = child.id();
        let nmap = (backend == "nmap").then(|| wait_for(PATIENCE, "nmap begins", || child_of(pid)));
        // Signals are listened to from the beginning of the scan on; the kernel shows that they are.
        wait_for(PATIENCE, "the scan listens to signals", || {
            let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
            let caught = status.lines().find_map(|line| line.strip_prefix("SigCgt:"))?.trim();
            (u64::from_str_radix(caught, 16).ok()? & (1 << 14) != 0).then_some(())
        });
        std::thread::sleep(Duration::from_millis(500));
        let begun = Instant::now();
        signal("-TERM", &pid.to_string());
        let run = ended(child);
        println!("{backend}: cancelled {} ms after it was asked to", begun.elapsed().as_millis());
        refused(&run, &["incomplete", "cancelled"]);
        let scan = &run.json()["scans"][0];
        let hosts = scan["hosts"].as_array().unwrap().len();
        assert!(hosts < 256 && scan["incomplete"].as_str().unwrap().contains("cancelled"), "{backend}: {hosts} hosts");
        let left = nmap.filter(|pid| Path::new("/proc").join(pid).exists());
        assert_eq!(left, None, "nmap is still there");
    }
}

#[test]
fn an_nmap_that_is_killed_is_said() {
    let test = "an_nmap_that_is_killed_is_said";
    if find("nmap").is_none() {
        eprintln!("SKIP {test}: nmap is not installed");
        return;
    }
    let child = slow_scan("nmap");
    let nmap = wait_for(PATIENCE, "nmap begins", || {
        let nmap = child_of(child.id())?;
        // Before it is nmap it is this program's own copy.
        let name = fs::read_to_string(format!("/proc/{nmap}/comm")).ok()?;
        (name.trim() == "nmap").then_some(nmap)
    });
    signal("-KILL", &nmap);
    let run = ended(child);
    refused(&run, &["incomplete", "killed by signal 9", "run it again"]);
    assert!(run.json()["scans"][0]["incomplete"].as_str().unwrap().contains("only hosts that were done"));
}

#[test]
fn udp_by_nmap_without_root_is_said_with_what_to_do() {
    let test = "udp_by_nmap_without_root_is_said_with_what_to_do";
    let program = PathBuf::from(env!("CARGO_BIN_EXE_tripline"));
    let mut command = Command::new("setpriv");
    command.args(["--reuid", "65534", "--regid", "65534", "--clear-groups"]).arg(&program).stdin(Stdio::null());
    let runs = Command::new("setpriv")
        .args(["--reuid", "65534", "--regid", "65534", "--clear-groups"])
        .arg(&program)
        .arg("--version")
        .output();
    if !runs.is_ok_and(|output| output.status.success()) {
        eprintln!("SKIP {test}: a user without rights cannot run {}", program.display());
        return;
    }
    command.args(["scan", "-q", "127.0.0.1", "--set", LOOPBACK, "--set", "scan.udp_ports=53", "--backend", "nmap"]);
    refused(&support::finish(&mut command), &["root", "--backend connect", "scan.udp_ports"]);
}
