//! Sources and exporters as the API shows them.

use record::{Counters, ExportFormat, HealthItem, HealthLevel, Timestamp};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// All sources.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct SourcesView {
    /// In the order of the command line.
    pub sources: Vec<SourceView>,
}

/// One source; the workers of one interface are one.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct SourceView {
    /// Interface, file, or where exports are collected.
    pub name: String,
    /// `interface`, `file`, `demo`, `host`, `collector`, `remote`, `log`.
    pub kind: String,
    /// `waiting`, `running`, `ended`, `failed`.
    pub state: String,
    /// The state in words: `Running`, `Silent for 12 min`, `Read to its end`, why it failed.
    pub state_text: String,
    /// The worst of `advice`; `ok` when there is none.
    pub level: HealthLevel,
    /// What is to be done about it, worst first; empty when nothing.
    pub advice: Vec<HealthItem>,
    /// Time of its newest event as the source tells it: captured, received, or written in the newest line. Absent before anything came.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub last_event: Option<Timestamp>,
    /// When anything came last, by this machine's clock: differs from `last_event` in replays, and where lines come late.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub last_received: Option<Timestamp>,
    /// For how long nothing has come, milliseconds; absent before anything came.
    pub idle_ms: Option<f64>,
    /// From the time of an event to its verdict, the largest of the last seconds, milliseconds; of a replay, behind its pace. Absent
    /// before anything came and after the end.
    pub lag_ms: Option<f64>,
    /// What `packets` counts: `packets`, `datagrams`, `lines`.
    pub units: String,
    /// Packets, datagrams, or lines of logs.
    pub packets: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Packets a second, the mean of the last ten seconds of this machine's clock.
    pub packets_per_s: f64,
    /// Bytes a second, the same mean.
    pub bytes_per_s: f64,
    /// Packets in each of the newest seconds, at most 60, oldest first.
    pub recent_per_s: Vec<f64>,
    /// What was told by it: `records`, `flows`, `messages`, `alerts`.
    pub told: Counters,
    /// What was lost before it was read, by reason (`kernel_ring_full`, `kernel_socket_full`, `exporter_not_allowed`).
    pub dropped: Counters,
    /// `dropped`, and what is missing by exporters' sequence numbers (`missing_flows`, `missing_datagrams`, `missing_records`).
    pub gaps: Counters,
    /// What came and could not be read, by reason.
    pub unreadable: Counters,
    /// Room in the kernel that was asked for, bytes; 0 where there is none.
    pub buffer_asked_bytes: u64,
    /// Room that the kernel gave, bytes.
    pub buffer_granted_bytes: u64,
    /// Threads that read it.
    pub workers: u64,
    /// What a person should know, in the reader's words.
    pub notes: Vec<String>,
    /// Exporters that sent to it; a collector's, or those found in a capture.
    pub exporters: Vec<ExporterView>,
    /// How many there are, also where they are left out.
    pub exporters_total: u64,
    /// Of a log: what its lines are.
    pub log: Option<LogView>,
}

impl SourceView {
    /// Without exporters and lines, for who shows all sources.
    #[must_use]
    pub fn brief(self) -> Self {
        Self { exporters: Vec::new(), log: None, ..self }
    }
}

impl Default for SourceView {
    fn default() -> Self {
        Self {
            name: String::new(),
            kind: String::new(),
            state: String::new(),
            state_text: String::new(),
            level: HealthLevel::Ok,
            advice: Vec::new(),
            last_event: None,
            last_received: None,
            idle_ms: None,
            lag_ms: None,
            units: String::new(),
            packets: 0,
            bytes: 0,
            packets_per_s: 0.0,
            bytes_per_s: 0.0,
            recent_per_s: Vec::new(),
            told: Counters::default(),
            dropped: Counters::default(),
            gaps: Counters::default(),
            unreadable: Counters::default(),
            buffer_asked_bytes: 0,
            buffer_granted_bytes: 0,
            workers: 1,
            notes: Vec::new(),
            exporters: Vec::new(),
            exporters_total: 0,
            log: None,
        }
    }
}

/// Lines of a log since the start. `packets = used + not_used + heads + unreadable`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct LogView {
    /// Lines that told something.
    pub used: u64,
    /// Lines of a log's own frame (`#fields`, column names).
    pub heads: u64,
    /// Lines read, by format.
    pub formats: Counters,
    /// Lines read in which there is nothing for the watch, by what they are.
    pub not_used: Counters,
    /// Lines that could not be read, by reason.
    pub unreadable: Counters,
    /// Lines whose time was ahead of this machine's clock; their arrival counts.
    pub ahead: u64,
    /// Lines that were cut at the bound.
    pub too_long: u64,
    /// Lines with bytes that are no UTF-8.
    pub not_utf8: u64,
    /// The newest lines that could not be read, two of each reason. They may hold what is not for everybody's eyes.
    pub sample: Vec<LogSample>,
}

/// A line that could not be read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct LogSample {
    /// When it came.
    #[schema(value_type = String, format = DateTime)]
    pub received: Timestamp,
    /// File or sender; empty when not known.
    pub from: String,
    /// Why, as in `unreadable`.
    pub reason: String,
    /// Its first 200 bytes.
    pub text: String,
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
    /// How it does: `warning` when something is lost, unreadable or silent, `info` when something could be better.
    pub level: HealthLevel,
    /// For how many seconds it has been silent, when that is longer than it ever was; else 0.
    pub silent_s: u64,
    /// When its last datagram came.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub last_event: Option<Timestamp>,
    /// Datagrams.
    pub datagrams: u64,
    /// Data records and samples, options among them.
    pub records: u64,
    /// Flows they told.
    pub flows: u64,
    /// Flows a second, the mean of the last ten seconds.
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
            level: HealthLevel::Ok,
            silent_s: 0,
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
