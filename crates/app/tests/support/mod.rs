//! What the end-to-end tests share: running the real program, its server mode, a small HTTP client, data and simulated captures.
//! Owns no assertion about the program beyond "it started".
#![allow(dead_code, clippy::unwrap_used)]

pub mod http;
#[cfg(feature = "kafka")]
pub mod kafka;
pub mod lab;
pub mod lab_watch;
pub mod server;
pub mod servers;
pub mod services;
pub mod wire;

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// The result of one call.
pub struct Run {
    /// Exit code; None when a signal ended it.
    pub code: Option<i32>,
    /// Standard output.
    pub stdout: Vec<u8>,
    /// Standard error.
    pub stderr: String,
}

impl Run {
    /// Standard output as text.
    pub fn text(&self) -> String {
        String::from_utf8(self.stdout.clone()).unwrap()
    }
    /// Standard output as one JSON value.
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.stdout).unwrap_or_else(|e| panic!("{e}: {} {}", self.text(), self.stderr))
    }
    /// Asserts the exit code 0.
    pub fn done(self) -> Self {
        assert_eq!(self.code, Some(0), "{}", self.stderr);
        self
    }
}

/// The program, without settings of the machine it is tested on.
pub fn tripline() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tripline"));
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("TRIPLINE_")) {
        command.env_remove(name);
    }
    command.env_remove("RUST_LOG").stdin(Stdio::null());
    command
}

/// Runs to the end.
pub fn run<S: AsRef<OsStr>>(args: impl IntoIterator<Item = S>) -> Run {
    finish(tripline().args(args))
}

/// Runs a prepared command to the end.
pub fn finish(command: &mut Command) -> Run {
    let output = command.output().unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
    Run { code: output.status.code(), stdout: output.stdout, stderr }
}

/// Runs with a file as standard input.
pub fn run_from(stdin: &Path, args: &[&str]) -> Run {
    finish(tripline().args(args).stdin(std::fs::File::open(stdin).unwrap()))
}

/// The development data, or None with the reason on standard error.
pub fn data(test: &str, relative: &str) -> Option<PathBuf> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data").join(relative);
    if path.exists() {
        return Some(path);
    }
    eprintln!("SKIP {test}: ../shared/data/{relative} is not there");
    None
}

/// Every file below a folder, sorted.
pub fn files_below(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap().flatten() {
            let path = entry.path();
            if path.is_dir() { folders.push(path) } else { found.push(path) }
        }
    }
    found.sort();
    found
}

/// True for names of pcap and pcapng files, compressed or not.
pub fn is_capture(path: &Path) -> bool {
    let name = path.file_name().unwrap().to_string_lossy();
    let name = name.trim_end_matches(".zst").trim_end_matches(".gz");
    [".pcap", ".pcapng", ".cap"].iter().any(|end| name.ends_with(end))
}

/// Simulates into `name.pcap` with its labels in `name.csv`; returns the capture.
pub fn simulate(dir: &Path, name: &str, scenarios: &str, duration: &str) -> PathBuf {
    let (capture, labels) = (dir.join(format!("{name}.pcap")), dir.join(format!("{name}.csv")));
    let (w, l) = (capture.to_str().unwrap(), labels.to_str().unwrap());
    run(["simulate", "--scenario", scenarios, "--duration", duration, "--seed", "7", "-w", w, "--labels", l]).done();
    capture
}

/// Calls until the answer is there or the time is over.
pub fn wait_for<T>(limit: Duration, what: &str, mut ask: impl FnMut() -> Option<T>) -> T {
    let begun = Instant::now();
    loop {
        if let Some(answer) = ask() {
            return answer;
        }
        assert!(begun.elapsed() < limit, "{what}: not within {limit:?}");
        std::thread::sleep(Duration::from_millis(50));
    }
}
