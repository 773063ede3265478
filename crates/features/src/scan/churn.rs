//! What became different since the host was last seen up.

use super::HostStep;
use crate::group::{Group, log};
use crate::scale;

/// The group.
pub(super) const GROUP: Group<HostStep> = Group {
    name: "churn",
    columns: &[
        log("ports_first", "ports", "ports open for the first time"),
        log("services_first", "services", "services offered for the first time"),
        log("ports_opened", "ports", "ports opened since the last scan"),
        log("ports_closed", "ports", "ports closed since the last scan"),
        log("services_changed", "services", "services that became another on their port"),
        log("versions_changed", "services", "services with another version"),
        log("scans_missed", "scans", "scans missed just before"),
    ],
    fill,
};

fn fill(step: &HostStep, out: &mut Vec<f32>) {
    let counts = [
        step.ports_first,
        step.services_first,
        step.ports_opened,
        step.ports_closed,
        step.services_changed,
        step.versions_changed,
        step.scans_missed,
    ];
    out.extend(counts.map(|n| scale::log(f64::from(n))));
}
