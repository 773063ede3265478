//! Seeded randomness. Distributions are written out here, so that a seed means the same numbers in every release of the
//! generator's crate.

use rand_pcg::Pcg64;
use rand_pcg::rand_core::{Rng, SeedableRng};

/// A seeded source.
pub(crate) struct Random(Pcg64);

impl Random {
    /// A source for one purpose: equal seeds with different `stream` give unrelated numbers.
    pub(crate) fn new(seed: u64, stream: u64) -> Self {
        Self(Pcg64::seed_from_u64(seed ^ stream.wrapping_mul(0x9e37_79b9_7f4a_7c15)))
    }
    /// 0 ≤ x < 1, 24 bits.
    pub(crate) fn unit(&mut self) -> f32 {
        (self.0.next_u64() >> 40) as f32 / (1u32 << 24) as f32
    }
    /// 0 ≤ x < `bound`; `bound` at least 1. The bias is below 2^-32 for the bounds used here.
    pub(crate) fn below(&mut self, bound: usize) -> usize {
        ((u128::from(self.0.next_u64()) * bound as u128) >> 64) as usize
    }
    /// `count` distinct indices below `total`, in random order; all of them when `count` is larger.
    pub(crate) fn sample(&mut self, total: usize, count: usize) -> Vec<usize> {
        let mut indices: Vec<usize> = (0..total).collect();
        let count = count.min(total);
        for place in 0..count {
            let other = place + self.below(total - place);
            indices.swap(place, other);
        }
        indices.truncate(count);
        indices
    }
    /// Standard normal, Box–Muller.
    pub(crate) fn normal(&mut self) -> f32 {
        let radius = (-2.0 * (1.0 - self.unit()).ln()).sqrt();
        radius * (std::f32::consts::TAU * self.unit()).cos()
    }
}

#[cfg(test)]
mod tests {
    use super::Random;

    #[test]
    fn a_sample_is_distinct_and_repeats_with_its_seed() {
        let mut indices = Random::new(7, 1).sample(100, 40);
        assert_eq!(indices, Random::new(7, 1).sample(100, 40));
        assert_ne!(indices, Random::new(7, 2).sample(100, 40));
        indices.sort_unstable();
        indices.dedup();
        assert_eq!(indices.len(), 40);
        assert_eq!(Random::new(7, 1).sample(3, 9).len(), 3);
    }

    #[test]
    fn normal_has_mean_0_and_deviation_1() {
        let mut random = Random::new(1, 1);
        let values: Vec<f64> = (0..20_000).map(|_| f64::from(random.normal())).collect();
        let mean = values.iter().sum::<f64>() / 20_000.0;
        let variance = values.iter().map(|v| (v - mean) * (v - mean)).sum::<f64>() / 20_000.0;
        assert!(mean.abs() < 0.03 && (variance - 1.0).abs() < 0.05, "mean {mean}, variance {variance}");
    }
}
