//! Learning from labels: the known-attack channel, kept apart from the novelty channel of the ensemble. Owns the Random
//! Forest; knows nothing of where labels come from.

mod bins;
mod forest;
mod grow;
mod shap;

pub use forest::{ForestSettings, RandomForest};
