//! One autoencoder of KitNET: at most sixteen inputs, tied weights, sigmoid units, values scaled to 0–1 by the smallest
//! and largest seen in training, one step of gradient descent a row (Kitsune, section IV-D). Fixed arrays of sixteen, so
//! that the compiler makes vectors of them.

use crate::DetectError;
use crate::activation::sigmoid;
use crate::blob::{Reader, Writer};
use crate::random::Random;

/// Most inputs of one net.
pub(super) const INPUTS_MAX: usize = 16;
type Lane = [f32; INPUTS_MAX];

/// Weights and scaling.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct SmallNet {
    pub(super) inputs: usize,
    pub(super) hidden: usize,
    /// `weights[input][hidden]`; rows and columns beyond the sizes stay 0.
    pub(super) weights: [Lane; INPUTS_MAX],
    pub(super) hidden_bias: Lane,
    pub(super) visible_bias: Lane,
    pub(super) low: Lane,
    pub(super) high: Lane,
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
            hidden_bias: bias,
            visible_bias: bias,
            low: [f32::MAX; 16],
            high: [f32::MIN; 16],
        }
    }

    /// One step of training; answers the error before it.
    pub(super) fn train(&mut self, row: &Lane, rate: f32) -> f32 {
        for (input, value) in row[..self.inputs].iter().enumerate() {
            self.low[input] = self.low[input].min(*value);
            self.high[input] = self.high[input].max(*value);
        }
        let pass = self.pass(row);
        let mut back = [0.0; INPUTS_MAX];
        for (input, weights) in self.weights[..self.inputs].iter().enumerate() {
            back.iter_mut().zip(weights).for_each(|(sum, weight)| *sum += pass.gap[input] * weight);
        }
        for (back, hidden) in back.iter_mut().zip(&pass.hidden) {
            *back *= hidden * (1.0 - hidden);
        }
        back[self.hidden..].fill(0.0);
        let mut hidden = pass.hidden;
        hidden[self.hidden..].fill(0.0);
        for (input, weights) in self.weights[..self.inputs].iter_mut().enumerate() {
            for (unit, weight) in weights.iter_mut().enumerate() {
                *weight += rate * (pass.scaled[input] * back[unit] + pass.gap[input] * hidden[unit]);
            }
            self.visible_bias[input] += rate * pass.gap[input];
        }
        self.hidden_bias.iter_mut().zip(&back).for_each(|(bias, back)| *bias += rate * back);
        self.error(&pass)
    }

    /// Root mean squared reconstruction error.
    pub(super) fn score(&self, row: &Lane) -> f32 {
        self.error(&self.pass(row))
    }

    /// Squared reconstruction error of each input; the error is the root of their mean.
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
        Ok(Self { inputs, hidden, weights, hidden_bias: lane()?, visible_bias: lane()?, low: lane()?, high: lane()? })
    }

    fn error(&self, pass: &Pass) -> f32 {
        (pass.gap[..self.inputs].iter().map(|gap| gap * gap).sum::<f32>() / self.inputs as f32).sqrt()
    }

    fn pass(&self, row: &Lane) -> Pass {
        let mut scaled = [0.0; INPUTS_MAX];
        for input in 0..INPUTS_MAX {
            let width = self.high[input] - self.low[input];
            let value = (row[input] - self.low[input]) / (width + 1e-16);
            // Before the first row and beyond the inputs there is nothing to scale by.
            scaled[input] =
                if input < self.inputs && width >= 0.0 { value.clamp(-SCALED_MAX, SCALED_MAX) } else { 0.0 };
        }
        let mut hidden = self.hidden_bias;
        for (value, weights) in scaled[..self.inputs].iter().zip(&self.weights) {
            hidden.iter_mut().zip(weights).for_each(|(sum, weight)| *sum += value * weight);
        }
        for value in &mut hidden {
            *value = sigmoid(*value);
        }
        let mut gap = [0.0; INPUTS_MAX];
        for (input, weights) in self.weights[..self.inputs].iter().enumerate() {
            // Beyond the hidden units the weights are 0, so the whole lane may be summed.
            gap[input] = product(weights, &hidden) + self.visible_bias[input];
        }
        for value in &mut gap {
            *value = sigmoid(*value);
        }
        for input in 0..INPUTS_MAX {
            gap[input] = if input < self.inputs { scaled[input] - gap[input] } else { 0.0 };
        }
        Pass { scaled, hidden, gap }
    }
}

/// Sum of products in four parts, which the compiler computes at once; one running sum would wait for itself sixteen times.
fn product(a: &Lane, b: &Lane) -> f32 {
    let mut parts = [0.0; 4];
    for (a, b) in a.chunks_exact(4).zip(b.chunks_exact(4)) {
        for (part, (a, b)) in parts.iter_mut().zip(a.iter().zip(b)) {
            *part += a * b;
        }
    }
    (parts[0] + parts[1]) + (parts[2] + parts[3])
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
        let mut strange = row(&mut random);
        strange[2] = 5.0;
        assert!(net.score(&strange) > after * 3.0);
    }
}
