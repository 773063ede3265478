//! Rhythm: times between packets, idle gaps. Differences only, never a time of day.

use crate::group::{Group, log};
use crate::scale;
use record::FlowRecord;

const NS_PER_US: f64 = 1e3;
const NS_PER_MS: f64 = 1e6;

/// The group.
pub(super) const GROUP: Group<FlowRecord> = Group {
    name: "timing",
    columns: &[
        log("iat_mean_us", "µs", "mean time between packets"),
        log("iat_std_us", "µs", "spread of the time between packets"),
        log("forward_iat_mean_us", "µs", "mean time between packets sent"),
        log("forward_iat_std_us", "µs", "spread of the time between packets sent"),
        log("forward_iat_max_us", "µs", "longest pause in sending"),
        log("backward_iat_mean_us", "µs", "mean time between packets received"),
        log("backward_iat_std_us", "µs", "spread of the time between packets received"),
        log("idle_mean_ms", "ms", "mean idle gap"),
        log("subflows", "", "bursts separated by a second or more"),
    ],
    fill,
};

fn fill(flow: &FlowRecord, out: &mut Vec<f32>) {
    out.extend([
        scale::log(flow.iat.mean() / NS_PER_US),
        scale::log(flow.iat.std_dev() / NS_PER_US),
        scale::log(flow.forward.iat.mean() / NS_PER_US),
        scale::log(flow.forward.iat.std_dev() / NS_PER_US),
        scale::log(flow.forward.iat.max / NS_PER_US),
        scale::log(flow.backward.iat.mean() / NS_PER_US),
        scale::log(flow.backward.iat.std_dev() / NS_PER_US),
        scale::log(flow.idle.mean() / NS_PER_MS),
        scale::log(f64::from(flow.subflows)),
    ]);
}
