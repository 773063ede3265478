//! Named, versioned feature schemas over flows, host windows, steps of series and scanned hosts. Owns which numbers models see and how they are scaled;
//! refuses addresses, raw ports, TTL, Ethernet addresses and clock times, which would let a model learn a laboratory
//! instead of behaviour. Pure: a record in, finite numbers out.
//!
//! A group is one file and one line in `flow::GROUPS`, `host::GROUPS`, `scan::GROUPS` or those of `series`. Changing a schema's columns means a new name
//! (`flow/2`): artifacts carry the schema's fingerprint and refuse another one.

pub mod flow;
mod group;
pub mod host;
mod scale;
pub mod scan;
pub mod series;

pub use flow::{flow_schema, flow_vector, service_code};
pub use group::Group;
pub use host::{host_schema, host_vector};
pub use scan::{scan_host_schema, scan_host_vector};
pub use series::{host_series_schema, host_step_vector, interface_series_schema, interface_step_vector};

#[cfg(test)]
mod contract_test;
