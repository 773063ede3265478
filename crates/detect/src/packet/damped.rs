//! Damped incremental statistics (Kitsune, section IV-B): count, mean and deviation of frame sizes per stream, where what
//! is old counts less by 2^(−λ·age). Four streams a packet (sender's MAC and address, sender's address, channel, socket)
//! times five λ times three figures make sixty columns. Only differences of time enter, never the time itself.
//! Owns a table of fixed size; a stream whose place is taken by a newer one is forgotten and counted.
// Inlined always and index loops: so that they are compiled for the processor's features.
#![allow(clippy::needless_range_loop)]

use crate::activation::ln_1p;
use crate::kernels::{Widened, Width, widened};
use record::Timestamp;

/// Decay rates, 1/s: halved after 0.2 s, 0.33 s, 1 s, 10 s and 100 s.
pub const LAMBDAS: [f64; 5] = [5.0, 3.0, 1.0, 0.1, 0.01];
/// Streams of one packet.
const STREAMS: usize = 4;
/// Figures of one stream and λ: weight, mean, deviation.
pub(super) const FIGURES: usize = 3;
/// Columns of one packet.
pub const COLUMNS: usize = STREAMS * LAMBDAS.len() * FIGURES;
/// Places that a stream may stand in.
const WAYS: usize = 4;

/// Hashes of the streams that a packet belongs to: sender's MAC and address; sender's address; sender to receiver; with
/// ports. 0 stands for none (a frame without addresses has a MAC stream only).
pub type Streams = [u64; STREAMS];

/// Which stream stands in a place, and when it was last heard; 0 stands for an empty place. Four of them are one line of
/// cache, apart from the figures, so that looking for a place touches no other.
#[derive(Clone, Copy)]
#[repr(align(16))]
struct Tag {
    key: u64,
    last: Timestamp,
}

/// One stream's figures for each λ: one line of cache. Mean and sum of squared deviations, as Welford's method has them,
/// need no more than single precision where sums of squares would.
#[derive(Clone, Copy)]
#[repr(align(64))]
struct Slot {
    weight: [f32; 5],
    mean: [f32; 5],
    squares: [f32; 5],
}

const EMPTY: Slot = Slot { weight: [0.0; 5], mean: [0.0; 5], squares: [0.0; 5] };

/// The table of streams.
pub struct Damped {
    tags: Vec<Tag>,
    slots: Vec<Slot>,
    forgotten: u64,
}

impl Damped {
    /// Room for at least `streams` streams (a power of two, 80 bytes each).
    #[must_use]
    pub fn new(streams: usize) -> Self {
        let places = streams.next_power_of_two().max(WAYS);
        Self { tags: vec![Tag { key: 0, last: Timestamp(0) }; places], slots: vec![EMPTY; places], forgotten: 0 }
    }

    /// Takes one packet in and writes its columns, with the packet itself counted. A sampled packet stands for `count` like
    /// it, so that the figures are estimates of what all packets would give.
    pub fn update(&mut self, ts: Timestamp, bytes: f64, count: f64, streams: &Streams, out: &mut [f32; COLUMNS]) {
        // All places first: the table lies far away, and so the four ways there are gone side by side.
        let places = streams.map(|key| if key == 0 { (0, 0.0) } else { self.place(key, ts) });
        let mut sums = Sums { weight: [1.0; PLACES], mean: [0.0; PLACES], squares: [0.0; PLACES] };
        for (stream, (place, age_s)) in places.into_iter().enumerate() {
            if streams[stream] != 0 {
                let slot = &mut self.slots[place];
                slot.add(age_s, bytes as f32, count as f32);
                sums.take(stream * LAMBDAS.len(), slot);
            }
        }
        widened(Width::widest(), Figures { sums: &sums, out });
        for (stream, _) in streams.iter().enumerate().filter(|(_, key)| **key == 0) {
            out[stream * LAMBDAS.len() * FIGURES..][..LAMBDAS.len() * FIGURES].fill(0.0);
        }
    }

    /// Streams that were forgotten for lack of room.
    #[must_use]
    pub fn forgotten(&self) -> u64 {
        self.forgotten
    }

    /// The stream's place, and for how long it was silent, seconds.
    fn place(&mut self, key: u64, ts: Timestamp) -> (usize, f64) {
        let first = (key as usize) & (self.tags.len() - 1) & !(WAYS - 1);
        let ways = &mut self.tags[first..first + WAYS];
        if let Some(way) = ways.iter().position(|tag| tag.key == key) {
            let tag = &mut ways[way];
            // Capture clocks step back; age is never negative then, and never a reason to forget.
            let age_s = (ts.0.saturating_sub(tag.last.0)).max(0) as f64 / 1e9;
            tag.last = tag.last.max(ts);
            return (first + way, age_s);
        }
        // Not known: an empty place, else the one that was silent longest.
        let silent_since = |way: &usize| if ways[*way].key == 0 { Timestamp(i64::MIN) } else { ways[*way].last };
        let way = (0..WAYS).min_by_key(silent_since).unwrap_or(0);
        self.forgotten += u64::from(ways[way].key != 0);
        ways[way] = Tag { key, last: ts };
        self.slots[first + way] = EMPTY;
        (first + way, 0.0)
    }
}

impl Slot {
    fn add(&mut self, age_s: f64, bytes: f32, count: f32) {
        let factors = if age_s > 0.0 { decay(age_s) } else { [1.0; 5] };
        for (lambda, factor) in factors.into_iter().enumerate() {
            let factor = factor as f32;
            let weight = self.weight[lambda] * factor + count;
            let gap = bytes - self.mean[lambda];
            self.weight[lambda] = weight;
            self.mean[lambda] += gap * (count / weight);
            self.squares[lambda] = self.squares[lambda] * factor + count * gap * (bytes - self.mean[lambda]);
        }
    }
}

/// Streams times λ, and what fills the last vector.
const PLACES: usize = (STREAMS * LAMBDAS.len()).next_multiple_of(16);

/// A packet's streams, side by side, so that their figures are computed at once.
struct Sums {
    weight: [f32; PLACES],
    mean: [f32; PLACES],
    squares: [f32; PLACES],
}

impl Sums {
    fn take(&mut self, first: usize, slot: &Slot) {
        let places = first..first + LAMBDAS.len();
        self.weight[places.clone()].copy_from_slice(&slot.weight);
        self.mean[places.clone()].copy_from_slice(&slot.mean);
        self.squares[places].copy_from_slice(&slot.squares);
    }
}

/// Weight, mean and deviation of every stream and λ.
struct Figures<'a> {
    sums: &'a Sums,
    out: &'a mut [f32; COLUMNS],
}

impl Widened for Figures<'_> {
    type Out = ();

    #[inline(always)]
    fn run(self) {
        let mut deviations = [0.0; PLACES];
        for place in 0..PLACES {
            deviations[place] = (self.sums.squares[place] / self.sums.weight[place]).abs().sqrt();
        }
        for place in 0..STREAMS * LAMBDAS.len() {
            self.out[place * FIGURES] = self.sums.weight[place];
            self.out[place * FIGURES + 1] = self.sums.mean[place];
            self.out[place * FIGURES + 2] = deviations[place];
        }
    }
}

/// Figures as the network reads them: ln(1 + figure), because rates and sizes span decades.
pub fn log_columns(columns: &mut [f32; COLUMNS]) {
    widened(Width::widest(), Logarithms(columns));
}

struct Logarithms<'a>(&'a mut [f32; COLUMNS]);

impl Widened for Logarithms<'_> {
    type Out = ();

    #[inline(always)]
    fn run(self) {
        for place in 0..COLUMNS {
            self.0[place] = ln_1p(self.0[place]);
        }
    }
}

/// 2^(−λ·age) for all λ from one exponential: the rates are multiples of the slowest.
fn decay(age_s: f64) -> [f64; 5] {
    let slowest = (-0.01 * age_s).exp2();
    let slow = slowest.powi(10);
    let one = slow.powi(10);
    let three = one * one * one;
    [three * one * one, three, one, slow, slowest]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Random;

    #[test]
    fn one_exponential_serves_all_rates() {
        for age_s in [1e-6, 0.01, 0.5, 3.0, 60.0, 900.0] {
            for (lambda, factor) in LAMBDAS.iter().zip(decay(age_s)) {
                let exact = (-lambda * age_s).exp2();
                assert!((factor - exact).abs() <= 1e-12 + 1e-10 * exact, "λ {lambda}, {age_s} s");
            }
        }
    }

    #[test]
    fn figures_are_those_of_the_definition() {
        let mut random = Random::new(1, 4);
        let mut table = Damped::new(64);
        let mut columns = [0.0; COLUMNS];
        let mut seen: Vec<(f64, f64, f64)> = Vec::new();
        let mut now_s = 1000.0;
        for _ in 0..400 {
            now_s += f64::from(random.unit()) * 0.7;
            let bytes = 60.0 + f64::from(random.unit()) * 1400.0;
            let ts = Timestamp((now_s * 1e9) as i64);
            let count = if seen.len().is_multiple_of(7) { 16.0 } else { 1.0 };
            seen.push((ts.0 as f64 / 1e9, bytes, count));
            table.update(ts, bytes, count, &[9, 0, 5, 7], &mut columns);
        }
        let now_s = seen.last().map_or(0.0, |last| last.0);
        for (lambda, columns) in LAMBDAS.iter().zip(columns.chunks_exact(FIGURES)) {
            let age = |at: f64| (-lambda * (now_s - at)).exp2();
            let weight: f64 = seen.iter().map(|(at, _, count)| count * age(*at)).sum();
            let mean = seen.iter().map(|(at, bytes, count)| count * age(*at) * bytes).sum::<f64>() / weight;
            let squares = seen.iter().map(|(at, bytes, count)| count * age(*at) * bytes * bytes).sum::<f64>() / weight;
            let deviation = (squares - mean * mean).abs().sqrt();
            let [w, m, d] = [columns[0], columns[1], columns[2]].map(f64::from);
            assert!((w - weight).abs() < 1e-4 * weight && (m - mean).abs() < 1e-3 * mean, "λ {lambda}");
            assert!((d - deviation).abs() < 1e-2 * (1.0 + deviation), "λ {lambda}: {d} {deviation}");
        }
        assert_eq!(&columns[15..30], [0.0; 15], "the missing stream has no figures");
    }

    #[test]
    fn the_table_is_bounded_and_says_what_it_forgot() {
        let mut table = Damped::new(256);
        let mut columns = [0.0; COLUMNS];
        for stream in 1..=10_000_u64 {
            let key = stream.wrapping_mul(0x9e37_79b9_7f4a_7c15);
            table.update(Timestamp(stream as i64), 60.0, 1.0, &[key, 0, 0, 0], &mut columns);
            assert_eq!(columns[0], 1.0, "a new stream starts anew");
        }
        assert!(table.forgotten() >= 10_000 - 256);
    }

    #[test]
    fn a_clock_that_steps_back_does_no_harm() {
        let mut table = Damped::new(4);
        let mut columns = [0.0; COLUMNS];
        for at in [5_000_000_000, 4_000_000_000, i64::MIN, i64::MAX] {
            table.update(Timestamp(at), 60.0, 1.0, &[1, 2, 3, 4], &mut columns);
            assert!(columns.iter().all(|value| value.is_finite()));
        }
    }
}
