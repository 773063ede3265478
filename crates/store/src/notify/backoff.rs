//! How long to wait after a failure: doubling from the first wait to the longest, moved by up to half either way so that many
//! programs do not come back together. Owns no clock and no chance: the seed comes in.

use std::time::Duration;

/// Wait before the next attempt, after `failures` (1 …) in a row.
#[must_use]
pub fn wait(first_s: f64, max_s: f64, failures: u32, seed: u64) -> Duration {
    let doubled = first_s * 2_f64.powi(failures.saturating_sub(1).min(40) as i32);
    let share = mixed(seed ^ u64::from(failures)) as f64 / u64::MAX as f64;
    let seconds = doubled.min(max_s) * (0.5 + share);
    Duration::from_secs_f64(seconds.clamp(0.001, max_s.max(0.001)))
}

/// A seed from a name (FNV-1a): the same channel waits the same on every run.
#[must_use]
pub fn seed_of(name: &str) -> u64 {
    name.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

/// SplitMix64 (Steele, Lea and Flood, 2014).
fn mixed(seed: u64) -> u64 {
    let mut z = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_doubles_up_to_the_longest_and_is_the_same_for_the_same_seed() {
        let seed = seed_of("mail");
        let waits: Vec<f64> = (1..=20).map(|n| wait(1.0, 300.0, n, seed).as_secs_f64()).collect();
        for (n, seconds) in waits.iter().enumerate() {
            let middle = 2_f64.powi(n as i32).min(300.0);
            assert!((middle * 0.5..=(middle * 1.5).min(300.0)).contains(seconds), "{n}: {seconds}");
        }
        assert_eq!(wait(1.0, 300.0, 3, seed), wait(1.0, 300.0, 3, seed));
        assert_ne!(wait(1.0, 300.0, 3, seed), wait(1.0, 300.0, 3, seed_of("chat")));
        assert!(wait(1.0, 300.0, u32::MAX, seed) <= Duration::from_mins(5));
    }
}
