//! This machine's sockets, processes and interface counters as the API shows them.

use record::{IpAddr16, Timestamp};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// What this machine knows of itself without capturing.
#[derive(Clone, Debug, Default, Serialize, Deserialize, ToSchema)]
pub struct Sockets {
    /// False in replays, in the demo, and with `host.watch = false`; then everything else is empty.
    pub watching: bool,
    /// True when nothing is captured: these counters are all the traffic that is judged.
    pub alone: bool,
    /// When it was last read, once a second; null before the first time.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub read: Option<Timestamp>,
    /// Why the sockets could not be read the last time; null when they could.
    pub problem: Option<String>,
    /// What the newest reading took, milliseconds.
    pub reading_ms: f64,
    /// Interfaces but loopback, by name.
    pub interfaces: Vec<HostInterface>,
    /// Sockets that wait for others, those that all can reach first, by port, at most 500.
    pub listening: Vec<SocketView>,
    /// How many there are.
    pub listening_total: u64,
    /// Connections, newest first, at most 500.
    pub connected: Vec<SocketView>,
    /// How many there are.
    pub connected_total: u64,
    /// Processes with most connections, at most 20.
    pub processes: Vec<ProcessView>,
    /// Sockets whose owner this user may not see.
    pub owners_hidden: u64,
    /// Sockets left out because there were more than 65,536, all readings together.
    pub left_out: u64,
}

/// Totals of an interface since it exists, and what it carried in the last second.
#[derive(Clone, Debug, Default, Serialize, Deserialize, ToSchema)]
pub struct HostInterface {
    /// Name.
    pub name: String,
    /// Bytes received.
    pub rx_bytes: u64,
    /// Packets received.
    pub rx_packets: u64,
    /// Receive errors.
    pub rx_errors: u64,
    /// Received and dropped.
    pub rx_dropped: u64,
    /// Bytes sent.
    pub tx_bytes: u64,
    /// Packets sent.
    pub tx_packets: u64,
    /// Send errors.
    pub tx_errors: u64,
    /// Dropped instead of sent.
    pub tx_dropped: u64,
    /// Bits received a second.
    pub rx_bits_per_s: f64,
    /// Bits sent a second.
    pub tx_bits_per_s: f64,
    /// Packets received a second.
    pub rx_packets_per_s: f64,
    /// Packets sent a second.
    pub tx_packets_per_s: f64,
}

/// One socket.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct SocketView {
    /// `TCP`, `UDP`.
    pub proto: String,
    /// `listening`, `incoming`, `outgoing`.
    pub role: String,
    /// Local address; `0.0.0.0` or `::` for all.
    #[schema(value_type = String)]
    pub local_ip: IpAddr16,
    /// Local port.
    pub local_port: u16,
    /// Remote address; null when there is none.
    #[schema(value_type = Option<String>)]
    pub remote_ip: Option<IpAddr16>,
    /// Remote port; null when there is none.
    pub remote_port: Option<u16>,
    /// Only this machine can reach it.
    pub loopback: bool,
    /// First reading that showed it.
    #[schema(value_type = String, format = DateTime)]
    pub since: Timestamp,
    /// It was there when watching began, and may be older than `since`.
    pub since_start: bool,
    /// User that opened it; null when the kernel does not say.
    pub uid: Option<u32>,
    /// That user's name; the number where it has none.
    pub user: String,
    /// Process; null when it is not visible.
    pub pid: Option<u32>,
    /// Its name; empty when it is not visible.
    pub process: String,
    /// Its program file; empty when it is not visible.
    pub exe: String,
    /// `visible`; `hidden`: not visible without rights, or held by the kernel or another container; `gone`: closed before it was looked at.
    pub owner: String,
}

/// One process that has sockets.
#[derive(Clone, Debug, Default, Serialize, Deserialize, ToSchema)]
pub struct ProcessView {
    /// Number.
    pub pid: u32,
    /// Name.
    pub process: String,
    /// Program file; empty when it is not visible.
    pub exe: String,
    /// User of its sockets.
    pub user: String,
    /// Connections.
    pub connected: u64,
    /// Sockets that wait for others.
    pub listening: u64,
}
