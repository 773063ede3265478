//! The archive of the running program on real object stores, and what Spark and DuckDB read there.
#![cfg(feature = "archive")]
#![allow(clippy::unwrap_used)]

mod support;

use serde_json::Value;
use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::ops::ControlFlow;
use std::path::Path;
use std::process::Command;
use std::time::Duration;
use store::archive::{ArchiveConfig, ArchiveReader, Archiver};
use store::query::{FLOW_FIELDS, INCIDENT_FIELDS};
use store::{ListQuery, Query, Read, Reader, StoreConfig, TimeRange};
use support::http::{get, get_json, request};
use support::server::Server;
use support::{services, simulate, wait_for};

const LIMIT: Duration = Duration::from_mins(2);

/// Settings as options of the command line.
fn options(config: &ArchiveConfig, keys: &[(&str, &str)]) -> Vec<String> {
    let mut set = vec![
        format!("archive.url=\"{}\"", config.url),
        format!("archive.endpoint=\"{}\"", config.endpoint),
        format!("archive.allow_http={}", config.allow_http),
        "archive.every_s=1".to_owned(),
        "archive.retry_first_s=0.2".to_owned(),
        "archive.retry_max_s=0.5".to_owned(),
        "archive.timeout_s=5".to_owned(),
        "archive.file_max_rows=1000".to_owned(),
    ];
    set.extend(keys.iter().map(|(key, value)| format!("archive.{key}=\"{value}\"")));
    set.into_iter().flat_map(|pair| ["--set".to_owned(), pair]).collect()
}

/// Plays a capture into a program that archives.
fn play(dir: &Path, capture: &Path, options: &[String]) -> Server {
    let data = dir.join("data");
    let fixed = ["run", "-r", capture.to_str().unwrap(), "--speed", "max", "--data-dir", data.to_str().unwrap()];
    let args: Vec<&str> = fixed.into_iter().chain(options.iter().map(String::as_str)).collect();
    Server::start(&args)
}

/// A counter of the process; 0 while it is not there.
fn counted(port: u16, name: &str) -> f64 {
    let text = get(port, "/metrics").text();
    let line =
        text.lines().find(|line| line.starts_with("tripline_events_total{") && line.contains(&format!("\"{name}\"")));
    line.and_then(|line| line.rsplit(' ').next()).map_or(0.0, |value| value.parse().unwrap())
}

fn archived(port: u16, kind: &str) -> f64 {
    counted(port, &format!("archive_{kind}_written"))
}

/// Waits until the capture is read and everything that the store holds is published.
fn all_published(server: &Server) {
    wait_for(LIMIT, "everything is archived", || {
        let sources = get_json(server.port, "/api/v1/sources");
        let ended = sources["sources"].as_array().unwrap().iter().all(|source| source["state"] == "ended");
        let (written, kept) = (archived(server.port, "flows"), counted(server.port, "store_flows_written"));
        (ended && kept > 0.0 && written >= kept).then_some(())
    });
}

fn health(port: u16) -> Vec<String> {
    let all = get_json(port, "/api/v1/health");
    let items = all["items"].as_array().unwrap();
    items
        .iter()
        .filter(|item| item["name"] == "archive")
        .map(|item| item["text"].as_str().unwrap().to_owned())
        .collect()
}

/// Every flow as text, sorted.
fn flows_of_store(dir: &Path) -> Vec<String> {
    let reader = Reader::open(&dir.join("data"), &StoreConfig::default()).unwrap();
    let mut rows = Vec::new();
    let mut take = |record: record::FlowRecord, row: store::FlowRow| {
        rows.push(format!("{row:?} {record:?}"));
        ControlFlow::Continue(())
    };
    reader.visit_flows(&Query::all(FLOW_FIELDS), TimeRange::default(), &mut take).unwrap();
    rows.sort();
    rows
}

fn flows_of_archive(config: &ArchiveConfig) -> Vec<String> {
    let mut rows = Vec::new();
    let mut take = |record: record::FlowRecord, row: store::FlowRow| {
        rows.push(format!("{row:?} {record:?}"));
        ControlFlow::Continue(())
    };
    let reader = ArchiveReader::open(config).unwrap();
    reader.flows(TimeRange::default(), &Query::all(FLOW_FIELDS), &mut take).unwrap();
    rows.sort();
    rows
}

/// The program archives a capture there, merges, and everything comes back as the store has it.
fn round_trip(dir: &Path, config: &ArchiveConfig, keys: &[(&str, &str)]) {
    let capture = simulate(dir, "round", "office,port_scan_fast", "2m");
    let server = play(dir, &capture, &options(config, keys));
    all_published(&server);
    assert!(health(server.port).is_empty(), "{:?}", health(server.port));
    assert!(server.terminate().success());
    let (wanted, found) = (flows_of_store(dir), flows_of_archive(config));
    assert!(wanted.len() > 1_000, "{} flows", wanted.len());
    assert!(wanted == found, "{} flows in the store, {} in the archive", wanted.len(), found.len());
    let store = Reader::open(&dir.join("data"), &StoreConfig::default()).unwrap();
    let filter = Query::all(INCIDENT_FIELDS);
    let query = ListQuery { filter: filter.clone(), range: TimeRange::default(), limit: 500, cursor: None };
    let mut kept: Vec<String> = store.incidents(&query).unwrap().items.into_iter().map(|i| i.id).collect();
    // The last changes of a process that ends are published by the next one.
    let mut next = Archiver::open(config, store.into(), &writer(dir)).unwrap();
    next.round(record::Timestamp::from_parts(4_000_000_000, 0), &|| false).unwrap();
    let mut incidents = Vec::new();
    let mut take = |incident: record::Incident| {
        incidents.push(incident.id);
        ControlFlow::Continue(())
    };
    ArchiveReader::open(config).unwrap().incidents(TimeRange::default(), &filter, &mut take).unwrap();
    incidents.sort();
    kept.sort();
    assert!(!kept.is_empty());
    assert_eq!(incidents, kept);
    assert!(next.progress().merged > 1, "small files become one");
    assert!(wanted == flows_of_archive(config), "the same after merging");
}

/// The store's name in the archive.
fn writer(dir: &Path) -> String {
    let reader = Reader::open(&dir.join("data"), &StoreConfig::default()).unwrap();
    reader.setting("archive_writer").unwrap().unwrap()
}

fn config(url: &str, endpoint: String) -> ArchiveConfig {
    let allow_http = endpoint.starts_with("http://");
    ArchiveConfig { url: url.to_owned(), endpoint, allow_http, ..ArchiveConfig::default() }
}

fn keyed(mut config: ArchiveConfig, id: &str, key: &str) -> ArchiveConfig {
    let secret = |text: &str| serde_json::from_value(Value::String(text.to_owned())).unwrap();
    (config.key_id, config.key) = (secret(id), secret(key));
    config
}

#[test]
fn a_folder() {
    let dir = tempfile::tempdir().unwrap();
    let url = dir.path().join("archive").display().to_string();
    round_trip(dir.path(), &config(&url, String::new()), &[]);
}

#[test]
fn s3() {
    let dir = tempfile::tempdir().unwrap();
    let Some((_far, port)) = services::start("archive on S3", "s3", &dir.path().join("s3")) else { return };
    assert_eq!(request(port, "PUT", "/archive", None).unwrap().status, 200);
    let config = keyed(config("s3://archive/net/a", format!("http://127.0.0.1:{port}")), "id", "secret");
    round_trip(dir.path(), &config, &[("key_id", "id"), ("key", "secret")]);
}

/// The account and key that Azurite is published with.
const AZURITE: (&str, &str) =
    ("devstoreaccount1", "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==");

/// Makes a container: a request that is signed as Azure wants it.
const MAKE_CONTAINER: &str = "
import base64, hashlib, hmac, sys, urllib.request
from email.utils import formatdate
port, account, key = sys.argv[1:4]
date = formatdate(usegmt=True)
to_sign = f'PUT\\n\\n\\n\\n\\n\\n\\n\\n\\n\\n\\n\\nx-ms-date:{date}\\nx-ms-version:2021-08-06\\n/{account}/{account}/archive\\nrestype:container'
signed = base64.b64encode(hmac.new(base64.b64decode(key), to_sign.encode(), hashlib.sha256).digest()).decode()
request = urllib.request.Request(f'http://127.0.0.1:{port}/{account}/archive?restype=container', method='PUT')
for name, value in [('x-ms-date', date), ('x-ms-version', '2021-08-06'), ('Authorization', f'SharedKey {account}:{signed}')]:
    request.add_header(name, value)
print(urllib.request.urlopen(request).status)
";

#[test]
fn azure() {
    let dir = tempfile::tempdir().unwrap();
    let Some((_far, port)) = services::start("archive on Azure", "azure", &dir.path().join("azure")) else { return };
    let (account, key) = AZURITE;
    let made = Command::new("python3").args(["-c", MAKE_CONTAINER, &port.to_string(), account, key]).output().unwrap();
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    let config = keyed(config("az://archive/net", format!("http://127.0.0.1:{port}/{account}")), account, key);
    round_trip(dir.path(), &config, &[("key_id", account), ("key", key)]);
    // A wrong key is the server's to refuse, and ours to tell.
    let wrong = keyed(config.clone(), account, "d3Jvbmc=");
    let error = ArchiveReader::open(&wrong).unwrap().days(store::archive::ArchiveKind::Flows).unwrap_err().to_string();
    assert!(error.contains("refuses the credentials") && error.contains("archive.key"), "{error}");
    let absent = ArchiveConfig { url: "az://nowhere/net".to_owned(), ..config };
    let error = ArchiveReader::open(&absent).unwrap().days(store::archive::ArchiveKind::Flows).unwrap_err().to_string();
    assert!(error.contains("no such bucket or container"), "{error}");
}

#[test]
fn google() {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path().join("gcs");
    // A folder there is a bucket.
    std::fs::create_dir_all(root.join("archive")).unwrap();
    let Some((_far, port)) = services::start("archive on Google Cloud Storage", "gcs", &root) else { return };
    round_trip(dir.path(), &config("gs://archive/net", format!("http://127.0.0.1:{port}")), &[]);
}

/// A server that says one thing to everybody.
fn saying(status: &'static str, body: &'static str) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let _ = stream.read(&mut [0; 8_192]);
            let length = body.len();
            let _ = write!(stream, "HTTP/1.1 {status}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}");
        }
    });
    port
}

#[test]
fn trouble_is_told_and_everything_is_there_when_it_is_over() {
    let dir = tempfile::tempdir().unwrap();
    let capture = simulate(dir.path(), "trouble", "office", "30s");
    let skewed = saying(
        "403 Forbidden",
        "<Error><Code>RequestTimeTooSkewed</Code><Message>The difference between the request time and the current time is too large.</Message></Error>",
    );
    let refused = saying(
        "403 Forbidden",
        "<Error><Code>InvalidAccessKeyId</Code><Message>The AWS Access Key Id you provided does not exist.</Message></Error>",
    );
    let absent = saying(
        "404 Not Found",
        "<Error><Code>NoSuchBucket</Code><Message>The specified bucket does not exist</Message></Error>",
    );
    let silent = support::servers::free_port();
    let keys = [("key_id", "id"), ("key", "secret")];
    for (port, words) in [
        (skewed, "clock is wrong"),
        (refused, "refuses the credentials"),
        (absent, "no such bucket"),
        (silent, "cannot be reached"),
    ] {
        let there = config("s3://bucket/prefix", format!("http://127.0.0.1:{port}"));
        let server = play(dir.path(), &capture, &options(&there, &keys));
        let said = wait_for(LIMIT, words, || health(server.port).into_iter().next());
        assert!(said.contains(words) && said.contains("s3://bucket/prefix"), "{said}");
        // Nothing else waits for it.
        wait_for(LIMIT, "flows are kept", || (counted(server.port, "store_flows_written") > 100.0).then_some(()));
        assert!(server.terminate().success());
    }
    let url = dir.path().join("archive").display().to_string();
    let folder = config(&url, String::new());
    let server = play(dir.path(), &capture, &options(&folder, &[]));
    wait_for(LIMIT, "what waited is archived", || {
        let kept = flows_of_store(dir.path()).len();
        (archived(server.port, "flows") >= kept as f64).then_some(())
    });
    assert!(server.terminate().success());
    assert!(flows_of_store(dir.path()) == flows_of_archive(&folder), "the flows differ");
}

#[test]
fn a_full_disk_is_told_and_gone_on_from() {
    let dir = tempfile::tempdir().unwrap();
    let small = dir.path().join("small");
    std::fs::create_dir_all(&small).unwrap();
    let mounted = Command::new("mount").args(["-t", "tmpfs", "-o", "size=64k", "tmpfs"]).arg(&small).output();
    if !mounted.is_ok_and(|done| done.status.success()) {
        eprintln!("SKIP archive on a full disk: no right to mount a small file system; run as root");
        return;
    }
    let capture = simulate(dir.path(), "full", "office,port_scan_fast", "1m");
    let there = config(small.to_str().unwrap(), String::new());
    let server = play(dir.path(), &capture, &options(&there, &[]));
    let said = wait_for(LIMIT, "the full disk is told", || health(server.port).into_iter().next());
    assert!(said.contains("no room left") && said.contains("retention_days"), "{said}");
    let grown = Command::new("mount").args(["-o", "remount,size=64m"]).arg(&small).status().unwrap().success();
    assert!(grown);
    all_published(&server);
    wait_for(LIMIT, "the word is taken back", || health(server.port).is_empty().then_some(()));
    assert!(server.terminate().success());
    let (wanted, found) = (flows_of_store(dir.path()), flows_of_archive(&there));
    assert!(Command::new("umount").arg(&small).status().unwrap().success());
    assert!(wanted == found, "{} flows in the store, {} in the archive", wanted.len(), found.len());
}

#[test]
fn a_killed_program_leaves_no_hole_and_no_row_twice() {
    let dir = tempfile::tempdir().unwrap();
    let capture = simulate(dir.path(), "killed", "office,port_scan_fast", "1m");
    let url = dir.path().join("archive").display().to_string();
    let there = config(&url, String::new());
    let options = options(&there, &[]);
    for _ in 0..3 {
        let server = play(dir.path(), &capture, &options);
        wait_for(LIMIT, "something is archived", || (archived(server.port, "files") > 0.0).then_some(()));
        server.kill();
    }
    let server = play(dir.path(), &capture, &options);
    wait_for(LIMIT, "the rest is archived", || {
        let (kept, found) = (flows_of_store(dir.path()).len(), flows_of_archive(&there).len());
        (kept > 1_000 && kept == found).then_some(())
    });
    assert!(server.terminate().success());
    // The same capture again is judged anew; what was published before keeps its first verdict.
    let facts = |rows: Vec<String>| {
        let fact = |row: &String| row.split(", community_id").next().unwrap().to_owned();
        rows.iter().map(fact).collect::<Vec<_>>()
    };
    let (wanted, found) = (facts(flows_of_store(dir.path())), facts(flows_of_archive(&there)));
    assert!(wanted == found, "{} flows in the store, {} in the archive", wanted.len(), found.len());
}

/// Counts rows and bytes by Spark and by DuckDB, of files that only they look at.
const COUNT: &str = r#"
import json, sys, duckdb
from pyspark.sql import SparkSession
root = sys.argv[1]
told = {}
sums = "count(*), count(distinct number), sum(bytes_toserver + bytes_toclient), count(distinct day)"
told["duckdb"] = [int(v) for v in duckdb.sql(f"select {sums} from read_parquet('{root}/kind=flows/*/*.parquet', hive_partitioning = true)").fetchall()[0]]
newest = "select * from (select *, row_number() over (partition by id order by number desc) as place from incidents) t where place = 1"
duckdb.sql(f"create view incidents as select * from read_parquet('{root}/kind=incidents/*/*.parquet', hive_partitioning = true)")
told["duckdb_incidents"] = int(duckdb.sql(f"select count(*) from ({newest})").fetchall()[0][0])
spark = (SparkSession.builder.master("local[1]").config("spark.ui.enabled", "false").config("spark.sql.shuffle.partitions", "1")
         .config("spark.driver.host", "127.0.0.1").config("spark.driver.bindAddress", "127.0.0.1").getOrCreate())
spark.sparkContext.setLogLevel("ERROR")
spark.read.parquet(f"{root}/kind=flows").createOrReplaceTempView("flows")
told["spark"] = [int(v) for v in spark.sql(f"select {sums} from flows").collect()[0]]
spark.read.parquet(f"{root}/kind=incidents").createOrReplaceTempView("incidents")
told["spark_incidents"] = spark.sql(newest).count()
verdicts = spark.read.parquet(f"{root}/kind=verdicts") if sys.argv[2] == "1" else None
told["spark_verdicts"] = verdicts.count() if verdicts else 0
spark.stop()
print(json.dumps(told))
"#;

#[test]
fn spark_and_duckdb_count_the_same_rows_and_bytes() {
    let Some(script) = services::installed("archive read by Spark and DuckDB", "spark") else { return };
    let dir = tempfile::tempdir().unwrap();
    let capture = simulate(dir.path(), "spark", "office,port_scan_fast,syn_flood", "3m");
    let url = dir.path().join("archive").display().to_string();
    let server = play(dir.path(), &capture, &options(&config(&url, String::new()), &[]));
    all_published(&server);
    assert!(server.terminate().success());
    let reader = Reader::open(&dir.path().join("data"), &StoreConfig::default()).unwrap();
    let (mut rows, mut bytes, mut judged) = (0_u64, 0_u64, 0_u64);
    let mut take = |_: record::FlowRecord, row: store::FlowRow| {
        rows += 1;
        bytes += row.bytes_toserver + row.bytes_toclient;
        judged += u64::from(row.score.is_some());
        ControlFlow::Continue(())
    };
    reader.visit_flows(&Query::all(FLOW_FIELDS), TimeRange::default(), &mut take).unwrap();
    let count = dir.path().join("count.py");
    std::fs::write(&count, COUNT).unwrap();
    let work = dir.path().join("work");
    let has_verdicts = if judged > 0 { "1" } else { "0" };
    let output =
        Command::new(script).arg("run").args([&work, &count]).args([url.as_str(), has_verdicts]).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).unwrap();
    let told: Value = serde_json::from_str(text.lines().last().unwrap()).unwrap();
    for who in ["duckdb", "spark"] {
        let found: Vec<u64> = told[who].as_array().unwrap().iter().map(|n| n.as_u64().unwrap()).collect();
        assert_eq!(found[..3], [rows, rows, bytes], "{who}: {told}");
        assert!(found[3] >= 1, "{who} knows the days by the folders");
    }
    assert_eq!(told["spark_verdicts"].as_u64(), Some(judged));
    assert_eq!(told["spark_incidents"], told["duckdb_incidents"]);
    eprintln!("{rows} flows, {bytes} bytes, {judged} judged: the store, Spark and DuckDB agree");
}
