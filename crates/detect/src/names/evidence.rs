//! What several names of one host say together: a one-sided sequential sum (Page's CUSUM, 1954) of how far each is above what ordinary
//! names reach. Owns the sum; knows neither hosts nor DNS, nor when it is enough.

use super::NameModel;

/// Most that one name counts, for or against: no single name decides.
const NAME_MOST: f32 = 3.0;

/// The sum so far.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Evidence(f64);

impl Evidence {
    /// Adds a name that the model gave this score; true when the name by itself looks generated.
    pub fn add(&mut self, score: f32, model: &NameModel) -> bool {
        let above = score - model.generated_from();
        self.0 = (self.0 + f64::from(above.clamp(-NAME_MOST, NAME_MOST))).max(0.0);
        above > 0.0
    }

    /// Log-odds above what one ordinary name in fifty exceeds, never below 0.
    #[must_use]
    pub fn sum(self) -> f64 {
        self.0
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn one_name_counts_three_at_most_and_ordinary_ones_take_back() {
        let model = NameModel::shipped().unwrap();
        let mut evidence = Evidence::default();
        assert!(evidence.add(1e6, model));
        assert!((evidence.sum() - 3.0).abs() < 1e-9);
        assert!(!evidence.add(-1e6, model));
        assert!(!evidence.add(-1e6, model));
        assert_eq!(evidence, Evidence::default(), "never below nothing");
    }
}
