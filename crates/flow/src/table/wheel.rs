//! The timing wheel: which flows may end soon. Lazy: a flow is moved only when its bucket comes due and it turns out to
//! have been busy since, so that a packet costs no list operation. Links live inside the entries; this file owns the
//! bucket heads.

use super::entry::Entry;
use super::index::NONE;
use super::slab::Slab;

/// One tick is 2^26 ns, about 67 ms.
const TICK_SHIFT: u32 = 26;
/// Buckets, a power of two: a horizon of 275 s. Later deadlines wait in the last bucket and are looked at again.
const BUCKETS: i64 = 1 << 12;
/// Words of the map of buckets in use.
const WORDS: usize = BUCKETS as usize / 64;

/// Bucket heads and the map of those that are not empty.
pub(super) struct Wheel {
    heads: Vec<u32>,
    occupied: [u64; WORDS],
    /// Every tick up to this one was looked at.
    done: i64,
}

/// The tick of a time.
fn tick(ns: i64) -> i64 {
    ns >> TICK_SHIFT
}

impl Wheel {
    pub(super) fn new() -> Self {
        Self { heads: vec![NONE; BUCKETS as usize], occupied: [0; WORDS], done: i64::MIN / 2 }
    }

    /// Sets the clock without looking at any bucket (the first packet, or a clock that stepped back).
    pub(super) fn set(&mut self, now_ns: i64) {
        self.done = tick(now_ns) - 1;
    }

    /// The first time at which `next_due` may find something.
    pub(super) fn next_ns(&self) -> i64 {
        (self.done + 1) << TICK_SHIFT
    }

    /// Puts a flow into the bucket after its deadline.
    pub(super) fn link(&mut self, slab: &mut Slab<Entry>, slot: u32, deadline_ns: i64) {
        let due = (tick(deadline_ns) + 1).clamp(self.done + 1, self.done + BUCKETS - 1);
        let bucket = (due & (BUCKETS - 1)) as usize;
        let head = std::mem::replace(&mut self.heads[bucket], slot);
        let entry = slab.get_mut(slot);
        entry.bucket = bucket as u16;
        entry.next = head;
        entry.prev = NONE;
        if head == NONE {
            self.occupied[bucket / 64] |= 1 << (bucket % 64);
        } else {
            slab.get_mut(head).prev = slot;
        }
    }

    /// Takes a flow out of its bucket.
    pub(super) fn unlink(&mut self, slab: &mut Slab<Entry>, slot: u32) {
        let (prev, next, bucket) = {
            let entry = slab.get(slot);
            (entry.prev, entry.next, usize::from(entry.bucket))
        };
        if prev == NONE {
            self.heads[bucket] = next;
            if next == NONE {
                self.occupied[bucket / 64] &= !(1 << (bucket % 64));
            }
        } else {
            slab.get_mut(prev).next = next;
        }
        if next != NONE {
            slab.get_mut(next).prev = prev;
        }
    }

    /// A flow in a bucket that is due at `now_ns`; None when all due buckets are empty. The caller ends it or links it
    /// again with a later deadline.
    pub(super) fn next_due(&mut self, now_ns: i64) -> Option<u32> {
        let now = tick(now_ns);
        while self.done < now {
            let bucket = ((self.done + 1) & (BUCKETS - 1)) as usize;
            if self.heads[bucket] != NONE {
                return Some(self.heads[bucket]);
            }
            // Skip to the next bucket in use; none in a whole turn means that nothing waits.
            let gap = self.empty_after(bucket);
            self.done = (self.done + gap).min(now);
        }
        None
    }

    /// The flow that is nearest to its time-out as far as the wheel knows.
    pub(super) fn soonest(&self) -> Option<u32> {
        let bucket = ((self.done + 1) & (BUCKETS - 1)) as usize;
        let gap = if self.heads[bucket] == NONE { self.empty_after(bucket) } else { 0 };
        let head = self.heads[(bucket + gap as usize) & (BUCKETS as usize - 1)];
        (head != NONE).then_some(head)
    }

    /// Buckets from `bucket` (itself empty) to the next one in use; a whole turn when there is none.
    fn empty_after(&self, bucket: usize) -> i64 {
        let first = self.occupied[bucket / 64] >> (bucket % 64);
        if first != 0 {
            return i64::from(first.trailing_zeros());
        }
        let mut gap = 64 - bucket % 64;
        for step in 1..=WORDS {
            let word = self.occupied[(bucket / 64 + step) % WORDS];
            if word != 0 {
                return (gap as i64 + i64::from(word.trailing_zeros())).min(BUCKETS);
            }
            gap += 64;
        }
        BUCKETS
    }
}
