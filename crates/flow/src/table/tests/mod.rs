//! Tests of the flow table: `wire` builds packets by hand; the others are a topic each.
#![allow(clippy::unwrap_used)]

mod contacts;
mod invariants;
mod statistics;
mod tcp_states;
mod timeouts;
mod wire;
