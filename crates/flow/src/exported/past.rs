//! Conversations that were told, so that a later report of the same is its continuation and no new contact. Two generations: the
//! older one is forgotten when the newer is full.

use crate::FixedHasher;
use record::timestamp::NS_PER_S;
use record::{FlowKey, Timestamp};
use std::collections::HashMap;
use std::hash::BuildHasherDefault;

/// A report that begins this long after the last one ended is of a new conversation. Longer than usual idle time-outs of
/// exporters (15 s), shorter than most reuse of ports.
const SILENCE_NS: i64 = 60 * NS_PER_S;
/// A half of a conversation whose other half was told may begin so much earlier or later.
const OVERLAP_NS: i64 = 2 * NS_PER_S;

/// One conversation as last told.
#[derive(Clone, Copy, Debug)]
pub(super) struct Past {
    pub first_seen: Timestamp,
    pub end: Timestamp,
    pub report: u32,
    pub originator_low: bool,
    /// It was closed.
    pub over: bool,
    /// Its opening was told.
    pub syn: bool,
}

impl Past {
    /// True when a report that begins at `start` (with a SYN or without) goes on with it.
    pub(super) fn goes_on(&self, start: Timestamp, syn: bool) -> bool {
        let after = start.since(self.end);
        if after <= 0 {
            // The other half of what was told, or a part of it.
            return start.since(self.first_seen) >= -OVERLAP_NS;
        }
        let opens_again = syn && self.syn;
        after <= SILENCE_NS && !self.over && !opens_again
    }
}

type Map = HashMap<FlowKey, Past, BuildHasherDefault<FixedHasher>>;

/// All that are remembered.
pub(super) struct Pasts {
    newer: Map,
    older: Map,
    max: usize,
}

impl Pasts {
    pub(super) fn new(max: usize) -> Self {
        Self { newer: Map::default(), older: Map::default(), max }
    }

    pub(super) fn get(&self, key: &FlowKey) -> Option<&Past> {
        self.newer.get(key).or_else(|| self.older.get(key))
    }

    pub(super) fn put(&mut self, key: FlowKey, past: Past) {
        if self.newer.len() >= (self.max / 2).max(1) && !self.newer.contains_key(&key) {
            self.older = std::mem::take(&mut self.newer);
        }
        self.newer.insert(key, past);
    }
}
