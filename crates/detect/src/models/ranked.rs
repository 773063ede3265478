//! An isolation forest in the form that wide processors score: thresholds are replaced by their ranks among all thresholds
//! of their column, so that a value is compared as one byte and 64 rows go down a tree together. Exact: a value reaches a
//! threshold if and only if its rank reaches the threshold's. Knows trees and ranks, not what a path length means.

use super::trees::Tree;
use crate::kernels::{self, COLUMNS_MAX, TILE, TREE_LEAVES, Width};
use crate::layout::{CUTS_MAX, Cuts, RankedTree, Step};
use std::collections::BTreeMap;

/// Trees that share one set of ranks.
#[derive(Clone, Debug)]
struct Part {
    cuts: Vec<(usize, Cuts)>,
    trees: Vec<RankedTree>,
}

/// Parts of a forest, each with at most `CUTS_MAX` thresholds a column.
#[derive(Clone, Debug)]
pub(super) struct RankedForest {
    parts: Vec<Part>,
}

/// Thresholds by column, ascending and distinct.
type Thresholds = BTreeMap<u8, Vec<f32>>;

impl RankedForest {
    /// Trees are taken in order; a part ends where one more tree would give a column too many thresholds.
    pub(super) fn new(trees: &[Tree]) -> Self {
        let (mut parts, mut first, mut joined) = (Vec::new(), 0, Thresholds::new());
        for place in 0..trees.len() {
            let mut more = joined.clone();
            add_thresholds(&trees[place], &mut more);
            if more.values().any(|cuts| cuts.len() > CUTS_MAX) {
                parts.push(Part::new(&trees[first..place], &joined));
                (first, more) = (place, Thresholds::new());
                // One tree has at most `CUTS_MAX` nodes.
                add_thresholds(&trees[place], &mut more);
            }
            joined = more;
        }
        parts.push(Part::new(&trees[first..], &joined));
        Self { parts }
    }

    /// Calls `each` with the sums of path steps of up to `TILE` rows, in order. `rows` is row-major.
    pub(super) fn paths(&self, width: Width, rows: &[f32], columns: usize, mut each: impl FnMut(&[u32])) {
        let mut ranks = Box::new([[0; TILE]; COLUMNS_MAX]);
        let mut reached = [0; 2 * TREE_LEAVES];
        let mut padded = Vec::new();
        for tile in rows.chunks(TILE * columns.max(1)) {
            let taken = tile.len() / columns;
            let mut whole = tile;
            if taken < TILE {
                padded.extend_from_slice(tile);
                padded.resize(TILE * columns, 0.0);
                whole = &padded;
            }
            let mut sums = [0; TILE];
            for part in &self.parts {
                for (column, cuts) in &part.cuts {
                    kernels::rank(width, cuts, whole, columns, *column, &mut ranks[*column]);
                }
                for tree in &part.trees {
                    kernels::descend(width, tree, &ranks, &mut reached, &mut sums);
                }
            }
            each(&sums[..taken]);
        }
    }
}

impl Part {
    fn new(trees: &[Tree], thresholds: &Thresholds) -> Self {
        let cuts = thresholds.iter().map(|(column, sorted)| (usize::from(*column), Cuts::new(sorted))).collect();
        Self { cuts, trees: trees.iter().map(|tree| ranked(tree, thresholds)).collect() }
    }
}

/// The nodes of a tree that split: the others have an infinite threshold.
fn splits(tree: &Tree) -> impl Iterator<Item = (usize, u8, f32)> {
    let nodes = tree.nodes.iter().enumerate().skip(1);
    nodes.filter(|(_, node)| node.threshold < f32::INFINITY).map(|(place, node)| (place, node.feature, node.threshold))
}

fn add_thresholds(tree: &Tree, thresholds: &mut Thresholds) {
    for (_, feature, threshold) in splits(tree) {
        let sorted = thresholds.entry(feature).or_default();
        let place = sorted.partition_point(|other| *other < threshold);
        if sorted.get(place) != Some(&threshold) {
            sorted.insert(place, threshold);
        }
    }
}

fn ranked(tree: &Tree, thresholds: &Thresholds) -> RankedTree {
    let mut ranked = RankedTree { levels: Default::default(), leaves: tree.leaves };
    for (place, feature, threshold) in splits(tree) {
        let below = thresholds.get(&feature).map_or(0, |sorted| sorted.partition_point(|other| *other < threshold));
        let step = Step { column: feature, rank: (below + 1) as u8, place: place as u8 };
        ranked.levels[place.ilog2() as usize].push(step);
    }
    ranked
}
