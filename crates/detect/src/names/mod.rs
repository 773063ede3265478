//! Does a name look as if a program made it up? A small model of registered labels: how probable its letters are among ordinary names (a
//! Markov chain of order two), a few measures of its form, and the weights of its two- and three-letter pieces, joined by logistic
//! regression. Owns the model, its file and its training; knows neither hosts nor DNS. The shipped file is written by `make dga-model`
//! from the names looked up in benign captures and the generators of `evaluate::dga`; only statistics are in it, no name.
//! After Schiavoni et al., "Phoenix" (DIMVA 2014: linguistic measures) and Schüppen et al., "FANCI" (USENIX Security 2018: few
//! measures of a name's form suffice, and generalise to families never seen).

mod chain;
mod domain;
mod evidence;
mod shape;
mod train;

pub use domain::{registered_label, split};
pub use evidence::Evidence;
pub use train::train;

use crate::DetectError;
use chain::Chain;
use std::sync::OnceLock;

/// Places of the table of pieces' weights.
const PIECES: usize = 1 << 14;
/// First bytes of the file: the kind and its version.
const MAGIC: [u8; 8] = *b"tlnames1";
/// Labels shorter than this say too little, bytes.
pub const LABEL_BYTES_MIN: usize = 5;

/// The model.
#[derive(Clone, Debug, PartialEq)]
pub struct NameModel {
    chain: Chain,
    /// Weights of the measures of form.
    form: [f32; shape::MEASURES],
    /// Weights of pieces, by hash, in steps of `piece_step`.
    pieces: Vec<i8>,
    piece_step: f32,
    /// Score that 2 % of ordinary names exceed.
    usual_most: f32,
}

impl NameModel {
    /// The model that is shipped; None if the file in the program cannot be read (a test makes sure that it can).
    #[must_use]
    pub fn shipped() -> Option<&'static Self> {
        static MODEL: OnceLock<Option<NameModel>> = OnceLock::new();
        MODEL.get_or_init(|| Self::from_bytes(include_bytes!("names.model")).ok()).as_ref()
    }

    /// Log-odds (natural) that the label (`example` of `example.com`, lower case) was made up by a program, for as many made-up names as
    /// ordinary ones.
    #[must_use]
    pub fn score(&self, label: &str) -> f32 {
        let form = shape::measures(&self.chain, label);
        let linear: f32 = form.iter().zip(&self.form).map(|(x, w)| x * w).sum();
        let (mut sum, mut count) = (0i32, 0u32);
        shape::pieces(label, |place| {
            sum += i32::from(self.pieces.get(place).copied().unwrap_or(0));
            count += 1;
        });
        linear + sum as f32 * self.piece_step / (count.max(1) as f32).sqrt()
    }

    /// Score that one ordinary name in fifty exceeds: above it a name looks generated.
    #[must_use]
    pub fn generated_from(&self) -> f32 {
        self.usual_most
    }

    /// The model as a file.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out = MAGIC.to_vec();
        for value in self.form.iter().chain([&self.piece_step, &self.usual_most]) {
            out.extend_from_slice(&value.to_le_bytes());
        }
        out.extend_from_slice(self.chain.table());
        out.extend(self.pieces.iter().map(|w| w.cast_unsigned()));
        let sum = crc32fast::hash(&out);
        out.extend_from_slice(&sum.to_le_bytes());
        out
    }

    /// Reads what `to_bytes` gave.
    ///
    /// # Errors
    /// Another length or beginning, a wrong checksum, numbers that are none.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, DetectError> {
        let bad = || DetectError::Damaged("not a model of names".to_owned());
        let body = bytes.len().checked_sub(4).and_then(|at| bytes.split_at_checked(at)).ok_or_else(bad)?;
        let (body, sum) = (body.0, body.1.first_chunk::<4>().copied().map(u32::from_le_bytes));
        if sum != Some(crc32fast::hash(body)) {
            return Err(bad());
        }
        let rest = body.strip_prefix(&MAGIC).ok_or_else(bad)?;
        let numbers = shape::MEASURES + 2;
        let (head, rest) = rest.split_at_checked(numbers * 4).ok_or_else(bad)?;
        let (table, pieces) = rest.split_at_checked(chain::TABLE).ok_or_else(bad)?;
        let values: Vec<f32> =
            head.chunks_exact(4).filter_map(|c| c.first_chunk().copied()).map(f32::from_le_bytes).collect();
        if pieces.len() != PIECES || values.iter().any(|v| !v.is_finite()) {
            return Err(bad());
        }
        let mut form = [0.0; shape::MEASURES];
        form.copy_from_slice(&values[..shape::MEASURES]);
        Ok(Self {
            chain: Chain::from_table(table).ok_or_else(bad)?,
            form,
            pieces: pieces.iter().map(|b| b.cast_signed()).collect(),
            piece_step: values[shape::MEASURES],
            usual_most: values[shape::MEASURES + 1],
        })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn the_shipped_model_is_there_and_small() {
        let bytes = include_bytes!("names.model");
        assert!(bytes.len() < 100_000, "{}", bytes.len());
        let model = NameModel::from_bytes(bytes).unwrap();
        assert_eq!(model.to_bytes(), bytes);
        assert!(NameModel::shipped().is_some());
    }

    #[test]
    fn names_of_people_and_of_programs_are_told_apart() {
        let model = NameModel::shipped().unwrap();
        // Coined names (of firms, say) come near generated ones: no name counts alone.
        let ordinary =
            ["rust-lang", "debian", "microsoft", "gardens", "cloudfront", "stations", "magazines", "hospitals"];
        for name in ordinary {
            assert!(model.score(name) < model.generated_from(), "{name}: {}", model.score(name));
        }
        for generated in ["xjwqkzvbnphtd", "q7f3kz9x2w8vjd5p", "3f2a9c81be77d0465c3f2a9c81be77d0", "vkqjwzrfbxyt"] {
            assert!(model.score(generated) > model.generated_from(), "{generated}: {}", model.score(generated));
        }
    }

    #[test]
    fn a_damaged_file_is_refused() {
        let whole = include_bytes!("names.model").to_vec();
        for at in [0, 9, 100, 40_000, whole.len() - 1] {
            let mut damaged = whole.clone();
            damaged[at] ^= 1;
            assert!(NameModel::from_bytes(&damaged).is_err(), "byte {at}");
        }
        for cut in [0, 3, 8, 60, whole.len() - 1] {
            assert!(NameModel::from_bytes(&whole[..cut]).is_err(), "cut to {cut}");
        }
    }
}
