//! How busy the office is: hour of day, day of week, and the packet budget that thins the background.
//! Owns rates; knows no packet. Hours are UTC.

use record::Timestamp;

/// The office's activity over the week.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Rhythm {
    /// Always as on a busy morning; for runs too short to show a day.
    Lively,
    /// Night, morning, lunch, afternoon, evening; quiet weekends.
    Daily,
}

/// Activity at each full hour of a working day, 1.0 at the busiest.
const HOURS: [f64; 24] = [
    0.04, 0.04, 0.04, 0.04, 0.04, 0.05, 0.10, 0.30, 0.75, 1.0, 1.0, 0.95, 0.60, 0.80, 1.0, 0.95, 0.85, 0.50, 0.25,
    0.15, 0.10, 0.07, 0.05, 0.04,
];
/// Share of it at weekends.
const WEEKEND: f64 = 0.12;

impl Rhythm {
    /// Activity at a moment, above 0 and at most 1.
    pub(super) fn level(self, now: i64) -> f64 {
        if self == Self::Lively {
            return 1.0;
        }
        let s = Timestamp(now).seconds();
        let (hour, part) = (s.rem_euclid(86_400) / 3600, s.rem_euclid(3600) as f64 / 3600.0);
        let (a, b) = (HOURS[hour as usize], HOURS[(hour as usize + 1) % 24]);
        let level = a + (b - a) * part;
        // 1970-01-01 was a Thursday: days 2 and 3 of each week counted from there are Saturday and Sunday.
        if matches!(s.div_euclid(86_400).rem_euclid(7), 2 | 3) { (level * WEEKEND).max(0.02) } else { level }
    }
    /// The next time of day `hour` after `now`, ns.
    pub(super) fn next_hour(now: i64, hour: i64) -> i64 {
        const DAY: i64 = 86_400_000_000_000;
        let at = now.div_euclid(DAY) * DAY + hour * 3_600_000_000_000;
        if at > now { at } else { at + DAY }
    }
}

/// A token bucket over all frames. Over budget, no background session starts and open ones wait between flights;
/// no flow is broken, and attacks are never held back (they use the budget up before the background does).
#[derive(Clone, Copy, Debug)]
pub(super) struct Budget {
    per_s: Option<f64>,
    tokens: f64,
    last: i64,
}

impl Budget {
    /// `per_s` frames a second, None: unlimited.
    pub(super) fn new(per_s: Option<f64>, start: i64) -> Self {
        Self { per_s, tokens: per_s.unwrap_or(0.0), last: start }
    }
    /// Takes one frame.
    #[inline]
    pub(super) fn spend(&mut self, now: i64) {
        let Some(rate) = self.per_s else { return };
        self.tokens = (self.tokens + (now - self.last) as f64 / 1e9 * rate).min(rate) - 1.0;
        self.last = now;
    }
    /// True when a new session may start at `now`.
    pub(super) fn may_start(&self, now: i64) -> bool {
        self.per_s.is_none_or(|rate| self.tokens_at(now, rate) > 0.0)
    }
    /// How long a sender should wait at `now`, at most half a minute.
    pub(super) fn hold_ns(&self, now: i64) -> i64 {
        let Some(rate) = self.per_s else { return 0 };
        ((-self.tokens_at(now, rate) / rate).clamp(0.0, 30.0) * 1e9) as i64
    }
    fn tokens_at(&self, now: i64, rate: f64) -> f64 {
        self.tokens + (now - self.last).max(0) as f64 / 1e9 * rate
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mornings_are_busier_than_nights_and_weekends() {
        let at = |text: &str| Timestamp::parse_rfc3339(text).map_or(0, |t| t.0);
        let level = |text: &str| Rhythm::Daily.level(at(text));
        assert!(level("2024-03-06T10:00:00Z") > 20.0 * level("2024-03-06T03:00:00Z"));
        assert!(level("2024-03-09T10:00:00Z") < 0.2);
        assert!(level("2024-03-10T10:00:00Z") < 0.2);
        assert!(level("2024-03-11T10:00:00Z") > 0.9);
        assert_eq!(Rhythm::next_hour(at("2024-03-06T10:00:00Z"), 2), at("2024-03-07T02:00:00Z"));
    }

    #[test]
    fn the_budget_holds_only_while_it_is_overdrawn() {
        let mut b = Budget::new(Some(10.0), 0);
        assert!(b.may_start(0));
        for _ in 0..20 {
            b.spend(0);
        }
        assert!(!b.may_start(0));
        assert!(b.may_start(2_000_000_000));
        assert_eq!(b.hold_ns(0), 1_000_000_000);
        assert_eq!(b.hold_ns(1_000_000_000), 0);
        assert_eq!(Budget::new(None, 0).hold_ns(5), 0);
    }
}
