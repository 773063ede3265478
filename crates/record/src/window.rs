//! One host's behaviour in one window of capture time.

use crate::{IpAddr16, Timestamp};

/// What one host did and got between `start` and `start + length_s`.
#[derive(Clone, Debug, Default)]
pub struct HostWindow {
    /// Start of the window.
    pub start: Timestamp,
    /// Length, seconds (10, 60, 600).
    pub length_s: u32,
    /// The host.
    pub host: IpAddr16,
    /// Flows it opened.
    pub flows_out: u64,
    /// Flows opened to it.
    pub flows_in: u64,
    /// Openings refused or unanswered.
    pub contacts_failed: u64,
    /// Openings answered.
    pub contacts_answered: u64,
    /// Peers it had never contacted before that failed.
    pub first_contacts_failed: u64,
    /// Peers it had never contacted before.
    pub peers_new: u64,
    /// Distinct peers it contacted (estimate).
    pub peers: u64,
    /// Distinct (peer, port) it contacted (estimate).
    pub services: u64,
    /// Distinct ports it contacted (estimate).
    pub ports: u64,
    /// Wire bytes it sent.
    pub bytes_out: u64,
    /// Wire bytes it received.
    pub bytes_in: u64,
    /// Packets it sent.
    pub packets_out: u64,
    /// Packets it received.
    pub packets_in: u64,
    /// DNS queries it sent.
    pub dns_queries: u64,
    /// NXDOMAIN answers it got.
    pub dns_nxdomain: u64,
    /// Distinct names it asked for (estimate).
    pub dns_names: u64,
    /// Bytes of the names it asked for.
    pub dns_name_bytes: u64,
    /// ClientHellos it sent.
    pub tls_hellos: u64,
    /// Distinct server names it named (estimate).
    pub tls_names: u64,
}
