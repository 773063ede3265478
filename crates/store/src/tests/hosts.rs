//! Hosts beside what people said of them, their open incidents, their course; incidents beside their like.

use super::support::*;
use crate::query::{HOST_FIELDS, INCIDENT_FIELDS};
use crate::rows::{AuditEntry, HostProfile};
use crate::{HostSort, IncidentChange, Read, Sqlite, StoreBatch};
use record::{HostService, Importance, IncidentStatus, Kind, Severity, Timestamp};

fn put(store: &Sqlite, batch: StoreBatch) {
    store.write(batch).unwrap();
    store.flush().unwrap();
}

fn profile(text: &str, importance: Importance, label: &str) -> HostProfile {
    HostProfile { ip: ip(text), importance, label: label.to_owned(), note: String::new(), changed: at(1) }
}

#[test]
fn a_row_says_what_people_said_and_what_is_open() {
    let (_dir, store) = open();
    let mut server = host("10.0.0.5", 1);
    server.services = vec![HostService { proto: 6, port: 443, flows: 9, first_seen: at(1), last_seen: at(2) }];
    let mut beacon = incident(2, Kind::Beacon, "10.0.0.5");
    beacon.severity = Severity::Critical;
    let mut held = incident(3, Kind::Beacon, "10.0.0.6");
    held.over_budget = true;
    let mut step = incident(4, Kind::BruteForce, "10.0.0.5");
    step.part_of = Some(beacon.id.clone());
    let incidents = vec![incident(1, Kind::PortScan, "10.0.0.5"), beacon, held, step];
    let hosts = vec![server, host("10.0.0.6", 2)];
    let profiles = vec![profile("10.0.0.5", Importance::High, "the shop")];
    put(&store, StoreBatch { incidents, hosts, profiles, ..StoreBatch::default() });
    let reader = store.reader();
    let rows = |filter: &str, sort| reader.hosts(&list(filter, HOST_FIELDS, 10), sort).unwrap().items;
    let row = rows("", HostSort::Risk).remove(0);
    assert_eq!((row.host.ip, row.importance, row.label.as_str()), (ip("10.0.0.5"), Importance::High, "the shop"));
    assert_eq!((row.incidents_open, row.worst, row.risk), (2, Some(Severity::Critical), 100), "(80 + 3) · 1.25");
    assert_eq!(row.host.services.len(), 1);
    for (filter, wanted) in [
        ("importance:>=high", 1),
        ("importance:normal", 1),
        ("label:*shop", 1),
        ("shop", 1),
        ("service:443", 1),
        ("service:80", 0),
        ("incidents_open:>0", 1),
    ] {
        assert_eq!(rows(filter, HostSort::LastSeen).len(), wanted, "{filter}");
    }
    // Closed and taken back: nothing is left of it.
    let close = IncidentChange { status: Some(IncidentStatus::Closed), ..IncidentChange::default() };
    let change = |n: u64| (incident(n, Kind::Beacon, "10.0.0.5").id, close.clone());
    let hide =
        IncidentChange { suppressed_by: Some(Some(7)), status: Some(IncidentStatus::FalsePositive), ..close.clone() };
    let hidden = (incident(1, Kind::Beacon, "10.0.0.5").id, hide);
    put(
        &store,
        StoreBatch {
            changes: vec![change(2), hidden],
            profiles: vec![profile("10.0.0.5", Importance::Normal, "")],
            ..StoreBatch::default()
        },
    );
    let row = rows("ip:10.0.0.5", HostSort::Risk).remove(0);
    assert_eq!((row.incidents_open, row.worst, row.risk, row.importance), (0, None, 0, Importance::Normal));
    assert!(reader.profiles().unwrap().is_empty());
    assert_eq!(reader.suppressed_counts().unwrap(), [(7, 1)]);
    let found = reader.incidents(&list("suppressed_by:7", INCIDENT_FIELDS, 10)).unwrap().items.remove(0);
    assert_eq!(
        (found.suppressed_by, found.status),
        (Some(7), IncidentStatus::FalsePositive),
        "the body says it as well"
    );
    put(
        &store,
        StoreBatch {
            changes: vec![(
                found.id.clone(),
                IncidentChange { suppressed_by: Some(None), status: Some(IncidentStatus::Open), ..close },
            )],
            ..StoreBatch::default()
        },
    );
    let back = reader.incident(&found.id).unwrap().unwrap().incident;
    assert_eq!((back.suppressed_by, back.status), (None, IncidentStatus::Open));
    assert_eq!(rows("ip:10.0.0.5", HostSort::Risk)[0].incidents_open, 1);
}

#[test]
fn every_order_pages_through_all_hosts_once() {
    let (_dir, store) = open();
    let hosts = (0..57_u8)
        .map(|n| {
            let mut host = host(&format!("10.0.0.{n}"), i64::from(n % 7));
            host.bytes_in = u64::from(n % 5) * 1_000;
            host
        })
        .collect();
    let incidents = (0..20).map(|n| incident(n, Kind::Beacon, &format!("10.0.0.{n}"))).collect();
    put(&store, StoreBatch { incidents, hosts, ..StoreBatch::default() });
    for sort in [HostSort::FirstSeen, HostSort::LastSeen, HostSort::Traffic, HostSort::Risk] {
        let mut query = list("", HOST_FIELDS, 10);
        let mut seen = Vec::new();
        loop {
            let page = store.reader().hosts(&query, sort).unwrap();
            assert_eq!(page.total, 57);
            seen.extend(page.items);
            query.cursor = page.next_cursor;
            if query.cursor.is_none() {
                break;
            }
        }
        let value = |n: usize| match sort {
            HostSort::FirstSeen => seen[n].host.first_seen.0,
            HostSort::LastSeen => seen[n].host.last_seen.0,
            HostSort::Traffic => (seen[n].host.bytes_in + seen[n].host.bytes_out) as i64,
            HostSort::Risk => i64::from(seen[n].risk),
        };
        assert!((1..57).all(|n| value(n - 1) >= value(n)), "{sort:?}: largest first");
        let mut ips: Vec<_> = seen.iter().map(|row| row.host.ip).collect();
        ips.sort_unstable();
        ips.dedup();
        assert_eq!(ips.len(), 57, "{sort:?}: each once");
    }
}

#[test]
fn the_course_is_the_growth_of_a_hosts_counters() {
    let (_dir, store) = open();
    let mut growing = host("10.0.0.5", 0);
    let mut away = host("192.0.2.7", 0);
    away.home = false;
    for (last_s, out) in [(10, 1_000), (20, 1_500), (400, 1_500), (700, 2_000), (4_000, 2_500)] {
        (growing.last_seen, growing.bytes_out) = (Timestamp::from_parts(1_760_000_400 + last_s, 0), out);
        put(&store, StoreBatch { hosts: vec![growing.clone(), away.clone()], ..StoreBatch::default() });
    }
    let course = store.reader().host_course(growing.ip).unwrap();
    let sum = |steps: &[crate::rows::HostStep]| steps.iter().map(|s| s.1).sum::<u64>();
    assert_eq!((sum(&course.fine), sum(&course.coarse)), (2_500, 2_500), "every byte in one step of each");
    assert_eq!(course.fine.len(), 3, "steps without traffic are left out");
    assert_eq!(course.fine[0].1, 1_500);
    assert_eq!((course.usual_days, course.usual.len()), (0, 0));
    assert!(store.reader().host_course(away.ip).unwrap().fine.is_empty(), "of home hosts only");
}

#[test]
fn the_like_of_an_incident_shares_something_and_the_most_comes_first() {
    let (_dir, store) = open();
    let mut all: Vec<_> = (0..200).map(|n| incident(n, Kind::Beacon, "10.0.0.9")).collect();
    for one in &mut all {
        one.dest = vec![ip("192.0.2.99")];
    }
    let mut scan = incident(1_000, Kind::PortScan, "10.0.0.5");
    (scan.dest, scan.domains) = (vec![ip("192.0.2.1")], vec!["evil.example.org".to_owned()]);
    let mut twin = incident(500, Kind::PortScan, "10.0.0.5");
    (twin.dest, twin.domains) = (vec![ip("192.0.2.1")], vec!["evil.example.org".to_owned()]);
    let mut domain = incident(501, Kind::DnsTunnel, "10.0.0.6");
    (domain.dest, domain.domains) = (vec![ip("192.0.2.50")], vec!["evil.example.org".to_owned()]);
    let kind = incident(502, Kind::PortScan, "10.0.0.7");
    all.extend([scan.clone(), twin.clone(), domain.clone(), kind]);
    put(&store, StoreBatch { incidents: all, ..StoreBatch::default() });
    let reader = store.reader();
    let like = reader.incident(&scan.id).unwrap().unwrap().similar;
    assert_eq!(like[0].incident.id, twin.id);
    assert_eq!(like[0].same, ["kind", "source", "target", "domain"]);
    let same = |id: &str| like.iter().find(|s| s.incident.id == id).map(|s| s.same.join(" "));
    assert_eq!(same(&domain.id).as_deref(), Some("domain"));
    assert!(like.iter().all(|s| s.incident.kind != Kind::Beacon), "what shares nothing is not alike");
    let found = |filter: &str| reader.incidents(&list(filter, INCIDENT_FIELDS, 10)).unwrap().total;
    assert_eq!((found("domain:*.example.org"), found("domain:EVIL.example.org"), found("evil.example.org")), (3, 3, 3));
}

#[test]
fn what_was_changed_is_kept_newest_first() {
    let (_dir, store) = open();
    let entry =
        |n: i64| AuditEntry { ts: at(n), what: "host".into(), subject: "10.0.0.5".into(), text: format!("{n}") };
    put(&store, StoreBatch { audit: (0..5).map(entry).collect(), ..StoreBatch::default() });
    let kept = store.reader().audit(3).unwrap();
    assert_eq!(kept.iter().map(|e| e.text.as_str()).collect::<Vec<_>>(), ["4", "3", "2"]);
}
