//! Interface counters of /proc/net/dev: what the host sees without any right.

use crate::SourceError;
use serde::Serialize;

/// Totals of one interface since it exists.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct HostCounters {
    /// Name.
    pub interface: String,
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
}

/// Counters of every interface, by name.
///
/// # Errors
/// /proc is not readable.
pub fn host_counters() -> Result<Vec<HostCounters>, SourceError> {
    let table =
        procfs::net::dev_status().map_err(|e| SourceError::Host { what: "/proc/net/dev", reason: e.to_string() })?;
    let mut all: Vec<HostCounters> = table
        .into_values()
        .map(|d| HostCounters {
            interface: d.name,
            rx_bytes: d.recv_bytes,
            rx_packets: d.recv_packets,
            rx_errors: d.recv_errs,
            rx_dropped: d.recv_drop,
            tx_bytes: d.sent_bytes,
            tx_packets: d.sent_packets,
            tx_errors: d.sent_errs,
            tx_dropped: d.sent_drop,
        })
        .collect();
    all.sort_by(|a, b| a.interface.cmp(&b.interface));
    Ok(all)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn loopback_counts_both_ways_alike() {
        let all = host_counters().unwrap();
        let loopback = all.iter().find(|c| c.interface == "lo").unwrap();
        assert_eq!(loopback.rx_packets, loopback.tx_packets);
    }
}
