//! Training of the model of names: the chain learns from one half of the ordinary names, the weights from the other half and from made-up
//! names, so that the chain's own names do not look better than they are. Owns the arithmetic; reads no file.

use super::chain::Chain;
use super::{NameModel, PIECES, shape};
use crate::random::Random;

/// Passes over the material.
const EPOCHS: u32 = 3;
/// First step of gradient descent; later passes take smaller ones.
const STEP: f32 = 0.1;
/// The measures are larger than the shares of pieces: smaller steps.
const FORM_STEP: f32 = 0.3;

struct Row {
    form: [f32; shape::MEASURES],
    pieces: Vec<u16>,
    made_up: bool,
}

impl Row {
    fn new(chain: &Chain, label: &str, made_up: bool) -> Self {
        let mut pieces = Vec::new();
        shape::pieces(label, |place| pieces.push(place as u16));
        Self { form: shape::measures(chain, label), pieces, made_up }
    }
}

/// Learns from ordinary and made-up labels in lower case (registered labels without top-level domain). The same names in the same order
/// and the same seed give the same model.
#[must_use]
pub fn train(ordinary: &[&str], made_up: &[&str], seed: u64) -> NameModel {
    let half = |odd: usize| -> Vec<&str> { ordinary.iter().skip(odd).step_by(2).copied().collect() };
    let chain = Chain::learn(&half(0));
    let mut rows: Vec<Row> = half(1).iter().map(|label| Row::new(&chain, label, false)).collect();
    rows.extend(made_up.iter().map(|label| Row::new(&chain, label, true)));
    let (form, weights) = descend(&rows, seed);
    // As bytes: the largest weight is 127 steps.
    let most = weights.iter().fold(1e-6f32, |m, w| m.max(w.abs()));
    let piece_step = most / 127.0;
    let pieces = weights.iter().map(|w| (w / piece_step).round() as i8).collect();
    let mut model = NameModel { chain, form, pieces, piece_step, usual_most: 0.0 };
    let mut scores: Vec<f32> = half(1).iter().map(|label| model.score(label)).collect();
    scores.sort_unstable_by(f32::total_cmp);
    model.usual_most = scores.get(scores.len() * 98 / 100).copied().unwrap_or(0.0);
    model
}

/// Logistic regression by stochastic gradient descent; both classes weigh the same.
fn descend(rows: &[Row], seed: u64) -> ([f32; shape::MEASURES], Vec<f32>) {
    let (mut form, mut weights) = ([0f32; shape::MEASURES], vec![0f32; PIECES]);
    let made_up = rows.iter().filter(|row| row.made_up).count().max(1) as f32;
    let balance = (rows.len() as f32 - made_up).max(1.0) / made_up;
    for epoch in 0..EPOCHS {
        let step = STEP / (1.0 + epoch as f32);
        for at in Random::new(seed, u64::from(epoch)).sample(rows.len(), rows.len()) {
            let row = &rows[at];
            let scale = 1.0 / (row.pieces.len().max(1) as f32).sqrt();
            let linear: f32 = row.form.iter().zip(&form).map(|(x, w)| x * w).sum();
            let sum: f32 = row.pieces.iter().map(|place| weights[usize::from(*place)]).sum();
            let guess = 1.0 / (1.0 + (-(linear + sum * scale)).exp());
            let (target, weight) = if row.made_up { (1.0, balance.min(10.0)) } else { (0.0, 1.0) };
            let move_by = (guess - target) * weight * step;
            for (w, x) in form.iter_mut().zip(&row.form) {
                *w -= move_by * FORM_STEP * x;
            }
            for place in &row.pieces {
                weights[usize::from(*place)] -= move_by * scale;
            }
        }
    }
    (form, weights)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_small_lesson_is_learned_and_repeats() {
        let ordinary =
            ["garden", "flower", "window", "letter", "summer", "winter", "hunter", "farmer", "dinner", "butter"];
        let made_up = ["xqzvk", "wqjzx", "zzkqv", "vxqjk", "kqzxw", "qxzjv"];
        let model = train(&ordinary, &made_up, 1);
        assert_eq!(model, train(&ordinary, &made_up, 1));
        assert!(model.score("qzxvj") > model.score("gardener"));
        assert_eq!(NameModel::from_bytes(&model.to_bytes()).unwrap(), model);
    }
}
