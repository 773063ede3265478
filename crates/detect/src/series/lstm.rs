//! A long short-term memory (Hochreiter and Schmidhuber 1997; forget gate after Gers et al. 2000) that forecasts the next
//! step of many series at once, with a Gaussian head: mean and logarithm of the variance. Owns the forward pass; training
//! is beside it; knows nothing of what the channels mean.

use crate::activation::{sigmoid, tanh};
use crate::random::Random;

/// Logarithm of the variance stays within plus and minus this: no forecast is surer than 0.2 % of a deviation.
pub(super) const LOG_VARIANCE_MAX: f32 = 6.0;

/// Weights. Gates stand in the order input, forget, candidate, output.
#[derive(Clone, Debug, PartialEq)]
pub struct Lstm {
    pub(super) inputs: usize,
    pub(super) hidden: usize,
    pub(super) outputs: usize,
    /// (inputs + hidden) × 4·hidden.
    pub(super) weights: Vec<f32>,
    pub(super) bias: Vec<f32>,
    /// hidden × 2·outputs: means, then logarithms of the variances.
    pub(super) head: Vec<f32>,
    pub(super) head_bias: Vec<f32>,
}

/// State of a batch of series: batch × hidden each.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Memory {
    pub(super) hidden: Vec<f32>,
    pub(super) cell: Vec<f32>,
}

impl Lstm {
    /// Random weights. The first `outputs` of the `inputs` channels are forecast; further ones (time of day) only help.
    #[must_use]
    pub fn new(inputs: usize, hidden: usize, outputs: usize, seed: u64) -> Self {
        let mut random = Random::new(seed, 0x157);
        let spread = 1.0 / (hidden as f32).sqrt();
        let mut uniform = |count: usize| (0..count).map(|_| (random.unit() * 2.0 - 1.0) * spread).collect::<Vec<_>>();
        let weights = uniform((inputs + hidden) * 4 * hidden);
        let head = uniform(hidden * 2 * outputs);
        let mut bias = vec![0.0; 4 * hidden];
        // To remember is the better first guess (Jozefowicz et al. 2015).
        bias[hidden..2 * hidden].fill(1.0);
        Self { inputs, hidden, outputs, weights, bias, head, head_bias: vec![0.0; 2 * outputs] }
    }

    /// Nothing seen yet, for `batch` series.
    #[must_use]
    pub fn memory(&self, batch: usize) -> Memory {
        Memory { hidden: vec![0.0; batch * self.hidden], cell: vec![0.0; batch * self.hidden] }
    }

    /// One step of every series. `input` is batch × inputs; `out` becomes batch × 2·outputs: the forecast of the next
    /// step's channels, means first, then logarithms of variances.
    pub fn step(&self, input: &[f32], memory: &mut Memory, out: &mut Vec<f32>) {
        let batch = memory.cell.len() / self.hidden;
        let mut gates = vec![0.0; batch * 4 * self.hidden];
        self.gates(input, &memory.hidden, &mut gates);
        let states = memory.cell.chunks_exact_mut(self.hidden).zip(memory.hidden.chunks_exact_mut(self.hidden));
        for (gates, (cell, hidden)) in gates.chunks_exact_mut(4 * self.hidden).zip(states) {
            activate(gates, self.hidden);
            update(gates, cell, hidden);
        }
        self.forecast(&memory.hidden, out);
    }

    /// Sums of all gates before their activation.
    pub(super) fn gates(&self, input: &[f32], hidden: &[f32], gates: &mut [f32]) {
        let (of_input, of_hidden) = self.weights.split_at(self.inputs * 4 * self.hidden);
        for row in gates.chunks_exact_mut(4 * self.hidden) {
            row.copy_from_slice(&self.bias);
        }
        add_product(input, self.inputs, of_input, gates, 4 * self.hidden);
        add_product(hidden, self.hidden, of_hidden, gates, 4 * self.hidden);
    }

    pub(super) fn forecast(&self, hidden: &[f32], out: &mut Vec<f32>) {
        let width = 2 * self.outputs;
        out.clear();
        for _ in 0..hidden.len() / self.hidden {
            out.extend_from_slice(&self.head_bias);
        }
        add_product(hidden, self.hidden, &self.head, out, width);
        for row in out.chunks_exact_mut(width) {
            row[self.outputs..].iter_mut().for_each(|log| *log = log.clamp(-LOG_VARIANCE_MAX, LOG_VARIANCE_MAX));
        }
    }
}

/// Sums to gates: sigmoids, and a hyperbolic tangent for the candidate.
pub(super) fn activate(gates: &mut [f32], hidden: usize) {
    let (first, rest) = gates.split_at_mut(2 * hidden);
    let (candidate, output) = rest.split_at_mut(hidden);
    for gate in first.iter_mut().chain(output) {
        *gate = sigmoid(*gate);
    }
    for gate in candidate {
        *gate = tanh(*gate);
    }
}

/// New cell and hidden state from activated gates.
pub(super) fn update(gates: &[f32], cell: &mut [f32], hidden: &mut [f32]) {
    let units = cell.len();
    let (input, rest) = gates.split_at(units);
    let (forget, rest) = rest.split_at(units);
    let (candidate, output) = rest.split_at(units);
    for unit in 0..units {
        cell[unit] = forget[unit] * cell[unit] + input[unit] * candidate[unit];
        hidden[unit] = output[unit] * tanh(cell[unit]);
    }
}

/// `out += left × right`; left is rows × inner, right inner × columns. Four rows share each weight that is read.
pub(super) fn add_product(left: &[f32], inner: usize, right: &[f32], out: &mut [f32], columns: usize) {
    const ROWS: usize = 4;
    for (left, out) in left.chunks(ROWS * inner).zip(out.chunks_mut(ROWS * columns)) {
        if left.len() == ROWS * inner {
            let mut rows = out.chunks_exact_mut(columns);
            let (Some(a), Some(b), Some(c), Some(d)) = (rows.next(), rows.next(), rows.next(), rows.next()) else {
                continue;
            };
            for (at, right) in right.chunks_exact(columns).enumerate() {
                let [x, y, z, w] = [left[at], left[inner + at], left[2 * inner + at], left[3 * inner + at]];
                let sums = a.iter_mut().zip(b.iter_mut()).zip(c.iter_mut().zip(d.iter_mut()));
                for (((a, b), (c, d)), weight) in sums.zip(right) {
                    *a += x * weight;
                    *b += y * weight;
                    *c += z * weight;
                    *d += w * weight;
                }
            }
        } else {
            for (left, out) in left.chunks_exact(inner).zip(out.chunks_exact_mut(columns)) {
                for (value, right) in left.iter().zip(right.chunks_exact(columns)) {
                    out.iter_mut().zip(right).for_each(|(sum, weight)| *sum += value * weight);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_series_forecasts_the_same_alone_and_in_a_batch() {
        let lstm = Lstm::new(3, 8, 2, 1);
        let mut random = Random::new(1, 1);
        let (mut batch, mut out) = (lstm.memory(7), Vec::new());
        let mut alone: Vec<(Memory, Vec<f32>)> = (0..7).map(|_| (lstm.memory(1), Vec::new())).collect();
        for _ in 0..20 {
            let input: Vec<f32> = (0..21).map(|_| random.normal()).collect();
            lstm.step(&input, &mut batch, &mut out);
            for (series, (memory, forecast)) in alone.iter_mut().enumerate() {
                lstm.step(&input[series * 3..][..3], memory, forecast);
                assert_eq!(forecast[..], out[series * 4..][..4]);
            }
        }
    }

    #[test]
    fn any_finite_input_gives_a_finite_forecast() {
        let lstm = Lstm::new(2, 4, 2, 1);
        let (mut memory, mut out) = (lstm.memory(1), Vec::new());
        for value in [0.0, 1e30, -1e30, f32::MAX] {
            lstm.step(&[value, -value], &mut memory, &mut out);
            assert!(out.iter().all(|value| value.is_finite()), "{out:?}");
        }
    }
}
