//! A flow record's statistics by name, unit last, for the detail page.

use crate::shapes::FlowStatistics;
use record::{DirectionStats, FlowRecord, Moments};
use std::collections::BTreeMap;

const NS_PER_MS: f64 = 1e6;
const FLAGS: [&str; 8] = ["fin", "syn", "rst", "psh", "ack", "urg", "ece", "cwr"];

fn moments(out: &mut BTreeMap<String, f64>, name: &str, unit: &str, scale: f64, m: &Moments) {
    if m.count == 0 {
        return;
    }
    let values = [("sum", m.sum), ("mean", m.mean()), ("std", m.std_dev()), ("min", m.min), ("max", m.max)];
    for (part, value) in values {
        out.insert(format!("{name}_{part}_{unit}"), value / scale);
    }
}

fn direction(d: &DirectionStats) -> BTreeMap<String, f64> {
    let mut out = BTreeMap::new();
    let counts = [
        ("packets", d.packets as f64),
        ("bytes", d.bytes as f64),
        ("ip_bytes", d.ip_bytes as f64),
        ("header_bytes", d.header_bytes as f64),
        ("packets_with_payload", d.packets_with_payload as f64),
        ("segment_size_min_bytes", f64::from(d.segment_size_min)),
        ("init_window_bytes", f64::from(d.init_window)),
        ("retransmissions", f64::from(d.retransmissions)),
        ("missed_bytes", d.missed_bytes as f64),
        ("bulks", f64::from(d.bulks)),
        ("bulk_packets", d.bulk_packets as f64),
        ("bulk_bytes", d.bulk_bytes as f64),
        ("bulk_duration_ms", d.bulk_duration_ns as f64 / NS_PER_MS),
    ];
    out.extend(counts.map(|(name, value)| (name.to_owned(), value)));
    out.extend(FLAGS.iter().zip(d.flags).map(|(name, n)| (format!("flags_{name}"), f64::from(n))));
    moments(&mut out, "payload", "bytes", 1.0, &d.payload);
    moments(&mut out, "iat", "ms", NS_PER_MS, &d.iat);
    out
}

/// Both directions and what they have together.
pub(crate) fn statistics(flow: &FlowRecord) -> FlowStatistics {
    let mut both = BTreeMap::new();
    let (packets, bytes, seconds) = (flow.packets() as f64, flow.bytes() as f64, flow.duration_ns() as f64 / 1e9);
    let rate = |n: f64| if seconds > 0.0 { n / seconds } else { 0.0 };
    let values = [
        ("duration_ms", seconds * 1e3),
        ("packets", packets),
        ("bytes", bytes),
        ("packets_per_s", rate(packets)),
        ("bytes_per_s", rate(bytes)),
        ("subflows", f64::from(flow.subflows)),
        ("handshake_ms", flow.handshake_ns as f64 / NS_PER_MS),
        ("report", f64::from(flow.report)),
    ];
    both.extend(values.map(|(name, value)| (name.to_owned(), value)));
    moments(&mut both, "payload", "bytes", 1.0, &flow.payload);
    moments(&mut both, "iat", "ms", NS_PER_MS, &flow.iat);
    moments(&mut both, "active", "ms", NS_PER_MS, &flow.active);
    moments(&mut both, "idle", "ms", NS_PER_MS, &flow.idle);
    FlowStatistics { forward: direction(&flow.forward), backward: direction(&flow.backward), both }
}
