//! Golden folders: each folder below `tests/golden` is a case. It says how its capture is made (`simulate.args`: options of
//! `tripline simulate`; or `capture.hex`: a pcap file in hexadecimal, `#` begins a comment) and holds what each command must print.
//! A new case is a new folder with one of the two; `UPDATE_GOLDEN=1 cargo test --release -p tripline --test golden` writes the rest, to
//! be read before it is committed. Numbers that differ from run to run are masked.
#![allow(clippy::unwrap_used)]

mod support;

use std::fs;
use std::path::{Path, PathBuf};
use support::run;

/// File and the command that makes it; `CAPTURE` stands for the capture.
const OUTPUTS: [(&str, &[&str]); 6] = [
    ("flows.csv", &["flows", "CAPTURE", "-q", "-o", "csv"]),
    ("flows.jsonl", &["flows", "CAPTURE", "-q", "-o", "json"]),
    ("flows.eve", &["flows", "CAPTURE", "-q", "-o", "eve"]),
    ("conn.tsv", &["flows", "CAPTURE", "-q", "-o", "zeek"]),
    ("analysis.txt", &["analyze", "CAPTURE", "-q"]),
    ("analysis.json", &["analyze", "CAPTURE", "-q", "-o", "json"]),
];
/// Lines kept of each file: enough to see every field, few enough to read.
const LINES_MAX: usize = 20;

fn cases() -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden");
    let mut all: Vec<PathBuf> = fs::read_dir(root).unwrap().map(|e| e.unwrap().path()).filter(|p| p.is_dir()).collect();
    all.sort();
    all
}

/// Makes the case's capture in `dir`.
fn capture(case: &Path, dir: &Path) -> PathBuf {
    let path = dir.join("capture.pcap");
    if let Ok(args) = fs::read_to_string(case.join("simulate.args")) {
        run(["simulate", "-q", "-w", path.to_str().unwrap()].into_iter().chain(args.split_whitespace())).done();
        return path;
    }
    let text =
        fs::read_to_string(case.join("capture.hex")).unwrap_or_else(|_| panic!("{} says no capture", case.display()));
    let digits: String = text.lines().filter_map(|l| l.split('#').next()).flat_map(str::split_whitespace).collect();
    let bytes: Vec<u8> =
        digits.as_bytes().chunks(2).map(|b| u8::from_str_radix(std::str::from_utf8(b).unwrap(), 16).unwrap()).collect();
    fs::write(&path, bytes).unwrap();
    path
}

/// Without paths, times of the run and its memory.
fn masked(name: &str, text: &str, dir: &Path) -> String {
    let text = text.replace(dir.to_str().unwrap(), "DIR");
    let mut lines: Vec<String> = match name {
        "analysis.json" => {
            let mut object: serde_json::Value = serde_json::from_str(&text).unwrap();
            for value in object["timing"].as_object_mut().unwrap().values_mut() {
                *value = "MASKED".into();
            }
            serde_json::to_string_pretty(&object).unwrap().lines().map(str::to_owned).collect()
        }
        "analysis.txt" => {
            text.lines().map(|l| if l.starts_with("Took ") { "Took     MASKED".into() } else { l.into() }).collect()
        }
        _ => text.lines().map(str::to_owned).collect(),
    };
    let all = lines.len();
    if name.starts_with("flows") || name == "conn.tsv" {
        lines.truncate(LINES_MAX);
    }
    if lines.len() < all {
        lines.push(format!("… {} more lines", all - lines.len()));
    }
    lines.join("\n") + "\n"
}

/// Equal, but for the last digits of numbers with many: how a processor sums differs between processors.
fn same(is: &str, was: &str) -> bool {
    let parts = |line: &str| -> Vec<String> {
        let inside = |c: char| c.is_ascii_digit() || matches!(c, '.' | '-' | '+' | 'e');
        line.split_inclusive(|c| !inside(c)).flat_map(|p| p.split_inclusive('\t')).map(str::to_owned).collect()
    };
    let near = |a: &str, b: &str| {
        let number = |t: &str| t.trim_end_matches([',', '\t', '}', ']']).parse::<f64>().ok();
        let long = |t: &str| t.contains('.') && t.len() > 10;
        match (number(a), number(b)) {
            (Some(x), Some(y)) if long(a) && long(b) => (x - y).abs() <= 1e-6 * x.abs().max(y.abs()),
            _ => false,
        }
    };
    let (is, was) = (parts(is), parts(was));
    is.len() == was.len() && is.iter().zip(&was).all(|(a, b)| a == b || near(a, b))
}

#[test]
fn only_last_digits_may_differ() {
    assert!(same("\"p\": 0.004256399495291493,", "\"p\": 0.004256399512150246,"));
    assert!(!same("\"p\": 0.004256399495291493,", "\"p\": 0.004257399512150246,"));
    assert!(!same("\"p\": 0.0042,", "\"p\": 0.0043,"));
    assert!(!same("10.0.0.1 called", "10.0.0.2 called"));
    assert!(!same("packets 1234567890123", "packets 1234567890124"));
}

#[test]
fn every_folder_prints_what_it_holds() {
    let update = std::env::var_os("UPDATE_GOLDEN").is_some();
    let cases = cases();
    assert!(cases.len() >= 3, "{cases:?}");
    let mut wrong = Vec::new();
    for case in cases {
        let dir = tempfile::tempdir().unwrap();
        let capture = capture(&case, dir.path());
        for (name, args) in OUTPUTS {
            let args = args.iter().map(|arg| if *arg == "CAPTURE" { capture.to_str().unwrap() } else { arg });
            let text = masked(name, &run(args).done().text(), dir.path());
            let file = case.join(name);
            if update {
                fs::write(&file, &text).unwrap();
            }
            let expected = fs::read_to_string(&file).unwrap_or_default();
            if let Some((line, (is, was))) = text
                .lines()
                .zip(expected.lines().chain(std::iter::repeat("")))
                .enumerate()
                .find(|(_, (a, b))| !same(a, b))
            {
                wrong.push(format!("{}, line {}:\n  was {was}\n  is  {is}", file.display(), line + 1));
            } else if text.lines().count() != expected.lines().count() {
                wrong.push(format!("{}: {} lines were expected", file.display(), expected.lines().count()));
            }
        }
    }
    assert!(wrong.is_empty(), "UPDATE_GOLDEN=1 renews the files when the change is meant:\n{}", wrong.join("\n"));
}
