//! How much a host sent and received.

use crate::group::{Group, log, ratio};
use crate::scale;
use record::HostWindow;

/// The group.
pub(super) const GROUP: Group<HostWindow> = Group {
    name: "traffic",
    columns: &[
        log("bytes_out", "bytes", "bytes sent"),
        log("bytes_in", "bytes", "bytes received"),
        ratio("bytes_out_share", "share of bytes that were sent"),
        log("packets_out", "packets", "packets sent"),
        log("packets_in", "packets", "packets received"),
        log("packet_out_mean_bytes", "bytes", "bytes per packet sent"),
        log("packet_in_mean_bytes", "bytes", "bytes per packet received"),
        log("bytes_out_per_flow", "bytes", "bytes sent per flow opened"),
    ],
    fill,
};

fn fill(window: &HostWindow, out: &mut Vec<f32>) {
    let (sent, received) = (window.bytes_out as f64, window.bytes_in as f64);
    out.extend([
        scale::log(sent),
        scale::log(received),
        scale::ratio(sent, sent + received),
        scale::log(window.packets_out as f64),
        scale::log(window.packets_in as f64),
        scale::log(scale::quotient(sent, window.packets_out as f64)),
        scale::log(scale::quotient(received, window.packets_in as f64)),
        scale::log(scale::quotient(sent, window.flows_out as f64)),
    ]);
}
