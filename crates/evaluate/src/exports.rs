//! Exports inside a stream of frames: takes the datagrams out, reads them, puts their flows together, tells observations. Owns which
//! frames are taken; the formats are `decode`'s, the pairing `flow`'s.

use decode::{Datagram, ExportConfig, ExportReader, InCaptures, is_export};
use flow::{Exported, ExportedConfig};
use record::{
    Counters, ExportFormat, ExportedFlow, ExporterState, FrameHeader, Observation, PacketMeta, Prefix, Timestamp,
};

const UDP: u8 = 17;

/// Which frames are read as exports.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TakeExports {
    /// Those that are, in place of their packets.
    #[default]
    Auto,
    /// Those that are; all others are left.
    Only,
    /// None.
    Ignore,
    /// All: they came to a collector.
    All,
}

impl From<InCaptures> for TakeExports {
    fn from(setting: InCaptures) -> Self {
        match setting {
            InCaptures::Auto => Self::Auto,
            InCaptures::Only => Self::Only,
            InCaptures::Ignore => Self::Ignore,
        }
    }
}

/// Settings of reading exports.
#[derive(Clone, Debug, Default)]
pub struct ExportsConfig {
    /// Which frames.
    pub take: TakeExports,
    /// Bounds of reading.
    pub read: ExportConfig,
    /// Bounds and waits of putting together.
    pub join: ExportedConfig,
}

/// What went through.
#[derive(Clone, Debug, Default)]
pub struct ExportsCounters {
    /// Datagrams taken.
    pub datagrams: u64,
    /// Reports of flows in them.
    pub reports: u64,
    /// Flow records told.
    pub records: u64,
    /// Conversations of which both directions were put together.
    pub pairs: u64,
    /// What is known of each exporter.
    pub exporters: Vec<ExporterState>,
    /// What was cut short at bounds, by reason.
    pub dropped: Counters,
}

/// From datagrams to observations.
pub(crate) struct ExportPath {
    take: TakeExports,
    reader: ExportReader,
    exported: Exported,
    flows: Vec<ExportedFlow>,
    datagrams: u64,
    /// Exporters are known by all shards and told by one.
    tells: bool,
}

impl ExportPath {
    /// `home` as for `Exported`; `tells` is false for the shards that only leave the datagrams out.
    pub(crate) fn new(
        config: &ExportsConfig,
        decode: &decode::DecodeConfig,
        home: Option<Vec<Prefix>>,
        tells: bool,
    ) -> Self {
        Self {
            take: config.take,
            reader: ExportReader::new(config.read.clone(), decode.clone()),
            exported: Exported::new(config.join.clone(), home),
            flows: Vec::new(),
            datagrams: 0,
            tells,
        }
    }

    /// Takes the exports of a batch. False when there are none and nothing is left out; else `metas` and `kept` hold what remains.
    pub(crate) fn batch(
        &mut self,
        bytes: &[u8],
        headers: &[FrameHeader],
        metas: &mut Vec<PacketMeta>,
        kept: &mut Vec<FrameHeader>,
        out: &mut Vec<Observation>,
    ) -> bool {
        if self.take == TakeExports::Ignore {
            return false;
        }
        let all = self.take == TakeExports::All;
        let first =
            metas.iter().zip(headers).position(|(meta, header)| all || payload_of(bytes, header, meta).is_some());
        if self.take == TakeExports::Auto && first.is_none() {
            return false;
        }
        let mut remaining = Vec::with_capacity(metas.len());
        let mut left = Vec::with_capacity(metas.len());
        for (meta, header) in metas.iter().zip(headers) {
            let payload = if all { any_payload(bytes, header, meta) } else { payload_of(bytes, header, meta) };
            match payload {
                Some(payload) => self.datagram(meta, payload, out),
                None if self.take == TakeExports::Auto => {
                    remaining.push(*meta);
                    left.push(*header);
                }
                None => {}
            }
        }
        (*metas, *kept) = (remaining, left);
        true
    }

    fn datagram(&mut self, meta: &PacketMeta, payload: &[u8], out: &mut Vec<Observation>) {
        if !self.tells {
            return;
        }
        self.datagrams += 1;
        self.reader.read(&Datagram { exporter: meta.src().addr, received: meta.ts, payload }, &mut self.flows);
        for flow in self.flows.drain(..) {
            self.exported.observe(flow, out);
        }
    }

    /// Time passes without datagrams.
    pub(crate) fn advance(&mut self, now: Timestamp, out: &mut Vec<Observation>) {
        if self.datagrams > 0 {
            self.exported.advance(now, out);
        }
    }

    /// The input ended.
    pub(crate) fn finish(&mut self, out: &mut Vec<Observation>) {
        self.exported.finish(out);
    }

    pub(crate) fn set_home(&mut self, home: Vec<Prefix>) {
        self.exported.set_home(home);
    }

    /// Reports that wait for their other half.
    pub(crate) fn waiting(&self) -> usize {
        self.exported.waiting()
    }

    /// What exporters said that should survive a restart.
    pub(crate) fn snapshot(&self) -> Vec<u8> {
        self.reader.snapshot()
    }

    /// Takes it over; false when it is damaged.
    pub(crate) fn restore(&mut self, bytes: &[u8]) -> bool {
        self.reader.restore(bytes)
    }

    pub(crate) fn counters(&self) -> ExportsCounters {
        let counts = self.exported.counts();
        let mut dropped = counts.dropped;
        dropped.merge(&self.reader.drops());
        ExportsCounters {
            datagrams: self.datagrams,
            reports: counts.reports,
            records: counts.records,
            pairs: counts.pairs,
            exporters: self.reader.exporters(),
            dropped,
        }
    }
}

/// The payload of a frame that came to a collector.
fn any_payload<'a>(bytes: &'a [u8], header: &FrameHeader, meta: &PacketMeta) -> Option<&'a [u8]> {
    let start = header.offset + meta.payload_offset as usize;
    if meta.payload_captured == 0 { Some(&[]) } else { bytes.get(start..start + meta.payload_captured as usize) }
}

/// The payload of a frame that is an export.
#[inline]
fn payload_of<'a>(bytes: &'a [u8], header: &FrameHeader, meta: &PacketMeta) -> Option<&'a [u8]> {
    if meta.proto != UDP || meta.fragment_later || meta.payload_captured < 16 {
        return None;
    }
    any_payload(bytes, header, meta).filter(|payload| is_export(meta.dest_port, payload))
}

/// What a person should know of the exports in the input.
pub fn notes(exports: &ExportsCounters) -> Vec<String> {
    exports.exporters.iter().flat_map(exporter_notes).collect()
}

fn exporter_notes(state: &ExporterState) -> Vec<String> {
    let who = format!("{} of {} ({})", state.format.name(), state.exporter, state.domain);
    let mut notes = Vec::new();
    let waiting = state.sets_without_template.saturating_sub(state.sets_read_late);
    if waiting > 0 {
        notes.push(format!(
            "{who}: {waiting} data sets came without their template and could not be read; give the file with the \
             templates before this one"
        ));
    }
    if state.missing > 0 {
        notes.push(format!(
            "{who}: {} {} are missing by the sequence numbers",
            state.missing,
            missing_unit(state.format)
        ));
    }
    let damaged: Vec<String> = state.unreadable.0.iter().map(|(why, n)| format!("{why} {n}")).collect();
    if !damaged.is_empty() {
        notes.push(format!("{who}: not readable: {}", damaged.join(", ")));
    }
    notes
}

/// What the sequence numbers of a format count.
pub const fn missing_unit(format: ExportFormat) -> &'static str {
    match format {
        ExportFormat::NetflowV5 => "flows",
        ExportFormat::Ipfix => "records",
        _ => "datagrams",
    }
}
