//! The receivers of the most packets in one second, for floods. A bounded set: 64 rows of 8; in a full row a newcomer
//! wears the quietest receiver down (Misra and Gries, 1982) before it takes its place, so that a busy one stays whatever
//! else passes by.

use crate::sketch::{Distinct, Frequent, mix};
use record::{IpAddr16, PacketMeta, ReceiverSecond, TcpFlags, TrafficClass};

/// Rows, a power of two.
const ROWS: usize = 64;
/// Places in a row.
const WAYS: usize = 8;
/// Receivers told each second.
pub(crate) const RECEIVERS_MAX: usize = 8;
/// Beyond this many packets of a receiver in the second, one of `SAMPLE_EVERY` stands for all when ports and senders are
/// ranked.
const SAMPLE_AFTER: u64 = 64;
const SAMPLE_EVERY: u64 = 8;

/// One receiver's second.
#[derive(Clone, Debug, Default)]
struct Receiver {
    addr: IpAddr16,
    packets: u64,
    bytes: u64,
    tcp_syn: u64,
    packets_back: u64,
    /// The last sender's hash: its further packets add nothing to `senders`.
    sender_last: u64,
    senders: Distinct,
    top_senders: Frequent<IpAddr16>,
    dest_ports: Frequent<u16>,
    src_ports: Frequent<u16>,
}

/// Receivers of one interface in the running second.
pub(crate) struct Receivers {
    /// Hash of address and class, 0 for a free place.
    tags: Vec<u64>,
    /// What newcomers wear down; at 0 the place is free. Beside the tags, because newcomers come often.
    guards: Vec<u64>,
    places: Vec<Receiver>,
    /// Places taken in this second, each once.
    used: Vec<u16>,
    classes: Vec<TrafficClass>,
}

/// The tag of a receiver in a class; never 0. `addr_hash` is `hash_addr` of its address.
#[inline]
pub(crate) fn tag_of(addr_hash: u64, class: TrafficClass) -> u64 {
    mix(addr_hash ^ class as u64) | 1
}

impl Receivers {
    pub(crate) fn new() -> Self {
        let count = ROWS * WAYS;
        Self {
            tags: vec![0; count],
            guards: vec![0; count],
            places: vec![Receiver::default(); count],
            used: Vec::with_capacity(count),
            classes: vec![TrafficClass::Other; count],
        }
    }

    #[inline]
    fn row(tag: u64) -> usize {
        (tag >> 32) as usize % ROWS * WAYS
    }

    #[inline]
    fn find(&self, tag: u64) -> Option<usize> {
        let row = Self::row(tag);
        self.tags[row..row + WAYS].iter().position(|t| *t == tag).map(|way| row + way)
    }

    /// Counts a packet that `dest` received. `tag` is its receiver's, `src_hash` is `hash_addr` of its sender. `hint` is
    /// where the receiver was last found, right or wrong; it becomes where it is now.
    #[inline]
    pub(crate) fn received(&mut self, meta: &PacketMeta, class: TrafficClass, tag: u64, src_hash: u64, hint: &mut u16) {
        let place = if self.tags[usize::from(*hint) % (ROWS * WAYS)] == tag {
            usize::from(*hint) % (ROWS * WAYS)
        } else {
            let Some(place) = self.find(tag).or_else(|| self.admit(tag, meta, class)) else { return };
            *hint = place as u16;
            place
        };
        self.guards[place] += 1;
        let receiver = &mut self.places[place];
        receiver.packets += 1;
        receiver.bytes += u64::from(meta.wire_len);
        let syn = class == TrafficClass::Tcp && meta.tcp_flags.has(TcpFlags::SYN) && !meta.tcp_flags.has(TcpFlags::ACK);
        receiver.tcp_syn += u64::from(syn);
        if receiver.sender_last != src_hash || receiver.packets == 1 {
            receiver.sender_last = src_hash;
            receiver.senders.insert(src_hash);
        }
        let weight = match receiver.packets {
            n if n <= SAMPLE_AFTER => 1,
            n if n % SAMPLE_EVERY == 0 => SAMPLE_EVERY,
            _ => return,
        };
        receiver.top_senders.insert(meta.src().addr, weight);
        receiver.dest_ports.insert(meta.dest_port, weight);
        receiver.src_ports.insert(meta.src_port, weight);
    }

    /// Counts a packet that a known receiver sent. `tag` is the one of its sender as receiver; `hint` as in `received`.
    #[inline]
    pub(crate) fn sent(&mut self, tag: u64, hint: &mut u16) {
        let hinted = usize::from(*hint) % (ROWS * WAYS);
        if self.tags[hinted] == tag {
            self.places[hinted].packets_back += 1;
        } else if let Some(place) = self.find(tag) {
            *hint = place as u16;
            self.places[place].packets_back += 1;
        }
    }

    /// A place for a newcomer; None while the quietest of its row still holds out.
    fn admit(&mut self, tag: u64, meta: &PacketMeta, class: TrafficClass) -> Option<usize> {
        let row = Self::row(tag);
        let guards = &mut self.guards[row..row + WAYS];
        let way = (1..WAYS).fold(0, |least, way| if guards[way] < guards[least] { way } else { least });
        if guards[way] > 0 {
            guards[way] -= 1;
            return None;
        }
        let quietest = row + way;
        if self.tags[quietest] == 0 {
            self.used.push(quietest as u16);
        }
        self.tags[quietest] = tag;
        self.classes[quietest] = class;
        self.places[quietest] = Receiver { addr: meta.dest().addr, ..Receiver::default() };
        Some(quietest)
    }

    /// The busiest receivers, busiest first; empties the set for the next second.
    pub(crate) fn take_top(&mut self) -> Vec<ReceiverSecond> {
        let rank = |place: &u16| {
            let receiver = &self.places[usize::from(*place)];
            (std::cmp::Reverse(receiver.packets), receiver.addr, self.classes[usize::from(*place)])
        };
        let mut used = std::mem::take(&mut self.used);
        if used.len() > RECEIVERS_MAX {
            used.select_nth_unstable_by_key(RECEIVERS_MAX, rank);
        }
        let count = used.len().min(RECEIVERS_MAX);
        let top = &mut used[..count];
        top.sort_unstable_by_key(rank);
        let told = |place: &u16| self.places[usize::from(*place)].told(self.classes[usize::from(*place)]);
        let top = top.iter().map(told).collect();
        for place in used.drain(..) {
            self.tags[usize::from(place)] = 0;
            self.guards[usize::from(place)] = 0;
        }
        self.used = used;
        top
    }
}

impl Receiver {
    fn told(&self, class: TrafficClass) -> ReceiverSecond {
        let (sender_top, sender_top_packets) = self.top_senders.top();
        let (dest_port, dest_port_packets) = self.dest_ports.top();
        let (src_port, src_port_packets) = self.src_ports.top();
        ReceiverSecond {
            dest: self.addr,
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
