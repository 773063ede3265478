//! Sockets of the machine that Tripline runs on, with the process that owns each: what the host knows of itself without a packet.
//! Owns the words; who reads them from the kernel is `source`.

use crate::{Endpoint, IpAddr16, Timestamp};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// A process of this machine.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Process {
    /// Number.
    pub pid: u32,
    /// Name, as the kernel cuts it (15 bytes).
    pub name: String,
    /// Program file; empty when this user may not see it.
    pub exe: String,
}

/// Who holds a socket.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum SocketOwner {
    /// This process.
    Process(Arc<Process>),
    /// A process that this user may not see, the kernel, or another container.
    #[default]
    Hidden,
    /// It was closed before its owner could be looked at.
    Gone,
}

impl SocketOwner {
    /// The process, when it is known.
    #[must_use]
    pub fn process(&self) -> Option<&Arc<Process>> {
        if let Self::Process(process) = self { Some(process) } else { None }
    }
    /// The name used in the API and in logs.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Process(_) => "visible",
            Self::Hidden => "hidden",
            Self::Gone => "gone",
        }
    }
}

/// What became of a socket.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SocketChange {
    /// Seen for the first time.
    #[default]
    Opened,
    /// Not there any more.
    Closed,
}

impl SocketChange {
    /// The name used in logs.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Opened => "opened",
            Self::Closed => "closed",
        }
    }
}

/// A socket came or went between two readings.
#[derive(Clone, Debug, Default)]
pub struct SocketEvent {
    /// Time of the reading that showed it.
    pub ts: Timestamp,
    /// What happened.
    pub change: SocketChange,
    /// Reading in which it was first there.
    pub since: Timestamp,
    /// IP protocol (6 TCP, 17 UDP).
    pub proto: u8,
    /// Local end; the address is all zero or 0.0.0.0 when every address of the host is meant.
    pub local: Endpoint,
    /// Remote end; port 0 when there is none.
    pub remote: Endpoint,
    /// Waits for others: TCP that listens, UDP that is not connected.
    pub listening: bool,
    /// Its other end opened it: the local port is one that the host listens on.
    pub incoming: bool,
    /// It was there when watching began.
    pub first_reading: bool,
    /// The local port is of the range that the system hands out for single connections.
    pub handed_out: bool,
    /// Address under which others reach the local end.
    pub host: IpAddr16,
    /// User that opened it; None when the kernel does not say any more.
    pub uid: Option<u32>,
    /// That user's name; the number where it has none.
    pub user: String,
    /// Who holds it.
    pub owner: SocketOwner,
}

impl SocketEvent {
    /// True when only programs of this machine can reach it.
    #[must_use]
    pub fn is_loopback(&self) -> bool {
        self.local.addr.to_ip().is_loopback()
    }
}
