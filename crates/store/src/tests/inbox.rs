//! An inbox of a hundred thousand incidents: what people ask of it is found by an index, and how long it takes (measured by hand).

use super::support::*;
use crate::query::INCIDENT_FIELDS;
use crate::{IncidentChange, Query, Read, Sqlite, StoreBatch};
use record::{Incident, IncidentStatus, Kind, Severity};
use rusqlite::{Connection, params_from_iter};
use std::time::Instant;

const KINDS: [Kind; 4] = [Kind::PortScan, Kind::Beacon, Kind::AnomalousFlow, Kind::DnsTunnel];

/// Many incidents of many hosts; one in four is open, one in forty critical, one scanner is in half of them.
fn many(count: u64) -> Vec<Incident> {
    (0..count)
        .map(|n| {
            let src = if n % 2 == 0 { "10.0.0.66".to_owned() } else { format!("10.1.{}.{}", n / 250 % 250, n % 250) };
            let mut one = incident(n, KINDS[(n % 4) as usize], &src);
            one.dest = (0..4).map(|k| ip(&format!("10.9.{}.{}", (n + k) / 200 % 200, (n + k) % 200))).collect();
            one.severity = if n % 40 == 0 { Severity::Critical } else { Severity::Medium };
            one.status = if n % 4 == 1 { IncidentStatus::Open } else { IncidentStatus::Closed };
            one.over_budget = n % 3 == 0;
            if one.kind == Kind::DnsTunnel {
                one.domains = vec![format!("t{}.example.org", n % 500)];
            }
            one
        })
        .collect()
}

fn fill(store: &Sqlite, count: u64) {
    for chunk in many(count).chunks(5_000) {
        store.write(StoreBatch { incidents: chunk.to_vec(), ..StoreBatch::default() }).unwrap();
        store.flush().unwrap();
    }
}

/// What the page asks: folders, search, the next page.
const ASKED: [&str; 9] = [
    "status:open over_budget:false step:false",
    "status:open over_budget:false severity:>=high",
    "status:closed",
    "kind:beacon status:open over_budget:false",
    "ip:10.0.0.66 status:open over_budget:false",
    "ip:10.9.3.0/24",
    "attack:T1046 status:open over_budget:false",
    "domain:t7.example.org",
    "suppressed_by:3",
];

/// How the database finds the rows of a list.
fn plan(connection: &Connection, filter: &str) -> Vec<String> {
    let query = Query::parse(filter, INCIDENT_FIELDS).unwrap();
    let (mut sql, mut values) = (String::from("1"), Vec::new());
    query.append_sql(&mut sql, &mut values);
    let text = format!(
        "EXPLAIN QUERY PLAN SELECT body, raised_ns FROM incidents WHERE {sql} ORDER BY raised_ns DESC, id DESC LIMIT 201"
    );
    let mut statement = connection.prepare(&text).unwrap();
    let rows = statement.query_map(params_from_iter(values), |row| row.get::<_, String>("detail")).unwrap();
    rows.map(Result::unwrap).collect()
}

#[test]
fn what_the_page_asks_is_found_by_an_index() {
    let (dir, store) = open();
    fill(&store, 4_000);
    drop(store);
    let connection = Connection::open(dir.path().join(crate::DATABASE_NAME)).unwrap();
    for filter in ASKED {
        let plan = plan(&connection, filter);
        let reads_all = |step: &String| step.starts_with("SCAN incidents") && !step.contains("USING INDEX");
        assert!(!plan.iter().any(reads_all), "{filter}: {plan:?}");
        let unbounded = plan.iter().any(|step| step.starts_with("SCAN incident_"));
        assert!(!unbounded, "{filter}: {plan:?}");
    }
    let open = plan(&connection, ASKED[0]).join("; ");
    assert!(open.contains("incidents_status") && !open.contains("TEMP B-TREE"), "in order, without sorting: {open}");
}

/// `cargo test --release -p store a_hundred_thousand -- --ignored --nocapture`
#[test]
#[ignore = "measures; run by hand in release"]
fn a_hundred_thousand_incidents_stay_usable() {
    let (_dir, store) = open();
    let begun = Instant::now();
    fill(&store, 100_000);
    eprintln!("written in {:.1} s, {} MB", begun.elapsed().as_secs_f64(), store.counters().database_bytes / 1_000_000);
    let reader = store.reader();
    let timed = |what: &str, ask: &dyn Fn() -> u64| {
        let begun = Instant::now();
        let found = ask();
        eprintln!("{what:>60}: {:7.1} ms, {found}", begun.elapsed().as_secs_f64() * 1e3);
    };
    for filter in ASKED.into_iter().chain(["", "number", "10.0.0.66", "title:*999*", "dest_port:22", "pcap:true"]) {
        let query = list(filter, INCIDENT_FIELDS, 200);
        timed(filter, &|| reader.incidents(&query).unwrap().total);
    }
    let mut query = list(ASKED[0], INCIDENT_FIELDS, 500);
    query.cursor = reader.incidents(&query).unwrap().next_cursor;
    timed("the next page", &|| reader.incidents(&query).unwrap().items.len() as u64);
    let id = incident(99_999, Kind::Beacon, "10.0.0.1").id;
    timed("one with its like", &|| reader.incident(&id).unwrap().unwrap().similar.len() as u64);
    timed("every body (a preview of a rule)", &|| {
        let mut seen = 0;
        let all = Query::parse("", INCIDENT_FIELDS).unwrap();
        reader.visit_incidents(&all, &mut |_| seen += 1).unwrap();
        seen
    });
    timed("hidden by one rule: 50,000 moved", &|| {
        let hide = IncidentChange {
            status: Some(IncidentStatus::FalsePositive),
            suppressed_by: Some(Some(3)),
            ..IncidentChange::default()
        };
        let ids = (0..100_000).step_by(2).map(|n| (incident(n, Kind::Beacon, "10.0.0.1").id, hide.clone()));
        store.write(StoreBatch { changes: ids.collect(), ..StoreBatch::default() }).unwrap();
        store.flush().unwrap();
        reader.suppressed_counts().unwrap()[0].1
    });
}
