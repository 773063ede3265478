//! Tree ensembles of ONNX's ai.onnx.ml domain (TreeEnsembleRegressor, TreeEnsembleClassifier, versions 1 to 3): read into
//! flat nodes, walked row by row. What is not a forest of finite trees is refused when it is read.

use super::proto::Node;
use super::tensor::{Result, Tensor};

/// How a node compares.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Mode {
    AtMost,
    Below,
    AtLeast,
    Above,
    Equal,
    NotEqual,
    Leaf,
}

#[derive(Clone, Debug)]
struct Branch {
    mode: Mode,
    /// Where a value that is no number goes.
    missing_is_true: bool,
    column: u32,
    value: f32,
    /// Places of the children; of a leaf, the range of its `weights`.
    yes: u32,
    no: u32,
}

/// Numbers that leaves give, and what becomes of their sums.
#[derive(Clone, Debug)]
pub(super) struct Trees {
    branches: Vec<Branch>,
    roots: Vec<u32>,
    /// Target and weight.
    weights: Vec<(u32, f32)>,
    base: Vec<f32>,
    targets: usize,
    columns: usize,
    average: bool,
    transform: Transform,
    /// Labels of a classifier; none of a regressor.
    labels: Option<Labels>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Transform {
    None,
    Logistic,
    Softmax,
}

#[derive(Clone, Debug)]
struct Labels {
    ints: Vec<i64>,
    /// Two classes of which only one has weights: the other's probability is what is left.
    one_sided: bool,
    /// Its sums are probabilities.
    all_positive: bool,
}

impl Trees {
    /// From a node of either kind.
    pub(super) fn read(node: &Node) -> Result<Self> {
        let classifier = node.op_type == "TreeEnsembleClassifier";
        let prefix = if classifier { "class" } else { "target" };
        let targets_of = node.ints(&format!("{prefix}_ids"));
        let labels = classifier.then(|| labels(node, targets_of)).transpose()?;
        let targets = match &labels {
            Some(labels) => labels.ints.len(),
            None => usize::try_from(node.int("n_targets", 1)).unwrap_or(0),
        };
        if targets == 0 || targets > 4096 {
            return Err(format!("{targets} targets"));
        }
        let mut trees = Self {
            branches: Vec::new(),
            roots: Vec::new(),
            weights: Vec::new(),
            base: node.floats("base_values").to_vec(),
            targets,
            columns: 0,
            average: node.text("aggregate_function", "SUM") == "AVERAGE",
            transform: transform(&node.text("post_transform", "NONE"))?,
            labels,
        };
        let aggregate = node.text("aggregate_function", "SUM");
        if aggregate != "SUM" && aggregate != "AVERAGE" {
            return Err(format!("trees joined by {aggregate} are not understood; SUM and AVERAGE are"));
        }
        trees.read_branches(node, prefix, targets_of)?;
        Ok(trees)
    }

    fn read_branches(&mut self, node: &Node, prefix: &str, targets_of: &[i64]) -> Result<()> {
        let (tree_ids, node_ids) = (node.ints("nodes_treeids"), node.ints("nodes_nodeids"));
        let (columns, values) = (node.ints("nodes_featureids"), node.floats("nodes_values"));
        let (yes, no) = (node.ints("nodes_truenodeids"), node.ints("nodes_falsenodeids"));
        let modes = node.attribute("nodes_modes").map_or(&[][..], |modes| &modes.texts);
        let count = node_ids.len();
        let same = [tree_ids.len(), columns.len(), values.len(), yes.len(), no.len(), modes.len()];
        if count == 0 || same.iter().any(|length| *length != count) {
            return Err("its lists of nodes have different lengths".to_owned());
        }
        let mut place_of = std::collections::HashMap::with_capacity(count);
        for place in 0..count {
            if place_of.insert((tree_ids[place], node_ids[place]), place as u32).is_some() {
                return Err(format!("node {} of tree {} is there twice", node_ids[place], tree_ids[place]));
            }
        }
        let find = |tree: i64, id: i64| {
            place_of.get(&(tree, id)).copied().ok_or_else(|| format!("node {id} of tree {tree} is missing"))
        };
        let missing = node.ints("nodes_missing_value_tracks_true");
        let mut has_parent = vec![false; count];
        for place in 0..count {
            let mode = mode(&modes[place])?;
            let column = u32::try_from(columns[place]).map_err(|_| "a column is negative".to_owned())?;
            let (mut left, mut right) = (0, 0);
            if mode != Mode::Leaf {
                (left, right) = (find(tree_ids[place], yes[place])?, find(tree_ids[place], no[place])?);
                self.columns = self.columns.max(column as usize + 1);
                for child in [left, right] {
                    // With one parent at most, a walk from a root cannot come round.
                    if std::mem::replace(&mut has_parent[child as usize], true) {
                        return Err(format!(
                            "node {} of tree {} has two parents",
                            node_ids[child as usize], tree_ids[place]
                        ));
                    }
                }
            }
            let missing_is_true = missing.get(place).is_some_and(|flag| *flag != 0);
            self.branches.push(Branch { mode, missing_is_true, column, value: values[place], yes: left, no: right });
        }
        self.roots = (0..count as u32).filter(|place| !has_parent[*place as usize]).collect();
        let mut trees_seen: Vec<i64> = self.roots.iter().map(|root| tree_ids[*root as usize]).collect();
        trees_seen.dedup();
        if trees_seen.len() != self.roots.len() || self.roots.is_empty() {
            return Err("a tree has not exactly one root".to_owned());
        }
        self.read_leaves(node, prefix, targets_of, find)
    }

    fn read_leaves(
        &mut self,
        node: &Node,
        prefix: &str,
        targets_of: &[i64],
        find: impl Fn(i64, i64) -> Result<u32>,
    ) -> Result<()> {
        let list = |name: &str| node.ints(&format!("{prefix}_{name}"));
        let (trees, nodes) = (list("treeids"), list("nodeids"));
        let weights = node.floats(&format!("{prefix}_weights"));
        if [trees.len(), nodes.len(), weights.len()].iter().any(|length| *length != targets_of.len()) {
            return Err("its lists of leaves have different lengths".to_owned());
        }
        let mut of_leaf = Vec::with_capacity(weights.len());
        for place in 0..weights.len() {
            let leaf = find(trees[place], nodes[place])?;
            let target = u32::try_from(targets_of[place]).ok().filter(|target| (*target as usize) < self.targets);
            let target = target.ok_or_else(|| format!("target {} of {}", targets_of[place], self.targets))?;
            if self.branches[leaf as usize].mode != Mode::Leaf {
                return Err(format!("node {} of tree {} has a weight and is no leaf", nodes[place], trees[place]));
            }
            of_leaf.push((leaf, target, weights[place]));
        }
        of_leaf.sort_by_key(|(leaf, target, _)| (*leaf, *target));
        for (leaf, target, weight) in of_leaf {
            let branch = &mut self.branches[leaf as usize];
            if branch.yes == branch.no {
                branch.yes = self.weights.len() as u32;
            }
            self.weights.push((target, weight));
            branch.no = self.weights.len() as u32;
        }
        Ok(())
    }

    /// Regressor: sums, rows × targets. Classifier: labels and scores.
    pub(super) fn run(&self, input: &Tensor) -> Result<Vec<Tensor>> {
        let (rows, columns) = input.matrix()?;
        if columns < self.columns {
            return Err(format!("its trees look at {} columns and get {columns}", self.columns));
        }
        let values = input.to_floats();
        let mut sums = vec![0.0; rows * self.targets];
        for (row, sums) in values.chunks_exact(columns.max(1)).zip(sums.chunks_exact_mut(self.targets)) {
            self.sum(row, sums);
        }
        match &self.labels {
            None => {
                for row in sums.chunks_exact_mut(self.targets) {
                    self.transform.apply(row);
                }
                Ok(vec![Tensor::floats(vec![rows, self.targets], sums)])
            }
            Some(labels) => Ok(self.classified(labels, rows, sums)),
        }
    }

    fn sum(&self, row: &[f32], sums: &mut [f32]) {
        for root in &self.roots {
            let mut branch = &self.branches[*root as usize];
            while branch.mode != Mode::Leaf {
                let value = row[branch.column as usize];
                let yes = if value.is_nan() { branch.missing_is_true } else { branch.mode.holds(value, branch.value) };
                branch = &self.branches[if yes { branch.yes } else { branch.no } as usize];
            }
            for (target, weight) in self.weights.get(branch.yes as usize..branch.no as usize).unwrap_or_default() {
                sums[*target as usize] += weight;
            }
        }
        if self.average {
            for sum in sums.iter_mut() {
                *sum /= self.roots.len() as f32;
            }
        }
        if self.labels.as_ref().is_none_or(|labels| !labels.one_sided) {
            for (sum, base) in sums.iter_mut().zip(&self.base) {
                *sum += base;
            }
        }
    }

    fn classified(&self, labels: &Labels, rows: usize, mut sums: Vec<f32>) -> Vec<Tensor> {
        let mut chosen = Vec::with_capacity(rows);
        for row in sums.chunks_exact_mut(self.targets) {
            if labels.one_sided {
                // All weights are of one class; their sum speaks for the second, as ONNX Runtime reads it.
                let score = row.iter().sum::<f32>() + self.base.last().copied().unwrap_or(0.0);
                let other = if self.transform == Transform::None && labels.all_positive { 1.0 - score } else { -score };
                row.copy_from_slice(&[other, score]);
                if self.transform == Transform::Logistic {
                    self.transform.apply(row);
                }
            } else {
                self.transform.apply(row);
            }
            let best = (0..row.len()).fold(0, |best, at| if row[at] > row[best] { at } else { best });
            chosen.push(labels.ints[best]);
        }
        vec![Tensor::ints(vec![rows], chosen), Tensor::floats(vec![rows, self.targets], sums)]
    }
}

/// Labels; words are numbered, because only the scores matter here.
fn labels(node: &Node, targets_of: &[i64]) -> Result<Labels> {
    let ints = node.ints("classlabels_int64s");
    let words = node.attribute("classlabels_strings").map_or(0, |words| words.texts.len());
    let ints = if ints.is_empty() { (0..words as i64).collect() } else { ints.to_vec() };
    let first = targets_of.first().copied().unwrap_or(0);
    let one_sided = ints.len() == 2 && targets_of.iter().all(|target| *target == first);
    let all_positive = node.floats("class_weights").iter().all(|weight| *weight >= 0.0);
    if ints.is_empty() {
        Err("a classifier without classes".to_owned())
    } else {
        Ok(Labels { ints, one_sided, all_positive })
    }
}

fn transform(name: &str) -> Result<Transform> {
    match name {
        "NONE" | "" => Ok(Transform::None),
        "LOGISTIC" => Ok(Transform::Logistic),
        "SOFTMAX" => Ok(Transform::Softmax),
        other => Err(format!("post_transform {other} is not understood; NONE, LOGISTIC and SOFTMAX are")),
    }
}

fn mode(name: &[u8]) -> Result<Mode> {
    Ok(match name {
        b"BRANCH_LEQ" => Mode::AtMost,
        b"BRANCH_LT" => Mode::Below,
        b"BRANCH_GTE" => Mode::AtLeast,
        b"BRANCH_GT" => Mode::Above,
        b"BRANCH_EQ" => Mode::Equal,
        b"BRANCH_NEQ" => Mode::NotEqual,
        b"LEAF" => Mode::Leaf,
        other => return Err(format!("nodes of mode {} are not understood", String::from_utf8_lossy(other))),
    })
}

impl Mode {
    #[allow(clippy::float_cmp)] // As the format says.
    fn holds(self, value: f32, limit: f32) -> bool {
        match self {
            Self::AtMost => value <= limit,
            Self::Below => value < limit,
            Self::AtLeast => value >= limit,
            Self::Above => value > limit,
            Self::Equal => value == limit,
            Self::NotEqual => value != limit,
            Self::Leaf => false,
        }
    }
}

impl Transform {
    fn apply(self, row: &mut [f32]) {
        match self {
            Self::None => {}
            Self::Logistic => {
                for value in row {
                    *value = logistic(*value);
                }
            }
            Self::Softmax => softmax(row),
        }
    }
}

/// 1 / (1 + e^−x).
pub(super) fn logistic(x: f32) -> f32 {
    1.0 / (1.0 + (-x).exp())
}

/// Exponentials that add to 1.
pub(super) fn softmax(row: &mut [f32]) {
    let most = row.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let mut total = 0.0;
    for value in row.iter_mut() {
        *value = (*value - most).exp();
        total += *value;
    }
    for value in row.iter_mut() {
        *value /= total;
    }
}
