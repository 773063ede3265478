//! Detection. The learned half judges feature vectors: models behind [`Detector`], label-free calibration, one combined
//! p-value, reasons, and an artifact to keep them. The other half holds exact behaviour detectors over observations.
//! Pure: no clock, thread, file or global randomness; time and seeds come in as values.

mod activation;
mod alike;
pub mod artifact;
pub mod behaviour;
mod blob;
pub mod calibrate;
pub mod config;
mod describe;
pub mod encode;
pub mod ensemble;
#[cfg(test)]
mod ensemble_test;
pub mod error;
mod explain;
mod forged;
pub mod guests;
#[cfg(test)]
mod guests_test;
pub mod imported;
pub mod intel;
mod kernels;
pub mod labelled;
mod layout;
pub mod models;
pub mod names;
pub mod packet;
mod random;
pub mod series;
mod standardise;
pub mod stream;
mod training;
mod vote;
mod width;

pub use config::EnsembleConfig;
pub use ensemble::{Ensemble, MemberInfo, Silence, TrainReport, TrainingSpan};
pub use error::DetectError;
pub use labelled::{Known, KnownInfo, Labels};
pub use models::Detector;
pub use vote::{Judgement, joined};
