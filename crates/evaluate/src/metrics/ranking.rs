//! Everything that depends on the order of scores only: ROC and precision-recall curves, their areas, the equal error rate, and
//! the share caught at a given false-positive rate. Ties are one step of the curve, as in scikit-learn's `roc_curve` and
//! `average_precision_score`.

/// Rows in falling order of their score, equal scores together.
#[derive(Clone, Debug)]
pub struct Ranking {
    order: Vec<u32>,
    /// End (exclusive) of each group of equal scores, as places in `order`.
    ends: Vec<u32>,
    positive: Vec<bool>,
}

/// The curve's corners: positives and negatives above each distinct score, from the strictest threshold on.
#[derive(Clone, Debug, Default)]
pub struct Curve {
    /// True and false positives after each group; counts, or sums of weights.
    pub steps: Vec<(f64, f64)>,
}

impl Ranking {
    /// Both slices have one entry a row. NaN ranks below everything.
    #[must_use]
    pub fn new(scores: &[f64], positive: &[bool]) -> Self {
        let at = |row: u32| {
            let score = scores[row as usize];
            if score.is_nan() { f64::NEG_INFINITY } else { score }
        };
        let rows = scores.len().min(positive.len()) as u32;
        let mut order: Vec<u32> = (0..rows).collect();
        order.sort_by(|a, b| at(*b).total_cmp(&at(*a)));
        let mut ends = Vec::new();
        for place in 1..=order.len() {
            // `==` and not the total order: 0 and −0 are one score.
            if place == order.len() || at(order[place]) != at(order[place - 1]) {
                ends.push(place as u32);
            }
        }
        Self { order, ends, positive: positive.to_vec() }
    }

    /// The curve of all rows, each counted once.
    #[must_use]
    pub fn curve(&self) -> Curve {
        self.weighted(|_| 1.0)
    }

    /// The curve with a weight for each row (how often a bootstrap drew it).
    #[must_use]
    pub fn weighted(&self, weight: impl Fn(usize) -> f64) -> Curve {
        let (mut hits, mut alarms, mut start) = (0.0, 0.0, 0);
        let mut steps = Vec::with_capacity(self.ends.len());
        for end in &self.ends {
            for row in &self.order[start as usize..*end as usize] {
                let row = *row as usize;
                *(if self.positive[row] { &mut hits } else { &mut alarms }) += weight(row);
            }
            start = *end;
            steps.push((hits, alarms));
        }
        Curve { steps }
    }
}

impl Curve {
    fn totals(&self) -> (f64, f64) {
        self.steps.last().copied().unwrap_or_default()
    }

    /// Area under the ROC curve (trapezoids, so that ties count half); None without positives or without negatives.
    #[must_use]
    pub fn roc_auc(&self) -> Option<f64> {
        let (positives, negatives) = self.both_kinds()?;
        let (mut area, mut last) = (0.0, (0.0, 0.0));
        for step in &self.steps {
            area += (step.1 - last.1) * (step.0 + last.0) / 2.0;
            last = *step;
        }
        Some(area / (positives * negatives))
    }

    /// Average precision, Σ (Rₙ − Rₙ₋₁) Pₙ, without interpolation; None without positives or without negatives (all ones
    /// would say nothing).
    #[must_use]
    pub fn pr_auc(&self) -> Option<f64> {
        let (positives, _) = self.both_kinds()?;
        let (mut sum, mut last) = (0.0, 0.0);
        for (hits, alarms) in &self.steps {
            if hits + alarms > 0.0 {
                sum += (hits - last) * hits / (hits + alarms);
            }
            last = *hits;
        }
        Some(sum / positives)
    }

    /// The rate at which as many negatives are called as positives are missed, on the straight line between the two corners
    /// around it.
    #[must_use]
    pub fn equal_error_rate(&self) -> Option<f64> {
        let (positives, negatives) = self.both_kinds()?;
        let (mut last_alarms, mut last_missed) = (0.0, 1.0);
        for (hits, alarms) in &self.steps {
            let (alarms, missed) = (alarms / negatives, 1.0 - hits / positives);
            if alarms >= missed {
                let (before, after) = (last_missed - last_alarms, alarms - missed);
                let share = if before + after > 0.0 { before / (before + after) } else { 0.0 };
                return Some(last_alarms + share * (alarms - last_alarms));
            }
            (last_alarms, last_missed) = (alarms, missed);
        }
        None
    }

    /// Largest share of positives caught at a threshold that calls at most `rate` of the negatives.
    #[must_use]
    pub fn caught_at(&self, rate: f64) -> Option<f64> {
        let (positives, negatives) = self.both_kinds()?;
        let within = self.steps.iter().take_while(|(_, alarms)| alarms / negatives <= rate + 1e-12);
        Some(within.last().map_or(0.0, |(hits, _)| hits / positives))
    }

    /// At most `corners` points of the ROC curve, (false, true) positive rate, both ends among them.
    #[must_use]
    pub fn roc_points(&self, corners: usize) -> Vec<(f64, f64)> {
        let Some((positives, negatives)) = self.both_kinds() else { return Vec::new() };
        let point = |(hits, alarms): (f64, f64)| (alarms / negatives, hits / positives);
        std::iter::once((0.0, 0.0)).chain(self.thinned(corners).map(point)).collect()
    }

    /// At most `corners` points of the precision-recall curve, (recall, precision).
    #[must_use]
    pub fn precision_points(&self, corners: usize) -> Vec<(f64, f64)> {
        let Some((positives, _)) = self.both_kinds() else { return Vec::new() };
        let called = self.thinned(corners).filter(|(hits, alarms)| hits + alarms > 0.0);
        called.map(|(hits, alarms)| (hits / positives, hits / (hits + alarms))).collect()
    }

    /// Steps that are at least a part of the curve's whole length apart, and the last one.
    fn thinned(&self, corners: usize) -> impl Iterator<Item = (f64, f64)> {
        let (positives, negatives) = self.totals();
        let apart = 2.0 / corners.max(2) as f64;
        let mut last: Option<(f64, f64)> = None;
        let end = self.steps.len().saturating_sub(1);
        self.steps.iter().copied().enumerate().filter_map(move |(place, step)| {
            let far = last.is_none_or(|(hits, alarms)| {
                (step.0 - hits) / positives.max(1.0) + (step.1 - alarms) / negatives.max(1.0) >= apart
            });
            (far || place == end).then(|| {
                last = Some(step);
                step
            })
        })
    }

    fn both_kinds(&self) -> Option<(f64, f64)> {
        let (positives, negatives) = self.totals();
        (positives > 0.0 && negatives > 0.0).then_some((positives, negatives))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn curve(scores: &[f64], positive: &[u8]) -> Curve {
        let positive: Vec<bool> = positive.iter().map(|p| *p == 1).collect();
        Ranking::new(scores, &positive).curve()
    }

    fn close(value: Option<f64>, expected: f64) {
        assert!(value.is_some_and(|value| (value - expected).abs() < 1e-12), "{value:?} instead of {expected}");
    }

    /// scikit-learn's own example: `roc_auc_score` gives 0.75, `average_precision_score` 0.8333…
    #[test]
    fn areas_of_the_textbook_example() {
        let c = curve(&[0.1, 0.4, 0.35, 0.8], &[0, 0, 1, 1]);
        close(c.roc_auc(), 0.75);
        close(c.pr_auc(), 5.0 / 6.0);
        close(c.equal_error_rate(), 0.5);
        close(c.caught_at(0.0), 0.5);
        close(c.caught_at(0.5), 1.0);
    }

    /// By hand.
    #[test]
    fn ties_are_one_step() {
        let (scores, positive) = ([3.0, 2.0, 2.0, 2.0, 1.0, 1.0, 1.0, 0.0], [1, 1, 0, 0, 1, 0, 0, 0]);
        let c = curve(&scores, &positive);
        // Positive at 3 beats all 5; at 2 beats 3 and ties 2; at 1 beats 1 and ties 2: 5 + 4 + 2 of 15.
        close(c.roc_auc(), 11.0 / 15.0);
        // Precision 1/1, 2/4, 3/7, each gaining a third of the recall.
        close(c.pr_auc(), (1.0 + 0.5 + 3.0 / 7.0) / 3.0);
        close(c.caught_at(0.1), 1.0 / 3.0);
        close(c.caught_at(0.4), 2.0 / 3.0);
        // From (0, missed 2/3) to (0.4, missed 1/3): the line on which both are equal.
        close(c.equal_error_rate(), 0.4 * (2.0 / 3.0) / (2.0 / 3.0 + 1.0 / 15.0));
    }

    /// 500 rows with many ties from a linear congruential generator; expected values by scikit-learn 1.9 (`roc_auc_score`,
    /// `average_precision_score`, `roc_curve`) and, for the equal error rate, SciPy's root of its interpolation.
    #[test]
    fn agrees_with_scikit_learn_on_ties() {
        let mut state = 12_345_u64;
        let mut next = || {
            state = (state * 1_103_515_245 + 12_345) % (1 << 31);
            state >> 16
        };
        let rows: Vec<(bool, f64)> = (0..500)
            .map(|_| {
                let attack = next() % 5 == 0;
                (attack, (next() % 40) as f64 + if attack { 12.0 } else { 0.0 })
            })
            .collect();
        let (positive, scores): (Vec<bool>, Vec<f64>) = rows.into_iter().unzip();
        let c = Ranking::new(&scores, &positive).curve();
        close(c.roc_auc(), 0.782_376_733_913_992_9);
        close(c.pr_auc(), 0.572_138_402_637_773_8);
        close(c.equal_error_rate(), 0.307_730_673_316_708_2);
        close(c.caught_at(0.01), 0.306_930_693_069_306_9);
        close(c.caught_at(0.1), 0.376_237_623_762_376_24);
        close(c.caught_at(0.25), 0.594_059_405_940_594_1);
        let counts = super::super::Counts::of(scores.iter().map(|score| *score > 30.0), &positive);
        close(counts.precision(), 0.407_142_857_142_857_14);
        close(counts.recall(), 0.564_356_435_643_564_3);
        close(counts.f1(), 0.473_029_045_643_153_5);
        close(counts.accuracy(), 0.746);
    }

    #[test]
    fn all_equal_scores_say_nothing() {
        let c = curve(&[1.0; 6], &[1, 1, 0, 0, 0, 0]);
        close(c.roc_auc(), 0.5);
        close(c.pr_auc(), 2.0 / 6.0);
        close(c.equal_error_rate(), 0.5);
        close(c.caught_at(0.01), 0.0);
    }

    #[test]
    fn the_sides_of_zero_are_one_score_and_nan_is_last() {
        close(curve(&[0.0, -0.0], &[1, 0]).roc_auc(), 0.5);
        close(curve(&[f64::NAN, -1e300], &[1, 0]).roc_auc(), 0.0);
    }

    #[test]
    fn without_both_kinds_there_is_no_figure() {
        for positive in [[0, 0], [1, 1]] {
            let c = curve(&[1.0, 2.0], &positive);
            assert_eq!((c.roc_auc(), c.pr_auc(), c.equal_error_rate(), c.caught_at(0.1)), (None, None, None, None));
            assert!(c.roc_points(10).is_empty() && c.precision_points(10).is_empty());
        }
        assert_eq!(curve(&[], &[]).roc_auc(), None);
    }

    #[test]
    fn weights_count_as_copies() {
        let positive = [true, false, true, false];
        let scores = [4.0, 3.0, 2.0, 1.0];
        let weighted = Ranking::new(&scores, &positive).weighted(|row| [2.0, 1.0, 0.0, 3.0][row]);
        let copies = curve(&[4.0, 4.0, 3.0, 1.0, 1.0, 1.0], &[1, 1, 0, 0, 0, 0]);
        assert_eq!(weighted.roc_auc(), copies.roc_auc());
        assert_eq!(weighted.pr_auc(), copies.pr_auc());
    }

    #[test]
    fn drawn_curves_are_short_and_keep_their_ends() {
        let scores: Vec<f64> = (0..10_000).map(f64::from).collect();
        let positive: Vec<bool> = (0..10_000).map(|row| row % 3 == 0).collect();
        let points = Ranking::new(&scores, &positive).curve().roc_points(100);
        assert!(points.len() < 130, "{}", points.len());
        assert_eq!((points[0], *points.last().unwrap()), ((0.0, 0.0), (1.0, 1.0)));
    }
}
