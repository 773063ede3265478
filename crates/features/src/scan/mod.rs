//! Schema `scan_host/1`: one host in one scan, beside what was known of it and of hosts like it. Owns the order of its groups and what counts
//! as a change; knows no network, no time and no address.

mod churn;
mod ports;
mod profile;
mod step;

use crate::group::{Group, columns};
use record::{Feature, Schema};
use std::sync::LazyLock;

pub use profile::{HANDED_OUT_FIRST, OpenPort, PortKey, Profile, is_control_port};
pub use step::{Change, ChangeKind, HostStep, PORTS_KNOWN_MAX, Past};

/// The groups in column order: the registry.
pub static GROUPS: &[Group<HostStep>] = &[ports::GROUP, churn::GROUP];

static COLUMNS: LazyLock<Vec<Feature>> = LazyLock::new(|| columns(GROUPS));
static SCHEMA: LazyLock<Schema> = LazyLock::new(|| Schema::fixed("scan_host/1", &COLUMNS));

/// The schema of [`scan_host_vector`].
#[must_use]
pub fn scan_host_schema() -> &'static Schema {
    &SCHEMA
}

/// Appends the features of one host in one scan to `out`, in the schema's order; every value is finite.
pub fn scan_host_vector(step: &HostStep, out: &mut Vec<f32>) {
    for group in GROUPS {
        (group.fill)(step, out);
    }
}
