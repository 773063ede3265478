//! `tripline flows` from the outside: the text formats' headers, totals that agree with the capture, and the sweep: every capture of
//! the development data goes through `flows` and `analyze` without a crash, and is counted to the packet.
//!
//! The sweep takes one file in `SAMPLE_EVERY` for `analyze`; with `CI=true` it takes all. `flows` always takes all.
#![allow(clippy::unwrap_used)]

mod support;

use serde_json::Value;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use support::{Run, run};

/// Threads of the sweep.
const THREADS: usize = 2;
/// `analyze` takes one file in so many unless `CI` is set; it learns from each whole file, which is most of the time.
const SAMPLE_EVERY: usize = 4;

/// `CICFlowMeter` 4's header, as its tables in the field have it.
const CIC_COLUMNS: [&str; 84] = [
    "Flow ID",
    "Src IP",
    "Src Port",
    "Dst IP",
    "Dst Port",
    "Protocol",
    "Timestamp",
    "Flow Duration",
    "Total Fwd Packet",
    "Total Bwd packets",
    "Total Length of Fwd Packet",
    "Total Length of Bwd Packet",
    "Fwd Packet Length Max",
    "Fwd Packet Length Min",
    "Fwd Packet Length Mean",
    "Fwd Packet Length Std",
    "Bwd Packet Length Max",
    "Bwd Packet Length Min",
    "Bwd Packet Length Mean",
    "Bwd Packet Length Std",
    "Flow Bytes/s",
    "Flow Packets/s",
    "Flow IAT Mean",
    "Flow IAT Std",
    "Flow IAT Max",
    "Flow IAT Min",
    "Fwd IAT Total",
    "Fwd IAT Mean",
    "Fwd IAT Std",
    "Fwd IAT Max",
    "Fwd IAT Min",
    "Bwd IAT Total",
    "Bwd IAT Mean",
    "Bwd IAT Std",
    "Bwd IAT Max",
    "Bwd IAT Min",
    "Fwd PSH Flags",
    "Bwd PSH Flags",
    "Fwd URG Flags",
    "Bwd URG Flags",
    "Fwd Header Length",
    "Bwd Header Length",
    "Fwd Packets/s",
    "Bwd Packets/s",
    "Packet Length Min",
    "Packet Length Max",
    "Packet Length Mean",
    "Packet Length Std",
    "Packet Length Variance",
    "FIN Flag Count",
    "SYN Flag Count",
    "RST Flag Count",
    "PSH Flag Count",
    "ACK Flag Count",
    "URG Flag Count",
    "CWR Flag Count",
    "ECE Flag Count",
    "Down/Up Ratio",
    "Average Packet Size",
    "Fwd Segment Size Avg",
    "Bwd Segment Size Avg",
    "Fwd Bytes/Bulk Avg",
    "Fwd Packet/Bulk Avg",
    "Fwd Bulk Rate Avg",
    "Bwd Bytes/Bulk Avg",
    "Bwd Packet/Bulk Avg",
    "Bwd Bulk Rate Avg",
    "Subflow Fwd Packets",
    "Subflow Fwd Bytes",
    "Subflow Bwd Packets",
    "Subflow Bwd Bytes",
    "FWD Init Win Bytes",
    "Bwd Init Win Bytes",
    "Fwd Act Data Pkts",
    "Fwd Seg Size Min",
    "Active Mean",
    "Active Std",
    "Active Max",
    "Active Min",
    "Idle Mean",
    "Idle Std",
    "Idle Max",
    "Idle Min",
    "Label",
];

fn flows(file: &Path, format: &str) -> Run {
    run(["flows", file.to_str().unwrap(), "-o", format]).done()
}

/// Packets and wire bytes of a classic little-endian pcap, counted here without the program's reader.
fn count(file: &Path) -> (u64, u64) {
    let bytes = std::fs::read(file).unwrap();
    let word = |at: usize| u32::from_le_bytes(bytes[at..at + 4].try_into().unwrap());
    let (mut at, mut packets, mut wire) = (24, 0, 0);
    while at + 16 <= bytes.len() {
        packets += 1;
        wire += u64::from(word(at + 12));
        at += 16 + word(at + 8) as usize;
    }
    (packets, wire)
}

/// `57696 packets, 38338847 bytes, 3494 flow records` on standard error.
fn told(result: &Run) -> Option<(u64, u64, u64)> {
    let line = result.stderr.lines().find(|l| l.contains(" packets, ") && l.contains(" flow records"))?;
    let numbers: Vec<u64> = line[line.find("INFO")?..].split(' ').filter_map(|w| w.parse().ok()).collect();
    Some((*numbers.first()?, *numbers.get(1)?, *numbers.get(2)?))
}

#[test]
fn csv_has_cicflowmeters_columns() {
    let dir = tempfile::tempdir().unwrap();
    let text = flows(&support::simulate(dir.path(), "office", "office", "30s"), "csv").text();
    let mut lines = text.lines();
    let header: Vec<&str> = lines.next().unwrap().split(',').collect();
    assert_eq!(header, CIC_COLUMNS);
    let mut rows = 0;
    for line in lines {
        let cells: Vec<&str> = line.split(',').collect();
        assert_eq!(cells.len(), CIC_COLUMNS.len(), "{line}");
        assert!(cells[7..83].iter().all(|c| c.parse::<f64>().is_ok_and(f64::is_finite)), "{line}");
        rows += 1;
    }
    assert!(rows > 100, "{rows} rows");
}

#[test]
fn csv_header_is_that_of_the_published_table() {
    let Some(file) = support::data("csv_header", "labelled-flows/cicids2017-improved/Botnet_736.csv.zst") else {
        return;
    };
    let Ok(output) = std::process::Command::new("zstd").args(["-dcq"]).arg(file).output() else {
        eprintln!("SKIP csv_header: no zstd here");
        return;
    };
    let text = String::from_utf8(output.stdout).unwrap();
    let published: Vec<&str> = text.lines().next().unwrap().trim_start_matches('\u{feff}').trim().split(',').collect();
    let squeeze = |name: &str| name.to_lowercase().replace([' ', '_'], "");
    let ours: Vec<String> = CIC_COLUMNS.iter().map(|c| squeeze(c)).collect();
    let common = published.iter().filter(|name| ours.contains(&squeeze(name))).count();
    assert!(common >= 75, "only {common} of our columns are in {published:?}");
}

#[test]
fn zeek_has_conn_logs_header_and_as_many_cells() {
    let dir = tempfile::tempdir().unwrap();
    let text = flows(&support::simulate(dir.path(), "office", "office", "30s"), "zeek").text();
    let line = |start: &str| text.lines().find(|l| l.starts_with(start)).unwrap().split('\t').collect::<Vec<_>>();
    assert!(text.starts_with("#separator \\x09\n") && text.contains("#path\tconn\n"));
    let fields = line("#fields");
    let conn = [
        "#fields",
        "ts",
        "uid",
        "id.orig_h",
        "id.orig_p",
        "id.resp_h",
        "id.resp_p",
        "proto",
        "service",
        "duration",
        "orig_bytes",
        "resp_bytes",
        "conn_state",
        "local_orig",
        "local_resp",
        "missed_bytes",
        "history",
        "orig_pkts",
        "orig_ip_bytes",
        "resp_pkts",
        "resp_ip_bytes",
        "tunnel_parents",
    ];
    assert_eq!(fields[..conn.len()], conn);
    assert_eq!(line("#types").len(), fields.len());
    for row in text.lines().filter(|l| !l.starts_with('#')) {
        assert_eq!(row.split('\t').count(), fields.len() - 1, "{row}");
    }
}

#[test]
fn totals_agree_with_an_independent_count_in_every_format() {
    let dir = tempfile::tempdir().unwrap();
    let capture = support::simulate(dir.path(), "scan", "office,port_scan_fast,arp_spoof", "1m");
    let (packets, bytes) = count(&capture);
    assert!(packets > 1_000);
    let sum = |events: &[Value], names: [&str; 2]| -> u64 {
        events.iter().flat_map(|e| names.map(|n| e[n].as_u64().unwrap())).sum()
    };
    let lines = |text: &str| -> Vec<Value> { text.lines().map(|l| serde_json::from_str(l).unwrap()).collect() };
    let json = flows(&capture, "json");
    let records = lines(&json.text());
    assert_eq!(told(&json).unwrap(), (packets, bytes, records.len() as u64));
    let eve = lines(&flows(&capture, "eve").text());
    assert!(eve.iter().all(|e| e["event_type"] == "flow" && e["flow"].is_object() && e["proto"].is_string()));
    let inner: Vec<Value> = eve.iter().map(|e| e["flow"].clone()).collect();
    // Packets that are in no flow (ARP) are the difference between the flows' sum and the file.
    let (pkts, wire) = (["pkts_toserver", "pkts_toclient"], ["bytes_toserver", "bytes_toclient"]);
    assert_eq!(sum(&records, pkts), sum(&inner, pkts));
    assert_eq!(sum(&records, wire), sum(&inner, wire));
    let in_flows = packets - sum(&records, pkts);
    assert_eq!(in_flows, arp(&capture), "packets that are in no flow");
    for format in ["csv", "zeek", "none"] {
        assert_eq!(told(&flows(&capture, format)).unwrap(), (packets, bytes, records.len() as u64), "{format}");
    }
    let two = run(["flows", capture.to_str().unwrap(), "-o", "json", "--workers", "2"]).done();
    assert_eq!(two.text(), json.text(), "--workers 2 writes other records");
}

/// ARP packets of an Ethernet capture.
fn arp(file: &Path) -> u64 {
    let bytes = std::fs::read(file).unwrap();
    let (mut at, mut found) = (24, 0);
    while at + 16 <= bytes.len() {
        found += u64::from(bytes[at + 28..at + 30] == [0x08, 0x06]);
        at += 16 + u32::from_le_bytes(bytes[at + 8..at + 12].try_into().unwrap()) as usize;
    }
    found
}

#[test]
fn several_files_are_one_stream() {
    let dir = tempfile::tempdir().unwrap();
    let one = support::simulate(dir.path(), "one", "office", "20s");
    let two = support::simulate(dir.path(), "two", "office,port_scan_fast", "40s");
    let result = run(["flows", one.to_str().unwrap(), two.to_str().unwrap(), "-o", "none"]).done();
    assert!(result.stdout.is_empty());
    assert_eq!(told(&result).unwrap().0, count(&one).0 + count(&two).0);
}

/// Packets of each file as MANIFEST.tsv has them.
fn manifest(folder: &Path) -> BTreeMap<String, u64> {
    let text = std::fs::read_to_string(folder.join("MANIFEST.tsv")).unwrap();
    let mut lines = text.lines().map(|l| l.split('\t').collect::<Vec<_>>());
    let header = lines.next().unwrap();
    let column = header.iter().position(|c| *c == "packets").unwrap();
    lines.filter_map(|cells| Some((cells[0].to_owned(), cells.get(column)?.parse().ok()?))).collect()
}

/// What is wrong with one call's end; None when it ended as promised.
fn ended_badly(result: &Run) -> Option<String> {
    let line = result.stderr.lines().last().unwrap_or("").to_owned();
    match result.code {
        Some(0) => None,
        Some(2) if result.stderr.lines().count() == 1 && line.starts_with("tripline: ") => None,
        code => Some(format!("exit {code:?}: {line}")),
    }
}

/// Runs `check` over all files on a few threads; returns what it complained about.
fn in_parallel(files: &[PathBuf], check: impl Fn(usize, &Path) -> Option<String> + Sync) -> Vec<String> {
    let (next, wrong) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    std::thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                while let Some(file) = files.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let number = files.iter().position(|f| f == file).unwrap_or(0);
                    if let Some(why) = check(number, file) {
                        wrong.lock().unwrap().push(format!("{}: {why}", file.display()));
                    }
                }
            });
        }
    });
    wrong.into_inner().unwrap()
}

#[test]
fn every_capture_of_the_development_data_is_read() {
    let Some(folder) = support::data("every_capture", "") else { return };
    let manifest = manifest(&folder);
    // Not only captures: a table, a log and a bare datagram must be refused as politely.
    let files = support::files_below(&folder);
    assert!(files.len() > 1_000, "only {} files", files.len());
    let every = if std::env::var("CI").is_ok_and(|v| v == "true") { 1 } else { SAMPLE_EVERY };
    let counted = AtomicUsize::new(0);
    let wrong = in_parallel(&files, |number, file| {
        let relative = file.strip_prefix(&folder).unwrap().to_str().unwrap();
        let result = run(["flows", file.to_str().unwrap(), "-o", "csv"]);
        if let Some(why) = ended_badly(&result) {
            return Some(format!("flows: {why}"));
        }
        if number.is_multiple_of(every) {
            let result = run(["analyze", "-q", file.to_str().unwrap(), "-o", "json"]);
            if let Some(why) = ended_badly(&result) {
                return Some(format!("analyze: {why}"));
            }
        }
        let expected = manifest.get(relative).filter(|_| support::is_capture(file) && !relative.contains("malformed"));
        let expected = *expected?;
        counted.fetch_add(1, Ordering::Relaxed);
        let packets = told(&result).map_or(0, |(packets, ..)| packets);
        (packets != expected).then(|| format!("{packets} packets instead of {expected}: {}", result.stderr))
    });
    eprintln!("{} files read, {} of them counted to the packet", files.len(), counted.load(Ordering::Relaxed));
    assert!(counted.load(Ordering::Relaxed) > 500);
    assert!(wrong.is_empty(), "{} files:\n{}", wrong.len(), wrong.join("\n"));
}
