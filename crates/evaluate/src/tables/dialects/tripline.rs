//! Our own flows, as `tripline flows -o parquet` and `-o json` write them. (`-o csv` has CICFlowMeter's columns.)

use super::{Dialect, has};
use crate::tables::meaning::{Meaning, Role};
use crate::tables::raw::RawTable;

pub(super) const DIALECT: Dialect = Dialect {
    name: "Tripline flows",
    recognise: |table| has(table, &["flow_id", "start", "src_ip", "dest_ip", "pkts_toserver", "community_id"]),
    meaning,
};

fn meaning(table: &RawTable, column: usize) -> Option<Meaning> {
    let own = &*table.columns[column].name;
    // JSON nests the statistics that Parquet has beside each other.
    let flat = own.strip_prefix("statistics.").map(|name| name.replace('.', "_"));
    let name = flat.as_deref().unwrap_or(own);
    let (shared, role) = match name {
        "start" => ("start", Role::Start),
        "end" => ("end", Role::End),
        "src_ip" => ("source", Role::Source),
        "dest_ip" => ("destination", Role::Destination),
        "src_port" => ("source_port", Role::SourcePort),
        "dest_port" => ("destination_port", Role::DestinationPort),
        "proto" => ("protocol", Role::Protocol),
        "app_proto" | "state" | "reason" | "history" => (name, Role::Category),
        "pkts_toserver" => ("forward_packets", Role::Number),
        "pkts_toclient" => ("backward_packets", Role::Number),
        "bytes_toserver" => ("forward_bytes", Role::Number),
        "bytes_toclient" => ("backward_bytes", Role::Number),
        "flow_id" | "first_seen" | "community_id" | "in_iface" | "vlan" | "tunnel" | "host_name" | "report"
        | "src_mac" | "dest_mac" | "app" | "app_response" | "icmp_type" | "icmp_code" | "timestamp" => {
            (name, Role::Ignored)
        }
        // JSON nests what the application said.
        _ if name.starts_with("app.") || name.starts_with("app_response.") => (name, Role::Ignored),
        _ if flat.is_some() => (name, Role::Number),
        _ => return None,
    };
    Some(Meaning::new(shared.to_owned(), role))
}
