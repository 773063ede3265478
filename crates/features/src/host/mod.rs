//! Schema `host/1`: one host in one window. Owns the order of its groups. Windows of different lengths are different
//! populations: train one model for each length.

mod contacts;
mod names;
mod traffic;

use crate::group::{Group, columns};
use record::{Feature, HostWindow, Schema};
use std::sync::LazyLock;

/// The groups in column order: the registry.
pub static GROUPS: &[Group<HostWindow>] = &[contacts::GROUP, traffic::GROUP, names::GROUP];

static COLUMNS: LazyLock<Vec<Feature>> = LazyLock::new(|| columns(GROUPS));
static SCHEMA: LazyLock<Schema> = LazyLock::new(|| Schema::fixed("host/1", &COLUMNS));

/// The schema of [`host_vector`].
#[must_use]
pub fn host_schema() -> &'static Schema {
    &SCHEMA
}

/// Appends the features of one host window to `out`, in the schema's order; every value is finite.
pub fn host_vector(window: &HostWindow, out: &mut Vec<f32>) {
    for group in GROUPS {
        (group.fill)(window, out);
    }
}
