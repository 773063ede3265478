//! A set of 16-bit values that starts as a short list and becomes a bitmap. Exact for ports and protocols; for hashes of
//! addresses or names its size is estimated by linear counting (Whang 1990).

/// Values kept as a list before the bitmap, 8 KiB, is made.
const LIST_MAX: usize = 64;
/// Bits of the bitmap.
const BITS: f64 = 65_536.0;

/// Set of `u16`.
#[derive(Clone, Debug, Default)]
pub(super) struct Set16 {
    list: Vec<u16>,
    bitmap: Option<Box<[u64; 1024]>>,
    count: u32,
}

impl Set16 {
    /// Adds a value; true when it was not there.
    pub(super) fn insert(&mut self, value: u16) -> bool {
        let fresh = if let Some(bits) = &mut self.bitmap {
            let (word, bit) = (usize::from(value >> 6), 1u64 << (value & 63));
            let fresh = bits[word] & bit == 0;
            bits[word] |= bit;
            fresh
        } else if self.list.contains(&value) {
            false
        } else {
            self.list.push(value);
            if self.list.len() > LIST_MAX {
                self.grow();
            }
            true
        };
        self.count += u32::from(fresh);
        fresh
    }

    /// Values inserted, exact.
    pub(super) fn count(&self) -> u32 {
        self.count
    }

    /// Distinct things behind 16-bit hashes, by linear counting.
    pub(super) fn estimate(&self) -> u64 {
        let empty = (BITS - f64::from(self.count)).max(1.0);
        (BITS * (BITS / empty).ln()).round() as u64
    }

    fn grow(&mut self) {
        let mut bits = Box::new([0u64; 1024]);
        for value in self.list.drain(..) {
            bits[usize::from(value >> 6)] |= 1 << (value & 63);
        }
        self.list = Vec::new();
        self.bitmap = Some(bits);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_exact_over_all_values() {
        let mut set = Set16::default();
        for round in 0..2 {
            for value in 0..=u16::MAX {
                assert_eq!(set.insert(value), round == 0);
            }
        }
        assert_eq!(set.count(), 65_536);
    }

    #[test]
    fn estimates_hashed_things_within_three_percent() {
        let mut set = Set16::default();
        for i in 0..20_000u64 {
            set.insert(super::super::lru::hash_of(&i) as u16);
        }
        let estimate = set.estimate() as f64;
        assert!((estimate - 20_000.0).abs() < 600.0, "{estimate}");
    }
}
