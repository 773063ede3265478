//! A row in the units of people, each column beside what training held for normal. Owns no opinion: reasons are `explain`'s.

use crate::Ensemble;
use record::Why;

impl Ensemble {
    /// Every column of `row` (as `features` made it) with its value, the 1 % and 99 % of training, unit, and share 0.
    /// Empty when the row has another width.
    #[must_use]
    pub fn describe(&self, row: &[f32]) -> Vec<Why> {
        if row.len() != self.schema.features.len() {
            return Vec::new();
        }
        let mut encoded = row.to_vec();
        self.encoder.encode(&mut encoded);
        let columns = self.schema.features.iter().zip(encoded).enumerate();
        columns
            .map(|(column, (feature, value))| {
                let [low, _, high] = self.encoder.range(column);
                Why {
                    feature: feature.name.to_string(),
                    value: feature.kind.shown(value),
                    expected: [feature.kind.shown(low), feature.kind.shown(high)],
                    unit: feature.unit.to_string(),
                    share: 0.0,
                }
            })
            .collect()
    }
}
