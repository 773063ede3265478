//! Where to draw the line when attacks are labelled in training: at the p-value that catches most of the attacks *nobody labelled* for the
//! false positives it allows. Each kind is left out of the labels in turn, because most attacks of another day are of kinds that nobody
//! labelled; the novelty channel never saw any kind. Looks at training rows only.

use detect::labelled::Labels;
use detect::{DetectError, Ensemble, EnsembleConfig, Judgement, joined};
use record::Matrix;

/// p-values to choose from.
const GRID: [f64; 8] = [0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2];
/// Fewer rows of a kind say nothing.
const KIND_ROWS_MIN: usize = 10;
/// Kinds left out in turn at most, the commonest.
const KINDS_MAX: usize = 12;
/// Rows of a kind that are judged at most.
const KIND_ROWS_MAX: usize = 2_000;

/// The line; None with fewer than two kinds of enough rows, where leaving one out leaves nothing.
///
/// # Errors
/// As [`Ensemble::train_labelled`].
pub(crate) fn decide(
    ensemble: &Ensemble,
    rows: &Matrix,
    labels: &Labels,
    seed: u64,
    config: &EnsembleConfig,
) -> Result<Option<f64>, DetectError> {
    let count = |kind: usize| labels.of_row.iter().filter(|of_row| usize::from(**of_row) == kind).count();
    let mut kinds: Vec<(usize, usize)> = (1..labels.kinds.len()).map(|kind| (count(kind), kind)).collect();
    kinds.retain(|(rows, _)| *rows >= KIND_ROWS_MIN);
    kinds.sort_unstable_by(|a, b| b.cmp(a));
    kinds.truncate(KINDS_MAX);
    if kinds.len() < 2 {
        return Ok(None);
    }
    let mut caught = [0.0; GRID.len()];
    for (_, kind) in &kinds {
        let p_values = as_if_unseen(ensemble, rows, labels, *kind as u8, seed, config)?;
        for (share, alpha) in caught.iter_mut().zip(GRID) {
            *share += p_values.iter().filter(|p| **p <= alpha).count() as f64 / p_values.len().max(1) as f64;
        }
    }
    let gain = |place: &usize| caught[*place] / kinds.len() as f64 - GRID[*place];
    Ok((0..GRID.len()).max_by(|a, b| gain(a).total_cmp(&gain(b))).map(|place| GRID[place]))
}

/// Joined p-values of a kind's rows when the forest learned from all others: what an attack that nobody labelled would get.
fn as_if_unseen(
    ensemble: &Ensemble,
    rows: &Matrix,
    labels: &Labels,
    kind: u8,
    seed: u64,
    config: &EnsembleConfig,
) -> Result<Vec<f64>, DetectError> {
    let mut others = Matrix::with_capacity(rows.rows(), rows.columns);
    let mut of_row = Vec::with_capacity(rows.rows());
    let mut own = Matrix::with_capacity(KIND_ROWS_MAX, rows.columns);
    for (row, label) in labels.of_row.iter().enumerate() {
        if *label != kind {
            others.push(rows.row(row));
            of_row.push(*label);
        } else if own.rows() < KIND_ROWS_MAX {
            own.push(rows.row(row));
        }
    }
    let labels = Labels { kinds: labels.kinds.clone(), of_row };
    // Only the forest of this one is asked: its members may be as small as they can.
    let light = EnsembleConfig {
        trees: 1,
        reference_rows: 32,
        neighbours: 5,
        autoencoders: 1,
        autoencoder_epochs: 1,
        autoencoder_rows_max: 64,
        labelled_trees: config.labelled_trees.min(30),
        labelled_rows_max: config.labelled_rows_max.min(20_000),
        voting: Vec::new(),
        ..config.clone()
    };
    let (forest, _) = Ensemble::train_labelled(ensemble.schema(), &others, Some(&labels), seed, &light, &mut |_| {})?;
    let (mut novel, mut known): (Vec<Judgement>, Vec<Judgement>) = (Vec::new(), Vec::new());
    ensemble.judge(&own, &mut novel);
    forest.judge(&own, &mut known);
    let both = |(novel, known): (&Judgement, &Judgement)| {
        known.known.map_or(novel.novelty, |known| joined(novel.novelty, known.p_value))
    };
    Ok(novel.iter().zip(&known).map(both).collect())
}
