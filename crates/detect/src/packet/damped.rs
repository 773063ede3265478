//! Damped incremental statistics (Kitsune, section IV-B): count, mean and deviation of frame sizes per stream, where what
//! is old counts less by 2^(−λ·age). Four streams a packet (sender's MAC and address, sender's address, channel, socket)
//! times five λ times three figures make sixty columns. Only differences of time enter, never the time itself.
//! Owns a table of fixed size; a stream whose place is taken by a newer one is forgotten and counted.

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

#[derive(Clone, Copy)]
struct Slot {
    key: u64,
    last: Timestamp,
    weight: [f64; 5],
    sum: [f64; 5],
    squares: [f64; 5],
}

const EMPTY: Slot = Slot { key: 0, last: Timestamp(0), weight: [0.0; 5], sum: [0.0; 5], squares: [0.0; 5] };

/// The table of streams.
pub struct Damped {
    slots: Vec<Slot>,
    forgotten: u64,
}

impl Damped {
    /// Room for at least `streams` streams (a power of two, 136 bytes each).
    #[must_use]
    pub fn new(streams: usize) -> Self {
        Self { slots: vec![EMPTY; streams.next_power_of_two().max(WAYS)], forgotten: 0 }
    }

    /// Takes one packet in and writes its columns, with the packet itself counted. A sampled packet stands for `count` like
    /// it, so that the figures are estimates of what all packets would give.
    pub fn update(&mut self, ts: Timestamp, bytes: f64, count: f64, streams: &Streams, out: &mut [f32; COLUMNS]) {
        for (stream, out) in streams.iter().zip(out.chunks_exact_mut(LAMBDAS.len() * FIGURES)) {
            if *stream == 0 {
                out.fill(0.0);
                continue;
            }
            let slot = self.slot(*stream, ts);
            slot.add(ts, bytes, count);
            slot.figures(out);
        }
    }

    /// Streams that were forgotten for lack of room.
    #[must_use]
    pub fn forgotten(&self) -> u64 {
        self.forgotten
    }

    fn slot(&mut self, key: u64, ts: Timestamp) -> &mut Slot {
        let first = (key as usize) & (self.slots.len() - 1) & !(WAYS - 1);
        let ways = &mut self.slots[first..first + WAYS];
        let place = ways.iter().position(|slot| slot.key == key).unwrap_or_else(|| {
            // Not known: an empty place, else the one that was silent longest.
            let place =
                (0..WAYS).min_by_key(|way| if ways[*way].key == 0 { Timestamp(i64::MIN) } else { ways[*way].last });
            let place = place.unwrap_or(0);
            self.forgotten += u64::from(ways[place].key != 0);
            ways[place] = Slot { key, last: ts, ..EMPTY };
            place
        });
        &mut self.slots[first + place]
    }
}

impl Slot {
    fn add(&mut self, ts: Timestamp, bytes: f64, count: f64) {
        // Capture clocks step back; age is never negative then, and never a reason to forget.
        let age_s = (ts.0.saturating_sub(self.last.0)).max(0) as f64 / 1e9;
        let factors = if age_s > 0.0 { decay(age_s) } else { [1.0; 5] };
        self.last = self.last.max(ts);
        for (lambda, factor) in factors.into_iter().enumerate() {
            self.weight[lambda] = self.weight[lambda] * factor + count;
            self.sum[lambda] = self.sum[lambda] * factor + count * bytes;
            self.squares[lambda] = self.squares[lambda] * factor + count * bytes * bytes;
        }
    }

    fn figures(&self, out: &mut [f32]) {
        for (lambda, out) in out.chunks_exact_mut(FIGURES).enumerate() {
            let mean = self.sum[lambda] / self.weight[lambda];
            let variance = self.squares[lambda] / self.weight[lambda] - mean * mean;
            out.copy_from_slice(&[self.weight[lambda] as f32, mean as f32, variance.abs().sqrt() as f32]);
        }
    }
}

/// Figures as the network reads them: ln(1 + figure), because rates and sizes span decades.
pub fn log_columns(columns: &mut [f32; COLUMNS]) {
    for value in columns {
        *value = crate::activation::ln_1p(*value);
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
