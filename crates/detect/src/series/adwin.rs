//! ADWIN (Bifet and Gavaldà, SIAM 2007): a window over a stream of values within 0 and 1 that drops its older part as soon
//! as its two parts have, with confidence 1 − δ, different means. Buckets in powers of two keep memory logarithmic.

/// Buckets of one size.
const BUCKETS: usize = 5;
/// Values between two looks for a cut.
const CLOCK: u64 = 32;
/// Fewest values of either part.
const PART_MIN: f64 = 5.0;

#[derive(Clone, Copy, Debug)]
struct Bucket {
    sum: f64,
    /// Sum of squared distances from the bucket's mean.
    spread: f64,
}

/// The window.
#[derive(Clone, Debug)]
pub struct Adwin {
    delta: f64,
    /// `rows[i]` holds buckets of 2^i values, oldest first.
    rows: Vec<Vec<Bucket>>,
    count: f64,
    sum: f64,
    spread: f64,
    seen: u64,
    changes: u64,
}

impl Adwin {
    /// `delta` is the chance of a false alarm at a look (0.002 is usual).
    #[must_use]
    pub fn new(delta: f64) -> Self {
        Self { delta, rows: vec![Vec::new()], count: 0.0, sum: 0.0, spread: 0.0, seen: 0, changes: 0 }
    }

    /// Takes a value in; true when the window was cut because the mean has changed.
    pub fn update(&mut self, value: f64) -> bool {
        let value = if value.is_finite() { value.clamp(0.0, 1.0) } else { 0.0 };
        self.seen += 1;
        if self.count > 0.0 {
            let gap = value - self.mean();
            self.spread += self.count * gap * gap / (self.count + 1.0);
        }
        self.count += 1.0;
        self.sum += value;
        self.rows[0].push(Bucket { sum: value, spread: 0.0 });
        self.compress();
        let changed = self.seen.is_multiple_of(CLOCK) && self.cut();
        self.changes += u64::from(changed);
        changed
    }

    /// Mean of the window.
    #[must_use]
    pub fn mean(&self) -> f64 {
        self.sum / self.count.max(1.0)
    }

    /// Values in the window.
    #[must_use]
    pub fn width(&self) -> u64 {
        self.count as u64
    }

    /// Changes seen so far.
    #[must_use]
    pub fn changes(&self) -> u64 {
        self.changes
    }

    fn compress(&mut self) {
        let mut row = 0;
        while self.rows[row].len() > BUCKETS {
            let size = (1_u64 << row) as f64;
            let (a, b) = (self.rows[row].remove(0), self.rows[row].remove(0));
            let gap = (a.sum - b.sum) / size;
            let merged = Bucket { sum: a.sum + b.sum, spread: a.spread + b.spread + size * gap * gap / 2.0 };
            if row + 1 == self.rows.len() {
                self.rows.push(Vec::new());
            }
            row += 1;
            self.rows[row].push(merged);
        }
    }

    /// Drops the oldest buckets while some cut of the window has parts of different means.
    fn cut(&mut self) -> bool {
        let mut changed = false;
        while self.has_cut() {
            changed = true;
            self.drop_oldest();
        }
        changed
    }

    fn has_cut(&self) -> bool {
        let (mut old, mut old_sum) = (0.0, 0.0);
        let variance = self.spread / self.count.max(1.0);
        let confidence = (2.0 * self.count.max(2.0).ln() / self.delta).ln();
        for (row, buckets) in self.rows.iter().enumerate().rev() {
            for bucket in buckets {
                old += (1_u64 << row) as f64;
                old_sum += bucket.sum;
                let new = self.count - old;
                if new < PART_MIN {
                    return false;
                }
                if old < PART_MIN {
                    continue;
                }
                let harmonic = 1.0 / (old - PART_MIN + 1.0) + 1.0 / (new - PART_MIN + 1.0);
                let bound = (2.0 * harmonic * variance * confidence).sqrt() + 2.0 / 3.0 * harmonic * confidence;
                if (old_sum / old - (self.sum - old_sum) / new).abs() > bound {
                    return true;
                }
            }
        }
        false
    }

    fn drop_oldest(&mut self) {
        while self.rows.len() > 1 && self.rows.last().is_some_and(Vec::is_empty) {
            self.rows.pop();
        }
        let row = self.rows.len() - 1;
        if self.rows[row].is_empty() {
            return;
        }
        let size = (1_u64 << row) as f64;
        let bucket = self.rows[row].remove(0);
        self.count -= size;
        self.sum -= bucket.sum;
        let gap = bucket.sum / size - self.mean();
        self.spread = (self.spread - bucket.spread - size * self.count / (size + self.count) * gap * gap).max(0.0);
        if self.rows[row].is_empty() && row > 0 {
            self.rows.pop();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Random;

    #[test]
    fn a_steady_stream_raises_few_alarms_and_keeps_its_window() {
        let mut alarms = 0;
        for seed in 0..20 {
            let mut random = Random::new(seed, 8);
            let mut adwin = Adwin::new(0.002);
            (0..20_000).for_each(|_| alarms += usize::from(adwin.update(f64::from(random.unit()))));
            assert!(adwin.width() > 5_000, "seed {seed}: {}", adwin.width());
        }
        assert!(alarms <= 4, "{alarms} in 400,000 values");
    }

    #[test]
    fn a_jump_is_seen_soon_and_the_old_part_is_dropped() {
        for (jump, within) in [(0.5, 100), (0.2, 400), (0.1, 1_500)] {
            let mut random = Random::new(3, 8);
            let mut adwin = Adwin::new(0.002);
            for _ in 0..5_000 {
                adwin.update(0.2 + f64::from(random.unit()) * 0.3);
            }
            let before = adwin.changes();
            let seen = (1..=within).find(|_| adwin.update(0.2 + jump + f64::from(random.unit()) * 0.3));
            assert!(seen.is_some() && adwin.changes() == before + 1, "a jump of {jump} is not seen within {within}");
            for _ in 0..5_000 {
                adwin.update(0.2 + jump + f64::from(random.unit()) * 0.3);
            }
            assert!((adwin.mean() - (0.35 + jump)).abs() < 0.02, "{}", adwin.mean());
        }
    }

    #[test]
    fn sums_stay_those_of_the_window_and_memory_is_logarithmic() {
        let mut random = Random::new(4, 8);
        let mut adwin = Adwin::new(0.002);
        let mut values = Vec::new();
        for step in 0..50_000 {
            let value = f64::from(random.unit()) * if step > 30_000 { 0.4 } else { 1.0 };
            values.push(value);
            adwin.update(value);
        }
        let window = &values[values.len() - adwin.width() as usize..];
        let mean = window.iter().sum::<f64>() / window.len() as f64;
        let spread = window.iter().map(|value| (value - mean) * (value - mean)).sum::<f64>();
        assert!((adwin.mean() - mean).abs() < 1e-9);
        assert!((adwin.spread - spread).abs() < 1e-3 * spread, "{} {spread}", adwin.spread);
        assert!(adwin.rows.iter().map(Vec::len).sum::<usize>() < 120);
    }
}
