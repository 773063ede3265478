//! The level of series: counters of an interface or a busy host, second by second or minute by minute. Owns forecasters
//! and change detection; knows nothing of packets.

mod adwin;
mod forecast;
mod lstm;
mod lstm_train;
mod model;
mod naive;

pub use adwin::Adwin;
pub use forecast::{Forecaster, ForecasterReport, Surprise, Tracks, held_out_from};
pub use lstm::{Lstm, Memory};
pub use lstm_train::LstmSettings;
pub use model::{Group, GroupLesson, MEMBER, SeriesModel};
pub use naive::SeasonalNaive;
