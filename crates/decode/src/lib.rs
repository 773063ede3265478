//! Bytes to meaning: frames to `PacketMeta` and application events, flow exports to the flows they tell, lines of logs to flows,
//! events and alerts, and the decode tree for people.
//!
//! Owns every header's layout, one file a protocol, and the registry of application protocols (`app`). Knows no clock,
//! file, socket, thread or flow table: the same bytes give the same answer on any machine and any worker.
//! Nothing here panics, whatever the bytes are; what cannot be read is counted by kind.

mod app;
mod arp;
mod bytes;
mod config;
mod decoder;
mod dissect;
mod errors;
mod export;
mod hash;
mod link;
pub mod log;
mod net;
mod router;
mod transport;
mod tunnel;
mod walk;

pub use app::pending::Pending;
pub use app::{PROTOCOLS, Parsed, Payload, Probe, Protocol, Transport};
pub use config::DecodeConfig;
pub use decoder::Decoder;
pub use dissect::{Dissection, dissect, packet_summary, summarize};
pub use errors::{ERROR_KINDS, error_name, layer_name, stop_text};
pub use export::{Datagram, EXPORT_PORTS, ExportConfig, ExportReader, InCaptures, is_export, reads_as_export};
pub use hash::flow_hash;
