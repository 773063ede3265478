//! What the host itself knows without capturing: its interfaces, their counters, its sockets and who holds them.

use serde::{Deserialize, Serialize};

pub mod book;
pub mod counters;
pub mod interfaces;
pub mod owners;
pub mod reading;
pub mod sockets;
pub mod users;

pub use book::{OpenSocket, SocketBook};
pub use counters::{HostCounters, host_counters};
pub use interfaces::{InterfaceInfo, interfaces};
pub use reading::SocketReader;
pub use sockets::{RawSocket, SOCKETS_MAX, read_sockets};

/// Settings of the watch of this machine itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct HostSettings {
    /// Read this machine's sockets and counters once a second beside a live capture. Default true.
    pub watch: bool,
}

impl Default for HostSettings {
    fn default() -> Self {
        Self { watch: true }
    }
}
