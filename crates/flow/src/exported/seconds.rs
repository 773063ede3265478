//! Seconds of exported traffic: what flows carried, spread evenly over the seconds that they lasted, told late enough that all
//! reports of a second are in. Owns the open seconds and their receivers; what is older than these is left out, counted.

use super::config::ExportedConfig;
use crate::FixedHasher;
use crate::receivers::RECEIVERS_MAX;
use crate::sketch::{Distinct, Frequent, hash_addr};
use record::observation::EXPORTED_INTERFACE;
use record::{
    Counters, DirectionStats, Endpoint, ExportedFlow, FlowRecord, InterfaceSecond, IpAddr16, Observation, Prefix,
    ReceiverSecond, TcpFlags, Timestamp, TrafficClass,
};
use std::collections::{HashMap, VecDeque};
use std::hash::BuildHasherDefault;

/// Seconds without any report that are told as zero; a longer silence is unknown.
const QUIET_SECONDS_MAX: i64 = 60;
/// Packets in one second that make room for a receiver when all places are taken.
const WORTH_A_PLACE: u64 = 8;

/// One receiver's second.
#[derive(Clone, Debug, Default)]
struct Receiver {
    packets: u64,
    bytes: u64,
    tcp_syn: u64,
    packets_back: u64,
    senders: Distinct,
    top_senders: Frequent<IpAddr16>,
    dest_ports: Frequent<u16>,
    src_ports: Frequent<u16>,
}

/// The receivers of one second.
#[derive(Default)]
struct Receivers {
    by_address: HashMap<(IpAddr16, TrafficClass), Receiver, BuildHasherDefault<FixedHasher>>,
    /// When all places are taken: nobody has fewer packets.
    least: u64,
}

/// A second that is not told yet.
#[derive(Default)]
struct Open {
    sums: InterfaceSecond,
    receivers: Receivers,
}

/// What one direction of a flow carried in one second.
#[derive(Clone, Copy, Default)]
struct Share {
    packets: u64,
    bytes: u64,
}

/// The open seconds.
pub(super) struct ExportedSeconds {
    home: Vec<Prefix>,
    lag_s: i64,
    receivers_max: usize,
    /// Oldest first; the first is second `first_s`.
    open: VecDeque<Open>,
    first_s: i64,
    bytes_outside: u64,
    receivers_refused: u64,
}

impl ExportedSeconds {
    pub(super) fn new(config: &ExportedConfig, home: Vec<Prefix>) -> Self {
        let (lag_s, receivers_max) = (i64::from(config.seconds_lag_s.max(1)), config.receivers_max);
        let (open, first_s) = (VecDeque::new(), i64::MIN);
        Self { home, lag_s, receivers_max, open, first_s, bytes_outside: 0, receivers_refused: 0 }
    }

    pub(super) fn set_home(&mut self, home: Vec<Prefix>) {
        self.home = home;
    }

    /// What was left out, by reason.
    pub(super) fn dropped(&self) -> Counters {
        let mut dropped = Counters::default();
        dropped.add("exported_bytes_outside_seconds", self.bytes_outside);
        dropped.add("exported_receivers_refused", self.receivers_refused);
        dropped
    }

    /// Tells the seconds that are older than the lag at `now`.
    pub(super) fn advance(&mut self, now: Timestamp, out: &mut Vec<Observation>) {
        let newest = now.seconds();
        if self.first_s == i64::MIN || newest - self.first_s > 2 * self.lag_s + QUIET_SECONDS_MAX {
            self.finish(out);
            self.first_s = newest - self.lag_s;
        }
        while self.first_s < newest - self.lag_s {
            self.tell(out);
        }
        let wanted = (newest - self.first_s + 1).max(0) as usize;
        while self.open.len() < wanted {
            self.open.push_back(Open::default());
        }
    }

    /// Tells all that are open.
    pub(super) fn finish(&mut self, out: &mut Vec<Observation>) {
        while self.open.iter().any(|open| open.sums.packets.iter().any(|packets| *packets > 0)) {
            self.tell(out);
        }
        self.open.clear();
        self.first_s = i64::MIN;
    }

    fn tell(&mut self, out: &mut Vec<Observation>) {
        let Open { mut sums, receivers } = self.open.pop_front().unwrap_or_default();
        (sums.ts, sums.interface) = (Timestamp::from_parts(self.first_s, 0), EXPORTED_INTERFACE);
        sums.top_receivers = receivers.top();
        self.first_s += 1;
        out.push(Observation::Second(Box::new(sums)));
    }

    /// Spreads a flow over the seconds it lasted. `opens`: it is the first report of its conversation.
    pub(super) fn add(&mut self, flow: &FlowRecord, told: &ExportedFlow, opens: bool) {
        let (from, to) = (flow.start.seconds(), flow.end.seconds());
        let span = (to - from + 1).max(1) as u64;
        let last_s = self.first_s.saturating_add(self.open.len() as i64) - 1;
        let (begin, end) = (from.max(self.first_s), to.min(last_s));
        let (mut ahead, mut back) = (Spread::new(&flow.forward, span), Spread::new(&flow.backward, span));
        let class = class_of(flow.key.proto);
        let inside = [flow.src().addr, flow.dest().addr].map(|addr| self.home.iter().any(|net| net.contains(addr)));
        let syn = opens && told.forward.tcp_flags.unwrap_or_default().has(TcpFlags::SYN);
        let mut counted = 0;
        for second in begin..=end {
            let step = (second - from) as u64;
            let (forward, backward) = (ahead.share(step), back.share(step));
            counted += forward.bytes + backward.bytes;
            let Some(open) = self.open.get_mut((second - self.first_s) as usize) else { continue };
            let opening = u64::from(second == from && opens);
            let syns = if syn { opening } else { 0 };
            sum(&mut open.sums, class, inside, forward, backward);
            open.sums.flows_new += opening;
            open.sums.tcp_syn += syns;
            let ends = (flow.src(), flow.dest());
            let max = self.receivers_max;
            let known = &mut open.receivers;
            let refused = known.receive(max, ends, class, forward, backward.packets, syns)
                + known.receive(max, (ends.1, ends.0), class, backward, forward.packets, 0);
            self.receivers_refused += refused;
        }
        self.bytes_outside += flow.bytes().saturating_sub(counted);
    }
}

/// A direction's totals in equal parts whose sum is exact.
struct Spread {
    total: Share,
    span: u64,
}

impl Spread {
    fn new(side: &DirectionStats, span: u64) -> Self {
        Self { total: Share { packets: side.packets, bytes: side.bytes }, span }
    }

    fn share(&mut self, step: u64) -> Share {
        let part = |total: u64| {
            let upto = |step: u64| (u128::from(total) * u128::from(step) / u128::from(self.span)) as u64;
            if self.span == 1 { total } else { upto(step + 1) - upto(step) }
        };
        Share { packets: part(self.total.packets), bytes: part(self.total.bytes) }
    }
}

fn class_of(proto: u8) -> TrafficClass {
    match proto {
        6 => TrafficClass::Tcp,
        17 => TrafficClass::Udp,
        1 | 58 => TrafficClass::Icmp,
        _ => TrafficClass::Ip,
    }
}

fn sum(sums: &mut InterfaceSecond, class: TrafficClass, inside: [bool; 2], forward: Share, backward: Share) {
    sums.packets[class as usize] += forward.packets + backward.packets;
    sums.bytes[class as usize] += forward.bytes + backward.bytes;
    let (out, back) = match inside {
        [true, false] => (forward, backward),
        [false, true] => (backward, forward),
        _ => return,
    };
    sums.packets_out += out.packets;
    sums.bytes_out += out.bytes;
    sums.packets_in += back.packets;
    sums.bytes_in += back.bytes;
}

impl Receivers {
    /// Counts what `dest` got; 1 when there was no place for it.
    fn receive(
        &mut self,
        max: usize,
        (src, dest): (Endpoint, Endpoint),
        class: TrafficClass,
        got: Share,
        packets_back: u64,
        syns: u64,
    ) -> u64 {
        let key = (dest.addr, class);
        if got.packets == 0 {
            return 0;
        }
        let full = self.by_address.len() >= max.max(1);
        if full && !self.by_address.contains_key(&key) && !self.make_room(got.packets) {
            return 1;
        }
        let receiver = self.by_address.entry(key).or_default();
        receiver.packets += got.packets;
        receiver.bytes += got.bytes;
        receiver.tcp_syn += syns;
        receiver.packets_back += packets_back;
        receiver.senders.insert(hash_addr(src.addr));
        receiver.top_senders.insert(src.addr, got.packets);
        receiver.dest_ports.insert(dest.port, got.packets);
        receiver.src_ports.insert(src.port, got.packets);
        0
    }

    /// Lets the quietest go for one with more packets; false when there is none. The least only grows, so it is seldom looked for.
    fn make_room(&mut self, packets: u64) -> bool {
        if packets < WORTH_A_PLACE || packets <= self.least {
            return false;
        }
        let quietest = self.by_address.iter().min_by_key(|(key, known)| (known.packets, **key));
        let Some((key, least)) = quietest.map(|(key, known)| (*key, known.packets)) else { return true };
        self.least = least;
        if packets <= least {
            return false;
        }
        self.by_address.remove(&key);
        true
    }

    /// The busiest receivers, busiest first.
    fn top(&self) -> Vec<ReceiverSecond> {
        let mut all: Vec<_> = self.by_address.iter().collect();
        all.sort_unstable_by_key(|((addr, class), receiver)| (std::cmp::Reverse(receiver.packets), *addr, *class));
        all.truncate(RECEIVERS_MAX);
        all.into_iter().map(|((dest, class), receiver)| receiver.told(*dest, *class)).collect()
    }
}

impl Receiver {
    fn told(&self, dest: IpAddr16, class: TrafficClass) -> ReceiverSecond {
        let (sender_top, sender_top_packets) = self.top_senders.top();
        let (dest_port, dest_port_packets) = self.dest_ports.top();
        let (src_port, src_port_packets) = self.src_ports.top();
        ReceiverSecond {
            dest,
            class,
            packets: self.packets,
            bytes: self.bytes,
            tcp_syn: self.tcp_syn,
            packets_back: self.packets_back,
            senders: u32::try_from(self.senders.estimate()).unwrap_or(u32::MAX),
            sender_top,
            sender_top_packets,
            dest_port,
            dest_port_packets,
            src_port,
            src_port_packets,
        }
    }
}
