//! An incident as a Suricata EVE alert, for tools that read EVE. Its schema allows no field that it does not name: what it has no
//! name for goes into `alert.metadata.tag` (kind, ATT&CK techniques, the incident's id) and the reasons into `alert.rule`, where
//! Suricata puts the rule that fired.

use record::{Incident, Kind, Severity};
use serde_json::{Value, json};

/// Generator id of our alerts; Suricata's own signatures use 1.
const GENERATOR_ID: u32 = 9_001;

/// One event.
#[must_use]
pub fn eve_event(incident: &Incident) -> Value {
    // EVE counts severity from 1 (worst); it requires both addresses and a protocol.
    let severity = match incident.severity {
        Severity::Critical => 1,
        Severity::High => 2,
        Severity::Medium => 3,
        Severity::Low => 4,
    };
    let number = Kind::ALL.iter().position(|k| *k == incident.kind).unwrap_or(0) + 1;
    let mut event = json!({
        "timestamp": incident.last_seen.rfc3339().replace('Z', "+0000"),
        "event_type": "alert",
        "alert": {
            "action": "allowed", "gid": GENERATOR_ID, "signature_id": number, "rev": 1,
            "signature": incident.title, "category": incident.kind.name(), "severity": severity,
            "rule": incident.why.iter().map(crate::units::reason).collect::<Vec<_>>().join("; "),
            "metadata": {
                "created_at": [incident.first_seen.rfc3339()],
                "signature_severity": [incident.severity.name()],
                "tag": tags(incident),
            },
        },
    });
    if let Value::Object(event) = &mut event {
        let mut set = |name: &str, value: Option<Value>| value.and_then(|v| event.insert(name.to_owned(), v));
        set("flow_id", incident.flows.first().map(|id| json!(id)));
        set("src_ip", incident.src.first().map(|ip| json!(ip)));
        set("dest_ip", incident.dest.first().map(|ip| json!(ip)));
        set("dest_port", incident.dest_port.first().map(|port| json!(port)));
    }
    event
}

/// What a reader of EVE may want to select by.
fn tags(incident: &Incident) -> Vec<String> {
    let techniques = incident.attack.iter().map(|technique| format!("attack.{technique}"));
    [format!("tripline.{}", incident.kind.name()), format!("incident.{}", incident.id)]
        .into_iter()
        .chain(techniques)
        .collect()
}
