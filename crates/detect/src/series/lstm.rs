//! A long short-term memory (Hochreiter and Schmidhuber 1997; forget gate after Gers et al. 2000) that forecasts the next
//! step of many series at once, with a Gaussian head: mean and logarithm of the variance. Owns the forward pass; training
//! is beside it; knows nothing of what the channels mean.

use crate::activation::{sigmoid, tanh};
use crate::kernels::{self, PRODUCT_TILE, Widened, Width};
use crate::layout::View;
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

/// State of a batch of series.
#[derive(Clone, Debug, Default)]
pub struct Memory {
    /// Batch × (inputs + hidden): the step's input and the hidden state before it, as one row of the product.
    joined: Vec<f32>,
    /// Batch × hidden.
    cell: Vec<f32>,
    /// Batch × hidden.
    hidden: Vec<f32>,
    /// Room for the gates, batch × 4·hidden.
    gates: Vec<f32>,
}

impl Memory {
    /// The series of another memory come after its own.
    pub(super) fn append(&mut self, other: &Self) {
        self.joined.extend_from_slice(&other.joined);
        self.cell.extend_from_slice(&other.cell);
        self.hidden.extend_from_slice(&other.hidden);
        self.gates.extend_from_slice(&other.gates);
    }

    /// Forgets all of one series.
    pub(super) fn reset(&mut self, series: usize, units: usize) {
        self.cell[series * units..][..units].fill(0.0);
        self.hidden[series * units..][..units].fill(0.0);
    }
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
        Memory {
            joined: vec![0.0; batch * (self.inputs + self.hidden)],
            cell: vec![0.0; batch * self.hidden],
            hidden: vec![0.0; batch * self.hidden],
            gates: vec![0.0; batch * 4 * self.hidden],
        }
    }

    /// One step of every series. `input` is batch × inputs; `out` becomes batch × 2·outputs: the forecast of the next
    /// step's channels, means first, then logarithms of variances.
    pub fn step(&self, input: &[f32], memory: &mut Memory, out: &mut Vec<f32>) {
        let Memory { joined, cell, hidden, gates } = memory;
        self.join(input, hidden, joined);
        affine(joined, self.inputs + self.hidden, &self.weights, &self.bias, gates);
        kernels::widened(Width::widest(), Recur { units: self.hidden, gates, cell, hidden });
        self.forecast(hidden, out);
    }

    /// Inputs and hidden states side by side.
    pub(super) fn join(&self, input: &[f32], hidden: &[f32], joined: &mut [f32]) {
        let rows = input.chunks_exact(self.inputs).zip(hidden.chunks_exact(self.hidden));
        for ((input, hidden), joined) in rows.zip(joined.chunks_exact_mut(self.inputs + self.hidden)) {
            let (first, rest) = joined.split_at_mut(self.inputs);
            first.copy_from_slice(input);
            rest.copy_from_slice(hidden);
        }
    }

    pub(super) fn forecast(&self, hidden: &[f32], out: &mut Vec<f32>) {
        let width = 2 * self.outputs;
        out.resize(hidden.len() / self.hidden * width, 0.0);
        affine(hidden, self.hidden, &self.head, &self.head_bias, out);
        for row in out.chunks_exact_mut(width) {
            row[self.outputs..].iter_mut().for_each(|log| *log = log.clamp(-LOG_VARIANCE_MAX, LOG_VARIANCE_MAX));
        }
    }
}

/// One step of the states: sums at the gates to gates (sigmoids, and a hyperbolic tangent for the candidate), in place; then the
/// new cells and hidden states.
pub(super) struct Recur<'a> {
    /// Hidden units.
    pub(super) units: usize,
    /// Batch × 4·hidden.
    pub(super) gates: &'a mut [f32],
    /// Batch × hidden.
    pub(super) cell: &'a mut [f32],
    /// Batch × hidden.
    pub(super) hidden: &'a mut [f32],
}

impl Widened for Recur<'_> {
    type Out = ();
    // Inlined always, so that it is compiled for the processor's features; index loops, because iterator adaptors are not.
    #[allow(clippy::inline_always)]
    #[inline(always)]
    fn run(self) {
        let Self { units, gates, cell, hidden } = self;
        recur(units, gates, cell, hidden);
    }
}

#[allow(clippy::inline_always, clippy::needless_range_loop)]
#[inline(always)]
fn recur(units: usize, gates: &mut [f32], cell: &mut [f32], hidden: &mut [f32]) {
    let states = cell.chunks_exact_mut(units).zip(hidden.chunks_exact_mut(units));
    for (gates, (cell, hidden)) in gates.chunks_exact_mut(4 * units).zip(states) {
        let (first, rest) = gates.split_at_mut(2 * units);
        let (candidate, output) = rest.split_at_mut(units);
        // One array a loop: of many the compiler does not prove that they do not overlap.
        for at in 0..first.len() {
            first[at] = sigmoid(first[at]);
        }
        for at in 0..candidate.len() {
            candidate[at] = tanh(candidate[at]);
        }
        for at in 0..output.len() {
            output[at] = sigmoid(output[at]);
        }
        let (input, forget) = first.split_at(units);
        let (candidate, output) = (&candidate[..units], &output[..units]);
        for unit in 0..units {
            cell[unit] = forget[unit] * cell[unit] + input[unit] * candidate[unit];
        }
        for unit in 0..units {
            hidden[unit] = tanh(cell[unit]) * output[unit];
        }
    }
}

/// `out = start + left × right`; left is rows × inner, `start` one row.
pub(super) fn affine(left: &[f32], inner: usize, right: &[f32], start: &[f32], out: &mut [f32]) {
    let columns = start.len();
    if columns.is_multiple_of(PRODUCT_TILE) {
        let left = View::new(left, left.len() / inner, inner);
        return kernels::product(Width::widest(), left, right, start, out, columns);
    }
    for (left, out) in left.chunks_exact(inner).zip(out.chunks_exact_mut(columns)) {
        out.copy_from_slice(start);
        for (value, right) in left.iter().zip(right.chunks_exact(columns)) {
            out.iter_mut().zip(right).for_each(|(sum, weight)| *sum += value * weight);
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
    fn every_width_gives_the_plain_states() {
        let mut random = Random::new(4, 4);
        let mut values = |count: usize| (0..count).map(|_| random.normal() * 3.0).collect::<Vec<f32>>();
        for units in [1, 6, 32] {
            let (gates, cell) = (values(5 * 4 * units), values(5 * units));
            let run = |width| {
                let (mut gates, mut cell, mut hidden) = (gates.clone(), cell.clone(), vec![0.0; cell.len()]);
                let work = Recur { units, gates: &mut gates, cell: &mut cell, hidden: &mut hidden };
                match width {
                    Some(width) => kernels::widened(width, work),
                    None => work.run(),
                }
                [gates, cell, hidden].concat()
            };
            let plain = run(None);
            for width in kernels::widths() {
                for (found, plain) in run(Some(width)).iter().zip(&plain) {
                    assert!((found - plain).abs() <= 1e-5 * plain.abs().max(1.0), "{width:?}: {found} {plain}");
                }
            }
        }
    }

    #[test]
    fn shapes_that_fit_no_tile_are_multiplied_all_the_same() {
        let (left, right) = ([1.0, 2.0, 3.0, 4.0], [1.0, 10.0, 100.0, 2.0, 20.0, 200.0]);
        let mut out = [0.0; 6];
        affine(&left, 2, &right, &[0.5, 0.0, 0.0], &mut out);
        assert_eq!(out, [5.5, 50.0, 500.0, 11.5, 110.0, 1100.0]);
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
