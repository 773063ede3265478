//! The levels beside flows and packets: what a host does in a minute, and the course of series. Owns what they share: sums of
//! evidence, words.

pub mod hosts;
pub mod series;
mod sums;
mod tracks;

pub use hosts::{HostConfig, HostMaterial, HostWatch};
pub use series::{SeriesConfig, SeriesMaterial, SeriesWatch, series_schemas};

use record::Why;

/// The median evidence, -ln p, of what happened at once to at least so many: what half of them have is nobody's own.
fn shared(p_values: &[f64], needed: usize) -> f64 {
    if p_values.len() < needed {
        return 0.0;
    }
    let mut sorted = p_values.to_vec();
    sorted.sort_by(f64::total_cmp);
    -sorted[sorted.len() / 2].ln()
}

/// `41 MB where at most 1.2 MB is usual`.
fn against(why: &Why) -> String {
    let [low, high] = why.expected;
    let shown = |value: f64| alert::quantity(value, &why.unit);
    if why.value > high {
        format!("{} where at most {} is usual", shown(why.value), shown(high))
    } else if why.value < low {
        format!("{} where at least {} is usual", shown(why.value), shown(low))
    } else {
        format!("{}, unusual in this combination", shown(why.value))
    }
}
