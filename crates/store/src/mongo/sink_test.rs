//! The sink without a server: what waits, what is told, what is given up.
#![allow(clippy::unwrap_used)]
use super::*;
use crate::notify::secret::Secret;
use crate::sqlite::tests::support::{flow, incident as any_incident, open, verdict};
use crate::{FlowWrite, Sqlite};

fn incident(n: u64) -> record::Incident {
    any_incident(n, record::Kind::PortScan, "192.0.2.77")
}

/// Nobody listens there.
fn config() -> MongoConfig {
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let url = format!("mongodb://me:hunter2@127.0.0.1:{port}/?serverSelectionTimeoutMS=200");
    MongoConfig { url: Secret::Text(url), timeout_s: 1, waiting_max: 1_000, ..MongoConfig::default() }
}

fn write(store: &Sqlite, flows: std::ops::Range<u64>, incidents: u64) {
    let judged = |n: u64| {
        let flow = flow(n);
        FlowWrite { verdict: Some(verdict(flow.record.flow_id, 0.9, true)), ..flow }
    };
    let batch = StoreBatch {
        flows: flows.map(judged).collect(),
        incidents: (0..incidents).map(incident).collect(),
        ..StoreBatch::default()
    };
    store.write(batch).unwrap();
    store.flush().unwrap();
}

#[test]
fn a_server_that_is_away_costs_nothing_and_is_told_without_the_password() {
    let (dir, store) = open();
    let store = Arc::new(store);
    write(&store, 0..3, 2);
    let mut sink = Sink::new(config(), Arc::clone(&store), dir.path(), Box::new(|_| String::new())).unwrap();
    let trouble = sink.pass().unwrap_err();
    assert_eq!(trouble.reason, "unreachable");
    assert!(trouble.text.starts_with("MongoDB at 127.0.0.1:") && !trouble.text.contains("hunter2"), "{trouble:?}");
    assert!(trouble.advice.contains("mongodb.url"));
    assert_eq!(sink.batch, 125, "the next try is smaller");
    sink.wait(Duration::from_millis(1));
    assert_eq!(sink.counters().waiting, 5, "what was there before waits too");
    assert_eq!(sink.counters().failures.0["unreachable"], 1);
    drop(sink);
    let sink = Sink::new(config(), Arc::clone(&store), dir.path(), Box::new(|_| String::new())).unwrap();
    assert_eq!(sink.reader.waiting(Collection::Incidents).unwrap(), 2, "a restart resumes");
}

#[test]
fn beyond_the_bound_the_oldest_alerts_are_given_up_and_counted() {
    let (dir, store) = open();
    let store = Arc::new(store);
    let mut sink = Sink::new(config(), Arc::clone(&store), dir.path(), Box::new(|_| String::new())).unwrap();
    write(&store, 0..1_010, 5);
    sink.pass().unwrap_err();
    assert_eq!(sink.counters().dropped.0["mongodb_waiting_full"], 15);
    assert_eq!(sink.counters().waiting, 1_000);
    assert_eq!(store.reader().waiting(Collection::Incidents).unwrap(), 5, "incidents are never given up");
}

#[test]
fn an_address_in_a_file_that_is_missing_is_told_by_its_name() {
    let (dir, store) = open();
    let url = Secret::File(dir.path().join("no-such-file"));
    let mut sink =
        Sink::new(MongoConfig { url, ..config() }, Arc::new(store), dir.path(), Box::new(|_| String::new())).unwrap();
    let trouble = sink.pass().unwrap_err();
    assert_eq!(trouble.reason, "settings");
    assert!(trouble.text.contains("mongodb.url") && trouble.text.contains("no-such-file"), "{trouble:?}");
}
