//! TreeSHAP: the exact Shapley value of every column for one row and one tree, in time of leaves × depth² (Lundberg, Erion
//! and Lee, "Consistent individualized feature attribution for tree ensembles", 2018, algorithm 2). What a column that is
//! not asked would have been is taken from the training rows that passed each node.

use super::forest::Node;

/// One tree as the algorithm reads it; children are absolute places.
pub(super) struct TreeView<'a> {
    pub(super) nodes: &'a [Node],
    pub(super) cover: &'a [f32],
    /// The answer of each node, for the class asked.
    pub(super) value: &'a dyn Fn(usize) -> f64,
}

/// One column on the way from the root: share of ways that flow on without it, with it, and the weight of the subsets.
#[derive(Clone, Copy)]
struct Step {
    column: usize,
    zero: f64,
    one: f64,
    weight: f64,
}

/// Adds each column's Shapley value for `row` to `shares`; together they are the tree's answer minus its mean answer.
pub(super) fn add(tree: &TreeView<'_>, root: usize, row: &[f32], shares: &mut [f64]) {
    descend(
        tree,
        root,
        row,
        shares,
        Vec::with_capacity(16),
        Step { column: usize::MAX, zero: 1.0, one: 1.0, weight: 0.0 },
    );
}

fn descend(tree: &TreeView<'_>, node: usize, row: &[f32], shares: &mut [f64], mut path: Vec<Step>, step: Step) {
    extend(&mut path, step);
    let Node { threshold, left, feature } = tree.nodes[node];
    let (left, column) = (left as usize, feature as usize);
    if left == node {
        let value = (tree.value)(node);
        for place in 1..path.len() {
            let Step { column, zero, one, .. } = path[place];
            shares[column] += unwound_weight(&path, place) * (one - zero) * value;
        }
        return;
    }
    let (hot, cold) = if row[column] <= threshold { (left, left + 1) } else { (left + 1, left) };
    let mut before = (1.0, 1.0);
    if let Some(place) = path.iter().position(|step| step.column == column) {
        before = (path[place].zero, path[place].one);
        unwind(&mut path, place);
    }
    let share = |child: usize| f64::from(tree.cover[child]) / f64::from(tree.cover[node]).max(f64::MIN_POSITIVE);
    let step = |child: usize, one: f64| Step { column, zero: before.0 * share(child), one, weight: 0.0 };
    descend(tree, hot, row, shares, path.clone(), step(hot, before.1));
    descend(tree, cold, row, shares, path, step(cold, 0.0));
}

fn extend(path: &mut Vec<Step>, step: Step) {
    let length = path.len();
    path.push(Step { weight: if length == 0 { 1.0 } else { 0.0 }, ..step });
    for place in (0..length).rev() {
        let weight = path[place].weight;
        path[place + 1].weight += step.one * weight * (place + 1) as f64 / (length + 1) as f64;
        path[place].weight = step.zero * weight * (length - place) as f64 / (length + 1) as f64;
    }
}

/// The weights of the path without one of its columns, last first.
fn without(path: &[Step], place: usize, mut each: impl FnMut(usize, f64)) {
    let last = path.len() - 1;
    let Step { zero, one, .. } = path[place];
    let mut carried = path[last].weight;
    for at in (0..last).rev() {
        let (with, rest) = ((at + 1) as f64, (last - at) as f64);
        if one == 0.0 {
            each(at, path[at].weight * (last + 1) as f64 / (zero * rest));
        } else {
            let weight = carried * (last + 1) as f64 / (with * one);
            carried = path[at].weight - weight * zero * rest / (last + 1) as f64;
            each(at, weight);
        }
    }
}

fn unwound_weight(path: &[Step], place: usize) -> f64 {
    let mut total = 0.0;
    without(path, place, |_, weight| total += weight);
    total
}

fn unwind(path: &mut Vec<Step>, place: usize) {
    let mut weights = vec![0.0; path.len()];
    without(path, place, |at, weight| weights[at] = weight);
    path.remove(place);
    for (step, weight) in path.iter_mut().zip(weights) {
        step.weight = weight;
    }
}
