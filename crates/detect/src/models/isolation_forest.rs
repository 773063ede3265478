//! Isolation Forest (Liu, Ting and Zhou, 2008): rows that random splits separate early are strange. Trees are filled to
//! depth 8 and stored flat, so that many rows walk one tree in step. The member that bears contamination best.

use super::ranked::RankedForest;
use super::trees::{Forest, Group, Node, PATH_STEPS, Tree};
use super::{Detector, Diet, Member, ModelKind, normalise, reading, written};
use crate::DetectError;
use crate::kernels::{self, LANES, TILE, TREE_DEPTH, TREE_LEAVES, Width};
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
/// Fewer rows than this are scored one by one: a tile of them costs as much as a full one.
const TILE_ROWS_MIN: usize = 16;
/// Most trees read from an artifact: the sum of their path steps stays within 32 bits.
const TREES_MAX: usize = 10_000;

/// A trained forest. Score: 2^(−mean path / expected path), 0.5 for the unremarkable, towards 1 for the isolated.
#[derive(Clone, Debug)]
pub struct IsolationForest {
    forest: Forest,
    /// The same trees for wide processors.
    ranked: RankedForest,
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
                    leaves: [0; TREE_LEAVES],
                },
                counts: [0; 2 * TREE_LEAVES],
                candidates: (0..rows.columns.min(kernels::COLUMNS_MAX)).map(|column| column as u8).collect(),
            };
            grown.grow(1, 0, &mut sample, &mut random);
            grown_trees.push(grown.tree);
            counts.extend(grown.counts);
        }
        let forest = Forest::new(grown_trees, rows.columns).unwrap_or_else(Forest::empty);
        Self::of(forest, counts, path_of(taken).max(1e-6), rows.columns)
    }

    fn of(forest: Forest, counts: Vec<u32>, expected_path: f32, columns: usize) -> Self {
        Self { ranked: RankedForest::new(forest.trees()), forest, counts, expected_path, columns }
    }

    /// Scores without any processor feature beyond the target's, which benches compare with. Same bits.
    pub fn score_portable(&self, rows: &Matrix, out: &mut Vec<f32>) {
        self.score_many(Width::Portable, rows, out);
    }

    fn score_many(&self, width: Width, rows: &Matrix, out: &mut Vec<f32>) {
        out.clear();
        out.reserve(rows.rows());
        if width == Width::Portable {
            self.score_walking(rows, out);
            return;
        }
        let tiled = rows.rows() - if rows.rows() % TILE < TILE_ROWS_MIN { rows.rows() % TILE } else { 0 };
        self.ranked.paths(width, &rows.values[..tiled * rows.columns], rows.columns, |sums| {
            out.extend(sums.iter().map(|sum| self.strangeness(*sum)));
        });
        out.extend((tiled..rows.rows()).map(|row| self.score_one(rows.row(row))));
    }

    fn score_walking(&self, rows: &Matrix, out: &mut Vec<f32>) {
        let mut groups = vec![[[0.0; LANES]; kernels::COLUMNS_MAX]; GROUPS];
        let mut row = 0;
        while row < rows.rows() {
            let taken = (rows.rows() - row).min(LANES * GROUPS);
            transpose(rows, row, taken, &mut groups);
            let mut sums = [[0; LANES]; GROUPS];
            self.forest.paths(&groups[..taken.div_ceil(LANES)], &mut sums);
            out.extend(sums.as_flattened()[..taken].iter().map(|sum| self.strangeness(*sum)));
            row += taken;
        }
    }

    fn strangeness(&self, path_steps: u32) -> f32 {
        let mean = path_steps as f32 / (PATH_STEPS * self.forest.trees().len().max(1) as f32);
        (-mean / self.expected_path).exp2()
    }

    /// One row alone: many trees in step instead of many rows; the same sum.
    fn score_one(&self, row: &[f32]) -> f32 {
        let mut sum = 0;
        for trees in self.forest.trees().chunks(LANES) {
            let mut at = [1; LANES];
            for _ in 0..TREE_DEPTH {
                for (place, tree) in at.iter_mut().zip(trees) {
                    let node = tree.nodes[*place as usize & (TREE_LEAVES - 1)];
                    *place = Node::child(node.threshold, *place, row[usize::from(node.feature)]);
                }
            }
            for (place, tree) in at.iter().zip(trees) {
                sum += u32::from(tree.leaves[*place as usize & (TREE_LEAVES - 1)]);
            }
        }
        self.strangeness(sum)
    }

    fn load(bytes: &[u8], columns: usize) -> Result<Self, DetectError> {
        reading(bytes, |reader| {
            let trees = reader.count(1, TREES_MAX, "trees")?;
            let inner = trees * TREE_LEAVES;
            let columns_saved = reader.count(1, kernels::COLUMNS_MAX, "columns")?;
            let expected_path = reader.f32s_of(1, "expected path")?[0];
            let features = reader.u32s()?;
            let split = reader.u32s()?;
            let thresholds = reader.f32s_of(inner, "thresholds")?;
            let leaves = reader.f32s_of(inner, "leaves")?;
            let counts = reader.u32s()?;
            let parent = |node: usize| node - node % TREE_LEAVES + node % TREE_LEAVES / 2;
            let sound = features.len() == inner
                && features.iter().all(|feature| (*feature as usize) < columns)
                && split.len() == inner
                && counts.len() == 2 * inner
                && (0..inner).all(|node| split[node] == 0 || node % TREE_LEAVES < 2 || split[parent(node)] != 0)
                && expected_path > 0.0
                && columns == columns_saved;
            if !sound {
                return Err(DetectError::Damaged("a forest is impossible".to_owned()));
            }
            let tree = |tree: usize| {
                let at = |node: usize| tree * TREE_LEAVES + node;
                let node = |node: usize| Node {
                    threshold: if split[at(node)] == 0 { f32::INFINITY } else { thresholds[at(node)] },
                    feature: features[at(node)] as u8,
                };
                Tree { nodes: std::array::from_fn(node), leaves: std::array::from_fn(|leaf| steps(leaves[at(leaf)])) }
            };
            let forest = Forest::new((0..trees).map(tree).collect(), columns);
            let forest = forest.ok_or_else(|| DetectError::Damaged("a tree asks for a missing column".to_owned()))?;
            Ok(Self::of(forest, counts, expected_path, columns))
        })
    }
}

impl Detector for IsolationForest {
    fn name(&self) -> &'static str {
        KIND.name
    }

    fn members(&self) -> &'static [Member] {
        // Shares its vote with Loda: both cut columns at random and count what falls together.
        &[Member { name: "isolation_forest", votes: true }]
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
            let mut path = [(0, 0.0f32); TREE_DEPTH];
            let (mut at, mut length) = (1, 0);
            while at < TREE_LEAVES && tree.nodes[at].threshold < f32::INFINITY {
                let node = tree.nodes[at];
                let next = Node::child(node.threshold, at as u32, row[usize::from(node.feature)]) as usize;
                let cut = (counts[at] as f32 / counts[next].max(1) as f32).log2() - 1.0;
                path[length] = (node.feature, cut.max(0.0));
                (at, length) = (next, length + 1);
            }
            let early = 1.0 / length.max(1) as f32 - 1.0 / (TREE_DEPTH as f32 + 1.0);
            for (feature, cut) in &path[..length] {
                shares[usize::from(*feature)] += early * cut;
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
            out.u32s(&nodes().map(|node| u32::from(node.feature)).collect::<Vec<_>>());
            out.u32s(&nodes().map(|node| u32::from(finite(node))).collect::<Vec<_>>());
            out.f32s(&nodes().map(|node| if finite(node) { node.threshold } else { 0.0 }).collect::<Vec<_>>());
            out.f32s(
                &self
                    .forest
                    .trees()
                    .iter()
                    .flat_map(|tree| tree.leaves.map(|leaf| f32::from(leaf) / PATH_STEPS))
                    .collect::<Vec<_>>(),
            );
            out.u32s(&self.counts);
        })
    }
}

/// Rows `first..first + taken` as groups of lanes; missing lanes repeat what was there before.
fn transpose(rows: &Matrix, first: usize, taken: usize, groups: &mut [Group]) {
    for offset in 0..taken {
        for (lanes, value) in groups[offset / LANES].iter_mut().zip(rows.row(first + offset)) {
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

/// A path length as trees hold it.
fn steps(path: f32) -> u16 {
    (path * PATH_STEPS).round() as u16
}

struct Grown<'a> {
    rows: &'a Matrix,
    tree: Tree,
    counts: [u32; 2 * TREE_LEAVES],
    candidates: Vec<u8>,
}

impl Grown<'_> {
    fn grow(&mut self, node: usize, depth: usize, sample: &mut [u32], random: &mut Random) {
        self.counts[node] = sample.len() as u32;
        let split = if depth == TREE_DEPTH || sample.len() < 2 { None } else { self.split(sample, random) };
        let Some(split) = split else {
            self.leaf(node, depth, sample.len());
            return;
        };
        self.tree.nodes[node] = split;
        let column = usize::from(split.feature);
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
                let value = self.rows.row(*row as usize)[usize::from(feature)];
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
    fn leaf(&mut self, node: usize, depth: usize, rows: usize) {
        let first = (node << (TREE_DEPTH - depth)) - TREE_LEAVES;
        let count = 1 << (TREE_DEPTH - depth);
        self.tree.leaves[first..first + count].fill(steps(depth as f32 + path_of(rows)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::models::contract_test::blobs;

    #[test]
    fn every_width_gives_the_same_bits() {
        // 90 trees over 5 columns have more thresholds than one part of a ranked forest holds.
        for (columns, trees, rows) in [(5, 90, 500), (70, 20, 500), (3, 4, 79), (3, 4, 80), (3, 4, 2)] {
            let rows = blobs(rows, columns, 3);
            let forest = IsolationForest::train(&rows, 5, trees, 256);
            let mut portable = Vec::new();
            forest.score_portable(&rows, &mut portable);
            for width in kernels::widths() {
                let mut scores = Vec::new();
                forest.score_many(width, &rows, &mut scores);
                assert_eq!(portable, scores, "{width:?}, {columns} columns");
            }
        }
    }

    #[test]
    fn values_at_a_threshold_and_beyond_all_go_the_same_way_in_every_width() {
        let rows = blobs(300, 2, 3);
        let forest = IsolationForest::train(&rows, 5, 30, 256);
        let thresholds = forest.forest.trees().iter().flat_map(|tree| tree.nodes.map(|node| node.threshold));
        let mut wild = Matrix::with_capacity(0, 2);
        for value in thresholds.chain([f32::NAN, f32::INFINITY, f32::NEG_INFINITY, -0.0, 0.0]) {
            wild.push(&[value, -value]);
        }
        let mut portable = Vec::new();
        forest.score_portable(&wild, &mut portable);
        for width in kernels::widths() {
            let mut scores = Vec::new();
            forest.score_many(width, &wild, &mut scores);
            assert_eq!(portable, scores, "{width:?}");
        }
    }

    #[test]
    fn expected_path_is_the_papers() {
        assert!((path_of(256) - 10.244_77).abs() < 1e-3, "{}", path_of(256));
    }
}
