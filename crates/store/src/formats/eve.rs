//! Suricata's EVE: one JSON object a line, `event_type` `flow`, with the field names and value spellings of its schema.

use super::{LineFormat, Told};
use crate::rows::{mac_text, proto_name};
use record::{AppProto, EndReason, FlowRecord, TcpFlags, TcpState, Timestamp};
use serde_json::{Map, Value, json};

const TCP: u8 = 6;

/// EVE flow events.
pub(super) struct Eve;

impl LineFormat for Eve {
    fn name(&self) -> &'static str {
        "eve"
    }
    fn about(&self) -> &'static str {
        "Suricata's EVE, one flow event as JSON a line"
    }
    fn record(&self, flow: &FlowRecord, told: Told<'_>, line: &mut String) {
        line.push_str(&Value::Object(event(flow, told)).to_string());
        line.push('\n');
    }
}

fn event(flow: &FlowRecord, told: Told<'_>) -> Map<String, Value> {
    let (src, dest, proto) = (flow.src(), flow.dest(), flow.key.proto);
    let mut event = Map::new();
    let mut put = |name: &str, value: Value| event.insert(name.to_owned(), value);
    put("timestamp", time(flow.end));
    put("flow_id", json!(flow.flow_id));
    if !told.interface(flow).is_empty() {
        put("in_iface", json!(told.interface(flow)));
    }
    put("event_type", json!("flow"));
    if flow.vlan != 0 {
        put("vlan", json!([flow.vlan]));
    }
    put("src_ip", json!(src.addr.to_string()));
    put("dest_ip", json!(dest.addr.to_string()));
    if matches!(proto, TCP | 17 | 132) {
        put("src_port", json!(src.port));
        put("dest_port", json!(dest.port));
    }
    put("proto", json!(proto_name(proto)));
    if matches!(proto, 1 | 58) {
        put("icmp_type", json!(flow.icmp_type));
        put("icmp_code", json!(flow.icmp_code));
    }
    if flow.app_proto() != AppProto::Unknown {
        put("app_proto", json!(flow.app_proto().name()));
    }
    put("flow", counters(flow, told.row.is_some_and(|row| row.anomalous)));
    put("community_id", json!(told.community_id(flow)));
    if let (Some(src), Some(dest)) = (mac_text(flow.src_mac), mac_text(flow.dest_mac)) {
        put("ether", json!({"src_macs": [src], "dest_macs": [dest]}));
    }
    if proto == TCP {
        put("tcp", tcp(flow));
    }
    event
}

/// Suricata writes the offset without a colon.
fn time(ts: Timestamp) -> Value {
    Value::String(ts.rfc3339().replace('Z', "+0000"))
}

fn counters(flow: &FlowRecord, alerted: bool) -> Value {
    json!({
        "pkts_toserver": flow.forward.packets,
        "pkts_toclient": flow.backward.packets,
        "bytes_toserver": flow.forward.bytes,
        "bytes_toclient": flow.backward.bytes,
        "start": time(flow.start),
        "end": time(flow.end),
        "age": flow.duration_ns() / 1_000_000_000,
        "state": state(flow),
        "reason": reason(flow.reason),
        "alerted": alerted,
    })
}

/// Suricata's three states: nobody answered, both spoke, over.
fn state(flow: &FlowRecord) -> &'static str {
    match flow.reason {
        EndReason::Fin | EndReason::Rst => "closed",
        _ if flow.forward.packets > 0 && flow.backward.packets > 0 => "established",
        _ => "new",
    }
}

/// Suricata's reasons: ended by itself or by silence, cut by the meter, end of the input.
fn reason(reason: EndReason) -> &'static str {
    match reason {
        EndReason::Fin | EndReason::Rst | EndReason::Idle => "timeout",
        EndReason::Active | EndReason::Evicted => "forced",
        EndReason::Shutdown => "shutdown",
    }
}

fn tcp(flow: &FlowRecord) -> Value {
    let (ts, tc) = (flow.tcp_flags_forward, flow.tcp_flags_backward);
    let all = TcpFlags(ts.0 | tc.0);
    let mut tcp = Map::new();
    for (name, flags) in [("tcp_flags", all), ("tcp_flags_ts", ts), ("tcp_flags_tc", tc)] {
        tcp.insert(name.to_owned(), json!(format!("{:02x}", flags.0)));
    }
    for (bit, name) in ["fin", "syn", "rst", "psh", "ack", "urg", "ecn", "cwr"].into_iter().enumerate() {
        if all.has(1 << bit) {
            tcp.insert(name.to_owned(), Value::Bool(true));
        }
    }
    tcp.insert("state".to_owned(), json!(tcp_state(flow.state)));
    Value::Object(tcp)
}

/// Suricata's TCP states, from Zeek's.
fn tcp_state(state: TcpState) -> &'static str {
    match state {
        TcpState::S0 | TcpState::Sh | TcpState::Rstos0 => "syn_sent",
        TcpState::S1 => "established",
        TcpState::S2 => "fin_wait1",
        TcpState::S3 => "close_wait",
        TcpState::Sf | TcpState::Rej | TcpState::Rsto | TcpState::Rstr | TcpState::Rstrh | TcpState::Shr => "closed",
        TcpState::Oth => "none",
    }
}
