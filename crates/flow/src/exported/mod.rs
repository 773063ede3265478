//! Flows that others measured, as observations: the two directions of a conversation are put together, the opener is found, and
//! contacts and flow records are told as of packets, so that windows, detectors and the store need not know the difference.
//!
//! Owns the bounded tables of what waits and what was told. Time is that of the reports. Totals are the teller's to the byte.
//! Knows no wire format and no socket.

mod config;
mod outcome;
mod past;
mod records;
mod seconds;
#[cfg(test)]
mod tests;

pub use config::ExportedConfig;

use crate::FixedHasher;
use past::{Past, Pasts};
use record::timestamp::NS_PER_MS;
use record::{Counters, EndReason, ExportedFlow, FlowKey, Observation, Prefix, TcpFlags, Timestamp};
use records::Whole;
use seconds::ExportedSeconds;
use std::collections::{HashMap, VecDeque};
use std::hash::BuildHasherDefault;

/// Two reports are of one conversation when their spans are at most this far apart.
const SPANS_APART_MAX_NS: i64 = 2_000 * NS_PER_MS;
/// A flow may end so much later than it is reported: clocks differ a little.
const AHEAD_MAX_NS: i64 = 60_000 * NS_PER_MS;
/// No report covers more: 30 days.
const SPAN_MAX_NS: i64 = 30 * 86_400_000 * NS_PER_MS;
/// Reports of one conversation that wait at once: more are told alone.
const WAITING_OF_ONE_MAX: usize = 8;
/// An exporter tells both directions when at least one in so many reports found its other half.
const TWO_WAY_SHARE: u64 = 20;

/// A report that waits: for the other direction, or for more samples.
struct Waiting {
    flow: ExportedFlow,
    /// Samples of the other direction.
    back: Option<ExportedFlow>,
    /// Which of the queue's entries is its own.
    number: u64,
}

/// What went through.
#[derive(Clone, Debug, Default)]
pub struct ExportedCounts {
    /// Reports taken.
    pub reports: u64,
    /// Flow records told of them.
    pub records: u64,
    /// Conversations of which both directions were put together.
    pub pairs: u64,
    /// What was cut short at a bound, by reason.
    pub dropped: Counters,
}

/// The tables.
pub struct Exported {
    config: ExportedConfig,
    waiting: HashMap<FlowKey, Vec<Waiting>, BuildHasherDefault<FixedHasher>>,
    /// When each waiting report is told at the latest, in order; one queue for each length of wait.
    due: [VecDeque<(i64, FlowKey, u64)>; 2],
    waiting_count: usize,
    number: u64,
    pasts: Pasts,
    seconds: Option<ExportedSeconds>,
    /// Reports of one direction that were told, and those that found their other half.
    single: u64,
    paired: u64,
    now: Timestamp,
    counts: ExportedCounts,
    told_early: u64,
    times_wrong: u64,
}

impl Exported {
    /// Empty tables. `home` are the networks that count as inside; None tells no seconds.
    #[must_use]
    pub fn new(config: ExportedConfig, home: Option<Vec<Prefix>>) -> Self {
        let pasts = Pasts::new(config.conversations_max);
        let seconds = home.map(|home| ExportedSeconds::new(&config, home));
        Self {
            config,
            waiting: HashMap::default(),
            due: [VecDeque::new(), VecDeque::new()],
            waiting_count: 0,
            number: 0,
            pasts,
            seconds,
            single: 0,
            paired: 0,
            now: Timestamp(i64::MIN),
            counts: ExportedCounts::default(),
            told_early: 0,
            times_wrong: 0,
        }
    }

    /// Other home networks.
    pub fn set_home(&mut self, home: Vec<Prefix>) {
        if let Some(seconds) = &mut self.seconds {
            seconds.set_home(home);
        }
    }

    /// Takes one report; appends what is known now.
    pub fn observe(&mut self, mut flow: ExportedFlow, out: &mut Vec<Observation>) {
        self.counts.reports += 1;
        self.put_right(&mut flow);
        self.advance(flow.reported, out);
        if flow.is_sample {
            self.sample(flow, out);
        } else if flow.originator_known || flow.backward.is_some() || flow.outcome.is_some() {
            self.tell(&Whole::alone(flow, false), out);
        } else {
            self.half(flow, out);
        }
    }

    /// Tells what has waited long enough at `now`.
    pub fn advance(&mut self, now: Timestamp, out: &mut Vec<Observation>) {
        self.now = self.now.max(now);
        for queue in 0..self.due.len() {
            while let Some((due, key, number)) = self.due[queue].front().copied() {
                if due > self.now.0 {
                    break;
                }
                self.due[queue].pop_front();
                self.tell_waiting(&key, number, out);
            }
        }
        if let Some(seconds) = &mut self.seconds {
            seconds.advance(self.now, out);
        }
    }

    /// The input ended: everything is told.
    pub fn finish(&mut self, out: &mut Vec<Observation>) {
        for queue in 0..self.due.len() {
            while let Some((_, key, number)) = self.due[queue].pop_front() {
                self.tell_waiting(&key, number, out);
            }
        }
        if let Some(seconds) = &mut self.seconds {
            seconds.finish(out);
        }
    }

    /// What went through so far.
    #[must_use]
    pub fn counts(&self) -> ExportedCounts {
        let mut counts = self.counts.clone();
        counts.dropped.add("exported_told_early", self.told_early);
        counts.dropped.add("exported_times_put_right", self.times_wrong);
        if let Some(seconds) = &self.seconds {
            counts.dropped.merge(&seconds.dropped());
        }
        counts
    }

    /// Reports that wait now.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.waiting_count
    }

    /// A flow that ends after it was reported, or that lasted longer than anything does, has a wrong clock: it would move the time of
    /// all that judges.
    fn put_right(&mut self, flow: &mut ExportedFlow) {
        if flow.end.since(flow.reported) > AHEAD_MAX_NS {
            let span = flow.end.since(flow.start).clamp(0, SPAN_MAX_NS);
            (flow.start, flow.end) = (flow.reported.plus_ns(-span), flow.reported);
            self.times_wrong += 1;
        }
        if flow.end.since(flow.start) > SPAN_MAX_NS {
            flow.start = flow.end;
            self.times_wrong += 1;
        }
    }

    /// A report of one direction: with the waiting report of the other one, or it waits itself.
    fn half(&mut self, flow: ExportedFlow, out: &mut Vec<Observation>) {
        let (key, low) = FlowKey::new(flow.src, flow.dest, flow.proto);
        let other = self.waiting.get(&key).and_then(|all| {
            all.iter().position(|w| !w.flow.is_sample && is_low(&w.flow) != low && are_together(&w.flow, &flow))
        });
        // Between an address and itself both directions look alike.
        let other = other.filter(|_| key.low != key.high);
        match other.and_then(|at| self.take(&key, at)) {
            Some(other) => {
                self.paired += 2;
                self.counts.pairs += 1;
                let first = other.flow;
                let whole = if src_opened(&first, &flow, &self.pasts) {
                    Whole::of(first, &flow)
                } else {
                    Whole::of(flow, &first)
                };
                self.tell(&whole, out);
            }
            None => self.wait(key, flow, out),
        }
    }

    /// A sampled packet: added to those of its conversation that wait.
    fn sample(&mut self, flow: ExportedFlow, out: &mut Vec<Observation>) {
        let (key, low) = FlowKey::new(flow.src, flow.dest, flow.proto);
        let known = self.waiting.get_mut(&key).and_then(|all| all.iter_mut().find(|w| joins(w, &flow)));
        let Some(known) = known else { return self.wait(key, flow, out) };
        if is_low(&known.flow) == low {
            records::add(&mut known.flow.forward, &flow.forward);
            known.flow.end = known.flow.end.max(flow.end);
        } else if let Some(back) = &mut known.back {
            records::add(&mut back.forward, &flow.forward);
            back.end = back.end.max(flow.end);
        } else {
            self.counts.pairs += 1;
            known.back = Some(flow);
        }
    }

    fn wait(&mut self, key: FlowKey, flow: ExportedFlow, out: &mut Vec<Observation>) {
        let wait_ms = if flow.is_sample { self.config.samples_span_ms } else { self.config.pair_wait_ms };
        let queue = usize::from(flow.is_sample);
        let due = self.now.plus_ns((wait_ms as i64).saturating_mul(NS_PER_MS)).0;
        if self.waiting_count >= self.config.waiting_max.max(1) {
            self.tell_oldest(out);
        }
        let crowded = self.waiting.get(&key).filter(|all| all.len() >= WAITING_OF_ONE_MAX);
        if let Some(number) = crowded.and_then(|all| all.first()).map(|w| w.number) {
            self.told_early += 1;
            self.tell_waiting(&key, number, out);
        }
        self.number += 1;
        let waiting = Waiting { flow, back: None, number: self.number };
        self.waiting.entry(key).or_default().push(waiting);
        self.due[queue].push_back((due, key, self.number));
        self.waiting_count += 1;
    }

    /// At the bound the one that waited longest is told as it is.
    fn tell_oldest(&mut self, out: &mut Vec<Observation>) {
        while self.waiting_count > 0 {
            let first = |queue: usize| self.due[queue].front().map_or(i64::MAX, |entry| entry.0);
            let queue = usize::from(first(1) < first(0));
            let Some((_, key, number)) = self.due[queue].pop_front() else { return };
            if self.tell_waiting(&key, number, out) {
                self.told_early += 1;
                return;
            }
        }
    }

    /// Tells a waiting report; false when it was told before.
    fn tell_waiting(&mut self, key: &FlowKey, number: u64, out: &mut Vec<Observation>) -> bool {
        let at = self.waiting.get(key).and_then(|all| all.iter().position(|w| w.number == number));
        let Some(Waiting { flow, back, .. }) = at.and_then(|at| self.take(key, at)) else { return false };
        let whole = match back {
            Some(back) if src_opened(&flow, &back, &self.pasts) => Whole::of(flow, &back),
            Some(back) => Whole::of(back, &flow),
            None => {
                self.single += 1;
                let turned = !opened_alone(&flow, &self.pasts);
                Whole::alone(flow, turned)
            }
        };
        self.tell(&whole, out);
        true
    }

    fn take(&mut self, key: &FlowKey, at: usize) -> Option<Waiting> {
        let all = self.waiting.get_mut(key)?;
        let taken = (at < all.len()).then(|| all.remove(at))?;
        if all.is_empty() {
            self.waiting.remove(key);
        }
        self.waiting_count -= 1;
        Some(taken)
    }

    /// Tells the contact of a new conversation, and the flow.
    fn tell(&mut self, whole: &Whole, out: &mut Vec<Observation>) {
        let (key, originator_low) = whole.key();
        let syn = whole.ahead.forward.tcp_flags.unwrap_or_default().has(TcpFlags::SYN);
        let past = self.pasts.get(&key).filter(|past| past.goes_on(whole.start, syn)).copied();
        let (first_seen, report) = past.map_or((whole.start, 0), |past| (past.first_seen, past.report + 1));
        let record = whole.record(first_seen, report);
        if past.is_none() {
            let two_way = self.paired * TWO_WAY_SHARE >= self.single && self.paired > 0;
            out.push(Observation::Contact(whole.contact(two_way)));
        }
        let over = matches!(record.reason, EndReason::Fin | EndReason::Rst);
        self.pasts.put(key, Past { first_seen, end: whole.end, report, originator_low, over, syn });
        self.counts.records += 1;
        if let Some(seconds) = &mut self.seconds {
            seconds.add(&record, &whole.ahead, past.is_none());
        }
        out.push(Observation::Flow(Box::new(record)));
    }
}

/// True when the sender of the report is the low end of its key.
fn is_low(flow: &ExportedFlow) -> bool {
    flow.src <= flow.dest
}

/// True when both reports may be of one conversation.
fn are_together(a: &ExportedFlow, b: &ExportedFlow) -> bool {
    a.start.since(b.end) <= SPANS_APART_MAX_NS && b.start.since(a.end) <= SPANS_APART_MAX_NS
}

/// Samples join those that were taken at the same rate by the same exporter.
fn joins(waiting: &Waiting, flow: &ExportedFlow) -> bool {
    let known = &waiting.flow;
    known.is_sample && known.exporter == flow.exporter && known.sampling == flow.sampling
}

/// True when `ahead` was sent by who opened the conversation: as it was told before, else by what both reports say.
fn src_opened(ahead: &ExportedFlow, back: &ExportedFlow, pasts: &Pasts) -> bool {
    known_opener(ahead, pasts).unwrap_or_else(|| outcome::src_opened(ahead, Some(back)))
}

fn opened_alone(flow: &ExportedFlow, pasts: &Pasts) -> bool {
    known_opener(flow, pasts).unwrap_or_else(|| outcome::src_opened(flow, None))
}

/// Who opened the conversation that this report goes on with.
fn known_opener(flow: &ExportedFlow, pasts: &Pasts) -> Option<bool> {
    let (key, low) = FlowKey::new(flow.src, flow.dest, flow.proto);
    let syn = flow.forward.tcp_flags.unwrap_or_default().has(TcpFlags::SYN);
    let past = pasts.get(&key).filter(|past| past.goes_on(flow.start, syn))?;
    Some(past.originator_low == low)
}
