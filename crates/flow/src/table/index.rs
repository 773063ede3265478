//! The hash index of the flow table: open addressing over one flat array of eight-byte cells, so that a batch's cells can
//! be read ahead of their use. A cell holds 32 bits of hash and a slot number; a hit is confirmed on the entry's key.

/// No slot.
pub(super) const NONE: u32 = u32::MAX;
/// Smallest number of cells, a power of two.
const CELLS_MIN: usize = 1 << 12;
/// Odd constant of Fibonacci hashing: spreads hashes that agree in some of their bits (as those of one shard do).
const SPREAD: u64 = 0x9e37_79b9_7f4a_7c15;

/// Linear probing, deletion by shifting back, load at most one half.
pub(super) struct Index {
    /// `tag << 32 | slot + 1`; 0 is empty.
    cells: Vec<u64>,
    used: usize,
    /// 32 − log2(cells): a tag shifted by this is its home.
    shift: u32,
}

#[inline]
fn tag_of(hash: u64) -> u32 {
    (hash.wrapping_mul(SPREAD) >> 32) as u32
}

#[inline]
fn slot_of(cell: u64) -> u32 {
    (cell as u32).wrapping_sub(1)
}

impl Index {
    pub(super) fn new() -> Self {
        Self { cells: vec![0; CELLS_MIN], used: 0, shift: 32 - CELLS_MIN.trailing_zeros() }
    }

    #[inline]
    fn home(&self, tag: u32) -> usize {
        (tag >> self.shift) as usize
    }

    /// The first slot whose tag agrees and that `confirm` accepts; `NONE` when there is none.
    #[inline]
    pub(super) fn find(&self, hash: u64, mut confirm: impl FnMut(u32) -> bool) -> u32 {
        let tag = tag_of(hash);
        let mask = self.cells.len() - 1;
        let mut at = self.home(tag);
        loop {
            let cell = self.cells[at & mask];
            if cell == 0 {
                return NONE;
            }
            if (cell >> 32) as u32 == tag && confirm(slot_of(cell)) {
                return slot_of(cell);
            }
            at += 1;
        }
    }

    /// Adds a slot; the caller knows that its key is not there yet.
    pub(super) fn insert(&mut self, hash: u64, slot: u32) {
        if (self.used + 1) * 2 > self.cells.len() {
            self.grow();
        }
        self.place(u64::from(tag_of(hash)) << 32 | u64::from(slot + 1));
        self.used += 1;
    }

    /// Takes a slot out.
    pub(super) fn remove(&mut self, hash: u64, slot: u32) {
        let tag = tag_of(hash);
        let wanted = u64::from(tag) << 32 | u64::from(slot + 1);
        let mask = self.cells.len() - 1;
        let mut hole = self.home(tag);
        while self.cells[hole & mask] != wanted {
            if self.cells[hole & mask] == 0 {
                return;
            }
            hole += 1;
        }
        hole &= mask;
        self.used -= 1;
        let mut next = hole;
        loop {
            next = (next + 1) & mask;
            let cell = self.cells[next];
            if cell == 0 {
                break;
            }
            // A cell may move back to the hole when its home does not lie between the hole and itself.
            let home = self.home((cell >> 32) as u32);
            if (next.wrapping_sub(home) & mask) >= (next.wrapping_sub(hole) & mask) {
                self.cells[hole] = cell;
                hole = next;
            }
        }
        self.cells[hole] = 0;
    }

    fn place(&mut self, cell: u64) {
        let mask = self.cells.len() - 1;
        let mut at = self.home((cell >> 32) as u32);
        while self.cells[at & mask] != 0 {
            at += 1;
        }
        self.cells[at & mask] = cell;
    }

    fn grow(&mut self) {
        let doubled = vec![0; self.cells.len() * 2];
        let old = std::mem::replace(&mut self.cells, doubled);
        self.shift -= 1;
        for cell in old.into_iter().filter(|c| *c != 0) {
            self.place(cell);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    /// A small linear congruential generator: the test needs spread, not quality.
    fn next(state: &mut u64) -> u64 {
        *state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        *state ^ *state >> 29
    }

    #[test]
    fn it_agrees_with_a_map_through_growth_and_deletion() {
        let (mut index, mut model, mut state) = (Index::new(), BTreeMap::new(), 7_u64);
        for slot in 0..40_000_u32 {
            // Only 5,000 different hashes: many collisions, told apart by slot.
            let hash = next(&mut state) % 5_000;
            index.insert(hash, slot);
            model.insert(slot, hash);
            if slot % 3 == 0 {
                let victim = (next(&mut state) % u64::from(slot + 1)) as u32;
                if let Some(hash) = model.remove(&victim) {
                    index.remove(hash, victim);
                }
            }
        }
        assert_eq!(index.used, model.len());
        for (slot, hash) in &model {
            assert_eq!(index.find(*hash, |s| s == *slot), *slot);
        }
        for (slot, hash) in model {
            index.remove(hash, slot);
            assert_eq!(index.find(hash, |s| s == slot), NONE);
        }
        assert!(index.cells.iter().all(|c| *c == 0));
    }
}
