//! Suricata's EVE flows, as JSON lines: of a log with other events, only its flows are rows (see the reader). Whether Suricata alerted
//! is never used: it would be the answer.

use super::{Dialect, has};
use crate::tables::meaning::{Meaning, Role};
use crate::tables::raw::RawTable;

pub(super) const DIALECT: Dialect = Dialect {
    name: "EVE flows",
    recognise: |table| has(table, &["event_type", "src_ip", "dest_ip", "flow.pkts_toserver", "flow.start"]),
    meaning: |table, column| Some(meaning(table, column)),
};

fn meaning(table: &RawTable, column: usize) -> Meaning {
    let name = &*table.columns[column].name;
    let (shared, role) = match name {
        "flow.start" => ("start", Role::Start),
        "flow.end" => ("end", Role::End),
        "src_ip" => ("source", Role::Source),
        "dest_ip" => ("destination", Role::Destination),
        "src_port" => ("source_port", Role::SourcePort),
        "dest_port" => ("destination_port", Role::DestinationPort),
        "proto" => ("protocol", Role::Protocol),
        "app_proto" => (name, Role::Category),
        "flow.state" => ("state", Role::Category),
        "flow.reason" => ("reason", Role::Category),
        "tcp.state" => ("tcp_state", Role::Category),
        "flow.age" => ("duration_s", Role::Number),
        "flow.pkts_toserver" => ("forward_packets", Role::Number),
        "flow.pkts_toclient" => ("backward_packets", Role::Number),
        "flow.bytes_toserver" => ("forward_bytes", Role::Number),
        "flow.bytes_toclient" => ("backward_bytes", Role::Number),
        "tcp.syn" | "tcp.fin" | "tcp.rst" | "tcp.psh" | "tcp.ack" | "tcp.urg" => (name, Role::Number),
        "label" => (name, Role::Label),
        // Names of one flow, its sensor, or what rules said of it.
        _ => (name, Role::Ignored),
    };
    Meaning::new(shared.replace('.', "_"), role)
}
