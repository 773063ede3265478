//! What the per-second counters need to know of a pair of hosts: hashes, whether each is inside, and where it was last found
//! among the receivers. Remembered for the pairs in hand, because packets of a pair follow each other; forgetting changes
//! no count. Owns nothing that is told.

use crate::receivers::tag_of;
use crate::sketch::hash_addr;
use record::{IpAddr16, PacketMeta, Prefix, TrafficClass};

/// Pairs remembered, a power of two: small enough for the second-level cache.
const PAIRS: usize = 256;

/// One host of a pair.
#[derive(Clone, Debug, Default)]
pub(crate) struct Side {
    /// `hash_addr` of its address.
    pub hash: u64,
    /// Its tag as a receiver of the pair's class.
    pub tag: u64,
    /// Where it was last found among the receivers.
    pub place: u16,
    /// True when it is inside.
    pub home: bool,
}

/// Two hosts and a class.
#[derive(Clone, Debug, Default)]
struct Pair {
    low: IpAddr16,
    high: IpAddr16,
    /// None until used.
    class: Option<TrafficClass>,
    /// Of the low and the high address.
    sides: [Side; 2],
}

/// The pairs in hand.
pub(crate) struct Pairs {
    home: Home,
    pairs: Vec<Pair>,
}

impl Pairs {
    /// With the networks that count as inside.
    pub(crate) fn new(home: Vec<Prefix>) -> Self {
        Self { home: Home::new(home), pairs: vec![Pair::default(); PAIRS] }
    }

    /// Sender and receiver of an IP packet.
    #[inline]
    pub(crate) fn of(&mut self, meta: &PacketMeta, class: TrafficClass) -> (&mut Side, &mut Side) {
        let pair = &mut self.pairs[meta.hash as usize % PAIRS];
        let (low, high) = (meta.key.low.addr, meta.key.high.addr);
        if pair.class != Some(class) || pair.low != low || pair.high != high {
            let side = |addr| {
                let hash = hash_addr(addr);
                Side { hash, tag: tag_of(hash, class), place: 0, home: self.home.contains(addr) }
            };
            *pair = Pair { low, high, class: Some(class), sides: [side(low), side(high)] };
        }
        let [low, high] = &mut pair.sides;
        if meta.from_low { (low, high) } else { (high, low) }
    }
}

/// The networks that count as inside, arranged for one quick test an address.
struct Home {
    v4: Vec<(u32, u32)>,
    v6: Vec<Prefix>,
}

impl Home {
    fn new(prefixes: Vec<Prefix>) -> Self {
        let (v4, v6): (Vec<Prefix>, Vec<Prefix>) = prefixes.into_iter().partition(|p| p.addr().is_v4());
        let packed = |p: &Prefix| {
            let mask = u32::MAX.checked_shl(32 - u32::from(p.length())).unwrap_or(0);
            (last_word(p.addr()), mask)
        };
        Self { v4: v4.iter().map(packed).collect(), v6 }
    }

    #[inline]
    fn contains(&self, addr: IpAddr16) -> bool {
        if addr.is_v4() {
            let word = last_word(addr);
            self.v4.iter().any(|(net, mask)| word & mask == *net)
        } else {
            self.v6.iter().any(|p| p.contains(addr))
        }
    }
}

/// The IPv4 address as a number.
#[inline]
fn last_word(addr: IpAddr16) -> u32 {
    u32::from_be_bytes([addr.0[12], addr.0[13], addr.0[14], addr.0[15]])
}
