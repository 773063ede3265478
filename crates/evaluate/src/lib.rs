//! Replay, judge, learn, simulate; the only origin of published figures.
//!
//! Reading order: `meter` (frames to observations), `judge` (observations to incidents), `learn` (what models learn from first),
//! `reservoir` (and later), `replay` (files on threads), `analysis` (a whole file analysis), `simulate` (labelled traffic). The live process in `app`
//! uses `meter` and `judge` as they are, so that a replayed file and the live run agree exactly.

pub mod analysis;
pub mod covered;
pub mod hosts;
pub mod judge;
pub mod learn;
pub mod meter;
pub mod replay;
pub mod reservoir;
pub mod simulate;

pub use analysis::{AnalyzeConfig, AnalyzeError, HELD_FLOWS_MAX, Outcome, TRAINING_FLOWS_MIN, Training, analyze};
pub use judge::{Judge, JudgeConfig, Judged, JudgedFlow};
pub use learn::{LearnConfig, LearnProgress, Learner};
pub use meter::{Meter, MeterConfig, MeterCounters};
pub use replay::{ReplayResult, replay};
pub use reservoir::{Material, Reservoir};
