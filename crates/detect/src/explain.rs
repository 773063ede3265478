//! Reasons. Joins the members' attributions into one share per column, holds back columns whose value is normal, and
//! speaks in the units of people.

use crate::Ensemble;
use crate::models::normalise;
use record::Why;

/// Reasons given at most.
const REASONS_MAX: usize = 5;
/// Weight of a column whose value lies within its normal range: it may take part, but not lead.
const NORMAL_WEIGHT: f32 = 0.05;

/// See [`Ensemble::explain`].
pub(crate) fn explain(ensemble: &Ensemble, row: &[f32]) -> Vec<Why> {
    let columns = ensemble.schema.features.len();
    if row.len() != columns {
        return Vec::new();
    }
    let mut encoded = row.to_vec();
    ensemble.encoder.encode(&mut encoded);
    let shares = known_shares(ensemble, row, &encoded).unwrap_or_else(|| novelty_shares(ensemble, &encoded));
    let mut order: Vec<usize> = (0..columns).collect();
    order.sort_by(|a, b| shares[*b].total_cmp(&shares[*a]).then(a.cmp(b)));
    order.truncate(REASONS_MAX);
    order.into_iter().filter(|column| shares[*column] > 0.0).map(|c| why(ensemble, c, encoded[c], shares[c])).collect()
}

/// Shapley values of the random forest, where the known-attack channel has more to say than the novelty channel. A column
/// may be telling within its normal range: what makes an attack can be the company its values keep.
fn known_shares(ensemble: &Ensemble, row: &[f32], encoded: &[f32]) -> Option<Vec<f32>> {
    let channel = ensemble.known.as_ref()?;
    let mut judged = Vec::new();
    ensemble.judge(&record::Matrix { values: row.to_vec(), columns: row.len() }, &mut judged);
    let judgement = judged.first()?;
    let mut shares = vec![0.0; encoded.len()];
    (judgement.known?.p_value < judgement.novelty).then(|| channel.attribute(encoded, &mut shares))?;
    Some(shares)
}

/// The members' reasons, with columns of a normal value held back.
fn novelty_shares(ensemble: &Ensemble, encoded: &[f32]) -> Vec<f32> {
    let mut shares = joined_shares(ensemble, encoded);
    for (column, share) in shares.iter_mut().enumerate() {
        let [low, _, high] = ensemble.encoder.range(column);
        if (low..=high).contains(&encoded[column]) {
            *share *= NORMAL_WEIGHT;
        }
    }
    normalise(&mut shares);
    shares
}

/// Mean of the models' shares, each weighted by the evidence of its strongest voting member: a model that sees nothing
/// strange has no reasons.
fn joined_shares(ensemble: &Ensemble, encoded: &[f32]) -> Vec<f32> {
    let rows = record::Matrix { values: encoded.to_vec(), columns: encoded.len() };
    let (mut joined, mut shares) = (vec![0.0; encoded.len()], vec![0.0; encoded.len()]);
    let (mut scores, mut first) = (Vec::new(), 0);
    for model in &ensemble.models {
        model.score(&rows, &mut scores);
        let evidence = |member: usize, score: &f32| -ensemble.calibrations[first + member].p_value(*score).log10();
        let voting = scores.iter().enumerate().filter(|(member, _)| ensemble.members[first + member].admitted);
        let strongest = voting.map(|(member, score)| (member, evidence(member, score) as f32));
        if let Some((member, evidence)) = strongest.max_by(|a, b| a.1.total_cmp(&b.1)) {
            model.attribute(encoded, member, &mut shares);
            joined.iter_mut().zip(&shares).for_each(|(sum, share)| *sum += share * (evidence + 0.01));
        }
        first += scores.len();
    }
    joined
}

fn why(ensemble: &Ensemble, column: usize, value: f32, share: f32) -> Why {
    let feature = &ensemble.schema.features[column];
    let [low, _, high] = ensemble.encoder.range(column);
    Why {
        feature: feature.name.to_string(),
        value: feature.kind.shown(value),
        expected: [feature.kind.shown(low), feature.kind.shown(high)],
        unit: feature.unit.to_string(),
        share: f64::from(share),
    }
}
