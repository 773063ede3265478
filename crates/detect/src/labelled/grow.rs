//! Grows one classification tree on binned columns: best Gini split among a few random columns, histogram or sort,
//! whichever is cheaper for the size of the node (CART: Breiman et al. 1984; random columns: Breiman 2001).

use super::bins::{BINS_MAX, Cuts};
use super::forest::{ForestSettings, Node};
use crate::random::Random;

/// Below this many rows a node sorts its rows by bin instead of filling a histogram.
const SORT_ROWS_MAX: usize = 48;

/// What a tree is grown from.
pub(super) struct Ground<'a> {
    /// Bins, column after column.
    pub(super) bins: &'a [u8],
    pub(super) cuts: &'a Cuts,
    /// Class of each row.
    pub(super) labels: &'a [u8],
    pub(super) classes: usize,
    pub(super) columns: usize,
    /// Weight of one row of each class.
    pub(super) class_weights: &'a [f64],
    pub(super) settings: &'a ForestSettings,
}

/// One tree: nodes with children relative to its own start, class shares and weight of each node.
#[derive(Default)]
pub(super) struct Grown {
    pub(super) nodes: Vec<Node>,
    pub(super) shares: Vec<f32>,
    pub(super) cover: Vec<f32>,
    pub(super) depth: u32,
}

/// A cut of one column: what is at most in `bin` goes left; the next bin that has rows of this node is `next`.
#[derive(Clone, Copy)]
struct Cut {
    gain: f64,
    bin: usize,
    next: usize,
}

struct Split {
    column: usize,
    cut: Cut,
}

/// A node waiting for its split: its place and the range of its rows.
struct Open {
    node: usize,
    from: usize,
    until: usize,
    depth: u32,
}

pub(super) struct Grower<'a> {
    ground: &'a Ground<'a>,
    /// How often the bootstrap drew each row.
    drawn: Vec<u32>,
    random: Random,
    candidates: Vec<usize>,
    histogram: Vec<f64>,
    sorting: Vec<(u8, u32)>,
    tree: Grown,
}

impl<'a> Grower<'a> {
    /// Grows one tree; the answer also says how often each row was drawn (0: out of bag).
    pub(super) fn grow(ground: &'a Ground<'a>, seed: u64, number: usize) -> (Grown, Vec<u32>) {
        let rows = ground.labels.len();
        let mut random = Random::new(seed, 0x0f0_0000 + number as u64);
        let mut drawn = vec![0; rows];
        (0..rows).for_each(|_| drawn[random.below(rows)] += 1);
        let mut grower = Self {
            ground,
            drawn,
            random,
            candidates: (0..ground.columns).collect(),
            histogram: vec![0.0; BINS_MAX * ground.classes],
            sorting: Vec::with_capacity(SORT_ROWS_MAX),
            tree: Grown::default(),
        };
        let mut members: Vec<u32> = (0..rows as u32).filter(|row| grower.drawn[*row as usize] > 0).collect();
        grower.run(&mut members);
        (grower.tree, grower.drawn)
    }

    fn run(&mut self, members: &mut [u32]) {
        let root = self.push(members);
        let mut open = vec![Open { node: root, from: 0, until: members.len(), depth: 0 }];
        while let Some(Open { node, from, until, depth }) = open.pop() {
            self.tree.depth = self.tree.depth.max(depth);
            let settings = self.ground.settings;
            let small = until - from < 2 * settings.leaf_rows_min;
            if small || depth >= settings.depth_max || self.is_pure(node) {
                continue;
            }
            let Some(split) = self.best(&members[from..until]) else { continue };
            let middle = from + self.part(&mut members[from..until], &split);
            let left = self.push(&members[from..middle]);
            self.push(&members[middle..until]);
            let threshold = self.ground.cuts.between(split.column, split.cut.bin, split.cut.next);
            self.tree.nodes[node] = Node { threshold, left: left as u32, feature: split.column as u32 };
            open.push(Open { node: left + 1, from: middle, until, depth: depth + 1 });
            open.push(Open { node: left, from, until: middle, depth: depth + 1 });
        }
    }

    fn weight(&self, row: u32) -> (usize, f64) {
        let class = usize::from(self.ground.labels[row as usize]);
        (class, f64::from(self.drawn[row as usize]) * self.ground.class_weights[class])
    }

    /// Appends a leaf with the class shares of these rows.
    fn push(&mut self, members: &[u32]) -> usize {
        let place = self.tree.nodes.len();
        let mut weights = vec![0.0; self.ground.classes];
        for row in members {
            let (class, weight) = self.weight(*row);
            weights[class] += weight;
        }
        let total: f64 = weights.iter().sum();
        self.tree.shares.extend(weights.iter().map(|weight| (weight / total.max(f64::MIN_POSITIVE)) as f32));
        self.tree.cover.push(total as f32);
        self.tree.nodes.push(Node::leaf(place as u32));
        place
    }

    fn is_pure(&self, node: usize) -> bool {
        self.tree.shares[node * self.ground.classes..][..self.ground.classes].iter().any(|share| *share >= 1.0)
    }

    /// The best split among random columns. Columns are drawn until enough were tried and one of them could be split.
    fn best(&mut self, members: &[u32]) -> Option<Split> {
        let classes = self.ground.classes;
        let mut totals = vec![0.0; classes];
        for row in members {
            let (class, weight) = self.weight(*row);
            totals[class] += weight;
        }
        let mut best: Option<Split> = None;
        let tried = self.ground.settings.columns_tried(self.ground.columns);
        for place in 0..self.ground.columns {
            if place >= tried && best.is_some() {
                break;
            }
            let other = place + self.random.below(self.ground.columns - place);
            self.candidates.swap(place, other);
            let column = self.candidates[place];
            let found = if members.len() < SORT_ROWS_MAX {
                self.sorted(members, column, &totals)
            } else {
                self.counted(members, column, &totals)
            };
            if let Some(cut) = found
                && best.as_ref().is_none_or(|best| cut.gain > best.cut.gain)
            {
                best = Some(Split { column, cut });
            }
        }
        best
    }

    /// Best cut of one column by a histogram of its bins.
    fn counted(&mut self, members: &[u32], column: usize, totals: &[f64]) -> Option<Cut> {
        let (classes, bins) = (self.ground.classes, self.ground.cuts.bins(column));
        if bins < 2 {
            return None;
        }
        let of_column = &self.ground.bins[column * self.ground.labels.len()..][..self.ground.labels.len()];
        self.histogram[..bins * classes].fill(0.0);
        for row in members {
            let (class, weight) = self.weight(*row);
            self.histogram[usize::from(of_column[*row as usize]) * classes + class] += weight;
        }
        let mut scan = Scan::new(totals);
        let mut last = None;
        for (bin, weights) in self.histogram[..bins * classes].chunks_exact(classes).enumerate() {
            if weights.iter().all(|weight| *weight == 0.0) {
                continue;
            }
            if let Some(last) = last.replace(bin) {
                scan.cut_between(last, bin);
            }
            scan.left.iter_mut().zip(weights).for_each(|(left, weight)| *left += weight);
        }
        scan.best
    }

    /// The same for few rows.
    fn sorted(&mut self, members: &[u32], column: usize, totals: &[f64]) -> Option<Cut> {
        let of_column = &self.ground.bins[column * self.ground.labels.len()..][..self.ground.labels.len()];
        self.sorting.clear();
        self.sorting.extend(members.iter().map(|row| (of_column[*row as usize], *row)));
        self.sorting.sort_unstable();
        let mut scan = Scan::new(totals);
        for pair in self.sorting.windows(2) {
            let (class, weight) = self.weight(pair[0].1);
            scan.left[class] += weight;
            if pair[0].0 != pair[1].0 {
                scan.cut_between(usize::from(pair[0].0), usize::from(pair[1].0));
            }
        }
        scan.best
    }

    /// Rows that go left first, in their order; answers how many.
    fn part(&self, members: &mut [u32], split: &Split) -> usize {
        let of_column = &self.ground.bins[split.column * self.ground.labels.len()..][..self.ground.labels.len()];
        let (mut left, mut right) = (0, Vec::with_capacity(members.len()));
        for place in 0..members.len() {
            let row = members[place];
            if usize::from(of_column[row as usize]) <= split.cut.bin {
                members[left] = row;
                left += 1;
            } else {
                right.push(row);
            }
        }
        members[left..].copy_from_slice(&right);
        left
    }
}

/// Walks the cuts of one column from left to right.
struct Scan<'a> {
    totals: &'a [f64],
    left: Vec<f64>,
    best: Option<Cut>,
}

impl<'a> Scan<'a> {
    fn new(totals: &'a [f64]) -> Self {
        Self { totals, left: vec![0.0; totals.len()], best: None }
    }

    /// Σ left²/n_left + Σ right²/n_right: largest where the Gini impurity falls most.
    fn cut_between(&mut self, bin: usize, next: usize) {
        let (mut left, mut right, mut left_squares, mut right_squares) = (0.0, 0.0, 0.0, 0.0);
        for (on_left, total) in self.left.iter().zip(self.totals) {
            let on_right = total - on_left;
            left += on_left;
            right += on_right;
            left_squares += on_left * on_left;
            right_squares += on_right * on_right;
        }
        // A side lighter than the lightest row is empty but for rounding.
        if left < 1e-6 || right < 1e-6 {
            return;
        }
        let gain = left_squares / left + right_squares / right;
        if self.best.is_none_or(|best| gain > best.gain) {
            self.best = Some(Cut { gain, bin, next });
        }
    }
}
