//! Flow exports by UDP: sockets that routers and probes send to, as a source of frames like a capture.

pub mod collector;
pub mod frames;
pub mod settings;
pub(crate) mod socket;

pub use collector::{Collector, open_collector};
pub use settings::CollectSettings;
