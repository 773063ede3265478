//! Data sets that came before their template, held back for it: exporters repeat templates only every few minutes, and what comes
//! before would be lost. Bounded in number and bytes; the oldest goes first, counted.

use super::config::ExportConfig;
use super::domain::DomainKey;
use super::sets::Moment;
use std::collections::VecDeque;

/// One set that waits.
#[derive(Debug)]
pub(super) struct HeldSet {
    pub key: DomainKey,
    pub template: u16,
    /// What the header of its datagram said.
    pub moment: Moment,
    pub body: Box<[u8]>,
}

/// All sets that wait, oldest first.
#[derive(Debug)]
pub(super) struct Held {
    sets: VecDeque<HeldSet>,
    bytes: usize,
    sets_max: usize,
    bytes_max: usize,
    given_up: u64,
}

impl Held {
    pub(super) fn new(config: &ExportConfig) -> Self {
        let (sets_max, bytes_max) = (config.held_sets_max, config.held_bytes_max);
        Self { sets: VecDeque::new(), bytes: 0, sets_max, bytes_max, given_up: 0 }
    }

    /// Sets that were given up at the bounds.
    pub(super) fn given_up(&self) -> u64 {
        self.given_up
    }

    /// Holds a set back.
    pub(super) fn push(&mut self, set: HeldSet) {
        self.bytes += set.body.len();
        self.sets.push_back(set);
        while self.sets.len() > self.sets_max || self.bytes > self.bytes_max {
            let Some(oldest) = self.sets.pop_front() else { break };
            self.bytes -= oldest.body.len();
            self.given_up += 1;
        }
    }

    /// Takes the sets that wait for this template, in the order in which they came.
    pub(super) fn take(&mut self, key: &DomainKey, template: u16) -> Vec<HeldSet> {
        let waits = |set: &HeldSet| set.template == template && set.key == *key;
        if !self.sets.iter().any(waits) {
            return Vec::new();
        }
        let (due, rest): (VecDeque<_>, VecDeque<_>) = std::mem::take(&mut self.sets).into_iter().partition(waits);
        self.sets = rest;
        self.bytes = self.sets.iter().map(|set| set.body.len()).sum();
        due.into()
    }
}
