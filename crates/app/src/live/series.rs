//! Seconds of interfaces to series points. Owns the metric names that the charts ask for; `docs/reference/api.md` lists them.

use super::status::SecondState;
use record::{InterfaceSecond, SeriesPoint, TrafficClass};
use std::collections::BTreeMap;

/// Metric names of bytes by class, in the order of `TrafficClass::ALL`.
const BYTES_BY_CLASS: [&str; TrafficClass::COUNT] =
    ["bytes.tcp", "bytes.udp", "bytes.icmp", "bytes.ip", "bytes.arp", "bytes.other"];
/// The same for packets.
const PACKETS_BY_CLASS: [&str; TrafficClass::COUNT] =
    ["packets.tcp", "packets.udp", "packets.icmp", "packets.ip", "packets.arp", "packets.other"];

/// Adds up the parts of the same second (workers, interfaces), in the order of time.
pub fn merge(seconds: Vec<InterfaceSecond>) -> Vec<InterfaceSecond> {
    let mut by_time: BTreeMap<i64, InterfaceSecond> = BTreeMap::new();
    for second in seconds {
        let sum = by_time
            .entry(second.ts.0)
            .or_insert_with(|| InterfaceSecond { ts: second.ts, ..InterfaceSecond::default() });
        for class in 0..TrafficClass::COUNT {
            sum.packets[class] += second.packets[class];
            sum.bytes[class] += second.bytes[class];
        }
        sum.packets_in += second.packets_in;
        sum.packets_out += second.packets_out;
        sum.bytes_in += second.bytes_in;
        sum.bytes_out += second.bytes_out;
        sum.tcp_syn += second.tcp_syn;
        sum.flows_new += second.flows_new;
    }
    by_time.into_values().collect()
}

/// Every metric of one second.
pub fn points(second: &InterfaceSecond, flows: u64, anomalous: u64, dropped: u64, out: &mut Vec<SeriesPoint>) {
    let mut put =
        |metric: &'static str, value: u64| out.push(SeriesPoint { ts: second.ts, metric, value: value as f64 });
    put("bytes", second.bytes.iter().sum());
    put("packets", second.packets.iter().sum());
    put("bytes_in", second.bytes_in);
    put("bytes_out", second.bytes_out);
    put("flows", flows);
    put("flows_anomalous", anomalous);
    put("dropped", dropped);
    for class in 0..TrafficClass::COUNT {
        put(BYTES_BY_CLASS[class], second.bytes[class]);
        put(PACKETS_BY_CLASS[class], second.packets[class]);
    }
}

/// The same for the live stream.
pub fn state(second: &InterfaceSecond, flows: u64, anomalous: u64) -> SecondState {
    SecondState {
        ts: second.ts,
        packets: second.packets.iter().sum(),
        bytes: second.bytes.iter().sum(),
        bytes_in: second.bytes_in,
        bytes_out: second.bytes_out,
        flows,
        flows_anomalous: anomalous,
        bytes_by_class: second.bytes,
        packets_by_class: second.packets,
    }
}
