//! What the host itself knows without capturing: its interfaces, their counters, its sockets.

pub mod counters;
pub mod interfaces;
pub mod sockets;

pub use counters::{HostCounters, host_counters};
pub use interfaces::{InterfaceInfo, interfaces};
pub use sockets::{SocketInfo, sockets};
