//! NFStream's flows, with the core columns and the statistical ones.

use super::{Dialect, has};
use crate::tables::meaning::{Meaning, Role};
use crate::tables::raw::RawTable;

pub(super) const DIALECT: Dialect = Dialect {
    name: "NFStream",
    recognise: |table| has(table, &["bidirectional_first_seen_ms", "bidirectional_packets"]),
    meaning,
};

fn meaning(table: &RawTable, column: usize) -> Option<Meaning> {
    let name = &*table.columns[column].name;
    let (shared, role) = match name {
        "bidirectional_first_seen_ms" => ("start", Role::Start),
        "bidirectional_last_seen_ms" => ("end", Role::End),
        "src_ip" => ("source", Role::Source),
        "dst_ip" => ("destination", Role::Destination),
        "src_port" => ("source_port", Role::SourcePort),
        "dst_port" => ("destination_port", Role::DestinationPort),
        "protocol" => ("protocol", Role::Protocol),
        "bidirectional_duration_ms" => ("duration_ms", Role::Number),
        "src2dst_packets" => ("forward_packets", Role::Number),
        "dst2src_packets" => ("backward_packets", Role::Number),
        "src2dst_bytes" => ("forward_bytes", Role::Number),
        "dst2src_bytes" => ("backward_bytes", Role::Number),
        "application_name" | "application_category_name" => (name, Role::Category),
        "id"
        | "expiration_id"
        | "src_mac"
        | "dst_mac"
        | "src_oui"
        | "dst_oui"
        | "vlan_id"
        | "tunnel_id"
        | "requested_server_name"
        | "client_fingerprint"
        | "server_fingerprint"
        | "user_agent"
        | "content_type"
        | "application_is_guessed"
        | "application_confidence"
        | "udps" => (name, Role::Ignored),
        // Clocks of each direction.
        _ if name.ends_with("_seen_ms") => (name, Role::Ignored),
        _ => return None,
    };
    Some(Meaning::new(shared.to_owned(), role))
}
