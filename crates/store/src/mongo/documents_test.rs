//! Documents as the server gets them: names, times, sizes.
#![allow(clippy::unwrap_used)]
use super::*;
use crate::sqlite::tests::support::incident as any_incident;
use mongodb::bson::{doc, serialize_to_vec};
use record::{Incident, Note, StoryStep, Why};

fn incident(n: u64) -> record::Incident {
    any_incident(n, record::Kind::PortScan, "192.0.2.77")
}

fn listed(thing: Thing) -> Listed {
    Listed { revision: 1_760_000_400_123_456, thing: Some(thing) }
}

#[test]
fn an_incident_has_the_names_of_the_api_and_dates() {
    let incident = incident(3);
    let api = serde_json::to_value(&incident).unwrap();
    let upsert = of(&listed(Thing::Incident(Box::new(incident.clone())))).unwrap();
    for name in api.as_object().unwrap().keys() {
        assert!(upsert.document.contains_key(name), "{name} is missing");
    }
    assert_eq!(upsert.id, Bson::String(incident.id.clone()));
    assert_eq!(upsert.document.get_str("_id").unwrap(), incident.id);
    assert_eq!(upsert.document.get_i32("schema").unwrap(), SCHEMA);
    assert_eq!(upsert.document.get_i64("revision").unwrap(), 1_760_000_400_123_456);
    assert_eq!(upsert.document.get_datetime("updated").unwrap().timestamp_millis(), 1_760_000_400_123);
    let last = upsert.document.get_datetime("last_seen").unwrap().timestamp_millis();
    assert_eq!(last, incident.last_seen.0.div_euclid(1_000_000));
    assert_eq!(upsert.document.get_str("day").unwrap(), &incident.raised.rfc3339()[..10]);
    assert_eq!(upsert.document.get_i64("alerts").unwrap(), incident.alerts as i64);
    assert!(upsert.document.get_f64("score").is_ok(), "a score is never a whole number");
}

#[test]
fn what_the_store_keeps_no_more_is_no_document() {
    assert_eq!(of(&Listed { revision: 1, thing: None }), None);
}

/// An incident at every bound that the program keeps: a mebibyte at most, where a server takes sixteen.
#[test]
fn the_largest_incident_is_far_below_what_a_server_takes() {
    let words = "é".repeat(500);
    let ip = "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff".parse().unwrap();
    let why = Why { feature: words.clone(), value: 1.5, expected: [0.0, 1.0], unit: words.clone(), share: 0.5 };
    let base = incident(1);
    let step = StoryStep {
        ts: base.raised,
        kind: base.kind,
        incident: base.id.clone(),
        title: words.clone(),
        severity: base.severity,
        alerts: 1,
    };
    let large = Incident {
        title: words.clone(),
        advice: words.clone(),
        src: vec![ip; 1_000],
        dest: vec![ip; 1_000],
        dest_port: vec![65_535; 1_000],
        flows: vec![u64::MAX; 1_000],
        why: vec![why; 64],
        domains: vec![words.clone(); 64],
        notes: vec![Note { ts: base.raised, text: words }; 100],
        timeline: vec![step; 100],
        ..base
    };
    let upsert = of(&listed(Thing::Incident(Box::new(large)))).unwrap();
    let bytes = serialize_to_vec(&upsert.document).unwrap().len();
    assert!(bytes < 1 << 20, "{bytes} bytes");
}

#[test]
fn names_and_numbers_are_what_every_server_takes() {
    let fields = serde_json::json!({"a.b": 1, "$c": {"d.e": 2.0}, "_id": "other", "at": "2026-01-02T03:04:05Z", "text": "2026-01-02T03:04:05Z"});
    let serde_json::Value::Object(fields) = fields else { unreachable!() };
    let upsert = document(Bson::Int64(7), 5, fields, None);
    assert_eq!(upsert.document.get_i64("_id").unwrap(), 7, "the id is ours");
    assert_eq!(upsert.document.get_i64("a_b").unwrap(), 1);
    assert_eq!(upsert.document.get_document("_c").unwrap(), &doc! { "d_e": 2.0 });
    assert!(upsert.document.get_datetime("at").is_ok());
    assert!(upsert.document.get_str("text").is_ok(), "words that look like a time stay words");
}
