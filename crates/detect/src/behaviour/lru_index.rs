//! The two halves of a table: places by hash, and slots by place. Owns how little memory they take and that growing moves no slot: an
//! index cell is eight bytes whatever the key, and slots come in blocks, so that no table ever lies in memory twice. Knows no order.

/// No place.
pub(super) const NONE: u32 = u32::MAX;

/// Cells of the smallest index.
const CELLS_MIN: usize = 8;

/// Places by hash: open addressing, linear probing, deletion by shifting back. Keys are compared by the caller.
#[derive(Default)]
pub(super) struct Index {
    /// Hash and place; a power of two of them, or none at all.
    cells: Vec<(u32, u32)>,
    used: usize,
}

impl Index {
    /// The place with this hash that `is` accepts.
    #[inline]
    pub(super) fn find(&self, hash: u32, is: impl Fn(u32) -> bool) -> Option<u32> {
        self.cell(hash, is).map(|cell| self.cells[cell].1)
    }

    #[inline]
    fn cell(&self, hash: u32, is: impl Fn(u32) -> bool) -> Option<usize> {
        let mask = self.cells.len().checked_sub(1)?;
        let mut cell = hash as usize & mask;
        loop {
            let (other, place) = self.cells[cell];
            if place == NONE {
                return None;
            }
            if other == hash && is(place) {
                return Some(cell);
            }
            cell = (cell + 1) & mask;
        }
    }

    /// Adds a place that is not there.
    pub(super) fn insert(&mut self, hash: u32, place: u32) {
        // A quarter stays empty, so that probes stay short.
        if (self.used + 1) * 4 > self.cells.len() * 3 {
            let doubled = (self.cells.len() * 2).max(CELLS_MIN);
            for (hash, place) in std::mem::replace(&mut self.cells, vec![(0, NONE); doubled]) {
                if place != NONE {
                    self.put(hash, place);
                }
            }
        }
        self.put(hash, place);
        self.used += 1;
    }

    fn put(&mut self, hash: u32, place: u32) {
        let mask = self.cells.len() - 1;
        let mut cell = hash as usize & mask;
        while self.cells[cell].1 != NONE {
            cell = (cell + 1) & mask;
        }
        self.cells[cell] = (hash, place);
    }

    /// Another place for what had `from`.
    pub(super) fn renumber(&mut self, hash: u32, from: u32, to: u32) {
        if let Some(cell) = self.cell(hash, |place| place == from) {
            self.cells[cell].1 = to;
        }
    }

    /// Forgets a place.
    pub(super) fn remove(&mut self, hash: u32, place: u32) {
        let Some(mut hole) = self.cell(hash, |other| other == place) else { return };
        let mask = self.cells.len() - 1;
        let mut next = (hole + 1) & mask;
        // What follows moves back unless it would come before its own beginning.
        while self.cells[next].1 != NONE {
            let from_home = next.wrapping_sub(self.cells[next].0 as usize) & mask;
            if from_home >= next.wrapping_sub(hole) & mask {
                self.cells[hole] = self.cells[next];
                hole = next;
            }
            next = (next + 1) & mask;
        }
        self.cells[hole] = (0, NONE);
        self.used -= 1;
    }
}

/// Slots of one block, as a power of two.
const BLOCK_BITS: u32 = 7;
const BLOCK: usize = 1 << BLOCK_BITS;

/// Slots by place, without gaps.
pub(super) struct Blocks<T> {
    /// All full but the last that is not empty.
    blocks: Vec<Vec<T>>,
    len: usize,
}

impl<T> Blocks<T> {
    pub(super) fn new() -> Self {
        Self { blocks: Vec::new(), len: 0 }
    }

    pub(super) fn len(&self) -> usize {
        self.len
    }

    #[inline]
    pub(super) fn get(&self, place: u32) -> Option<&T> {
        self.blocks.get((place >> BLOCK_BITS) as usize)?.get(place as usize & (BLOCK - 1))
    }

    /// The slot of a place that is there.
    #[inline]
    pub(super) fn at(&self, place: u32) -> &T {
        &self.blocks[(place >> BLOCK_BITS) as usize][place as usize & (BLOCK - 1)]
    }

    /// The slot of a place that is there.
    #[inline]
    pub(super) fn at_mut(&mut self, place: u32) -> &mut T {
        &mut self.blocks[(place >> BLOCK_BITS) as usize][place as usize & (BLOCK - 1)]
    }

    /// Adds a slot at the end.
    pub(super) fn push(&mut self, slot: T) {
        let block = self.len >> BLOCK_BITS;
        if block == self.blocks.len() {
            // The first block grows with its use: most tables hold little.
            self.blocks.push(if block == 0 { Vec::new() } else { Vec::with_capacity(BLOCK) });
        }
        self.blocks[block].push(slot);
        self.len += 1;
    }

    /// Takes a slot that is there out; the last one moves into its place.
    pub(super) fn swap_remove(&mut self, place: u32) -> Option<T> {
        let last = self.len.checked_sub(1)?;
        let slot = self.blocks.get_mut(last >> BLOCK_BITS)?.pop()?;
        self.len = last;
        Some(if place as usize == last { slot } else { std::mem::replace(self.at_mut(place), slot) })
    }

    /// Every slot in the order of memory.
    pub(super) fn iter(&self) -> impl Iterator<Item = &T> {
        self.blocks.iter().flatten()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_index_says_what_a_map_says_however_often_hashes_meet() {
        let (mut index, mut map) = (Index::default(), std::collections::HashMap::new());
        let mut x = 1u64;
        for place in 0..200_000_u32 {
            x = x.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            // Sixteen beginnings at the end of the cells, so that probes wrap, among others.
            let hash = if x >> 63 == 0 { u32::MAX - (x >> 40) as u32 % 16 } else { (x >> 50) as u32 };
            if let Some(old) = map.remove(&hash) {
                assert_eq!(index.find(hash, |p| p == old), Some(old));
                index.remove(hash, old);
            } else {
                map.insert(hash, place);
                index.insert(hash, place);
            }
            assert_eq!(index.find(hash, |_| true), map.get(&hash).copied());
        }
        assert_eq!(index.used, map.len());
        assert!(map.iter().all(|(hash, place)| index.find(*hash, |p| p == *place) == Some(*place)));
    }

    #[test]
    fn blocks_are_a_list() {
        let (mut blocks, mut list) = (Blocks::new(), Vec::new());
        for n in 0..1_000_u32 {
            blocks.push(n);
            list.push(n);
            if n % 3 == 0 {
                let place = n / 2 % list.len() as u32;
                assert_eq!(blocks.swap_remove(place), Some(list.swap_remove(place as usize)));
            }
        }
        assert_eq!((blocks.iter().copied().collect::<Vec<_>>(), blocks.len()), (list.clone(), list.len()));
        while let Some(last) = list.pop() {
            assert_eq!(blocks.swap_remove(list.len() as u32), Some(last));
        }
        assert!(blocks.swap_remove(0).is_none() && blocks.get(0).is_none());
    }
}
