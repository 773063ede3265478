//! When a growing story is told again: at once when it begins, then at each doubling, at most once a second of capture
//! time, at least so often as its incident needs to stay open, and once more when it has fallen quiet. Owns only that rhythm.

use record::{Timestamp, timestamp::NS_PER_S};

/// How long a story that goes on may be kept back, for kinds whose incidents are over when they hear nothing for two hours: what is
/// patient would else become many incidents.
pub(super) const HOUR_NS: i64 = 3600 * NS_PER_S;

/// Rhythm of one story.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Throttle {
    told: Option<(Timestamp, u64)>,
}

impl Throttle {
    /// True when the story was told before.
    pub(super) fn started(&self) -> bool {
        self.told.is_some()
    }

    /// True (and remembered) when the story of size `count` should be told now.
    pub(super) fn due(&mut self, count: u64, now: Timestamp) -> bool {
        let due = match self.told {
            None => true,
            Some((at, told)) => count >= told.saturating_mul(2).max(told + 1) && now.since(at) >= NS_PER_S,
        };
        if due {
            self.told = Some((now, count));
        }
        due
    }

    /// As `due`, and also when the story has grown at all since it was told `at_most_ns` ago.
    pub(super) fn due_within(&mut self, count: u64, now: Timestamp, at_most_ns: i64) -> bool {
        let kept_back = self.told.is_some_and(|(at, told)| count > told && now.since(at) >= at_most_ns);
        if kept_back {
            self.told = Some((now, count));
        }
        kept_back || self.due(count, now)
    }

    /// True (and remembered) when the story has grown by an eighth since it was told, and has been quiet since `last` for
    /// `quiet_ns`. With `quiet_ns` 0, at the end of the input, any growth is told.
    pub(super) fn settled(&mut self, count: u64, last: Timestamp, now: Timestamp, quiet_ns: i64) -> bool {
        let Some((_, told)) = self.told else { return false };
        let least = if quiet_ns == 0 { 1 } else { (told / 8).max(1) };
        let due = count >= told + least && now.since(last) >= quiet_ns;
        if due {
            self.told = Some((now, count));
        }
        due
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tells_at_doublings_and_once_quiet() {
        let mut throttle = Throttle::default();
        let s = |n: i64| Timestamp::from_parts(n, 0);
        assert!(throttle.due(9, s(0)));
        assert!(!throttle.due(18, s(0)));
        assert!(!throttle.due(17, s(2)));
        assert!(throttle.due(18, s(2)));
        assert!(!throttle.settled(18, s(2), s(9), NS_PER_S));
        assert!(!throttle.settled(21, s(8), s(8), NS_PER_S));
        assert!(throttle.settled(21, s(8), s(9), NS_PER_S));
        assert!(!throttle.settled(22, s(8), s(19), NS_PER_S));
        assert!(throttle.settled(22, s(8), s(19), 0));
        assert!(!throttle.due_within(23, s(3000), HOUR_NS));
        assert!(throttle.due_within(23, s(3619), HOUR_NS));
        assert!(!throttle.due_within(23, s(9999), HOUR_NS), "nothing new");
    }
}
