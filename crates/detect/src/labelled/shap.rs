//! TreeSHAP: the exact Shapley value of every column for one row and one tree, in time of leaves × depth² (Lundberg, Erion
//! and Lee, "Consistent individualized feature attribution for tree ensembles", 2018, algorithm 2). What a column that is
//! not asked would have been is taken from the training rows that passed each node, or, far cheaper, from one other row
//! (interventional TreeSHAP: Lundberg et al., Nature Machine Intelligence 2, 2020).

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

/// Adds each column's Shapley value for `row` against `other`: the answer for a set of columns is the tree's for the row
/// that has them from `row` and the rest from `other`. Exact; only ways that such mixed rows go are walked.
pub(super) fn add_against(tree: &TreeView<'_>, root: usize, row: &[f32], other: &[f32], shares: &mut [f64]) {
    Mixed { tree, row, other, from_row: Vec::new(), from_other: Vec::new() }.descend(root, shares);
}

/// A way through a tree: the columns that must be the row's, and those that must be the other's, to go it.
struct Mixed<'a> {
    tree: &'a TreeView<'a>,
    row: &'a [f32],
    other: &'a [f32],
    from_row: Vec<usize>,
    from_other: Vec<usize>,
}

impl Mixed<'_> {
    fn descend(&mut self, node: usize, shares: &mut [f64]) {
        let Node { threshold, left, feature } = self.tree.nodes[node];
        let (left, column) = (left as usize, feature as usize);
        if left == node {
            return self.arrive((self.tree.value)(node), shares);
        }
        let child = |row: &[f32]| left + usize::from(row[column] > threshold);
        let (own, others) = (child(self.row), child(self.other));
        if own == others || self.from_row.contains(&column) {
            self.descend(own, shares);
        } else if self.from_other.contains(&column) {
            self.descend(others, shares);
        } else {
            self.from_row.push(column);
            self.descend(own, shares);
            self.from_row.pop();
            self.from_other.push(column);
            self.descend(others, shares);
            self.from_other.pop();
        }
    }

    /// A leaf's answer counts for a column in the share of orders in which that column is the last to make way for it.
    fn arrive(&self, value: f64, shares: &mut [f64]) {
        let (own, others) = (self.from_row.len(), self.from_other.len());
        for column in &self.from_row {
            shares[*column] += value * orders(own - 1, others);
        }
        for column in &self.from_other {
            shares[*column] -= value * orders(own, others - 1);
        }
    }
}

/// a!·b! / (a + b + 1)!
fn orders(a: usize, b: usize) -> f64 {
    let (few, many) = (a.min(b), a.max(b));
    (1..=few).fold(1.0 / (many + few + 1) as f64, |share, k| share * k as f64 / (many + k) as f64)
}
