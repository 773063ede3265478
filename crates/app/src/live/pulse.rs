//! The pulse of one source or exporter: how much came in each of the newest seconds, when the last of it came, and how long it has
//! ever been silent. Owns these numbers and what "silent for long" means; time is passed in, words are `source_advice`'s.

use record::Timestamp;
use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// Seconds that a source's pulse keeps: the line that is drawn of it.
pub const SECONDS_DRAWN: usize = 60;
/// Seconds of which the rate is the mean.
pub const SECONDS_OF_RATE: usize = 10;
/// Time between two entries.
const SECOND: Duration = Duration::from_secs(1);
/// A silence is long when it is so many times the longest one before.
const LONGER_THAN_EVER: u32 = 3;

/// What was counted up to a moment: units (packets, datagrams, lines), and a second count beside them (bytes, flows).
pub type Counted = [u64; 2];

/// See the module.
#[derive(Clone, Debug)]
pub struct Pulse {
    /// Entries kept, one a second.
    kept: usize,
    seconds: VecDeque<(Instant, Counted)>,
    newest: Counted,
    began: Option<Instant>,
    /// When something came last, on both clocks.
    came: Option<(Instant, Timestamp)>,
    longest_silence: Duration,
}

impl Pulse {
    /// Nothing has come yet; remembers so many seconds.
    pub fn new(seconds: usize) -> Self {
        Self {
            kept: seconds + 1,
            seconds: VecDeque::new(),
            newest: [0, 0],
            began: None,
            came: None,
            longest_silence: Duration::ZERO,
        }
    }

    /// What was counted up to `now`, which is `wall` for people.
    pub fn look(&mut self, now: Instant, wall: Timestamp, counted: Counted) {
        self.began.get_or_insert(now);
        if counted[0] > self.newest[0] {
            if let Some((came, _)) = self.came {
                self.longest_silence = self.longest_silence.max(now.saturating_duration_since(came));
            }
            self.came = Some((now, wall));
        }
        // Whoever counts may begin anew (an exporter that was forgotten and came again).
        if counted[0] < self.newest[0] {
            self.seconds.clear();
        }
        self.newest = counted;
        // A look may come a little early; waiting for the next one would make long seconds.
        if self.seconds.back().is_none_or(|(at, _)| now.saturating_duration_since(*at) >= SECOND * 19 / 20) {
            self.seconds.push_back((now, counted));
            while self.seconds.len() > self.kept {
                self.seconds.pop_front();
            }
        }
    }

    /// Both counts by the second, the mean of the newest ten.
    pub fn per_s(&self, now: Instant) -> [f64; 2] {
        let span = SECOND * SECONDS_OF_RATE as u32;
        let age = |at: Instant| now.saturating_duration_since(at);
        // Half a second more, so that ten entries do not become nine because a look came late.
        let from = self.seconds.iter().find(|(at, _)| age(*at) <= span + SECOND / 2);
        let Some((at, counted)) = from.or(self.seconds.back()) else { return [0.0, 0.0] };
        let passed_s = age(*at).max(SECOND).as_secs_f64();
        [0, 1].map(|i| self.newest[i].saturating_sub(counted[i]) as f64 / passed_s)
    }

    /// Units by the second in each of the newest seconds, oldest first.
    pub fn drawn(&self) -> Vec<f64> {
        let pairs = self.seconds.iter().zip(self.seconds.iter().skip(1));
        let per_s = |((from, before), (to, after)): (&(Instant, Counted), &(Instant, Counted))| {
            after[0].saturating_sub(before[0]) as f64 / to.saturating_duration_since(*from).max(SECOND).as_secs_f64()
        };
        pairs.map(per_s).collect()
    }

    /// When something came last, by this machine's clock.
    pub fn received(&self) -> Option<Timestamp> {
        self.came.map(|(_, wall)| wall)
    }

    /// How long it has been watched without anything coming; None when something came.
    pub fn waited(&self, now: Instant) -> Option<Duration> {
        let began = self.began.filter(|_| self.came.is_none())?;
        Some(now.saturating_duration_since(began))
    }

    /// How long nothing has come; None when nothing ever did.
    pub fn silence(&self, now: Instant) -> Option<Duration> {
        self.came.map(|(came, _)| now.saturating_duration_since(came))
    }

    /// The silence, when it is at least `least` and several times as long as any before: what always paused so long is not missed.
    pub fn long_silence(&self, now: Instant, least: Duration) -> Option<Duration> {
        let long = least.max(self.longest_silence * LONGER_THAN_EVER);
        self.silence(now).filter(|silence| *silence >= long)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const S: Duration = SECOND;

    /// Looks once a second with so much coming in each.
    fn after(pulse: &mut Pulse, begin: Instant, comes: &[u64]) -> Instant {
        let mut total = pulse.newest[0];
        let mut now = begin;
        for n in comes {
            now += S;
            total += n;
            pulse.look(now, Timestamp(0), [total, total * 100]);
        }
        now
    }

    #[test]
    fn the_rate_is_of_the_newest_seconds_and_falls_to_nothing() {
        let begin = Instant::now();
        let mut pulse = Pulse::new(SECONDS_DRAWN);
        pulse.look(begin, Timestamp(0), [0, 0]);
        let now = after(&mut pulse, begin, &[1_000; 30]);
        assert_eq!(pulse.per_s(now), [1_000.0, 100_000.0]);
        let now = after(&mut pulse, now, &[10; 10]);
        assert_eq!(pulse.per_s(now)[0], 10.0, "what was before is forgotten");
        let now = after(&mut pulse, now, &[0; 11]);
        assert_eq!(pulse.per_s(now), [0.0, 0.0]);
        assert_eq!((pulse.drawn().len(), pulse.drawn()[0]), (51, 1_000.0));
        after(&mut pulse, now, &[1; 500]);
        assert_eq!(pulse.drawn().len(), SECONDS_DRAWN);
    }

    #[test]
    fn a_judge_that_does_not_look_shows_a_falling_rate() {
        let begin = Instant::now();
        let mut pulse = Pulse::new(SECONDS_OF_RATE);
        pulse.look(begin, Timestamp(0), [0, 0]);
        let now = after(&mut pulse, begin, &[100; 10]);
        assert!(pulse.per_s(now + S * 30)[0] < 10.0);
    }

    #[test]
    fn a_silence_is_long_when_it_was_never_so_long() {
        let begin = Instant::now();
        let mut pulse = Pulse::new(SECONDS_OF_RATE);
        pulse.look(begin, Timestamp(0), [0, 0]);
        assert_eq!((pulse.silence(begin), pulse.waited(begin + S)), (None, Some(S)));
        let now = after(&mut pulse, begin, &[5, 5, 5]);
        assert_eq!(pulse.waited(now), None);
        assert_eq!(pulse.long_silence(now + S * 299, S * 300), None);
        assert_eq!(pulse.long_silence(now + S * 300, S * 300), Some(S * 300));
        // It comes again after an hour: an hour is what it does.
        let now = after(&mut pulse, now + S * 3_600, &[5]);
        assert_eq!(pulse.long_silence(now + S * 3_600, S * 300), None);
        assert!(pulse.long_silence(now + S * 11_000, S * 300).is_some());
    }

    #[test]
    fn a_counter_that_begins_anew_gives_no_negative_rate() {
        let begin = Instant::now();
        let mut pulse = Pulse::new(SECONDS_OF_RATE);
        pulse.look(begin, Timestamp(0), [900, 0]);
        pulse.look(begin + S, Timestamp(0), [3, 0]);
        pulse.look(begin + S * 2, Timestamp(7), [8, 0]);
        assert_eq!((pulse.per_s(begin + S * 2)[0], pulse.received()), (5.0, Some(Timestamp(7))));
    }
}
