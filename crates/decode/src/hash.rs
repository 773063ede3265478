//! The flow hash. Owns the mixing; depends on nothing but the key, so that workers, files and runs agree.

use record::{Endpoint, FlowKey};

// Odd constants with about half of their bits set, as folded-multiply hashes need (the fraction digits of pi).
const K0: u64 = 0x243f_6a88_85a3_08d3;
const K1: u64 = 0x1319_8a2e_0370_7345;
const K2: u64 = 0xa409_3822_299f_31d1;

/// 128-bit product folded to 64 bits: every input bit reaches every output bit.
#[inline(always)]
const fn fold(a: u64, b: u64) -> u64 {
    let product = (a as u128) * (b as u128);
    (product as u64) ^ ((product >> 64) as u64)
}

#[inline(always)]
const fn halves(endpoint: &Endpoint) -> (u64, u64) {
    let whole = u128::from_le_bytes(endpoint.addr.0);
    (whole as u64, (whole >> 64) as u64)
}

/// Hash of a canonical key: symmetric because the key is, well mixed in all 64 bits, the same on every machine.
/// Not keyed: someone who chooses addresses and ports can make collisions, which the flow table must bound.
#[inline]
#[must_use]
pub const fn flow_hash(key: &FlowKey) -> u64 {
    let (low_a, low_b) = halves(&key.low);
    let (high_a, high_b) = halves(&key.high);
    let rest = (key.low.port as u64) | ((key.high.port as u64) << 16) | ((key.proto as u64) << 32);
    let low = fold(low_a ^ K0, low_b ^ K1);
    let high = fold(high_a ^ K1, high_b ^ K2);
    fold(low ^ K2 ^ rest, high.rotate_left(32) ^ K0 ^ rest.wrapping_mul(K1))
}

#[cfg(test)]
mod tests {
    use super::*;
    use record::IpAddr16;
    use std::collections::BTreeSet;

    fn key(n: u32) -> FlowKey {
        let src = Endpoint { addr: IpAddr16::v4([10, 0, (n >> 8) as u8, n as u8]), port: 40_000 };
        let dest = Endpoint { addr: IpAddr16::v4([192, 0, 2, 1]), port: 443 };
        FlowKey::new(src, dest, 6).0
    }

    #[test]
    fn neighbours_spread_over_every_bit() {
        let hashes: BTreeSet<u64> = (0..20_000).map(|n| flow_hash(&key(n))).collect();
        assert_eq!(hashes.len(), 20_000);
        for bits in [0, 8, 24, 40, 56] {
            let mut buckets = [0u32; 256];
            for hash in &hashes {
                buckets[(hash >> bits & 0xff) as usize] += 1;
            }
            assert!(buckets.iter().all(|n| (30..150).contains(n)), "bits {bits}: {buckets:?}");
        }
    }

    #[test]
    fn each_part_of_the_key_counts() {
        let base = key(1);
        let mut other = base;
        other.proto = 17;
        assert_ne!(flow_hash(&base), flow_hash(&other));
        let mut other = base;
        other.low.port ^= 1;
        assert_ne!(flow_hash(&base), flow_hash(&other));
        let mut other = base;
        other.high.port ^= 1;
        assert_ne!(flow_hash(&base), flow_hash(&other));
    }
}
