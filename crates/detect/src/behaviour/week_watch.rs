//! One thing counted in windows of capture time and held against its usual week: when it has left it, for how long, and when that is
//! told. Owns the windows' clock, the rule and the stretch; what is counted, its name and its alert are the detectors' own.

use super::text::{bytes, count, why};
use super::usual_week::{Calendar, Past, Usual, hour_in_words, hour_of_week};
use record::{Timestamp, timestamp::NS_PER_S};

const HOUR_S: i64 = 3600;
/// A stretch is over when it has been quiet for so long, seconds; what is told is told once until then.
const STRETCH_QUIET_S: i64 = 3600;
/// Windows without a sign after which what was not told is over: a transfer that lasts is reported every five minutes, so that now and then
/// one window holds none of its reports.
const UNTOLD_QUIET_WINDOWS: i64 = 2;
/// What lasts longer than this is the new usual, seconds.
const STRETCH_MAX_S: i64 = 86_400;

/// When a rate has left its usual week.
#[derive(Clone, Copy)]
pub(super) struct Rule {
    pub(super) window_s: u32,
    pub(super) learn_h: u32,
    pub(super) deviations: f64,
    pub(super) past_ratio: f64,
    pub(super) quiet_ratio: f64,
    pub(super) weeks_min: u32,
    pub(super) windows_min: u32,
}

impl Rule {
    pub(super) fn length_s(&self) -> i64 {
        i64::from(self.window_s.max(1))
    }

    /// Units a minute from the sum of a window.
    fn rate(&self, sum: f64) -> f64 {
        sum * 60.0 / self.length_s() as f64
    }

    /// Far above all that is remembered, or as much as ever at an hour that was always quiet.
    /// Before a week is known: not before the hour can be compared, and not below `ceiling`, what others of the sort ever did.
    fn is_left(&self, rate: f64, usual: &Usual, ceiling: f64) -> bool {
        let at_a_quiet_hour = usual.weeks >= self.weeks_min && rate >= self.quiet_ratio * usual.largest_near;
        let as_ever = at_a_quiet_hour && rate >= usual.largest && rate > usual.high;
        let may_be_compared = !usual.is_young() || (usual.is_comparable && rate >= ceiling);
        may_be_compared && (rate >= self.past_ratio * usual.largest || as_ever)
    }
}

/// Where capture time is, in windows and hours, and which hours were watched.
#[derive(Default)]
pub(super) struct Clock {
    pub(super) calendar: Calendar,
    window: Option<i64>,
    /// The restored past lies ahead of the capture: it is of a wrong clock.
    is_checked: bool,
}

/// A window that is over.
#[derive(Clone, Copy)]
pub(super) struct Closed {
    pub(super) end: Timestamp,
    /// Hour since the epoch in which it lies.
    pub(super) hour: i64,
}

/// What a window is held against besides the thing's own past.
pub(super) struct Bar<'a, const METRICS: usize> {
    pub(super) rule: &'a Rule,
    pub(super) calendar: &'a Calendar,
    /// Rates below which nothing is said.
    pub(super) floors: [f64; METRICS],
    /// What others of the sort ever did, for what is too young to have a week of its own.
    pub(super) ceilings: [f64; METRICS],
}

/// What the clock says of a moment.
pub(super) enum Tick {
    /// The same window.
    Same,
    /// What is remembered lies ahead of the capture and is worth nothing.
    Forget,
    /// A window is over.
    Closed(Closed),
}

impl Clock {
    /// From an earlier run.
    pub(super) fn of(calendar: Calendar) -> Self {
        Self { calendar, ..Self::default() }
    }

    /// Capture time has reached `now`.
    pub(super) fn reach(&mut self, now: Timestamp, rule: &Rule) -> Tick {
        let window = now.seconds().div_euclid(rule.length_s());
        if !std::mem::replace(&mut self.is_checked, true) && self.calendar.is_ahead_of(now.seconds().div_euclid(HOUR_S))
        {
            *self = Self { is_checked: true, window: Some(window), ..Self::default() };
            return Tick::Forget;
        }
        let before = *self.window.get_or_insert(window);
        if window <= before {
            return Tick::Same;
        }
        self.window = Some(window);
        let start_s = before * rule.length_s();
        Tick::Closed(Closed {
            end: Timestamp::from_parts(start_s + rule.length_s(), 0),
            hour: start_s.div_euclid(HOUR_S),
        })
    }

    /// Something was counted: the hour of the running window is watched.
    pub(super) fn hear(&mut self, rule: &Rule) {
        if let Some(window) = self.window {
            self.calendar.hear((window * rule.length_s()).div_euclid(HOUR_S));
        }
    }

    /// Hour of the running window.
    pub(super) fn hour(&self, rule: &Rule) -> i64 {
        self.window.map_or(0, |window| (window * rule.length_s()).div_euclid(HOUR_S))
    }
}

/// What has left its usual week.
#[derive(Clone, Copy)]
pub(super) struct Left {
    pub(super) metric: usize,
    pub(super) rate: f64,
    pub(super) usual: Usual,
    pub(super) hour: i64,
    /// Begin of the stretch.
    pub(super) since: Timestamp,
    /// End of the window that decided.
    pub(super) ts: Timestamp,
}

/// A run of windows that have left the usual week.
#[derive(Default)]
struct Stretch {
    windows: u32,
    since: Timestamp,
    last_high: Timestamp,
    told: bool,
}

/// One thing that is counted.
pub(super) struct Counted<const METRICS: usize> {
    /// Sums of the running window.
    pub(super) sums: [f64; METRICS],
    past: Past<METRICS>,
    stretch: Stretch,
    /// Peaks of the stretch, learned when it is over, so that it does not become usual while it lasts.
    held: [f64; METRICS],
    last: [f64; METRICS],
}

impl<const METRICS: usize> Counted<METRICS> {
    pub(super) fn new(hour: i64) -> Self {
        Self::of(Past::new(hour))
    }

    pub(super) fn of(past: Past<METRICS>) -> Self {
        Self { sums: [0.0; METRICS], past, stretch: Stretch::default(), held: [0.0; METRICS], last: [0.0; METRICS] }
    }

    pub(super) fn past(&self) -> &Past<METRICS> {
        &self.past
    }

    /// Rates of the last window if it was usual, for what others are held against.
    pub(super) fn usual_rates(&self) -> [f64; METRICS] {
        self.last
    }

    /// True while it is outside its usual week.
    pub(super) fn is_out(&self) -> bool {
        self.stretch.windows > 0
    }

    /// A window is over. Some when a stretch is to be told: once, when it has lasted long enough.
    pub(super) fn close(&mut self, closed: Closed, bar: &Bar<METRICS>) -> Option<Left> {
        let rates = std::mem::replace(&mut self.sums, [0.0; METRICS]).map(|sum| bar.rule.rate(sum));
        self.last = [0.0; METRICS];
        let Some(left) = self.most_left(&rates, closed, bar) else {
            self.last = rates;
            self.go_on(&rates, closed, bar.rule);
            return None;
        };
        let stretch = &mut self.stretch;
        if stretch.windows == 0 {
            stretch.since = closed.end.plus_ns(-bar.rule.length_s() * NS_PER_S);
        }
        stretch.windows += 1;
        stretch.last_high = closed.end;
        self.held.iter_mut().zip(rates).for_each(|(held, rate)| *held = held.max(rate));
        let since = stretch.since;
        if closed.end.since(since) >= STRETCH_MAX_S * NS_PER_S {
            self.settle(closed.hour);
            return None;
        }
        let due = stretch.windows >= bar.rule.windows_min && !stretch.told;
        stretch.told |= due;
        due.then_some(Left { since, ..left })
    }

    /// The metric that left its usual week by most.
    fn most_left(&self, rates: &[f64; METRICS], closed: Closed, bar: &Bar<METRICS>) -> Option<Left> {
        let loud = |metric: &usize| rates[*metric] >= bar.floors[*metric];
        // The usual week is looked up for what is loud only.
        if !(0..METRICS).any(|metric| loud(&metric))
            || !self.past.has_learned(bar.rule.learn_h, closed.hour, bar.calendar)
        {
            return None;
        }
        let judge = |metric: usize| {
            let rate = rates[metric];
            let usual = self.past.usual(metric, closed.hour, bar.calendar, bar.rule.deviations);
            let left = Left { metric, rate, usual, hour: closed.hour, since: closed.end, ts: closed.end };
            bar.rule.is_left(rate, &usual, bar.ceilings[metric]).then_some(left)
        };
        let left = (0..METRICS).filter(loud).filter_map(judge);
        left.max_by(|a, b| a.times_the_largest().total_cmp(&b.times_the_largest()))
    }

    /// A usual window: the past learns it, and the stretch is over when it was the last of enough.
    fn go_on(&mut self, rates: &[f64; METRICS], closed: Closed, rule: &Rule) {
        let quiet_s = if self.stretch.told { STRETCH_QUIET_S } else { UNTOLD_QUIET_WINDOWS * rule.length_s() };
        if self.is_out() && closed.end.since(self.stretch.last_high) >= quiet_s * NS_PER_S {
            self.settle(closed.hour);
        }
        self.past.learn(closed.hour, rates);
    }

    /// The stretch is over, and part of the past.
    fn settle(&mut self, hour: i64) {
        let held = std::mem::replace(&mut self.held, [0.0; METRICS]);
        self.past.learn(hour, &held);
        self.stretch = Stretch::default();
    }
}

impl Left {
    /// How many times the largest that is remembered.
    pub(super) fn times_the_largest(&self) -> f64 {
        self.rate / self.usual.largest.max(1.0)
    }

    /// True when it is as much as at other hours, at an hour that was always quiet.
    fn at_a_quiet_hour(&self, rule: &Rule) -> bool {
        self.rate < rule.past_ratio * self.usual.largest
    }

    /// `41 MB a minute where at most 2.1 MB is usual on Mondays at 9:00 UTC and 3.0 MB was the most in 12 days`.
    pub(super) fn in_words(&self, is_bytes: bool, rule: &Rule) -> String {
        let amount = |rate: f64| if is_bytes { bytes(rate) } else { format!("{} packets", count(rate as u64)) };
        let (rate, usual) = (amount(self.rate), &self.usual);
        let when = hour_in_words(self.hour);
        if self.at_a_quiet_hour(rule) {
            let near = amount(usual.largest_near);
            return format!("{rate} a minute where {near} was the most in {} weeks on {when}", usual.weeks);
        }
        let (high, most) = (amount(usual.high), amount(usual.largest));
        let days = (f64::from(usual.hours) / 24.0).round();
        format!("{rate} a minute where at most {high} is usual on {when} and {most} was the most in {days} days")
    }

    /// The numbers behind it: name of the rate, and its unit.
    pub(super) fn reasons(&self, name: &str, unit: &str, rule: &Rule) -> Vec<record::Why> {
        let (usual, hour) = (&self.usual, hour_of_week(self.hour) as f64);
        let ratio = if self.at_a_quiet_hour(rule) {
            let near = self.rate / usual.largest_near.max(1.0);
            why("times_the_most_at_this_hour", near, [0.0, rule.quiet_ratio], "", 0.4)
        } else {
            why("times_the_most_remembered", self.times_the_largest(), [0.0, rule.past_ratio], "", 0.4)
        };
        vec![
            why(name, self.rate, [usual.low, usual.high], unit, 0.6),
            ratio,
            why("hour_of_the_week", hour, [hour, hour], "", 0.0),
            why("weeks_known_at_this_hour", f64::from(usual.weeks), [0.0, 4.0], "weeks", 0.0),
        ]
    }
}
