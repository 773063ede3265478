//! Entries of logs to observations, for files and for what comes live. Owns what was counted of the entries; knows no file.

use super::LogFile;
use flow::{Exported, ExportedConfig, ExportedCounts};
use record::{Extent, FirewallAction, LogEntry, LogInput, Observation, Prefix, Timestamp, UnreadableLine};

/// What the entries told.
#[derive(Clone, Debug, Default)]
pub struct LogTotals {
    /// Files and their counts.
    pub files: Vec<LogFile>,
    /// Flows, packets and messages told.
    pub entries: u64,
    /// Beginnings of connections, whose end has a line of its own.
    pub openings: u64,
    /// Flows that a firewall let through.
    pub allowed: u64,
    /// Flows that a firewall dropped.
    pub blocked: u64,
    /// Flows that a firewall refused.
    pub reset: u64,
    /// Packets of all flows, where they are told.
    pub packets: u64,
    /// Bytes of all flows, where they are told.
    pub bytes: u64,
    /// Entries that came too late for their place in time.
    pub late: u64,
    /// How flows were put together.
    pub exported: ExportedCounts,
    /// First time told.
    pub first: Option<Timestamp>,
    /// Last time told.
    pub last: Option<Timestamp>,
}

/// Unreadable lines shown of all files together.
const SAMPLE_LINES_MAX: usize = 20;

impl LogTotals {
    /// As the analysis shows it.
    #[must_use]
    pub fn summary(&self) -> LogInput {
        let mut all = LogInput {
            openings: self.openings,
            packets: self.packets,
            bytes: self.bytes,
            late: self.late,
            ..LogInput::default()
        };
        for (name, n) in [("allowed", self.allowed), ("blocked", self.blocked), ("reset", self.reset)] {
            all.actions.add(name, n);
        }
        for LogFile { path, counters, .. } in &self.files {
            all.lines += counters.lines;
            all.used += counters.used;
            all.heads += counters.heads;
            all.formats.merge(&counters.formats);
            all.not_used.merge(&counters.not_used);
            all.unreadable.merge(&counters.unreadable);
            all.too_long += counters.too_long;
            all.not_utf8 += counters.not_utf8;
            all.flows += counters.flows;
            all.events += counters.events;
            all.alerts += counters.alerts;
            let room = SAMPLE_LINES_MAX - all.sample.len();
            all.sample.extend(counters.sample.iter().take(room).map(|line| UnreadableLine {
                file: path.display().to_string(),
                line: line.line,
                reason: line.reason.to_owned(),
                text: line.text.clone(),
            }));
        }
        all
    }
}

/// See the module.
pub struct LogObserver {
    exported: Exported,
    totals: LogTotals,
    /// Only flow records are wanted.
    records_only: bool,
}

impl LogObserver {
    /// `home` are the networks that count as inside; None tells flow records only.
    #[must_use]
    pub fn new(join: ExportedConfig, home: Option<Vec<Prefix>>) -> Self {
        let records_only = home.is_none();
        Self { exported: Exported::new(join, home), totals: LogTotals::default(), records_only }
    }

    /// Takes one entry; appends what is known now.
    pub fn observe(&mut self, entry: LogEntry, out: &mut Vec<Observation>) {
        self.totals.entries += 1;
        match entry {
            LogEntry::Flow(logged) => {
                self.span(logged.flow.start);
                self.span(logged.flow.end);
                if logged.extent == Extent::Opening {
                    self.totals.openings += 1;
                    return;
                }
                match logged.action {
                    Some(FirewallAction::Allowed) => self.totals.allowed += 1,
                    Some(FirewallAction::Blocked) => self.totals.blocked += 1,
                    Some(FirewallAction::Reset) => self.totals.reset += 1,
                    None => {}
                }
                let back = logged.flow.backward.unwrap_or_default();
                let (packets, bytes) = (&mut self.totals.packets, &mut self.totals.bytes);
                *packets = packets.saturating_add(logged.flow.forward.packets + back.packets);
                *bytes = bytes.saturating_add(logged.flow.forward.bytes + back.bytes);
                self.exported.observe(logged.flow, out);
            }
            LogEntry::App(event) => {
                self.span(event.ts);
                if !self.records_only {
                    out.push(Observation::App(event));
                }
            }
            LogEntry::Alert(alert) => {
                self.span(alert.ts);
                if !self.records_only {
                    out.push(Observation::Imported(alert));
                }
            }
            LogEntry::NotUsed(_) => {}
        }
    }

    /// Tells what has waited long enough at `now`.
    pub fn advance(&mut self, now: Timestamp, out: &mut Vec<Observation>) {
        self.exported.advance(now, out);
    }

    /// The input ended: everything is told.
    pub fn finish(&mut self, out: &mut Vec<Observation>) {
        self.exported.finish(out);
    }

    /// Other home networks.
    pub fn set_home(&mut self, home: Vec<Prefix>) {
        self.exported.set_home(home);
    }

    /// What was told so far.
    #[must_use]
    pub fn totals(&self) -> LogTotals {
        LogTotals { exported: self.exported.counts(), ..self.totals.clone() }
    }

    fn span(&mut self, ts: Timestamp) {
        let totals = &mut self.totals;
        totals.first = Some(totals.first.map_or(ts, |first| first.min(ts)));
        totals.last = Some(totals.last.map_or(ts, |last| last.max(ts)));
    }
}
