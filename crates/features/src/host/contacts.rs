//! Whom a host contacted and how that was taken.

use crate::group::{Group, log, ratio};
use crate::scale;
use record::HostWindow;

/// The group.
pub(super) const GROUP: Group<HostWindow> = Group {
    name: "contacts",
    columns: &[
        log("flows_out", "flows", "flows opened"),
        log("flows_in", "flows", "flows received"),
        log("contacts_failed", "contacts", "openings refused or unanswered"),
        ratio("contacts_failed_ratio", "share of openings refused or unanswered"),
        log("first_contacts_failed", "peers", "new peers that did not answer"),
        log("peers_new", "peers", "peers never contacted before"),
        log("peers", "peers", "distinct peers"),
        log("services", "services", "distinct peers and ports"),
        log("ports", "ports", "distinct ports"),
        log("services_per_peer", "services", "distinct services per peer"),
    ],
    fill,
};

fn fill(window: &HostWindow, out: &mut Vec<f32>) {
    let failed = window.contacts_failed as f64;
    out.extend([
        scale::log(window.flows_out as f64),
        scale::log(window.flows_in as f64),
        scale::log(failed),
        scale::ratio(failed, failed + window.contacts_answered as f64),
        scale::log(window.first_contacts_failed as f64),
        scale::log(window.peers_new as f64),
        scale::log(window.peers as f64),
        scale::log(window.services as f64),
        scale::log(window.ports as f64),
        scale::log(scale::quotient(window.services as f64, window.peers as f64)),
    ]);
}
