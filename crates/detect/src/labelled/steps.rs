//! The nodes of a Random Forest packed for walking: eight bytes each, a tree beside itself, many rows in turn and without
//! a branch on the data. Knows nodes and rows, and of what a leaf means that two classes share it.

use super::forest::Node;
use crate::kernels::COLUMNS_MAX;

/// Nodes of one tree that a packed place can tell apart.
const TREE_NODES_MAX: usize = 1 << 24;
/// Rows that pass one tree before the next is looked at: the tree stays in the cache for all of them.
pub(super) const BLOCK_ROWS: usize = 512;
/// Levels that a row walks before the next has its turn: the processor is on several rows at once.
const LEVELS: usize = 4;

/// From the highest bit: the threshold's key of 32, 24 of the left child's place in its tree, 8 of the column. A leaf is its own
/// left child and asks the column behind the last, which holds nothing: so its threshold is free for the share of class 1.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Step(u64);

impl Step {
    fn inner(node: Node, root: u32) -> Self {
        Self::packed(key(node.threshold), node.left - root, node.feature)
    }

    fn leaf(place: u32, columns: usize, share: f32) -> Self {
        Self::packed(share.to_bits(), place, columns as u32)
    }

    fn packed(high: u32, place: u32, column: u32) -> Self {
        Self(u64::from(high) << 32 | u64::from(place) << 8 | u64::from(column))
    }

    /// Where a row goes. One comparison and one addition with carry.
    #[inline(always)]
    fn next(self, row: &[u32]) -> u32 {
        ((self.0 as u32) >> 8) + u32::from(((self.0 >> 32) as u32) < row[usize::from(self.0 as u8)])
    }
}

/// A number as an integer of the same order; both zeros are one. What is no number is below all: it goes left everywhere,
/// as in training. Integers compare and add in two instructions, floats in four.
#[inline(always)]
fn key(value: f32) -> u32 {
    let bits = (value + 0.0).to_bits();
    let ordered = if bits >> 31 == 0 { bits | 1 << 31 } else { !bits };
    if value.is_nan() { 0 } else { ordered }
}

/// The values of a block as trees compare them; behind each row's `columns` one that is below every threshold.
pub(super) fn keys(block: &[f32], columns: usize, out: &mut Vec<u32>) {
    out.clear();
    for row in block.chunks_exact(columns.max(1)) {
        out.extend(row.iter().map(|value| key(*value)));
        out.push(0);
    }
}

/// All trees of a forest.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Steps {
    nodes: Vec<Step>,
    /// Where each tree begins; its end is the next one's beginning.
    roots: Vec<u32>,
    /// Columns of the rows.
    columns: usize,
}

impl Steps {
    /// `share` is the share of class 1 in a leaf. None when a tree has more nodes, or a node a higher column, than a packed one can
    /// say: then rows go one by one.
    pub(super) fn new(
        nodes: &[Node],
        trees: &[(u32, u32)],
        columns: usize,
        share: impl Fn(usize) -> f32,
    ) -> Option<Self> {
        let mut roots: Vec<u32> = trees.iter().map(|(root, _)| *root).collect();
        roots.push(nodes.len() as u32);
        let mut steps = Vec::with_capacity(nodes.len());
        for pair in roots.windows(2) {
            let tree = nodes.get(pair[0] as usize..pair[1] as usize)?;
            let inside = |node: &Node| {
                let left = node.left.checked_sub(pair[0]).map(|left| left as usize);
                left.is_some_and(|left| left < tree.len()) && (node.feature as usize) < columns
            };
            if columns >= COLUMNS_MAX || tree.len() > TREE_NODES_MAX || !tree.iter().all(inside) {
                return None;
            }
            steps.extend(tree.iter().zip(0..).map(|(node, place)| {
                let is_leaf = node.left - pair[0] == place;
                let at = (pair[0] + place) as usize;
                if is_leaf { Step::leaf(place, columns, share(at)) } else { Step::inner(*node, pair[0]) }
            }));
        }
        Some(Self { nodes: steps, roots, columns })
    }

    /// The share of class 1 in a leaf.
    #[inline(always)]
    pub(super) fn share(&self, leaf: u32) -> f32 {
        f32::from_bits((self.nodes[leaf as usize].0 >> 32) as u32)
    }

    /// The leaf that every row of the block reaches in `tree`, as a node of the forest. `block` holds the `keys` of rows; what is
    /// beyond its last row is left as it was.
    #[inline]
    pub(super) fn leaves(&self, tree: usize, block: &[u32], at: &mut [u32; BLOCK_ROWS]) {
        let width = self.columns + 1;
        let root = self.roots[tree];
        let steps = &self.nodes[root as usize..self.roots[tree + 1] as usize];
        let rows = (block.len() / width).min(BLOCK_ROWS);
        at[..rows].fill(0);
        let mut walking: [u16; BLOCK_ROWS] = std::array::from_fn(|row| row as u16);
        let mut left = rows;
        while left > 0 {
            let mut still = 0;
            for place in 0..left {
                let row = usize::from(walking[place]) % BLOCK_ROWS;
                let values = &block[row * width..][..width];
                let (mut before, mut now) = (0, at[row]);
                for _ in 0..LEVELS {
                    before = now;
                    now = steps[now as usize].next(values);
                }
                at[row] = now;
                walking[still] = row as u16;
                // Added, not branched upon: who has arrived is not to be foreseen.
                still += usize::from(now != before);
            }
            left = still;
        }
        at[..rows].iter_mut().for_each(|leaf| *leaf += root);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Random;

    #[test]
    fn keys_order_numbers_as_comparison_does() {
        let values = [f32::NEG_INFINITY, -1e30, -1.5, -1e-40, -0.0, 0.0, 1e-40, 0.5, 3.0, f32::INFINITY, f32::NAN];
        for threshold in values.iter().filter(|threshold| !threshold.is_nan()) {
            for value in values {
                assert_eq!(key(*threshold) < key(value), value > *threshold, "{value} against {threshold}");
            }
        }
    }

    /// A tree of 4,000 nodes: each splits one of five columns at a drawn threshold, the last ones are leaves.
    fn tree(root: u32, random: &mut Random) -> Vec<Node> {
        const NODES: u32 = 4_000;
        let mut free = 1;
        let node = |at: u32| {
            if free + 1 >= NODES || (at > 50 && random.below(3) == 0) {
                return Node::leaf(root + at);
            }
            free += 2;
            let feature = random.below(5) as u32;
            Node { threshold: random.normal(), left: root + free - 2, feature }
        };
        (0..NODES).map(node).collect()
    }

    #[test]
    fn many_rows_reach_the_leaves_that_each_alone_reaches() {
        let mut random = Random::new(3, 4);
        let (first, second) = (tree(0, &mut random), tree(4_000, &mut random));
        let nodes = [first, second].concat();
        let trees = [(0, 64), (4_000, 64)];
        let steps = Steps::new(&nodes, &trees, 5, |leaf| leaf as f32 * 0.5).expect("these trees fit");
        let odd = [f32::NAN, -0.0, 0.0, f32::INFINITY, f32::NEG_INFINITY];
        let value = |at: usize| if at.is_multiple_of(7) { odd[at % 5] } else { random.normal() };
        let rows: Vec<f32> = (0..5 * 301).map(value).collect();
        let (mut keyed, mut leaves) = (Vec::new(), [u32::MAX; BLOCK_ROWS]);
        keys(&rows, 5, &mut keyed);
        for (tree, (root, _)) in trees.iter().enumerate() {
            steps.leaves(tree, &keyed, &mut leaves);
            for (row, leaf) in rows.chunks_exact(5).zip(leaves) {
                let mut at = *root;
                while nodes[at as usize].next(row) != at {
                    at = nodes[at as usize].next(row);
                }
                assert_eq!((leaf, steps.share(leaf)), (at, at as f32 * 0.5));
            }
            assert_eq!(leaves[301], u32::MAX);
        }
    }

    #[test]
    fn what_a_packed_node_cannot_say_is_refused() {
        let tree = |left, feature| [Node { threshold: 0.0, left, feature }, Node::leaf(1), Node::leaf(2)];
        let fits = |tree: [Node; 3], columns| Steps::new(&tree, &[(0, 1)], columns, |_| 0.0).is_some();
        assert!(fits(tree(1, 0), 1) && fits(tree(1, 254), 255));
        assert!(!fits(tree(1, 1), 1), "a column that is not there");
        assert!(!fits(tree(3, 0), 1), "a child that is not there");
        assert!(!fits(tree(1, 0), COLUMNS_MAX), "no room for the column of leaves");
    }
}
