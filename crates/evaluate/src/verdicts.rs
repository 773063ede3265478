//! Verdicts of people as labels of a training: flows of false positives are benign and count more than once, flows of attacks are labels
//! of their kind and never benign. Owns how they join the rows of the input; where they are kept is the store's.

use detect::labelled::Labels;
use record::Matrix;
use std::collections::{BTreeMap, HashSet};

/// Of the rows to learn from, at most one in so many comes from false positives.
const BENIGN_SHARE: usize = 10;

/// What people said of flows, as vectors of schema `flow`.
#[derive(Clone, Debug, Default)]
pub struct Verdicts {
    /// Of incidents that were false positives.
    pub benign: Matrix,
    /// Of incidents that were attacks, by kind.
    pub attacks: BTreeMap<String, Matrix>,
    /// How many times a benign one counts.
    pub weight: usize,
}

impl Verdicts {
    /// Flows called benign, and attacks.
    #[must_use]
    pub fn rows(&self) -> (usize, usize) {
        (self.benign.rows(), self.attacks.values().map(Matrix::rows).sum())
    }

    /// Joins them to rows and labels. `known`: attacks are learned as kinds; otherwise they are only kept from the benign rows.
    pub(crate) fn join(&self, rows: &mut Matrix, labels: &mut Option<Labels>, known: bool) {
        self.part(rows, labels);
        let most = rows.rows() / BENIGN_SHARE;
        for row in (0..self.weight).flat_map(|_| each(&self.benign)).take(most) {
            rows.push(row);
            if let Some(labels) = labels {
                labels.of_row.push(0);
            }
        }
        if !known || self.rows().1 == 0 {
            return;
        }
        let labels =
            labels.get_or_insert_with(|| Labels { kinds: vec!["benign".to_owned()], of_row: vec![0; rows.rows()] });
        for (kind, attacks) in &self.attacks {
            let Some(label) = label_of(labels, kind) else { break };
            for row in each(attacks) {
                rows.push(row);
                labels.of_row.push(label);
            }
        }
    }

    /// A flow of the input that a person called an attack is not benign, whatever the input says.
    fn part(&self, rows: &mut Matrix, labels: &mut Option<Labels>) {
        let attacks: HashSet<Vec<u32>> = self.attacks.values().flat_map(each).map(bits).collect();
        if attacks.is_empty() {
            return;
        }
        let benign = |row: usize| labels.as_ref().is_none_or(|labels| labels.of_row[row] == 0);
        let keeps: Vec<bool> =
            (0..rows.rows()).map(|row| !benign(row) || !attacks.contains(&bits(rows.row(row)))).collect();
        let mut kept = Matrix::with_capacity(rows.rows(), rows.columns);
        (0..rows.rows()).filter(|row| keeps[*row]).for_each(|row| kept.push(rows.row(row)));
        *rows = kept;
        if let Some(labels) = labels {
            let mut place = 0;
            labels.of_row.retain(|_| {
                place += 1;
                keeps[place - 1]
            });
        }
    }
}

/// The label of a kind, a new one where it has none; None when there are as many as fit.
fn label_of(labels: &mut Labels, kind: &str) -> Option<u8> {
    let known = labels.kinds.iter().position(|name| name == kind);
    let place = known.unwrap_or_else(|| {
        labels.kinds.push(kind.to_owned());
        labels.kinds.len() - 1
    });
    u8::try_from(place).ok()
}

fn each(rows: &Matrix) -> impl Iterator<Item = &[f32]> {
    (0..rows.rows()).map(|row| rows.row(row))
}

/// A row as a key: equal when every value is the same.
fn bits(row: &[f32]) -> Vec<u32> {
    row.iter().map(|value| value.to_bits()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matrix(values: &[f32]) -> Matrix {
        Matrix { values: values.to_vec(), columns: 1 }
    }

    fn verdicts() -> Verdicts {
        let attacks =
            BTreeMap::from([("beacon".to_owned(), matrix(&[7.0, 8.0])), ("flood".to_owned(), matrix(&[9.0]))]);
        Verdicts { benign: matrix(&[100.0]), attacks, weight: 3 }
    }

    #[test]
    fn without_labels_verdicts_make_them() {
        let mut rows = matrix(&(0..40).map(|n| n as f32).collect::<Vec<_>>());
        let mut labels = None;
        verdicts().join(&mut rows, &mut labels, true);
        let labels = labels.unwrap_or_default();
        assert_eq!(labels.kinds, ["benign", "beacon", "flood"]);
        assert_eq!((rows.rows(), labels.of_row.len()), (37 + 3 + 3, 43));
        let of = |value: f32| {
            let places = (0..rows.rows()).filter(|row| rows.row(*row)[0] == value);
            places.map(|row| labels.of_row[row]).collect::<Vec<_>>()
        };
        assert_eq!((of(7.0), of(9.0), of(100.0), of(1.0)), (vec![1], vec![2], vec![0, 0, 0], vec![0]));
    }

    #[test]
    fn with_labels_they_join_their_kinds_and_do_not_outweigh_the_rest() {
        let mut rows = matrix(&[1.0, 7.0, 7.0, 3.0]);
        let mut labels =
            Some(Labels { kinds: vec!["benign".to_owned(), "beacon".to_owned()], of_row: vec![0, 0, 1, 0] });
        Verdicts { weight: 1_000, ..verdicts() }.join(&mut rows, &mut labels, true);
        let labels = labels.unwrap_or_default();
        assert_eq!(rows.values, [1.0, 7.0, 3.0, 7.0, 8.0, 9.0], "a tenth of three rows is none");
        assert_eq!(labels.of_row, [0, 1, 0, 1, 1, 2]);
    }

    #[test]
    fn where_kinds_are_not_learned_attacks_are_only_left_out() {
        let mut rows = matrix(&[1.0, 7.0]);
        let mut labels = None;
        verdicts().join(&mut rows, &mut labels, false);
        assert!(labels.is_none());
        assert_eq!(rows.values, [1.0]);
    }
}
