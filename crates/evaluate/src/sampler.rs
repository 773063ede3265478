//! Which packets the packet level gets: the first of every channel in each window, then one in 2^k with k growing as the
//! channel goes on, all within a budget of packets that capture time and traffic fill. A channel is a pair of hosts, or of devices where there are no addresses. What is left out is
//! counted, what is taken says for how many it stands. Which one is chosen depends on the channel and its count, never on
//! a clock or on chance, so that a replay chooses the same.

use flow::mix;
use record::{IpAddr16, MacAddr, PacketMeta, PacketSample, Timestamp, timestamp::NS_PER_S};
use serde::{Deserialize, Serialize};
use std::ops::Range;

/// Cells of the table of channels, a power of two; channels that fall into one cell share its count.
const CELLS: usize = 1 << 14;
/// Bits of a cell that count packets; those above tell the window, so that 16,384 cells are 64 KiB and stay near the
/// processor. After 256 windows of silence an old count may pass for a new one.
const COUNT_BITS: u32 = 24;
const COUNT_MAX: u32 = (1 << COUNT_BITS) - 1;

/// Settings of the packet level.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PacketConfig {
    /// False: packets are not judged, flows and hosts are (default true).
    pub enabled: bool,
    /// Packets of each pair of hosts that are all taken, in each window; rounded up to a power of two.
    pub first_packets: u32,
    /// Length of that window, seconds of capture time.
    pub window_s: u32,
    /// Beyond them one packet in two, four and so on is taken, down to one in so many; rounded up to a power of two, at
    /// most 65,536. Where the budget is used up, all pairs are thinned out so.
    pub one_in: u32,
    /// Budget: packets for each second of capture time.
    pub per_second: f64,
    /// Budget: further packets, as a share of all, 0 to 1.
    pub share: f64,
    /// Most packets that the budget saves up.
    pub burst: u32,
    /// Fewest packets taken that can be learned from.
    pub rows_min: usize,
    /// Most packets learned from; beyond it, whole seconds are left out evenly.
    pub rows_max: usize,
    /// Taken off the evidence, -ln p, of each second of a host.
    pub drift: f64,
    /// Sum of evidence at which a host's packets become an alert.
    pub threshold: f64,
}

impl Default for PacketConfig {
    fn default() -> Self {
        Self {
            enabled: true,
            first_packets: 16,
            window_s: 60,
            one_in: 256,
            per_second: 2.0,
            share: 0.004,
            burst: 3_000,
            rows_min: 5_000,
            rows_max: 10_000,
            drift: 5.0,
            threshold: 40.0,
        }
    }
}

/// Where packets went. `seen = taken + skipped`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SamplingCounters {
    /// Packets shown.
    pub seen: u64,
    /// Packets handed to the packet level.
    pub taken: u64,
    /// Packets left out because their pair of hosts had its share, or the budget was used up.
    pub skipped: u64,
}

/// The chooser.
pub struct Sampler {
    /// Window, its lowest eight bits, above the packets seen in it.
    cells: Vec<u32>,
    /// Binary logarithm of the packets that are all taken.
    first_log2: u32,
    window_ns: i64,
    /// The window under way, nanoseconds, and its place in a cell.
    window: (Range<i64>, u32),
    one_in: u32,
    per_ns: f64,
    share: f64,
    burst: f64,
    budget: f64,
    last: Timestamp,
    counters: SamplingCounters,
}

impl Sampler {
    /// Empty.
    pub fn new(config: &PacketConfig) -> Self {
        Self {
            cells: vec![0; CELLS],
            first_log2: config.first_packets.clamp(1, 1 << 16).next_power_of_two().ilog2(),
            window_ns: i64::from(config.window_s.max(1)) * NS_PER_S,
            window: (0..0, 0),
            one_in: config.one_in.clamp(1, 1 << 16).next_power_of_two(),
            per_ns: config.per_second.max(0.0) / NS_PER_S as f64,
            share: config.share.clamp(0.0, 1.0),
            burst: f64::from(config.burst),
            budget: f64::from(config.burst),
            last: Timestamp(i64::MAX),
            counters: SamplingCounters::default(),
        }
    }

    /// The packet as a sample, when it is chosen.
    #[inline]
    pub fn take(&mut self, meta: &PacketMeta) -> Option<PacketSample> {
        self.counters.seen += 1;
        let hash = channel(meta);
        if !self.window.0.contains(&meta.ts.0) {
            self.find_window(meta.ts);
        }
        let cell = &mut self.cells[hash as usize & (CELLS - 1)];
        let before = if *cell & !COUNT_MAX == self.window.1 { *cell & COUNT_MAX } else { 0 };
        let seen = (before + 1).min(COUNT_MAX);
        *cell = self.window.1 | seen;
        self.fill_budget(meta.ts);
        let one_in = if self.budget < 1.0 {
            self.one_in
        } else {
            (1 << seen.ilog2().saturating_sub(self.first_log2)).min(self.one_in)
        };
        if one_in > 1 && mix(hash ^ u64::from(seen) << 32) & u64::from(one_in - 1) != 0 {
            self.counters.skipped += 1;
            return None;
        }
        self.budget -= 1.0;
        self.counters.taken += 1;
        Some(PacketSample {
            ts: meta.ts,
            key: meta.key,
            from_low: meta.from_low,
            has_flow: meta.ip_version != 0,
            src_mac: meta.src_mac,
            dest_mac: meta.dest_mac,
            wire_len: meta.wire_len,
            count: one_in,
        })
    }

    #[cold]
    fn find_window(&mut self, now: Timestamp) {
        let window = now.0.div_euclid(self.window_ns);
        let start = window.saturating_mul(self.window_ns);
        self.window = (start..start.saturating_add(self.window_ns), (window as u32) << COUNT_BITS);
    }

    #[inline]
    fn fill_budget(&mut self, now: Timestamp) {
        let passed_ns = now.since(self.last).max(0);
        self.last = now;
        let filled = self.share + self.per_ns * passed_ns as f64;
        self.budget = (self.budget + filled).min(self.burst);
    }

    /// Where packets went so far.
    pub fn counters(&self) -> SamplingCounters {
        self.counters
    }
}

/// Hash of the pair of hosts, the same in both directions. It is asked for of every packet: one product.
#[inline]
fn channel(meta: &PacketMeta) -> u64 {
    if meta.ip_version == 0 {
        let (a, b) = (mac_word(meta.src_mac), mac_word(meta.dest_mac));
        return mix(a.min(b) ^ a.max(b).rotate_left(20) ^ u64::from(meta.ether_type) << 48);
    }
    let [low, high] = [meta.key.low.addr, meta.key.high.addr].map(|address| u128::from_le_bytes(address.0));
    // Both halves of both addresses, turned so that none cancels another.
    let (near, far) = ((low >> 64) as u64 ^ (high as u64).rotate_left(17), (high >> 64) as u64 ^ low as u64);
    let product = u128::from(near ^ 0x9e37_79b9_7f4a_7c15) * u128::from(far ^ (far << 32) ^ 0xc2b2_ae3d_27d4_eb4f);
    product as u64 ^ (product >> 64) as u64
}

/// An address in eight bytes, spread.
#[inline]
pub(crate) fn address_word(address: IpAddr16) -> u64 {
    let word = u128::from_be_bytes(address.0);
    (word as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ ((word >> 64) as u64).wrapping_mul(0xc2b2_ae3d_27d4_eb4f)
}

#[inline]
pub(crate) fn mac_word(mac: MacAddr) -> u64 {
    mac.0.iter().fold(0, |word, byte| word << 8 | u64::from(*byte))
}

#[cfg(test)]
mod tests {
    use super::*;
    use record::{Endpoint, FlowKey};

    fn packet(host: u32, at_ms: i64, back: bool) -> PacketMeta {
        let ends = [host, 1].map(|n| Endpoint { addr: IpAddr16::v4(n.to_be_bytes()), port: 9 });
        let (key, from_low) = FlowKey::new(ends[usize::from(back)], ends[usize::from(!back)], 17);
        PacketMeta {
            ts: Timestamp(at_ms * 1_000_000),
            key,
            from_low,
            ip_version: 4,
            wire_len: 100,
            ..PacketMeta::EMPTY
        }
    }

    #[test]
    fn the_first_are_taken_and_what_follows_stands_for_what_was_left_out() {
        let config = PacketConfig { share: 1.0, ..PacketConfig::default() };
        let mut sampler = Sampler::new(&config);
        let mut taken = Vec::new();
        for n in 0..100_000_i64 {
            taken.extend(sampler.take(&packet(7, n / 100, n % 2 == 0)));
        }
        assert!(taken[..31].iter().all(|sample| sample.count == 1) && taken[31].count == 2);
        assert!(taken.is_sorted_by_key(|sample| sample.count) && taken.last().is_some_and(|last| last.count == 256));
        let stands_for: u64 = taken.iter().map(|sample| u64::from(sample.count)).sum();
        assert!((90_000..110_000).contains(&stands_for), "{stands_for}");
        let SamplingCounters { seen, taken: count, skipped } = sampler.counters();
        assert_eq!((seen, count, count + skipped), (100_000, taken.len() as u64, 100_000));
    }

    #[test]
    fn pairs_of_hosts_spread_over_the_table() {
        let mut cells = std::collections::BTreeSet::new();
        let pairs = (0..64_u32).flat_map(|a| (0..64_u32).map(move |b| (0x0a00_0000 + a, 0xc0a8_0100 + b)));
        for (a, b) in pairs {
            let mut meta = packet(0, 0, false);
            let ends = [a, b].map(|n| Endpoint { addr: IpAddr16::v4(n.to_be_bytes()), port: 9 });
            meta.key = FlowKey::new(ends[0], ends[1], 17).0;
            cells.insert(channel(&meta) as usize & (CELLS - 1));
        }
        // 4,096 thrown at random into 16,384 cells fill 3,625 of them.
        assert!(cells.len() > 3_500, "{}", cells.len());
    }

    #[test]
    fn a_quiet_pair_is_never_thinned_out_and_a_flood_of_pairs_is() {
        let mut sampler = Sampler::new(&PacketConfig::default());
        assert!((0..2_000).all(|n| sampler.take(&packet(7, n * 5_000, false)).is_some_and(|s| s.count == 1)));
        let mut sampler = Sampler::new(&PacketConfig::default());
        let flood = (0..100_000_u32).filter_map(|n| sampler.take(&packet(n + 10, 5, false))).count();
        // One in 256 is paid from the budget as well: the burst of 3,000 and four packets in a thousand.
        assert!((3_300..=3_500).contains(&flood), "{flood}");
    }
}
