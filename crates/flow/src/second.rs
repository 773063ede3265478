//! Counters of every second of capture time, an interface at a time: traffic by class and direction, openings, and the
//! busiest receivers. Owns when a second is over; judges nothing.

use crate::pairs::{Pairs, Side};
use crate::receivers::{RECEIVERS_MAX, Receivers};
use record::{InterfaceSecond, Observation, PacketMeta, Prefix, ReceiverSecond, TcpFlags, Timestamp, TrafficClass};

/// Interfaces told apart; higher numbers are counted with the last.
const INTERFACES_MAX: usize = 64;
/// Quiet seconds are told as zero up to this many in a row; a longer silence is unknown, not zero.
const QUIET_SECONDS_MAX: i64 = 60;
const ETHER_TYPE_ARP: u16 = 0x0806;

/// One interface in the running second.
struct Running {
    second: InterfaceSecond,
    receivers: Receivers,
}

/// Builds an `InterfaceSecond` for every second and interface. Parts of several workers are joined by `merge_seconds`.
pub struct SecondCounter {
    pairs: Pairs,
    /// By interface index; only those seen.
    running: Vec<Option<Box<Running>>>,
    /// The running second since the epoch.
    now_s: i64,
    flows_created: u64,
    /// Begun since the last second was told; told with the first interface.
    flows_pending: u64,
}

impl SecondCounter {
    /// With the networks that count as inside.
    #[must_use]
    pub fn new(home: Vec<Prefix>) -> Self {
        Self { pairs: Pairs::new(home), running: Vec::new(), now_s: i64::MIN, flows_created: 0, flows_pending: 0 }
    }

    /// Other home networks, for the packets from now on.
    pub fn set_home(&mut self, home: Vec<Prefix>) {
        self.pairs = Pairs::new(home);
    }

    /// Counts a batch. Of packets shown to every worker, each is counted by the shard of its flow (frames without a flow
    /// by shard 0), and each receiver is followed by the shard of its address, so that its numbers are whole.
    pub fn ingest(&mut self, batch: &[PacketMeta], shard: u32, shards: u32, out: &mut Vec<Observation>) {
        let (shard, shards) = (u64::from(shard), u64::from(shards.max(1)));
        for meta in batch {
            let second = meta.ts.seconds();
            if second != self.now_s {
                self.turn(second, out);
            }
            let running = running_of(&mut self.running, meta.interface, self.now_s);
            let class = class_of(meta);
            if meta.ip_version == 0 {
                if shards == 1 || shard == 0 {
                    count(&mut running.second, meta, class);
                }
                continue;
            }
            let (src, dest) = self.pairs.of(meta, class);
            if shards == 1 || (meta.hash >> 32) % shards == shard {
                count(&mut running.second, meta, class);
                count_ip(&mut running.second, meta, class, src.home, dest.home);
            }
            if shards == 1 || (dest.hash >> 32) % shards == shard {
                let Side { tag, place, .. } = dest;
                running.receivers.received(meta, class, *tag, src.hash, place);
            }
            if shards == 1 || (src.hash >> 32) % shards == shard {
                running.receivers.sent(src.tag, &mut src.place);
            }
        }
    }

    /// Tells how many flows the table has begun in all, after each batch: the difference belongs to the running second.
    pub fn flows_created(&mut self, total: u64) {
        self.flows_pending += total.saturating_sub(self.flows_created);
        self.flows_created = total;
    }

    /// Tells the time when no packet does, so that quiet seconds are told too.
    pub fn advance(&mut self, now: Timestamp, out: &mut Vec<Observation>) {
        if self.now_s != i64::MIN && now.seconds() > self.now_s {
            self.turn(now.seconds(), out);
        }
    }

    /// Ends the input: tells the running second.
    pub fn finish(&mut self, out: &mut Vec<Observation>) {
        if self.now_s != i64::MIN {
            self.tell(out);
            self.now_s = i64::MIN;
        }
    }

    /// Another second has come. A little late packet (several queues) counts in the running second.
    fn turn(&mut self, second: i64, out: &mut Vec<Observation>) {
        if self.now_s == i64::MIN {
            self.begin(second);
            return;
        }
        let ahead = second - self.now_s;
        if (-QUIET_SECONDS_MAX..0).contains(&ahead) {
            return;
        }
        self.tell(out);
        if (1..=QUIET_SECONDS_MAX).contains(&ahead) {
            while self.now_s + 1 < second {
                self.begin(self.now_s + 1);
                self.tell(out);
            }
        }
        self.begin(second);
    }

    fn begin(&mut self, second: i64) {
        self.now_s = second;
        for running in self.running.iter_mut().flatten() {
            let interface = running.second.interface;
            running.second =
                InterfaceSecond { ts: Timestamp::from_parts(second, 0), interface, ..InterfaceSecond::default() };
        }
    }

    fn tell(&mut self, out: &mut Vec<Observation>) {
        for running in self.running.iter_mut().flatten() {
            let mut second = std::mem::take(&mut running.second);
            (running.second.ts, running.second.interface) = (second.ts, second.interface);
            second.flows_new = std::mem::take(&mut self.flows_pending);
            second.top_receivers = running.receivers.take_top();
            out.push(Observation::Second(Box::new(second)));
        }
    }
}

/// The counters of an interface, made when it is first seen.
#[inline]
fn running_of(running: &mut Vec<Option<Box<Running>>>, interface: u16, now_s: i64) -> &mut Running {
    let index = usize::from(interface).min(INTERFACES_MAX - 1);
    if running.len() <= index {
        running.resize_with(index + 1, || None);
    }
    running[index].get_or_insert_with(|| {
        let second = InterfaceSecond {
            ts: Timestamp::from_parts(now_s, 0),
            interface: index as u16,
            ..InterfaceSecond::default()
        };
        Box::new(Running { second, receivers: Receivers::new() })
    })
}

/// The class of a packet.
#[inline]
fn class_of(meta: &PacketMeta) -> TrafficClass {
    if meta.ip_version == 0 {
        return if meta.ether_type == ETHER_TYPE_ARP { TrafficClass::Arp } else { TrafficClass::Other };
    }
    match meta.proto {
        6 => TrafficClass::Tcp,
        17 => TrafficClass::Udp,
        1 | 58 => TrafficClass::Icmp,
        _ => TrafficClass::Ip,
    }
}

#[inline]
fn count(second: &mut InterfaceSecond, meta: &PacketMeta, class: TrafficClass) {
    second.packets[class as usize] += 1;
    second.bytes[class as usize] += u64::from(meta.wire_len);
}

/// What is counted of IP packets only.
#[inline]
fn count_ip(second: &mut InterfaceSecond, meta: &PacketMeta, class: TrafficClass, src_home: bool, dest_home: bool) {
    let bytes = u64::from(meta.wire_len);
    if class == TrafficClass::Tcp && meta.tcp_flags.has(TcpFlags::SYN) && !meta.tcp_flags.has(TcpFlags::ACK) {
        second.tcp_syn += 1;
    }
    match (src_home, dest_home) {
        (true, false) => {
            second.packets_out += 1;
            second.bytes_out += bytes;
        }
        (false, true) => {
            second.packets_in += 1;
            second.bytes_in += bytes;
        }
        _ => {}
    }
}

/// Joins the parts that several workers told of one second of one interface. Receivers that several workers saw (live
/// capture spreads flows) are added; their distinct senders too, which is an upper bound.
#[must_use]
pub fn merge_seconds(parts: &[InterfaceSecond]) -> InterfaceSecond {
    let mut joined = InterfaceSecond::default();
    let mut receivers: Vec<ReceiverSecond> = Vec::new();
    for part in parts {
        (joined.ts, joined.interface) = (part.ts, part.interface);
        joined.counted_on.clone_from(&part.counted_on);
        for class in 0..TrafficClass::COUNT {
            joined.packets[class] += part.packets[class];
            joined.bytes[class] += part.bytes[class];
        }
        joined.packets_out += part.packets_out;
        joined.packets_in += part.packets_in;
        joined.bytes_out += part.bytes_out;
        joined.bytes_in += part.bytes_in;
        joined.tcp_syn += part.tcp_syn;
        joined.flows_new += part.flows_new;
        for receiver in &part.top_receivers {
            match receivers.iter_mut().find(|r| r.dest == receiver.dest && r.class == receiver.class) {
                Some(known) => join_receiver(known, receiver),
                None => receivers.push(*receiver),
            }
        }
    }
    receivers.sort_by_key(|r| (std::cmp::Reverse(r.packets), r.dest, r.class));
    receivers.truncate(RECEIVERS_MAX);
    joined.top_receivers = receivers;
    joined
}

fn join_receiver(known: &mut ReceiverSecond, other: &ReceiverSecond) {
    /// Adds the counts of equal values, else keeps the more frequent one.
    fn join<T: PartialEq + Copy>(value: &mut T, count: &mut u64, other: T, other_count: u64) {
        if *value == other {
            *count += other_count;
        } else if other_count > *count {
            (*value, *count) = (other, other_count);
        }
    }
    known.packets += other.packets;
    known.bytes += other.bytes;
    known.tcp_syn += other.tcp_syn;
    known.packets_back += other.packets_back;
    known.senders = known.senders.saturating_add(other.senders);
    join(&mut known.sender_top, &mut known.sender_top_packets, other.sender_top, other.sender_top_packets);
    join(&mut known.dest_port, &mut known.dest_port_packets, other.dest_port, other.dest_port_packets);
    join(&mut known.src_port, &mut known.src_port_packets, other.src_port, other.src_port_packets);
}
