//! A forecaster of series that has earned its vote: the LSTM, standardised channels, and the comparison with the seasonal
//! baseline on later steps that it never saw. Scores are negative log-likelihoods; calibration is the caller's.

use super::lstm::{Lstm, Memory};
use super::lstm_train::{self, LstmSettings};
use super::naive::SeasonalNaive;
use crate::DetectError;
use crate::models::{reading, written};
use record::Matrix;
use serde::{Deserialize, Serialize};

/// Share of each series, its last part, that is kept for the comparison.
const HELD_OUT: f64 = 0.25;
/// Standardised values are cut here: one flood must not own the network's state for minutes.
const VALUE_MAX: f32 = 8.0;
/// Smallest deviation of a channel, in its own (logarithmic) unit.
const DEVIATION_MIN: f32 = 0.05;

/// How it compares, in nats a step and channel on the held-out part: lower is better.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ForecasterReport {
    /// Of the LSTM.
    pub loss: f64,
    /// Of the last value.
    pub loss_last: f64,
    /// Of the value one season ago; the last value again where no series holds two seasons.
    pub loss_season: f64,
    /// Steps compared.
    pub steps: usize,
    /// True when it beats both.
    pub admitted: bool,
}

/// A trained forecaster.
#[derive(Clone, Debug, PartialEq)]
pub struct Forecaster {
    lstm: Lstm,
    centre: Vec<f32>,
    deviation: Vec<f32>,
}

/// One series being followed: the network's memory and what it forecast last.
#[derive(Clone, Debug, Default)]
pub struct Track {
    memory: Memory,
    forecast: Vec<f32>,
}

impl Forecaster {
    /// Learns from the first three quarters of each series (rows are steps, columns channels, logarithmic values) and
    /// compares on the rest. `season_steps` is the season of the baseline. `progress` hears a rising share.
    ///
    /// # Errors
    /// No series long enough for one window, or series of different widths.
    pub fn train(
        series: &[Matrix],
        season_steps: usize,
        seed: u64,
        settings: &LstmSettings,
        progress: &mut dyn FnMut(f32),
    ) -> Result<(Self, ForecasterReport), DetectError> {
        let needed = ((settings.window_steps + 1) as f64 / (1.0 - HELD_OUT)).ceil() as usize;
        let longest = series.iter().map(Matrix::rows).max().unwrap_or(0);
        if longest < needed {
            return Err(DetectError::TooFewRows { rows: longest, needed });
        }
        let channels = series[0].columns;
        if let Some(other) = series.iter().find(|series| series.columns != channels) {
            return Err(DetectError::Columns { schema: "series".to_owned(), expected: channels, found: other.columns });
        }
        let cut = |series: &Matrix| series.rows() - (series.rows() as f64 * HELD_OUT) as usize;
        let first: Vec<Matrix> = series.iter().map(|series| part(series, 0, cut(series))).collect();
        let (centre, deviation) = moments(&first, channels);
        let mut forecaster = Self { lstm: Lstm::new(channels, 1, channels, seed), centre, deviation };
        let standardised: Vec<Matrix> = first.iter().map(|series| forecaster.standardise(series)).collect();
        forecaster.lstm = lstm_train::train(&standardised, channels, seed, settings, progress);
        let report = forecaster.compare(series, season_steps, cut);
        Ok((forecaster, report))
    }

    fn compare(&self, series: &[Matrix], season_steps: usize, cut: impl Fn(&Matrix) -> usize) -> ForecasterReport {
        let (mut losses, mut steps) = ([0.0; 3], 0);
        for series in series {
            let whole = self.standardise(series);
            let season = if cut(series) >= 2 * season_steps { season_steps } else { 1 };
            let baselines = [baseline(&whole, 1, cut(series)), baseline(&whole, season, cut(series))];
            let mut track = self.track();
            for step in 0..series.rows() {
                let loss = self.observe(&mut track, series.row(step));
                if step >= cut(series) {
                    losses[0] += loss.iter().map(|loss| f64::from(*loss)).sum::<f64>() / loss.len().max(1) as f64;
                    steps += 1;
                }
            }
            losses[1] += baselines[0];
            losses[2] += baselines[1];
        }
        let [loss, loss_last, loss_season] = losses.map(|loss| loss / steps.max(1) as f64);
        ForecasterReport { loss, loss_last, loss_season, steps, admitted: loss < loss_last && loss < loss_season }
    }

    /// A series that nothing is known of yet.
    #[must_use]
    pub fn track(&self) -> Track {
        Track { memory: self.lstm.memory(1), forecast: Vec::new() }
    }

    /// Takes one step in; answers the negative log-likelihood of each channel under the forecast made before it (0 at the
    /// first step), then forecasts the next.
    pub fn observe(&self, track: &mut Track, values: &[f32]) -> Vec<f32> {
        let row: Vec<f32> = values.iter().enumerate().map(|(channel, value)| self.scaled(channel, *value)).collect();
        let channels = row.len();
        let loss = |channel: usize| {
            let (Some(mean), Some(log)) = (track.forecast.get(channel), track.forecast.get(channels + channel)) else {
                return 0.0;
            };
            let gap = row[channel] - mean;
            0.5 * (log + gap * gap * (-log).exp())
        };
        let losses = (0..channels).map(loss).collect();
        self.lstm.step(&row, &mut track.memory, &mut track.forecast);
        losses
    }

    /// What is expected of each channel at the next step: mean and deviation, in the caller's unit.
    #[must_use]
    pub fn expected(&self, track: &Track) -> Vec<(f32, f32)> {
        let channels = self.centre.len();
        let of = |channel: usize| {
            let (mean, log) = (track.forecast.get(channel)?, track.forecast.get(channels + channel)?);
            let deviation = self.deviation[channel];
            Some((mean * deviation + self.centre[channel], (log / 2.0).exp() * deviation))
        };
        (0..channels).filter_map(of).collect()
    }

    fn scaled(&self, channel: usize, value: f32) -> f32 {
        ((value - self.centre[channel]) / self.deviation[channel]).clamp(-VALUE_MAX, VALUE_MAX)
    }

    fn standardise(&self, series: &Matrix) -> Matrix {
        let values = series.values.iter().enumerate().map(|(at, value)| self.scaled(at % series.columns, *value));
        Matrix { values: values.collect(), columns: series.columns }
    }

    /// All that [`Forecaster::load`] needs.
    #[must_use]
    pub fn save(&self) -> Vec<u8> {
        written(|out| {
            let lstm = &self.lstm;
            for size in [lstm.inputs, lstm.hidden, lstm.outputs] {
                out.u32(size as u32);
            }
            let parts = [&self.centre, &self.deviation, &lstm.weights, &lstm.bias, &lstm.head, &lstm.head_bias];
            for part in parts {
                out.f32s(part);
            }
        })
    }

    /// Reads back what [`Forecaster::save`] wrote.
    ///
    /// # Errors
    /// Sizes that do not fit one another, numbers that are not finite.
    pub fn load(bytes: &[u8], channels: usize) -> Result<Self, DetectError> {
        reading(bytes, |reader| {
            let inputs = reader.count(channels, channels, "channels")?;
            let hidden = reader.count(1, 1024, "hidden units")?;
            let outputs = reader.count(channels, channels, "forecast channels")?;
            let centre = reader.f32s_of(channels, "centres")?;
            let deviation = reader.f32s_of(channels, "deviations")?;
            let weights = reader.f32s_of((inputs + hidden) * 4 * hidden, "weights")?;
            let bias = reader.f32s_of(4 * hidden, "biases")?;
            let head = reader.f32s_of(hidden * 2 * outputs, "head")?;
            let head_bias = reader.f32s_of(2 * outputs, "head biases")?;
            if deviation.iter().any(|deviation| *deviation <= 0.0) {
                return Err(DetectError::Damaged("a deviation is not positive".to_owned()));
            }
            Ok(Self { lstm: Lstm { inputs, hidden, outputs, weights, bias, head, head_bias }, centre, deviation })
        })
    }
}

fn part(series: &Matrix, from: usize, until: usize) -> Matrix {
    Matrix { values: series.values[from * series.columns..until * series.columns].to_vec(), columns: series.columns }
}

fn moments(series: &[Matrix], channels: usize) -> (Vec<f32>, Vec<f32>) {
    let count: f64 = series.iter().map(|series| series.rows() as f64).sum::<f64>().max(1.0);
    let sum = |of: &dyn Fn(f64) -> f64, channel: usize| {
        series
            .iter()
            .flat_map(|s| s.values.iter().skip(channel).step_by(channels))
            .map(|v| of(f64::from(*v)))
            .sum::<f64>()
    };
    let of_channel = |channel: usize| {
        let mean = sum(&|value| value, channel) / count;
        let deviation = (sum(&|value| (value - mean) * (value - mean), channel) / count).sqrt();
        (mean as f32, (deviation as f32).max(DEVIATION_MIN))
    };
    (0..channels).map(of_channel).unzip()
}

/// Loss of the baseline over the steps from `cut`, mean over the channels.
fn baseline(series: &Matrix, season: usize, cut: usize) -> f64 {
    let variance_min = f64::from((-super::lstm::LOG_VARIANCE_MAX).exp());
    let of_channel = |channel: usize| {
        let mut naive = SeasonalNaive::new(season, variance_min);
        let losses =
            (0..series.rows()).map(|step| naive.observe(f64::from(series.row(step)[channel]))).collect::<Vec<_>>();
        losses[cut..].iter().sum::<f64>()
    };
    (0..series.columns).map(of_channel).sum::<f64>() / series.columns.max(1) as f64
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::random::Random;

    /// Two channels: a wave whose phase decides the second; noise on both.
    fn waves(steps: usize, seed: u64) -> Matrix {
        let mut random = Random::new(seed, 3);
        let mut series = Matrix::with_capacity(steps, 2);
        let start = random.unit() * 20.0;
        for step in 0..steps {
            let phase = (step as f32 + start) * 0.35;
            series.push(&[phase.sin() * 3.0 + random.normal() * 0.2, (phase * 2.0).cos() + random.normal() * 0.2]);
        }
        series
    }

    fn settings() -> LstmSettings {
        LstmSettings { hidden: 16, window_steps: 32, batch: 16, train_steps: 250, learning_rate: 0.01 }
    }

    #[test]
    fn it_beats_the_baselines_where_there_is_something_to_learn_and_finds_the_break() {
        let series: Vec<Matrix> = (0..4).map(|seed| waves(400, seed)).collect();
        let (forecaster, report) = Forecaster::train(&series, 60, 1, &settings(), &mut |_| ()).unwrap();
        assert!(report.admitted && report.loss < report.loss_last - 0.3, "{report:?}");
        let (mut track, mut usual) = (forecaster.track(), Vec::new());
        let later = waves(300, 9);
        for step in 0..300 {
            usual.push(forecaster.observe(&mut track, later.row(step)).iter().sum::<f32>());
        }
        let strange: f32 = forecaster.observe(&mut track, &[-9.0, 4.0]).iter().sum();
        usual.sort_by(f32::total_cmp);
        assert!(strange > usual[297], "{strange} {}", usual[297]);
        let expected = forecaster.expected(&track);
        assert!(expected.len() == 2 && expected.iter().all(|(mean, deviation)| mean.abs() < 9.0 && *deviation > 0.0));
    }

    #[test]
    fn noise_is_not_admitted_over_a_mean_that_knows_it() {
        let mut random = Random::new(3, 3);
        let season: Vec<f32> = (0..20).map(|_| random.normal() * 3.0).collect();
        let values = (0..600).map(|step| season[step % 20]).collect();
        let quick = LstmSettings { train_steps: 3, ..settings() };
        let (_, report) = Forecaster::train(&[Matrix { values, columns: 1 }], 20, 1, &quick, &mut |_| ()).unwrap();
        assert!(!report.admitted && report.loss_season < report.loss, "{report:?}");
    }

    #[test]
    fn a_saved_forecaster_answers_the_same_and_a_cut_one_is_refused() {
        let quick = LstmSettings { train_steps: 3, ..settings() };
        let (forecaster, _) = Forecaster::train(&[waves(200, 1)], 60, 1, &quick, &mut |_| ()).unwrap();
        let saved = forecaster.save();
        assert_eq!(Forecaster::load(&saved, 2).unwrap(), forecaster);
        assert!(Forecaster::load(&saved, 3).is_err());
        (0..saved.len()).step_by(97).for_each(|cut| assert!(Forecaster::load(&saved[..cut], 2).is_err(), "{cut}"));
        assert!(Forecaster::train(&[waves(10, 1)], 60, 1, &quick, &mut |_| ()).is_err());
    }
}
