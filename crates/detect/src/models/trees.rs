//! Isolation trees as they are grown and saved, and the walk that any processor can do: the plain form of
//! [`crate::kernels::descend`]. Knows nodes and leaves, not how a tree is grown.

use crate::kernels::{COLUMNS_MAX, LANES, Lanes, TREE_DEPTH, TREE_LEAVES};

/// Steps of a path length of 1: the longest, 8 and what 256 rows still hide, stays within 16 bits.
pub(super) const PATH_STEPS: f32 = 2048.0;

/// Inner node: a row whose `feature` is below `threshold` (or no number) goes to the odd child, others to the even one.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Node {
    pub(super) threshold: f32,
    pub(super) feature: u8,
}

impl Node {
    /// The child of node `place` that a row with this `value` goes to. One comparison and one addition with carry.
    #[inline(always)]
    #[allow(clippy::neg_cmp_op_on_partial_ord)] // The negation is what lets the carry flag be the answer.
    pub(super) fn child(threshold: f32, place: u32, value: f32) -> u32 {
        2 * place + u32::from(!(value >= threshold))
    }
}

/// A tree filled to `TREE_DEPTH`: node 1 is the root, the children of n are 2n and 2n + 1, node 0 is unused; leaves hold
/// path lengths in steps of 1/`PATH_STEPS`, so that their sum is the same in any order.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Tree {
    pub(super) nodes: [Node; TREE_LEAVES],
    pub(super) leaves: [u16; TREE_LEAVES],
}

/// One value of each column, for `LANES` rows. As large as a column's number may say, so that no access needs a check.
pub(super) type Group = [Lanes; COLUMNS_MAX];

/// Trees whose every feature is one of their rows' columns.
#[derive(Clone, Debug)]
pub(super) struct Forest {
    trees: Vec<Tree>,
}

impl Forest {
    /// None when a tree asks for a column that is not there.
    pub(super) fn new(trees: Vec<Tree>, columns: usize) -> Option<Self> {
        let mut features = trees.iter().flat_map(|tree| tree.nodes.iter().map(|node| usize::from(node.feature)));
        features.all(|feature| feature < columns).then_some(Self { trees })
    }

    /// No trees: every path is 0.
    pub(super) fn empty() -> Self {
        Self { trees: Vec::new() }
    }

    pub(super) fn trees(&self) -> &[Tree] {
        &self.trees
    }

    /// Adds each row's path steps in every tree to `sums`, which has one entry a group.
    pub(super) fn paths(&self, groups: &[Group], sums: &mut [[u32; LANES]]) {
        for tree in &self.trees {
            for (group, sum) in groups.iter().zip(sums.iter_mut()) {
                walk(tree, group, sum);
            }
        }
    }
}

/// One tree, `LANES` rows in step: no branch depends on the data.
#[inline(always)]
#[allow(clippy::needless_range_loop)] // A plain loop over the lanes is what the compiler unrolls.
fn walk(tree: &Tree, group: &Group, sum: &mut [u32; LANES]) {
    let mut places = [1; LANES];
    for _ in 0..TREE_DEPTH {
        for lane in 0..LANES {
            // A place above the last level is below `TREE_LEAVES`.
            let node = tree.nodes[places[lane] as usize & (TREE_LEAVES - 1)];
            places[lane] = Node::child(node.threshold, places[lane], group[usize::from(node.feature)][lane]);
        }
    }
    for lane in 0..LANES {
        sum[lane] += u32::from(tree.leaves[places[lane] as usize & (TREE_LEAVES - 1)]);
    }
}
