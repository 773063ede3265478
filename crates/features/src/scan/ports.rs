//! What a host offers.

use super::HostStep;
use crate::group::{Group, log};
use crate::scale;
use record::{Feature, FeatureKind};

/// The group.
pub(super) const GROUP: Group<HostStep> = Group {
    name: "ports",
    columns: &[
        log("ports_tcp", "ports", "open TCP ports"),
        log("ports_udp", "ports", "open UDP ports"),
        log("ports_system", "ports", "open ports below 1024"),
        log("ports_handed_out", "ports", "open ports from 32768 on"),
        log("ports_control", "ports", "open ports for remote control"),
        log("ports_unnamed", "ports", "open ports of no known service"),
        log("services", "services", "distinct services"),
        Feature::fixed("service_entropy_nats", "nats", FeatureKind::Linear, "variety of services"),
        log("ports_rare", "ports", "open ports that neither it nor hosts like it had"),
    ],
    fill,
};

fn fill(step: &HostStep, out: &mut Vec<f32>) {
    let count = |n: u32| scale::log(f64::from(n));
    out.extend([
        count(step.ports_tcp),
        count(step.ports_udp),
        count(step.ports_system),
        count(step.ports_handed_out),
        count(step.ports_control),
        count(step.ports_unnamed),
        count(step.services),
        step.service_entropy_nats.clamp(0.0, 20.0),
        count(step.ports_rare),
    ]);
}
