//! Which offsets may be committed: all before the first message that is not done with. Owns the arithmetic; commits nothing.

use std::collections::{BTreeMap, BTreeSet};

/// Offsets of one consumer, by topic and partition.
#[derive(Default)]
pub struct Offsets {
    open: BTreeMap<(usize, i32), BTreeSet<i64>>,
    next: BTreeMap<(usize, i32), i64>,
    committed: BTreeMap<(usize, i32), i64>,
}

impl Offsets {
    /// A message came; false when the same one is being worked on already: brokers give it again after a break.
    pub fn came(&mut self, topic: usize, partition: i32, offset: i64) -> bool {
        let next = self.next.entry((topic, partition)).or_default();
        *next = (*next).max(offset + 1);
        self.open.entry((topic, partition)).or_default().insert(offset)
    }

    /// A message is done with.
    pub fn done(&mut self, topic: usize, partition: i32, offset: i64) {
        if let Some(open) = self.open.get_mut(&(topic, partition)) {
            open.remove(&offset);
        }
    }

    /// `(topic, partition, next offset)` of all that moved since the last call.
    pub fn due(&mut self) -> Vec<(usize, i32, i64)> {
        let mut due = Vec::new();
        for (place, next) in &self.next {
            let first_open = self.open.get(place).and_then(|open| open.first().copied());
            let next = first_open.unwrap_or(*next);
            if self.committed.get(place) != Some(&next) {
                self.committed.insert(*place, next);
                due.push((place.0, place.1, next));
            }
        }
        due
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_committed_past_what_is_open() {
        let mut offsets = Offsets::default();
        for offset in 10..15 {
            assert!(offsets.came(0, 2, offset));
        }
        assert!(!offsets.came(0, 2, 12), "it is being worked on");
        assert_eq!(offsets.due(), [(0, 2, 10)]);
        offsets.done(0, 2, 11);
        assert_eq!(offsets.due(), [], "10 is open");
        offsets.done(0, 2, 10);
        assert_eq!(offsets.due(), [(0, 2, 12)]);
        for offset in [12, 13, 14] {
            offsets.done(0, 2, offset);
        }
        offsets.came(1, 0, 7);
        assert_eq!(offsets.due(), [(0, 2, 15), (1, 0, 7)]);
        assert_eq!(offsets.due(), []);
    }
}
