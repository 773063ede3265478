//! Random Forest (Breiman 2001) for rows with labels: class probabilities, out-of-bag probabilities for an honest
//! calibration, exact Shapley attribution. Flat nodes; a leaf is its own child, so that a walk needs
//! no branch; many rows walk them packed (`steps`). Owns training and scoring; knows nothing of what the classes mean.

use super::bins::Cuts;
use super::grow::{Ground, Grower};
use super::shap::{self, TreeView};
use super::steps::{self, BLOCK_ROWS, Steps};
use crate::DetectError;
use crate::models::{reading, written};
use record::Matrix;
use serde::{Deserialize, Serialize};

/// Most classes told apart: a label fits a byte.
pub const CLASSES_MAX: usize = 256;
/// Fewer rows than this go down the trees one by one.
const BATCH_ROWS_MIN: usize = 5;
/// Most nodes read from an artifact.
const NODES_MAX: usize = 1 << 28;

/// Settings of training.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ForestSettings {
    /// Trees (1–1,000, default 100).
    pub trees: usize,
    /// Deepest a tree grows (1–64, default 32).
    pub depth_max: u32,
    /// A node with fewer than twice this many rows is not split (default 1).
    pub leaf_rows_min: usize,
    /// Columns tried at each split; 0 takes the square root of their number (default 0).
    pub columns_tried: usize,
    /// Gives every class the same total weight, so that rare attacks are heard (default true).
    pub balanced: bool,
}

impl Default for ForestSettings {
    fn default() -> Self {
        Self { trees: 100, depth_max: 32, leaf_rows_min: 1, columns_tried: 0, balanced: true }
    }
}

impl ForestSettings {
    /// Columns tried at each split among `columns`.
    pub(super) fn columns_tried(&self, columns: usize) -> usize {
        let tried = if self.columns_tried == 0 { (columns as f64).sqrt() as usize } else { self.columns_tried };
        tried.clamp(1, columns.max(1))
    }
}

/// One node. What is at most `threshold` goes to `left`, all else to `left + 1`; a leaf is its own `left`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Node {
    pub(super) threshold: f32,
    pub(super) left: u32,
    pub(super) feature: u32,
}

impl Node {
    pub(super) fn leaf(place: u32) -> Self {
        Self { threshold: f32::INFINITY, left: place, feature: 0 }
    }

    pub(super) fn next(self, row: &[f32]) -> u32 {
        // NaN compares false and goes left, in training (first bin) as in scoring.
        self.left + u32::from(row[self.feature as usize] > self.threshold)
    }
}

/// A trained forest.
#[derive(Clone, Debug, PartialEq)]
pub struct RandomForest {
    nodes: Vec<Node>,
    /// Nodes × classes.
    shares: Vec<f32>,
    cover: Vec<f32>,
    /// First node and depth of each tree.
    trees: Vec<(u32, u32)>,
    classes: usize,
    columns: usize,
    /// The nodes again, for many rows at once; None where they do not fit that form.
    steps: Option<Steps>,
}

impl RandomForest {
    /// Learns from rows and the class of each. Also answers the out-of-bag probabilities, rows × classes: what the trees
    /// that never saw a row say of it, NaN where every tree saw it. `progress` hears a rising share from 0 to 1.
    ///
    /// # Errors
    /// Fewer than two rows, labels of another length, fewer than two classes among the labels, a label that is no class.
    pub fn train(
        rows: &Matrix,
        labels: &[u8],
        classes: usize,
        seed: u64,
        settings: &ForestSettings,
        progress: &mut dyn FnMut(f32),
    ) -> Result<(Self, Vec<f32>), DetectError> {
        check(rows, labels, classes)?;
        let cuts = Cuts::fit(rows);
        let bins = cuts.binned(rows);
        let class_weights = class_weights(labels, classes, settings.balanced);
        let columns = rows.columns;
        let ground =
            Ground { bins: &bins, cuts: &cuts, labels, classes, columns, class_weights: &class_weights, settings };
        let mut forest =
            Self { nodes: vec![], shares: vec![], cover: vec![], trees: vec![], classes, columns, steps: None };
        let mut out_of_bag = OutOfBag { sums: vec![0.0; rows.rows() * classes], votes: vec![0; rows.rows()] };
        for number in 0..settings.trees {
            let (grown, drawn) = Grower::grow(&ground, seed, number);
            let first = forest.nodes.len() as u32;
            forest.trees.push((first, grown.depth));
            forest.nodes.extend(grown.nodes.iter().map(|node| Node { left: node.left + first, ..*node }));
            forest.shares.extend(grown.shares);
            forest.cover.extend(grown.cover);
            out_of_bag.add(&forest, rows, &drawn, number);
            progress((number + 1) as f32 / settings.trees as f32);
        }
        forest.steps = forest.packed();
        Ok((forest, out_of_bag.probabilities(classes)))
    }

    /// Probability of every class for every row; `out` becomes rows × classes, row-major.
    pub fn probabilities(&self, rows: &Matrix, out: &mut Vec<f32>) {
        out.clear();
        out.resize(rows.rows() * self.classes, 0.0);
        let (mut leaves, mut keys) = ([0; BLOCK_ROWS], Vec::new());
        let blocks = rows.values.chunks(BLOCK_ROWS * rows.columns.max(1));
        for (block, out) in blocks.zip(out.chunks_mut(BLOCK_ROWS * self.classes)) {
            match &self.steps {
                Some(steps) if out.len() >= BATCH_ROWS_MIN * self.classes => {
                    steps::keys(block, rows.columns, &mut keys);
                    for tree in 0..self.trees.len() {
                        steps.leaves(tree, &keys, &mut leaves);
                        self.add_all(steps, &leaves, out);
                    }
                }
                _ => self.one_by_one(block, rows.columns, out),
            }
        }
        let each = 1.0 / self.trees.len().max(1) as f32;
        for sum in out {
            *sum *= each;
        }
    }

    fn one_by_one(&self, block: &[f32], columns: usize, out: &mut [f32]) {
        for tree in 0..self.trees.len() {
            for (row, out) in block.chunks_exact(columns).zip(out.chunks_exact_mut(self.classes)) {
                self.add(self.leaf(tree, row), out);
            }
        }
    }

    fn packed(&self) -> Option<Steps> {
        Steps::new(&self.nodes, &self.trees, self.columns, |leaf| self.shares[leaf * self.classes + 1])
    }

    /// Adds each row's leaf. Two classes are the usual case: their shares stand in the packed leaves.
    fn add_all(&self, steps: &Steps, leaves: &[u32], out: &mut [f32]) {
        if self.classes != 2 {
            let of_row = leaves.iter().zip(out.chunks_exact_mut(self.classes));
            return of_row.for_each(|(leaf, out)| self.add(*leaf as usize, out));
        }
        for (leaf, out) in leaves.iter().zip(out.as_chunks_mut::<2>().0) {
            let share = steps.share(*leaf);
            *out = [out[0] + (1.0 - share), out[1] + share];
        }
    }

    fn add(&self, leaf: usize, out: &mut [f32]) {
        if let [of_none, of_one] = out {
            // As in `add_all`, to the bit.
            let share = self.shares[leaf * 2 + 1];
            *of_none += 1.0 - share;
            *of_one += share;
            return;
        }
        let shares = &self.shares[leaf * self.classes..][..self.classes];
        out.iter_mut().zip(shares).for_each(|(sum, share)| *sum += share);
    }

    fn leaf(&self, tree: usize, row: &[f32]) -> usize {
        let mut at = self.trees[tree].0;
        loop {
            let next = self.nodes[at as usize].next(row);
            if next == at {
                return at as usize;
            }
            at = next;
        }
    }

    /// Shapley value of every column for the probability of `class`; returns the mean probability that they add to.
    pub fn attribute(&self, row: &[f32], class: usize, shares: &mut [f64]) -> f64 {
        shares.fill(0.0);
        let value = |node: usize| f64::from(self.shares[node * self.classes + class]);
        let view = TreeView { nodes: &self.nodes, cover: &self.cover, value: &value };
        let each = 1.0 / self.trees.len().max(1) as f64;
        for (root, _) in &self.trees {
            shap::add(&view, *root as usize, row, shares);
        }
        for share in shares.iter_mut() {
            *share *= each;
        }
        self.trees.iter().map(|(root, _)| self.mean(*root as usize, class)).sum::<f64>() * each
    }

    /// Shapley value of every column for the probability of `class`, against one other row: what of the difference between
    /// their answers each column makes. Adds to `shares`; some ten microseconds.
    pub(crate) fn attribute_against(&self, row: &[f32], other: &[f32], class: usize, shares: &mut [f64]) {
        let value = |node: usize| f64::from(self.shares[node * self.classes + class]) / self.trees.len() as f64;
        let view = TreeView { nodes: &self.nodes, cover: &self.cover, value: &value };
        for (root, _) in &self.trees {
            shap::add_against(&view, *root as usize, row, other, shares);
        }
    }

    /// Mean answer of the subtree over the training rows that reached it.
    fn mean(&self, node: usize, class: usize) -> f64 {
        let left = self.nodes[node].left as usize;
        if left == node {
            return f64::from(self.shares[node * self.classes + class]);
        }
        let weighted = |child: usize| f64::from(self.cover[child]) * self.mean(child, class);
        (weighted(left) + weighted(left + 1)) / f64::from(self.cover[node]).max(f64::MIN_POSITIVE)
    }

    /// Number of classes.
    #[must_use]
    pub fn classes(&self) -> usize {
        self.classes
    }

    /// All that [`RandomForest::load`] needs.
    #[must_use]
    pub fn save(&self) -> Vec<u8> {
        written(|out| {
            out.u32(self.classes as u32);
            out.u32(self.columns as u32);
            out.u32s(&self.trees.iter().flat_map(|(root, depth)| [*root, *depth]).collect::<Vec<_>>());
            out.u32s(&self.nodes.iter().map(|node| node.left).collect::<Vec<_>>());
            out.u32s(&self.nodes.iter().map(|node| node.feature).collect::<Vec<_>>());
            // Infinity is not a number that artifacts hold; a leaf's threshold is not asked.
            let thresholds =
                self.nodes.iter().map(|node| if node.threshold.is_finite() { node.threshold } else { 0.0 });
            out.f32s(&thresholds.collect::<Vec<_>>());
            out.f32s(&self.shares);
            out.f32s(&self.cover);
        })
    }

    /// Reads back what [`RandomForest::save`] wrote.
    ///
    /// # Errors
    /// Another number of columns, a child outside the forest or before its parent, counts that do not fit.
    pub fn load(bytes: &[u8], columns: usize) -> Result<Self, DetectError> {
        reading(bytes, |reader| {
            let classes = reader.count(2, CLASSES_MAX, "classes")?;
            let columns_saved = reader.count(1, crate::kernels::COLUMNS_MAX, "columns")?;
            let trees: Vec<(u32, u32)> = reader.u32s()?.chunks_exact(2).map(|pair| (pair[0], pair[1])).collect();
            let (left, feature) = (reader.u32s()?, reader.u32s()?);
            let (thresholds, shares, cover) = (reader.f32s()?, reader.f32s()?, reader.f32s()?);
            let count = left.len();
            let fits = columns == columns_saved
                && count <= NODES_MAX
                && feature.len() == count
                && thresholds.len() == count
                && cover.len() == count
                && shares.len() == count * classes
                && !trees.is_empty()
                && trees.iter().all(|(root, depth)| (*root as usize) < count && *depth <= 64)
                && feature.iter().all(|feature| (*feature as usize) < columns)
                // A child comes after its parent, so that no walk and no recursion can go round.
                && left.iter().enumerate().all(|(at, left)| *left as usize == at || (*left as usize > at && (*left as usize) < count - 1));
            if !fits {
                return Err(DetectError::Damaged("a random forest is impossible".to_owned()));
            }
            let node = |at: usize| {
                let is_leaf = left[at] as usize == at;
                Node {
                    threshold: if is_leaf { f32::INFINITY } else { thresholds[at] },
                    left: left[at],
                    feature: feature[at],
                }
            };
            let nodes: Vec<Node> = (0..count).map(node).collect();
            let mut forest = Self { nodes, shares, cover, trees, classes, columns, steps: None };
            forest.steps = forest.packed();
            Ok(forest)
        })
    }
}

fn check(rows: &Matrix, labels: &[u8], classes: usize) -> Result<(), DetectError> {
    let wrong = |name: &'static str, value: usize, range: &'static str| {
        Err(DetectError::Setting { name, value: value.to_string(), range })
    };
    if rows.rows() < 2 {
        return Err(DetectError::TooFewRows { rows: rows.rows(), needed: 2 });
    }
    if labels.len() != rows.rows() {
        return wrong("labels", labels.len(), "one for each row");
    }
    if let Some(label) = labels.iter().find(|label| usize::from(**label) >= classes) {
        return wrong("label", usize::from(*label), "0 to the number of classes less one");
    }
    let first = labels.first();
    if labels.iter().all(|label| Some(label) == first) {
        return wrong(
            "classes among the labels",
            1,
            "2 or more: without both benign and attack rows nothing can be told apart",
        );
    }
    Ok(())
}

fn class_weights(labels: &[u8], classes: usize, balanced: bool) -> Vec<f64> {
    let mut counts = vec![0_u64; classes];
    for label in labels {
        counts[usize::from(*label)] += 1;
    }
    let present = counts.iter().filter(|count| **count > 0).count() as f64;
    let weight = |count: &u64| if balanced { labels.len() as f64 / (present * (*count).max(1) as f64) } else { 1.0 };
    counts.iter().map(weight).collect()
}

struct OutOfBag {
    sums: Vec<f32>,
    votes: Vec<u32>,
}

impl OutOfBag {
    fn add(&mut self, forest: &RandomForest, rows: &Matrix, drawn: &[u32], tree: usize) {
        let classes = forest.classes;
        for row in (0..rows.rows()).filter(|row| drawn[*row] == 0) {
            let leaf = forest.leaf(tree, rows.row(row));
            let shares = &forest.shares[leaf * classes..][..classes];
            self.sums[row * classes..][..classes].iter_mut().zip(shares).for_each(|(sum, share)| *sum += share);
            self.votes[row] += 1;
        }
    }

    fn probabilities(mut self, classes: usize) -> Vec<f32> {
        for (sums, votes) in self.sums.chunks_exact_mut(classes).zip(&self.votes) {
            for sum in sums {
                *sum = if *votes == 0 { f32::NAN } else { *sum / *votes as f32 };
            }
        }
        self.sums
    }
}

#[cfg(test)]
#[path = "forest_test.rs"]
mod tests;
