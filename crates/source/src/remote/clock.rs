//! When packets of another machine were, by this machine's clock. Live packets keep their times where both clocks agree; else, and for a
//! recording that somebody sends, the first packet is now and the others follow at their own pace. Owns that rule; reads no clock.

use record::Timestamp;
use record::timestamp::NS_PER_S;

/// Clocks that differ by less agree.
const TOLERANCE_NS: i64 = 2 * NS_PER_S;
/// A step of more between two packets is a clock that was set, or a silence of a recording that need not be waited for.
const GAP_NS: i64 = 60 * NS_PER_S;

/// One connection's.
#[derive(Debug, Default)]
pub(super) struct RemoteClock {
    /// Added to the times of the packets.
    offset_ns: i64,
    /// The latest time given.
    last: Option<Timestamp>,
    /// Times the offset was chosen anew.
    pub(super) set: u64,
}

impl RemoteClock {
    /// Looks at a batch that was read: its first and newest packets. `fresh`: nothing waited to be read before it, so that its first
    /// packet has just been sent.
    pub(super) fn begin(&mut self, first: Timestamp, newest: Timestamp, now: Timestamp, fresh: bool) {
        let off = match self.last {
            // A sender that gathers packets sends old ones with a new one.
            None => newest.since(now).abs() > TOLERANCE_NS,
            Some(_) => fresh && first.plus_ns(self.offset_ns).since(now) > TOLERANCE_NS,
        };
        if off {
            self.set_to(first, now);
        }
    }

    /// The packet's time here; None when it is not due yet.
    pub(super) fn place(&mut self, ts: Timestamp, now: Timestamp) -> Option<Timestamp> {
        let mut placed = ts.plus_ns(self.offset_ns);
        let ahead = |placed: Timestamp| placed.since(now) > TOLERANCE_NS;
        if let Some(last) = self.last {
            let step = placed.since(last);
            if step < -GAP_NS || (step > GAP_NS && ahead(placed)) {
                self.set_to(ts, now);
                placed = now;
            }
        }
        if ahead(placed) {
            return None;
        }
        self.last = Some(self.last.map_or(placed, |last| last.max(placed)));
        Some(placed)
    }

    /// What people should know of it.
    pub(super) fn words(&self) -> Option<String> {
        const DAY_NS: i64 = 86_400 * NS_PER_S;
        let (off_s, behind) = (self.offset_ns.unsigned_abs() / NS_PER_S.unsigned_abs(), self.offset_ns > 0);
        let way = if behind { "behind" } else { "ahead of" };
        match self.offset_ns.abs() {
            0 => None,
            ..DAY_NS => Some(format!("its clock is {off_s} s {way} this machine's: its times are put right")),
            _ => {
                let days = off_s / 86_400;
                Some(format!(
                    "its packets are {days} days {way} this machine's clock: played at their own pace as of now"
                ))
            }
        }
    }

    fn set_to(&mut self, first: Timestamp, now: Timestamp) {
        self.offset_ns = now.since(first);
        self.set += 1;
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    const NOW_S: i64 = 1_700_000_000;

    fn at(s: i64) -> Timestamp {
        Timestamp::from_parts(s, 0)
    }

    #[test]
    fn clocks_that_agree_are_left_alone_and_gathered_packets_keep_their_times() {
        let mut clock = RemoteClock::default();
        clock.begin(at(NOW_S - 40), at(NOW_S - 1), at(NOW_S), true);
        assert_eq!(clock.place(at(NOW_S - 40), at(NOW_S)), Some(at(NOW_S - 40)));
        assert_eq!(clock.place(at(NOW_S - 1), at(NOW_S)), Some(at(NOW_S - 1)));
        // An hour of silence, then packets again.
        clock.begin(at(NOW_S + 3_600), at(NOW_S + 3_600), at(NOW_S + 3_600), true);
        assert_eq!(clock.place(at(NOW_S + 3_600), at(NOW_S + 3_600)), Some(at(NOW_S + 3_600)));
        assert_eq!((clock.set, clock.words()), (0, None));
    }

    #[test]
    fn a_clock_that_is_wrong_or_is_set_is_put_right() {
        let mut clock = RemoteClock::default();
        clock.begin(at(NOW_S - 3_600), at(NOW_S - 3_600), at(NOW_S), true);
        assert_eq!(clock.place(at(NOW_S - 3_600), at(NOW_S)), Some(at(NOW_S)));
        assert!(clock.words().unwrap().contains("3600 s behind"));
        // It is set right while the connection lasts: an hour forward, and later five minutes back.
        clock.begin(at(NOW_S + 1), at(NOW_S + 1), at(NOW_S + 1), true);
        assert_eq!(clock.place(at(NOW_S + 1), at(NOW_S + 1)), Some(at(NOW_S + 1)));
        clock.begin(at(NOW_S - 298), at(NOW_S - 298), at(NOW_S + 2), true);
        assert_eq!(clock.place(at(NOW_S - 298), at(NOW_S + 2)), Some(at(NOW_S + 2)));
        assert_eq!(clock.set, 3);
        // Running ahead little by little: as soon as a packet that has just been sent would have to wait.
        clock.begin(at(NOW_S - 200), at(NOW_S - 200), at(NOW_S + 97), true);
        assert_eq!(clock.place(at(NOW_S - 200), at(NOW_S + 97)), Some(at(NOW_S + 97)));
        assert_eq!(clock.set, 4);
    }

    #[test]
    fn a_recording_goes_at_its_own_pace_without_its_long_silences() {
        let mut clock = RemoteClock::default();
        let old = 1_300_000_000;
        clock.begin(at(old), at(old + 30), at(NOW_S), true);
        assert_eq!(clock.place(at(old), at(NOW_S)), Some(at(NOW_S)));
        assert_eq!(clock.place(at(old + 10), at(NOW_S)), None, "ten seconds later is later");
        assert_eq!(clock.place(at(old + 10), at(NOW_S + 10)), Some(at(NOW_S + 10)));
        // The next batch is there already: it waits as well.
        clock.begin(at(old + 31), at(old + 60), at(NOW_S + 10), false);
        assert_eq!(clock.place(at(old + 31), at(NOW_S + 10)), None);
        assert_eq!(clock.place(at(old + 31), at(NOW_S + 31)), Some(at(NOW_S + 31)));
        assert_eq!(clock.place(at(old + 9_000), at(NOW_S + 31)), Some(at(NOW_S + 31)), "two hours of nothing");
        assert!(clock.words().unwrap().contains("days behind"));
    }
}
