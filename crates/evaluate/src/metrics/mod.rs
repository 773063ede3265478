//! Figures of merit: scores and truth in, numbers out. Owns the definitions (scikit-learn's, where it has them) and what is said
//! when a figure does not exist; knows no model, file or clock.

mod bootstrap;
mod counts;
mod delay;
mod ranking;

pub use bootstrap::{Interval, Units, intervals};
pub use counts::Counts;
pub use delay::{Episode, delays, median};
pub use ranking::{Curve, Ranking};
