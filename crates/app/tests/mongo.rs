//! Results in a server that speaks MongoDB's protocol (scripts/services/mongodb.sh): not there at the start, killed in the middle and
//! started again. What it has at last is what the API says, each thing once, and the queries of docs/how-to/mongodb.md find it.
#![allow(clippy::unwrap_used)]

mod support;

use mongodb::bson::{Bson, Document, doc, serialize_to_document};
use mongodb::sync::{Client, Database};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;
use support::http::{get_json, request, send_file};
use support::server::Server;
use support::servers::{Far, free_port};
use support::wait_for;

const SOON: Duration = Duration::from_mins(2);
/// Looks, 50 ms apart, in which nothing waits: longer than the second between two counts.
const QUIET_LOOKS: u32 = 50;
/// Fields that documents have beside those of the API.
const OWN: [&str; 5] = ["_id", "schema", "revision", "updated", "day"];
const SCAN: &str = r#"<?xml version="1.0"?><nmaprun scanner="nmap" args="nmap 192.0.2.0/24" start="1700000000" version="7.93" xmloutputversion="1.05">
<host><status state="up"/><address addr="192.0.2.9" addrtype="ipv4"/><ports><port protocol="tcp" portid="22"><state state="open"/><service name="ssh"/></port></ports></host>
<runstats><finished time="1700000100" exit="success"/><hosts up="1" down="0" total="1"/></runstats></nmaprun>"#;

/// What the test's server keeps up with: FerretDB 1 takes some hundred documents a second.
const FEW: &str = "mongodb.collections=[\"incidents\",\"scans\",\"reports\"]";

/// A server that is not started yet; None, with the reason, where it is not installed.
fn server(test: &str, dir: &Path, login: Option<(&str, &str)>) -> Option<(Far, u16)> {
    server_at(test, dir, free_port(), login)
}

fn server_at(test: &str, dir: &Path, port: u16, login: Option<(&str, &str)>) -> Option<(Far, u16)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let services = std::env::var_os("TRIPLINE_SERVICES").map_or_else(|| root.join("target/services"), PathBuf::from);
    let there = std::fs::read_dir(services.join("mongodb")).into_iter().flatten().flatten();
    if !there.into_iter().any(|file| file.file_name().to_string_lossy().starts_with("ferretdb-")) {
        eprintln!("SKIP {test}: no MongoDB-compatible server; scripts/services/mongodb.sh install");
        return None;
    }
    let mut command = vec![
        root.join("scripts/services/mongodb.sh").display().to_string(),
        "run".to_owned(),
        dir.join("far").display().to_string(),
        port.to_string(),
    ];
    command.extend(login.iter().flat_map(|(user, password)| [(*user).to_owned(), (*password).to_owned()]));
    Some((Far::tcp(command, port), port))
}

fn replay(capture: &Path, data: &Path, speed: &str, url: &str, more: &[&str]) -> Server {
    let (capture, data) = (capture.to_str().unwrap(), data.to_str().unwrap());
    let url = format!("mongodb.url={url}");
    let learn =
        ["--set", "learn.flows_min=3000", "--set", "learn.duration_min_s=0", "--set", "mongodb.hosts_every_s=1"];
    let args = ["run", "-r", capture, "--speed", speed, "--data-dir", data, "--set", &url];
    Server::start(&args.into_iter().chain(learn).chain(more.iter().copied()).collect::<Vec<_>>())
}

fn database(port: u16) -> Database {
    let client = Client::with_uri_str(format!("mongodb://127.0.0.1:{port}/?serverSelectionTimeoutMS=5000")).unwrap();
    client.database("tripline")
}

fn documents(database: &Database, collection: &str) -> Vec<Document> {
    let all = doc! { "find": collection, "batchSize": 100_000, "singleBatch": true };
    let answer = database.run_command(all).run().unwrap();
    let batch = answer.get_document("cursor").unwrap().get_array("firstBatch").unwrap();
    batch.iter().map(|document| document.as_document().unwrap().clone()).collect()
}

/// Everything of a list of the API, by id.
fn all(port: u16, list: &str, id: &str) -> BTreeMap<String, Value> {
    let (mut found, mut cursor) = (BTreeMap::new(), String::new());
    loop {
        let page = get_json(port, &format!("/api/v1/{list}limit=500{cursor}"));
        for item in page["items"].as_array().unwrap() {
            let name = item[id].as_str().map_or_else(|| item[id].to_string(), str::to_owned);
            found.insert(name, item.clone());
        }
        match page["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return found,
        }
    }
}

fn line(port: u16, words: &str) -> Option<(String, String)> {
    let summary = get_json(port, "/api/v1/summary");
    let items = summary["health"].as_array().unwrap();
    let text = |item: &Value, name: &str| item[name].as_str().unwrap_or_default().to_owned();
    items.iter().map(|item| (text(item, "text"), text(item, "action"))).find(|(text, _)| text.contains(words))
}

fn gauge(port: u16, name: &str) -> Option<f64> {
    let text = support::http::get(port, "/metrics").text();
    text.lines().find_map(|line| line.strip_prefix(name)?.trim().parse().ok())
}

fn set_status(port: u16, id: &str, status: &str) {
    let body = json!({ "status": status }).to_string();
    let answer = request(port, "PATCH", &format!("/api/v1/incidents/{id}"), Some(&body)).unwrap();
    assert_eq!(answer.status, 200, "{}", answer.text());
}

/// Documents that the server has confirmed.
fn confirmed(port: u16, collection: &str) -> f64 {
    gauge(port, &format!("tripline_events_total{{name=\"mongodb_written.{collection}\"}}")).unwrap_or(0.0)
}

/// The input is read to its end, and nothing waits any more: counted anew every second, so it is looked at some times. Only then is the server asked:
/// FerretDB 1 can stand still when one reads while another writes.
fn settled(port: u16) {
    let mut quiet = 0;
    wait_for(SOON, "nothing waits", || {
        let ended = get_json(port, "/api/v1/sources")["sources"][0]["state"] == "ended";
        let waits = gauge(port, "tripline_value{name=\"mongodb_waiting\"}") != Some(0.0);
        quiet = if ended && !waits { quiet + 1 } else { 0 };
        (quiet == QUIET_LOOKS).then_some(())
    });
}

/// A list is what the API says.
fn assert_written(port: u16, kept: &Database, list: &str, collection: &str, id: &str, leaving: &[&str]) {
    let differs = differs(&all(port, list, id), &documents(kept, collection), leaving);
    assert_eq!(differs, None, "{collection}; {:?}", line(port, "MongoDB"));
}

/// A time to the millisecond, without zeros at its end.
fn plain(time: &str) -> String {
    let time = time.trim_end_matches('Z');
    let (whole, parts) = time.split_once('.').unwrap_or((time, ""));
    let parts = parts.get(..3).unwrap_or(parts).trim_end_matches('0');
    format!("{whole}.{parts}")
}

/// Is a field of a document what the API says? Times are dates, to the millisecond.
fn same(api: &Value, kept: &Bson) -> bool {
    match (api, kept) {
        (Value::Null, Bson::Null) => true,
        (Value::Bool(a), Bson::Boolean(b)) => a == b,
        (Value::Number(a), Bson::Int64(b)) => a.as_i64() == Some(*b),
        (Value::Number(a), Bson::Double(b)) => a.as_f64() == Some(*b),
        (Value::String(a), Bson::String(b)) => a == b,
        (Value::String(a), Bson::DateTime(b)) => plain(a) == plain(&b.try_to_rfc3339_string().unwrap()),
        (Value::Array(a), Bson::Array(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b)),
        (Value::Object(a), Bson::Document(b)) => {
            a.len() == b.len() && a.iter().all(|(name, a)| b.get(name).is_some_and(|b| same(a, b)))
        }
        _ => false,
    }
}

/// The first document that is not what the API says of the same thing, or is there for nothing; None: all are.
fn differs(api: &BTreeMap<String, Value>, kept: &[Document], leaving: &[&str]) -> Option<String> {
    let id = |document: &Document| match document.get("_id").unwrap() {
        Bson::String(id) => id.clone(),
        other => other.to_string(),
    };
    let kept_ids: BTreeMap<String, &Document> = kept.iter().map(|document| (id(document), document)).collect();
    if kept_ids.len() != kept.len() || kept_ids.keys().ne(api.keys()) {
        return Some(format!("{:?} are kept, {:?} are known", kept_ids.keys(), api.keys()));
    }
    for (id, api) in api {
        let document = kept_ids[id];
        for (name, value) in api.as_object().unwrap().iter().filter(|(name, _)| !leaving.contains(&name.as_str())) {
            match document.get(name) {
                Some(found) if same(value, found) => {}
                found => return Some(format!("{id}: {name} is {found:?} and {value} by the API")),
            }
        }
        let known = |name: &str| api.get(name).is_some() || OWN.contains(&name) || leaving.contains(&"*");
        if let Some(name) = document.keys().find(|name| !known(name)) {
            return Some(format!("{id}: {name} is not of the API"));
        }
    }
    None
}

#[test]
fn the_server_has_what_the_api_says_though_it_was_away_and_was_killed() {
    let dir = tempfile::tempdir().unwrap();
    let Some((mut far, port)) = server("mongo", dir.path(), None) else { return };
    let capture =
        support::simulate(dir.path(), "day", "office,port_scan_fast,ssh_brute_force,host_sweep,dns_tunnel", "4m");
    let data = dir.path().join("data");
    std::fs::create_dir_all(data.join("reports")).unwrap();
    std::fs::write(data.join("reports/2026-01-02.json"), r#"{"title":"A day","incidents":3}"#).unwrap();
    // Soon told that nobody is there; and never given up in the middle of a command, after which FerretDB 1 stands still.
    let url = format!("\"mongodb://127.0.0.1:{port}/?serverSelectionTimeoutMS=1500\"");
    let tripline = replay(
        &capture,
        &data,
        "6",
        &url,
        &["--set", "mongodb.ttl_days=30", "--set", "mongodb.timeout_s=60", "--set", FEW],
    );

    // Not there at the start: told, and the watch goes on.
    let (text, action) = wait_for(SOON, "a line", || line(tripline.port, "cannot be reached"));
    assert!(
        text.contains(&format!("MongoDB at 127.0.0.1:{port}")) && action.contains("mongodb.url"),
        "{text} {action}"
    );
    assert!(gauge(tripline.port, "tripline_events_total{name=\"mongodb_failures.unreachable\"}").unwrap() >= 1.0);
    far.up();
    let kept = database(port);
    wait_for(SOON, "a first incident", || (confirmed(tripline.port, "incidents") > 0.0).then_some(()));

    // Killed in the middle: traffic goes on, a scan comes in, and somebody takes an incident on.
    far.down();
    send_file(tripline.port, "/api/v1/scans/import", SCAN.as_bytes());
    let first = all(tripline.port, "incidents?", "id").into_keys().next().unwrap();
    set_status(tripline.port, &first, "closed");
    wait_for(SOON, "changes that wait", || {
        (gauge(tripline.port, "tripline_value{name=\"mongodb_waiting\"}")? >= 3.0).then_some(())
    });
    far.up();
    settled(tripline.port);
    assert_written(tripline.port, &kept, "incidents?", "incidents", "id", &[]);
    assert_written(tripline.port, &kept, "scans?", "scans", "id", &["progress", "*"]);
    let api = all(tripline.port, "incidents?", "id");
    assert!(api.len() > 2, "{} incidents", api.len());
    assert_eq!(documents(&kept, "reports")[0].get_str("title").unwrap(), "A day");

    what_people_change_follows(tripline.port, &kept, &api);
    assert_indexes(&kept);
    assert!(line(tripline.port, "cannot end documents").is_some(), "this server has no TTL indexes, and that is said");
    let first = api.values().next().unwrap();
    documented_queries_answer(&kept, first["src"][0].as_str().unwrap());
    assert!(tripline.terminate().success());

    // Started again on the same past: nothing is written twice, nothing is missing.
    let tripline = replay(&capture, &data, "max", &url, &["--set", "mongodb.timeout_s=60", "--set", FEW]);
    settled(tripline.port);
    let there = documents(&kept, "incidents");
    for id in all(tripline.port, "incidents?", "id").keys() {
        assert_eq!(there.iter().filter(|d| d.get_str("_id").unwrap() == id).count(), 1, "{id}");
    }
    assert!(tripline.terminate().success());
}

/// What a person changes follows; what is newer there stays.
fn what_people_change_follows(port: u16, kept: &Database, api: &BTreeMap<String, Value>) {
    let ids: Vec<&String> = api.keys().collect();
    let newer = doc! { "$set": { "revision": i64::MAX, "title": "newer" } };
    kept.collection::<Document>("incidents").update_one(doc! { "_id": ids[1] }, newer).run().unwrap();
    let before = confirmed(port, "incidents");
    for id in [ids[0], ids[1]] {
        set_status(port, id, "acknowledged");
    }
    wait_for(SOON, "both changes", || (confirmed(port, "incidents") >= before + 2.0).then_some(()));
    settled(port);
    let there = documents(kept, "incidents");
    let find = |id: &str| there.iter().find(|d| d.get_str("_id").unwrap() == id).unwrap();
    assert_eq!(find(ids[0]).get_str("status").unwrap(), "acknowledged");
    assert_eq!(find(ids[1]).get_str("title").unwrap(), "newer");
    assert_eq!(there.len(), api.len(), "put in place, not added");
}

fn assert_indexes(kept: &Database) {
    let names = kept.collection::<Document>("incidents").list_index_names().run().unwrap();
    for wanted in ["status_1_severity_1_last_seen_-1", "kind_1_raised_-1", "src_1_last_seen_-1", "dest_1_last_seen_-1"]
    {
        assert!(names.iter().any(|name| name == wanted), "{wanted} is not in {names:?}");
    }
}

/// The commands of the how-to that ask for incidents, each run as it stands there with a host of this run.
fn documented_queries_answer(kept: &Database, host: &str) {
    let text = include_str!("../../../docs/how-to/mongodb.md");
    let of_incidents = |query: &Value| ["find", "aggregate"].iter().any(|verb| query[verb] == "incidents");
    let queries: Vec<Value> = text
        .split("db.runCommand(")
        .skip(1)
        .map(|rest| rest.split(")\n```").next().unwrap().replace("192.0.2.7", host))
        .map(|text| serde_json::from_str(&text).unwrap_or_else(|e| panic!("{e}: {text}")))
        .collect();
    assert!(queries.len() >= 8, "{} queries", queries.len());
    let mut asked = 0;
    for query in queries.iter().filter(|query| of_incidents(query)) {
        // The server takes the first field for the command's name.
        let verb = if query.get("find").is_some() { "find" } else { "aggregate" };
        let mut command = doc! { verb: "incidents" };
        command.extend(serialize_to_document(query).unwrap().into_iter().filter(|(name, _)| name != verb));
        let answer = kept.run_command(command).run().unwrap_or_else(|e| panic!("{query}: {e}"));
        assert!(answer.get_document("cursor").unwrap().get_array("firstBatch").is_ok(), "{query}");
        asked += 1;
    }
    assert!(asked >= 3, "{asked} queries of incidents");
}

#[test]
fn a_wrong_password_and_a_missing_right_are_told_and_mended_without_a_start() {
    let dir = tempfile::tempdir().unwrap();
    let Some((mut far, port)) = server("mongo login", dir.path(), Some(("keeper", "correct-horse"))) else { return };
    far.up();
    let capture = support::simulate(dir.path(), "scan", "office,port_scan_fast", "1m");
    let secret = dir.path().join("url");
    let write = |login: &str| std::fs::write(&secret, format!("mongodb://{login}127.0.0.1:{port}/\n")).unwrap();
    write("keeper:hunter2@");
    let place = format!("{{ file = \"{}\" }}", secret.display());
    let tripline = replay(&capture, &dir.path().join("data"), "max", &place, &[]);
    let (text, action) = wait_for(SOON, "a line", || line(tripline.port, "refuses the user or the password"));
    assert!(!text.contains("hunter2") && action.contains("authSource"), "{text} {action}");
    write("");
    let (_, action) = wait_for(SOON, "a line", || line(tripline.port, "gives no right"));
    assert!(action.contains("readWrite"), "{action}");
    // A server that asks for no login: FerretDB 1 does not end a login as MongoDB since 4.4 does, so the driver takes none of it.
    far.down();
    let Some((mut open, _)) = server_at("mongo login", dir.path(), port, None) else { return };
    open.up();
    settled(tripline.port);
    assert_written(tripline.port, &database(port), "incidents?", "incidents", "id", &[]);
    assert!(!tripline.log().contains("hunter2"), "{}", tripline.log());
    wait_for(SOON, "a line less", || line(tripline.port, "MongoDB at").is_none().then_some(()));
}
