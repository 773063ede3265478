//! Isolation Forest (Liu, Ting and Zhou, 2008): rows that random splits separate early are strange. Trees are filled to
//! depth 8 and stored flat, so that many rows walk one tree in step. The member that bears contamination best.

use super::{Detector, Diet, Member, ModelKind, normalise, reading, written};
use crate::DetectError;
use crate::kernels::{self, Forest, LANES, Lanes, Node, TREE_DEPTH, TREE_LEAVES, Tree, Width};
use crate::random::Random;
use record::Matrix;

/// Registry line.
pub(super) const KIND: ModelKind = ModelKind {
    name: "isolation_forest",
    diet: Diet::Untrimmed,
    train: |rows, seed, config| Box::new(IsolationForest::train(rows, seed, config.trees, config.tree_rows)),
    load: |bytes, columns| Ok(Box::new(IsolationForest::load(bytes, columns)?)),
};

/// Groups of `LANES` rows that pass a tree while it is in the first-level cache.
const GROUPS: usize = 4;

/// A trained forest. Score: 2^(−mean path / expected path), 0.5 for the unremarkable, towards 1 for the isolated.
#[derive(Clone, Debug)]
pub struct IsolationForest {
    forest: Forest,
    /// Training rows that reached each node (leaves at 256 and above), `2 × TREE_LEAVES` a tree; for attribution only.
    counts: Vec<u32>,
    expected_path: f32,
    columns: usize,
}

impl IsolationForest {
    /// Grows `trees` trees of `tree_rows` (at most 256) rows each. Panics never; a matrix without rows gives a forest
    /// that scores everything alike.
    #[must_use]
    pub fn train(rows: &Matrix, seed: u64, trees: usize, tree_rows: usize) -> Self {
        let mut random = Random::new(seed, 0x1f);
        let taken = tree_rows.min(TREE_LEAVES).min(rows.rows());
        let (mut grown_trees, mut counts) = (Vec::with_capacity(trees), Vec::new());
        for _ in 0..trees {
            let mut sample = sample_rows(&mut random, rows.rows(), taken);
            let mut grown = Grown {
                rows,
                tree: Tree {
                    nodes: [Node { threshold: f32::INFINITY, feature: 0 }; TREE_LEAVES],
                    leaves: [0.0; TREE_LEAVES],
                },
                counts: [0; 2 * TREE_LEAVES],
                candidates: (0..rows.columns as u32).collect(),
            };
            grown.grow(1, 0, &mut sample, &mut random);
            grown_trees.push(grown.tree);
            counts.extend(grown.counts);
        }
        let forest = Forest::new(grown_trees, rows.columns).unwrap_or_else(Forest::empty);
        Self { forest, counts, expected_path: path_of(taken).max(1e-6), columns: rows.columns }
    }

    /// Scores without any processor feature beyond the target's, which benches compare with. Same bits.
    pub fn score_portable(&self, rows: &Matrix, out: &mut Vec<f32>) {
        self.score_many(Width::Portable, rows, out);
    }

    fn score_many(&self, width: Width, rows: &Matrix, out: &mut Vec<f32>) {
        out.clear();
        out.reserve(rows.rows());
        let stride = self.forest.stride();
        let mut block = vec![[0.0; LANES]; stride * GROUPS];
        let mut row = 0;
        while row < rows.rows() {
            let taken = (rows.rows() - row).min(LANES * GROUPS);
            let groups = taken.div_ceil(LANES);
            transpose(rows, row, taken, stride, &mut block);
            let mut sums = [[0.0; LANES]; GROUPS];
            self.forest.paths(width, &block[..groups * stride], &mut sums[..groups]);
            out.extend(sums.as_flattened()[..taken].iter().map(|sum| self.strangeness(*sum)));
            row += taken;
        }
    }

    fn strangeness(&self, path_sum: f32) -> f32 {
        let mean = path_sum / self.forest.trees().len().max(1) as f32;
        (-mean / self.expected_path).exp2()
    }

    /// One row alone: many trees in step instead of many rows; adds in the same order, so the result is the same.
    fn score_one(&self, row: &[f32]) -> f32 {
        let mut sum = 0.0;
        for trees in self.forest.trees().chunks(LANES) {
            let mut at = [1; LANES];
            for _ in 0..TREE_DEPTH {
                for (place, tree) in at.iter_mut().zip(trees) {
                    let node = tree.nodes[*place as usize & (TREE_LEAVES - 1)];
                    *place = Node::child(node.threshold, *place, row[node.feature as usize]);
                }
            }
            for (place, tree) in at.iter().zip(trees) {
                sum += tree.leaves[*place as usize & (TREE_LEAVES - 1)];
            }
        }
        self.strangeness(sum)
    }

    fn load(bytes: &[u8], columns: usize) -> Result<Self, DetectError> {
        reading(bytes, |reader| {
            let trees = reader.count(1, 100_000, "trees")?;
            let inner = trees * TREE_LEAVES;
            let columns_saved = reader.count(1, kernels::COLUMNS_MAX, "columns")?;
            let expected_path = reader.f32s_of(1, "expected path")?[0];
            let features = reader.u32s()?;
            let split = reader.u32s()?;
            let thresholds = reader.f32s_of(inner, "thresholds")?;
            let leaves = reader.f32s_of(inner, "leaves")?;
            let counts = reader.u32s()?;
            let sound = features.len() == inner
                && split.len() == inner
                && counts.len() == 2 * inner
                && expected_path > 0.0
                && columns == columns_saved;
            if !sound {
                return Err(DetectError::Damaged("a forest is impossible".to_owned()));
            }
            let tree = |tree: usize| {
                let at = |node: usize| tree * TREE_LEAVES + node;
                let node = |node: usize| Node {
                    threshold: if split[at(node)] == 0 { f32::INFINITY } else { thresholds[at(node)] },
                    feature: features[at(node)],
                };
                Tree { nodes: std::array::from_fn(node), leaves: std::array::from_fn(|leaf| leaves[at(leaf)]) }
            };
            let forest = Forest::new((0..trees).map(tree).collect(), columns);
            let forest = forest.ok_or_else(|| DetectError::Damaged("a tree asks for a missing column".to_owned()))?;
            Ok(Self { forest, counts, expected_path, columns })
        })
    }
}

impl Detector for IsolationForest {
    fn name(&self) -> &'static str {
        KIND.name
    }

    fn members(&self) -> &'static [Member] {
        &[Member { name: "isolation_forest", weight: 1.0 }]
    }

    fn score(&self, rows: &Matrix, out: &mut Vec<f32>) {
        if rows.rows() == 1 {
            out.clear();
            out.push(self.score_one(rows.row(0)));
        } else {
            self.score_many(Width::widest(), rows, out);
        }
    }

    /// Local feature importance along the row's paths, after DIFFI (Carletti et al., 2019): each split is credited with
    /// how much more than half of the training rows it cut away, and trees that isolate the row early count more.
    fn attribute(&self, row: &[f32], _member: usize, shares: &mut [f32]) {
        shares.fill(0.0);
        for (tree, counts) in self.forest.trees().iter().zip(self.counts.chunks_exact(2 * TREE_LEAVES)) {
            let mut path = [(0u32, 0.0f32); TREE_DEPTH as usize];
            let (mut at, mut length) = (1, 0);
            while at < TREE_LEAVES && tree.nodes[at].threshold < f32::INFINITY {
                let node = tree.nodes[at];
                let next = Node::child(node.threshold, at as u32, row[node.feature as usize]) as usize;
                let cut = (counts[at] as f32 / counts[next].max(1) as f32).log2() - 1.0;
                path[length] = (node.feature, cut.max(0.0));
                (at, length) = (next, length + 1);
            }
            let early = 1.0 / length.max(1) as f32 - 1.0 / (TREE_DEPTH as f32 + 1.0);
            for (feature, cut) in &path[..length] {
                shares[*feature as usize] += early * cut;
            }
        }
        normalise(shares);
    }

    fn save(&self) -> Vec<u8> {
        let nodes = || self.forest.trees().iter().flat_map(|tree| tree.nodes);
        let finite = |node: Node| node.threshold < f32::INFINITY;
        written(|out| {
            out.u32(self.forest.trees().len() as u32);
            out.u32(self.columns as u32);
            out.f32s(&[self.expected_path]);
            out.u32s(&nodes().map(|node| node.feature).collect::<Vec<_>>());
            out.u32s(&nodes().map(|node| u32::from(finite(node))).collect::<Vec<_>>());
            out.f32s(&nodes().map(|node| if finite(node) { node.threshold } else { 0.0 }).collect::<Vec<_>>());
            out.f32s(&self.forest.trees().iter().flat_map(|tree| tree.leaves).collect::<Vec<_>>());
            out.u32s(&self.counts);
        })
    }
}

/// Rows `first..first + taken` as groups of lanes, a column after another; missing lanes repeat what was there before.
fn transpose(rows: &Matrix, first: usize, taken: usize, stride: usize, block: &mut [Lanes]) {
    for offset in 0..taken {
        let group = &mut block[offset / LANES * stride..][..stride];
        for (lanes, value) in group.iter_mut().zip(rows.row(first + offset)) {
            lanes[offset % LANES] = *value;
        }
    }
}

fn sample_rows(random: &mut Random, total: usize, count: usize) -> Vec<u32> {
    if count * 4 > total {
        return random.sample(total, count).into_iter().map(|row| row as u32).collect();
    }
    // Few of many: draw again what was drawn twice.
    let mut rows: Vec<u32> = Vec::with_capacity(count);
    while rows.len() < count {
        let missing = count - rows.len();
        rows.extend((0..missing).map(|_| random.below(total) as u32));
        rows.sort_unstable();
        rows.dedup();
    }
    rows
}

/// Mean path length of an unsuccessful search in a binary tree of `rows` rows: what a leaf of so many rows still hides.
fn path_of(rows: usize) -> f32 {
    match rows {
        0 | 1 => 0.0,
        2 => 1.0,
        _ => {
            let n = rows as f64;
            let harmonic = (n - 1.0).ln() + 0.577_215_664_901_532_9;
            (2.0 * harmonic - 2.0 * (n - 1.0) / n) as f32
        }
    }
}

struct Grown<'a> {
    rows: &'a Matrix,
    tree: Tree,
    counts: [u32; 2 * TREE_LEAVES],
    candidates: Vec<u32>,
}

impl Grown<'_> {
    fn grow(&mut self, node: usize, depth: u32, sample: &mut [u32], random: &mut Random) {
        self.counts[node] = sample.len() as u32;
        let split = if depth == TREE_DEPTH || sample.len() < 2 { None } else { self.split(sample, random) };
        let Some(split) = split else {
            self.leaf(node, depth, sample.len());
            return;
        };
        self.tree.nodes[node] = split;
        let column = split.feature as usize;
        let mut left = 0;
        for place in 0..sample.len() {
            if self.rows.row(sample[place] as usize)[column] < split.threshold {
                sample.swap(left, place);
                left += 1;
            }
        }
        let (low, high) = sample.split_at_mut(left);
        self.grow(2 * node + 1, depth + 1, low, random);
        self.grow(2 * node, depth + 1, high, random);
    }

    /// A random column that is not constant here, and a random threshold with rows on both sides of it.
    fn split(&mut self, sample: &[u32], random: &mut Random) -> Option<Node> {
        let mut open = self.candidates.len();
        while open > 0 {
            let pick = random.below(open);
            let feature = self.candidates[pick];
            let (mut low, mut high) = (f32::INFINITY, f32::NEG_INFINITY);
            for row in sample {
                let value = self.rows.row(*row as usize)[feature as usize];
                low = low.min(value);
                high = high.max(value);
            }
            if high > low {
                let mut threshold = low + (high - low) * random.unit();
                if threshold <= low || threshold > high || threshold.is_nan() {
                    threshold = high;
                }
                return Some(Node { threshold, feature });
            }
            open -= 1;
            self.candidates.swap(pick, open);
        }
        None
    }

    /// A leaf above the last level fills the leaves below it; unfilled nodes have an infinite threshold and lead
    /// somewhere among them, which is all the same.
    fn leaf(&mut self, node: usize, depth: u32, rows: usize) {
        let first = (node << (TREE_DEPTH - depth)) - TREE_LEAVES;
        let count = 1 << (TREE_DEPTH - depth);
        self.tree.leaves[first..first + count].fill(depth as f32 + path_of(rows));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::models::contract_test::blobs;

    #[test]
    fn every_width_gives_the_same_bits() {
        for columns in [5, 70] {
            let rows = blobs(500, columns, 3);
            let forest = IsolationForest::train(&rows, 5, 20, 256);
            let (mut portable, mut widest) = (Vec::new(), Vec::new());
            forest.score_portable(&rows, &mut portable);
            forest.score_many(Width::widest(), &rows, &mut widest);
            assert_eq!(portable, widest);
        }
    }

    #[test]
    fn expected_path_is_the_papers() {
        assert!((path_of(256) - 10.244_77).abs() < 1e-3, "{}", path_of(256));
    }
}
