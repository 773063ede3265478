//! The nodes of a Random Forest packed for walking: eight bytes each, a tree beside itself, sixteen rows in step and without
//! a branch on the data. Knows nodes and rows, not what a leaf means.

use super::forest::Node;
use crate::kernels::{COLUMNS_MAX, LANES, Lanes};

/// Nodes of one tree that a packed place can tell apart.
const TREE_NODES_MAX: usize = 1 << 24;
/// Levels between two looks whether all rows have arrived.
const LEVELS: usize = 3;

/// From the highest bit: the threshold's 32, 24 of the left child's place in its tree, 8 of the column.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Step(u64);

impl Step {
    fn new(node: Node, root: u32) -> Self {
        let place = u64::from(node.left - root);
        Self(u64::from(node.threshold.to_bits()) << 32 | place << 8 | u64::from(node.feature))
    }

    /// Where a row of the group goes. NaN compares false and goes left, as in training.
    #[inline(always)]
    fn next(self, group: &[Lanes], lane: usize) -> u32 {
        let threshold = f32::from_bits((self.0 >> 32) as u32);
        let right = group[usize::from(self.0 as u8)][lane] > threshold;
        ((self.0 as u32) >> 8) + u32::from(right)
    }
}

/// All trees of a forest.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Steps {
    steps: Vec<Step>,
    /// Where each tree begins; its end is the next one's beginning.
    roots: Vec<u32>,
}

impl Steps {
    /// None when a tree has more nodes, or a node a higher column, than a packed one can say: then rows go one by one.
    pub(super) fn new(nodes: &[Node], trees: &[(u32, u32)]) -> Option<Self> {
        let mut roots: Vec<u32> = trees.iter().map(|(root, _)| *root).collect();
        roots.push(nodes.len() as u32);
        let mut steps = Vec::with_capacity(nodes.len());
        for pair in roots.windows(2) {
            let tree = nodes.get(pair[0] as usize..pair[1] as usize)?;
            let inside = |node: &Node| {
                let left = node.left.checked_sub(pair[0]).map(|left| left as usize);
                left.is_some_and(|left| left < tree.len()) && (node.feature as usize) < COLUMNS_MAX
            };
            if tree.len() > TREE_NODES_MAX || !tree.iter().all(inside) {
                return None;
            }
            steps.extend(tree.iter().map(|node| Step::new(*node, pair[0])));
        }
        Some(Self { steps, roots })
    }

    /// The leaf in `tree` that each row of the group reaches, as a node of the forest.
    #[inline]
    pub(super) fn leaves(&self, tree: usize, group: &[Lanes]) -> [u32; LANES] {
        let root = self.roots[tree];
        let steps = &self.steps[root as usize..self.roots[tree + 1] as usize];
        let mut at = [0_u32; LANES];
        loop {
            let before = at;
            for _ in 0..LEVELS {
                for (lane, at) in at.iter_mut().enumerate() {
                    *at = steps[*at as usize].next(group, lane);
                }
            }
            if at == before {
                return at.map(|leaf| leaf + root);
            }
        }
    }
}
