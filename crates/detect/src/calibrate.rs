//! From scores to p-values without labels: the conformal p-value (1 + #{held-out ≥ s}) / (n + 1), and beyond the upper
//! two per cent a generalised Pareto tail, so that p may fall below 1/n (peaks over threshold; Siffer et al., KDD 2017;
//! fit by probability-weighted moments, Hosking and Wallis 1987). Owns nothing of what the scores mean.

use crate::DetectError;
use crate::blob::{Reader, Writer};

/// Share of held-out scores that make the tail.
const TAIL_FRACTION: f64 = 0.02;
/// Fewest excesses a tail is fitted to.
const TAIL_COUNT_MIN: usize = 12;
/// Heaviest tail assumed. The lightest is the exponential (0): a finite end would call p = 0 what was merely not seen.
const SHAPE_MAX: f64 = 0.5;
/// Smallest p-value told apart.
pub const P_VALUE_MIN: f64 = 1e-12;

/// Held-out scores of one member, or of the combination.
#[derive(Clone, Debug, PartialEq)]
pub struct Calibration {
    sorted: Vec<f32>,
    threshold: f64,
    rate: f64,
    scale: f64,
    shape: f64,
}

impl Calibration {
    /// From scores of held-out benign rows; at least one. NaN counts as the smallest.
    #[must_use]
    pub fn fit(mut scores: Vec<f32>) -> Self {
        for score in &mut scores {
            *score = if score.is_nan() { f32::MIN } else { score.clamp(f32::MIN, f32::MAX) };
        }
        if scores.is_empty() {
            scores.push(0.0);
        }
        scores.sort_by(f32::total_cmp);
        let n = scores.len();
        let wanted = ((n as f64 * TAIL_FRACTION).ceil() as usize).max(TAIL_COUNT_MIN).min(n.div_ceil(5));
        let count = wanted.min(n - 1);
        let threshold = f64::from(scores[n - 1 - count]);
        let median = f64::from(scores[n / 2]);
        let excesses: Vec<f64> = scores[n - count..].iter().map(|score| f64::from(*score) - threshold).collect();
        // A tail of equal scores still needs a width: five per cent of the distance from the middle.
        let scale_min = (0.05 * (threshold - median)).max(1e-6 * threshold.abs()).max(1e-9);
        let (scale, shape) = fit_tail(&excesses, scale_min);
        Self { threshold, rate: (count + 1) as f64 / (n + 1) as f64, scale, shape, sorted: scores }
    }

    /// How often benign traffic scores at least `score`; within `P_VALUE_MIN` and 1, never rising with the score.
    #[must_use]
    pub fn p_value(&self, score: f32) -> f64 {
        let excess = f64::from(score) - self.threshold;
        if excess > 0.0 {
            return (self.rate * self.survival(excess)).max(P_VALUE_MIN);
        }
        let below = self.sorted.partition_point(|held_out| *held_out < score);
        (1 + self.sorted.len() - below) as f64 / (self.sorted.len() + 1) as f64
    }

    /// −log10 of the p-value, without the floor of [`P_VALUE_MIN`]: tells apart what is far beyond all that was held out.
    #[must_use]
    pub fn evidence(&self, score: f32) -> f64 {
        let excess = f64::from(score) - self.threshold;
        let p_value = self.p_value(score);
        if excess <= 0.0 || p_value > P_VALUE_MIN {
            return -p_value.log10();
        }
        let scaled = excess / self.scale;
        let survival = if self.shape < 1e-6 { -scaled } else { -(self.shape * scaled).ln_1p() / self.shape };
        (-(self.rate.ln() + survival) / std::f64::consts::LN_10).max(-P_VALUE_MIN.log10())
    }

    fn survival(&self, excess: f64) -> f64 {
        let scaled = excess / self.scale;
        if self.shape < 1e-6 { (-scaled).exp() } else { (1.0 + self.shape * scaled).powf(-1.0 / self.shape) }
    }

    /// The score that `fraction` of the held-out rows stay below.
    #[must_use]
    pub fn quantile(&self, fraction: f64) -> f32 {
        let place = (fraction * (self.sorted.len() - 1) as f64).round() as usize;
        self.sorted[place.min(self.sorted.len() - 1)]
    }

    /// Held-out rows.
    #[must_use]
    pub fn rows(&self) -> usize {
        self.sorted.len()
    }

    pub(crate) fn save(&self, out: &mut Writer) {
        for value in [self.threshold, self.rate, self.scale, self.shape] {
            out.f64(value);
        }
        out.f32s(&self.sorted);
    }

    pub(crate) fn load(reader: &mut Reader<'_>) -> Result<Self, DetectError> {
        let [threshold, rate, scale, shape] = [reader.f64()?, reader.f64()?, reader.f64()?, reader.f64()?];
        let sorted = reader.f32s()?;
        let sound = threshold.is_finite()
            && (0.0..=1.0).contains(&rate)
            && scale.is_finite()
            && scale > 0.0
            && (0.0..=SHAPE_MAX).contains(&shape)
            && !sorted.is_empty()
            && sorted.is_sorted();
        if sound {
            Ok(Self { sorted, threshold, rate, scale, shape })
        } else {
            Err(DetectError::Damaged("a calibration is impossible".to_owned()))
        }
    }
}

/// May a member of a level beside flows be heard, when it flagged so many of the windows or steps held out at its 1 %
/// threshold? At most 3 %, and what chance adds where there are few: neighbouring ones look alike, so chance moves the rate
/// far more than it does that of flows.
pub(crate) fn keeps_promise(flagged: usize, held_out: usize) -> bool {
    let most = 0.03 * held_out as f64;
    flagged as f64 <= most + 2.0 * most.sqrt() + 1.0
}

/// Scale and shape of a generalised Pareto distribution by probability-weighted moments; `excesses` ascending.
fn fit_tail(excesses: &[f64], scale_min: f64) -> (f64, f64) {
    let n = excesses.len() as f64;
    if excesses.is_empty() {
        return (scale_min, 0.0);
    }
    let mean = excesses.iter().sum::<f64>() / n;
    let weighted = |(place, excess): (usize, &f64)| (1.0 - (place as f64 + 0.65) / n) * excess;
    let moment = excesses.iter().enumerate().map(weighted).sum::<f64>() / n;
    let difference = mean - 2.0 * moment;
    let shape = if difference > 0.0 { 2.0 - mean / difference } else { SHAPE_MAX };
    let shape = shape.clamp(0.0, SHAPE_MAX);
    // With the shape held within its bounds the scale keeps the mean: E = scale / (1 − shape).
    ((mean * (1.0 - shape)).max(scale_min), shape)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::random::Random;

    #[test]
    fn p_values_of_held_out_scores_are_uniform() {
        let mut random = Random::new(1, 2);
        let calibration = Calibration::fit((0..2000).map(|_| random.normal()).collect());
        for alpha in [0.5, 0.1, 0.01, 0.001] {
            let hits = (0..200_000).filter(|_| calibration.p_value(random.normal()) <= alpha).count() as f64;
            let rate = hits / 200_000.0;
            assert!(rate < 2.0 * alpha && rate > alpha / 2.5, "alpha {alpha}: realised {rate}");
        }
    }

    #[test]
    fn the_tail_goes_below_one_in_n_and_never_rises() {
        let mut random = Random::new(2, 2);
        let calibration = Calibration::fit((0..1000).map(|_| -(1.0 - random.unit()).ln()).collect());
        // Exponential scores: P(S > 11.5) = 1e-5.
        let p = calibration.p_value(11.5);
        assert!(p < 3e-4 && p > 1e-8, "{p}");
        let mut last = 1.0;
        for step in 0..4000 {
            let p = calibration.p_value(step as f32 * 0.01 - 1.0);
            assert!(p <= last && p >= P_VALUE_MIN);
            last = p;
        }
    }

    #[test]
    fn evidence_is_the_p_values_logarithm_and_goes_on_beyond_its_floor() {
        let mut random = Random::new(2, 3);
        let calibration = Calibration::fit((0..1000).map(|_| random.normal()).collect());
        let mut last = f64::MIN;
        for step in 0..4000 {
            let score = step as f32 * 0.1 - 4.0;
            let (evidence, p_value) = (calibration.evidence(score), calibration.p_value(score));
            assert!(evidence >= last, "never falls");
            assert!(p_value == P_VALUE_MIN || (evidence + p_value.log10()).abs() < 1e-9, "{evidence} {p_value}");
            last = evidence;
        }
        assert!(last > 20.0 && calibration.evidence(f32::MAX).is_finite(), "{last}");
    }

    #[test]
    fn degenerate_scores_do_no_harm() {
        for scores in [vec![], vec![1.0], vec![2.0; 500], vec![f32::NAN, f32::INFINITY, 0.0]] {
            let calibration = Calibration::fit(scores);
            for score in [f32::MIN, 0.0, 1.0, 3.0, f32::MAX] {
                let p = calibration.p_value(score);
                assert!((P_VALUE_MIN..=1.0).contains(&p));
            }
        }
    }

    #[test]
    fn a_promise_allows_for_chance_on_few_rows() {
        assert!(keeps_promise(7, 100) && !keeps_promise(8, 100));
        assert!(keeps_promise(330, 10_000) && !keeps_promise(340, 10_000));
        assert!(keeps_promise(0, 0));
    }

    #[test]
    fn a_saved_calibration_answers_the_same() {
        let mut random = Random::new(3, 2);
        let calibration = Calibration::fit((0..300).map(|_| random.normal()).collect());
        let mut writer = Writer::default();
        calibration.save(&mut writer);
        assert_eq!(Calibration::load(&mut Reader::new(&writer.bytes)).unwrap(), calibration);
    }
}
