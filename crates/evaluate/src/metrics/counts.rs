//! What a threshold does: the four counts and the figures made from them.

/// Two-sided 95 % point of the normal distribution.
const Z_95: f64 = 1.959_964;

/// Rows by truth and verdict.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Attacks that were called.
    pub hits: u64,
    /// Benign rows that were called.
    pub false_alarms: u64,
    /// Attacks that were not called.
    pub misses: u64,
    /// Benign rows that were not called.
    pub quiet: u64,
}

fn share(part: u64, whole: u64) -> Option<f64> {
    (whole > 0).then(|| part as f64 / whole as f64)
}

impl Counts {
    /// One entry a row in each.
    pub fn of(called: impl IntoIterator<Item = bool>, positive: &[bool]) -> Self {
        let mut counts = Self::default();
        for (called, positive) in called.into_iter().zip(positive) {
            *match (called, *positive) {
                (true, true) => &mut counts.hits,
                (true, false) => &mut counts.false_alarms,
                (false, true) => &mut counts.misses,
                (false, false) => &mut counts.quiet,
            } += 1;
        }
        counts
    }

    /// Share of called rows that are attacks; None when nothing was called or there is no attack.
    #[must_use]
    pub fn precision(&self) -> Option<f64> {
        if self.hits + self.misses == 0 { None } else { share(self.hits, self.hits + self.false_alarms) }
    }

    /// Share of attacks that were called; None without attacks.
    #[must_use]
    pub fn recall(&self) -> Option<f64> {
        share(self.hits, self.hits + self.misses)
    }

    /// Harmonic mean of both, 2·hits / (2·hits + false alarms + misses); None without attacks.
    #[must_use]
    pub fn f1(&self) -> Option<f64> {
        if self.hits + self.misses == 0 {
            None
        } else {
            share(2 * self.hits, 2 * self.hits + self.false_alarms + self.misses)
        }
    }

    /// 95 % interval of the share of benign rows that were called (Wilson, 1927), as if rows came independently of each other; None
    /// without benign rows.
    #[must_use]
    pub fn false_positive_interval(&self) -> Option<[f64; 2]> {
        let rows = (self.false_alarms + self.quiet) as f64;
        if rows == 0.0 {
            return None;
        }
        let (rate, z2) = (self.false_alarms as f64 / rows, Z_95 * Z_95);
        let middle = rate + z2 / (2.0 * rows);
        let reach = Z_95 * (rate * (1.0 - rate) / rows + z2 / (4.0 * rows * rows)).sqrt();
        let ends = [middle - reach, middle + reach];
        Some(ends.map(|end| (end / (1.0 + z2 / rows)).clamp(0.0, 1.0)))
    }

    /// Share of rows judged right; None without both kinds.
    #[must_use]
    pub fn accuracy(&self) -> Option<f64> {
        let both = self.hits + self.misses > 0 && self.false_alarms + self.quiet > 0;
        let all = self.hits + self.misses + self.false_alarms + self.quiet;
        if both { share(self.hits + self.quiet, all) } else { None }
    }

    /// Share of benign rows that were called; None without benign rows.
    #[must_use]
    pub fn false_positive_rate(&self) -> Option<f64> {
        share(self.false_alarms, self.false_alarms + self.quiet)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_by_hand() {
        let called = [true, true, true, false, false, false, false, false];
        let positive = [true, true, false, true, false, false, false, false];
        let counts = Counts::of(called, &positive);
        assert_eq!(counts, Counts { hits: 2, false_alarms: 1, misses: 1, quiet: 4 });
        assert_eq!((counts.precision(), counts.recall()), (Some(2.0 / 3.0), Some(2.0 / 3.0)));
        assert_eq!((counts.f1(), counts.accuracy()), (Some(4.0 / 6.0), Some(0.75)));
        assert_eq!(counts.false_positive_rate(), Some(0.2));
        // 1 of 5: (0.2 + 0.3842 ± 0.5201) / 1.7683.
        let within = counts.false_positive_interval().map(|[low, high]| (low - 0.0362).abs() + (high - 0.6245).abs());
        assert!(within.is_some_and(|error| error < 2e-4), "{:?}", counts.false_positive_interval());
        assert_eq!(Counts { hits: 2, ..Counts::default() }.false_positive_interval(), None);
    }

    #[test]
    fn what_does_not_exist_is_not_zero() {
        let benign = Counts { false_alarms: 1, quiet: 9, ..Counts::default() };
        assert_eq!((benign.precision(), benign.recall(), benign.f1(), benign.accuracy()), (None, None, None, None));
        assert_eq!(benign.false_positive_rate(), Some(0.1));
        let silent = Counts { misses: 3, quiet: 5, ..Counts::default() };
        assert_eq!((silent.precision(), silent.recall(), silent.f1()), (None, Some(0.0), Some(0.0)));
        assert_eq!(Counts { hits: 2, ..Counts::default() }.false_positive_rate(), None);
    }
}
