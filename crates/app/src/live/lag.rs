//! How far judging is behind the traffic: wall time minus the moment at which the newest judged packet was there to be judged.
//! Owns the samples and their smoothing; workers say when their packets were due.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// The largest value of this span is shown, so that a short stall is seen by who looks once a second.
const SPAN: Duration = Duration::from_secs(5);
/// Samples kept; ten a second fill the span.
const SAMPLES_MAX: usize = 128;

/// What one source has said of its time, and how late it was lately.
struct Clock {
    /// When the newest judged packet was due: captured, or to be replayed.
    due: Option<Instant>,
    /// True when the source tells its time also while nothing comes, so that silence means delay.
    steady: bool,
    samples: VecDeque<(Instant, Duration)>,
}

/// The gauges of all sources.
pub struct Lag {
    clocks: Vec<Clock>,
}

impl Lag {
    /// One entry a source: does it tell its time also while nothing comes?
    pub fn new(steady: impl Iterator<Item = bool>) -> Self {
        Self { clocks: steady.map(|steady| Clock { due: None, steady, samples: VecDeque::new() }).collect() }
    }

    /// Everything of `source` that was due at `due` has been judged; `ended` when nothing more will come.
    pub fn judged(&mut self, source: usize, due: Instant, ended: bool, now: Instant) {
        let Some(clock) = self.clocks.get_mut(source) else { return };
        clock.due = (clock.steady && !ended).then_some(due);
        clock.sample(now.saturating_duration_since(due), now);
    }

    /// A look between two parcels: what has not been judged meanwhile counts too.
    pub fn look(&mut self, now: Instant) {
        for clock in &mut self.clocks {
            if let Some(due) = clock.due {
                clock.sample(now.saturating_duration_since(due), now);
            }
        }
    }

    /// The largest of the last seconds, of one source, milliseconds.
    pub fn of(&mut self, source: usize, now: Instant) -> u64 {
        self.clocks.get_mut(source).map_or(0, |clock| clock.worst_ms(now))
    }

    /// The largest of the last seconds, milliseconds.
    pub fn worst_ms(&mut self, now: Instant) -> u64 {
        self.clocks.iter_mut().map(|clock| clock.worst_ms(now)).max().unwrap_or(0)
    }
}

impl Clock {
    fn worst_ms(&mut self, now: Instant) -> u64 {
        while self.samples.front().is_some_and(|(at, _)| now.saturating_duration_since(*at) > SPAN) {
            self.samples.pop_front();
        }
        self.samples.iter().map(|(_, lag)| lag.as_millis() as u64).max().unwrap_or(0)
    }

    fn sample(&mut self, lag: Duration, now: Instant) {
        // Only what could still be the largest is kept: a smaller older sample never shows again.
        while self.samples.back().is_some_and(|(_, older)| *older <= lag) {
            self.samples.pop_back();
        }
        if self.samples.len() < SAMPLES_MAX {
            self.samples.push_back((now, lag));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    #[test]
    fn the_largest_of_the_last_seconds_is_told_and_then_forgotten() {
        let start = Instant::now();
        let mut lag = Lag::new([true].into_iter());
        lag.judged(0, start, false, start + 800 * MS);
        lag.judged(0, start + 1_950 * MS, false, start + 2_000 * MS);
        assert_eq!(lag.worst_ms(start + 2_000 * MS), 800);
        assert_eq!(lag.worst_ms(start + 6_000 * MS), 50);
        assert_eq!(lag.worst_ms(start + 9_000 * MS), 0);
    }

    #[test]
    fn silence_of_a_steady_source_is_delay_and_of_another_is_none() {
        let start = Instant::now();
        let mut lag = Lag::new([true, false].into_iter());
        lag.judged(1, start, false, start + 10 * MS);
        lag.look(start + 3_000 * MS);
        assert_eq!(lag.worst_ms(start + 3_000 * MS), 10);
        assert_eq!((lag.of(0, start + 3_000 * MS), lag.of(1, start + 3_000 * MS)), (0, 10));
        lag.judged(0, start + 3_000 * MS, false, start + 3_000 * MS);
        lag.look(start + 7_000 * MS);
        assert_eq!(lag.worst_ms(start + 7_000 * MS), 4_000);
        lag.judged(0, start + 7_000 * MS, true, start + 7_000 * MS);
        lag.look(start + 20_000 * MS);
        assert_eq!(lag.worst_ms(start + 20_000 * MS), 0, "an ended source is behind nothing");
    }
}
