//! The flow table: finds or begins the flow of every packet, ends flows by what TCP says and by capture time, and reports.
//!
//! A batch is handled in passes, so that the memory of many flows is fetched at once instead of one after the other:
//! first the index cells of a stretch of packets, then the entries, then the work in packet order.

mod contact;
mod end;
mod entry;
mod extra;
mod index;
mod opening;
mod report;
mod slab;
mod tcp;
#[cfg(test)]
mod tests;
mod wheel;

use crate::{FlowConfig, FlowCounters};
use entry::{BACKWARD, Closed, ContactState, Entry, is_huge};
use extra::{Extras, follow_run};
use index::{Index, NONE};
use opening::{TCP, UDP, ambiguous, is_unreachable, opening_of};
use record::timestamp::NS_PER_MS;
use record::{
    AdminStep, AppData, AppEvent, AppProto, AppSummary, ContactOutcome, Observation, PacketMeta, TcpFlags, Timestamp,
};
pub(crate) use report::flow_id;
use slab::Slab;
use std::borrow::Cow;
use std::collections::VecDeque;
use tcp::Segment;
use wheel::Wheel;

/// Packets whose memory is fetched ahead together.
const STRETCH: usize = 32;
/// A capture clock may run back by this much (several queues, merged files) without being set back, ns.
const CLOCK_SLACK_NS: i64 = 60_000_000_000;
/// Flows ended by silence in one call; more wait for the next, so that `out` stays small after a long quiet time.
const EXPIRIES_MAX: usize = 8_192;

/// Reads application messages for the table, which knows no frame.
pub trait AppParser {
    /// Reads the payload of packet `index` of the batch in hand; None when it is no message that is understood.
    fn parse(&mut self, index: usize, meta: &PacketMeta) -> Option<AppData>;
}

/// Understands nothing.
pub struct NoAppParser;

impl AppParser for NoAppParser {
    fn parse(&mut self, _index: usize, _meta: &PacketMeta) -> Option<AppData> {
        None
    }
}

/// Time-outs in nanoseconds.
struct Timeouts {
    tcp: i64,
    udp: i64,
    icmp: i64,
    other: i64,
    unanswered: i64,
    active: i64,
    linger: i64,
    contact: i64,
    idle_threshold: i64,
}

impl Timeouts {
    fn of(config: &FlowConfig) -> Self {
        let ns = |ms: u64| i64::try_from(ms).unwrap_or(i64::MAX).saturating_mul(NS_PER_MS);
        Self {
            tcp: ns(config.idle_timeout_tcp_ms),
            udp: ns(config.idle_timeout_udp_ms),
            icmp: ns(config.idle_timeout_icmp_ms),
            other: ns(config.idle_timeout_other_ms),
            unanswered: ns(config.idle_timeout_unanswered_ms),
            active: ns(config.active_timeout_ms),
            linger: ns(config.linger_ms),
            contact: ns(config.contact_timeout_ms),
            idle_threshold: ns(config.idle_threshold_ms),
        }
    }

    /// Silence after which a flow has ended.
    #[inline]
    fn silence(&self, entry: &Entry) -> i64 {
        if entry.closed != Closed::No {
            return self.linger;
        }
        let by_proto = match entry.key.proto {
            TCP => self.tcp,
            UDP => self.udp,
            opening::ICMP | opening::ICMPV6 => self.icmp,
            _ => self.other,
        };
        if entry.answered { by_proto } else { by_proto.min(self.unanswered) }
    }
}

/// What there is to do with a packet after it was counted.
struct Counted {
    /// Who sent it.
    side: usize,
    /// It is the first answer to the flow's opening.
    answers: bool,
    /// Its payload may be an application message.
    speaks: bool,
}

/// The flows of one worker.
pub struct FlowTable {
    config: FlowConfig,
    timeouts: Timeouts,
    index: Index,
    entries: Slab<Entry>,
    extras: Extras,
    wheel: Wheel,
    /// Openings that wait for an answer, oldest first: when opened, slot.
    contacts: VecDeque<(i64, u32)>,
    /// Capture time so far, ns.
    now: i64,
    /// When `tick` has something to do next.
    next_tick: i64,
    live: u32,
    counters: FlowCounters,
    /// Candidate slots of the stretch in hand.
    candidates: [u32; STRETCH],
    /// How far `finish` has come, in slots.
    finished: u32,
    /// Contacts and messages are counted but not told.
    records_only: bool,
}

impl FlowTable {
    /// An empty table; it takes a few kilobytes until packets come.
    #[must_use]
    pub fn new(config: FlowConfig) -> Self {
        Self {
            timeouts: Timeouts::of(&config),
            config,
            index: Index::new(),
            entries: Slab::new(),
            extras: Extras::new(),
            wheel: Wheel::new(),
            contacts: VecDeque::new(),
            now: i64::MIN,
            next_tick: i64::MIN,
            live: 0,
            counters: FlowCounters::default(),
            candidates: [NONE; STRETCH],
            finished: 0,
            records_only: false,
        }
    }

    /// The same table telling flow records only, for whoever reads nothing else. All is counted as before.
    #[must_use]
    pub fn records_only(mut self) -> Self {
        self.records_only = true;
        self
    }

    /// Takes new time-outs while it runs; other settings stay. A flow that waits already is looked at when its old time is up.
    pub fn set_timeouts(&mut self, config: &FlowConfig) {
        self.timeouts = Timeouts::of(config);
    }

    /// Takes a batch in capture order. Every worker may be shown every packet: those whose `hash >> 32` modulo `shards`
    /// is `shard` are counted here, all of them move the clock, so that `n` shards together say what one says.
    pub fn ingest(
        &mut self,
        batch: &[PacketMeta],
        shard: u32,
        shards: u32,
        parser: &mut dyn AppParser,
        out: &mut Vec<Observation>,
    ) {
        let (shard, shards) = (u64::from(shard), u64::from(shards.max(1)));
        let mine = |hash: u64| shards == 1 || (hash >> 32) % shards == shard;
        self.counters.packets += batch.len() as u64;
        for (number, stretch) in batch.chunks(STRETCH).enumerate() {
            self.fetch(stretch);
            for (at, meta) in stretch.iter().enumerate() {
                self.clock(meta.ts.0, out);
                if meta.icmp_inner_hash != 0 && mine(meta.icmp_inner_hash) && is_unreachable(meta) {
                    self.refuse(meta.icmp_inner_hash, out);
                }
                if meta.ip_version == 0 {
                    let first = u64::from(shard == 0);
                    self.counters.packets_without_flow += first;
                    self.counters.packets_other_shard += 1 - first;
                } else if mine(meta.hash) {
                    self.packet(number * STRETCH + at, meta, self.candidates[at], parser, out);
                } else {
                    self.counters.packets_other_shard += 1;
                }
            }
        }
    }

    /// Tells the time when no packet does: ends silent flows, tells unanswered contacts.
    pub fn advance(&mut self, now: Timestamp, out: &mut Vec<Observation>) {
        if now.0 > self.now && self.now != i64::MIN {
            self.clock(now.0, out);
        }
    }

    /// What was counted so far.
    #[must_use]
    pub fn counters(&self) -> FlowCounters {
        let mut counters = self.counters.clone();
        counters.flows_live = u64::from(self.live);
        counters.packets_live = counters.packets
            - counters.packets_other_shard
            - counters.packets_without_flow
            - counters.packets_in_records;
        counters
    }

    /// Flows begun so far.
    #[must_use]
    pub fn flows_created(&self) -> u64 {
        self.counters.flows_created
    }

    /// Live flows.
    #[must_use]
    pub fn live(&self) -> u32 {
        self.live
    }

    /// Passes one and two: index cells, then entries, of a stretch of packets.
    fn fetch(&mut self, stretch: &[PacketMeta]) {
        for (candidate, meta) in self.candidates.iter_mut().zip(stretch) {
            *candidate = if meta.ip_version == 0 { NONE } else { self.index.find(meta.hash, |_| true) };
        }
        // One load of each line group of an entry; the loads do not wait for each other.
        let mut sum = 0_u64;
        for slot in self.candidates.iter().take(stretch.len()).filter(|slot| **slot != NONE) {
            let entry = self.entries.get(*slot);
            sum = sum.wrapping_add(entry.hash);
            for side in &entry.sides {
                sum = sum.wrapping_add(u64::from(side.narrow.bytes)).wrapping_add(u64::from(side.next_seq));
            }
        }
        std::hint::black_box(sum);
    }

    /// Moves the clock; runs what is due.
    #[inline]
    fn clock(&mut self, ts: i64, out: &mut Vec<Observation>) {
        if ts > self.now {
            if self.now == i64::MIN {
                self.wheel.set(ts);
            }
            self.now = ts;
            if ts >= self.next_tick {
                self.tick(out);
            }
        } else if self.now.wrapping_sub(ts) > CLOCK_SLACK_NS {
            self.counters.clock_steps_back += 1;
            self.now = ts;
            self.wheel.set(ts);
            self.next_tick = ts;
        }
    }

    /// Pass three: one packet of this shard.
    fn packet(
        &mut self,
        at: usize,
        meta: &PacketMeta,
        candidate: u32,
        parser: &mut dyn AppParser,
        out: &mut Vec<Observation>,
    ) {
        let mut slot = self.lookup(meta, candidate);
        if slot != NONE && self.ends_before(slot, meta, out) {
            slot = NONE;
        }
        if slot == NONE {
            slot = self.begin(meta, out);
            if slot == NONE {
                return;
            }
        }
        self.counters.bytes_in_flows += u64::from(meta.wire_len);
        let Counted { side, answers, speaks } = self.count(slot, meta);
        if answers {
            self.answer(slot, meta, out);
        }
        if speaks {
            self.application(slot, side, at, meta, parser, out);
        }
    }

    /// The flow of a packet: the candidate when its key agrees, else a full search.
    #[inline]
    fn lookup(&self, meta: &PacketMeta, candidate: u32) -> u32 {
        if candidate != NONE {
            let entry = self.entries.get(candidate);
            if entry.hash == meta.hash && entry.key == meta.key {
                return candidate;
            }
        }
        self.index.find(meta.hash, |slot| {
            let entry = self.entries.get(slot);
            entry.hash == meta.hash && entry.key == meta.key
        })
    }

    /// Begins a flow; `NONE` only when no place can be had at all (`flows_max` 0).
    fn begin(&mut self, meta: &PacketMeta, out: &mut Vec<Observation>) -> u32 {
        if self.live >= self.config.flows_max.max(1) {
            self.evict(out);
        }
        let opening = opening_of(meta);
        let mut entry = Entry::new(meta, opening.originator_low, self.config.app_packets_max);
        if !matches!(meta.proto, TCP | UDP) {
            entry.app_left = [0; 2];
        }
        if opening.asks {
            entry.contact = ContactState::Pending;
        }
        let deadline = self.now.saturating_add(self.timeouts.silence(&entry));
        let slot = self.entries.insert(entry);
        if slot == NONE {
            return NONE;
        }
        self.index.insert(meta.hash, slot);
        self.wheel.link(&mut self.entries, slot, deadline);
        self.live += 1;
        self.counters.flows_created += 1;
        self.counters.flows_live_max = self.counters.flows_live_max.max(u64::from(self.live));
        if opening.asks {
            self.await_answer(slot, meta.ts.0);
        } else {
            self.tell(slot, ContactOutcome::Midstream, meta.ts, out);
        }
        slot
    }

    /// Counts a packet into its flow.
    #[inline]
    fn count(&mut self, slot: u32, meta: &PacketMeta) -> Counted {
        let entry = self.entries.get_mut(slot);
        let side = entry.side_of(meta);
        let t = meta.ts.0.max(entry.last());
        let last_of_peer = entry.sides[1 - side].last;
        let huge = is_huge(meta);
        if huge {
            self.extras.widen(entry, side);
        }
        let gap_ns = entry.add(side, meta, t);
        if huge || entry.sides[side].is_full() {
            self.extras.widen(entry, side);
        }
        if gap_ns > self.timeouts.idle_threshold {
            self.extras.add_idle(entry, gap_ns, t);
        }
        if meta.payload_len > 0 {
            follow_run(entry, &mut self.extras, side, t, meta.payload_len);
        }
        if !entry.answered && entry.sides[1 - side].packets > 0 {
            entry.answered = true;
        }
        let answers = side == BACKWARD && entry.contact == ContactState::Pending;
        let speaks = meta.payload_captured > 0 && (entry.messages || entry.app_left[side] > 0);
        if meta.proto == TCP && !meta.fragment_later {
            let closed = entry.closed;
            follow_tcp(entry, side, meta, t, last_of_peer);
            if closed == Closed::No && entry.closed != Closed::No {
                // The flow now ends sooner than its bucket says.
                let deadline = t.saturating_add(self.timeouts.linger);
                self.wheel.unlink(&mut self.entries, slot);
                self.wheel.link(&mut self.entries, slot, deadline);
            }
        } else if meta.proto == UDP {
            entry.tcp.write_datagram(side);
        }
        Counted { side, answers, speaks }
    }

    /// Lets the parser read a packet and keeps what it says.
    fn application(
        &mut self,
        slot: u32,
        side: usize,
        at: usize,
        meta: &PacketMeta,
        parser: &mut dyn AppParser,
        out: &mut Vec<Observation>,
    ) {
        let entry = self.entries.get_mut(slot);
        entry.app_left[side] = entry.app_left[side].saturating_sub(1);
        let Some(data) = parser.parse(at, meta) else { return };
        if let AppData::Admin(admin) = &data {
            entry.messages = true;
            if admin.step == AdminStep::Other {
                return; // Reads, writes and their answers say only that the connection is one of SMB or DCE/RPC.
            }
        } else if entry.messages && entry.app.is_none() {
            return; // A segment of such a connection may begin with any bytes of a file: nothing else is read there.
        }
        match goes_on(meta.proto, &data) {
            GoesOn::Always => entry.messages = true,
            GoesOn::Never => entry.app_left[side] = 0,
            // A log-in is several lines of both sides; each that is one keeps the eyes open for the next.
            GoesOn::Login => entry.app_left = entry.app_left.map(|left| left.max(LOGIN_PACKETS_MAX)),
        }
        self.counters.app_events += 1;
        if self.records_only {
            keep(entry, side, Cow::Owned(data));
            return;
        }
        keep(entry, side, Cow::Borrowed(&data));
        let (key, from_low, src_mac) = (meta.key, meta.from_low, meta.src_mac);
        out.push(Observation::App(Box::new(AppEvent { ts: meta.ts, key, from_low, src_mac, data })));
    }
}

/// TCP's part of counting a packet. `last_of_peer`: the peer's last packet before this one.
#[inline]
fn follow_tcp(entry: &mut Entry, side: usize, meta: &PacketMeta, t: i64, last_of_peer: i64) {
    let segment =
        Segment { flags: meta.tcp_flags, seq: meta.tcp_seq, payload: meta.payload_len, window: meta.tcp_window };
    entry.sides[side].add_flags(meta.tcp_flags.0);
    entry.tcp.segment(side, &mut entry.sides, segment);
    if entry.report == 0 && last_of_peer != i64::MIN {
        // SYN to SYN-ACK, then SYN-ACK to ACK: repeated SYNs do not stretch it.
        let answer = side == BACKWARD && meta.tcp_flags.has(TcpFlags::SYN | TcpFlags::ACK) && entry.handshake_ns == 0;
        if answer || entry.tcp.completes_handshake(side, segment) {
            entry.handshake_ns += t.wrapping_sub(last_of_peer).max(0) as u64;
        }
    }
    if entry.closed == Closed::No {
        if meta.tcp_flags.has(TcpFlags::RST) {
            entry.closed = Closed::Rst;
        } else if entry.tcp.both_closed() {
            entry.closed = Closed::Fin;
        }
    }
}

/// Which packets of a flow are still read after a message.
enum GoesOn {
    /// All: every datagram or segment begins with a message of its own.
    Always,
    /// Some more of both sides.
    Login,
    /// None of this side.
    Never,
}

/// Packets with payload of each side that are read after a step of a log-in.
const LOGIN_PACKETS_MAX: u8 = 8;

fn goes_on(proto: u8, data: &AppData) -> GoesOn {
    match data {
        AppData::Admin(_) => GoesOn::Always,
        AppData::Login(_) => GoesOn::Login,
        // A request that must log in is asked again, on the same connection.
        AppData::Http(http) if http.status == 401 || !http.authorization.is_empty() => GoesOn::Login,
        _ if matches!(data.proto(), AppProto::Modbus | AppProto::Dnp3) => GoesOn::Always,
        _ if proto != UDP => GoesOn::Never,
        _ if matches!(data.proto(), AppProto::Dns | AppProto::Mdns | AppProto::Dhcp | AppProto::Ntp) => GoesOn::Always,
        _ => GoesOn::Never,
    }
}

/// True when a step of a log-in tells more than the one kept: a name, or what the server decided.
fn tells_more(kept: &AppData, new: &AppData) -> bool {
    match (kept, new) {
        (AppData::Login(kept), AppData::Login(new)) => {
            (kept.user.is_empty() && !new.user.is_empty()) || (kept.accepted.is_none() && new.accepted.is_some())
        }
        _ => false,
    }
}

/// Keeps the first request and the first response with the flow.
fn keep(entry: &mut Entry, side: usize, data: Cow<'_, AppData>) {
    if data.proto() == AppProto::Unknown {
        return;
    }
    let response = match &*data {
        AppData::Dns(dns) => dns.response,
        AppData::Http(http) => http.response,
        AppData::Control(control) => control.response,
        AppData::Login(login) => login.response,
        _ => side == BACKWARD,
    };
    let app = entry.app.get_or_insert_with(|| Box::new(AppSummary { proto: data.proto(), ..AppSummary::default() }));
    let place = if response { &mut app.response } else { &mut app.request };
    if place.as_ref().is_none_or(|kept| tells_more(kept, &data)) {
        *place = Some(data.into_owned());
    }
}
