//! Evidence that adds up: a sum for each host or series that rises with what is stranger than usual and falls with what is
//! not (a one-sided cumulative sum; Page, Biometrika 1954), halves while nothing happens, and asks for more each time it was
//! told of. Owns when evidence is enough; knows nothing of where it comes from.

use record::{Timestamp, Why, timestamp::NS_PER_S};
use std::collections::BTreeMap;

/// Sums remembered at once.
const SUMS_MAX: usize = 4_096;
/// Whoever was told of asks for that much more evidence the next time, at most.
const ALERTS_MAX: u32 = 8;
/// Alerts older than this count half.
const FORGET_ALERTS_NS: i64 = 86_400 * NS_PER_S;

/// When evidence is enough.
#[derive(Clone, Copy, Debug)]
pub struct SumSettings {
    /// Taken off the evidence, −ln p, of each step.
    pub drift: f64,
    /// Most that one step adds, so that one step never stands for many.
    pub step_max: f64,
    /// Sum at which it is told.
    pub threshold: f64,
    /// Time in which the sum of a silent source halves, seconds.
    pub half_life_s: f64,
}

/// One step of one source.
pub struct Step {
    /// Its beginning.
    pub from: Timestamp,
    /// Its end.
    pub until: Timestamp,
    /// How often benign steps are as strange.
    pub p_value: f64,
    /// Evidence, −ln p, that is usual for this source or that all sources share; taken off.
    pub usual: f64,
    /// The detector's own score.
    pub score: f32,
}

/// Evidence that was enough.
#[derive(Clone, Debug, PartialEq)]
pub struct Enough {
    /// When it began.
    pub first: Timestamp,
    /// Smallest p-value of one step.
    pub p_value: f64,
    /// Its score.
    pub score: f32,
    /// Its reasons.
    pub why: Vec<Why>,
    /// Steps that added to it.
    pub steps: u64,
}

#[derive(Default)]
struct Sum {
    value: f64,
    touched: Timestamp,
    strongest: Option<Enough>,
    /// Alerts told of this source, halved each day: each asks for as much evidence again.
    alerts: u32,
    alerted: Timestamp,
}

/// The sums of all sources.
pub struct Sums<K> {
    settings: SumSettings,
    by_key: BTreeMap<K, Sum>,
    forgotten: u64,
}

impl<K: Ord + Copy> Sums<K> {
    /// None yet.
    pub fn new(settings: SumSettings) -> Self {
        Self { settings, by_key: BTreeMap::new(), forgotten: 0 }
    }

    /// Sums forgotten at the bound.
    pub fn forgotten(&self) -> u64 {
        self.forgotten
    }

    /// Adds one step; `why` is asked when it is the strangest so far. Some when it is time to tell.
    pub fn add(&mut self, key: K, step: &Step, why: impl FnOnce() -> Vec<Why>) -> Option<Enough> {
        let SumSettings { drift, step_max, threshold, half_life_s } = self.settings;
        let rise = (-step.p_value.ln() - step.usual.max(0.0) - drift).min(step_max);
        if rise <= 0.0 && !self.by_key.contains_key(&key) {
            return None;
        }
        if self.by_key.len() >= SUMS_MAX && !self.by_key.contains_key(&key) {
            self.forget_half();
        }
        let sum = self.by_key.entry(key).or_default();
        let silent_s = step.from.since(sum.touched).max(0) as f64 / NS_PER_S as f64;
        sum.value = (sum.value * (-silent_s / half_life_s).exp2() + rise).max(0.0);
        sum.touched = step.until;
        if sum.value <= 0.0 {
            sum.strongest = None;
            if sum.alerts == 0 {
                self.by_key.remove(&key);
            }
            return None;
        }
        if rise > 0.0 {
            sum.note(step, why);
        }
        if sum.value < threshold * f64::from(sum.alerts + 1) {
            return None;
        }
        if step.until.since(sum.alerted) > FORGET_ALERTS_NS {
            sum.alerts /= 2;
        }
        (sum.value, sum.alerts, sum.alerted) = (0.0, (sum.alerts + 1).min(ALERTS_MAX), step.until);
        sum.strongest.take()
    }

    /// The half that was quiet longest leaves.
    fn forget_half(&mut self) {
        let mut touched: Vec<(Timestamp, K)> = self.by_key.iter().map(|(key, sum)| (sum.touched, *key)).collect();
        touched.sort_unstable();
        for (_, key) in touched.iter().take(SUMS_MAX / 2) {
            self.by_key.remove(key);
            self.forgotten += 1;
        }
    }
}

impl Sum {
    fn note(&mut self, step: &Step, why: impl FnOnce() -> Vec<Why>) {
        let begin = || Enough { first: step.from, p_value: f64::INFINITY, score: 0.0, why: Vec::new(), steps: 0 };
        let strongest = self.strongest.get_or_insert_with(begin);
        strongest.steps += 1;
        if step.p_value < strongest.p_value {
            (strongest.p_value, strongest.score, strongest.why) = (step.p_value, step.score, why());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SETTINGS: SumSettings = SumSettings { drift: 2.0, step_max: 8.0, threshold: 20.0, half_life_s: 600.0 };

    fn step(minute: i64, p_value: f64, usual: f64) -> Step {
        let from = Timestamp::from_parts(minute * 60, 0);
        Step { from, until: from.plus_ns(60 * NS_PER_S), p_value, usual, score: minute as f32 }
    }

    #[test]
    fn one_strange_step_is_not_enough_and_several_are_told_once_with_the_strangest() {
        let mut sums = Sums::new(SETTINGS);
        assert_eq!(sums.add(1, &step(0, 1e-12, 0.0), Vec::new), None, "one step adds 8 at most");
        assert_eq!(sums.add(1, &step(1, 1e-9, 0.0), Vec::new), None);
        let told = sums.add(1, &step(2, 1e-9, 0.0), Vec::new);
        let wanted =
            Enough { first: Timestamp::from_parts(0, 0), p_value: 1e-12, score: 0.0, why: Vec::new(), steps: 3 };
        assert_eq!(told, Some(wanted));
        let again = (3..9).filter(|minute| sums.add(1, &step(*minute, 1e-9, 0.0), Vec::new).is_some()).count();
        assert_eq!(again, 1, "the second time it takes twice as much: 40 after 5 steps of 8");
    }

    #[test]
    fn what_is_usual_for_a_source_never_adds_up() {
        let mut sums = Sums::new(SETTINGS);
        for minute in 0..2_000 {
            let p_value = if minute % 2 == 0 { 0.1 } else { 0.3 };
            assert_eq!(sums.add(1, &step(minute, p_value, 0.0), Vec::new), None);
            assert_eq!(sums.add(2, &step(minute, 1e-4, 9.0), Vec::new), None);
        }
        assert!(sums.by_key.len() <= 1, "a sum of nothing is not remembered");
    }

    #[test]
    fn silence_halves_and_the_table_is_bounded() {
        let mut sums = Sums::new(SETTINGS);
        for hour in 0..30 {
            assert_eq!(sums.add(0, &step(hour * 60, 1e-9, 0.0), Vec::new), None, "an hour is six half-lives");
        }
        for key in 1..3 * SUMS_MAX {
            assert_eq!(sums.add(key, &step(2_000, 1e-4, 0.0), Vec::new), None);
        }
        assert!(sums.by_key.len() <= SUMS_MAX && sums.forgotten() > 0);
    }
}
