//! `flows -o parquet` from the outside: a whole file or none, the same through a pipe, and readable by somebody else's reader.
#![allow(clippy::unwrap_used)]

mod support;

use std::fs;
use std::path::Path;
use std::process::Command;
use support::run;

/// Rows, columns and the sum of one column, by Apache's C++ reader.
const READ: &str = "import sys, pyarrow.parquet as p, pyarrow.compute as c
t = p.read_table(sys.argv[1])
print(t.num_rows, t.num_columns, c.sum(t['bytes_toserver']), t.schema.field('start').type, sep='|')";

#[test]
fn a_whole_file_and_nothing_beside_it() {
    let dir = tempfile::tempdir().unwrap();
    let capture = support::simulate(dir.path(), "office", "office", "30s");
    let (capture, out) = (capture.to_str().unwrap(), dir.path().join("flows.parquet"));
    let before = support::files_below(dir.path()).len();
    let result = run(["flows", capture, "-o", "parquet", "-w", out.to_str().unwrap()]).done();
    assert!(result.stdout.is_empty());
    let bytes = fs::read(&out).unwrap();
    assert!(bytes.starts_with(b"PAR1") && bytes.ends_with(b"PAR1") && bytes.len() > 5_000);
    assert_eq!(support::files_below(dir.path()).len(), before + 1);
    assert_eq!(run(["flows", capture, "-o", "parquet"]).done().stdout, bytes);
    assert_eq!(run(["flows", capture, "-o", "parquet", "--workers", "2"]).done().stdout, bytes);
}

#[test]
#[ignore = "needs python3 with pyarrow (PYTHON names another interpreter); run by hand with --ignored"]
fn apaches_reader_finds_the_rows_of_json() {
    let dir = tempfile::tempdir().unwrap();
    let capture = support::simulate(dir.path(), "scan", "office,port_scan_fast", "1m");
    let out = dir.path().join("flows.parquet");
    run(["flows", capture.to_str().unwrap(), "-o", "parquet", "-w", out.to_str().unwrap()]).done();
    let told = pyarrow(&out);
    let json = run(["flows", capture.to_str().unwrap(), "-o", "json"]).done().text();
    let rows: Vec<serde_json::Value> = json.lines().map(|l| serde_json::from_str(l).unwrap()).collect();
    let bytes: u64 = rows.iter().map(|r| r["bytes_toserver"].as_u64().unwrap()).sum();
    let names: usize =
        ["forward", "backward", "both"].map(|s| rows[0]["statistics"][s].as_object().unwrap().len()).iter().sum();
    let columns = rows[0].as_object().unwrap().len() - 1 + names;
    assert_eq!(told.trim(), format!("{}|{columns}|{bytes}|timestamp[us, tz=UTC]", rows.len()));
}

fn pyarrow(file: &Path) -> String {
    let python = std::env::var("PYTHON").unwrap_or_else(|_| "python3".to_owned());
    let output = Command::new(&python).args(["-c", READ]).arg(file).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}
