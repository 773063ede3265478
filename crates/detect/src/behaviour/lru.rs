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
}

/// A slot's place in the order of touch. Beside the slots and not in them: a touch changes four of these and looks at one slot, and
/// sixteen bytes stay in the cache where slots of hundreds do not.
struct Link {
    touched: Timestamp,
    newer: u32,
    older: u32,
}

/// Bounded table with least-recently-touched eviction.
pub(super) struct Lru<K, V> {
    index: Index,
    slots: Blocks<Slot<K, V>>,
    /// One a slot, at the same place.
    links: Blocks<Link>,
    newest: u32,
    oldest: u32,
    capacity: usize,
    evicted: u64,
}

impl<K: Hash + Eq + Clone, V> Lru<K, V> {
    /// A table of at most `capacity` entries (at least 1); memory grows with use.
    pub(super) fn new(capacity: usize) -> Self {
        let capacity = capacity.clamp(1, NONE as usize - 1);
        let (slots, links) = (Blocks::new(), Blocks::new());
        Self { index: Index::default(), slots, links, newest: NONE, oldest: NONE, capacity, evicted: 0 }
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
            let slot = Slot { key: key.clone(), value: make() };
            let at = if self.slots.len() >= self.capacity { self.replace_oldest(slot) } else { self.append(slot) };
            self.links.at_mut(at).touched = now;
            self.index.insert(hash, at);
            self.link_newest(at);
            at
        };
        let link = self.links.at_mut(at);
        link.touched = link.touched.max(now);
        &mut self.slots.at_mut(at).value
    }

    fn append(&mut self, slot: Slot<K, V>) -> u32 {
        let at = self.slots.len() as u32;
        self.slots.push(slot);
        self.links.push(Link { touched: Timestamp(0), newer: NONE, older: NONE });
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
        while self.links.get(self.oldest).is_some_and(|link| now.since(link.touched) > idle_ns) {
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
            at = self.links.at(at).newer;
            Some((&slot.key, &slot.value))
        })
    }

    /// Every key with the time of its last touch, longest untouched first.
    pub(super) fn iter_touched(&self) -> impl Iterator<Item = (&K, Timestamp)> {
        let mut at = self.oldest;
        std::iter::from_fn(move || {
            let slot = self.slots.get(at)?;
            let link = self.links.at(at);
            at = link.newer;
            Some((&slot.key, link.touched))
        })
    }

    fn unlink(&mut self, at: u32) {
        let link = self.links.at(at);
        let (newer, older) = (link.newer, link.older);
        if newer == NONE {
            self.newest = older;
        } else {
            self.links.at_mut(newer).older = older;
        }
        if older == NONE { self.oldest = newer } else { self.links.at_mut(older).newer = newer }
    }

    fn link_newest(&mut self, at: u32) {
        let before = self.newest;
        let link = self.links.at_mut(at);
        (link.newer, link.older) = (NONE, before);
        if before == NONE {
            self.oldest = at;
        } else {
            self.links.at_mut(before).newer = at;
        }
        self.newest = at;
    }

    /// Removes a slot that is there; the last slot moves into its place.
    fn remove_at(&mut self, at: u32) -> Option<(K, V)> {
        self.unlink(at);
        let slot = self.slots.swap_remove(at)?;
        self.links.swap_remove(at);
        self.index.remove(word(&slot.key), at);
        let moved_from = self.slots.len() as u32;
        if at != moved_from {
            let hash = word(&self.slots.at(at).key);
            let Link { newer, older, .. } = *self.links.at(at);
            if newer == NONE {
                self.newest = at;
            } else {
                self.links.at_mut(newer).older = at;
            }
            if older == NONE {
                self.oldest = at;
            } else {
                self.links.at_mut(older).newer = at;
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
