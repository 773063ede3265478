//! Schemas `interface_series/1` and `host_series/1`: what an interface, or a busy host, does in one step of its series. Own the
//! order of their groups; a step's length is the caller's.

mod host;
mod interface;

use crate::group::{Group, columns};
use record::{Feature, HostWindow, InterfaceSecond, Schema};
use std::sync::LazyLock;

/// Groups of an interface's step, in column order: the registry.
pub static INTERFACE_GROUPS: &[Group<InterfaceSecond>] = &[interface::GROUP];
/// Groups of a host's step, in column order: the registry.
pub static HOST_GROUPS: &[Group<HostWindow>] = &[host::GROUP];

static INTERFACE_COLUMNS: LazyLock<Vec<Feature>> = LazyLock::new(|| columns(INTERFACE_GROUPS));
static INTERFACE: LazyLock<Schema> = LazyLock::new(|| Schema::fixed("interface_series/1", &INTERFACE_COLUMNS));
static HOST_COLUMNS: LazyLock<Vec<Feature>> = LazyLock::new(|| columns(HOST_GROUPS));
static HOST: LazyLock<Schema> = LazyLock::new(|| Schema::fixed("host_series/1", &HOST_COLUMNS));

/// The schema of [`interface_step_vector`].
#[must_use]
pub fn interface_series_schema() -> &'static Schema {
    &INTERFACE
}

/// The schema of [`host_step_vector`].
#[must_use]
pub fn host_series_schema() -> &'static Schema {
    &HOST
}

/// Appends the channels of one step of an interface, given as the sum of its seconds; every value is finite.
pub fn interface_step_vector(sums: &InterfaceSecond, out: &mut Vec<f32>) {
    for group in INTERFACE_GROUPS {
        (group.fill)(sums, out);
    }
}

/// Appends the channels of one step of a host; every value is finite.
pub fn host_step_vector(window: &HostWindow, out: &mut Vec<f32>) {
    for group in HOST_GROUPS {
        (group.fill)(window, out);
    }
}
