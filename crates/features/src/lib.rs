//! Named, versioned feature schemas over flows and host windows. Owns which numbers models see and how they are scaled;
//! refuses addresses, raw ports, TTL, Ethernet addresses and clock times, which would let a model learn a laboratory
//! instead of behaviour. Pure: a record in, finite numbers out.
//!
//! A group is one file and one line in `flow::GROUPS` or `host::GROUPS`. Changing a schema's columns means a new name
//! (`flow/2`): artifacts carry the schema's fingerprint and refuse another one.

pub mod flow;
mod group;
pub mod host;
mod scale;

pub use flow::{flow_schema, flow_vector, service_code};
pub use group::Group;
pub use host::{host_schema, host_vector};

#[cfg(test)]
mod contract_test;
