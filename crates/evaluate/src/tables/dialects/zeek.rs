//! Zeek's conn.log: TSV, JSON, and the CSV form in which IoT-23 is passed on; with or without labels.

use super::{Dialect, has};
use crate::tables::meaning::{Meaning, Role};
use crate::tables::raw::RawTable;

pub(super) const DIALECT: Dialect = Dialect {
    name: "Zeek conn.log",
    recognise: |table| has(table, &["ts", "id.orig_h", "id.resp_h", "conn_state"]),
    meaning,
};

fn meaning(table: &RawTable, column: usize) -> Option<Meaning> {
    let name = &*table.columns[column].name;
    let (shared, role) = match name {
        "ts" => ("start", Role::Start),
        "id.orig_h" => ("source", Role::Source),
        "id.orig_p" => ("source_port", Role::SourcePort),
        "id.resp_h" => ("destination", Role::Destination),
        "id.resp_p" => ("destination_port", Role::DestinationPort),
        "proto" => ("protocol", Role::Protocol),
        "service" => ("service", Role::Category),
        "conn_state" => ("state", Role::Category),
        "history" => ("history", Role::Category),
        "duration" => ("duration_s", Role::Number),
        "orig_bytes" => ("forward_payload_bytes", Role::Number),
        "resp_bytes" => ("backward_payload_bytes", Role::Number),
        "orig_pkts" => ("forward_packets", Role::Number),
        "resp_pkts" => ("backward_packets", Role::Number),
        "orig_ip_bytes" => ("forward_bytes", Role::Number),
        "resp_ip_bytes" => ("backward_bytes", Role::Number),
        "missed_bytes" => ("missed_bytes", Role::Number),
        "label" => ("label", Role::Label),
        "detailed-label" | "detailedlabel" => ("detailed_label", Role::Kind),
        // Who is local is a setting of Zeek, not behaviour; the others name one connection.
        "local_orig" | "local_resp" | "uid" | "tunnel_parents" | "orig_l2_addr" | "resp_l2_addr" | "vlan" => {
            ("", Role::Ignored)
        }
        _ => return None,
    };
    Some(if shared.is_empty() { Meaning::new(name.to_owned(), role) } else { Meaning::new(shared, role) })
}
