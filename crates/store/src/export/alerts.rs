//! Anomalous flows and incidents as alerts: one event each, as rows of one table and, for flows, as Suricata's EVE. Owns the names; the
//! EVE of an incident is the alert room's.

use crate::FlowRow;
use record::{Incident, Kind, Timestamp};
use serde_json::{Value, json};

/// Generator id of our alerts in EVE, as of incidents.
const GENERATOR_ID: u32 = 9_001;
/// EVE's number for medium: one flow alone is not more.
const SEVERITY: u32 = 3;

/// What is said of an anomalous flow.
fn words(flow: &FlowRow) -> String {
    let odds = flow.p_value.filter(|p| *p > 0.0).map_or(String::new(), |p| format!(" (p = {p:.1e})"));
    let (src, dest, port) = (flow.src_ip, flow.dest_ip, flow.dest_port);
    format!("{} from {src} to {dest} port {port} is unlike what was learned{odds}", flow.proto)
}

/// EVE writes the offset without a colon.
fn eve_time(ts: Timestamp) -> String {
    ts.rfc3339().replace('Z', "+0000")
}

/// An anomalous flow as an EVE alert.
pub(super) fn eve_of_flow(flow: &FlowRow) -> Value {
    let number = Kind::ALL.iter().position(|kind| *kind == Kind::AnomalousFlow).unwrap_or(0) + 1;
    let mut event = json!({
        "timestamp": eve_time(flow.end),
        "flow_id": flow.flow_id,
        "event_type": "alert",
        "src_ip": flow.src_ip,
        "dest_ip": flow.dest_ip,
        "proto": flow.proto,
        "community_id": flow.community_id,
        "alert": {
            "action": "allowed", "gid": GENERATOR_ID, "signature_id": number, "rev": 1,
            "signature": words(flow), "category": Kind::AnomalousFlow.name(), "severity": SEVERITY,
            "metadata": { "created_at": [flow.end.rfc3339()], "tag": ["tripline.anomalous_flow", "tripline.flow"] },
        },
        "flow": {
            "pkts_toserver": flow.pkts_toserver, "pkts_toclient": flow.pkts_toclient,
            "bytes_toserver": flow.bytes_toserver, "bytes_toclient": flow.bytes_toclient,
            "start": eve_time(flow.start), "end": eve_time(flow.end), "alerted": true,
        },
    });
    if let Value::Object(event) = &mut event {
        if ["TCP", "UDP", "SCTP"].contains(&flow.proto.as_str()) {
            event.insert("src_port".to_owned(), json!(flow.src_port));
            event.insert("dest_port".to_owned(), json!(flow.dest_port));
        }
        if flow.app_proto != "unknown" {
            event.insert("app_proto".to_owned(), json!(flow.app_proto));
        }
        if !flow.in_iface.is_empty() {
            event.insert("in_iface".to_owned(), json!(flow.in_iface));
        }
        if flow.vlan != 0 {
            event.insert("vlan".to_owned(), json!([flow.vlan]));
        }
    }
    event
}

/// The same as a row.
pub(super) fn row_of_flow(flow: &FlowRow) -> Value {
    json!({
        "timestamp": flow.end, "of": "flow", "kind": Kind::AnomalousFlow.name(), "severity": null, "title": words(flow),
        "score": flow.score, "p_value": flow.p_value, "src_ip": [flow.src_ip], "dest_ip": [flow.dest_ip],
        "src_port": flow.src_port, "dest_port": [flow.dest_port], "proto": flow.proto, "app_proto": flow.app_proto,
        "flow_id": flow.flow_id, "community_id": flow.community_id, "incident": null, "status": null,
    })
}

/// An incident as a row.
pub(super) fn row_of_incident(incident: &Incident) -> Value {
    let p_value = incident.detectors.iter().map(|d| d.p_value).reduce(f64::min);
    json!({
        "timestamp": incident.last_seen, "of": "incident", "kind": incident.kind.name(),
        "severity": incident.severity.name(), "title": incident.title, "score": incident.score, "p_value": p_value,
        "src_ip": incident.src, "dest_ip": incident.dest, "src_port": null, "dest_port": incident.dest_port,
        "proto": null, "app_proto": null, "flow_id": incident.flows.first(), "community_id": null,
        "incident": incident.id, "status": incident.status.name(),
    })
}
