//! The known-attack channel: a Random Forest that learned the kinds of labelled rows, and a p-value for "this is no benign
//! row" from what the trees that never saw a benign row said of it. Beside the novelty channel, never within its vote: a
//! forest is silent on kinds it was never shown, and would talk the others down.

use super::{ForestSettings, RandomForest};
use crate::DetectError;
use crate::blob::{Reader, Writer};
use crate::calibrate::Calibration;
use crate::models::{normalise, written};
use crate::random::Random;
use record::Matrix;
use serde::{Deserialize, Serialize};

/// Fewest attack rows a forest is grown from: fewer say nothing of what the attack has in common.
pub const ATTACK_ROWS_MIN: usize = 10;
/// Most kinds, benign among them: a label fits a byte.
pub const KINDS_MAX: usize = 256;
/// Benign rows that a row is compared with when it is explained.
const COMPARED_ROWS: usize = 4;

/// What each row of a training set is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Labels {
    /// Names of the kinds. The first is that of benign traffic; at most [`KINDS_MAX`].
    pub kinds: Vec<String>,
    /// One index into `kinds` for each row.
    pub of_row: Vec<u8>,
}

impl Labels {
    /// Checks them against the number of rows that they should label.
    ///
    /// # Errors
    /// No kind or too many, labels of another length, a label that is no kind.
    pub fn check(&self, rows: usize) -> Result<(), DetectError> {
        let wrong = |name, value: usize, range| Err(DetectError::Setting { name, value: value.to_string(), range });
        if self.kinds.is_empty() || self.kinds.len() > KINDS_MAX {
            return wrong("kinds of the labels", self.kinds.len(), "1 to 256, the first of them benign");
        }
        if self.of_row.len() != rows {
            return wrong("labels", self.of_row.len(), "one for each row");
        }
        match self.of_row.iter().find(|label| usize::from(**label) >= self.kinds.len()) {
            Some(label) => wrong("label", usize::from(*label), "0 to the number of kinds less one"),
            None => Ok(()),
        }
    }

    /// Rows of each kind.
    #[must_use]
    pub fn counts(&self) -> Vec<usize> {
        let mut counts = vec![0; self.kinds.len()];
        for label in &self.of_row {
            if let Some(count) = counts.get_mut(usize::from(*label)) {
                *count += 1;
            }
        }
        counts
    }
}

/// What the known-attack channel was learned from; kept in the artifact.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct KnownInfo {
    /// Names of the kinds, benign first.
    pub kinds: Vec<String>,
    /// Rows of each kind that were learned from.
    pub rows: Vec<usize>,
    /// Share of benign rows that the other trees call an attack (probability over one half), out of bag.
    pub false_positive_rate: f64,
    /// Share of attack rows that the other trees call an attack, out of bag.
    pub true_positive_rate: f64,
}

/// What the channel says of one row.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Known {
    /// Probability that the row is of any kind but benign, 0 to 1, as the forest has it (not of the base rate here).
    pub probability: f32,
    /// The most likely kind of attack: an index into [`KnownInfo::kinds`], never 0.
    pub kind: u8,
    /// How often benign rows get at least this probability.
    pub p_value: f64,
}

/// The trained channel.
#[derive(Debug)]
pub(crate) struct KnownAttacks {
    forest: RandomForest,
    calibration: Calibration,
    /// Benign rows, encoded, for explanations.
    compared: Matrix,
    pub(crate) info: KnownInfo,
}

impl KnownAttacks {
    /// Learns from encoded rows. `Ok(None)` where fewer than [`ATTACK_ROWS_MIN`] rows are attacks: no channel then.
    /// More than `rows_max` rows are drawn down by the seed, benign ones first, since attacks are what is scarce.
    pub(crate) fn train(
        rows: &Matrix,
        labels: &Labels,
        seed: u64,
        settings: &ForestSettings,
        rows_max: usize,
        progress: &mut dyn FnMut(f32),
    ) -> Result<Option<Self>, DetectError> {
        let (rows, of_row) = draw(rows, labels, seed, rows_max);
        let attacks = of_row.iter().filter(|label| **label != 0).count();
        if attacks < ATTACK_ROWS_MIN {
            return Ok(None);
        }
        let kinds = labels.kinds.len();
        let (forest, out_of_bag) = RandomForest::train(&rows, &of_row, kinds, seed, settings, progress)?;
        // A row that every tree saw has no honest answer.
        let seen = out_of_bag.chunks_exact(kinds).zip(&of_row).filter(|(shares, _)| !shares[0].is_nan());
        let (benign, attack): (Vec<_>, Vec<_>) =
            seen.map(|(s, label)| (1.0 - s[0], *label)).partition(|(_, l)| *l == 0);
        let called = |rows: &[(f32, u8)]| {
            rows.iter().filter(|(probability, _)| *probability > 0.5).count() as f64 / rows.len().max(1) as f64
        };
        let compared = compared(&rows, &of_row, &out_of_bag, kinds, seed);
        let info = KnownInfo {
            kinds: labels.kinds.clone(),
            rows: Labels { kinds: labels.kinds.clone(), of_row }.counts(),
            false_positive_rate: called(&benign),
            true_positive_rate: called(&attack),
        };
        let calibration = Calibration::fit(benign.into_iter().map(|(probability, _)| probability).collect());
        Ok(Some(Self { forest, calibration, compared, info }))
    }

    /// Judges encoded rows; `out` is replaced.
    pub(crate) fn judge(&self, rows: &Matrix, out: &mut Vec<Known>) {
        out.clear();
        let kinds = self.forest.classes();
        let mut shares = Vec::new();
        self.forest.probabilities(rows, &mut shares);
        out.extend(shares.chunks_exact(kinds).map(|shares| {
            let likelier = |best: usize, kind: usize| if shares[kind] > shares[best] { kind } else { best };
            let kind = (2..kinds).fold(1, likelier) as u8;
            let probability = (1.0 - shares[0]).clamp(0.0, 1.0);
            Known { probability, kind, p_value: self.calibration.p_value(probability) }
        }));
    }

    /// How much each column speaks for an attack: Shapley values for the probability of an attack, against a few benign
    /// rows, where they are positive, as shares.
    pub(crate) fn attribute(&self, row: &[f32], shares: &mut [f32]) {
        let mut values = vec![0.0; row.len()];
        for other in 0..self.compared.rows() {
            self.forest.attribute_against(row, self.compared.row(other), 0, &mut values);
        }
        shares.iter_mut().zip(&values).for_each(|(share, value)| *share = (-*value).max(0.0) as f32);
        normalise(shares);
    }

    pub(crate) fn save(&self) -> Vec<u8> {
        let mut bytes = written(|out: &mut Writer| {
            self.calibration.save(out);
            out.f32s(&self.compared.values);
        });
        let calibration = bytes.len() as u32;
        let mut whole = calibration.to_le_bytes().to_vec();
        whole.append(&mut bytes);
        whole.extend(self.forest.save());
        whole
    }

    pub(crate) fn load(bytes: &[u8], columns: usize, info: KnownInfo) -> Result<Self, DetectError> {
        let mut reader = Reader::new(bytes);
        let length = reader.u32()? as usize;
        let mut head = Reader::new(reader.take(length)?);
        let calibration = Calibration::load(&mut head)?;
        let compared = Matrix { values: head.f32s()?, columns };
        let forest = RandomForest::load(bytes.get(4 + length..).unwrap_or_default(), columns)?;
        if forest.classes() != info.kinds.len() || !compared.values.len().is_multiple_of(columns.max(1)) {
            return Err(DetectError::Damaged("the forest does not know the kinds it should".to_owned()));
        }
        Ok(Self { forest, calibration, compared, info })
    }
}

/// All attack rows up to half of `rows_max`, and benign ones to fill it.
fn draw(rows: &Matrix, labels: &Labels, seed: u64, rows_max: usize) -> (Matrix, Vec<u8>) {
    if rows.rows() <= rows_max {
        return (rows.clone(), labels.of_row.clone());
    }
    let (attacks, benign): (Vec<usize>, Vec<usize>) = (0..rows.rows()).partition(|row| labels.of_row[*row] != 0);
    let mut random = Random::new(seed, 0x1ab);
    let taken = attacks.len().min((rows_max / 2).max(rows_max.saturating_sub(benign.len())));
    let mut chosen: Vec<usize> = random.sample(attacks.len(), taken).into_iter().map(|place| attacks[place]).collect();
    chosen.extend(random.sample(benign.len(), rows_max - taken).into_iter().map(|place| benign[place]));
    chosen.sort_unstable();
    let mut drawn = Matrix::with_capacity(chosen.len(), rows.columns);
    for row in &chosen {
        drawn.push(rows.row(*row));
    }
    (drawn, chosen.iter().map(|row| labels.of_row[*row]).collect())
}

/// Some benign rows that the trees which never saw them take for benign.
fn compared(rows: &Matrix, labels: &[u8], out_of_bag: &[f32], kinds: usize, seed: u64) -> Matrix {
    let mut compared = Matrix::with_capacity(COMPARED_ROWS, rows.columns);
    let plain = |row: &usize| labels[*row] == 0 && out_of_bag[*row * kinds] > 0.5;
    let order = Random::new(seed, 0xc0).sample(rows.rows(), rows.rows());
    for row in order.into_iter().filter(plain).take(COMPARED_ROWS) {
        compared.push(rows.row(row));
    }
    compared
}
