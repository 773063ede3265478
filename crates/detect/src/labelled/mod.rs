//! Learning from labels: the known-attack channel, kept apart from the novelty channel of the ensemble. Owns the Random
//! Forest; knows nothing of where labels come from.

mod bins;
mod forest;
mod grow;
mod known;
mod shap;
mod steps;

pub use forest::{ForestSettings, RandomForest};
pub(crate) use known::KnownAttacks;
pub use known::{ATTACK_ROWS_MIN, KINDS_MAX, Known, KnownInfo, Labels};
