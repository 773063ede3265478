//! Excess to one score and one p-value. An Isolation Forest (Liu, Ting and Zhou, 2008) over all rows of hosts in scans; its scores become
//! conformal p-values over the rows of the history, and what is told is chosen by Benjamini and Hochberg's rule on them (Bates, Candès, Lei,
//! Romano and Sesia, 2023). Knows columns, not hosts.

use detect::Detector;
use detect::models::IsolationForest;
use record::Matrix;

/// Trees of the forest, and rows of each.
const TREES: usize = 200;
const TREE_ROWS: usize = 256;
/// Rows the forest learns from at most; of more, every n-th.
const ROWS_MAX: usize = 768;
/// Rungs of the ladder: so far one column alone is raised, in units of the column.
const RUNGS: [f32; 8] = [1.0, 2.0, 3.0, 5.0, 8.0, 13.0, 34.0, 144.0];
/// Expected share of chance among what is told, and so the share of scans without any change of note in which something is told.
pub(super) const FALSE_SHARE: f64 = 0.1;

/// A forest over excess, with what the history scored.
pub(super) struct Calibrated {
    forest: IsolationForest,
    /// Score of a row without any excess.
    quiet: f32,
    /// Scores of the history's rows with some excess, ascending.
    scores: Vec<f32>,
    /// All its rows.
    pub(super) rows: usize,
}

impl Calibrated {
    /// `history`: rows that calibrate; `current`: rows that will be asked about. The forest learns from both alike, so that a row's score
    /// does not depend on which of them it is. In a network where nothing ever changes each column is constant, and a forest cannot cut a
    /// constant column: a ladder of rows with one column raised is added, which gives every column its thresholds.
    pub(super) fn new(history: &Matrix, current: &Matrix, seed: u64) -> Self {
        let forest = IsolationForest::train(&lesson(history, current), seed, TREES, TREE_ROWS);
        let mut calibrated = Self { forest, quiet: 0.0, scores: Vec::new(), rows: history.rows() };
        let quiet = Matrix { values: vec![0.0; history.columns], columns: history.columns };
        calibrated.quiet = calibrated.raw(&quiet).first().copied().unwrap_or(0.5);
        let mut loud = Matrix::with_capacity(0, history.columns);
        for row in (0..history.rows()).map(|row| history.row(row)).filter(|row| is_loud(row)) {
            loud.push(row);
        }
        calibrated.scores = calibrated.raw(&loud).into_iter().map(|score| calibrated.scaled(score)).collect();
        calibrated.scores.sort_by(f32::total_cmp);
        calibrated
    }

    /// 0 for a row without excess, towards 1 for the isolated; and how many rows of the history, itself among them, score at least that.
    pub(super) fn judge(&self, row: &[f32]) -> (f32, f64) {
        if !is_loud(row) {
            return (0.0, 1.0);
        }
        let one = Matrix { values: row.to_vec(), columns: row.len() };
        let score = self.raw(&one).first().map_or(0.0, |score| self.scaled(*score));
        if score <= 0.0 {
            return (0.0, 1.0);
        }
        let below = self.scores.partition_point(|other| *other < score);
        (score, (1 + self.scores.len() - below) as f64 / (self.rows + 1) as f64)
    }

    /// Columns with excess and their shares of the score, strongest first.
    pub(super) fn reasons(&self, row: &[f32]) -> Vec<(usize, f32)> {
        let mut shares = vec![0.0; row.len()];
        self.forest.attribute(row, 0, &mut shares);
        let loud: f32 = shares.iter().zip(row).filter(|(_, excess)| **excess > 0.0).map(|(share, _)| share).sum();
        let own = |column: usize| if loud > 0.0 { shares[column] / loud } else { 0.0 };
        let mut reasons: Vec<(usize, f32)> = (0..row.len()).filter(|c| row[*c] > 0.0).map(|c| (c, own(c))).collect();
        reasons.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
        reasons
    }

    fn raw(&self, rows: &Matrix) -> Vec<f32> {
        let mut scores = Vec::new();
        self.forest.score(rows, &mut scores);
        scores
    }

    fn scaled(&self, score: f32) -> f32 {
        ((score - self.quiet) / (1.0 - self.quiet).max(1e-6)).clamp(0.0, 1.0)
    }
}

fn is_loud(row: &[f32]) -> bool {
    row.iter().any(|excess| *excess > 0.0)
}

/// Every n-th row of both, and the ladder.
fn lesson(history: &Matrix, current: &Matrix) -> Matrix {
    let total = history.rows() + current.rows();
    let stride = total.div_ceil(ROWS_MAX).max(1);
    let mut lesson = Matrix::with_capacity(ROWS_MAX + RUNGS.len() * history.columns, history.columns);
    for place in (0..total).step_by(stride) {
        let row = if place < history.rows() { history.row(place) } else { current.row(place - history.rows()) };
        lesson.push(row);
    }
    let wanted = (lesson.rows() / 3).clamp(2 * history.columns, RUNGS.len() * history.columns);
    let every = (RUNGS.len() * history.columns).div_ceil(wanted).max(1);
    let rungs = (0..history.columns).flat_map(|column| RUNGS.iter().map(move |rung| (column, *rung)));
    for (column, rung) in rungs.step_by(every) {
        let mut row = vec![0.0; history.columns];
        row[column] = rung.ln_1p();
        lesson.push(&row);
    }
    lesson
}

/// Which p-values are told, so that the expected share of chance among them is at most `FALSE_SHARE` (Benjamini and Hochberg, 1995).
pub(super) fn told(p_values: &[f64]) -> Vec<bool> {
    let mut sorted = p_values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let bar = |place: usize| FALSE_SHARE * (place + 1) as f64 / sorted.len() as f64;
    let worst = sorted.iter().enumerate().filter(|(place, p)| **p <= bar(*place)).map(|(_, p)| *p).next_back();
    p_values.iter().map(|p| worst.is_some_and(|worst| *p <= worst)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(of: &[[f32; 3]]) -> Matrix {
        Matrix { values: of.concat(), columns: 3 }
    }

    #[test]
    fn where_nothing_ever_changed_any_change_is_the_strangest() {
        let calibrated = Calibrated::new(&rows(&[[0.0; 3]; 90]), &rows(&[[0.0; 3], [0.0, 0.7, 0.0]]), 1);
        assert_eq!(calibrated.judge(&[0.0; 3]), (0.0, 1.0));
        let (score, p_value) = calibrated.judge(&[0.0, 0.7, 0.0]);
        assert!(score > 0.0 && p_value == 1.0 / 91.0, "{score} {p_value}");
        let more = calibrated.judge(&[0.0, 2.0, 0.0]).0;
        assert!(
            more > score && calibrated.judge(&[1.0, 2.0, 1.0]).0 > more,
            "further, and in more columns, is stranger"
        );
        assert_eq!(calibrated.reasons(&[0.0, 0.7, 0.0])[0].0, 1);
    }

    #[test]
    fn what_the_history_did_is_no_stranger_than_that() {
        let mut history = [[0.0; 3]; 90];
        (history[5], history[50]) = ([0.0, 0.7, 0.0], [0.0, 0.7, 0.0]);
        let calibrated = Calibrated::new(&rows(&history), &rows(&[[0.0, 0.7, 0.0]]), 1);
        assert_eq!(calibrated.judge(&[0.0, 0.7, 0.0]).1, 3.0 / 91.0);
    }

    #[test]
    fn the_bar_rises_with_the_hosts_and_falls_with_the_findings() {
        assert_eq!(told(&[0.01, 1.0, 1.0, 1.0, 1.0]), [true, false, false, false, false]);
        assert!(told(&[vec![0.01], vec![1.0; 10]].concat()).iter().all(|told| !told));
        assert_eq!(told(&[0.02, 1.0, 0.02, 1.0]).iter().filter(|told| **told).count(), 2);
        assert!(told(&[]).is_empty());
    }
}
