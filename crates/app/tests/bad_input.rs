//! Everything a user can get wrong ends with exit code 2, nothing on standard output, one line on standard error that says what,
//! where and what to do, and nothing half-written.
#![allow(clippy::unwrap_used)]

mod support;

use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use support::{Run, run};

/// One folder with a good capture, and bad neighbours.
struct Place {
    dir: tempfile::TempDir,
}

impl Place {
    fn new() -> Self {
        Self { dir: tempfile::tempdir().unwrap() }
    }
    fn path(&self, name: &str) -> String {
        self.dir.path().join(name).to_str().unwrap().to_owned()
    }
    fn file(&self, name: &str, bytes: impl AsRef<[u8]>) -> String {
        fs::write(self.path(name), bytes).unwrap();
        self.path(name)
    }
    fn capture(&self) -> String {
        support::simulate(self.dir.path(), "good", "office", "20s").to_str().unwrap().to_owned()
    }
}

/// The promise of the contract; every word must be in the line.
fn refused(result: &Run, words: &[&str]) {
    let line = &result.stderr;
    assert_eq!(result.code, Some(2), "{line}");
    assert!(result.stdout.is_empty(), "standard output: {}", result.text());
    assert!(line.starts_with("tripline: ") && line.ends_with('\n'), "{line:?}");
    assert_eq!(line.lines().count(), 1, "{line}");
    assert!(line.len() < 600, "a line to read, not {} bytes: {line}", line.len());
    for word in words {
        assert!(line.contains(word), "`{word}` is not in: {line}");
    }
}

fn no_part_files(folder: &Path) {
    for file in support::files_below(folder) {
        assert!(file.extension().is_none_or(|e| e != "part"), "{} was left", file.display());
    }
}

/// A pcap header, and packets of four bytes.
fn pcap(link: u32, packets: u32) -> Vec<u8> {
    let mut bytes = Vec::new();
    for word in [0xa1b2_c3d4_u32, 0x0004_0002, 0, 0, 65_535, link] {
        bytes.extend(word.to_le_bytes());
    }
    for n in 0..packets {
        for word in [n, n, 4, 4, 0x6463_6261] {
            bytes.extend(word.to_le_bytes());
        }
    }
    bytes
}

#[test]
fn files_that_are_no_captures() {
    let place = Place::new();
    let cases: [(String, &[&str]); 5] = [
        (place.file("empty.pcap", ""), &["empty.pcap", "empty"]),
        (place.file("text.txt", "hello, this is a letter\n"), &["text.txt", "not a capture", "pcap"]),
        (place.file("strange.pcap", pcap(9_999, 3)), &["strange.pcap", "link type 9999"]),
        (place.path("missing.pcap"), &["missing.pcap", "check the name"]),
        (place.dir.path().to_str().unwrap().to_owned(), &["directory"]),
    ];
    for (file, words) in &cases {
        let out = place.path("out");
        refused(&run(["analyze", file, "-w", &out]), words);
        refused(&run(["analyze", file]), words);
        refused(&run(["flows", file, "-w", &out]), words);
        refused(&run(["flows", file]), words);
        assert!(!Path::new(&out).exists(), "{file} left an output");
    }
    for (file, words) in &cases {
        let data_dir = place.path("data");
        refused(&run(["run", "-r", file, "--listen", "127.0.0.1:0", "--data-dir", &data_dir]), words);
        assert!(!Path::new(&data_dir).exists(), "{file} made a data directory");
    }
    no_part_files(place.dir.path());
}

#[test]
fn a_capture_cut_in_the_middle_is_analysed_up_to_the_cut_and_says_so() {
    let place = Place::new();
    let whole = fs::read(place.capture()).unwrap();
    let cut = place.file("cut.pcap", &whole[..whole.len() / 2 - 3]);
    let result = run(["analyze", &cut, "-o", "json"]).done();
    let input = result.json()["input"].clone();
    assert!(input["packets"].as_u64().unwrap() > 100, "{input}");
    assert!(input["notes"].to_string().contains("cut at byte"), "{input}");
    assert!(result.stderr.contains("cut.pcap") && result.stderr.contains("cut at byte"), "{}", result.stderr);
    let result = run(["flows", &cut]).done();
    assert!(result.stderr.contains("cut at byte") && result.text().lines().count() > 5, "{}", result.stderr);
}

#[test]
fn a_capture_with_garbage_in_the_middle_is_read_up_to_there() {
    let place = Place::new();
    let mut bytes = fs::read(place.capture()).unwrap();
    let at = record_after(&bytes, bytes.len() / 2);
    bytes[at..at + 16].fill(0xff);
    let result = run(["analyze", &place.file("bad.pcap", bytes), "-o", "json"]).done();
    let input = result.json()["input"].clone();
    assert!(input["packets"].as_u64().unwrap() > 100, "{input}");
    assert_eq!(input["notes"].as_array().unwrap().len(), 1, "{input}");
    assert!(result.stderr.contains("bad.pcap"), "{}", result.stderr);
}

/// Offset of the first record header at or behind `from`.
fn record_after(bytes: &[u8], from: usize) -> usize {
    let mut at = 24;
    while at < from {
        at += 16 + u32::from_le_bytes(bytes[at + 8..at + 12].try_into().unwrap()) as usize;
    }
    at
}

#[test]
fn a_damaged_compressed_capture_says_so() {
    let place = Place::new();
    let capture = place.capture();
    let gzip = std::process::Command::new("gzip").args(["-k", &capture]).status();
    if !gzip.is_ok_and(|s| s.success()) {
        eprintln!("SKIP a_damaged_compressed_capture_says_so: no gzip here");
        return;
    }
    let bytes = fs::read(format!("{capture}.gz")).unwrap();
    let cut = place.file("cut.pcap.gz", &bytes[..bytes.len() / 2]);
    let result = run(["analyze", &cut, "-o", "json"]).done();
    assert!(!result.json()["input"]["notes"].as_array().unwrap().is_empty(), "{}", result.text());
}

#[test]
fn wrong_values_on_the_command_line() {
    let place = Place::new();
    let capture = place.capture();
    let (out, c) = (place.path("out"), capture.as_str());
    let cases: [(&[&str], &[&str]); 27] = [
        (&["analyze", c, "-F", "tcp and and"], &["filter", "column 9", "write"]),
        (&["flows", c, "-F", "port nonsense99"], &["filter", "column"]),
        (&["analyze", c, "--train-first", "soon"], &["--train-first", "soon", "10m"]),
        (&["analyze", c, "--train-first", "300%"], &["--train-first", "300%", "100%"]),
        (&["analyze", c, "--train-first", "0%"], &["--train-first", "0%", "above 0%"]),
        (&["analyze", c, "--train-first", "0s"], &["--train-first", "0s", "10m"]),
        (&["analyze", c, "--train-first=-5m"], &["--train-first", "-5m", "10m"]),
        (&["simulate", "--duration=-5m"], &["--duration", "-5m", "10m"]),
        (&["simulate", "--rate", "0"], &["rate", "at least 1"]),
        (&["analyze", c, "--workers", "0"], &["--workers", "0", "1..=64"]),
        (&["flows", c, "--workers", "100000"], &["--workers", "100000", "1..=64"]),
        (&["flows", c, "-F", "net 10.0.0.0/40"], &["filter", "column 14", "prefix length"]),
        (&["flows", c, "--set", "flow.flows_max=0"], &["flow.flows_max", "1 or more"]),
        (&["flows", c, "--set", "flow.flows_live_max=0"], &["flow.flows_live_max", "1 or more"]),
        (&["analyze", c, "--set", "alert.per_hour=-1"], &["alert.per_hour", "-1", "0 or more"]),
        (&["analyze", c, "-c", place.dir.path().to_str().unwrap()], &["configuration", "directory", "name the file"]),
        (&["analyze", c, "--model", c], &["flow.model", "name a folder"]),
        (&["analyze", c, "--fail-on", "awful"], &["--fail-on", "awful", "critical"]),
        (&["analyze", c, "--set", "nonsense"], &["--set nonsense", "section.key=value"]),
        (&["analyze", c, "--set", "no.such=1"], &["unknown field", "no"]),
        (&["analyze", c, "--set", "alert.per_hour=many"], &["per_hour", "invalid type"]),
        (&["analyze", c, "--model", &place.path("nowhere")], &["--model", "nowhere", "flow.model"]),
        (&["simulate", "--scenario", "picnic"], &["picnic", "office"]),
        (&["simulate", "--duration", "long"], &["--duration", "long"]),
        (&["analyze", c, "-o", "yaml"], &["yaml", "json", "--help"]),
        (&["analyze", c, "--workers", "many"], &["many", "--workers"]),
        (&["analyse", c], &["analyse", "--help"]),
    ];
    for (args, words) in cases {
        let mut args = args.to_vec();
        if args[0] != "analyse" {
            args.extend(["-w", &out]);
        }
        refused(&run(&args), words);
        assert!(!Path::new(&out).exists(), "{args:?} left an output");
    }
    refused(&run(["analyze"]), &["FILE", "--help"]);
    refused(&run(["analyze", c, "-w", &place.path("no/such/folder/out")]), &["no/such/folder/out", "-w"]);
    no_part_files(place.dir.path());
}

#[test]
fn a_place_that_cannot_be_written_is_named() {
    let place = Place::new();
    let capture = place.capture();
    let words = ["cannot write", "-w"];
    for format in ["csv", "json", "eve", "zeek", "parquet"] {
        let nowhere = place.path("no/such/folder/out");
        refused(&run(["flows", &capture, "-o", format, "-w", &nowhere]), &[words[0], words[1], &nowhere]);
        if Path::new("/dev/full").exists() {
            let full = run(["flows", &capture, "-o", format, "-w", "/dev/full"]);
            refused(&full, &[words[0], words[1], "/dev/full", "No space left"]);
        }
    }
    if !Path::new("/dev/full").exists() {
        return;
    }
    for format in ["text", "json", "html"] {
        refused(
            &run(["analyze", &capture, "-o", format, "-w", "/dev/full"]),
            &[words[0], "/dev/full", "No space left"],
        );
    }
    let full = || fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    for args in [["flows", &capture, "-o", "parquet"], ["analyze", &capture, "-o", "json"]] {
        let result = support::finish(support::tripline().args(args).stdout(full()));
        refused(&result, &[words[0], "standard output", "No space left"]);
    }
    refused(&run(["simulate", "--duration", "20s", "-w", "/dev/full"]), &[words[0], "/dev/full", "No space left"]);
    let (out, labels) = (place.path("made.pcap"), place.path("no/such/labels.csv"));
    refused(&run(["simulate", "--duration", "20s", "-w", &out, "--labels", &labels]), &[words[0], &labels]);
    assert!(!Path::new(&out).exists(), "a capture was made before its labels were refused");
    no_part_files(place.dir.path());
}

#[test]
fn nothing_to_read_is_said() {
    let place = Place::new();
    let nothing = place.file("nothing", "");
    for args in
        [&["analyze", "-"][..], &["flows", "-"], &["run", "-r", "-", "--listen", "127.0.0.1:0", "--data-dir", "x"]]
    {
        refused(&support::run_from(Path::new(&nothing), args), &["standard input", "empty", "capture again"]);
    }
    let no_packet = place.file("no-packet.pcap", pcap(1, 0));
    for command in ["analyze", "flows"] {
        let result = run([command, &no_packet]).done();
        assert!(result.stderr.contains("no packet in the input"), "{}", result.stderr);
    }
    let zstd = place.file("cut.pcap.zst", [0x28, 0xb5, 0x2f, 0xfd, 4]);
    let gzip = place.file("cut.pcap.gz", [0x1f, 0x8b, 8, 0, 0, 0]);
    for file in [zstd, gzip] {
        refused(&run(["flows", &file]), &[&file, "zstd -t"]);
    }
}

#[test]
fn of_two_inputs_one_is_missing() {
    let place = Place::new();
    let (capture, data_dir) = (place.capture(), place.path("data"));
    let missing = place.path("missing.pcap");
    let serve = ["--listen", "127.0.0.1:0", "--data-dir", &data_dir, "--duration", "5s"];
    let files = ["run", "-r", &capture, "-r", &missing];
    refused(&run(files.into_iter().chain(serve)), &["missing.pcap", "check the name"]);
    let interfaces = run(["run", "-i", "lo", "-i", "nope0"].into_iter().chain(serve));
    refused(&interfaces, &[if interfaces.stderr.contains("setcap") { "setcap" } else { "nope0" }]);
    assert!(!Path::new(&data_dir).exists(), "a refused start made a data directory");
    refused(&run(["flows", &capture, &missing, "-w", &place.path("out")]), &["missing.pcap"]);
    assert!(!Path::new(&place.path("out")).exists());
    no_part_files(place.dir.path());
}

#[test]
fn listening_and_capturing_where_one_cannot() {
    let place = Place::new();
    let data_dir = place.path("data");
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let in_use = format!("127.0.0.1:{port}");
    for command in ["demo", "run"] {
        let mut args = vec![command, "--data-dir", &data_dir, "--listen"];
        refused(&run(args.iter().copied().chain(["0.0.0.0:7070"])), &["0.0.0.0:7070", "127.0.0.1"]);
        refused(&run(args.iter().copied().chain(["[::]:7070"])), &["[::]:7070", "127.0.0.1"]);
        args.push(&in_use);
        if command == "demo" {
            refused(&run(&args), &[&port, "in use", "--listen"]);
        }
    }
    let result = run(["run", "-i", "nope0", "--listen", "127.0.0.1:0", "--data-dir", &data_dir]);
    // Without the right to capture the line names the command that gives it.
    refused(&result, &[if result.stderr.contains("setcap") { "setcap" } else { "nope0" }]);
    assert!(!Path::new(&data_dir).exists(), "a refused start made a data directory");
}

#[test]
fn a_data_directory_that_cannot_be_written() {
    let place = Place::new();
    let below_a_file = format!("{}/data", place.file("file", "I am a file"));
    for dir in [below_a_file.as_str(), "/proc/tripline-test"] {
        refused(&run(["demo", "--listen", "127.0.0.1:0", "--data-dir", dir]), &[dir, "--data-dir"]);
    }
    assert_eq!(fs::read(place.path("file")).unwrap(), b"I am a file");
}

#[test]
fn a_damaged_database_or_model_is_named_and_kept() {
    let place = Place::new();
    let capture = place.capture();
    let damaged = |name: &str, file: &str| {
        let dir = place.path(name);
        fs::create_dir(&dir).unwrap();
        fs::write(format!("{dir}/{file}"), "no such format ".repeat(700)).unwrap();
        dir
    };
    let start = |dir: &str| run(["run", "-r", &capture, "--listen", "127.0.0.1:0", "--data-dir", dir]);
    let database = damaged("database", "tripline.db");
    refused(&start(&database), &["tripline.db", "damaged", "move it"]);
    assert!(fs::read_to_string(format!("{database}/tripline.db")).unwrap().starts_with("no such format"));
    let model = damaged("model", "flow.model");
    refused(&start(&model), &["flow.model", "damaged", "delete it"]);
    refused(&run(["analyze", &capture, "--model", &model]), &["flow.model", "damaged"]);
    assert!(fs::read_to_string(format!("{model}/flow.model")).unwrap().starts_with("no such format"));
}

#[test]
fn a_wrong_configuration_names_its_line() {
    let place = Place::new();
    let cases: [(&str, &[&str]); 4] = [
        ("[alert]\n\nnothing = 1\n", &["line 3", "nothing", "config show"]),
        ("[alert]\nper_hour = \"x\"\n", &["line 2", "invalid type"]),
        ("[alert\n", &["line 1"]),
        ("[networks]\nhome = [\"10.0.0.0/99\"]\n", &["networks.home", "10.0.0.0/99"]),
    ];
    for (text, words) in cases {
        let file = place.file("t.toml", text);
        refused(&run(["config", "check", "-c", &file]), words);
        refused(&run(["demo", "-c", &file, "--listen", "127.0.0.1:0"]), words);
    }
    refused(&run(["config", "check", "-c", &place.path("none.toml")]), &["none.toml", "config init"]);
}

#[test]
fn what_is_asked_for_ends_well() {
    for args in [&["--help"][..], &["-V"], &["run", "--help"], &["analyze", "-h"], &["simulate", "--list"]] {
        let result = run(args).done();
        assert!(!result.stdout.is_empty() && result.stderr.is_empty(), "{args:?}: {}", result.stderr);
    }
    for shell in ["bash", "zsh", "fish"] {
        assert!(run(["completions", shell]).done().text().contains("tripline"));
    }
    let help = run(["analyze", "--help"]).done().text();
    assert!(help.contains("Examples:"), "{help}");
}

#[test]
fn fail_on_tells_found_from_not_found() {
    let place = Place::new();
    let scan = support::simulate(place.dir.path(), "scan", "office,port_scan_fast", "1m");
    let scan: PathBuf = scan;
    let found = run(["analyze", scan.to_str().unwrap(), "--fail-on", "high"]);
    assert_eq!(found.code, Some(1), "{}", found.stderr);
    assert!(found.text().contains("port_scan"), "{}", found.text());
    run(["analyze", scan.to_str().unwrap(), "--fail-on", "critical"]).done();
    run(["analyze", &place.capture(), "--fail-on", "low"]).done();
}
