//! The models. Each is one file and one line in [`MODELS`]; the contract suite runs over that slice. Owns what a model
//! must be able to do; knows nothing of calibration, votes or files.

use crate::blob::{Reader, Writer};
use crate::{DetectError, EnsembleConfig};
use record::Matrix;

mod autoencoder;
#[cfg(test)]
pub(crate) mod contract_test;
#[cfg(test)]
mod example;
mod isolation_forest;
mod loda;
mod neighbours;
mod network;
mod ranked;
mod trees;

pub use autoencoder::Autoencoder;
pub use isolation_forest::IsolationForest;
pub use loda::Loda;
pub use neighbours::Neighbours;

/// A trained model. Pure and shared between threads: scoring changes nothing.
pub trait Detector: Send + Sync + std::fmt::Debug {
    /// Registry name.
    fn name(&self) -> &'static str;
    /// The scores it gives for a row; each is a member of the ensemble.
    fn members(&self) -> &'static [Member];
    /// Which rows it is asked about.
    fn stage(&self) -> Stage {
        Stage::Every
    }
    /// Scores every row; `out` becomes rows × members, row-major. Higher is stranger; always finite. The result for a
    /// row does not depend on its neighbours in the batch.
    fn score(&self, rows: &Matrix, out: &mut Vec<f32>);
    /// How much each column contributes to the score of one member: not negative, adds to 1.
    fn attribute(&self, row: &[f32], member: usize, shares: &mut [f32]);
    /// Writes all that `load` needs.
    fn save(&self) -> Vec<u8>;
}

/// One score of a model.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Member {
    /// Name in records, API and pages.
    pub name: &'static str,
    /// Votes unless somebody names other members. A second view of the same evidence is shown and does not vote: it would add
    /// chances of a false alarm and nothing to see.
    pub votes: bool,
}

/// Which rows a model is asked about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// All: it costs about a microsecond a row or less.
    Every,
    /// Only those that the models of the first stage find among the stranger ones.
    Strange,
}

/// Which rows a model may learn from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Diet {
    /// All rows: the model bears some attacks among them.
    Untrimmed,
    /// Rows without the strangest few: neighbours and autoencoders collapse when a cluster of attacks is in training.
    Trimmed,
}

/// Encoded rows, seed and settings to a model.
pub type Train = fn(&Matrix, u64, &EnsembleConfig) -> Box<dyn Detector>;
/// Saved bytes and number of columns to a model.
pub type Load = fn(&[u8], usize) -> Result<Box<dyn Detector>, DetectError>;

/// One line of the registry.
pub struct ModelKind {
    /// Name, also its section in an artifact.
    pub name: &'static str,
    /// Which rows it learns from.
    pub diet: Diet,
    /// Learns from encoded rows (at least two).
    pub train: Train,
    /// Reads back what `Detector::save` wrote, for this number of columns; refuses what would not be sound.
    pub load: Load,
}

/// All models, in the order of their members. The first is the contamination guard and learns untrimmed.
pub static MODELS: &[ModelKind] = &[isolation_forest::KIND, neighbours::KIND, autoencoder::KIND, loda::KIND];

/// Makes shares add to 1: equal parts when nothing stands out.
pub(crate) fn normalise(shares: &mut [f32]) {
    let total: f32 = shares.iter().sum();
    if total.is_finite() && total > 0.0 {
        for share in shares {
            *share /= total;
        }
    } else {
        let equal = 1.0 / shares.len().max(1) as f32;
        shares.fill(equal);
    }
}

pub(crate) fn written(save: impl FnOnce(&mut Writer)) -> Vec<u8> {
    let mut writer = Writer::default();
    save(&mut writer);
    writer.bytes
}

pub(crate) fn reading<T>(
    bytes: &[u8],
    load: impl FnOnce(&mut Reader<'_>) -> Result<T, DetectError>,
) -> Result<T, DetectError> {
    load(&mut Reader::new(bytes))
}
