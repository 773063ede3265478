//! How long something has been watched: capture time in which something was heard, so that a gap between two captures, or the time in
//! which the program did not run, teaches nothing. Owns that one clock; knows nobody's past.

use record::{Timestamp, timestamp::NS_PER_S};

/// Longest silence that counts as watching, ns.
const SILENCE_NS: i64 = 900 * NS_PER_S;

/// The clock.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Watch {
    watched_ns: i64,
    last: Option<Timestamp>,
}

impl Watch {
    /// Something was heard at `now`.
    pub(super) fn hear(&mut self, now: Timestamp) {
        if let Some(last) = self.last {
            self.watched_ns = self.watched_ns.saturating_add(now.since(last).clamp(0, SILENCE_NS));
        }
        self.last = Some(self.last.map_or(now, |last| last.max(now)));
    }

    /// Time watched so far, ns, over all runs.
    pub(super) fn watched_ns(&self) -> i64 {
        self.watched_ns
    }

    /// Goes on from an earlier run.
    pub(super) fn resume(&mut self, watched_ns: i64) {
        self.watched_ns = watched_ns.max(0);
    }

    /// True before anything was heard in this or an earlier run.
    pub(super) fn is_new(&self) -> bool {
        self.last.is_none() && self.watched_ns == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gaps_and_steps_back_teach_nothing() {
        let mut watch = Watch::default();
        assert!(watch.is_new());
        for s in [0, 600, 1200, 90_000, 89_000, 90_600] {
            watch.hear(Timestamp::from_parts(s, 0));
        }
        assert_eq!(watch.watched_ns(), (1200 + 900 + 600) * NS_PER_S);
        assert!(!watch.is_new());
    }
}
