//! Who talks to whom and incidents by time, over known rows: what is drawn, what is left out, and which index finds it.

use super::support::*;
use crate::{FlowWrite, GraphOf, IncidentChange, Read, Sqlite, StoreBatch};
use record::{Endpoint, FlowKey, Kind, Timestamp};
use rusqlite::Connection;
use std::time::Instant;

/// Flow `n`, between two hosts of one's choice.
fn between(n: u64, src: &str, dest: &str) -> FlowWrite {
    let mut write = flow(n);
    let (src, dest) = (Endpoint { addr: ip(src), port: 40_000 }, Endpoint { addr: ip(dest), port: 443 });
    (write.record.key, write.record.originator_low) = FlowKey::new(src, dest, 6);
    write
}

fn put(store: &Sqlite, batch: StoreBatch) {
    store.write(batch).unwrap();
    store.flush().unwrap();
}

#[test]
fn the_neighbours_of_a_host_are_added_up_and_what_they_say_to_each_other() {
    let (_dir, store) = open();
    let mut flows = vec![
        between(1, "10.0.0.5", "10.0.0.6"),
        between(2, "10.0.0.5", "10.0.0.6"),
        between(3, "10.0.0.6", "10.0.0.5"),
        between(4, "10.0.0.6", "198.51.100.7"),
        between(5, "10.0.0.5", "198.51.100.7"),
        between(6, "10.0.0.6", "203.0.113.9"),
    ];
    flows[1].verdict = Some(verdict(flows[1].record.flow_id, 0.99, true));
    put(&store, StoreBatch { flows, hosts: vec![host("10.0.0.5", 1)], ..StoreBatch::default() });
    let graph = store.reader().graph(&GraphOf::Host(ip("10.0.0.5"))).unwrap().unwrap();
    let lines: Vec<(String, String, u64, u64)> =
        graph.edges.iter().map(|e| (e.src.to_string(), e.dest.to_string(), e.flows, e.anomalous)).collect();
    assert_eq!(lines[0], ("10.0.0.5".into(), "10.0.0.6".into(), 2, 1), "what is anomalous comes first");
    assert!(lines.contains(&("10.0.0.6".into(), "198.51.100.7".into(), 1, 0)), "between neighbours: {lines:?}");
    assert!(!lines.iter().any(|line| line.1 == "203.0.113.9"), "what the host has no part in is not drawn");
    assert_eq!(graph.nodes[0].ip, ip("10.0.0.5"));
    assert_eq!((graph.nodes[0].name.as_str(), graph.nodes[0].subject, graph.nodes[0].home), ("name1", true, true));
    let outside = graph.nodes.iter().find(|node| node.ip == ip("198.51.100.7")).unwrap();
    assert_eq!((outside.home, outside.subject), (false, false));
    assert_eq!((graph.nodes_left, graph.flows_left, graph.flows_read, graph.more), (0, 0, 5, false));
    let alone = store.reader().graph(&GraphOf::Host(ip("10.9.9.9"))).unwrap().unwrap();
    assert_eq!((alone.nodes.len(), alone.edges.len()), (1, 0));
}

#[test]
fn a_host_with_many_neighbours_is_drawn_in_part_and_says_so() {
    let (_dir, store) = open();
    let flows = (0..100).map(|n| between(n, "10.0.0.5", &format!("198.51.100.{n}"))).collect();
    put(&store, StoreBatch { flows, ..StoreBatch::default() });
    let graph = store.reader().graph(&GraphOf::Host(ip("10.0.0.5"))).unwrap().unwrap();
    assert_eq!((graph.nodes.len(), graph.nodes_left, graph.flows_left, graph.flows_read), (32, 69, 69, 100));
    // Those that moved most are drawn: larger numbers have more bytes.
    assert!(graph.nodes.iter().any(|node| node.ip == ip("198.51.100.99")));
    assert!(!graph.nodes.iter().any(|node| node.ip == ip("198.51.100.1")));
}

#[test]
fn an_incident_shows_its_evidence_among_what_its_hosts_do_otherwise() {
    let (_dir, store) = open();
    let mut one = incident(1, Kind::Beacon, "10.0.0.5");
    one.dest = vec![ip("198.51.100.7"), ip("198.51.100.8")];
    let flows = vec![between(1, "10.0.0.5", "198.51.100.7"), between(2, "10.0.0.5", "10.0.0.6")];
    put(&store, StoreBatch { flows, incidents: vec![one.clone()], ..StoreBatch::default() });
    let graph = store.reader().graph(&GraphOf::Incident(one.id)).unwrap().unwrap();
    let evidence: Vec<(String, u64)> =
        graph.edges.iter().filter(|e| e.evidence).map(|e| (e.dest.to_string(), e.flows)).collect();
    assert_eq!(
        evidence,
        [("198.51.100.7".to_owned(), 1), ("198.51.100.8".to_owned(), 0)],
        "a named pair without a flow"
    );
    assert!(graph.edges.iter().any(|e| e.dest == ip("10.0.0.6") && !e.evidence));
    assert!(store.reader().graph(&GraphOf::Incident("none".into())).unwrap().is_none());
}

#[test]
fn incidents_are_counted_where_they_were_told() {
    let (_dir, store) = open();
    let mut incidents: Vec<_> = (0..6).map(|n| incident(n * 3_600, Kind::Beacon, "10.0.0.5")).collect();
    incidents[0].kind = Kind::PortScan;
    incidents[1].over_budget = true;
    incidents[2].part_of = Some(incidents[0].id.clone());
    let hidden = incidents[3].id.clone();
    put(&store, StoreBatch { incidents, ..StoreBatch::default() });
    let change = IncidentChange { suppressed_by: Some(Some(7)), ..IncidentChange::default() };
    put(&store, StoreBatch { changes: vec![(hidden, change)], ..StoreBatch::default() });
    let counts = store.reader().incident_counts(at(0), at(6 * 3_600), 3_600).unwrap();
    assert_eq!((counts.step_s, counts.buckets, counts.oldest), (3_600, 6, Some(at(5).plus_ns(321))));
    let told: Vec<_> =
        counts.kinds.iter().map(|kind| (kind.kind.as_str(), kind.total, kind.counts.as_slice())).collect();
    assert_eq!(told, [("beacon", 2, &[(4, 1), (5, 1)][..]), ("port_scan", 1, &[(0, 1)][..])]);
    let few = store.reader().incident_counts(Timestamp(0), at(0), 1).unwrap();
    assert!(few.buckets <= 2_002 && few.kinds.is_empty(), "{} buckets", few.buckets);
}

#[test]
fn both_are_found_by_an_index() {
    let (dir, store) = open();
    put(&store, StoreBatch { flows: vec![flow(1)], ..StoreBatch::default() });
    let connection = Connection::open(dir.path().join(crate::DATABASE_NAME)).unwrap();
    let plan = |text: &str| -> String {
        let mut statement = connection.prepare(&format!("EXPLAIN QUERY PLAN {text}")).unwrap();
        let rows = statement.query_map([], |row| row.get::<_, String>("detail")).unwrap();
        rows.map(Result::unwrap).collect::<Vec<_>>().join("; ")
    };
    let around =
        plan("SELECT flow_id, src FROM flows WHERE (row >> 15) = 1 AND src = x'00' ORDER BY end_ns DESC LIMIT 9");
    assert!(around.contains("flows_src") && !around.contains("TEMP"), "{around}");
    let counted = plan(
        "SELECT kind, count(*) FROM incidents INDEXED BY incidents_kind WHERE raised_ns >= 1 AND over_budget = 0
         AND part_of IS NULL AND id NOT IN (SELECT id FROM incidents INDEXED BY incidents_suppressed WHERE suppressed_by IS NOT NULL)",
    );
    assert!(counted.contains("COVERING INDEX incidents_kind"), "{counted}");
}

/// Measured by hand: `cargo test --release -p store -- --ignored --nocapture a_busy_host`.
#[test]
#[ignore = "a measurement, not a check"]
fn a_busy_host_among_a_million_flows() {
    let (_dir, store) = open();
    for chunk in 0..200_u64 {
        let dest = |n: u64| {
            if n.is_multiple_of(3) { "192.0.2.1".to_owned() } else { format!("198.51.{}.{}", n / 250 % 250, n % 250) }
        };
        let flows = chunk * 5_000..(chunk + 1) * 5_000;
        let src = |n: u64| format!("10.0.{}.{}", n % 7, n % 200);
        put(
            &store,
            StoreBatch { flows: flows.map(|n| between(n, &src(n), &dest(n))).collect(), ..StoreBatch::default() },
        );
    }
    let reader = store.reader();
    for of in ["192.0.2.1", "10.0.0.7", "198.51.3.3"] {
        let began = Instant::now();
        let graph = reader.graph(&GraphOf::Host(ip(of))).unwrap().unwrap();
        println!(
            "{of}: {} hosts, {} lines of {} flows, {:?}",
            graph.nodes.len(),
            graph.edges.len(),
            graph.flows_read,
            began.elapsed()
        );
    }
}
