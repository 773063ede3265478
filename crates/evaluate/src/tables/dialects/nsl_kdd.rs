//! NSL-KDD's text files: 41 features, the attack's name, and a difficulty, without a line of names. 1998's features, kept because
//! everybody compares on them.

use super::Dialect;
use crate::tables::meaning::{Meaning, Role};
use crate::tables::raw::{Cells, RawTable};

pub(super) const DIALECT: Dialect = Dialect { name: "NSL-KDD", recognise, meaning };

#[rustfmt::skip]
const NAMES: [&str; 43] = [
    "duration_s", "protocol", "service", "state", "forward_bytes", "backward_bytes", "land", "wrong_fragment", "urgent",
    "hot", "num_failed_logins", "logged_in", "num_compromised", "root_shell", "su_attempted", "num_root",
    "num_file_creations", "num_shells", "num_access_files", "num_outbound_cmds", "is_host_login", "is_guest_login",
    "count", "srv_count", "serror_rate", "srv_serror_rate", "rerror_rate", "srv_rerror_rate", "same_srv_rate",
    "diff_srv_rate", "srv_diff_host_rate", "dst_host_count", "dst_host_srv_count", "dst_host_same_srv_rate",
    "dst_host_diff_srv_rate", "dst_host_same_src_port_rate", "dst_host_srv_diff_host_rate", "dst_host_serror_rate",
    "dst_host_srv_serror_rate", "dst_host_rerror_rate", "dst_host_srv_rerror_rate", "label", "difficulty",
];

fn recognise(table: &RawTable) -> bool {
    let transports = |column: usize| match &table.columns[column].cells {
        Cells::Texts(texts) => texts.names.iter().all(|name| ["tcp", "udp", "icmp", ""].contains(&&**name)),
        Cells::Numbers(_) => false,
    };
    (42..=43).contains(&table.columns.len())
        && table.columns[0].name == "column_1"
        && transports(1)
        && matches!(table.columns[41].cells, Cells::Texts(_))
}

fn meaning(_: &RawTable, column: usize) -> Option<Meaning> {
    let role = match column {
        1 => Role::Protocol,
        2 | 3 => Role::Category,
        41 => Role::Label,
        // How many of 21 classifiers were right: it knows the answer.
        42 => Role::Ignored,
        _ => Role::Number,
    };
    NAMES.get(column).map(|name| Meaning::new(*name, role))
}
