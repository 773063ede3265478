//! What is written comes back, once, whatever is written again.

use super::support::*;
use crate::{IncidentChange, Read, Sqlite, StoreBatch, StoreConfig};
use record::{IncidentStatus, Kind, Note};

#[test]
fn a_flow_comes_back_whole() {
    let (_dir, store) = open();
    let write = flow(7);
    let judged = verdict(write.record.flow_id, 0.93, true);
    store.write(StoreBatch { flows: vec![write.clone()], ..StoreBatch::default() }).unwrap();
    store.write(StoreBatch { verdicts: vec![judged.clone()], ..StoreBatch::default() }).unwrap();
    store.write(StoreBatch { flows: vec![write.clone()], ..StoreBatch::default() }).unwrap();
    store.flush().unwrap();
    let detail = store.reader().flow(write.record.flow_id).unwrap().unwrap();
    assert_eq!(format!("{:?}", detail.record), format!("{:?}", write.record), "every field of the record");
    assert_eq!(format!("{:?}", detail.members), format!("{:?}", judged.members));
    assert_eq!(detail.why, judged.why);
    let row = detail.flow;
    assert_eq!((row.proto.as_str(), row.app_proto.as_str(), row.state.as_str()), ("TCP", "tls", "SF"));
    assert_eq!((row.host_name.as_str(), row.in_iface.as_str()), ("host7.example.org", "eth0"));
    assert_eq!((row.src_ip, row.src_port, row.dest_port), (ip("10.0.0.7"), 40_007, 443));
    assert!(row.anomalous && (row.score.unwrap() - 0.93).abs() < 1e-6, "a second write keeps the verdict");
    assert!((row.duration_ms - 1_500.000_123).abs() < 1e-9);
    assert_eq!(store.reader().flows(&flows("")).unwrap().total, 1, "written twice, kept once");
    assert!(store.reader().flow(1).unwrap().is_none());
    assert!(store.reader().flow(u64::MAX).unwrap().is_none());
}

#[test]
fn incidents_keep_what_people_said() {
    let (_dir, store) = open();
    let (one, two, other) = (
        incident(1, Kind::PortScan, "10.0.0.5"),
        incident(2, Kind::PortScan, "10.0.0.6"),
        incident(3, Kind::Flood, "10.0.0.5"),
    );
    let incidents = vec![one.clone(), two.clone(), other.clone(), incident(4, Kind::Beacon, "10.0.0.9")];
    store.write(StoreBatch { incidents, flows: vec![flow(1)], ..StoreBatch::default() }).unwrap();
    let note = Note { ts: at(50), text: "mine".into() };
    let verdict = record::FeedbackVerdict::TruePositive;
    let said = record::IncidentFeedback { id: 1, verdict, scope: None, until: None, at: at(50) };
    let change = IncidentChange {
        status: Some(IncidentStatus::Closed),
        note: Some(note),
        feedback: Some(Some(said)),
        suppressed_by: None,
    };
    store.write(StoreBatch { changes: vec![(one.id.clone(), change)], ..StoreBatch::default() }).unwrap();
    let mut grown = one.clone();
    grown.alerts = 9;
    store.write(StoreBatch { incidents: vec![grown], ..StoreBatch::default() }).unwrap();
    store.flush().unwrap();
    let detail = store.reader().incident(&one.id).unwrap().unwrap();
    assert_eq!((detail.incident.alerts, detail.incident.status), (9, IncidentStatus::Closed));
    assert_eq!(detail.incident.notes.len(), 1);
    assert_eq!(detail.incident.feedback, Some(said));
    assert_eq!(detail.flows.len(), 1);
    let similar: Vec<_> = detail.similar.iter().map(|i| i.incident.id.as_str()).collect();
    let beacon = incident(4, Kind::Beacon, "10.0.0.9").id;
    assert_eq!(
        similar,
        [other.id.as_str(), two.id.as_str(), &beacon],
        "source or kind and the target, then the target alone"
    );
    let reopen = IncidentChange { status: Some(IncidentStatus::Open), ..IncidentChange::default() };
    store.write(StoreBatch { changes: vec![(one.id.clone(), reopen)], ..StoreBatch::default() }).unwrap();
    store.flush().unwrap();
    assert_eq!(store.reader().incident(&one.id).unwrap().unwrap().incident.status, IncidentStatus::Open);
    assert_eq!(store.reader().flow(flow(1).record.flow_id).unwrap().unwrap().incidents, [one.id]);
    assert!(store.reader().incident("nothing").unwrap().is_none());
}

#[test]
fn what_was_said_is_read_back_in_order_and_written_once() {
    let (_dir, store) = open();
    let event = |id: u64, values: Vec<f32>| crate::FeedbackEvent {
        id,
        ts: at(id as i64),
        incident: format!("{id:016x}"),
        body: format!("{{\"n\": {id}}}"),
        columns: 2,
        values,
    };
    let (one, two) = (event(1, vec![1.5, -0.0, f32::MAX, 3.25]), event(2, Vec::new()));
    store.write(StoreBatch { feedback: vec![two.clone(), one.clone()], ..StoreBatch::default() }).unwrap();
    store.write(StoreBatch { feedback: vec![one.clone()], ..StoreBatch::default() }).unwrap();
    store.flush().unwrap();
    assert_eq!(store.reader().feedback().unwrap(), [one, two]);
}

#[test]
fn an_incident_that_outgrew_its_suppression_is_open_again() {
    let (_dir, store) = open();
    let mut grown = incident(1, Kind::Beacon, "10.0.0.5");
    grown.status = IncidentStatus::Open;
    let write = |incident: &record::Incident| {
        store.write(StoreBatch { incidents: vec![incident.clone()], ..StoreBatch::default() }).unwrap();
        store.flush().unwrap();
        store.reader().incident(&incident.id).unwrap().unwrap().incident
    };
    write(&grown);
    let hidden = IncidentChange {
        status: Some(IncidentStatus::FalsePositive),
        suppressed_by: Some(Some(4)),
        ..IncidentChange::default()
    };
    store.write(StoreBatch { changes: vec![(grown.id.clone(), hidden)], ..StoreBatch::default() }).unwrap();
    grown.suppressed_by = Some(4);
    grown.status = IncidentStatus::FalsePositive;
    assert_eq!(write(&grown).suppressed_by, Some(4));
    (grown.suppressed_by, grown.status) = (None, IncidentStatus::Open);
    let back = write(&grown);
    assert_eq!((back.status, back.suppressed_by), (IncidentStatus::Open, None));
}

#[test]
fn hosts_only_grow() {
    let (_dir, store) = open();
    let mut later = host("10.0.0.1", 0);
    (later.flows_out, later.name, later.mac, later.last_seen) = (2, String::new(), None, at(500));
    let batch = StoreBatch {
        hosts: vec![host("10.0.0.1", 0), later],
        flows: vec![flow(1), flow(2)],
        incidents: vec![incident(1, Kind::PortScan, "10.0.0.1")],
        ..StoreBatch::default()
    };
    store.write(batch).unwrap();
    store.flush().unwrap();
    let detail = store.reader().host(ip("10.0.0.1")).unwrap().unwrap();
    assert_eq!(
        (detail.host.host.flows_out, detail.host.host.name.as_str(), detail.host.host.last_seen),
        (5, "name0", at(500))
    );
    assert!(detail.host.host.mac.is_some());
    assert_eq!((detail.flows.len(), detail.incidents.len(), detail.peers.len()), (1, 1, 1));
    assert_eq!((detail.peers[0].ip, detail.peers[0].flows), (ip("192.0.2.1"), 1));
    assert!(store.reader().host(ip("10.9.9.9")).unwrap().is_none());
    store.write(StoreBatch { hosts: vec![host("192.0.2.1", 0)], ..StoreBatch::default() }).unwrap();
    store.flush().unwrap();
    let server = store.reader().host(ip("192.0.2.1")).unwrap().unwrap();
    assert_eq!((server.services.len(), server.services[0].port, server.services[0].flows), (1, 443, 2));
}

#[test]
fn a_clean_end_loses_nothing_and_lets_go_of_the_directory() {
    let config = StoreConfig { batch_ms: 10_000, ..StoreConfig::default() };
    let (dir, store) = open_with(&config);
    store.write(StoreBatch { flows: (0..10).map(flow).collect(), ..StoreBatch::default() }).unwrap();
    assert!(matches!(Sqlite::open(dir.path(), &config), Err(crate::StoreError::InUse { .. })));
    drop(store);
    let store = Sqlite::open(dir.path(), &config).unwrap();
    assert_eq!(store.reader().flows(&flows("")).unwrap().total, 10);
}

#[test]
fn evidence_is_kept_by_id_and_bounded() {
    let config = StoreConfig { evidence_max_bytes: 2_500, evidence_file_max_bytes: 1_000, ..StoreConfig::default() };
    let (_dir, store) = open_with(&config);
    let evidence = store.evidence();
    for n in 0..4u64 {
        evidence.save(&format!("{n:016x}"), |out| out.write_all(&[0; 900])).unwrap();
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    assert!(evidence.usage().0 <= 2_500);
    assert!(evidence.path("0000000000000000").is_none(), "the oldest went");
    assert!(store.reader().evidence("0000000000000003").unwrap().is_some());
    assert!(evidence.save("abc", |out| out.write_all(&[0; 1_001])).is_err());
    assert!(evidence.save("../../x", |_| Ok(())).is_err());
    assert_eq!((evidence.path("../evidence/0000000000000003"), evidence.path("abc")), (None, None));
    assert_eq!(evidence.usage().1, 2, "no part of a refused capture stays");
}

#[test]
fn settings_and_numbers_that_json_cannot_say_come_back() {
    let (_dir, store) = open();
    let mut odd = incident(1, Kind::Volume, "10.0.0.1");
    (odd.why[0].expected, odd.why[0].value, odd.score) = ([0.0, f64::INFINITY], f64::NAN, f64::NAN);
    let settings = vec![("theme".to_owned(), "dark".to_owned()), ("theme".to_owned(), "light".to_owned())];
    store.write(StoreBatch { incidents: vec![odd.clone()], settings, ..StoreBatch::default() }).unwrap();
    store.flush().unwrap();
    let found = store.reader().incident(&odd.id).unwrap().unwrap().incident;
    assert_eq!((found.why[0].expected, found.why[0].value, found.score), ([0.0, f64::MAX], 0.0, 0.0));
    assert_eq!(store.reader().setting("theme").unwrap().as_deref(), Some("light"));
    assert_eq!(store.reader().setting("nothing").unwrap(), None);
}

#[test]
fn a_part_left_by_a_killed_process_goes() {
    let (dir, store) = open();
    let part = dir.path().join("evidence").join("abc.part");
    std::fs::write(&part, "x").unwrap();
    drop(store);
    drop(Sqlite::open(dir.path(), &StoreConfig::default()).unwrap());
    assert!(!part.exists());
}
