//! Feature schemas and the flat matrices that models read. Owns names and shapes; `features` owns the values.

use serde::{Deserialize, Serialize};
use std::borrow::Cow;

/// How a model's input relates to the shown value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FeatureKind {
    /// Input = ln(1 + value): counts, bytes, times.
    Log1p,
    /// Input = value: ratios between 0 and 1, flags.
    Linear,
    /// Input = a category's code (a small whole number). The models replace it by the surprise of that category,
    /// −ln of its share in training, which is also what is shown.
    Category,
}

impl FeatureKind {
    /// Back from a model's input to the shown value.
    #[must_use]
    pub fn shown(self, input: f32) -> f64 {
        match self {
            Self::Log1p => f64::from(input).exp_m1().max(0.0),
            Self::Linear | Self::Category => f64::from(input),
        }
    }
}

/// One column. Its texts are the program's own, or owned where a table brought them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Feature {
    /// Name, snake case, unit last (`duration_ms`, `forward_payload_mean_bytes`).
    pub name: Cow<'static, str>,
    /// Unit for people: `bytes`, `ms`, `packets`, `ratio`, empty for a plain count.
    pub unit: Cow<'static, str>,
    /// Scaling.
    pub kind: FeatureKind,
    /// One phrase for the incident's sentence: "payload sent per packet".
    pub phrase: Cow<'static, str>,
}

impl Feature {
    /// A column whose texts are part of the program.
    #[must_use]
    pub const fn fixed(name: &'static str, unit: &'static str, kind: FeatureKind, phrase: &'static str) -> Self {
        Self { name: Cow::Borrowed(name), unit: Cow::Borrowed(unit), kind, phrase: Cow::Borrowed(phrase) }
    }
}

/// A named, versioned list of columns: the program's own, or one that a table brought.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Schema {
    /// `flow/1`, `host/1`, `table/1`.
    pub name: Cow<'static, str>,
    /// Columns in order.
    pub features: Cow<'static, [Feature]>,
}

impl Schema {
    /// A schema that is part of the program.
    #[must_use]
    pub const fn fixed(name: &'static str, features: &'static [Feature]) -> Self {
        Self { name: Cow::Borrowed(name), features: Cow::Borrowed(features) }
    }

    /// A fingerprint of name, columns and scalings: an artifact made for another one is refused. FNV-1a, 64 bits.
    #[must_use]
    pub fn fingerprint(&self) -> u64 {
        let mut hash = 0xcbf2_9ce4_8422_2325_u64;
        let mut eat = |text: &str| {
            for byte in text.bytes().chain([0]) {
                hash = (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
            }
        };
        eat(&self.name);
        for feature in self.features.iter() {
            eat(&feature.name);
            eat(match feature.kind {
                FeatureKind::Log1p => "log1p",
                FeatureKind::Linear => "linear",
                FeatureKind::Category => "category",
            });
        }
        hash
    }
}

/// Rows × columns, row-major, f32.
#[derive(Clone, Debug, Default)]
pub struct Matrix {
    /// `rows × columns` values.
    pub values: Vec<f32>,
    /// Columns.
    pub columns: usize,
}

impl Matrix {
    /// Empty, with room for `rows`.
    #[must_use]
    pub fn with_capacity(rows: usize, columns: usize) -> Self {
        Self { values: Vec::with_capacity(rows * columns), columns }
    }
    /// Number of rows.
    #[must_use]
    pub fn rows(&self) -> usize {
        self.values.len().checked_div(self.columns).unwrap_or(0)
    }
    /// One row.
    #[must_use]
    pub fn row(&self, index: usize) -> &[f32] {
        &self.values[index * self.columns..(index + 1) * self.columns]
    }
    /// Appends one row; its length must be `columns`.
    pub fn push(&mut self, row: &[f32]) {
        debug_assert_eq!(row.len(), self.columns);
        self.values.extend_from_slice(row);
    }
}
