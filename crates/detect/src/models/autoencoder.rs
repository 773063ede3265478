//! Autoencoders d–32–8–32–d: rows that eight numbers cannot carry are strange. The score is the mean, over networks of
//! different seeds and over columns, of ln(1 + squared error / usual squared error), each capped, so that one wild column
//! does not hide the others and a column that is always badly copied does not drown them.

use super::network::{Network, Trainer};
use super::{Detector, Diet, Member, ModelKind, normalise, reading, written};
use crate::blob::{Reader, Writer};
use crate::kernels::{self, LANES, Lanes, Width};
use crate::layout::{Layer, OUTPUT_TILE};
use crate::random::Random;
use crate::standardise::Standardiser;
use crate::{DetectError, EnsembleConfig};
use record::Matrix;

/// Registry line.
pub(super) const KIND: ModelKind = ModelKind {
    name: "autoencoder",
    diet: Diet::Trimmed,
    train: |rows, seed, config| Box::new(Autoencoder::train(rows, seed, config)),
    load: |bytes, columns| Ok(Box::new(Autoencoder::load(bytes, columns)?)),
};

const HIDDEN: usize = 32;
const MIDDLE: usize = 8;
const BATCH_ROWS: usize = 64;
/// Standardised values beyond this are all equally far.
const CLIP: f32 = 6.0;
/// Adam's rate at the beginning; falls to a tenth along a half cosine.
const RATE: f32 = 4e-3;
/// Largest squared error told apart, in usual squared errors; `kernels::capped_log_error` allows 1000.
const ERROR_CAP: f32 = 400.0;
/// Smallest usual squared error, standardised units.
const ERROR_MIN: f32 = 0.01;

/// Trained networks.
#[derive(Clone, Debug)]
pub struct Autoencoder {
    standardiser: Standardiser,
    members: Vec<Trained>,
}

#[derive(Clone, Debug)]
struct Trained {
    network: Network,
    /// 1 / usual squared error of each column.
    factors: Vec<f32>,
}

impl Autoencoder {
    /// Trains `config.autoencoders` networks.
    #[must_use]
    pub fn train(rows: &Matrix, seed: u64, config: &EnsembleConfig) -> Self {
        let standardiser = Standardiser::fit(rows, CLIP);
        let chosen = Random::new(seed, 0xae).sample(rows.rows(), config.autoencoder_rows_max);
        let mut taken = Matrix::with_capacity(chosen.len(), rows.columns);
        for row in &chosen {
            standardiser.push(rows.row(*row), &mut taken.values);
        }
        let train_one = |index: usize| {
            let mut random = Random::new(seed, 0xae00 + index as u64);
            let network = train_network(&taken, config, &mut random);
            let factors = usual_errors(&network, &taken).iter().map(|error| 1.0 / error.max(ERROR_MIN)).collect();
            Trained { network, factors }
        };
        let members = (0..config.autoencoders).map(train_one).collect();
        Self { standardiser, members }
    }

    /// Scores of one width, for tests.
    fn score_with(&self, width: Width, rows: &Matrix, out: &mut Vec<f32>) {
        out.clear();
        out.reserve(rows.rows());
        let columns = self.standardiser.columns();
        let mut pass = Pass::new(columns);
        let scale = 1.0 / (self.members.len() * columns) as f32;
        for first in (0..rows.rows()).step_by(LANES) {
            let taken = (rows.rows() - first).min(LANES);
            pass.read(width, &self.standardiser, rows, first);
            let mut sums = [0.0; LANES];
            for member in &self.members {
                pass.run(width, &member.network);
                kernels::capped_log_error(width, &pass.input, pass.output(), &member.factors, ERROR_CAP, &mut sums);
            }
            out.extend(sums[..taken].iter().map(|sum| sum * scale));
        }
    }

    fn load(bytes: &[u8], columns: usize) -> Result<Self, DetectError> {
        reading(bytes, |reader| {
            let count = reader.count(1, 16, "autoencoders")?;
            let standardiser = Standardiser::load(reader, columns)?;
            let members = (0..count).map(|_| Trained::load(reader, columns)).collect::<Result<_, _>>()?;
            Ok(Self { standardiser, members })
        })
    }
}

/// Layers' values of `LANES` rows.
struct Pass {
    input: Vec<Lanes>,
    /// The last rows, filled up.
    last: Vec<f32>,
    /// Two buffers used in turn; after an even number of layers the result is in the second.
    buffers: [Vec<Lanes>; 2],
}

impl Pass {
    fn new(columns: usize) -> Self {
        let widest = columns.next_multiple_of(OUTPUT_TILE).max(HIDDEN);
        Self {
            input: vec![[0.0; LANES]; columns],
            last: Vec::new(),
            buffers: [vec![[0.0; LANES]; widest], vec![[0.0; LANES]; widest]],
        }
    }

    /// Takes `LANES` rows from `first` on; where there are fewer, the other lanes hold zeros, standardised.
    fn read(&mut self, width: Width, standardiser: &Standardiser, rows: &Matrix, first: usize) {
        let values = &rows.values[first * rows.columns..];
        let needed = LANES * rows.columns;
        if values.len() >= needed {
            return standardiser.write_lanes(width, values, &mut self.input);
        }
        self.last.clear();
        self.last.extend_from_slice(values);
        self.last.resize(needed, 0.0);
        standardiser.write_lanes(width, &self.last, &mut self.input);
    }

    fn run(&mut self, width: Width, network: &Network) {
        let [first, second] = &mut self.buffers;
        let (mut from, mut to) = (second, first);
        for (place, layer) in network.layers.iter().enumerate() {
            let input: &[Lanes] = if place == 0 { &self.input } else { from };
            kernels::dense(width, layer, input, &mut to[..layer.bias.len()]);
            std::mem::swap(&mut from, &mut to);
        }
    }

    /// The last layer's values; the networks have four layers.
    fn output(&self) -> &[Lanes] {
        &self.buffers[1]
    }
}

fn sizes(columns: usize) -> [usize; 5] {
    [columns, HIDDEN, MIDDLE, HIDDEN, columns]
}

fn train_network(rows: &Matrix, config: &EnsembleConfig, random: &mut Random) -> Network {
    let mut network = Network::new(&sizes(rows.columns), random);
    let mut trainer = Trainer::new(&network, BATCH_ROWS);
    let batches = rows.rows().div_ceil(BATCH_ROWS).max(1);
    let epochs = config.autoencoder_epochs.min(config.autoencoder_steps_max / batches).max(1);
    let total = (epochs * batches) as f32;
    let mut batch = Vec::with_capacity(BATCH_ROWS * rows.columns);
    for epoch in 0..epochs {
        let order = random.sample(rows.rows(), rows.rows());
        for (place, chosen) in order.chunks(BATCH_ROWS).enumerate() {
            batch.clear();
            for row in chosen {
                batch.extend_from_slice(rows.row(*row));
            }
            let done = (epoch * batches + place) as f32 / total;
            let rate = RATE * (0.55 + 0.45 * (std::f32::consts::PI * done).cos());
            trainer.step(&mut network, &batch, rate);
        }
    }
    network
}

/// Mean squared error of each column over standardised rows, without the worst per cent of each column.
fn usual_errors(network: &Network, rows: &Matrix) -> Vec<f32> {
    let mut pass = Pass::new(rows.columns);
    let as_they_are = Standardiser::identity(rows.columns);
    let mut errors = vec![Vec::with_capacity(rows.rows()); rows.columns];
    for first in (0..rows.rows()).step_by(LANES) {
        let taken = (rows.rows() - first).min(LANES);
        pass.read(Width::widest(), &as_they_are, rows, first);
        pass.run(Width::widest(), network);
        for ((column, input), output) in errors.iter_mut().zip(&pass.input).zip(pass.output()) {
            column.extend((0..taken).map(|lane| (output[lane] - input[lane]).powi(2)));
        }
    }
    let usual = |column: &mut Vec<f32>| {
        let keep = (column.len() * 99).div_ceil(100).max(1);
        if column.len() > keep {
            column.select_nth_unstable_by(keep - 1, f32::total_cmp);
            column.truncate(keep);
        }
        column.iter().sum::<f32>() / keep as f32
    };
    errors.iter_mut().map(usual).collect()
}

impl Trained {
    fn save(&self, out: &mut Writer) {
        for layer in &self.network.layers {
            out.f32s(&layer.weights);
            out.f32s(&layer.bias);
        }
        out.f32s(&self.factors);
    }

    fn load(reader: &mut Reader<'_>, columns: usize) -> Result<Self, DetectError> {
        let mut network = Network::new(&sizes(columns), &mut Random::new(0, 0));
        for layer in &mut network.layers {
            *layer = Layer {
                weights: reader.f32s_of(layer.weights.len(), "weights")?,
                bias: reader.f32s_of(layer.bias.len(), "bias")?,
                rectified: layer.rectified,
            };
        }
        let factors = reader.f32s_of(columns, "usual errors")?;
        if factors.iter().any(|factor| *factor < 0.0) {
            return Err(DetectError::Damaged("a usual error is negative".to_owned()));
        }
        Ok(Self { network, factors })
    }
}

impl Detector for Autoencoder {
    fn name(&self) -> &'static str {
        KIND.name
    }

    fn members(&self) -> &'static [Member] {
        &[Member { name: "autoencoder", votes: true }]
    }

    fn score(&self, rows: &Matrix, out: &mut Vec<f32>) {
        self.score_with(Width::widest(), rows, out);
    }

    /// Squared error of each column in usual squared errors, without the cap: among several wild columns the wildest
    /// leads.
    fn attribute(&self, row: &[f32], _member: usize, shares: &mut [f32]) {
        let mut pass = Pass::new(row.len());
        let mut standardised = Vec::with_capacity(row.len());
        self.standardiser.push(row, &mut standardised);
        pass.input.iter_mut().zip(&standardised).for_each(|(lanes, value)| *lanes = [*value; LANES]);
        shares.fill(0.0);
        for member in &self.members {
            pass.run(Width::widest(), &member.network);
            let columns = pass.input.iter().zip(pass.output()).zip(&member.factors);
            for (share, ((input, output), factor)) in shares.iter_mut().zip(columns) {
                *share += (output[0] - input[0]).powi(2) * factor.min(1.0 / ERROR_MIN);
            }
        }
        normalise(shares);
    }

    fn save(&self) -> Vec<u8> {
        written(|out| {
            out.u32(self.members.len() as u32);
            self.standardiser.save(out);
            self.members.iter().for_each(|member| member.save(out));
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::models::contract_test::blobs;

    #[test]
    fn every_width_gives_nearly_the_same_scores() {
        let rows = blobs(300, 20, 3);
        let config = EnsembleConfig { autoencoder_epochs: 3, ..EnsembleConfig::default() };
        let model = Autoencoder::train(&rows, 5, &config);
        let (mut portable, mut widest) = (Vec::new(), Vec::new());
        model.score_with(Width::Portable, &rows, &mut portable);
        model.score_with(Width::widest(), &rows, &mut widest);
        // Fused products round once instead of twice.
        assert!(portable.iter().zip(&widest).all(|(a, b)| (a - b).abs() < 1e-3 * a.max(1.0)));
    }
}
