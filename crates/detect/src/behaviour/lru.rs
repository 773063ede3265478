//! A bounded table that forgets what was touched longest ago. Owns the bound, the order of touch and the count of what was
//! forgotten; iteration is in order of touch, so it does not depend on hash order.

use super::lru_index::{Blocks, Index, NONE};
use record::Timestamp;
use std::hash::{Hash, Hasher};

/// Multiply-and-fold hash over eight bytes at a time: addresses are short, and std's default is three times slower.
#[derive(Default)]
pub(super) struct FoldHasher(u64);

/// Odd constant with well spread bits (fraction of the golden ratio).
const FOLD: u64 = 0x9e37_79b9_7f4a_7c15;

impl FoldHasher {
    #[inline]
    fn mix(&mut self, word: u64) {
        let wide = u128::from(self.0 ^ word ^ 0x5851_f42d_4c95_7f2d) * u128::from(FOLD);
        self.0 = (wide as u64) ^ ((wide >> 64) as u64);
    }
}

impl Hasher for FoldHasher {
    #[inline]
    fn finish(&self) -> u64 {
        self.0
    }
    #[inline]
    fn write(&mut self, bytes: &[u8]) {
        let mut chunks = bytes.chunks_exact(8);
        for chunk in &mut chunks {
            let mut word = [0u8; 8];
            word.copy_from_slice(chunk);
            self.mix(u64::from_le_bytes(word));
        }
        let rest = chunks.remainder();
        if !rest.is_empty() {
            let mut word = [0u8; 8];
            word[..rest.len()].copy_from_slice(rest);
            self.mix(u64::from_le_bytes(word) ^ (rest.len() as u64) << 56);
        }
    }
    #[inline]
    fn write_u8(&mut self, n: u8) {
        self.mix(u64::from(n));
    }
    #[inline]
    fn write_u16(&mut self, n: u16) {
        self.mix(u64::from(n));
    }
    #[inline]
    fn write_u64(&mut self, n: u64) {
        self.mix(n);
    }
    #[inline]
    fn write_usize(&mut self, n: usize) {
        self.mix(n as u64);
    }
}

/// Hash of a value with the table's own hasher: the same on every machine and run.
pub(super) fn hash_of<T: Hash + ?Sized>(value: &T) -> u64 {
    let mut hasher = FoldHasher::default();
    value.hash(&mut hasher);
    hasher.finish()
}

struct Slot<K, V> {
    key: K,
    value: V,
    touched: Timestamp,
    newer: u32,
    older: u32,
}

/// Bounded table with least-recently-touched eviction.
pub(super) struct Lru<K, V> {
    index: Index,
    slots: Blocks<Slot<K, V>>,
    newest: u32,
    oldest: u32,
    capacity: usize,
    evicted: u64,
}

impl<K: Hash + Eq + Clone, V> Lru<K, V> {
    /// A table of at most `capacity` entries (at least 1); memory grows with use.
    pub(super) fn new(capacity: usize) -> Self {
        let capacity = capacity.clamp(1, NONE as usize - 1);
        Self { index: Index::default(), slots: Blocks::new(), newest: NONE, oldest: NONE, capacity, evicted: 0 }
    }

    /// Entries now.
    pub(super) fn len(&self) -> usize {
        self.slots.len()
    }

    /// Entries forgotten because the table was full.
    pub(super) fn evicted(&self) -> u64 {
        self.evicted
    }

    /// The value, without touching it.
    pub(super) fn peek(&self, key: &K) -> Option<&V> {
        self.place(word(key), key).map(|at| &self.slots.at(at).value)
    }

    /// The value, without touching it.
    pub(super) fn peek_mut(&mut self, key: &K) -> Option<&mut V> {
        self.place(word(key), key).map(|at| &mut self.slots.at_mut(at).value)
    }

    #[inline]
    fn place(&self, hash: u32, key: &K) -> Option<u32> {
        self.index.find(hash, |at| self.slots.at(at).key == *key)
    }

    /// The value, touched; made first when it is not there.
    pub(super) fn touch(&mut self, key: &K, now: Timestamp, make: impl FnOnce() -> V) -> &mut V {
        let hash = word(key);
        let at = if let Some(at) = self.place(hash, key) {
            // What is touched again and again is the newest already.
            if at != self.newest {
                self.unlink(at);
                self.link_newest(at);
            }
            at
        } else {
            let slot = Slot { key: key.clone(), value: make(), touched: now, newer: NONE, older: NONE };
            let at = if self.slots.len() >= self.capacity { self.replace_oldest(slot) } else { self.append(slot) };
            self.index.insert(hash, at);
            self.link_newest(at);
            at
        };
        let slot = self.slots.at_mut(at);
        slot.touched = slot.touched.max(now);
        &mut slot.value
    }

    fn append(&mut self, slot: Slot<K, V>) -> u32 {
        let at = self.slots.len() as u32;
        self.slots.push(slot);
        at
    }

    /// A full table's newest entry takes the place of its oldest, which is forgotten: nothing else moves.
    fn replace_oldest(&mut self, slot: Slot<K, V>) -> u32 {
        self.evicted += 1;
        let at = self.oldest;
        self.unlink(at);
        self.index.remove(word(&self.slots.at(at).key), at);
        *self.slots.at_mut(at) = slot;
        at
    }

    /// Forgets one entry.
    pub(super) fn remove(&mut self, key: &K) -> Option<V> {
        let at = self.place(word(key), key)?;
        self.remove_at(at).map(|(_, value)| value)
    }

    /// Forgets entries not touched for `idle_ns`, oldest first, handing each to `gone`.
    pub(super) fn expire(&mut self, now: Timestamp, idle_ns: i64, mut gone: impl FnMut(K, V)) {
        while self.slots.get(self.oldest).is_some_and(|slot| now.since(slot.touched) > idle_ns) {
            let Some((key, value)) = self.remove_at(self.oldest) else { break };
            gone(key, value);
        }
    }

    /// How many keys agree, at most `most`; quicker than `iter`, because it follows memory and not the order of touch.
    pub(super) fn count_keys(&self, most: usize, agrees: impl Fn(&K) -> bool) -> usize {
        self.slots.iter().filter(|slot| agrees(&slot.key)).take(most).count()
    }

    /// Every entry, longest untouched first.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&K, &V)> {
        let mut at = self.oldest;
        std::iter::from_fn(move || {
            let slot = self.slots.get(at)?;
            at = slot.newer;
            Some((&slot.key, &slot.value))
        })
    }

    /// Every key with the time of its last touch, longest untouched first.
    pub(super) fn iter_touched(&self) -> impl Iterator<Item = (&K, Timestamp)> {
        let mut at = self.oldest;
        std::iter::from_fn(move || {
            let slot = self.slots.get(at)?;
            at = slot.newer;
            Some((&slot.key, slot.touched))
        })
    }

    fn unlink(&mut self, at: u32) {
        let slot = self.slots.at(at);
        let (newer, older) = (slot.newer, slot.older);
        if newer == NONE {
            self.newest = older;
        } else {
            self.slots.at_mut(newer).older = older;
        }
        if older == NONE { self.oldest = newer } else { self.slots.at_mut(older).newer = newer }
    }

    fn link_newest(&mut self, at: u32) {
        let before = self.newest;
        let slot = self.slots.at_mut(at);
        (slot.newer, slot.older) = (NONE, before);
        if before == NONE {
            self.oldest = at;
        } else {
            self.slots.at_mut(before).newer = at;
        }
        self.newest = at;
    }

    /// Removes a slot that is there; the last slot moves into its place.
    fn remove_at(&mut self, at: u32) -> Option<(K, V)> {
        self.unlink(at);
        let slot = self.slots.swap_remove(at)?;
        self.index.remove(word(&slot.key), at);
        let moved_from = self.slots.len() as u32;
        if at != moved_from {
            let moved = self.slots.at(at);
            let (hash, newer, older) = (word(&moved.key), moved.newer, moved.older);
            if newer == NONE {
                self.newest = at;
            } else {
                self.slots.at_mut(newer).older = at;
            }
            if older == NONE {
                self.oldest = at;
            } else {
                self.slots.at_mut(older).newer = at;
            }
            self.index.renumber(hash, moved_from, at);
        }
        Some((slot.key, slot.value))
    }
}

/// A key's word in the index.
fn word<K: Hash>(key: &K) -> u32 {
    let hash = hash_of(key);
    (hash ^ hash >> 32) as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forgets_the_longest_untouched_and_counts_it() {
        let mut table = Lru::new(3);
        for k in 0..3u64 {
            table.touch(&k, Timestamp(k as i64), || k * 10);
        }
        table.touch(&0, Timestamp(5), || 99);
        table.touch(&3, Timestamp(6), || 30);
        assert_eq!(table.evicted(), 1);
        let order: Vec<u64> = table.iter().map(|(k, _)| *k).collect();
        assert_eq!(order, [2, 0, 3]);
        assert_eq!(table.peek(&0), Some(&0));
        assert_eq!(table.peek(&1), None);
        let mut gone = Vec::new();
        table.expire(Timestamp(16), 10, |k, _| gone.push(k));
        assert_eq!(gone, [2, 0]);
        assert_eq!(table.remove(&3), Some(30));
        assert_eq!(table.len(), 0);
        assert_eq!(table.iter().count(), 0);
    }

    #[test]
    fn stays_consistent_under_a_million_random_touches() {
        let mut table = Lru::new(100);
        let mut x = 7u64;
        for i in 0..1_000_000i64 {
            x = x.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let key = x >> 52;
            if key.is_multiple_of(7) {
                table.remove(&key);
            } else {
                table.touch(&key, Timestamp(i), || key);
            }
        }
        assert!(table.len() <= 100);
        assert_eq!(table.iter().count(), table.len());
        assert!(table.iter().all(|(k, v)| k == v && table.peek(k) == Some(v)));
    }
}
