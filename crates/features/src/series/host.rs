//! How much a busy host sends and gets, and whom it contacts.

use crate::group::{Group, log};
use crate::scale;
use record::HostWindow;

/// The group.
pub(super) const GROUP: Group<HostWindow> = Group {
    name: "busy_host",
    columns: &[
        log("bytes_out", "bytes", "bytes sent"),
        log("bytes_in", "bytes", "bytes received"),
        log("packets_out", "packets", "packets sent"),
        log("packets_in", "packets", "packets received"),
        log("flows_out", "flows", "flows opened"),
        log("flows_in", "flows", "flows received"),
        log("peers", "peers", "distinct peers"),
        log("contacts_failed", "contacts", "openings refused or unanswered"),
    ],
    fill,
};

fn fill(window: &HostWindow, out: &mut Vec<f32>) {
    let of = |value: u64| scale::log(value as f64);
    out.extend([
        of(window.bytes_out),
        of(window.bytes_in),
        of(window.packets_out),
        of(window.packets_in),
        of(window.flows_out),
        of(window.flows_in),
        of(window.peers),
        of(window.contacts_failed),
    ]);
}
