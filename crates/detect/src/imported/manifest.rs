//! What a user says of a model: which columns it reads, how they are scaled, what its answer means.

use serde::{Deserialize, Serialize};

/// Most characters of a name.
const NAME_MAX: usize = 32;

/// The manifest of an ONNX file. In TOML, beside the file.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// Name in records, API and pages: small letters, digits and `_`, at most 32.
    pub name: String,
    /// Columns of the schema in the model's order; empty: all, in the schema's order.
    #[serde(default)]
    pub features: Vec<String>,
    /// In which form the model gets the columns.
    #[serde(default)]
    pub values: ValuesAre,
    /// Applied after that; none: as they are.
    #[serde(default)]
    pub scaling: Option<Scaling>,
    /// Name of the output that counts; none: the last.
    #[serde(default)]
    pub output: Option<String>,
    /// Column of that output; none: the last (the attack's, in a classifier of two classes).
    #[serde(default)]
    pub column: Option<usize>,
    /// What the answer means.
    pub meaning: Meaning,
}

/// In which form columns are given.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ValuesAre {
    /// As the schema has them: sizes and times as ln(1 + x).
    #[default]
    Features,
    /// Sizes and times in their unit.
    Natural,
}

/// (x − mean) / deviation by column.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scaling {
    /// One a column.
    pub mean: Vec<f32>,
    /// One a column, not 0.
    pub deviation: Vec<f32>,
}

/// What an answer means.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Meaning {
    /// A score that rises with strangeness.
    HigherIsStranger,
    /// A score that falls, as scikit-learn's `decision_function`.
    LowerIsStranger,
    /// Probability of an attack.
    AttackProbability,
    /// The row again, as the model copies it: the squared error counts.
    Reconstruction,
}

impl Scaling {
    pub(super) fn of(&self, column: usize, value: f32) -> f32 {
        match (self.mean.get(column), self.deviation.get(column)) {
            (Some(mean), Some(deviation)) => (value - mean) / deviation,
            _ => value,
        }
    }
}

impl Manifest {
    /// Checks what types cannot say.
    pub(super) fn check(&self) -> Result<(), String> {
        let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
        if self.name.is_empty() || self.name.len() > NAME_MAX || !self.name.chars().all(fits) {
            return Err(format!("the name needs 1 to {NAME_MAX} small letters, digits or _"));
        }
        let Some(scaling) = &self.scaling else { return Ok(()) };
        let lengths = [scaling.mean.len(), scaling.deviation.len()];
        if !self.features.is_empty() && lengths.iter().any(|length| *length != self.features.len()) {
            return Err(format!(
                "{} means and {} deviations for {} features",
                lengths[0],
                lengths[1],
                self.features.len()
            ));
        }
        let sound = scaling.mean.iter().all(|mean| mean.is_finite())
            && scaling.deviation.iter().all(|deviation| deviation.is_finite() && *deviation != 0.0);
        if sound { Ok(()) } else { Err("a mean or deviation is no number, or a deviation is 0".to_owned()) }
    }
}
