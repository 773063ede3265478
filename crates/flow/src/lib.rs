//! The flow table, the flows that others measured, the per-second counters and the host windows. Everything here is bounded, and time is an argument:
//! the same packets give the same records live, from a file, on one worker or on eight.
//!
//! This room owns what a flow is, when it begins and ends, and what is counted of it. It refuses to know frames, clocks,
//! threads, files, and what is normal.

mod community_id;
mod config;
mod counters;
mod exported;
mod pairs;
mod receivers;
mod second;
mod sketch;
mod table;
#[cfg(test)]
mod tests;
mod windows;

pub use community_id::{community_id, community_id_icmp, community_id_of};
pub use config::FlowConfig;
pub use counters::FlowCounters;
pub use exported::{Exported, ExportedConfig, ExportedCounts};
pub use record::Prefix;
pub use second::{SecondCounter, merge_seconds};
pub use sketch::mix;
pub use table::{AppParser, FlowTable, NoAppParser};
pub use windows::{FixedHasher, HostWindows, WindowConfig};
