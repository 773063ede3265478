//! A forecaster of many series at once that has to earn its vote: the LSTM, standardised channels, and the comparison with
//! the seasonal baselines on later steps that it never saw. Owns no calibration.

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
/// Steps before the held-out ones that a series is followed from.
const WARM_STEPS: usize = 64;
/// Smallest deviation of a channel, in its own (logarithmic) unit.
const DEVIATION_MIN: f32 = 0.05;

/// How it compares, in nats a step and channel on the held-out part: lower is better.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ForecasterReport {
    /// Of the LSTM.
    pub loss: f64,
    /// Of the last value.
    pub loss_last: f64,
    /// Of the value one season ago, at the season that did best; the last value again where no series holds two seasons.
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

/// Series being followed, each in its place: the network's memory and what it forecast last.
#[derive(Clone, Debug, Default)]
pub struct Tracks {
    memory: Memory,
    forecast: Vec<f32>,
    begun: Vec<bool>,
}

/// One step of one series against its forecast.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Surprise {
    /// Negative log-likelihood, mean of the channels, without the constant.
    pub loss: f32,
    /// ln(1 + mean of the squared distances from the forecast, in its deviations): the score.
    pub score: f32,
}

impl Forecaster {
    /// Learns from the first three quarters of each series (rows are steps, columns channels, logarithmic values) and
    /// compares on the rest. `seasons` are those that the baseline tries, steps. `progress` hears a rising share.
    ///
    /// # Errors
    /// No series long enough for one window, or series of different widths.
    pub fn train(
        series: &[Matrix],
        seasons: &[usize],
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
        let first: Vec<Matrix> = series.iter().map(|series| part(series, 0, held_out_from(series.rows()))).collect();
        let (centre, deviation) = moments(&first, channels);
        let mut forecaster = Self { lstm: Lstm::new(channels, 1, channels, seed), centre, deviation };
        let standardised: Vec<Matrix> = first.iter().map(|series| forecaster.standardise(series)).collect();
        forecaster.lstm = lstm_train::train(&standardised, channels, seed, settings, progress);
        let report = forecaster.compare(series, seasons);
        Ok((forecaster, report))
    }

    fn compare(&self, series: &[Matrix], seasons: &[usize]) -> ForecasterReport {
        let (mut loss, mut steps, mut naive) = (0.0, 0, vec![0.0; seasons.len() + 1]);
        for series in series {
            let (whole, cut) = (self.standardise(series), held_out_from(series.rows()));
            let surprises = self.follow_held_out(series);
            loss += surprises.iter().map(|surprise| f64::from(surprise.loss)).sum::<f64>();
            steps += surprises.len();
            let last = baseline(&whole, 1, cut);
            naive[0] += last;
            for (season, sum) in seasons.iter().zip(&mut naive[1..]) {
                *sum += if cut >= 2 * season { baseline(&whole, *season, cut) } else { last };
            }
        }
        let mean = |sum: f64| sum / steps.max(1) as f64;
        let (loss, loss_last) = (mean(loss), mean(naive[0]));
        let loss_season = mean(naive[1..].iter().copied().fold(naive[0], f64::min));
        ForecasterReport { loss, loss_last, loss_season, steps, admitted: loss < loss_last && loss < loss_season }
    }

    /// The held-out steps of one series against their forecasts; some steps before them bring the network into its state.
    #[must_use]
    pub fn follow_held_out(&self, series: &Matrix) -> Vec<Surprise> {
        let cut = held_out_from(series.rows());
        let from = cut.saturating_sub(WARM_STEPS);
        self.follow(&part(series, from, series.rows())).split_off(cut - from)
    }

    /// Every step of one series against its forecast.
    #[must_use]
    pub fn follow(&self, series: &Matrix) -> Vec<Surprise> {
        let mut tracks = self.tracks(1);
        let step = |step: usize| {
            let surprise = self.judge(&tracks, series.row(step))[0];
            self.advance(&mut tracks, series.row(step));
            surprise
        };
        (0..series.rows()).map(step).collect()
    }

    /// Channels of a series.
    #[must_use]
    pub fn channels(&self) -> usize {
        self.centre.len()
    }

    /// So many series that nothing is known of yet.
    #[must_use]
    pub fn tracks(&self, count: usize) -> Tracks {
        Tracks {
            memory: self.lstm.memory(count),
            forecast: vec![0.0; count * 2 * self.channels()],
            begun: vec![false; count],
        }
    }

    /// One more series, in the last place, followed along the newest steps of its past.
    pub fn join(&self, tracks: &mut Tracks, past: &Matrix) {
        let mut joining = self.tracks(1);
        for step in past.rows().saturating_sub(WARM_STEPS)..past.rows() {
            self.advance(&mut joining, past.row(step));
        }
        tracks.memory.append(&joining.memory);
        tracks.forecast.append(&mut joining.forecast);
        tracks.begun.append(&mut joining.begun);
    }

    /// Forgets what is known of one series.
    pub fn reset(&self, tracks: &mut Tracks, series: usize) {
        tracks.memory.reset(series, self.lstm.hidden);
        tracks.begun[series] = false;
    }

    /// One step of every series, row by row, against the forecasts made before it; nothing is strange at a first step.
    #[must_use]
    pub fn judge(&self, tracks: &Tracks, rows: &[f32]) -> Vec<Surprise> {
        let channels = self.channels();
        let surprise = |(series, row): (usize, &[f32])| {
            let forecast = &tracks.forecast[series * 2 * channels..][..2 * channels];
            if !tracks.begun[series] {
                return Surprise::default();
            }
            let (mut loss, mut squares) = (0.0, 0.0);
            for channel in 0..channels {
                let (mean, log) = (forecast[channel], forecast[channels + channel]);
                let gap = self.scaled(channel, row[channel]) - mean;
                let square = gap * gap * (-log).exp();
                loss += 0.5 * (log + square);
                squares += square;
            }
            Surprise { loss: loss / channels as f32, score: (squares / channels as f32).ln_1p() }
        };
        rows.chunks_exact(channels).enumerate().map(surprise).collect()
    }

    /// Takes one step of every series in, row by row, and forecasts the next.
    pub fn advance(&self, tracks: &mut Tracks, rows: &[f32]) {
        let channels = self.channels();
        let rows: Vec<f32> = rows.iter().enumerate().map(|(at, value)| self.scaled(at % channels, *value)).collect();
        self.lstm.step(&rows, &mut tracks.memory, &mut tracks.forecast);
        tracks.begun.fill(true);
    }

    /// What is expected of each channel of one series at its next step: mean and deviation, in the caller's unit.
    #[must_use]
    pub fn expected(&self, tracks: &Tracks, series: usize) -> Vec<(f32, f32)> {
        let channels = self.channels();
        let forecast = &tracks.forecast[series * 2 * channels..][..2 * channels];
        let of = |channel: usize| {
            let (mean, log, deviation) = (forecast[channel], forecast[channels + channel], self.deviation[channel]);
            (mean * deviation + self.centre[channel], (log / 2.0).exp() * deviation)
        };
        (0..channels).map(of).collect()
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

/// The step from which on a series is held out.
#[must_use]
pub fn held_out_from(steps: usize) -> usize {
    steps - (steps as f64 * HELD_OUT) as usize
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
        let (forecaster, report) = Forecaster::train(&series, &[60], 1, &settings(), &mut |_| ()).unwrap();
        assert!(report.admitted && report.loss < report.loss_last - 0.3, "{report:?}");
        let later = waves(300, 9);
        let mut usual: Vec<f32> = forecaster.follow(&later).iter().map(|surprise| surprise.score).collect();
        let mut tracks = forecaster.tracks(2);
        (0..300).for_each(|step| forecaster.advance(&mut tracks, &[later.row(step), later.row(0)].concat()));
        let strange = forecaster.judge(&tracks, &[-9.0, 4.0, later.row(0)[0], later.row(0)[1]]);
        usual.sort_by(f32::total_cmp);
        assert!(strange[0].score > usual[297] && strange[1].score < strange[0].score, "{strange:?} {}", usual[297]);
        forecaster.join(&mut tracks, &later);
        let third = [later.row(0), later.row(0), &[-9.0, 4.0]].concat();
        let joined = forecaster.judge(&tracks, &third)[2].score;
        assert!((joined - strange[0].score).abs() < 0.05, "64 steps of the past are enough: {joined} {strange:?}");
        forecaster.reset(&mut tracks, 0);
        assert_eq!(forecaster.judge(&tracks, &third)[0], Surprise::default(), "a first step");
        let expected = forecaster.expected(&tracks, 1);
        assert!(expected.len() == 2 && expected.iter().all(|(mean, deviation)| mean.abs() < 9.0 && *deviation > 0.0));
    }

    #[test]
    fn noise_is_not_admitted_over_a_mean_that_knows_it() {
        let mut random = Random::new(3, 3);
        let season: Vec<f32> = (0..20).map(|_| random.normal() * 3.0).collect();
        let values = (0..600).map(|step| season[step % 20]).collect();
        let quick = LstmSettings { train_steps: 3, ..settings() };
        let (_, report) =
            Forecaster::train(&[Matrix { values, columns: 1 }], &[7, 20], 1, &quick, &mut |_| ()).unwrap();
        assert!(!report.admitted && report.loss_season < report.loss, "{report:?}");
    }

    #[test]
    fn a_saved_forecaster_answers_the_same_and_a_cut_one_is_refused() {
        let quick = LstmSettings { train_steps: 3, ..settings() };
        let (forecaster, _) = Forecaster::train(&[waves(200, 1)], &[60], 1, &quick, &mut |_| ()).unwrap();
        let saved = forecaster.save();
        assert_eq!(Forecaster::load(&saved, 2).unwrap(), forecaster);
        assert!(Forecaster::load(&saved, 3).is_err());
        (0..saved.len()).step_by(97).for_each(|cut| assert!(Forecaster::load(&saved[..cut], 2).is_err(), "{cut}"));
        assert!(Forecaster::train(&[waves(10, 1)], &[60], 1, &quick, &mut |_| ()).is_err());
    }
}
