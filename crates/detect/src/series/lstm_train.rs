//! Teaches the LSTM: windows drawn from the series, back-propagation through time of the Gaussian negative log-likelihood,
//! Adam (Kingma and Ba 2015) with clipped gradients. Pure: the same series, seed and settings give the same weights.

use super::lstm::{LOG_VARIANCE_MAX, Lstm, Recur, affine};
use crate::activation::tanh;
use crate::kernels::{self, PRODUCT_TILE, Width};
use crate::layout::View;
use crate::random::Random;
use record::Matrix;
use serde::{Deserialize, Serialize};

/// Adam's decay rates and guard.
const BETA1: f32 = 0.9;
const BETA2: f32 = 0.999;
const EPSILON: f32 = 1e-8;
/// Longest gradient of one step.
const GRADIENT_MAX: f32 = 1.0;

/// Settings of training.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LstmSettings {
    /// Hidden units (default 32).
    pub hidden: usize,
    /// Steps of one window, through which errors flow back (default 48).
    pub window_steps: usize,
    /// Windows of one training step (default 32).
    pub batch: usize,
    /// Training steps (default 400).
    pub train_steps: usize,
    /// Adam's step (default 0.005).
    pub learning_rate: f64,
}

impl LstmSettings {
    /// Within bounds that a file may have and a training bears.
    #[must_use]
    pub fn within_bounds(&self) -> Self {
        Self {
            hidden: self.hidden.clamp(1, 1_024),
            window_steps: self.window_steps.clamp(2, 8_640),
            batch: self.batch.clamp(1, 4_096),
            train_steps: self.train_steps.min(1_000_000),
            learning_rate: if self.learning_rate.is_finite() { self.learning_rate.clamp(0.0, 1.0) } else { 0.005 },
        }
    }
}

impl Default for LstmSettings {
    fn default() -> Self {
        Self { hidden: 32, window_steps: 48, batch: 32, train_steps: 400, learning_rate: 0.005 }
    }
}

/// What the forward pass leaves for the way back, one per step.
struct Kept {
    /// Input and hidden state before.
    joined: Vec<f32>,
    cell_before: Vec<f32>,
    gates: Vec<f32>,
    cell: Vec<f32>,
    hidden: Vec<f32>,
    forecast: Vec<f32>,
}

/// Weights, bias, head, head bias: the same shapes as the network's.
struct Gradient([Vec<f32>; 4]);

impl Gradient {
    fn like(lstm: &Lstm) -> Self {
        Self([&lstm.weights, &lstm.bias, &lstm.head, &lstm.head_bias].map(|values| vec![0.0; values.len()]))
    }
}

/// A network that forecasts the first `outputs` channels of series like these. Series shorter than a window are left out;
/// without any window the weights stay random.
pub(super) fn train(
    series: &[Matrix],
    outputs: usize,
    seed: u64,
    settings: &LstmSettings,
    progress: &mut dyn FnMut(f32),
) -> Lstm {
    let inputs = series.first().map_or(1, |series| series.columns);
    let mut lstm = Lstm::new(inputs, settings.hidden, outputs, seed);
    let length = settings.window_steps + 1;
    let long: Vec<&Matrix> = series.iter().filter(|series| series.rows() >= length).collect();
    let windows: usize = long.iter().map(|series| series.rows() - length + 1).sum();
    if windows == 0 {
        return lstm;
    }
    let mut random = Random::new(seed, 0x7e);
    let (mut gradient, mut mean, mut square) = (Gradient::like(&lstm), Gradient::like(&lstm), Gradient::like(&lstm));
    for step in 0..settings.train_steps {
        let drawn: Vec<&[f32]> = (0..settings.batch).map(|_| window(&long, length, random.below(windows))).collect();
        gradients(&lstm, &drawn, &mut gradient);
        // The step shrinks to a tenth over the training, so that it ends settled.
        let rate = settings.learning_rate as f32 * (1.0 - 0.9 * step as f32 / settings.train_steps as f32);
        adam(&mut lstm, &gradient, &mut mean, &mut square, rate, step as i32 + 1);
        progress((step + 1) as f32 / settings.train_steps as f32);
    }
    lstm
}

fn window<'a>(series: &[&'a Matrix], length: usize, mut number: usize) -> &'a [f32] {
    for series in series {
        let windows = series.rows() - length + 1;
        if number < windows {
            return &series.values[number * series.columns..][..length * series.columns];
        }
        number -= windows;
    }
    &[]
}

/// Mean loss over all steps of all windows; fills its gradient.
fn gradients(lstm: &Lstm, windows: &[&[f32]], gradient: &mut Gradient) -> f32 {
    gradient.0.iter_mut().for_each(|part| part.fill(0.0));
    let steps = windows[0].len() / lstm.inputs - 1;
    let at = |step: usize| -> Vec<f32> {
        windows.iter().flat_map(|window| &window[step * lstm.inputs..][..lstm.inputs]).copied().collect()
    };
    let mut kept: Vec<Kept> = Vec::with_capacity(steps);
    let zero = vec![0.0; windows.len() * lstm.hidden];
    for step in 0..steps {
        let (hidden, cell) = kept.last().map_or((&zero, &zero), |last| (&last.hidden, &last.cell));
        kept.push(forward(lstm, &at(step), hidden, cell.clone()));
    }
    let scale = 1.0 / (steps * windows.len() * lstm.outputs) as f32;
    let (mut loss, mut back_hidden, mut back_cell) = (0.0, zero.clone(), zero);
    for (step, kept) in kept.iter().enumerate().rev() {
        let (of_step, error) = head_error(lstm, &kept.forecast, &at(step + 1), scale);
        loss += of_step;
        add_transposed(&kept.hidden, lstm.hidden, &error, 2 * lstm.outputs, &mut gradient.0[2]);
        add_rows(&error, &mut gradient.0[3]);
        add_back(&error, 2 * lstm.outputs, &lstm.head, &mut back_hidden, lstm.hidden);
        let error = gate_error(lstm, kept, &back_hidden, &mut back_cell);
        let width = 4 * lstm.hidden;
        add_transposed(&kept.joined, lstm.inputs + lstm.hidden, &error, width, &mut gradient.0[0]);
        add_rows(&error, &mut gradient.0[1]);
        back_hidden.fill(0.0);
        add_back(&error, width, &lstm.weights[lstm.inputs * width..], &mut back_hidden, lstm.hidden);
    }
    loss * scale
}

fn forward(lstm: &Lstm, input: &[f32], hidden_before: &[f32], mut cell: Vec<f32>) -> Kept {
    let (mut joined, cell_before) = (vec![0.0; input.len() + hidden_before.len()], cell.clone());
    lstm.join(input, hidden_before, &mut joined);
    let (mut gates, mut hidden) = (vec![0.0; hidden_before.len() * 4], vec![0.0; hidden_before.len()]);
    affine(&joined, lstm.inputs + lstm.hidden, &lstm.weights, &lstm.bias, &mut gates);
    let recur = Recur { units: lstm.hidden, gates: &mut gates, cell: &mut cell, hidden: &mut hidden };
    kernels::widened(Width::widest(), recur);
    let mut forecast = Vec::new();
    lstm.forecast(&hidden, &mut forecast);
    Kept { joined, cell_before, gates, cell, hidden, forecast }
}

/// Negative log-likelihood of the targets, and its derivative at the head's outputs.
fn head_error(lstm: &Lstm, forecast: &[f32], target: &[f32], scale: f32) -> (f32, Vec<f32>) {
    let mut error = vec![0.0; forecast.len()];
    let mut loss = 0.0;
    let rows = forecast.chunks_exact(2 * lstm.outputs).zip(target.chunks_exact(lstm.inputs));
    for ((forecast, target), error) in rows.zip(error.chunks_exact_mut(2 * lstm.outputs)) {
        for channel in 0..lstm.outputs {
            let (mean, log) = (forecast[channel], forecast[lstm.outputs + channel]);
            let (gap, precision) = (mean - target[channel], (-log).exp());
            loss += 0.5 * (log + gap * gap * precision);
            error[channel] = gap * precision * scale;
            let of_log = 0.5 * (1.0 - gap * gap * precision) * scale;
            // At its bound the variance only moves back inside.
            let held = log.abs() >= LOG_VARIANCE_MAX && of_log * log < 0.0;
            error[lstm.outputs + channel] = if held { 0.0 } else { of_log };
        }
    }
    (loss, error)
}

/// Derivative at the gates' sums; `back_cell` becomes that of the cell before.
fn gate_error(lstm: &Lstm, kept: &Kept, back_hidden: &[f32], back_cell: &mut [f32]) -> Vec<f32> {
    let units = lstm.hidden;
    let mut error = vec![0.0; kept.gates.len()];
    for (row, error) in error.chunks_exact_mut(4 * units).enumerate() {
        let gates = &kept.gates[row * 4 * units..][..4 * units];
        for unit in 0..units {
            let at = row * units + unit;
            let [input, forget, candidate, output] = [0, 1, 2, 3].map(|gate| gates[gate * units + unit]);
            let squashed = tanh(kept.cell[at]);
            let of_cell = back_cell[at] + back_hidden[at] * output * (1.0 - squashed * squashed);
            error[unit] = of_cell * candidate * input * (1.0 - input);
            error[units + unit] = of_cell * kept.cell_before[at] * forget * (1.0 - forget);
            error[2 * units + unit] = of_cell * input * (1.0 - candidate * candidate);
            error[3 * units + unit] = back_hidden[at] * squashed * output * (1.0 - output);
            back_cell[at] = of_cell * forget;
        }
    }
    error
}

/// `out += leftᵀ × right`.
fn add_transposed(left: &[f32], inner: usize, right: &[f32], columns: usize, out: &mut [f32]) {
    add_product(View::new(left, left.len() / inner, inner).transposed(), right, columns, out);
}

/// `out += left × right`.
fn add_product(left: View<'_>, right: &[f32], columns: usize, out: &mut [f32]) {
    if columns.is_multiple_of(PRODUCT_TILE) {
        let mut product = vec![0.0; left.rows * columns];
        kernels::product(Width::widest(), left, right, &vec![0.0; columns], &mut product, columns);
        out.iter_mut().zip(product).for_each(|(sum, product)| *sum += product);
        return;
    }
    for (row, out) in out.chunks_exact_mut(columns).take(left.rows).enumerate() {
        for (at, right) in right.chunks_exact(columns).take(left.columns).enumerate() {
            let value = left.values[row * left.row_stride + at * left.column_stride];
            out.iter_mut().zip(right).for_each(|(sum, right)| *sum += value * right);
        }
    }
}

fn add_rows(rows: &[f32], out: &mut [f32]) {
    for row in rows.chunks_exact(out.len()) {
        out.iter_mut().zip(row).for_each(|(sum, value)| *sum += value);
    }
}

/// `out += error × weightsᵀ`; the transposed weights are laid out once, so that the product runs along memory.
fn add_back(error: &[f32], columns: usize, weights: &[f32], out: &mut [f32], inner: usize) {
    let mut turned = vec![0.0; weights.len()];
    for (row, weights) in weights.chunks_exact(columns).enumerate() {
        for (column, weight) in weights.iter().enumerate() {
            turned[column * inner + row] = *weight;
        }
    }
    add_product(View::new(error, error.len() / columns, columns), &turned, inner, out);
}

fn adam(lstm: &mut Lstm, gradient: &Gradient, mean: &mut Gradient, square: &mut Gradient, rate: f32, step: i32) {
    let length = gradient.0.iter().flatten().map(|value| value * value).sum::<f32>().sqrt();
    let clip = if length > GRADIENT_MAX { GRADIENT_MAX / length } else { 1.0 };
    let rate = rate * (1.0 - BETA2.powi(step)).sqrt() / (1.0 - BETA1.powi(step));
    let parts = [&mut lstm.weights, &mut lstm.bias, &mut lstm.head, &mut lstm.head_bias];
    for (part, values) in parts.into_iter().enumerate() {
        let moving = mean.0[part].iter_mut().zip(square.0[part].iter_mut());
        for ((value, gradient), (mean, square)) in values.iter_mut().zip(&gradient.0[part]).zip(moving) {
            let gradient = gradient * clip;
            *mean = BETA1 * *mean + (1.0 - BETA1) * gradient;
            *square = BETA2 * *square + (1.0 - BETA2) * gradient * gradient;
            *value -= rate * *mean / (square.sqrt() + EPSILON);
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn gradients_are_those_of_the_loss() {
        let mut lstm = Lstm::new(3, 4, 2, 1);
        let mut random = Random::new(2, 2);
        let windows: Vec<Vec<f32>> = (0..5).map(|_| (0..3 * 7).map(|_| random.normal()).collect()).collect();
        let windows: Vec<&[f32]> = windows.iter().map(Vec::as_slice).collect();
        let (mut gradient, mut scratch) = (Gradient::like(&lstm), Gradient::like(&lstm));
        gradients(&lstm, &windows, &mut gradient);
        for part in 0..4 {
            for at in (0..gradient.0[part].len()).step_by(5) {
                let mut loss_at = |change: f32| {
                    let values = [&mut lstm.weights, &mut lstm.bias, &mut lstm.head, &mut lstm.head_bias];
                    values.into_iter().nth(part).unwrap()[at] += change;
                    let loss = gradients(&lstm, &windows, &mut scratch);
                    let values = [&mut lstm.weights, &mut lstm.bias, &mut lstm.head, &mut lstm.head_bias];
                    values.into_iter().nth(part).unwrap()[at] -= change;
                    f64::from(loss)
                };
                let numeric = (loss_at(1e-2) - loss_at(-1e-2)) / 2e-2;
                let found = f64::from(gradient.0[part][at]);
                assert!(
                    (numeric - found).abs() < 2e-4 + 0.03 * numeric.abs(),
                    "part {part} at {at}: {numeric} {found}"
                );
            }
        }
    }

    #[test]
    fn a_seed_repeats_and_short_series_are_no_harm() {
        let wave = |steps: usize| Matrix { values: (0..steps).map(|t| (t as f32 * 0.3).sin()).collect(), columns: 1 };
        let settings =
            LstmSettings { hidden: 6, window_steps: 12, batch: 4, train_steps: 10, ..LstmSettings::default() };
        let train = |seed| train(&[wave(200), wave(5)], 1, seed, &settings, &mut |_| ());
        assert_eq!(train(1), train(1));
        assert_ne!(train(1), train(2));
        let untaught = super::train(&[wave(5)], 1, 1, &settings, &mut |_| ());
        assert_eq!(untaught, Lstm::new(1, 6, 1, 1));
    }
}
