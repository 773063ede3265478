//! How regular a list of moments is: skewness and deviation of the intervals (as RITA scores them), evenness over the hours, and an
//! autocorrelation that finds a beat among other visits. Owns the arithmetic; knows no address, port or alert.

use super::throttle::HOUR_NS;
use record::Timestamp;

/// Visits closer than this are one, seconds: a program that opens two connections at each call, a page and its parts.
const VISIT_GAP_S: f64 = 5.0;
/// Visits needed for an autocorrelation.
const VISITS_MIN: usize = 24;
/// Shortest period searched, seconds: below it, the merging of visits itself leaves a hole in the autocorrelation.
const PERIOD_MIN_S: f64 = 25.0;
/// Hours looked back on.
const HOURS: usize = 24;
/// Whole hours needed before they are judged.
pub(super) const HOURS_MIN: usize = 4;
/// Whole hours from which a run of them counts as full persistence.
const RUN_FULL: f64 = 12.0;

/// Quartiles of a list, sorted in place.
fn quartiles(list: &mut [f64]) -> [f64; 3] {
    list.sort_by(f64::total_cmp);
    let at = |q: f64| list[((list.len() - 1) as f64 * q).round() as usize];
    [at(0.25), at(0.5), at(0.75)]
}

/// RITA's sub-score: (1 − |Bowley skewness| + 1 − deviation relative to the median) / 2.
pub(super) fn regularity(list: &mut [f64], least: f64) -> f64 {
    if list.is_empty() {
        return 0.0;
    }
    let [q1, median, q3] = quartiles(list);
    let spread = q3 - q1;
    let skew =
        if spread <= f64::EPSILON || median <= q1 || median >= q3 { 0.0 } else { (q1 + q3 - 2.0 * median) / spread };
    let mut deviations: Vec<f64> = list.iter().map(|v| (v - median).abs()).collect();
    let mad = quartiles(&mut deviations)[1];
    let dispersion = (1.0 - mad / median.max(least)).max(0.0);
    f64::midpoint(1.0 - skew.abs(), dispersion)
}

/// Standard deviation over mean, without the sixteenth at either end: one call that was missed does not count. Calls at random times
/// (Poisson) have about 0.75 so trimmed; a sleep of ±50 % has 0.25. The list is sorted in place.
pub(super) fn spread(intervals: &mut [f64]) -> f64 {
    intervals.sort_by(f64::total_cmp);
    let cut = intervals.len().div_ceil(16);
    let Some(kept) = intervals.get(cut..intervals.len().saturating_sub(cut)).filter(|kept| kept.len() >= 2) else {
        return f64::MAX;
    };
    let mean = kept.iter().sum::<f64>() / kept.len() as f64;
    let variance = kept.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / kept.len() as f64;
    if mean > 0.0 { variance.sqrt() / mean } else { f64::MAX }
}

/// A beat found by autocorrelation.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Beat {
    /// Period, seconds.
    pub(super) period_s: f64,
    /// Part of the visits that have another one period later or earlier.
    pub(super) on_beat_share: f64,
}

/// The beat in moments (seconds, ascending), if there is one: pairs of visits that lie one or two periods apart, within 10 %, against pairs
/// that lie half a period off. It finds a beat among visits of other sorts, with calls that are missed, and with several connections at
/// each call. It does not find a sleep of ±50 %: the autocorrelation of that is flat beyond the first interval; `spread` is for it.
pub(super) fn beat(times: &[f64]) -> Option<Beat> {
    let visits = visits(times);
    let (first, last) = (*visits.first()?, *visits.last()?);
    if visits.len() < VISITS_MIN {
        return None;
    }
    let mean = (last - first) / (visits.len() - 1) as f64;
    // Longer than two and a half mean gaps, everything has a neighbour by chance.
    let longest = 2.5 * mean;
    let mut lags: Vec<f64> = Vec::new();
    for (i, from) in visits.iter().enumerate() {
        lags.extend(visits[i + 1..].iter().map(|to| to - from).take_while(|lag| *lag <= 2.2 * longest));
    }
    lags.sort_by(f64::total_cmp);
    let mut period = PERIOD_MIN_S.max(mean / 4.0);
    let mut found: Vec<(f64, f64)> = Vec::new();
    while period <= longest {
        found.extend(contrast(&lags, period).map(|strength| (period, strength)));
        period *= 1.04;
    }
    let period_s = fundamental(&found)?;
    let on_beat_share = on_beat(&visits, period_s);
    (on_beat_share >= 0.5).then_some(Beat { period_s, on_beat_share })
}

/// Beginnings of visits: what follows within `VISIT_GAP_S` belongs to the one before.
fn visits(times: &[f64]) -> Vec<f64> {
    let mut visits = Vec::with_capacity(times.len());
    let mut before = f64::MIN;
    for time in times {
        if time - before > VISIT_GAP_S {
            visits.push(*time);
        }
        before = *time;
    }
    visits
}

/// The shortest of the periods that stand out: twice a period stands out, too.
fn fundamental(found: &[(f64, f64)]) -> Option<f64> {
    let top = found.iter().map(|(_, strength)| *strength).fold(0.0, f64::max);
    let shortest = found.iter().find(|(_, strength)| *strength >= 0.8 * top)?.0;
    let near = found.iter().take_while(|(period, _)| *period <= 1.3 * shortest);
    near.max_by(|a, b| a.1.total_cmp(&b.1)).map(|(period, _)| *period)
}

/// By how many standard deviations more pairs lie on the beat than beside it; None when that is too little, or by fewer than 4.5.
fn contrast(lags: &[f64], period: f64) -> Option<f64> {
    let near = |middle: f64| {
        let (low, high) = ((middle - 0.1) * period, (middle + 0.1) * period);
        (lags.partition_point(|lag| *lag <= high) - lags.partition_point(|lag| *lag < low)) as f64
    };
    let (on, beside) = (near(1.0) + near(2.0), near(0.5) + near(1.5));
    let strength = (on - beside) / (on + beside).max(1.0).sqrt();
    (strength >= 4.5 && on >= 1.8 * beside).then_some(strength)
}

/// Part of the visits that have another within 10 % of one period.
fn on_beat(visits: &[f64], period: f64) -> f64 {
    let near = |from: f64, sign: f64| visits.iter().any(|to| ((to - from) * sign - period).abs() <= 0.1 * period);
    let with = visits.iter().filter(|from| near(**from, 1.0) || near(**from, -1.0)).count();
    with as f64 / visits.len().max(1) as f64
}

/// Calls in each of the last 24 hours of capture time.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Hours {
    counts: [u16; HOURS],
    first: i64,
    newest: i64,
    any: bool,
}

impl Hours {
    /// A call at this time.
    pub(super) fn count(&mut self, at: Timestamp) {
        let hour = at.0.div_euclid(HOUR_NS);
        if !self.any {
            (self.any, self.first, self.newest) = (true, hour, hour);
        }
        if hour <= self.newest - HOURS as i64 {
            return;
        }
        for passed in (self.newest + 1..=hour).take(HOURS) {
            self.counts[passed.rem_euclid(HOURS as i64) as usize] = 0;
        }
        self.newest = self.newest.max(hour);
        let slot = &mut self.counts[hour.rem_euclid(HOURS as i64) as usize];
        *slot = slot.saturating_add(1);
    }

    /// The whole hours since the first call, without the first and the current one, oldest first.
    fn whole(&self) -> Vec<f64> {
        let from = (self.first + 1).max(self.newest - HOURS as i64 + 1);
        (from..self.newest).map(|hour| f64::from(self.counts[hour.rem_euclid(HOURS as i64) as usize])).collect()
    }

    /// Evenness and persistence over the whole hours, each 0 to 1; None while they are too few to tell. Evenness: one less the coefficient
    /// of variation, or the part of the hours that hold nothing or about the usual number (a machine that is off at night). Persistence:
    /// the part of the hours with a call, or the longest run of them.
    pub(super) fn scores(&self) -> Option<[f64; 2]> {
        let whole = self.whole();
        if whole.len() < HOURS_MIN {
            return None;
        }
        let n = whole.len() as f64;
        let mean = whole.iter().sum::<f64>() / n;
        let variance = whole.iter().map(|c| (c - mean).powi(2)).sum::<f64>() / n;
        let even = if mean > 0.0 { (1.0 - variance.sqrt() / mean).max(0.0) } else { 0.0 };
        let mut busy: Vec<f64> = whole.iter().copied().filter(|c| *c > 0.0).collect();
        let mut two_modes = 0.0;
        if n >= RUN_FULL && busy.len() as f64 >= n / 4.0 {
            let usual = quartiles(&mut busy)[1];
            let fits = |c: f64| c == 0.0 || (c - usual).abs() <= (0.2 * usual).max(1.0);
            two_modes = whole.iter().filter(|c| fits(**c)).count() as f64 / n;
        }
        let with = whole.iter().filter(|c| **c > 0.0).count() as f64;
        let (mut run, mut longest) = (0.0f64, 0.0f64);
        for count in &whole {
            run = if *count > 0.0 { run + 1.0 } else { 0.0 };
            longest = longest.max(run);
        }
        Some([even.max(two_modes), (with / n).max((longest / RUN_FULL).min(1.0))])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use record::timestamp::NS_PER_S;

    /// Uniform in 0 … 1 from a fixed stream.
    struct Draws(u64);

    impl Draws {
        fn next(&mut self) -> f64 {
            self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (self.0 >> 33) as f64 / (1u64 << 31) as f64
        }
        fn random_visits(&mut self, n: usize, mean_s: f64) -> Vec<f64> {
            let mut at = 0.0;
            (0..n)
                .map(|_| {
                    at -= mean_s * (1.0 - self.next()).ln();
                    at
                })
                .collect()
        }
    }

    #[test]
    fn a_sleep_of_fifty_percent_is_narrow_and_random_calls_are_wide() {
        for seed in 1..200 {
            let mut draws = Draws(seed);
            let mut sleeps: Vec<f64> = (0..32).map(|_| 30.0 + 60.0 * draws.next()).collect();
            assert!(spread(&mut sleeps) <= 0.35, "seed {seed}: {}", spread(&mut sleeps));
            let mut random: Vec<f64> = draws.random_visits(65, 60.0).windows(2).map(|w| w[1] - w[0]).collect();
            assert!(spread(&mut random) > 0.45, "seed {seed}: {}", spread(&mut random));
        }
        assert_eq!(spread(&mut [1.0]), f64::MAX);
        assert_eq!(spread(&mut []), f64::MAX);
    }

    #[test]
    fn a_beat_is_found_among_other_visits_with_doubles_and_with_calls_missed() {
        let (mut among, mut doubled) = (0, 0);
        for seed in 1..=100 {
            let mut draws = Draws(seed);
            let mut times = draws.random_visits(14, 200.0);
            times.extend((0..50).map(|i| f64::from(i) * 60.0 + 6.0 * draws.next()));
            times.sort_by(f64::total_cmp);
            among += u32::from(beat(&times).is_some_and(|b| (54.0..=66.0).contains(&b.period_s)));
            let mut doubles: Vec<f64> = Vec::new();
            for i in (0..45).filter(|i| i % 5 != 3) {
                let at = f64::from(i) * 300.0 + 60.0 * draws.next();
                doubles.extend([at, at + 1.5]);
            }
            doubled += u32::from(beat(&doubles).is_some_and(|b| (255.0..=345.0).contains(&b.period_s)));
        }
        assert!(among >= 85 && doubled >= 95, "{among} and {doubled} of 100");
    }

    #[test]
    fn visits_at_random_times_and_in_sittings_have_no_beat() {
        let mut told = 0;
        for seed in 1..2000 {
            let mut draws = Draws(seed);
            told += u32::from(beat(&draws.random_visits(64, 90.0)).is_some());
            // A sitting: pages at random for some minutes, then a pause.
            let mut at = 0.0;
            let sittings: Vec<f64> = (0..64)
                .map(|i| {
                    at +=
                        if i % 9 == 0 { 600.0 + 3000.0 * draws.next() } else { 4.0 - 40.0 * (1.0 - draws.next()).ln() };
                    at
                })
                .collect();
            told += u32::from(beat(&sittings).is_some());
        }
        assert!(told <= 2, "{told} of 4,000");
        assert_eq!(beat(&[]), None);
    }

    #[test]
    fn hours_tell_steady_work_and_office_hours_from_a_burst() {
        let hours = |times: &mut dyn Iterator<Item = i64>| {
            let mut hours = Hours::default();
            for s in times {
                hours.count(Timestamp(s * NS_PER_S));
            }
            hours.scores()
        };
        assert_eq!(hours(&mut (0..200).map(|i| i * 60)), None, "three hours");
        let steady = hours(&mut (0..1400).map(|i| i * 60));
        assert!(steady.is_some_and(|[even, lasting]| even > 0.95 && lasting > 0.95), "{steady:?}");
        let by_day = hours(&mut (0..2880).map(|i| i * 60).filter(|s| (9..18).contains(&(s / 3600 % 24))));
        assert!(by_day.is_some_and(|[even, lasting]| even > 0.8 && lasting >= 0.3), "{by_day:?}");
        let burst = hours(&mut (0..60).map(|i| i * 60).chain([50_000]));
        assert!(burst.is_some_and(|[even, lasting]| even < 0.3 && lasting < 0.3), "{burst:?}");
        let gap = hours(&mut [0, 400_000, 400_060].into_iter());
        assert!(gap.is_some_and(|scores| scores.iter().all(|s| *s < 0.1)), "{gap:?}");
    }
}
