//! Our own JSON: one object a line, the row of the flow list with every statistic beside it, named in snake case with its
//! unit. Times of statistics are milliseconds, sizes bytes.

use super::{FormatContext, LineFormat, Told, finite, four, ratio};
use crate::rows::{FlowRow, Statistics, mac_text};
use record::{DirectionStats, FlowRecord, Moments};
use serde::Serialize;
use serde_json::{Map, Value, json};

/// Nanoseconds in a millisecond.
const MS: f64 = 1e6;
/// Names of the TCP flags, FIN first.
const FLAGS: [&str; 8] = ["fin", "syn", "rst", "psh", "ack", "urg", "ece", "cwr"];

/// One object a line.
pub(super) struct Json;

impl LineFormat for Json {
    fn name(&self) -> &'static str {
        "json"
    }
    fn about(&self) -> &'static str {
        "one JSON object a line with every statistic, units in the names"
    }
    fn record(&self, flow: &FlowRecord, told: Told<'_>, line: &mut String) {
        let Some(object) = object(flow, told) else { return };
        line.push_str(&Value::Object(object).to_string());
        line.push('\n');
    }
}

/// The same of a kept flow, as an object.
pub(crate) fn kept_object(flow: &FlowRecord, row: &FlowRow) -> Map<String, Value> {
    let context = FormatContext { community_id: |_| String::new(), interfaces: Vec::new() };
    object(flow, Told { context: &context, row: Some(row) }).unwrap_or_default()
}

/// A row has string keys and finite numbers only: it is always an object.
fn object(flow: &FlowRecord, told: Told<'_>) -> Option<Map<String, Value>> {
    let Ok(Value::Object(mut object)) = serde_json::to_value(told.flow_row(flow)) else { return None };
    if told.row.is_none() {
        for judged in ["score", "p_value", "anomalous"] {
            object.remove(judged);
        }
    }
    let app = flow.app.as_deref();
    let more = [
        ("first_seen", json!(flow.first_seen)),
        ("report", json!(flow.report)),
        ("src_mac", json!(mac_text(flow.src_mac))),
        ("dest_mac", json!(mac_text(flow.dest_mac))),
        ("icmp_type", json!(flow.icmp_type)),
        ("icmp_code", json!(flow.icmp_code)),
        ("statistics", json!(statistics(flow))),
        ("app", json!(app.and_then(|a| a.request.as_ref()))),
        ("app_response", json!(app.and_then(|a| a.response.as_ref()))),
    ];
    object.extend(more.map(|(name, value)| (name.to_owned(), value)));
    Some(object)
}

/// All statistics of a flow by name.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct FlowStatistics {
    /// Originator to responder.
    pub forward: Statistics,
    /// Responder to originator.
    pub backward: Statistics,
    /// The whole flow.
    pub both: Statistics,
}

/// Names every statistic of a record; each value is finite.
#[must_use]
pub fn statistics(flow: &FlowRecord) -> FlowStatistics {
    let mut both = Statistics::new();
    let seconds = flow.duration_ns() as f64 / 1e9;
    let mut put = |name: &str, value: f64| both.insert(name.to_owned(), finite(value));
    put("duration_ms", flow.duration_ns() as f64 / MS);
    put("packets", flow.packets() as f64);
    put("bytes", flow.bytes() as f64);
    put("packets_per_s", ratio(flow.packets() as f64, seconds));
    put("bytes_per_s", ratio(flow.bytes() as f64, seconds));
    put("subflows", f64::from(flow.subflows));
    put("handshake_ms", flow.handshake_ns as f64 / MS);
    put("backward_to_forward_packets", ratio(flow.backward.packets as f64, flow.forward.packets as f64));
    put("active_spans", flow.active.count as f64);
    put("idle_spans", flow.idle.count as f64);
    moments("payload", "bytes", &flow.payload, 1.0, &mut both);
    moments("iat", "ms", &flow.iat, MS, &mut both);
    moments("active", "ms", &flow.active, MS, &mut both);
    moments("idle", "ms", &flow.idle, MS, &mut both);
    FlowStatistics { forward: direction(&flow.forward), backward: direction(&flow.backward), both }
}

fn direction(side: &DirectionStats) -> Statistics {
    let mut all = Statistics::new();
    let mut put = |name: &str, value: f64| all.insert(name.to_owned(), finite(value));
    put("packets", side.packets as f64);
    put("bytes", side.bytes as f64);
    put("ip_bytes", side.ip_bytes as f64);
    put("header_bytes", side.header_bytes as f64);
    put("packets_with_payload", side.packets_with_payload as f64);
    put("segment_size_min_bytes", f64::from(side.segment_size_min));
    put("init_window_bytes", f64::from(side.init_window));
    put("retransmissions", f64::from(side.retransmissions));
    put("missed_bytes", side.missed_bytes as f64);
    put("bulks", f64::from(side.bulks));
    put("bulk_packets", side.bulk_packets as f64);
    put("bulk_bytes", side.bulk_bytes as f64);
    put("bulk_duration_ms", side.bulk_duration_ns as f64 / MS);
    for (name, count) in FLAGS.iter().zip(side.flags) {
        put(&format!("{name}_packets"), f64::from(count));
    }
    moments("payload", "bytes", &side.payload, 1.0, &mut all);
    moments("iat", "ms", &side.iat, MS, &mut all);
    all
}

/// Sum, mean, deviation and range of a quantity.
fn moments(name: &str, unit: &str, moments: &Moments, divisor: f64, all: &mut Statistics) {
    let [mean, std, max, min] = four(moments, divisor);
    let values = [("sum", finite(moments.sum / divisor)), ("mean", mean), ("std", std), ("max", max), ("min", min)];
    all.extend(values.map(|(what, value)| (format!("{name}_{what}_{unit}"), value)));
}
