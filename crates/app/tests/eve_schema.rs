//! EVE output against the constraints of Suricata's published schema, said in our own words: which fields each object may have, and
//! of which type. An object with any other field is refused there, so it is refused here. The schema itself is not kept in this
//! project (its licence is another); these tables were made from the one of Suricata 7 and hold the objects that we write.
#![allow(clippy::unwrap_used)]

mod support;

use serde_json::Value;
use std::collections::BTreeSet;
use support::run;

/// Type of a field.
#[derive(Clone, Copy, Debug)]
enum Type {
    Text,
    Integer,
    Bool,
    /// Arrays of whole numbers.
    Integers,
    Texts,
    /// Digits, a fraction, and an offset without a colon.
    Time,
    Object(&'static [(&'static str, Type)]),
}
use Type::{Bool, Integer, Integers, Object, Text, Texts, Time};

const EVENT: &[(&str, Type)] = &[
    ("timestamp", Time),
    ("event_type", Text),
    ("flow_id", Integer),
    ("src_ip", Text),
    ("src_port", Integer),
    ("dest_ip", Text),
    ("dest_port", Integer),
    ("proto", Text),
    ("app_proto", Text),
    ("icmp_type", Integer),
    ("icmp_code", Integer),
    ("community_id", Text),
    ("vlan", Integers),
    ("alert", Object(ALERT)),
    ("flow", Object(FLOW)),
    ("tcp", Object(TCP)),
    ("ether", Object(ETHER)),
];
const ALERT: &[(&str, Type)] = &[
    ("action", Text),
    ("category", Text),
    ("gid", Integer),
    ("rev", Integer),
    ("rule", Text),
    ("severity", Integer),
    ("signature", Text),
    ("signature_id", Integer),
    ("metadata", Object(METADATA)),
];
const METADATA: &[(&str, Type)] = &[
    ("attack_target", Texts),
    ("created_at", Texts),
    ("signature_severity", Texts),
    ("tag", Texts),
    ("updated_at", Texts),
];
const FLOW: &[(&str, Type)] = &[
    ("age", Integer),
    ("alerted", Bool),
    ("bytes_toclient", Integer),
    ("bytes_toserver", Integer),
    ("end", Text),
    ("pkts_toclient", Integer),
    ("pkts_toserver", Integer),
    ("reason", Text),
    ("start", Text),
    ("state", Text),
];
const TCP: &[(&str, Type)] = &[
    ("ack", Bool),
    ("cwr", Bool),
    ("ecn", Bool),
    ("fin", Bool),
    ("psh", Bool),
    ("rst", Bool),
    ("state", Text),
    ("syn", Bool),
    ("tcp_flags", Text),
    ("tcp_flags_tc", Text),
    ("tcp_flags_ts", Text),
    ("urg", Bool),
];
const ETHER: &[(&str, Type)] = &[("dest_macs", Texts), ("src_macs", Texts)];

/// What is wrong with the value; empty when nothing is. `seen` collects the fields that were there.
fn faults(path: &str, value: &Value, kind: Type, seen: &mut BTreeSet<String>) -> Vec<String> {
    let all = |ok: fn(&Value) -> bool| value.as_array().is_some_and(|items| items.iter().all(ok));
    let ok = match kind {
        Object(fields) => return object_faults(path, value, fields, seen),
        Text => value.is_string(),
        Integer => value.is_i64() || value.is_u64(),
        Bool => value.is_boolean(),
        Integers => all(Value::is_u64),
        Texts => all(Value::is_string),
        Time => value.as_str().is_some_and(is_time),
    };
    if ok { Vec::new() } else { vec![format!("{path} is not {kind:?}: {value}")] }
}

fn object_faults(path: &str, value: &Value, fields: &[(&str, Type)], seen: &mut BTreeSet<String>) -> Vec<String> {
    let Some(object) = value.as_object() else { return vec![format!("{path} is not an object: {value}")] };
    let mut found = Vec::new();
    for (name, value) in object {
        let path = format!("{path}.{name}");
        seen.insert(path.clone());
        match fields.iter().find(|(known, _)| known == name) {
            Some((_, kind)) => found.extend(faults(&path, value, *kind, seen)),
            None => found.push(format!("{path} is no field of the schema")),
        }
    }
    found
}

/// `2026-01-05T09:00:00.000001+0000`.
fn is_time(text: &str) -> bool {
    let shape: String = text.chars().map(|c| if c.is_ascii_digit() { '0' } else { c }).collect();
    shape == "0000-00-00T00:00:00.000000+0000"
}

/// Checks every line; gives the events and the paths of all fields seen.
fn checked(text: &str) -> (Vec<Value>, BTreeSet<String>) {
    let events: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let mut seen = BTreeSet::new();
    for event in &events {
        let found = faults("", event, Object(EVENT), &mut seen);
        assert!(found.is_empty(), "{found:?} in {event}");
        for name in ["timestamp", "event_type"] {
            assert!(event.get(name).is_some(), "no {name} in {event}");
        }
    }
    (events, seen)
}

#[test]
fn the_check_sees_faults() {
    let bad =
        serde_json::json!({"timestamp": "2026-01-05T09:00:00Z", "flow": {"age": 1.5, "colour": "red"}, "vlan": 3});
    assert_eq!(faults("", &bad, Object(EVENT), &mut BTreeSet::new()).len(), 4);
}

#[test]
fn flows_and_alerts_have_only_the_fields_of_the_schema() {
    let folder = tempfile::tempdir().unwrap();
    let capture = support::simulate(folder.path(), "mixed", "office,port_scan_fast,arp_spoof,icmp_flood", "4m");
    let capture = capture.to_str().unwrap();
    let (flows, seen) = checked(&run(["flows", capture, "-o", "eve"]).done().text());
    assert!(flows.len() > 500 && flows.iter().all(|e| e["event_type"] == "flow" && e["flow"].is_object()));
    for path in [".src_port", ".icmp_type", ".app_proto", ".community_id", ".flow.age", ".tcp.syn", ".ether.src_macs"] {
        assert!(seen.contains(path), "no flow has {path}");
    }
    let states: BTreeSet<_> = flows.iter().filter_map(|e| e["flow"]["state"].as_str()).collect();
    assert!(states.is_subset(&["new", "established", "closed", "bypassed"].into()), "{states:?}");
    let (alerts, _) = checked(&run(["analyze", capture, "-o", "eve"]).done().text());
    assert!(alerts.len() >= 2);
    for event in &alerts {
        assert_eq!((&event["event_type"], &event["alert"]["action"]), (&"alert".into(), &"allowed".into()));
        for (name, _) in ALERT {
            assert!(event["alert"].get(name).is_some(), "no {name} in {event}");
        }
        assert!((1..=4).contains(&event["alert"]["severity"].as_u64().unwrap()), "{event}");
        let tags = event["alert"]["metadata"]["tag"].to_string();
        let kind = event["alert"]["category"].as_str().unwrap();
        assert!(tags.contains(&format!("\"tripline.{kind}\"")) && tags.contains("\"incident."), "{tags}");
    }
    assert!(
        alerts.iter().any(|e| e["alert"]["rule"].as_str().unwrap().contains("ports")),
        "reasons are told: {alerts:?}"
    );
}
