//! How much, how fast, and which way. Rates use at least one millisecond, so that a flow of one packet has no infinite rate.

use crate::group::{Group, log, ratio};
use crate::scale;
use record::FlowRecord;

/// The group.
pub(super) const GROUP: Group<FlowRecord> = Group {
    name: "volume",
    columns: &[
        log("duration_ms", "ms", "flow duration"),
        log("forward_packets", "packets", "packets sent"),
        log("backward_packets", "packets", "packets received"),
        log("forward_bytes", "bytes", "bytes sent"),
        log("backward_bytes", "bytes", "bytes received"),
        ratio("forward_bytes_share", "share of bytes that were sent"),
        log("packets_per_s", "packets/s", "packets per second"),
        log("bytes_per_s", "bytes/s", "bytes per second"),
    ],
    fill,
};

fn fill(flow: &FlowRecord, out: &mut Vec<f32>) {
    let seconds = (flow.duration_ns() as f64 / 1e9).max(1e-3);
    let (forward, backward) = (flow.forward.bytes as f64, flow.backward.bytes as f64);
    let packets = flow.forward.packets as f64 + flow.backward.packets as f64;
    out.extend([
        scale::log(flow.duration_ns() as f64 / 1e6),
        scale::log(flow.forward.packets as f64),
        scale::log(flow.backward.packets as f64),
        scale::log(forward),
        scale::log(backward),
        scale::ratio(forward, forward + backward),
        scale::log(packets / seconds),
        scale::log((forward + backward) / seconds),
    ]);
}
