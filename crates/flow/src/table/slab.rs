//! Numbered storage in chunks: grows with use, never moves what it holds, and hands freed places out again newest first,
//! because those are still in the processor's cache.

use super::index::NONE;

/// Places per chunk, a power of two: about half a mebibyte of flows.
const CHUNK: usize = 1 << 10;

/// Chunked storage of `T`.
pub(super) struct Slab<T> {
    chunks: Vec<Vec<T>>,
    free: Vec<u32>,
    used: u32,
}

impl<T> Slab<T> {
    pub(super) fn new() -> Self {
        Self { chunks: Vec::new(), free: Vec::new(), used: 0 }
    }

    /// Stores a value; `NONE` only when 2^32 − 1 places are taken.
    pub(super) fn insert(&mut self, value: T) -> u32 {
        if let Some(slot) = self.free.pop() {
            self.chunks[slot as usize / CHUNK][slot as usize % CHUNK] = value;
            return slot;
        }
        if self.used == NONE {
            return NONE;
        }
        if (self.used as usize).is_multiple_of(CHUNK) {
            self.chunks.push(Vec::with_capacity(CHUNK));
        }
        if let Some(chunk) = self.chunks.last_mut() {
            chunk.push(value);
        }
        self.used += 1;
        self.used - 1
    }

    /// Gives a place back. Its value stays until the place is used again.
    pub(super) fn release(&mut self, slot: u32) {
        self.free.push(slot);
    }

    /// Places ever used: every slot number is below.
    pub(super) fn places(&self) -> u32 {
        self.used
    }

    #[inline]
    pub(super) fn get(&self, slot: u32) -> &T {
        &self.chunks[slot as usize / CHUNK][slot as usize % CHUNK]
    }

    #[inline]
    pub(super) fn get_mut(&mut self, slot: u32) -> &mut T {
        &mut self.chunks[slot as usize / CHUNK][slot as usize % CHUNK]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_reused_newest_first() {
        let mut slab = Slab::new();
        let slots: Vec<u32> = (0..3_000).map(|n| slab.insert(n)).collect();
        slab.release(slots[5]);
        slab.release(slots[2_999]);
        assert_eq!((slab.insert(-1), slab.insert(-2), slab.insert(-3)), (2_999, 5, 3_000));
        assert_eq!((*slab.get(5), *slab.get(2_999), *slab.get(6), slab.places()), (-2, -1, 6, 3_001));
    }
}
