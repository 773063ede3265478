//! Settings of the flow table: bounds and time-outs, each with its unit and the reason for its default.

use serde::{Deserialize, Serialize};

/// Bounds and time-outs. All times are capture time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct FlowConfig {
    /// Live flows kept by all workers together; when full, the flow nearest to its own time-out is reported as `evicted`.
    /// Default 1,000,000 (about 450 MiB when really full; memory grows with use). Smallest useful value 1.
    pub flows_max: u32,
    /// The same in `run`, which also holds packets, hosts and what waits for the store. Default 400,000: with it a million
    /// flows at once stay within 600 MiB in all. The smaller of both counts.
    pub flows_live_max: u32,
    /// A TCP flow without a packet for this long has ended. Default 120,000 (CICFlowMeter's and NFStream's value).
    pub idle_timeout_tcp_ms: u64,
    /// The same for UDP. Default 60,000: longer than the usual keep-alive of 30 s.
    pub idle_timeout_udp_ms: u64,
    /// The same for ICMP and ICMPv6. Default 30,000: `ping` sends one a second.
    pub idle_timeout_icmp_ms: u64,
    /// The same for other IP protocols. Default 60,000.
    pub idle_timeout_other_ms: u64,
    /// The same for any flow of which only one direction was seen. Default 30,000 (Suricata's value for new flows), so
    /// that scans and floods leave memory soon.
    pub idle_timeout_unanswered_ms: u64,
    /// A flow that lives longer is reported at each such span and goes on. Default 300,000: a transfer that does not end
    /// is judged within five minutes; 1,800,000 is the NetFlow classic.
    pub active_timeout_ms: u64,
    /// A TCP flow ended by FIN or RST waits this long in silence, so that trailing ACKs and repeated FINs join it.
    /// Default 1,000: one retransmission time-out (RFC 6298), short enough to judge the flow at once.
    pub linger_ms: u64,
    /// An opening without an answer for this long is an unanswered contact. Default 1,000.
    pub contact_timeout_ms: u64,
    /// Gaps longer than this are idle time, the spans between are active time. Default 5,000 (CICFlowMeter).
    pub idle_threshold_ms: u64,
    /// Packets with payload a direction that are shown to the application parser until it recognises one. Default 4.
    pub app_packets_max: u8,
}

impl Default for FlowConfig {
    fn default() -> Self {
        Self {
            flows_max: 1_000_000,
            flows_live_max: 400_000,
            idle_timeout_tcp_ms: 120_000,
            idle_timeout_udp_ms: 60_000,
            idle_timeout_icmp_ms: 30_000,
            idle_timeout_other_ms: 60_000,
            idle_timeout_unanswered_ms: 30_000,
            active_timeout_ms: 300_000,
            linger_ms: 1_000,
            contact_timeout_ms: 1_000,
            idle_threshold_ms: 5_000,
            app_packets_max: 4,
        }
    }
}
