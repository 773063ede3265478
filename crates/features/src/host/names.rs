//! What names a host asked for, in numbers.

use crate::group::{Group, log, ratio};
use crate::scale;
use record::HostWindow;

/// The group.
pub(super) const GROUP: Group<HostWindow> = Group {
    name: "names",
    columns: &[
        log("dns_queries", "queries", "DNS queries"),
        ratio("dns_nxdomain_ratio", "share of names that do not exist"),
        log("dns_names", "names", "distinct names asked for"),
        ratio("dns_names_per_query", "share of queries for another name"),
        log("dns_name_mean_bytes", "bytes", "length of the names asked for"),
        log("tls_hellos", "hellos", "TLS connections opened"),
        log("tls_names", "names", "distinct TLS server names"),
    ],
    fill,
};

fn fill(window: &HostWindow, out: &mut Vec<f32>) {
    let queries = window.dns_queries as f64;
    out.extend([
        scale::log(queries),
        scale::ratio(window.dns_nxdomain as f64, queries),
        scale::log(window.dns_names as f64),
        scale::ratio(window.dns_names as f64, queries),
        scale::log(scale::quotient(window.dns_name_bytes as f64, queries)),
        scale::log(window.tls_hellos as f64),
        scale::log(window.tls_names as f64),
    ]);
}
