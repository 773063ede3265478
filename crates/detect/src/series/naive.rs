//! The baseline that a forecaster must beat to be heard: the value one season ago, or the last one where there is no
//! season yet, with a variance of exponentially weighted gaps. Simple methods often win on series (Liu and Paparrizos,
//! "The elephant in the room", NeurIPS 2024), so a network that does not beat this has no vote.

/// Weight of the newest gap in the variance.
const NEWEST: f64 = 0.02;

/// Forecasts one channel.
#[derive(Clone, Debug)]
pub struct SeasonalNaive {
    season: Vec<f64>,
    next: usize,
    seen: usize,
    variance: f64,
    variance_min: f64,
}

impl SeasonalNaive {
    /// A season of `steps` (1: the last value). `variance_min` keeps constant channels from infinite sureness.
    #[must_use]
    pub fn new(steps: usize, variance_min: f64) -> Self {
        Self { season: vec![0.0; steps.max(1)], next: 0, seen: 0, variance: 1.0, variance_min }
    }

    /// Mean and variance of the next value.
    #[must_use]
    pub fn forecast(&self) -> (f64, f64) {
        let place = if self.seen >= self.season.len() {
            self.next
        } else {
            (self.next + self.season.len() - 1) % self.season.len()
        };
        (self.season[place], self.variance.max(self.variance_min))
    }

    /// Takes the value in that was forecast; answers its negative log-likelihood (without the constant).
    pub fn observe(&mut self, value: f64) -> f64 {
        let (mean, variance) = self.forecast();
        let gap = value - mean;
        if self.seen > 0 {
            self.variance += NEWEST * (gap * gap - self.variance);
        }
        self.season[self.next] = value;
        self.next = (self.next + 1) % self.season.len();
        self.seen += 1;
        0.5 * (variance.ln() + gap * gap / variance)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_season_is_forecast_once_it_was_seen_and_a_break_costs() {
        let mut naive = SeasonalNaive::new(10, 1e-4);
        let losses: Vec<f64> = (0..400).map(|t| naive.observe((t % 10) as f64)).collect();
        assert!(losses[300] < -1.5, "{}", losses[300]);
        assert_eq!(naive.forecast().0, 0.0);
        assert!(naive.observe(9.0) > 10.0);
    }

    #[test]
    fn without_a_season_the_last_value_stands() {
        let mut naive = SeasonalNaive::new(1, 1e-4);
        naive.observe(5.0);
        assert_eq!(naive.forecast().0, 5.0);
    }
}
