//! One autoencoder of KitNET: at most sixteen inputs, tied weights, sigmoid units, values scaled to 0–1 by the smallest
//! and largest seen in training, one step of gradient descent a row (Kitsune, section IV-D). Fixed arrays of sixteen, so
//! that the compiler makes vectors of them: whoever calls it does so within `kernels::widened`.
// Inlined always, so that it is compiled for the caller's processor features; index loops for the same reason.
#![allow(clippy::needless_range_loop)]

use crate::DetectError;
use crate::activation::sigmoid;
use crate::blob::{Reader, Writer};
use crate::random::Random;

/// Most inputs of one net.
pub(super) const INPUTS_MAX: usize = 16;
/// Sixteen inputs of one row, or one input of sixteen rows.
pub(super) type Lane = [f32; INPUTS_MAX];
/// Rows that are scored together.
pub(super) const LANES: usize = INPUTS_MAX;

/// Weights and scaling.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct SmallNet {
    pub(super) inputs: usize,
    pub(super) hidden: usize,
    /// `weights[input][hidden]`; rows and columns beyond the sizes stay 0.
    pub(super) weights: [Lane; INPUTS_MAX],
    /// The same by hidden unit, so that both layers add whole lanes.
    turned: [Lane; INPUTS_MAX],
    pub(super) hidden_bias: Lane,
    pub(super) visible_bias: Lane,
    pub(super) low: Lane,
    pub(super) high: Lane,
    /// 1 / (high − low); 0 where there is nothing to scale by: before the first row and beyond the inputs.
    factors: Lane,
}

/// What one pass leaves behind.
struct Pass {
    scaled: Lane,
    hidden: Lane,
    gap: Lane,
}

impl SmallNet {
    /// Fresh weights for 1 to 16 inputs; three hidden units for four inputs.
    pub(super) fn new(inputs: usize, random: &mut Random) -> Self {
        let hidden = (inputs * 3).div_ceil(4).max(1);
        let spread = 1.0 / inputs as f32;
        let mut weights = [[0.0; INPUTS_MAX]; INPUTS_MAX];
        for row in &mut weights[..inputs] {
            row[..hidden].fill_with(|| (random.unit() * 2.0 - 1.0) * spread);
        }
        let bias = [0.0; INPUTS_MAX];
        Self {
            inputs,
            hidden,
            weights,
            turned: turned(&weights),
            hidden_bias: bias,
            visible_bias: bias,
            low: [f32::MAX; 16],
            high: [f32::MIN; 16],
            factors: bias,
        }
    }

    /// One step of training; answers the mean squared error before it.
    #[inline(always)]
    pub(super) fn train(&mut self, row: &Lane, rate: f32) -> f32 {
        for input in 0..self.inputs {
            self.low[input] = self.low[input].min(row[input]);
            self.high[input] = self.high[input].max(row[input]);
        }
        self.factors = factors(self.inputs, &self.low, &self.high);
        let pass = self.pass(row);
        let mut back = [0.0; INPUTS_MAX];
        for input in 0..self.inputs {
            add_scaled(&mut back, pass.gap[input], &self.weights[input]);
        }
        let mut hidden = pass.hidden;
        for unit in 0..INPUTS_MAX {
            back[unit] *= hidden[unit] * (1.0 - hidden[unit]);
        }
        back[self.hidden..].fill(0.0);
        hidden[self.hidden..].fill(0.0);
        for input in 0..self.inputs {
            add_both(&mut self.weights[input], rate, (pass.scaled[input], &back), (pass.gap[input], &hidden));
        }
        for unit in 0..self.hidden {
            add_both(&mut self.turned[unit], rate, (back[unit], &pass.scaled), (hidden[unit], &pass.gap));
        }
        add_scaled(&mut self.visible_bias, rate, &pass.gap);
        add_scaled(&mut self.hidden_bias, rate, &back);
        self.error(&pass)
    }

    /// Mean squared reconstruction error. KitNET's figure is its root, which whoever pools many takes of all at once.
    #[inline(always)]
    pub(super) fn score(&self, row: &Lane) -> f32 {
        self.error(&self.pass(row))
    }

    /// Squared reconstruction error of each input; the error is their mean.
    pub(super) fn squares(&self, row: &Lane) -> Lane {
        self.pass(row).gap.map(|gap| gap * gap)
    }

    pub(super) fn save(&self, out: &mut Writer) {
        out.u32(self.inputs as u32);
        out.u32(self.hidden as u32);
        for lane in self.weights.iter().chain([&self.hidden_bias, &self.visible_bias, &self.low, &self.high]) {
            out.f32s(lane);
        }
    }

    pub(super) fn load(reader: &mut Reader<'_>) -> Result<Self, DetectError> {
        let inputs = reader.count(1, INPUTS_MAX, "inputs of a small net")?;
        let hidden = reader.count(1, INPUTS_MAX, "hidden units of a small net")?;
        let mut lane = || -> Result<Lane, DetectError> {
            let values = reader.f32s_of(INPUTS_MAX, "values of a small net")?;
            Ok(std::array::from_fn(|place| values[place]))
        };
        let mut weights = [[0.0; INPUTS_MAX]; INPUTS_MAX];
        for row in &mut weights {
            *row = lane()?;
        }
        let (hidden_bias, visible_bias, low, high) = (lane()?, lane()?, lane()?, lane()?);
        let (turned, factors) = (turned(&weights), factors(inputs, &low, &high));
        Ok(Self { inputs, hidden, weights, turned, hidden_bias, visible_bias, low, high, factors })
    }

    /// The same of sixteen rows, one in each lane of the columns that `group` names, to the same bits.
    #[inline(always)]
    pub(super) fn score_lanes(&self, columns: &[Lane], group: &[usize]) -> Lane {
        let mut scaled = [[0.0; LANES]; INPUTS_MAX];
        for input in 0..self.inputs {
            let column = &columns[group[input]];
            for lane in 0..LANES {
                let value = (column[lane] - self.low[input]) * self.factors[input];
                scaled[input][lane] = value.clamp(-SCALED_MAX, SCALED_MAX);
            }
        }
        let mut hidden = [[0.0; LANES]; INPUTS_MAX];
        for unit in 0..self.hidden {
            hidden[unit] = unit_lanes(self.hidden_bias[unit], &self.turned[unit], &scaled, self.inputs);
        }
        let mut parts = [[0.0; LANES]; 4];
        for input in 0..self.inputs {
            let seen = unit_lanes(self.visible_bias[input], &self.weights[input], &hidden, self.hidden);
            for lane in 0..LANES {
                let gap = scaled[input][lane] - seen[lane];
                parts[input % 4][lane] += gap * gap;
            }
        }
        let mut errors = [0.0; LANES];
        for lane in 0..LANES {
            let sum = (parts[0][lane] + parts[1][lane]) + (parts[2][lane] + parts[3][lane]);
            errors[lane] = sum / self.inputs as f32;
        }
        errors
    }

    #[inline(always)]
    fn error(&self, pass: &Pass) -> f32 {
        // Beyond the inputs the gap is 0. Four sums, which the compiler computes at once.
        let mut parts = [0.0; 4];
        for first in (0..INPUTS_MAX).step_by(4) {
            for part in 0..4 {
                parts[part] += pass.gap[first + part] * pass.gap[first + part];
            }
        }
        ((parts[0] + parts[1]) + (parts[2] + parts[3])) / self.inputs as f32
    }

    #[inline(always)]
    fn pass(&self, row: &Lane) -> Pass {
        let mut scaled = [0.0; INPUTS_MAX];
        for input in 0..INPUTS_MAX {
            let value = (row[input] - self.low[input]) * self.factors[input];
            scaled[input] = value.clamp(-SCALED_MAX, SCALED_MAX);
        }
        let mut hidden = layer(&self.hidden_bias, &scaled, &self.weights, self.inputs);
        activate(&mut hidden);
        let mut seen = layer(&self.visible_bias, &hidden, &self.turned, self.hidden);
        activate(&mut seen);
        let mut gap = [0.0; INPUTS_MAX];
        for input in 0..INPUTS_MAX {
            gap[input] = if input < self.inputs { scaled[input] - seen[input] } else { 0.0 };
        }
        Pass { scaled, hidden, gap }
    }
}

/// Rows as columns.
fn turned(weights: &[Lane; INPUTS_MAX]) -> [Lane; INPUTS_MAX] {
    std::array::from_fn(|unit| std::array::from_fn(|input| weights[input][unit]))
}

/// 1 / (high − low) of the inputs seen; a constant is scaled by so much that any change is far.
#[inline(always)]
fn factors(inputs: usize, low: &Lane, high: &Lane) -> Lane {
    let mut factors = [0.0; INPUTS_MAX];
    for input in 0..inputs {
        let width = high[input] - low[input];
        factors[input] = if width >= 0.0 { 1.0 / (width + 1e-16) } else { 0.0 };
    }
    factors
}

/// Bias and the weighted lanes, in two sums that need not wait for each other.
#[inline(always)]
fn layer(bias: &Lane, factors: &Lane, lanes: &[Lane; INPUTS_MAX], count: usize) -> Lane {
    let (mut even, mut odd) = (*bias, [0.0; INPUTS_MAX]);
    // Beyond `count` the weights are 0.
    for pair in 0..count.div_ceil(2).min(INPUTS_MAX / 2) {
        add_scaled(&mut even, factors[2 * pair], &lanes[2 * pair]);
        add_scaled(&mut odd, factors[2 * pair + 1], &lanes[2 * pair + 1]);
    }
    add_scaled(&mut even, 1.0, &odd);
    even
}

/// One unit of sixteen rows: bias and the weighted inputs in the two sums of [`layer`], activated.
#[inline(always)]
fn unit_lanes(bias: f32, weights: &Lane, inputs: &[Lane; INPUTS_MAX], count: usize) -> Lane {
    let (mut even, mut odd) = ([bias; LANES], [0.0; LANES]);
    for pair in 0..count.div_ceil(2).min(INPUTS_MAX / 2) {
        add_scaled(&mut even, weights[2 * pair], &inputs[2 * pair]);
        add_scaled(&mut odd, weights[2 * pair + 1], &inputs[2 * pair + 1]);
    }
    add_scaled(&mut even, 1.0, &odd);
    activate(&mut even);
    even
}

#[inline(always)]
fn add_scaled(sum: &mut Lane, factor: f32, lane: &Lane) {
    for place in 0..INPUTS_MAX {
        sum[place] += factor * lane[place];
    }
}

/// `sum += rate · (a·x + b·y)`: the two ways in which a tied weight moves.
#[inline(always)]
fn add_both(sum: &mut Lane, rate: f32, (a, x): (f32, &Lane), (b, y): (f32, &Lane)) {
    for place in 0..INPUTS_MAX {
        sum[place] += rate * (a * x[place] + b * y[place]);
    }
}

#[inline(always)]
fn activate(lane: &mut Lane) {
    for place in 0..INPUTS_MAX {
        lane[place] = sigmoid(lane[place]);
    }
}

/// A value this many times the training range away is as strange as any further one: the score stays finite.
const SCALED_MAX: f32 = 1e6;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_gradient_lowers_the_error_and_unused_places_stay_zero() {
        let mut random = Random::new(1, 7);
        let mut net = SmallNet::new(7, &mut random);
        let row = |random: &mut Random| {
            let (a, b) = (random.unit(), random.unit());
            let mut row = [0.0; INPUTS_MAX];
            row[..7].copy_from_slice(&[a, b, a + b, a - b, 1.0 - a, 1.0 - b, a * 0.5]);
            row
        };
        let mut mean = |net: &mut SmallNet, train: bool| {
            let mut sum = 0.0;
            for _ in 0..2_000 {
                let row = row(&mut random);
                sum += if train { net.train(&row, 0.1) } else { net.score(&row) };
            }
            sum / 2_000.0
        };
        let before = mean(&mut net, true);
        (0..20).for_each(|_| assert!(mean(&mut net, true).is_finite()));
        let after = mean(&mut net, false);
        assert!(after < before * 0.5, "{before} to {after}");
        assert!(net.weights.iter().all(|weights| weights[6..].iter().all(|weight| *weight == 0.0)));
        assert_eq!(net.weights[7..], [[0.0; 16]; 9]);
        assert_eq!(net.turned, turned(&net.weights), "both forms learn the same");
        let mut strange = row(&mut random);
        strange[2] = 5.0;
        assert!(net.score(&strange) > after * 3.0);
    }
}
