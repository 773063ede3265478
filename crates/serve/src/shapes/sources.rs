//! Sources and exporters as the API shows them.

use record::{Counters, ExportFormat, Timestamp};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// All sources.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct SourcesView {
    /// In the order of the command line.
    pub sources: Vec<SourceView>,
}

/// One source.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct SourceView {
    /// Interface, file, or where exports are collected.
    pub name: String,
    /// `interface`, `file`, `demo`, `host`, `collector`, `remote`, `log`.
    pub kind: String,
    /// `waiting`, `running`, `ended`, `failed`.
    pub state: String,
    /// When the newest of it was captured or received; absent before anything came.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub last_event: Option<Timestamp>,
    /// Packets, datagrams, or lines of logs.
    pub packets: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Packets a second, the mean since the start.
    pub packets_per_s: f64,
    /// What was lost before it was read, by reason (`kernel_ring_full`, `kernel_socket_full`, `exporter_not_allowed`).
    pub dropped: Counters,
    /// What a person should know, in words.
    pub notes: Vec<String>,
    /// Exporters that sent to it; a collector's, or those found in a capture.
    pub exporters: Vec<ExporterView>,
}

/// One exporter: an address, a format, a source identifier.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ExporterView {
    /// Address.
    pub exporter: String,
    /// Format.
    pub format: ExportFormat,
    /// Source identifier, engine, observation domain or sub-agent.
    pub domain: u32,
    /// When its last datagram came.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub last_event: Option<Timestamp>,
    /// Datagrams.
    pub datagrams: u64,
    /// Data records and samples, options among them.
    pub records: u64,
    /// Flows they told.
    pub flows: u64,
    /// Flows a second, the mean since the start.
    pub flows_per_s: f64,
    /// Missing by the sequence numbers.
    pub missing: u64,
    /// What `missing` counts: `flows`, `datagrams`, `records`.
    pub missing_unit: String,
    /// Datagrams that came after a later one.
    pub reordered: u64,
    /// Times the sequence began anew.
    pub restarts: u64,
    /// Templates known now.
    pub templates: u64,
    /// Data sets that came before their template.
    pub sets_without_template: u64,
    /// Of these, read when the template came.
    pub sets_read_late: u64,
    /// One of so many packets is counted; 0 not told.
    pub sampling: u32,
    /// By how many seconds its clock is behind (ahead when negative), where it is a minute or more; its times are put right.
    pub clock_off_s: i64,
    /// Records left aside on purpose, by reason.
    pub ignored: Counters,
    /// What could not be read or kept, by reason.
    pub unreadable: Counters,
    /// Newest interface counters (sFlow).
    pub interfaces: Vec<ExporterInterface>,
}

impl Default for ExporterView {
    fn default() -> Self {
        Self {
            exporter: String::new(),
            format: ExportFormat::Other,
            domain: 0,
            last_event: None,
            datagrams: 0,
            records: 0,
            flows: 0,
            flows_per_s: 0.0,
            missing: 0,
            missing_unit: String::new(),
            reordered: 0,
            restarts: 0,
            templates: 0,
            sets_without_template: 0,
            sets_read_late: 0,
            sampling: 0,
            clock_off_s: 0,
            ignored: Counters::default(),
            unreadable: Counters::default(),
            interfaces: Vec::new(),
        }
    }
}

/// Counters of one interface of an exporter, since it started.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ExporterInterface {
    /// Index at the exporter.
    pub interface: u32,
    /// Speed; 0 unknown.
    pub speed_bits_per_s: u64,
    /// Bytes received.
    pub bytes_in: u64,
    /// Packets received.
    pub packets_in: u64,
    /// Bytes sent.
    pub bytes_out: u64,
    /// Packets sent.
    pub packets_out: u64,
    /// When it was told.
    #[schema(value_type = String, format = DateTime)]
    pub reported: Timestamp,
}
