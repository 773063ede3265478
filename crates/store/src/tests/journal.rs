//! The list of what is kept elsewhere: made with the change itself, one entry a thing, whole for what was there before.

use super::support::{at, flow, host as any_host, incident as any_incident, ip, open, verdict};
use crate::journal::{Collection, JournalWrite};
use crate::rows::HostProfile;
use crate::{FlowWrite, IncidentChange, Sqlite, StoreBatch, Thing};
use record::{Importance, IncidentStatus};

fn incident(n: u64) -> record::Incident {
    any_incident(n, record::Kind::PortScan, "192.0.2.77")
}

fn host(n: u8) -> record::HostRecord {
    any_host(&format!("10.0.0.{n}"), i64::from(n))
}

fn journal(store: &Sqlite, write: JournalWrite) {
    put(store, StoreBatch { journal: vec![write], ..StoreBatch::default() });
}

fn put(store: &Sqlite, batch: StoreBatch) {
    store.write(batch).unwrap();
    store.flush().unwrap();
}

fn revisions(store: &Sqlite, collection: Collection) -> Vec<i64> {
    store.reader().listed(collection, 0, 1_000).unwrap().iter().map(|entry| entry.revision).collect()
}

#[test]
fn what_was_there_and_what_changes_is_listed_once() {
    let (_dir, store) = open();
    put(&store, StoreBatch { incidents: vec![incident(1), incident(2)], ..StoreBatch::default() });
    assert!(revisions(&store, Collection::Incidents).is_empty(), "nobody asked for a list");
    journal(&store, JournalWrite::Keep(vec![Collection::Incidents]));
    let first = revisions(&store, Collection::Incidents);
    assert_eq!(first.len(), 2);
    put(&store, StoreBatch { incidents: vec![incident(1)], ..StoreBatch::default() });
    let second = revisions(&store, Collection::Incidents);
    assert_eq!(second.len(), 2, "one entry a thing");
    assert!(second[1] > first[1], "the changed one is the newest");
    journal(&store, JournalWrite::Done(first));
    assert_eq!(revisions(&store, Collection::Incidents), [second[1]], "what changed meanwhile is still listed");
    journal(&store, JournalWrite::Done(second));
    let change = IncidentChange { status: Some(IncidentStatus::Closed), ..IncidentChange::default() };
    put(&store, StoreBatch { changes: vec![(incident(2).id, change)], ..StoreBatch::default() });
    let listed = store.reader().listed(Collection::Incidents, 0, 9).unwrap();
    assert_eq!(listed.len(), 1);
    let Some(Thing::Incident(found)) = &listed[0].thing else { panic!("an incident") };
    assert_eq!((found.id.clone(), found.status), (incident(2).id, IncidentStatus::Closed), "as it is now");
    journal(&store, JournalWrite::Whole(vec![Collection::Incidents]));
    assert_eq!(revisions(&store, Collection::Incidents).len(), 2);
}

#[test]
fn flows_are_listed_when_they_are_judged_anomalous() {
    let (_dir, store) = open();
    journal(&store, JournalWrite::Keep(vec![Collection::Alerts]));
    let (calm, strange) = (flow(1), flow(2));
    let ids = (calm.record.flow_id, strange.record.flow_id);
    put(&store, StoreBatch { flows: vec![calm, strange], ..StoreBatch::default() });
    let verdicts = vec![verdict(ids.0, 0.1, false), verdict(ids.1, 0.9, true)];
    put(&store, StoreBatch { verdicts, ..StoreBatch::default() });
    let judged = flow(3);
    let at_once = FlowWrite { verdict: Some(verdict(judged.record.flow_id, 0.9, true)), ..judged };
    put(&store, StoreBatch { flows: vec![at_once], ..StoreBatch::default() });
    let listed = store.reader().listed(Collection::Alerts, 0, 9).unwrap();
    let found: Vec<u64> = listed
        .into_iter()
        .map(|entry| match entry.thing {
            Some(Thing::Alert(flow)) => flow.flow.flow_id,
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(found, [ids.1, flow(3).record.flow_id]);
}

#[test]
fn a_host_is_listed_when_something_of_it_changed() {
    let (_dir, store) = open();
    let known = host(7);
    journal(&store, JournalWrite::Keep(vec![Collection::Hosts]));
    put(&store, StoreBatch { hosts: vec![known.clone()], ..StoreBatch::default() });
    let first = revisions(&store, Collection::Hosts);
    assert_eq!(first.len(), 1);
    put(&store, StoreBatch { hosts: vec![known.clone()], ..StoreBatch::default() });
    assert_eq!(revisions(&store, Collection::Hosts), first, "the same again is no change");
    let profile = HostProfile {
        ip: known.ip,
        importance: Importance::High,
        label: "printer".into(),
        note: String::new(),
        changed: at(1),
    };
    let stranger = HostProfile { ip: ip("203.0.113.99"), ..profile.clone() };
    put(&store, StoreBatch { profiles: vec![profile, stranger], ..StoreBatch::default() });
    let listed = store.reader().listed(Collection::Hosts, 0, 9).unwrap();
    assert_eq!(listed.len(), 1, "a host that no traffic knows is none");
    let Some(Thing::Host(row)) = &listed[0].thing else { panic!("a host") };
    assert_eq!((row.label.as_str(), listed[0].revision > first[0]), ("printer", true));
}

#[test]
fn revisions_rise_also_after_the_list_was_empty_and_after_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    let config = crate::StoreConfig { batch_ms: 5, ..crate::StoreConfig::default() };
    let mut last = 0;
    for _ in 0..3 {
        let store = Sqlite::open(dir.path(), &config).unwrap();
        journal(&store, JournalWrite::Keep(vec![Collection::Incidents]));
        put(&store, StoreBatch { incidents: vec![incident(1)], ..StoreBatch::default() });
        let now = revisions(&store, Collection::Incidents);
        assert!(now[0] > last, "{now:?} after {last}");
        last = now[0];
        journal(&store, JournalWrite::Done(now));
    }
}

#[test]
fn what_nobody_wants_any_more_leaves_no_list_and_no_trigger() {
    let (dir, store) = open();
    journal(&store, JournalWrite::Keep(Collection::ALL.to_vec()));
    put(&store, StoreBatch { incidents: vec![incident(1)], hosts: vec![host(1)], ..StoreBatch::default() });
    journal(&store, JournalWrite::Keep(vec![Collection::Hosts]));
    assert!(revisions(&store, Collection::Incidents).is_empty());
    assert_eq!(revisions(&store, Collection::Hosts).len(), 1, "what is still wanted goes on");
    journal(&store, JournalWrite::Keep(Vec::new()));
    put(&store, StoreBatch { incidents: vec![incident(2)], hosts: vec![host(2)], ..StoreBatch::default() });
    assert!(revisions(&store, Collection::Hosts).is_empty());
    let database = rusqlite::Connection::open(dir.path().join(crate::DATABASE_NAME)).unwrap();
    let left: i64 = database
        .query_row("SELECT count(*) FROM sqlite_schema WHERE type = 'trigger' AND sql LIKE '%INTO journal%'", [], |r| {
            r.get(0)
        })
        .unwrap();
    assert_eq!(left, 0);
}
