//! A small dense network and its training: matrix products over mini-batches, back-propagation of the squared error, Adam
//! (Kingma and Ba, 2015). Knows rows of numbers, not what they mean.
// Inlined always and index loops: so that they are compiled for the processor's features.
#![allow(clippy::needless_range_loop)]

use crate::kernels::{self, Widened, Width, widened};
use crate::layout::{Layer, OUTPUT_TILE, View};
use crate::random::Random;

/// Adam's decay rates and guard.
const BETA1: f32 = 0.9;
const BETA2: f32 = 0.999;
const EPSILON: f32 = 1e-8;

/// Layers of a network that copies its input through a narrow middle.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Network {
    pub(super) layers: Vec<Layer>,
}

impl Network {
    /// `sizes` are inputs, hidden layers and outputs; every layer but the last and the narrowest is rectified. Weights by
    /// He et al. (2015); padded outputs stay zero for ever, because nothing reaches them.
    pub(super) fn new(sizes: &[usize], random: &mut Random) -> Self {
        let narrowest = sizes.iter().copied().min().unwrap_or(1);
        let layer = |pair: &[usize]| {
            let (inputs, outputs) = (pair[0], pair[1]);
            let padded = outputs.next_multiple_of(OUTPUT_TILE);
            let deviation = (2.0 / inputs as f32).sqrt();
            let mut weights = vec![0.0; inputs * padded];
            for row in weights.chunks_exact_mut(padded) {
                row[..outputs].fill_with(|| random.normal() * deviation);
            }
            Layer { weights, bias: vec![0.0; padded], rectified: false }
        };
        let mut layers: Vec<Layer> = sizes.windows(2).map(layer).collect();
        let last = layers.len() - 1;
        for (place, layer) in layers.iter_mut().enumerate() {
            layer.rectified = place != last && sizes[place + 1] != narrowest;
        }
        Self { layers }
    }

    /// Values of a layer's real inputs: `Layer` pads its outputs only.
    fn inputs(&self, layer: usize) -> usize {
        self.layers[layer].weights.len() / self.layers[layer].bias.len()
    }
}

/// Everything training needs beside the network, allocated once.
pub(super) struct Trainer {
    /// Output of each layer, batch × padded outputs.
    outputs: Vec<Vec<f32>>,
    /// Error at the output of each layer.
    errors: Vec<Vec<f32>>,
    gradients: Vec<Moving>,
    /// Weights of one layer, transposed.
    transposed: Vec<f32>,
    /// Where sums begin that begin at nothing.
    zeros: Vec<f32>,
    batch: usize,
    width: Width,
    steps: i32,
}

/// Gradient of one layer and Adam's moving means of it; weights first, then bias.
struct Moving {
    gradient: Vec<f32>,
    mean: Vec<f32>,
    square: Vec<f32>,
}

impl Trainer {
    pub(super) fn new(network: &Network, batch: usize) -> Self {
        let padded = |layer: &Layer| vec![0.0; batch * layer.bias.len()];
        let moving = |layer: &Layer| {
            let zeros = vec![0.0; layer.weights.len() + layer.bias.len()];
            Moving { gradient: zeros.clone(), mean: zeros.clone(), square: zeros }
        };
        let widest = network.layers.iter().map(|layer| layer.bias.len()).max().unwrap_or(0);
        Self {
            transposed: Vec::new(),
            zeros: vec![0.0; widest],
            width: Width::widest(),
            outputs: network.layers.iter().map(padded).collect(),
            errors: network.layers.iter().map(padded).collect(),
            gradients: network.layers.iter().map(moving).collect(),
            batch,
            steps: 0,
        }
    }

    /// One step on `rows` (batch × columns), which are also the target.
    pub(super) fn step(&mut self, network: &mut Network, rows: &[f32], rate: f32) {
        self.gradients(network, rows);
        self.steps += 1;
        let correction = (1.0 - BETA2.powi(self.steps)).sqrt() / (1.0 - BETA1.powi(self.steps));
        for (layer, moving) in network.layers.iter_mut().zip(&mut self.gradients) {
            let (weights, bias) = moving.gradient.split_at(layer.weights.len());
            let (weight_means, bias_means) = moving.mean.split_at_mut(layer.weights.len());
            let (weight_squares, bias_squares) = moving.square.split_at_mut(layer.weights.len());
            let rate = rate * correction;
            let (mean, square) = (weight_means, weight_squares);
            widened(self.width, Adam { values: &mut layer.weights, gradient: weights, mean, square, rate });
            let (mean, square) = (bias_means, bias_squares);
            widened(self.width, Adam { values: &mut layer.bias, gradient: bias, mean, square, rate });
        }
    }

    /// Forward and backward pass; fills the gradients of the mean squared error.
    fn gradients(&mut self, network: &Network, rows: &[f32]) {
        let columns = network.inputs(0);
        let batch = (rows.len() / columns).min(self.batch);
        for place in 0..network.layers.len() {
            let (before, after) = self.outputs.split_at_mut(place);
            let input = before.last().map_or(View::new(rows, batch, columns), |input| {
                let stride = network.layers[place - 1].bias.len();
                View { columns: network.inputs(place), ..View::new(input, batch, stride) }
            });
            forward(self.width, &network.layers[place], input, &mut after[0]);
        }
        let last = network.layers.len() - 1;
        let padded = network.layers[last].bias.len();
        let scale = 2.0 / (batch * columns) as f32;
        let outputs = self.outputs[last].chunks_exact(padded).zip(self.errors[last].chunks_exact_mut(padded));
        for ((output, error), row) in outputs.zip(rows.chunks_exact(columns)) {
            for ((error, output), target) in error.iter_mut().zip(output).zip(row) {
                *error = (output - target) * scale;
            }
        }
        for place in (0..=last).rev() {
            self.backward(network, place, rows, batch);
        }
    }

    /// Mean squared error of the rows that the last gradients were of.
    #[cfg(test)]
    fn loss(&self, network: &Network, rows: &[f32]) -> f32 {
        let (columns, last) = (network.inputs(0), network.layers.len() - 1);
        let outputs = self.outputs[last].chunks_exact(network.layers[last].bias.len());
        let gaps = outputs.zip(rows.chunks_exact(columns)).flat_map(|(output, row)| output.iter().zip(row));
        gaps.map(|(output, target)| (output - target).powi(2)).sum::<f32>() / rows.len() as f32
    }

    /// Gradients of one layer, and the error at the output of the layer before it.
    fn backward(&mut self, network: &Network, place: usize, rows: &[f32], batch: usize) {
        let layer = &network.layers[place];
        let (padded, inputs) = (layer.bias.len(), network.inputs(place));
        let (before, after) = self.errors.split_at_mut(place);
        let error = &after[0][..batch * padded];
        let input = if place == 0 {
            View::new(rows, batch, inputs)
        } else {
            let stride = network.layers[place - 1].bias.len();
            View { columns: inputs, ..View::new(&self.outputs[place - 1], batch, stride) }
        };
        let (weights, bias) = self.gradients[place].gradient.split_at_mut(layer.weights.len());
        kernels::product(self.width, input.transposed(), error, &self.zeros[..padded], weights, padded);
        bias.fill(0.0);
        for row in error.chunks_exact(padded) {
            bias.iter_mut().zip(row).for_each(|(sum, value)| *sum += value);
        }
        let Some(previous) = before.last_mut() else { return };
        // Inputs of this layer are the padded outputs of the one before: hidden sizes are multiples of the tile.
        transpose(&layer.weights, padded, &mut self.transposed);
        let error = View::new(error, batch, padded);
        kernels::product(self.width, error, &self.transposed, &self.zeros[..inputs], previous, inputs);
        if network.layers[place - 1].rectified {
            for (error, output) in previous.iter_mut().zip(&self.outputs[place - 1]) {
                *error = if *output > 0.0 { *error } else { 0.0 };
            }
        }
    }
}

fn forward(width: Width, layer: &Layer, input: View<'_>, output: &mut [f32]) {
    let padded = layer.bias.len();
    kernels::product(width, input, &layer.weights, &layer.bias, output, padded);
    if layer.rectified {
        for value in &mut output[..input.rows * padded] {
            *value = if *value < 0.0 { 0.0 } else { *value };
        }
    }
}

fn transpose(weights: &[f32], columns: usize, out: &mut Vec<f32>) {
    out.clear();
    for column in 0..columns {
        out.extend(weights.iter().skip(column).step_by(columns));
    }
}

/// One step of Adam (Kingma & Ba, 2015) on as many values as there are gradients.
struct Adam<'a> {
    values: &'a mut [f32],
    gradient: &'a [f32],
    mean: &'a mut [f32],
    square: &'a mut [f32],
    rate: f32,
}

impl Widened for Adam<'_> {
    type Out = ();

    #[inline(always)]
    fn run(self) {
        let count = self.values.len();
        let (gradients, means, squares) = (&self.gradient[..count], &mut self.mean[..count], &mut self.square[..count]);
        for place in 0..count {
            let gradient = gradients[place];
            means[place] = BETA1 * means[place] + (1.0 - BETA1) * gradient;
            squares[place] = BETA2 * squares[place] + (1.0 - BETA2) * gradient * gradient;
            self.values[place] -= self.rate * means[place] / (squares[place].sqrt() + EPSILON);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn loss(network: &Network, rows: &[f32]) -> f64 {
        let mut total = 0.0;
        let columns = network.inputs(0);
        for row in rows.chunks_exact(columns) {
            let mut values: Vec<f64> = row.iter().map(|value| f64::from(*value)).collect();
            for layer in &network.layers {
                let padded = layer.bias.len();
                let sum = |j: usize| {
                    let terms = values.iter().enumerate().map(|(i, x)| x * f64::from(layer.weights[i * padded + j]));
                    let sum = f64::from(layer.bias[j]) + terms.sum::<f64>();
                    if layer.rectified { sum.max(0.0) } else { sum }
                };
                values = (0..padded).map(sum).collect();
            }
            total += values.iter().zip(row).map(|(y, x)| (y - f64::from(*x)).powi(2)).sum::<f64>();
        }
        total / rows.len() as f64
    }

    /// Every gradient against the difference quotient of an independent f64 forward pass.
    #[test]
    fn gradients_agree_with_difference_quotients() {
        let mut random = Random::new(1, 1);
        let mut network = Network::new(&[5, 16, 8, 16, 5], &mut random);
        for layer in &mut network.layers {
            layer.bias[..5].fill_with(|| random.normal() * 0.1);
        }
        let rows: Vec<f32> = (0..6 * 5).map(|_| random.normal()).collect();
        let mut trainer = Trainer::new(&network, 8);
        trainer.gradients(&network, &rows);
        let before = trainer.loss(&network, &rows);
        assert!((f64::from(before) - loss(&network, &rows)).abs() < 1e-4);
        let step = 1e-3;
        for place in 0..4 {
            let outputs = if place == 3 { 5 } else { network.layers[place].bias.len() };
            for index in (0..network.layers[place].weights.len()).step_by(3) {
                if index % network.layers[place].bias.len() >= outputs {
                    continue;
                }
                let mut moved = network.clone();
                moved.layers[place].weights[index] += step;
                let up = loss(&moved, &rows);
                moved.layers[place].weights[index] -= 2.0 * step;
                let quotient = (up - loss(&moved, &rows)) / (2.0 * f64::from(step));
                let gradient = f64::from(trainer.gradients[place].gradient[index]);
                assert!(
                    (gradient - quotient).abs() < 2e-3 + 0.02 * quotient.abs(),
                    "{place} {index}: {gradient} {quotient}"
                );
            }
            let mut moved = network.clone();
            moved.layers[place].bias[2] += step;
            let up = loss(&moved, &rows);
            moved.layers[place].bias[2] -= 2.0 * step;
            let quotient = (up - loss(&moved, &rows)) / (2.0 * f64::from(step));
            let gradient = f64::from(trainer.gradients[place].gradient[network.layers[place].weights.len() + 2]);
            assert!((gradient - quotient).abs() < 2e-3 + 0.02 * quotient.abs(), "bias {place}: {gradient} {quotient}");
        }
    }

    #[test]
    fn training_lowers_the_error() {
        let mut random = Random::new(2, 1);
        let mut network = Network::new(&[6, 16, 8, 16, 6], &mut random);
        let rows: Vec<f32> = (0..64)
            .flat_map(|_| {
                let (a, b) = (random.normal(), random.normal());
                [a, b, a + b, a - b, -a, 0.5 * b]
            })
            .collect();
        let mut trainer = Trainer::new(&network, 64);
        trainer.step(&mut network, &rows, 3e-3);
        let first = trainer.loss(&network, &rows);
        for _ in 0..300 {
            trainer.step(&mut network, &rows, 3e-3);
        }
        let last = trainer.loss(&network, &rows);
        assert!(last < first / 20.0, "{first} {last}");
    }
}
