//! Seeded randomness and the distributions traffic is made of. Owns the only generator of a simulation; knows no clock
//! and no packet. The same seed gives the same numbers on every run.

use rand_pcg::Pcg64Mcg;
use rand_pcg::rand_core::{Rng, SeedableRng};

/// The simulation's generator (PCG, XSL-RR 128/64): fast and reproducible, not meant for secrets.
#[derive(Debug)]
pub(super) struct Random(Pcg64Mcg);

impl Random {
    /// From a user's seed.
    pub(super) fn new(seed: u64) -> Self {
        Self(Pcg64Mcg::seed_from_u64(seed))
    }
    /// Uniform over all 64-bit values.
    #[inline]
    pub(super) fn bits(&mut self) -> u64 {
        self.0.next_u64()
    }
    /// Uniform in `0..n`; 0 when `n` is 0. The bias of the multiply-shift is below 2⁻³² for the small ranges used here.
    #[inline]
    pub(super) fn below(&mut self, n: usize) -> usize {
        ((u128::from(self.bits()) * n as u128) >> 64) as usize
    }
    /// Uniform in `low..=high`.
    #[inline]
    pub(super) fn between(&mut self, low: i64, high: i64) -> i64 {
        low + self.below((high - low + 1).max(1) as usize) as i64
    }
    /// Uniform in `[0, 1)`.
    #[inline]
    pub(super) fn unit(&mut self) -> f64 {
        (self.bits() >> 11) as f64 / (1u64 << 53) as f64
    }
    /// True with probability `p`.
    #[inline]
    pub(super) fn chance(&mut self, p: f64) -> bool {
        self.unit() < p
    }
    /// Exponential with the given mean: the gaps of a Poisson process.
    pub(super) fn exponential(&mut self, mean: f64) -> f64 {
        -mean * (1.0 - self.unit()).ln()
    }
    /// Log-normal with the given median and sigma of the logarithm (Box-Muller).
    pub(super) fn log_normal(&mut self, median: f64, sigma: f64) -> f64 {
        let radius = (-2.0 * (1.0 - self.unit()).ln()).sqrt();
        median * (sigma * radius * (std::f64::consts::TAU * self.unit()).cos()).exp()
    }
    /// Pareto cut at `max`: the heavy tail of object sizes (shape 1.2 in Crovella and Bestavros, 1997).
    pub(super) fn pareto(&mut self, min: f64, shape: f64, max: f64) -> f64 {
        (min / (1.0 - self.unit()).powf(1.0 / shape)).min(max)
    }
    /// One of a slice that is not empty.
    #[inline]
    pub(super) fn pick<'a, T>(&mut self, of: &'a [T]) -> &'a T {
        &of[self.below(of.len())]
    }
    /// An index by weight; 0 when all weights are 0.
    pub(super) fn weighted(&mut self, weights: &[f64]) -> usize {
        let mut left = self.unit() * weights.iter().sum::<f64>();
        for (i, w) in weights.iter().enumerate() {
            left -= w;
            if left < 0.0 {
                return i;
            }
        }
        0
    }
    /// `n` random bytes.
    pub(super) fn bytes(&mut self, n: usize) -> Vec<u8> {
        let mut out = vec![0; n];
        self.0.fill_bytes(&mut out);
        out
    }
    /// An exponential gap in nanoseconds around `mean_s` seconds.
    pub(super) fn gap_ns(&mut self, mean_s: f64) -> i64 {
        (self.exponential(mean_s) * 1e9) as i64
    }
    /// `ns` spread by a log-normal factor: queueing and think times.
    pub(super) fn jitter_ns(&mut self, ns: i64, sigma: f64) -> i64 {
        (self.log_normal(ns as f64, sigma) as i64).max(1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distributions_have_the_means_and_bounds_they_claim() {
        let mut r = Random::new(7);
        let mean = (0..20_000).map(|_| r.exponential(2.0)).sum::<f64>() / 20_000.0;
        assert!((1.9..2.1).contains(&mean), "{mean}");
        assert!((0..5000).all(|_| (10.0..=1e6).contains(&r.pareto(10.0, 1.1, 1e6))));
        assert!((0..5000).all(|_| (-3..=4).contains(&r.between(-3, 4))));
        assert_eq!(r.below(0), 0);
        assert_eq!(Random::new(5).bits(), Random::new(5).bits());
    }
}
