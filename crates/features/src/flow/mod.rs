//! Schema `flow/1`: one report of a flow. Owns the order of its groups.

mod application;
mod payload;
mod service;
mod tcp;
mod timing;
mod volume;

use crate::group::{Group, columns};
use record::{Feature, FlowRecord, Schema};
use std::sync::LazyLock;

pub use service::service_code;

/// The groups in column order: the registry. A new group is a file and a line here, and a new schema name.
pub static GROUPS: &[Group<FlowRecord>] =
    &[volume::GROUP, payload::GROUP, timing::GROUP, tcp::GROUP, application::GROUP, service::GROUP];

static COLUMNS: LazyLock<Vec<Feature>> = LazyLock::new(|| columns(GROUPS));
static SCHEMA: LazyLock<Schema> = LazyLock::new(|| Schema::fixed("flow/1", &COLUMNS));

/// The schema of [`flow_vector`].
#[must_use]
pub fn flow_schema() -> &'static Schema {
    &SCHEMA
}

/// Appends the features of one flow report to `out`, in the schema's order; every value is finite.
pub fn flow_vector(flow: &FlowRecord, out: &mut Vec<f32>) {
    for group in GROUPS {
        (group.fill)(flow, out);
    }
}
