//! The level of series: counters of an interface or a busy host, second by second or minute by minute. Owns forecasters
//! and change detection; knows nothing of packets.

mod adwin;
mod forecast;
mod lstm;
mod lstm_train;
mod naive;

pub use adwin::Adwin;
pub use forecast::{Forecaster, ForecasterReport, Track};
pub use lstm::{Lstm, Memory};
pub use lstm_train::LstmSettings;
pub use naive::SeasonalNaive;
