//! nmap played by small programs, so that each way in which it can end is seen.
#![allow(clippy::unwrap_used)]

use super::*;
use crate::control::Cancel;
use crate::settings::ScanConfig;
use crate::targets::AllowList;
use crate::xml::Progress;
use std::path::PathBuf;
use std::time::{Duration, Instant};

const HOST: &str = r#"<host><status state="up"/><address addr="127.0.0.1" addrtype="ipv4"/></host>"#;

/// A program that is called as nmap is.
fn program(dir: &Path, body: &str) -> PathBuf {
    let path = dir.join("nmap");
    let text = dir.join("text");
    std::fs::write(&text, format!("#!/bin/sh\n{body}\n")).unwrap();
    // Copied by another process: a file that this one has just written may be held open by a child of a test beside, and is busy then.
    assert!(Command::new("cp").args([&text, &path]).status().unwrap().success());
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
    path
}

fn run(program: &Path, given: &[&str], cancel: &Cancel) -> (Result<Scan, ScanError>, Vec<Progress>) {
    run_as(program, given, cancel, &ScanConfig::default())
}

/// Cancelled when a task called `now` tells its progress, or the real nmap's port scan does.
fn run_as(
    program: &Path,
    given: &[&str],
    cancel: &Cancel,
    config: &ScanConfig,
) -> (Result<Scan, ScanError>, Vec<Progress>) {
    let allow = AllowList::new(&["127.0.0.0/8".to_owned(), "::1".to_owned()], &crate::resolve).unwrap();
    let given: Vec<String> = given.iter().map(|s| (*s).to_owned()).collect();
    let targets = Targets::new(&given, &allow, 16, &crate::resolve).unwrap();
    let mut told = Vec::new();
    let mut progress = |progress: &Progress| {
        told.push(progress.clone());
        if progress.task == "now" || progress.task.ends_with(" Scan") {
            cancel.cancel();
        }
    };
    let deadline = Instant::now() + Duration::from_mins(1);
    let mut control = Control { cancel: cancel.clone(), deadline, progress: &mut progress };
    let scan = NmapScan::new(config).unwrap();
    let result = scan.run_with(program.as_os_str(), &targets, &mut control);
    (result, told)
}

#[test]
fn a_good_run_is_a_scan_and_sees_no_foreign_environment() {
    let dir = tempfile::tempdir().unwrap();
    let body = format!(
        "echo '<nmaprun scanner=\"nmap\" args=\"'\"$#$HOME\"'\"><taskprogress task=\"t\" percent=\"5\" remaining=\"3\"/>{HOST}</nmaprun>'"
    );
    let (scan, told) = run(&program(dir.path(), &body), &["127.0.0.1", "::1"], &Cancel::default());
    let scan = scan.unwrap();
    assert_eq!((scan.hosts.len(), scan.incomplete), (2, None));
    // 13 arguments for IPv4, one more for IPv6, and no HOME.
    assert_eq!(scan.args, "13; 14");
    assert_eq!(told[0], Progress { task: "t".to_owned(), percent: 5.0, remaining_s: Some(3), hosts_done: 0 });
}

#[test]
fn failures_say_what_nmap_said() {
    let dir = tempfile::tempdir().unwrap();
    let (error, _) =
        run(&program(dir.path(), "echo 'it does not like this' >&2; exit 3"), &["127.0.0.1"], &Cancel::default());
    let error = error.unwrap_err().to_string();
    assert!(error.contains("exit code 3") && error.contains("it does not like this"), "{error}");
    let (error, _) = run(&program(dir.path(), "echo '<html/>'"), &["127.0.0.1"], &Cancel::default());
    assert!(error.unwrap_err().to_string().contains("not nmap's"));
    let (error, _) = run(&dir.path().join("nothing"), &["127.0.0.1"], &Cancel::default());
    let error = error.unwrap_err().to_string();
    assert!(error.contains("apt-get install nmap") && error.contains("--backend connect"), "{error}");
}

#[test]
fn a_killed_nmap_leaves_an_incomplete_scan() {
    let dir = tempfile::tempdir().unwrap();
    let (scan, _) = run(
        &program(dir.path(), &format!("echo '<nmaprun>{HOST}<host>'; kill -9 $$")),
        &["127.0.0.1"],
        &Cancel::default(),
    );
    let scan = scan.unwrap();
    assert_eq!(scan.hosts.len(), 1);
    assert!(scan.incomplete.unwrap().contains("killed by signal 9"));
}

#[test]
fn a_cancelled_nmap_is_ended_and_waited_for() {
    let dir = tempfile::tempdir().unwrap();
    let pid = dir.path().join("pid");
    let body = format!(
        "echo $$ > {}; echo '<nmaprun>{HOST}<taskprogress task=\"now\" percent=\"1\"/>'; exec sleep 600",
        pid.display()
    );
    let (scan, _) = run(&program(dir.path(), &body), &["127.0.0.1"], &Cancel::default());
    let scan = scan.unwrap();
    assert_eq!(scan.hosts.len(), 1);
    assert!(scan.incomplete.unwrap().contains("cancelled"));
    let pid = std::fs::read_to_string(pid).unwrap();
    assert!(!Path::new("/proc").join(pid.trim()).exists(), "process {pid} is still there");
}

#[test]
fn the_real_nmap_tells_its_progress_while_it_works() {
    if !is_installed() {
        eprintln!("SKIP the_real_nmap_tells_its_progress_while_it_works: nmap is not installed");
        return;
    }
    // Two packets a second: it would take most of an hour, were it not cancelled at its first word.
    let config = ScanConfig { ports: "1-5000".to_owned(), rate_packets_per_s: 2, ..ScanConfig::default() };
    let (scan, told) = run_as(Path::new("nmap"), &["127.0.0.1"], &Cancel::default(), &config);
    let scan = scan.unwrap();
    assert!(scan.incomplete.unwrap().contains("cancelled"), "{told:?}");
    assert!(scan.args.starts_with("nmap -n") && scan.args.ends_with("-- 127.0.0.1"), "{}", scan.args);
    assert!(told.last().unwrap().percent > 0.0, "{told:?}");
}
