//! CICFlowMeter and its relatives: the first release (`Total Fwd Packets`, `Init_Win_bytes_forward`), CSE-CIC-IDS2018's (`Tot Fwd
//! Pkts`), the Python port's (`tot_fwd_pkts`), the current and the corrected one (`Total Fwd Packet`), and `tripline flows -o csv`.
//! Their names differ in order, number and abbreviation only, so names are compared as sets of words.

use super::Dialect;
use crate::tables::meaning::{Meaning, Role, words};
use crate::tables::raw::RawTable;
use std::collections::BTreeMap;
use std::sync::LazyLock;

pub(super) const DIALECT: Dialect = Dialect { name: "CICFlowMeter", recognise, meaning };

/// The current release's columns; their snake case is the shared name.
#[rustfmt::skip]
const COLUMNS: [&str; 76] = [
    "Flow Duration", "Total Fwd Packet", "Total Bwd packets", "Total Length of Fwd Packet",
    "Total Length of Bwd Packet", "Fwd Packet Length Max", "Fwd Packet Length Min", "Fwd Packet Length Mean",
    "Fwd Packet Length Std", "Bwd Packet Length Max", "Bwd Packet Length Min", "Bwd Packet Length Mean",
    "Bwd Packet Length Std", "Flow Bytes/s", "Flow Packets/s", "Flow IAT Mean", "Flow IAT Std", "Flow IAT Max",
    "Flow IAT Min", "Fwd IAT Total", "Fwd IAT Mean", "Fwd IAT Std", "Fwd IAT Max", "Fwd IAT Min", "Bwd IAT Total",
    "Bwd IAT Mean", "Bwd IAT Std", "Bwd IAT Max", "Bwd IAT Min", "Fwd PSH Flags", "Bwd PSH Flags", "Fwd URG Flags",
    "Bwd URG Flags", "Fwd Header Length", "Bwd Header Length", "Fwd Packets/s", "Bwd Packets/s", "Packet Length Min",
    "Packet Length Max", "Packet Length Mean", "Packet Length Std", "Packet Length Variance", "FIN Flag Count",
    "SYN Flag Count", "RST Flag Count", "PSH Flag Count", "ACK Flag Count", "URG Flag Count", "CWR Flag Count",
    "ECE Flag Count", "Down/Up Ratio", "Average Packet Size", "Fwd Segment Size Avg", "Bwd Segment Size Avg",
    "Fwd Bytes/Bulk Avg", "Fwd Packet/Bulk Avg", "Fwd Bulk Rate Avg", "Bwd Bytes/Bulk Avg", "Bwd Packet/Bulk Avg",
    "Bwd Bulk Rate Avg", "Subflow Fwd Packets", "Subflow Fwd Bytes", "Subflow Bwd Packets", "Subflow Bwd Bytes",
    "FWD Init Win Bytes", "Bwd Init Win Bytes", "Fwd Act Data Pkts", "Fwd Seg Size Min", "Active Mean", "Active Std",
    "Active Max", "Active Min", "Idle Mean", "Idle Std", "Idle Max", "Idle Min",
];

/// Set of words → shared name.
static KNOWN: LazyLock<BTreeMap<Vec<String>, String>> =
    LazyLock::new(|| COLUMNS.iter().map(|name| (key(name), shared_name(name))).collect());

fn shared_name(name: &str) -> String {
    match name {
        "Flow Duration" => "duration_us".to_owned(),
        "Total Fwd Packet" => "forward_packets".to_owned(),
        "Total Bwd packets" => "backward_packets".to_owned(),
        _ => words(&name.replace("/s", " per s")).join("_"),
    }
}

/// Words in one order and one spelling.
fn key(name: &str) -> Vec<String> {
    let mut key: Vec<String> = Vec::new();
    for word in words(name) {
        let plain = match &*word {
            "of" => continue,
            "totlen" => {
                key.push("total".into());
                "length"
            }
            "tot" => "total",
            "pkt" | "pkts" | "packets" => "packet",
            "byts" | "bytes" => "byte",
            "len" => "length",
            "avg" => "average",
            "cnt" => "count",
            "flags" => "flag",
            "seg" => "segment",
            "forward" => "fwd",
            "backward" => "bwd",
            "var" => "variance",
            "dst" => "destination",
            "src" => "source",
            "blk" | "b" => "bulk",
            "cwe" => "cwr",
            other => other,
        };
        key.push(plain.to_owned());
    }
    key.sort_unstable();
    key
}

fn recognise(table: &RawTable) -> bool {
    table.columns.iter().filter(|column| KNOWN.contains_key(&key(&column.name))).count() >= 20
}

fn meaning(table: &RawTable, column: usize) -> Option<Meaning> {
    let name = &table.columns[column].name;
    let key = key(name);
    if let Some(shared) = KNOWN.get(&key) {
        return Some(Meaning::new(shared.clone(), Role::Number));
    }
    let joined = key.join(" ");
    let (shared, role) = match &*joined {
        "ip source" => ("source", Role::Source),
        "destination ip" => ("destination", Role::Destination),
        "port source" => ("source_port", Role::SourcePort),
        "destination port" => ("destination_port", Role::DestinationPort),
        "protocol" => ("protocol", Role::Protocol),
        "timestamp" => ("start", Role::Start),
        "label" => ("label", Role::Label),
        // The corrected release notes here which attacks came to nothing: it knows the answer.
        "attempted category" => ("attempted_category", Role::Ignored),
        "id" | "flow id" => ("flow_id", Role::Ignored),
        // Written twice by the first release.
        _ if joined.starts_with("1 ") => ("repeated", Role::Ignored),
        _ => return None,
    };
    Some(Meaning::new(shared, role))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn four_spellings_of_a_column_are_one() {
        for (spellings, shared) in [
            (["Total Fwd Packets", "Tot Fwd Pkts", "tot_fwd_pkts", "Total Fwd Packet"], "forward_packets"),
            (
                ["Init_Win_bytes_forward", "Init Fwd Win Byts", "init_fwd_win_byts", "FWD Init Win Bytes"],
                "fwd_init_win_bytes",
            ),
            (
                ["Avg Fwd Segment Size", "Fwd Seg Size Avg", "fwd_seg_size_avg", "Fwd Segment Size Avg"],
                "fwd_segment_size_avg",
            ),
            (["Fwd Avg Bytes/Bulk", "Fwd Byts/b Avg", "fwd_byts_b_avg", "Fwd Bytes/Bulk Avg"], "fwd_bytes_bulk_avg"),
            (["Min Packet Length", "Pkt Len Min", "pkt_len_min", "Packet Length Min"], "packet_length_min"),
            (
                ["Total Length of Fwd Packets", "TotLen Fwd Pkts", "totlen_fwd_pkts", "Total Length of Fwd Packet"],
                "total_length_of_fwd_packet",
            ),
            ([" Flow Bytes/s", "Flow Byts/s", "flow_byts_s", "Flow Bytes/s"], "flow_bytes_per_s"),
            (["CWE Flag Count", "CWE Flag Cnt", "cwr_flag_count", "CWR Flag Count"], "cwr_flag_count"),
            (["act_data_pkt_fwd", "Fwd Act Data Pkts", "fwd_act_data_pkts", "Fwd Act Data Pkts"], "fwd_act_data_pkts"),
        ] {
            for spelling in spellings {
                assert_eq!(KNOWN.get(&key(spelling)).map(String::as_str), Some(shared), "{spelling}");
            }
        }
        assert_eq!(KNOWN.len(), COLUMNS.len(), "two columns share their words");
    }
}
