//! The operators that are understood, one line each in [`operator`]; what is not there is refused by name. Semantics from
//! the ONNX operator documents (domain ai.onnx, versions 7 to 22, and ai.onnx.ml). Owns arithmetic; knows no file.

use super::proto::Node;
use super::shapes;
use super::tensor::{Result, Tensor, Values, axis_of, broadcast, elements, spread};
use super::trees::{Trees, logistic, softmax};

/// What an operator is given: tensors, in the order of its inputs; none for one that is left out.
pub(super) type Given<'a> = [Option<&'a Tensor>];
type Run = fn(&Node, &Given<'_>) -> Result<Vec<Tensor>>;

/// How a node is computed.
pub(super) enum Operator {
    Plain(Run),
    Trees(Box<Trees>),
}

/// The operator of a node.
pub(super) fn operator(node: &Node) -> Result<Operator> {
    if let "TreeEnsembleRegressor" | "TreeEnsembleClassifier" = node.op_type.as_str() {
        return Ok(Operator::Trees(Box::new(Trees::read(node)?)));
    }
    let run = moving(&node.op_type).or_else(|| pairing(&node.op_type)).or_else(|| computing(&node.op_type));
    run.map(Operator::Plain).ok_or_else(|| format!("operator {} is not understood", node.op_type))
}

/// Operators that move numbers.
fn moving(op_type: &str) -> Option<Run> {
    Some(match op_type {
        // A classifier's map of labels to probabilities: the probabilities are what counts here.
        "Identity" | "Dropout" | "ZipMap" => |_, given| Ok(vec![first(given)?.clone()]),
        "Constant" => shapes::constant,
        "Cast" => cast,
        "Reshape" => shapes::reshape,
        "Flatten" => shapes::flatten,
        "Squeeze" | "Unsqueeze" => shapes::squeeze,
        "Transpose" => shapes::transpose,
        "Gather" => shapes::gather,
        "ArrayFeatureExtractor" => shapes::extract,
        "Concat" => shapes::concat,
        "LabelEncoder" => shapes::label_encoder,
        "Where" => shapes::choose,
        _ => return None,
    })
}

/// Operators on pairs of elements.
fn pairing(op_type: &str) -> Option<Run> {
    Some(match op_type {
        "Add" => |_, given| joined(given, |a, b| a + b, i64::wrapping_add),
        "Sub" => |_, given| joined(given, |a, b| a - b, i64::wrapping_sub),
        "Mul" => |_, given| joined(given, |a, b| a * b, i64::wrapping_mul),
        "Div" => |_, given| joined(given, |a, b| a / b, |a, b| a.checked_div(b).unwrap_or(0)),
        "Pow" => |_, given| joined(given, f32::powf, |a, b| a.wrapping_pow(u32::try_from(b).unwrap_or(0))),
        "Max" => |_, given| joined(given, f32::max, i64::max),
        "Min" => |_, given| joined(given, f32::min, i64::min),
        "Sum" => |_, given| joined(given, |a, b| a + b, i64::wrapping_add),
        "Equal" => |_, given| compared(given, |a, b| a == b, |a, b| a == b),
        "Greater" => |_, given| compared(given, |a, b| a > b, |a, b| a > b),
        "GreaterOrEqual" => |_, given| compared(given, |a, b| a >= b, |a, b| a >= b),
        "Less" => |_, given| compared(given, |a, b| a < b, |a, b| a < b),
        "LessOrEqual" => |_, given| compared(given, |a, b| a <= b, |a, b| a <= b),
        "And" => |_, given| joined(given, |a, _| a, |a, b| a & b),
        "Or" => |_, given| joined(given, |a, _| a, |a, b| a | b),
        "Not" => |_, given| {
            Ok(vec![Tensor::ints(first(given)?.dims.clone(), first(given)?.as_ints()?.iter().map(|v| 1 - v).collect())])
        },
        _ => return None,
    })
}

/// Operators that compute.
fn computing(op_type: &str) -> Option<Run> {
    Some(match op_type {
        "Neg" => |_, given| each(given, |x| -x),
        "Abs" => |_, given| each(given, f32::abs),
        "Exp" => |_, given| each(given, f32::exp),
        "Log" => |_, given| each(given, f32::ln),
        "Sqrt" => |_, given| each(given, f32::sqrt),
        "Reciprocal" => |_, given| each(given, f32::recip),
        "Sigmoid" => |_, given| each(given, logistic),
        "Tanh" => |_, given| each(given, f32::tanh),
        "Relu" => |_, given| each(given, |x| x.max(0.0)),
        "Softplus" => |_, given| each(given, |x| x.max(0.0) + (-x.abs()).exp().ln_1p()),
        "LeakyRelu" => {
            |node, given| sloped(given, node.float("alpha", 0.01), |x, alpha| if x < 0.0 { alpha * x } else { x })
        }
        "Elu" => |node, given| {
            sloped(given, node.float("alpha", 1.0), |x, alpha| if x < 0.0 { alpha * x.exp_m1() } else { x })
        },
        "Clip" => clip,
        "Softmax" => softmaxed,
        "MatMul" => |_, given| matrix_product(given),
        "Gemm" => gemm,
        "ReduceSum" => |node, given| shapes::reduce(node, given, |row| row.iter().sum()),
        "ReduceMean" => {
            |node, given| shapes::reduce(node, given, |row| row.iter().sum::<f32>() / row.len().max(1) as f32)
        }
        "ReduceMax" => {
            |node, given| shapes::reduce(node, given, |row| row.iter().copied().fold(f32::NEG_INFINITY, f32::max))
        }
        "ReduceMin" => {
            |node, given| shapes::reduce(node, given, |row| row.iter().copied().fold(f32::INFINITY, f32::min))
        }
        "ReduceSumSquare" => |node, given| shapes::reduce(node, given, |row| row.iter().map(|x| x * x).sum()),
        "ReduceL2" => |node, given| shapes::reduce(node, given, |row| row.iter().map(|x| x * x).sum::<f32>().sqrt()),
        "Scaler" => scaler,
        "LinearRegressor" => linear,
        "BatchNormalization" => normalisation,
        _ => return None,
    })
}

/// The first input.
pub(super) fn first<'a>(given: &Given<'a>) -> Result<&'a Tensor> {
    at(given, 0)
}

/// An input that must be there.
pub(super) fn at<'a>(given: &Given<'a>, place: usize) -> Result<&'a Tensor> {
    given.get(place).copied().flatten().ok_or_else(|| format!("input {place} is missing"))
}

fn each(given: &Given<'_>, of: impl Fn(f32) -> f32) -> Result<Vec<Tensor>> {
    let tensor = first(given)?;
    if let (Values::Ints(values), true) = (&tensor.values, of(1.0) == -1.0) {
        return Ok(vec![Tensor::ints(tensor.dims.clone(), values.iter().map(|value| value.wrapping_neg()).collect())]);
    }
    Ok(vec![Tensor::floats(tensor.dims.clone(), tensor.as_floats()?.iter().map(|x| of(*x)).collect())])
}

fn sloped(given: &Given<'_>, alpha: f32, of: impl Fn(f32, f32) -> f32) -> Result<Vec<Tensor>> {
    let tensor = first(given)?;
    Ok(vec![Tensor::floats(tensor.dims.clone(), tensor.as_floats()?.iter().map(|x| of(*x, alpha)).collect())])
}

/// Two or more inputs, from the left, each broadcast.
fn joined(given: &Given<'_>, floats: fn(f32, f32) -> f32, ints: fn(i64, i64) -> i64) -> Result<Vec<Tensor>> {
    let mut result = first(given)?.clone();
    for place in 1..given.len() {
        let other = at(given, place)?;
        let dims = broadcast(&result.dims, &other.dims)?;
        let values = match (&result.values, &other.values) {
            (Values::Floats(a), Values::Floats(b)) => {
                Values::Floats(pairs(a, &result.dims, b, &other.dims, &dims, floats))
            }
            (Values::Ints(a), Values::Ints(b)) => Values::Ints(pairs(a, &result.dims, b, &other.dims, &dims, ints)),
            // A power's exponent may be of the other type.
            (Values::Floats(a), Values::Ints(_)) => {
                Values::Floats(pairs(a, &result.dims, &other.to_floats(), &other.dims, &dims, floats))
            }
            (Values::Ints(_), Values::Floats(_)) => return Err("joins whole and floating-point numbers".to_owned()),
        };
        result = Tensor { dims, values };
    }
    Ok(vec![result])
}

fn compared(given: &Given<'_>, floats: fn(f32, f32) -> bool, ints: fn(i64, i64) -> bool) -> Result<Vec<Tensor>> {
    let (a, b) = (first(given)?, at(given, 1)?);
    let dims = broadcast(&a.dims, &b.dims)?;
    let values = match (&a.values, &b.values) {
        (Values::Floats(x), Values::Floats(y)) => pairs(x, &a.dims, y, &b.dims, &dims, |x, y| i64::from(floats(x, y))),
        (Values::Ints(x), Values::Ints(y)) => pairs(x, &a.dims, y, &b.dims, &dims, |x, y| i64::from(ints(x, y))),
        _ => return Err("compares whole with floating-point numbers".to_owned()),
    };
    Ok(vec![Tensor::ints(dims, values)])
}

/// `of` each pair of elements, both broadcast to `dims`.
fn pairs<T: Copy, U>(
    a: &[T],
    a_dims: &[usize],
    b: &[T],
    b_dims: &[usize],
    dims: &[usize],
    of: impl Fn(T, T) -> U,
) -> Vec<U> {
    if a_dims == dims && b.len() == 1 {
        return a.iter().map(|x| of(*x, b[0])).collect();
    }
    if a_dims == b_dims {
        return a.iter().zip(b).map(|(x, y)| of(*x, *y)).collect();
    }
    let places = spread(a_dims, dims).into_iter().zip(spread(b_dims, dims));
    places.map(|(x, y)| of(a[x], b[y])).collect()
}

fn cast(node: &Node, given: &Given<'_>) -> Result<Vec<Tensor>> {
    let tensor = first(given)?;
    let values = match (node.int("to", 0), &tensor.values) {
        (1 | 11, _) => Values::Floats(tensor.to_floats()),
        (6 | 7, Values::Floats(values)) => Values::Ints(values.iter().map(|value| *value as i64).collect()),
        (6 | 7 | 9, Values::Ints(values)) if node.int("to", 0) != 9 => Values::Ints(values.clone()),
        (9, Values::Ints(values)) => Values::Ints(values.iter().map(|value| i64::from(*value != 0)).collect()),
        (9, Values::Floats(values)) => Values::Ints(values.iter().map(|value| i64::from(*value != 0.0)).collect()),
        // Words are only ever labels here, and labels are numbers already.
        (8, _) => tensor.values.clone(),
        (other, _) => return Err(format!("casts to ONNX's type {other}")),
    };
    Ok(vec![Tensor { dims: tensor.dims.clone(), values }])
}

fn clip(node: &Node, given: &Given<'_>) -> Result<Vec<Tensor>> {
    let bound = |place: usize, name: &str, usual: f32| -> Result<f32> {
        match given.get(place).copied().flatten() {
            Some(tensor) => tensor.as_floats()?.first().copied().ok_or_else(|| "an empty bound".to_owned()),
            None => Ok(node.float(name, usual)),
        }
    };
    let (low, high) = (bound(1, "min", f32::MIN)?, bound(2, "max", f32::MAX)?);
    each(given, |x| x.max(low).min(high))
}

fn softmaxed(node: &Node, given: &Given<'_>) -> Result<Vec<Tensor>> {
    let mut tensor = first(given)?.clone();
    if axis_of(node.int("axis", -1), tensor.dims.len())? + 1 != tensor.dims.len() {
        return Err("softmax over another axis than the last".to_owned());
    }
    let width = tensor.dims.last().copied().unwrap_or(1).max(1);
    let Values::Floats(values) = &mut tensor.values else { return Err("softmax of whole numbers".to_owned()) };
    for row in values.chunks_exact_mut(width) {
        softmax(row);
    }
    Ok(vec![tensor])
}

/// Rows × inner times inner × columns.
fn product(a: &[f32], b: &[f32], rows: usize, inner: usize, columns: usize) -> Result<Vec<f32>> {
    elements(&[rows, columns])?;
    elements(&[rows, inner.div_ceil(64), columns])?;
    let mut out = vec![0.0; rows * columns];
    for (row, out) in a.chunks_exact(inner.max(1)).zip(out.chunks_exact_mut(columns.max(1))) {
        for (value, weights) in row.iter().zip(b.chunks_exact(columns.max(1))) {
            for (sum, weight) in out.iter_mut().zip(weights) {
                *sum += value * weight;
            }
        }
    }
    Ok(out)
}

fn matrix_product(given: &Given<'_>) -> Result<Vec<Tensor>> {
    let (a, b) = (first(given)?, at(given, 1)?);
    let ((rows, inner), (height, columns)) = (a.matrix()?, b.matrix()?);
    if inner != height || b.dims.len() != 2 {
        return Err(format!("{:?} times {:?}", a.dims, b.dims));
    }
    Ok(vec![Tensor::floats(vec![rows, columns], product(a.as_floats()?, b.as_floats()?, rows, inner, columns)?)])
}

/// `tensor`, rows and columns exchanged when `yes`.
fn maybe_transposed(tensor: &Tensor, yes: bool) -> Result<Tensor> {
    let (rows, columns) = tensor.matrix()?;
    if !yes {
        return tensor.reshaped(vec![rows, columns]);
    }
    let places: Vec<usize> = (0..rows * columns).map(|at| at % rows * columns + at / rows).collect();
    Ok(tensor.picked(vec![columns, rows], &places))
}

fn gemm(node: &Node, given: &Given<'_>) -> Result<Vec<Tensor>> {
    let a = maybe_transposed(first(given)?, node.int("transA", 0) != 0)?;
    let b = maybe_transposed(at(given, 1)?, node.int("transB", 0) != 0)?;
    if a.dims[1] != b.dims[0] {
        return Err(format!("{:?} times {:?}", a.dims, b.dims));
    }
    let (alpha, beta) = (node.float("alpha", 1.0), node.float("beta", 1.0));
    let dims = vec![a.dims[0], b.dims[1]];
    let mut sums = product(a.as_floats()?, b.as_floats()?, dims[0], a.dims[1], dims[1])?;
    for sum in &mut sums {
        *sum *= alpha;
    }
    if let Some(c) = given.get(2).copied().flatten() {
        if broadcast(&c.dims, &dims)? != dims {
            return Err(format!("adds {:?} to {dims:?}", c.dims));
        }
        let values = c.as_floats()?;
        for (sum, place) in sums.iter_mut().zip(spread(&c.dims, &dims)) {
            *sum += beta * values[place];
        }
    }
    Ok(vec![Tensor::floats(dims, sums)])
}

/// (x − offset) · scale by column.
fn scaler(node: &Node, given: &Given<'_>) -> Result<Vec<Tensor>> {
    let tensor = first(given)?;
    let (_, columns) = tensor.matrix()?;
    let (offset, scale) = (node.floats("offset"), node.floats("scale"));
    if [offset.len(), scale.len()].iter().any(|length| *length != 1 && *length != columns) {
        return Err(format!("{} offsets and {} scales for {columns} columns", offset.len(), scale.len()));
    }
    let values = tensor.to_floats();
    let scaled = values.iter().enumerate().map(|(at, value)| {
        let column = at % columns;
        (value - offset[column % offset.len()]) * scale[column % scale.len()]
    });
    Ok(vec![Tensor::floats(tensor.dims.clone(), scaled.collect())])
}

fn linear(node: &Node, given: &Given<'_>) -> Result<Vec<Tensor>> {
    let tensor = first(given)?;
    let (rows, columns) = tensor.matrix()?;
    let targets = usize::try_from(node.int("targets", 1)).unwrap_or(0);
    let (weights, base) = (node.floats("coefficients"), node.floats("intercepts"));
    if weights.len() != targets.saturating_mul(columns) || !(base.is_empty() || base.len() == targets) {
        return Err(format!("{} coefficients for {targets} targets of {columns} columns", weights.len()));
    }
    let mut sums = Vec::with_capacity(elements(&[rows, targets])?);
    for row in tensor.to_floats().chunks_exact(columns.max(1)) {
        for (target, weights) in weights.chunks_exact(columns.max(1)).enumerate() {
            let sum: f32 = row.iter().zip(weights).map(|(x, weight)| x * weight).sum();
            sums.push(sum + base.get(target).copied().unwrap_or(0.0));
        }
    }
    Ok(vec![Tensor::floats(vec![rows, targets], sums)])
}

/// With the means and variances of training: (x − mean) / √(variance + ε) · scale + bias by column.
fn normalisation(node: &Node, given: &Given<'_>) -> Result<Vec<Tensor>> {
    let tensor = first(given)?;
    let (_, columns) = tensor.matrix()?;
    let list = |place: usize| -> Result<&[f32]> {
        let values = at(given, place)?.as_floats()?;
        if values.len() == columns {
            Ok(values)
        } else {
            Err(format!("{} numbers for {columns} columns", values.len()))
        }
    };
    let (scale, bias, mean, variance) = (list(1)?, list(2)?, list(3)?, list(4)?);
    let epsilon = node.float("epsilon", 1e-5);
    let normal = |(at, x): (usize, &f32)| {
        let column = at % columns;
        (x - mean[column]) / (variance[column] + epsilon).sqrt() * scale[column] + bias[column]
    };
    Ok(vec![Tensor::floats(tensor.dims.clone(), tensor.as_floats()?.iter().enumerate().map(normal).collect())])
}
