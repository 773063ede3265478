//! What the tests of this room share: the data folder, skipping with a reason, running tools.
#![allow(dead_code, clippy::unwrap_used)]

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// The development data, or None with a SKIP line.
pub fn data(test: &str) -> Option<PathBuf> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data");
    if path.join("MANIFEST.tsv").exists() {
        return Some(path);
    }
    eprintln!("SKIP {test}: no development data at ../shared/data");
    None
}

/// True when the tool can be started; else a SKIP line.
pub fn has_tool(test: &str, tool: &str) -> bool {
    let found = Command::new(tool).arg("--version").output().is_ok();
    if !found {
        eprintln!("SKIP {test}: `{tool}` is not installed");
    }
    found
}

/// Runs a command to its end.
pub fn run(program: &str, arguments: &[&str]) -> Output {
    Command::new(program).args(arguments).output().unwrap()
}

/// Runs a command that must succeed.
pub fn must(program: &str, arguments: &[&str]) -> String {
    let output = run(program, arguments);
    let text = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{program} {arguments:?}: {text}");
    String::from_utf8(output.stdout).unwrap()
}

/// Capture files of the manifest with their packet counts (None where it has none).
pub fn captures(data: &Path) -> Vec<(String, Option<u64>)> {
    let manifest = std::fs::read_to_string(data.join("MANIFEST.tsv")).unwrap();
    let rows = manifest.lines().skip(1).map(|line| line.split('\t').collect::<Vec<_>>());
    rows.filter(|row| row[0].starts_with("pcap-") && (!row[9].is_empty() || row[0].starts_with("pcap-malformed/")))
        .map(|row| (row[0].to_owned(), row[9].parse().ok()))
        .collect()
}
