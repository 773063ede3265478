//! One worker's path from frames to observations: filter, decode, flow table, per-second counters. The live workers and
//! the file replay use this same code, so that both see exactly the same. Owns the wiring; knows no thread and no clock.

use crate::exports::{ExportPath, ExportsConfig, ExportsCounters};
use crate::sampler::{PacketConfig, Sampler, SamplingCounters};
use decode::{DecodeConfig, Decoder};
use flow::{AppParser, FlowConfig, FlowCounters, FlowTable, SecondCounter};
use record::{AppData, Counters, FrameHeader, Observation, PacketMeta, Prefix, Timestamp};
use source::Filter;

/// Ethernet type of ARP.
const ETHER_TYPE_ARP: u16 = 0x0806;
/// ICMP for IPv6.
const PROTO_ICMPV6: u8 = 58;

/// Flow records handed on at once when the input ends.
const FINISH_RECORDS: usize = 1_024;

/// What one meter needs to know at its start.
#[derive(Clone, Debug, Default)]
pub struct MeterConfig {
    /// Decoder limits.
    pub decode: DecodeConfig,
    /// Flow table limits and time-outs.
    pub flow: FlowConfig,
    /// Networks that count as inside.
    pub home: Vec<Prefix>,
    /// Frames that do not match are counted and left.
    pub filter: Option<Filter>,
    /// Which packets the packet level gets; None: it gets none.
    pub packets: Option<PacketConfig>,
    /// Only flow records are told: no seconds, contacts or messages. For whoever reads nothing else.
    pub records_only: bool,
    /// Which frames are read as exports of flows, and how.
    pub exports: ExportsConfig,
}

/// What went through a meter. `frames = filtered + exports + left + flow packets + frames without a flow`; `left` only where
/// nothing but exports is asked for.
#[derive(Clone, Debug, Default)]
pub struct MeterCounters {
    /// Frames handed in.
    pub frames: u64,
    /// Their bytes on the wire.
    pub bytes: u64,
    /// Frames that the user's filter left out (not a loss).
    pub filtered: u64,
    /// First frame's time.
    pub first: Option<Timestamp>,
    /// Latest frame's time.
    pub last: Option<Timestamp>,
    /// Flow table.
    pub flow: FlowCounters,
    /// Decode errors by kind.
    pub decode_errors: Counters,
    /// Those of `decode_errors` that were counted in this shard's payloads only.
    pub application_errors: Counters,
    /// What the packet level got.
    pub sampling: SamplingCounters,
    /// Exports of flows, read in place of their packets.
    pub exports: ExportsCounters,
}

/// Frames in, observations out.
pub struct Meter {
    decoder: Decoder,
    table: FlowTable,
    /// None when only records are told.
    seconds: Option<SecondCounter>,
    filter: Option<Filter>,
    sampler: Option<Sampler>,
    exports: ExportPath,
    shard: u32,
    shards: u32,
    metas: Vec<PacketMeta>,
    kept: Vec<FrameHeader>,
    counters: MeterCounters,
}

/// Gives the flow table the application messages of the batch in hand.
struct BatchParser<'a> {
    decoder: &'a mut Decoder,
    bytes: &'a [u8],
    headers: &'a [FrameHeader],
}

impl AppParser for BatchParser<'_> {
    fn parse(&mut self, index: usize, meta: &PacketMeta) -> Option<AppData> {
        let frame = frame_of(self.bytes, self.headers.get(index)?);
        self.decoder.application(meta, frame)
    }
}

/// The path of exports; a shard that does not tell them leaves them out all the same.
fn export_path(config: &MeterConfig, tells: bool) -> ExportPath {
    let home = (!config.records_only).then(|| config.home.clone());
    ExportPath::new(&config.exports, &config.decode, home, tells)
}

/// The bytes of one frame; empty when the header lies, which no source does.
fn frame_of<'a>(bytes: &'a [u8], header: &FrameHeader) -> &'a [u8] {
    bytes.get(header.offset..header.offset + header.captured_len as usize).unwrap_or_default()
}

impl Meter {
    /// A meter for flows whose hash falls to `shard` of `shards`; frames without a flow fall to shard 0.
    pub fn new(config: &MeterConfig, shard: u32, shards: u32) -> Self {
        let shards = shards.max(1);
        let mut meter = Self { shard, shards, ..Self::with_table(config, config.flow.flows_max.div_ceil(shards)) };
        // Every shard is shown every packet: one of them chooses, so that any number gives the same choice.
        meter.sampler = meter.sampler.filter(|_| shard == 0);
        // And one reads exports, whose templates all come before their data.
        meter.exports = export_path(config, shard == 0);
        meter
    }

    /// A meter of a running capture: takes all it is shown, and shares the bound on live flows with the other `workers - 1`.
    pub fn live(config: &MeterConfig, workers: u32) -> Self {
        Self::with_table(config, config.flow.flows_max.min(config.flow.flows_live_max).div_ceil(workers.max(1)))
    }

    fn with_table(config: &MeterConfig, flows_max: u32) -> Self {
        let table = FlowTable::new(FlowConfig { flows_max, ..config.flow.clone() });
        Self {
            decoder: Decoder::new(config.decode.clone()),
            table: if config.records_only { table.records_only() } else { table },
            seconds: (!config.records_only).then(|| SecondCounter::new(config.home.clone())),
            filter: config.filter.clone(),
            sampler: config.packets.as_ref().filter(|packets| packets.enabled).map(Sampler::new),
            exports: export_path(config, true),
            shard: 0,
            shards: 1,
            metas: Vec::new(),
            kept: Vec::new(),
            counters: MeterCounters::default(),
        }
    }

    /// Takes one batch; appends what it shows to `out`. Returns the frames that passed the filter, with what was decoded.
    pub fn batch<'a>(
        &'a mut self,
        bytes: &[u8],
        headers: &'a [FrameHeader],
        out: &mut Vec<Observation>,
    ) -> (&'a [FrameHeader], &'a [PacketMeta]) {
        self.count(headers);
        let mut kept = std::mem::take(&mut self.kept);
        kept.clear();
        if let Some(filter) = &self.filter {
            kept.extend(headers.iter().filter(|h| filter.matches(h.link, frame_of(bytes, h), h.wire_len)));
            self.counters.filtered += (headers.len() - kept.len()) as u64;
        }
        let passed = if self.filter.is_some() { &kept[..] } else { headers };
        self.decode(bytes, passed, out);
        let mut remaining = Vec::new();
        let taken = self.exports.batch(bytes, passed, &mut self.metas, &mut remaining, out);
        if taken {
            kept = remaining;
        }
        let narrowed = taken || self.filter.is_some();
        let passed = if narrowed { &kept[..] } else { headers };
        if let Some(sampler) = &mut self.sampler {
            out.extend(self.metas.iter().filter_map(|meta| sampler.take(meta)).map(Observation::Packet));
        }
        let mut parser = BatchParser { decoder: &mut self.decoder, bytes, headers: passed };
        self.table.ingest(&self.metas, self.shard, self.shards, &mut parser, out);
        if let Some(seconds) = &mut self.seconds {
            seconds.flows_created(self.table.flows_created());
            seconds.ingest(&self.metas, self.shard, self.shards, out);
        }
        self.kept = kept;
        (if narrowed { &self.kept } else { headers }, &self.metas)
    }

    /// Flows in the table, and reports of flows that wait.
    pub fn live_flows(&self) -> u32 {
        self.table.live().saturating_add(u32::try_from(self.exports.waiting()).unwrap_or(u32::MAX))
    }

    /// Frames handed in so far.
    pub fn frames(&self) -> u64 {
        self.counters.frames
    }

    /// Tells the time when no frame does, so that flows end on a quiet wire.
    pub fn advance(&mut self, now: Timestamp, out: &mut Vec<Observation>) {
        self.table.advance(now, out);
        if let Some(seconds) = &mut self.seconds {
            seconds.advance(now, out);
        }
        self.exports.advance(now, out);
    }

    /// Ends the input, a part at a time so that a full table does not double memory: reports live flows and says true when all
    /// are reported. Call until then.
    pub fn finish_some(&mut self, out: &mut Vec<Observation>) -> bool {
        let done = self.table.finish_some(FINISH_RECORDS, out);
        if let Some(seconds) = self.seconds.as_mut().filter(|_| done) {
            seconds.finish(out);
        }
        if done {
            self.exports.finish(out);
        }
        done
    }

    /// Ends the input at once: every live flow is reported.
    pub fn finish(&mut self, out: &mut Vec<Observation>) {
        while !self.finish_some(out) {}
    }

    /// Takes new flow time-outs and home networks while it runs.
    pub fn reconfigure(&mut self, flow: &FlowConfig, home: Vec<Prefix>) {
        self.table.set_timeouts(flow);
        self.exports.set_home(home.clone());
        if let Some(seconds) = &mut self.seconds {
            seconds.set_home(home);
        }
    }

    /// What exporters said of their data, as bytes that `restore_exporters` takes after a restart.
    pub fn exporters_snapshot(&self) -> Vec<u8> {
        self.exports.snapshot()
    }

    /// Takes it over; false when it is damaged.
    pub fn restore_exporters(&mut self, bytes: &[u8]) -> bool {
        self.exports.restore(bytes)
    }

    /// What went through so far.
    pub fn counters(&self) -> MeterCounters {
        let mut counters = self.counters.clone();
        counters.flow = self.table.counters();
        counters.decode_errors = self.decoder.errors();
        counters.application_errors = self.decoder.application_errors();
        counters.sampling = self.sampler.as_ref().map(Sampler::counters).unwrap_or_default();
        counters.exports = self.exports.counters();
        counters
    }

    fn count(&mut self, headers: &[FrameHeader]) {
        let Some(ts) = headers.first().map(|h| h.ts) else { return };
        let (mut first, mut last, mut bytes) = (self.counters.first.unwrap_or(ts), self.counters.last.unwrap_or(ts), 0);
        for header in headers {
            bytes += u64::from(header.wire_len);
            first = first.min(header.ts);
            last = last.max(header.ts);
        }
        self.counters.frames += headers.len() as u64;
        self.counters.bytes += bytes;
        (self.counters.first, self.counters.last) = (Some(first), Some(last));
    }

    fn decode(&mut self, bytes: &[u8], headers: &[FrameHeader], out: &mut Vec<Observation>) {
        self.decoder.decode_batch(headers, bytes, &mut self.metas);
        if self.shard != 0 {
            return;
        }
        let told = self.seconds.is_some();
        let beside = |meta: &PacketMeta| meta.ether_type == ETHER_TYPE_ARP || meta.proto == PROTO_ICMPV6;
        for (header, meta) in headers.iter().zip(&self.metas).filter(|(_, meta)| beside(meta)) {
            let frame = frame_of(bytes, header);
            if meta.proto == PROTO_ICMPV6 {
                let router = self.decoder.router(meta, frame).filter(|_| told);
                out.extend(router.map(|router| Observation::Router(Box::new(router))));
            } else {
                out.extend(self.decoder.arp(meta, frame).filter(|_| told).map(Observation::Arp));
            }
        }
    }
}
