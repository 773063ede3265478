//! What a feature group is: columns and the function that fills them, in the same order.

use record::{Feature, FeatureKind};

/// A set of columns computed together from one record.
#[derive(Clone, Copy)]
pub struct Group<R: 'static> {
    /// Name of the group, for documentation and ablation (`payload`, `timing`).
    pub name: &'static str,
    /// Columns.
    pub columns: &'static [Feature],
    /// Appends exactly `columns.len()` finite values.
    pub fill: fn(&R, &mut Vec<f32>),
}

/// A count, size or time: input is ln(1 + value).
pub(crate) const fn log(name: &'static str, unit: &'static str, phrase: &'static str) -> Feature {
    Feature::fixed(name, unit, FeatureKind::Log1p, phrase)
}

/// A ratio or flag: input is the value.
pub(crate) const fn ratio(name: &'static str, phrase: &'static str) -> Feature {
    Feature::fixed(name, "ratio", FeatureKind::Linear, phrase)
}

/// A category code; models learn how rare each code is.
pub(crate) const fn category(name: &'static str, phrase: &'static str) -> Feature {
    Feature::fixed(name, "nats", FeatureKind::Category, phrase)
}

/// All columns of `groups`, in order.
pub(crate) fn columns<R>(groups: &[Group<R>]) -> Vec<Feature> {
    groups.iter().flat_map(|group| group.columns.iter().cloned()).collect()
}
