//! Bounds: of the disk, of age, of the queue.

use super::support::*;
use crate::{HostSort, Read, Sqlite, StoreBatch, StoreConfig};
use record::Kind;

fn bytes_on_disk(dir: &std::path::Path) -> u64 {
    std::fs::read_dir(dir)
        .unwrap()
        .map(|e| e.unwrap().metadata().unwrap())
        .filter(std::fs::Metadata::is_file)
        .map(|m| m.len())
        .sum()
}

#[test]
fn the_disk_is_bounded_while_much_is_written() {
    let config = StoreConfig { max_bytes: 16 << 20, batch_ms: 1, ..StoreConfig::default() };
    let (dir, store) = open_with(&config);
    store.write(StoreBatch { incidents: vec![incident(1, Kind::Flood, "10.0.0.1")], ..StoreBatch::default() }).unwrap();
    let mut largest = 0;
    for round in 0..60u64 {
        let flows = (round * 1_000..(round + 1) * 1_000).map(flow).collect();
        store.write(StoreBatch { flows, ..StoreBatch::default() }).unwrap();
        store.flush().unwrap();
        largest = largest.max(bytes_on_disk(dir.path()));
    }
    assert!(largest <= config.max_bytes, "{largest} bytes on disk at most, bound {}", config.max_bytes);
    let counters = store.counters();
    let kept = store.reader().flows(&flows("")).unwrap();
    assert_eq!(counters.flows_written, 60_000);
    assert_eq!(kept.total + counters.deleted.0["flows_size"], 60_000, "in = kept + deleted");
    assert!(kept.total > 5_000, "{} kept", kept.total);
    assert_eq!(kept.items[0].flow_id, flow(59_999).record.flow_id, "the newest stay");
    assert!(store.reader().incident(&incident(1, Kind::Flood, "10.0.0.1").id).unwrap().is_some());
    drop(store);
    // A bound lowered below what is there: the file shrinks.
    let before = bytes_on_disk(dir.path());
    drop(Sqlite::open(dir.path(), &StoreConfig { max_bytes: 64 << 20, ..config.clone() }).unwrap());
    assert!(before <= config.max_bytes);
}

#[test]
fn a_lowered_bound_shrinks_the_file() {
    let large = StoreConfig { max_bytes: 64 << 20, batch_ms: 1, ..StoreConfig::default() };
    let (dir, store) = open_with(&large);
    store.write(StoreBatch { flows: (0..40_000).map(flow).collect(), ..StoreBatch::default() }).unwrap();
    drop(store);
    let before = bytes_on_disk(dir.path());
    assert!(before > 20 << 20, "{before}");
    let small = StoreConfig { max_bytes: 16 << 20, ..large };
    let store = Sqlite::open(dir.path(), &small).unwrap();
    for n in 0..20 {
        store.write(StoreBatch { flows: vec![flow(50_000 + n)], ..StoreBatch::default() }).unwrap();
        store.flush().unwrap();
    }
    let after = bytes_on_disk(dir.path());
    assert!(after <= small.max_bytes, "{before} → {after}");
}

#[test]
fn flows_go_when_they_were_stored_long_ago() {
    let (dir, store) = open();
    store.write(StoreBatch { flows: (0..100).map(flow).collect(), ..StoreBatch::default() }).unwrap();
    drop(store);
    // As if they had been stored in 1970.
    let database = rusqlite::Connection::open(dir.path().join("tripline.db")).unwrap();
    database
        .execute_batch("DELETE FROM flow_marks; INSERT INTO flow_marks SELECT 5, max(row) - 10 FROM flows;")
        .unwrap();
    drop(database);
    let store = Sqlite::open(dir.path(), &StoreConfig::default()).unwrap();
    store.write(StoreBatch { flows: vec![flow(200)], ..StoreBatch::default() }).unwrap();
    store.flush().unwrap();
    assert_eq!(store.reader().flows(&flows("")).unwrap().total, 11);
    assert_eq!(store.counters().deleted.0["flows_age"], 90);
}

#[test]
fn age_leaves_what_somebody_still_has_to_read() {
    let (dir, store) = open();
    store.write(StoreBatch { flows: (0..100).map(flow).collect(), ..StoreBatch::default() }).unwrap();
    drop(store);
    let database = rusqlite::Connection::open(dir.path().join("tripline.db")).unwrap();
    database
        .execute_batch("DELETE FROM flow_marks; INSERT INTO flow_marks SELECT 5, max(row) - 10 FROM flows;")
        .unwrap();
    drop(database);
    let store = Sqlite::open(dir.path(), &StoreConfig::default()).unwrap();
    let held = store.hold_flows();
    for (released, left) in [(None, 101), (Some(40), 62), (Some(i64::MAX), 13)] {
        held.release(released);
        // Ages are looked at anew when bounds are set.
        store.set_retention(&StoreConfig::default());
        let next = 200 + left;
        store.write(StoreBatch { flows: vec![flow(next)], ..StoreBatch::default() }).unwrap();
        store.flush().unwrap();
        assert_eq!(store.reader().flows(&flows("")).unwrap().total, left, "released up to {released:?}");
    }
}

#[test]
fn incidents_and_hosts_age() {
    let config =
        StoreConfig { batch_ms: 1, incidents_age_days: 10, hosts_age_days: 10, hosts_max: 3, ..StoreConfig::default() };
    let (dir, store) = open_with(&config);
    let day = 86_400;
    let incidents = vec![incident(0, Kind::Dga, "10.0.0.1"), incident(20 * day, Kind::Dga, "10.0.0.1")];
    let hosts = (0..6).map(|n| host(&format!("10.0.0.{n}"), i64::from(n) * 5 * day as i64)).collect();
    store.write(StoreBatch { incidents, hosts, ..StoreBatch::default() }).unwrap();
    drop(store);
    let store = Sqlite::open(dir.path(), &config).unwrap();
    store.write(StoreBatch { flows: vec![flow(1)], ..StoreBatch::default() }).unwrap();
    store.flush().unwrap();
    let deleted = store.counters().deleted;
    let total = |name: &str| deleted.0.get(name).copied().unwrap_or(0);
    let reader = store.reader();
    assert_eq!(reader.incidents(&list("", crate::query::INCIDENT_FIELDS, 9)).unwrap().total, 1);
    assert_eq!(reader.hosts(&list("", crate::query::HOST_FIELDS, 9), HostSort::default()).unwrap().total, 3);
    assert!(total("incidents_age") <= 1 && total("hosts_age") + total("hosts_max") <= 3);
}

#[test]
fn a_full_queue_drops_flows_by_count_and_never_incidents() {
    let config = StoreConfig { queue_flows_max: 50, queue_other_max: 2, batch_ms: 100, ..StoreConfig::default() };
    let (_dir, store) = open_with(&config);
    let (mut given, mut n) = (0, 0);
    for _ in 0..20 {
        let batch = StoreBatch {
            flows: (n..n + 40).map(flow).collect(),
            incidents: vec![incident(n, Kind::Dga, "10.0.0.1")],
            ..StoreBatch::default()
        };
        given += 40;
        n += 40;
        store.write(batch).unwrap();
    }
    store.flush().unwrap();
    let counters = store.counters();
    assert_eq!(counters.flows_written + counters.dropped.total(), given, "in = out + dropped");
    assert!(counters.dropped.0["store_queue_full"] > 0);
    assert_eq!(store.reader().incidents(&list("", crate::query::INCIDENT_FIELDS, 500)).unwrap().total, 20);
}

#[test]
fn bounds_that_cannot_hold_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    let error = |config: StoreConfig| Sqlite::open(dir.path(), &config).err().unwrap().to_string();
    assert!(error(StoreConfig { max_bytes: 1, ..StoreConfig::default() }).contains("store.max_bytes is 1"));
    assert!(error(StoreConfig { read_connections: 0, ..StoreConfig::default() }).contains("read_connections"));
    assert!(error(StoreConfig { series_second_age_h: 0, ..StoreConfig::default() }).contains("series_second_age_h"));
}

#[test]
fn incidents_are_bounded_in_number_and_size() {
    let config = StoreConfig { max_bytes: 16 << 20, batch_ms: 1, incidents_max: 6_000, ..StoreConfig::default() };
    let (dir, store) = open_with(&config);
    for start in (0..12_000).step_by(500) {
        let incidents = (start..start + 500)
            .map(|n| {
                let mut i = incident(n, Kind::Dga, "10.0.0.1");
                i.advice = "x".repeat(2_000);
                i
            })
            .collect();
        store.write(StoreBatch { incidents, ..StoreBatch::default() }).unwrap();
        store.flush().unwrap();
        let bytes = bytes_on_disk(dir.path());
        assert!(bytes <= config.max_bytes, "{bytes}");
    }
    let kept = store.reader().incidents(&list("", crate::query::INCIDENT_FIELDS, 1)).unwrap();
    assert!((1_000..=6_000).contains(&kept.total), "{}", kept.total);
    assert_eq!(kept.items[0].id, incident(11_999, Kind::Dga, "10.0.0.1").id);
    assert_eq!(kept.total + store.counters().deleted.total(), 12_000, "in = kept + deleted");
}

#[test]
fn a_read_under_way_does_not_hold_up_the_writer() {
    let config = StoreConfig { max_bytes: 64 << 20, batch_ms: 1, busy_timeout_ms: 60_000, ..StoreConfig::default() };
    let (dir, store) = open_with(&config);
    store.write(StoreBatch { flows: vec![flow(0)], ..StoreBatch::default() }).unwrap();
    store.flush().unwrap();
    let view = rusqlite::Connection::open(dir.path().join("tripline.db")).unwrap();
    view.execute_batch("BEGIN; SELECT count(*) FROM flows;").unwrap();
    let view_counts = || view.query_row("SELECT count(*) FROM flows", [], |r| r.get::<_, i64>(0)).unwrap();
    assert_eq!(view_counts(), 1);
    store.write(StoreBatch { flows: (1..20_000).map(flow).collect(), ..StoreBatch::default() }).unwrap();
    store.flush().unwrap();
    assert_eq!((view_counts(), store.counters().flows_written), (1, 20_000), "both went on");
    assert_eq!(store.counters().last_error, None);
}
