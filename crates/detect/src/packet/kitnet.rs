//! KitNET (Mirsky et al., NDSS 2018): many small autoencoders, each on columns that move together, and one more over
//! their errors. Learns online: first which columns belong together, then the nets, then it only judges. Knows nothing of
//! what the columns mean.
// Inlined always and index loops: so that they are compiled for the processor's features.
#![allow(clippy::needless_range_loop)]

use super::cluster::Correlations;
use super::small_net::{INPUTS_MAX, LANES, Lane, SmallNet};
use crate::DetectError;
use crate::blob::{Reader, Writer};
use crate::kernels::{Widened, Width, widened};
use crate::random::Random;
use serde::{Deserialize, Serialize};

/// Settings of the packet level.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct KitNetSettings {
    /// Rows from which it is learned which columns belong together (default 5,000).
    pub map_rows: u64,
    /// Rows that the nets then learn from (default 50,000).
    pub train_rows: u64,
    /// Most columns of one net (1–16, default 10).
    pub group_columns_max: usize,
    /// Step of the gradient descent (default 0.1).
    pub learning_rate: f32,
}

impl Default for KitNetSettings {
    fn default() -> Self {
        Self { map_rows: 5_000, train_rows: 50_000, group_columns_max: 10, learning_rate: 0.1 }
    }
}

/// Most small nets of one network.
const NETS_MAX: usize = 4_096;

/// The network with its state of learning.
pub struct KitNet {
    settings: KitNetSettings,
    seed: u64,
    rows: u64,
    correlations: Option<Correlations>,
    groups: Vec<Vec<usize>>,
    nets: Vec<SmallNet>,
    /// Over the errors of `nets`; more than sixteen of those are averaged over neighbours first.
    output: SmallNet,
}

impl KitNet {
    /// Learns nothing yet.
    #[must_use]
    pub fn new(columns: usize, seed: u64, settings: KitNetSettings) -> Self {
        let output = SmallNet::new(1, &mut Random::new(seed, 0x8a));
        let correlations = Some(Correlations::new(columns));
        Self { settings, seed, rows: 0, correlations, groups: vec![], nets: vec![], output }
    }

    /// Share of its learning that is done, 0 to 1.
    #[must_use]
    pub fn progress(&self) -> f32 {
        let all = self.settings.map_rows + self.settings.train_rows;
        (self.rows as f64 / all.max(1) as f64).min(1.0) as f32
    }

    /// True once it judges.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        self.rows >= self.settings.map_rows + self.settings.train_rows
    }

    /// Learns from the row or judges it; a score (root mean squared error, higher is stranger) once it is ready.
    pub fn process(&mut self, row: &[f32]) -> Option<f32> {
        if self.is_ready() {
            return Some(self.score(row));
        }
        self.rows += 1;
        if let Some(correlations) = &mut self.correlations {
            correlations.update(row);
            if self.rows >= self.settings.map_rows {
                self.group();
            }
        } else {
            self.train(row);
        }
        None
    }

    fn group(&mut self) {
        let Some(correlations) = self.correlations.take() else { return };
        let mut random = Random::new(self.seed, 0x8b);
        self.groups = correlations.groups(self.settings.group_columns_max.clamp(1, INPUTS_MAX));
        self.nets = self.groups.iter().map(|group| SmallNet::new(group.len(), &mut random)).collect();
        self.output = SmallNet::new(self.nets.len().clamp(1, INPUTS_MAX), &mut random);
    }

    fn train(&mut self, row: &[f32]) {
        widened(Width::widest(), Lesson { net: self, row });
    }

    /// Judges one row without learning from it.
    #[must_use]
    pub fn score(&self, row: &[f32]) -> f32 {
        widened(Width::widest(), Question { net: self, row })
    }

    /// Scores of many rows, sixteen at a time, to the same bits as one by one.
    #[must_use]
    pub fn scores<'r>(&self, rows: impl Iterator<Item = &'r [f32]>) -> Vec<f32> {
        let width = self.groups.iter().flatten().max().map_or(0, |last| last + 1);
        let (mut columns, mut filled, mut scores) = (vec![[0.0; LANES]; width], 0, Vec::new());
        for row in rows {
            columns.iter_mut().zip(row).for_each(|(column, value)| column[filled] = *value);
            filled += 1;
            if filled == LANES {
                scores.extend(widened(Width::widest(), Questions { net: self, columns: &columns }));
                filled = 0;
            }
        }
        if filled > 0 {
            scores.extend(&widened(Width::widest(), Questions { net: self, columns: &columns })[..filled]);
        }
        scores
    }

    /// Ends the learning where it is, so that it judges from now on; needs more rows than `map_rows` before.
    pub fn freeze(&mut self) {
        self.settings.train_rows = self.rows.saturating_sub(self.settings.map_rows);
    }

    /// How much of a row's score each column carries, not negative: its squared error within its net, times the squared
    /// error of that net within the last one.
    #[must_use]
    pub fn shares(&self, row: &[f32]) -> Vec<f32> {
        let rows: Vec<_> = self.groups.iter().map(|group| gather(row, group)).collect();
        let mut errors = Pooled::new(self);
        for (net, row) in self.nets.iter().zip(&rows) {
            errors.add(net.score(row));
        }
        let of_net = self.output.squares(&errors.inputs());
        let mut shares = vec![0.0; row.len()];
        for (place, (net, group)) in self.nets.iter().zip(&self.groups).enumerate() {
            let squares = net.squares(&rows[place]);
            let total = squares.iter().sum::<f32>().max(1e-30);
            let weight = of_net[place * self.output.inputs / self.nets.len()];
            for (column, square) in group.iter().zip(squares) {
                shares[*column] = weight * (square / total);
            }
        }
        shares
    }

    /// All that [`KitNet::load`] needs, of a network that is ready.
    pub(crate) fn save(&self, out: &mut Writer) {
        out.u32(self.groups.len() as u32);
        for group in &self.groups {
            out.u32s(&group.iter().map(|column| *column as u32).collect::<Vec<_>>());
        }
        self.nets.iter().chain([&self.output]).for_each(|net| net.save(out));
    }

    /// Reads back what `save` wrote: a network that judges and no longer learns.
    pub(crate) fn load(reader: &mut Reader<'_>, columns: usize) -> Result<Self, DetectError> {
        let damaged = || DetectError::Damaged("its columns are not grouped as they must be".to_owned());
        let count = reader.count(1, NETS_MAX, "small nets")?;
        let (mut groups, mut seen) = (Vec::new(), vec![false; columns]);
        for _ in 0..count {
            let group: Vec<usize> = reader.u32s()?.iter().map(|column| *column as usize).collect();
            for column in &group {
                let seen = seen.get_mut(*column).filter(|seen| !**seen).ok_or_else(damaged)?;
                *seen = true;
            }
            groups.push(group);
        }
        let nets = (0..count).map(|_| SmallNet::load(reader)).collect::<Result<Vec<_>, _>>()?;
        let output = SmallNet::load(reader)?;
        let fit = nets.iter().zip(&groups).all(|(net, group)| net.inputs == group.len());
        if !fit || seen.contains(&false) || output.inputs != count.clamp(1, INPUTS_MAX) {
            return Err(damaged());
        }
        let settings = KitNetSettings { map_rows: 0, train_rows: 0, ..KitNetSettings::default() };
        Ok(Self { settings, seed: 0, rows: 0, correlations: None, groups, nets, output })
    }
}

/// One row to learn from.
struct Lesson<'a> {
    net: &'a mut KitNet,
    row: &'a [f32],
}

impl Widened for Lesson<'_> {
    type Out = ();

    #[inline(always)]
    fn run(self) {
        let rate = self.net.settings.learning_rate;
        let mut errors = Pooled::new(self.net);
        for place in 0..self.net.nets.len() {
            let row = gather(self.row, &self.net.groups[place]);
            errors.add(self.net.nets[place].train(&row, rate));
        }
        self.net.output.train(&errors.inputs(), rate);
    }
}

/// One row to judge.
struct Question<'a> {
    net: &'a KitNet,
    row: &'a [f32],
}

impl Widened for Question<'_> {
    type Out = f32;

    #[inline(always)]
    fn run(self) -> f32 {
        let mut errors = Pooled::new(self.net);
        for place in 0..self.net.nets.len() {
            errors.add(self.net.nets[place].score(&gather(self.row, &self.net.groups[place])));
        }
        self.net.output.score(&errors.inputs()).sqrt()
    }
}

/// Sixteen rows to judge, by column.
struct Questions<'a> {
    net: &'a KitNet,
    columns: &'a [Lane],
}

impl Widened for Questions<'_> {
    type Out = Lane;

    #[inline(always)]
    fn run(self) -> Lane {
        let mut errors: [Pooled; LANES] = std::array::from_fn(|_| Pooled::new(self.net));
        for place in 0..self.net.nets.len() {
            let of_rows = self.net.nets[place].score_lanes(self.columns, &self.net.groups[place]);
            for lane in 0..LANES {
                errors[lane].add(of_rows[lane]);
            }
        }
        let mut inputs = [[0.0; LANES]; INPUTS_MAX];
        for lane in 0..LANES {
            let of_row = errors[lane].inputs();
            for input in 0..INPUTS_MAX {
                inputs[input][lane] = of_row[input];
            }
        }
        let mut scores = self.net.output.score_lanes(&inputs, &IDENTITY);
        for lane in 0..LANES {
            scores[lane] = scores[lane].sqrt();
        }
        scores
    }
}

/// The last net's inputs are in their own order.
const IDENTITY: [usize; INPUTS_MAX] = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15];

#[inline(always)]
fn gather(row: &[f32], group: &[usize]) -> [f32; INPUTS_MAX] {
    let mut values = [0.0; INPUTS_MAX];
    for place in 0..group.len().min(INPUTS_MAX) {
        values[place] = row[group[place]];
    }
    values
}

/// The errors as inputs of the last net. With more nets than inputs the errors of neighbouring nets share one by their
/// root mean square.
struct Pooled {
    squares: [f32; INPUTS_MAX],
    counts: [f32; INPUTS_MAX],
    inputs: usize,
    nets: usize,
    next: usize,
}

impl Pooled {
    #[inline(always)]
    fn new(net: &KitNet) -> Self {
        let zeros = [0.0; INPUTS_MAX];
        Self { squares: zeros, counts: zeros, inputs: net.output.inputs, nets: net.nets.len().max(1), next: 0 }
    }

    #[inline(always)]
    fn add(&mut self, mean_square: f32) {
        let place = if self.nets <= INPUTS_MAX { self.next } else { self.next * self.inputs / self.nets };
        self.squares[place] += mean_square;
        self.counts[place] += 1.0;
        self.next += 1;
    }

    #[inline(always)]
    fn inputs(&self) -> [f32; INPUTS_MAX] {
        let mut inputs = [0.0; INPUTS_MAX];
        for place in 0..INPUTS_MAX {
            inputs[place] = (self.squares[place] / self.counts[place].max(1.0)).sqrt();
        }
        inputs
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(random: &mut Random, columns: usize) -> Vec<f32> {
        let base: Vec<f32> = (0..4).map(|_| random.unit()).collect();
        (0..columns).map(|column| base[column % 4] * (1.0 + column as f32) + random.unit() * 0.05).collect()
    }

    fn learned(columns: usize, seed: u64) -> (KitNet, Random) {
        let settings = KitNetSettings { map_rows: 500, train_rows: 6_000, ..KitNetSettings::default() };
        let mut net = KitNet::new(columns, seed, settings);
        let mut random = Random::new(3, 3);
        while !net.is_ready() {
            assert_eq!(net.process(&row(&mut random, columns)), None);
        }
        (net, random)
    }

    #[test]
    fn it_finds_a_row_whose_columns_no_longer_move_together() {
        for columns in [12, 60, 200] {
            let (mut net, mut random) = learned(columns, 1);
            let mut benign: Vec<f32> = (0..1_000).filter_map(|_| net.process(&row(&mut random, columns))).collect();
            assert_eq!(benign.len(), 1_000);
            benign.sort_by(f32::total_cmp);
            let mut found = 0;
            for _ in 0..200 {
                let mut strange = row(&mut random, columns);
                (0..columns).step_by(4).for_each(|column| strange[column] = (1.0 + column as f32) * 2.5);
                found += usize::from(net.score(&strange) > benign[990]);
            }
            assert!(found > 180, "{columns} columns: {found} of 200");
        }
    }

    #[test]
    fn a_seed_repeats_and_progress_rises_to_one() {
        let (mut a, mut random) = learned(20, 5);
        let (mut b, _) = learned(20, 5);
        let (mut other, _) = learned(20, 6);
        let row = row(&mut random, 20);
        assert_eq!(a.process(&row), b.process(&row));
        assert_ne!(a.process(&row), other.process(&row));
        assert_eq!(a.progress(), 1.0);
        assert!(KitNet::new(20, 5, KitNetSettings::default()).progress() < 1e-6);
    }

    #[test]
    fn many_rows_are_scored_as_one_by_one() {
        for columns in [12, 60, 200] {
            let (net, mut random) = learned(columns, 1);
            let rows: Vec<Vec<f32>> = (0..37).map(|_| row(&mut random, columns)).collect();
            let one_by_one: Vec<u32> = rows.iter().map(|row| net.score(row).to_bits()).collect();
            let together = net.scores(rows.iter().map(Vec::as_slice));
            assert_eq!(together.iter().map(|score| score.to_bits()).collect::<Vec<_>>(), one_by_one);
        }
    }

    #[test]
    fn any_row_gives_a_finite_score() {
        let (net, _) = learned(12, 1);
        for value in [0.0, -1e30, f32::MAX, f32::MIN] {
            assert!(net.score(&[value; 12]).is_finite());
        }
    }
}
