//! How many incidents of learned detectors are announced: a token bucket on capture time, and a bar that rises when more
//! candidates come than may be announced, so that the strongest get through and not merely the first. Nothing is lost
//! here: who gets no token is kept and counted.

use record::{Timestamp, timestamp::NS_PER_S};
use serde::{Deserialize, Serialize};
use std::collections::VecDeque;

/// One hour, ns.
const HOUR_NS: i64 = 3600 * NS_PER_S;
/// Candidates remembered for the bar.
const CANDIDATES_MAX: usize = 256;

/// The budget as people see it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct BudgetState {
    /// Announcements of learned detectors allowed an hour.
    pub per_hour: f64,
    /// Announced by learned detectors in the last hour of capture time.
    pub used_last_hour: u64,
    /// Incidents held back today (UTC day of capture time).
    pub held_back_today: u64,
    /// Incidents announced today by all detectors.
    pub alerts_today: u64,
}

/// The bucket.
pub(crate) struct Budget {
    per_hour: f64,
    tokens: f64,
    filled_at: Option<Timestamp>,
    announced: VecDeque<Timestamp>,
    candidates: VecDeque<(Timestamp, f64)>,
    day: i64,
    held_back: u64,
    alerts: u64,
}

impl Budget {
    pub(crate) fn new(per_hour: f64) -> Self {
        let per_hour = if per_hour.is_finite() { per_hour.max(0.0) } else { 0.0 };
        Self {
            per_hour,
            tokens: per_hour,
            filled_at: None,
            announced: VecDeque::new(),
            candidates: VecDeque::new(),
            day: i64::MIN,
            held_back: 0,
            alerts: 0,
        }
    }

    /// Another allowance: what it is larger by can be used at once.
    pub(crate) fn set_per_hour(&mut self, per_hour: f64) {
        let per_hour = if per_hour.is_finite() { per_hour.max(0.0) } else { 0.0 };
        self.tokens = (self.tokens + (per_hour - self.per_hour).max(0.0)).min(per_hour);
        self.per_hour = per_hour;
    }

    /// Capture time has reached `now`.
    pub(crate) fn advance(&mut self, now: Timestamp) {
        let elapsed = self.filled_at.map_or(0, |at| now.since(at).max(0));
        self.filled_at = Some(self.filled_at.map_or(now, |at| at.max(now)));
        self.tokens = (self.tokens + self.per_hour * elapsed as f64 / HOUR_NS as f64).min(self.per_hour);
        while self.announced.front().is_some_and(|t| now.since(*t) > HOUR_NS) {
            self.announced.pop_front();
        }
        while self.candidates.front().is_some_and(|(t, _)| now.since(*t) > HOUR_NS) {
            self.candidates.pop_front();
        }
        let day = now.0.div_euclid(24 * HOUR_NS);
        if day > self.day {
            self.day = day;
            self.held_back = 0;
            self.alerts = 0;
        }
    }

    /// A new learned incident of some strength wants to be announced; false: it is held back. A held-back incident that
    /// has grown may ask again with `again` set, and is then not counted a second time.
    pub(crate) fn ask(&mut self, now: Timestamp, strength: f64, again: bool) -> bool {
        self.advance(now);
        let granted = self.tokens >= 1.0 && strength >= self.bar();
        if !again {
            self.candidates.push_back((now, strength));
            if self.candidates.len() > CANDIDATES_MAX {
                self.candidates.pop_front();
            }
        }
        if granted {
            self.tokens -= 1.0;
            self.announced.push_back(now);
            self.alerts += 1;
            self.held_back = self.held_back.saturating_sub(u64::from(again));
        } else if !again {
            self.held_back += 1;
        }
        granted
    }

    /// An exact incident is announced in its own lane.
    pub(crate) fn note_exact(&mut self, now: Timestamp) {
        self.advance(now);
        self.alerts += 1;
    }

    /// Strength that an hour like the last one allows: with twice as many candidates as tokens an hour, the median of the
    /// candidates.
    fn bar(&self) -> f64 {
        let n = self.candidates.len();
        if (n as f64) <= self.per_hour {
            return f64::NEG_INFINITY;
        }
        let mut strengths: Vec<f64> = self.candidates.iter().map(|(_, s)| *s).collect();
        strengths.sort_by(f64::total_cmp);
        let rank = (n as f64 - self.per_hour).floor() as usize;
        strengths[rank.min(n - 1)]
    }

    pub(crate) fn state(&self) -> BudgetState {
        BudgetState {
            per_hour: self.per_hour,
            used_last_hour: self.announced.len() as u64,
            held_back_today: self.held_back,
            alerts_today: self.alerts,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(s: i64) -> Timestamp {
        Timestamp::from_parts(1_700_000_000 + s, 0)
    }

    #[test]
    fn the_budget_holds_in_every_hour_and_counts_what_it_holds_back() {
        let mut budget = Budget::new(4.0);
        let mut granted = Vec::new();
        for i in 0..600 {
            if budget.ask(at(i * 60), f64::from(i as i32 % 7), false) {
                granted.push(i * 60);
            }
            assert!(budget.state().used_last_hour <= 8);
        }
        // Ten hours: a full bucket at the start and four an hour after it, at most.
        assert!(granted.len() <= 44, "{}", granted.len());
        assert!(granted.len() >= 20, "{}", granted.len());
    }

    #[test]
    fn zero_announces_nothing_and_an_absurd_setting_is_zero() {
        for per_hour in [0.0, -3.0, f64::NAN] {
            let mut budget = Budget::new(per_hour);
            assert!(!budget.ask(at(0), 99.0, false));
            assert_eq!(budget.state().held_back_today, 1);
        }
    }

    #[test]
    fn a_held_back_incident_that_grows_may_be_announced_later() {
        let mut budget = Budget::new(1.0);
        assert!(budget.ask(at(0), 5.0, false));
        assert!(!budget.ask(at(10), 9.0, false));
        assert_eq!(budget.state().held_back_today, 1);
        assert!(budget.ask(at(4000), 20.0, true));
        assert_eq!(budget.state().held_back_today, 0);
    }
}
