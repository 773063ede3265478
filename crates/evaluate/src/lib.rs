//! Replay, judge, learn, simulate; the only origin of published figures.
//!
//! Reading order: `meter` (frames to observations), `exports` (datagrams of exporters to observations), `sampler` (which packets are judged), `packets` (the packet level), `judge` (observations to incidents), `learn` (what models learn from first),
//! `reservoir` (and later), `replay` (files on threads), `analysis` (a whole file analysis), `simulate` (labelled traffic). Figures:
//! `input` (captures and tables to rows), `truth` (which are attacks), `teach` (rows to an artifact), `assess` (an artifact and rows to
//! figures), `scans` (hosts over scans), `metrics` (the formulas), `baselines` (what must be beaten). The live process in `app`
//! uses `meter` and `judge` as they are, so that a replayed file and the live run agree exactly.

pub mod analysis;
pub mod assess;
pub mod baselines;
mod captures;
pub mod challenge;
pub mod contents;
mod covered;
mod decision;
pub mod dga;
pub mod drift;
pub mod evaluation;
pub mod exports;
pub mod hosts;
pub mod input;
pub mod judge;
pub mod learn;
mod lesson;
pub mod levels;
pub mod logs;
pub mod meter;
pub mod metrics;
pub mod packet_challenge;
mod packet_lesson;
pub mod packets;
pub mod probes;
pub mod replay;
pub mod reservoir;
pub mod rows;
pub mod sampler;
pub mod scans;
pub mod simulate;
pub mod stability;
pub mod tables;
pub mod teach;
pub mod truth;
pub mod verdicts;
pub mod watch;

pub use analysis::{
    AnalyzeConfig, AnalyzeError, HELD_FLOWS_MAX, LevelModels, Outcome, TRAINING_FLOWS_MIN, Training, analyze,
};
pub use assess::{AssessOptions, assess};
pub use evaluation::{Chart, Evaluation, Metrics};
pub use exports::{ExportsConfig, ExportsCounters, TakeExports};
pub use input::{Input, InputOptions};
pub use judge::{Judge, JudgeConfig, Judged, JudgedFlow, Measured, MeasuredFlow, Told, score};
pub use learn::{LearnConfig, LearnProgress, Learner};
pub use levels::{HostConfig, HostMaterial, HostWatch, SeriesConfig, SeriesMaterial, SeriesWatch, series_schemas};
pub use logs::{LogObserver, LogTotals};
pub use meter::{Meter, MeterConfig, MeterCounters};
pub use packet_lesson::{PacketChallenge, PacketMaterial};
pub use packets::{FlowPackets, PacketWatch};
pub use replay::{ReplayResult, replay};
pub use reservoir::{Material, Reservoir, Said};
pub use sampler::{PacketConfig, Sampler, SamplingCounters};
pub use teach::{TeachError, recall, teach, teach_with};
pub use verdicts::Verdicts;
pub use watch::ModelWatch;
