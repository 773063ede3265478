//! Operators that move, pick and fold numbers rather than compute them; see `ops` for the list.

use super::ops::{Given, at, first};
use super::proto::Node;
use super::tensor::{Result, Tensor, Values, axis_of, broadcast, elements, spread};

pub(super) fn constant(node: &Node, _given: &Given<'_>) -> Result<Vec<Tensor>> {
    let tensor = match node.attributes.first() {
        Some(value) if value.name == "value" => Tensor::read(value.tensor.as_ref().ok_or("an empty constant")?)?,
        Some(value) if value.name == "value_float" => Tensor::floats(vec![], vec![value.float]),
        Some(value) if value.name == "value_int" => Tensor::ints(vec![], vec![value.int]),
        Some(value) if value.name == "value_floats" => Tensor::floats(vec![value.floats.len()], value.floats.clone()),
        Some(value) if value.name == "value_ints" => Tensor::ints(vec![value.ints.len()], value.ints.clone()),
        _ => return Err("a constant of a kind that is not understood".to_owned()),
    };
    Ok(vec![tensor])
}

pub(super) fn reshape(node: &Node, given: &Given<'_>) -> Result<Vec<Tensor>> {
    let tensor = first(given)?;
    let asked = at(given, 1)?.as_ints()?;
    let mut dims = Vec::with_capacity(asked.len());
    let mut open = None;
    for (place, dim) in asked.iter().enumerate() {
        dims.push(match dim {
            0 if node.int("allowzero", 0) == 0 => {
                *tensor.dims.get(place).ok_or("keeps a dimension that is not there")?
            }
            -1 if open.is_none() => {
                open = Some(place);
                1
            }
            dim => usize::try_from(*dim).map_err(|_| format!("a dimension of {dim}"))?,
        });
    }
    if let Some(place) = open {
        dims[place] = tensor.len() / elements(&dims)?.max(1);
    }
    Ok(vec![tensor.reshaped(dims)?])
}

pub(super) fn flatten(node: &Node, given: &Given<'_>) -> Result<Vec<Tensor>> {
    let tensor = first(given)?;
    let axis = usize::try_from(node.int("axis", 1)).ok().filter(|axis| *axis <= tensor.dims.len());
    let axis = axis.ok_or("an axis beyond its dimensions")?;
    let (rows, columns) = tensor.dims.split_at(axis);
    Ok(vec![tensor.reshaped(vec![rows.iter().product(), columns.iter().product()])?])
}

/// Squeeze and Unsqueeze: the axes are an attribute in older versions, an input in newer ones.
pub(super) fn squeeze(node: &Node, given: &Given<'_>) -> Result<Vec<Tensor>> {
    let tensor = first(given)?;
    let axes = match given.get(1).copied().flatten() {
        Some(axes) => axes.as_ints()?.to_vec(),
        None => node.ints("axes").to_vec(),
    };
    let mut dims = tensor.dims.clone();
    if node.op_type == "Unsqueeze" {
        let after = dims.len() + axes.len();
        let mut places = axes.iter().map(|axis| axis_of(*axis, after)).collect::<Result<Vec<_>>>()?;
        places.sort_unstable();
        for place in places {
            dims.insert(place.min(dims.len()), 1);
        }
    } else {
        let places = axes.iter().map(|axis| axis_of(*axis, dims.len())).collect::<Result<Vec<_>>>()?;
        let goes = |place: usize, dim: usize| dim == 1 && (places.is_empty() || places.contains(&place));
        dims = dims.iter().enumerate().filter(|(place, dim)| !goes(*place, **dim)).map(|(_, dim)| *dim).collect();
    }
    Ok(vec![tensor.reshaped(dims)?])
}

pub(super) fn transpose(node: &Node, given: &Given<'_>) -> Result<Vec<Tensor>> {
    let tensor = first(given)?;
    let (rows, columns) = tensor.matrix()?;
    let order = node.ints("perm");
    if tensor.dims.len() != 2 || !(order.is_empty() || order == [1, 0]) {
        return Err("a transposition of more than rows and columns".to_owned());
    }
    let places: Vec<usize> = (0..rows * columns).map(|at| at % rows * columns + at / rows).collect();
    Ok(vec![tensor.picked(vec![columns, rows], &places)])
}

/// Slices of `tensor` along `axis`, by number.
fn along(tensor: &Tensor, axis: usize, chosen: &[i64], chosen_dims: &[usize]) -> Result<Tensor> {
    let length = tensor.dims[axis];
    let inner: usize = tensor.dims[axis + 1..].iter().product();
    let outer: usize = tensor.dims[..axis].iter().product();
    let mut places = Vec::with_capacity(elements(&[outer, chosen.len(), inner])?);
    for block in 0..outer {
        for number in chosen {
            let own = axis_of(*number, length).map_err(|_| format!("picks number {number} of {length}"))?;
            let start = (block * length + own) * inner;
            places.extend(start..start + inner);
        }
    }
    let dims = [&tensor.dims[..axis], chosen_dims, &tensor.dims[axis + 1..]].concat();
    elements(&dims)?;
    Ok(tensor.picked(dims, &places))
}

pub(super) fn gather(node: &Node, given: &Given<'_>) -> Result<Vec<Tensor>> {
    let (tensor, chosen) = (first(given)?, at(given, 1)?);
    let axis = axis_of(node.int("axis", 0), tensor.dims.len())?;
    Ok(vec![along(tensor, axis, chosen.as_ints()?, &chosen.dims)?])
}

/// ArrayFeatureExtractor: columns by number.
pub(super) fn extract(_node: &Node, given: &Given<'_>) -> Result<Vec<Tensor>> {
    let (tensor, chosen) = (first(given)?, at(given, 1)?);
    let axis = tensor.dims.len().checked_sub(1).ok_or("picks columns of a single number")?;
    Ok(vec![along(tensor, axis, chosen.as_ints()?, &[chosen.len()])?])
}

pub(super) fn concat(node: &Node, given: &Given<'_>) -> Result<Vec<Tensor>> {
    let lead = first(given)?;
    let axis = axis_of(node.int("axis", 0), lead.dims.len())?;
    let (mut dims, outer) = (lead.dims.clone(), lead.dims[..axis].iter().product::<usize>());
    let parts = (0..given.len()).map(|place| at(given, place)).collect::<Result<Vec<_>>>()?;
    for part in &parts[1..] {
        let rest = part.dims.len() == dims.len()
            && (0..dims.len()).all(|place| place == axis || part.dims[place] == lead.dims[place]);
        if !rest {
            return Err(format!("joins {:?} and {:?}", lead.dims, part.dims));
        }
        dims[axis] += part.dims[axis];
    }
    elements(&dims)?;
    let width = |part: &Tensor| part.len() / outer.max(1);
    let values = if parts.iter().all(|part| matches!(part.values, Values::Ints(_))) {
        let lists = parts.iter().map(|part| part.as_ints()).collect::<Result<Vec<_>>>()?;
        let block = |row: usize| {
            lists
                .iter()
                .zip(&parts)
                .flat_map(move |(list, part)| list[row * width(part)..][..width(part)].iter().copied())
        };
        Values::Ints((0..outer).flat_map(block).collect())
    } else {
        let lists = parts.iter().map(|part| part.as_floats()).collect::<Result<Vec<_>>>()?;
        let block = |row: usize| {
            lists
                .iter()
                .zip(&parts)
                .flat_map(move |(list, part)| list[row * width(part)..][..width(part)].iter().copied())
        };
        Values::Floats((0..outer).flat_map(block).collect())
    };
    Ok(vec![Tensor { dims, values }])
}

/// LabelEncoder between numbers; words are not read.
pub(super) fn label_encoder(node: &Node, given: &Given<'_>) -> Result<Vec<Tensor>> {
    let tensor = first(given)?;
    let (floats, ints) = (node.floats("values_floats"), node.ints("values_int64s"));
    let (keys, float_keys) = (node.ints("keys_int64s"), node.floats("keys_floats"));
    let count = floats.len().max(ints.len());
    if count == 0 || keys.len().max(float_keys.len()) != count {
        return Err("encodes words, or lists of different lengths".to_owned());
    }
    let mut order: Vec<usize> = (0..count).collect();
    let place_of: Box<dyn Fn(usize) -> Option<usize>> = match &tensor.values {
        Values::Ints(values) if !keys.is_empty() => {
            order.sort_by_key(|at| keys[*at]);
            Box::new(|at| order.binary_search_by_key(&values[at], |place| keys[*place]).ok().map(|found| order[found]))
        }
        Values::Floats(values) if !float_keys.is_empty() => {
            order.sort_by(|a, b| float_keys[*a].total_cmp(&float_keys[*b]));
            Box::new(|at| {
                order.binary_search_by(|place| float_keys[*place].total_cmp(&values[at])).ok().map(|found| order[found])
            })
        }
        _ => return Err("its keys are of another type than its input".to_owned()),
    };
    let places = (0..tensor.len()).map(place_of);
    let values = if floats.is_empty() {
        Values::Ints(places.map(|place| place.map_or(node.int("default_int64", -1), |place| ints[place])).collect())
    } else {
        Values::Floats(
            places.map(|place| place.map_or(node.float("default_float", -0.0), |place| floats[place])).collect(),
        )
    };
    Ok(vec![Tensor { dims: tensor.dims.clone(), values }])
}

/// Where: the second input where the first holds, else the third.
pub(super) fn choose(_node: &Node, given: &Given<'_>) -> Result<Vec<Tensor>> {
    let (condition, yes, no) = (first(given)?, at(given, 1)?, at(given, 2)?);
    let dims = broadcast(&broadcast(&condition.dims, &yes.dims)?, &no.dims)?;
    let places = spread(&condition.dims, &dims).into_iter().zip(spread(&yes.dims, &dims)).zip(spread(&no.dims, &dims));
    let holds = condition.as_ints()?;
    let values = match (&yes.values, &no.values) {
        (Values::Floats(a), Values::Floats(b)) => {
            Values::Floats(places.map(|((c, x), y)| if holds[c] != 0 { a[x] } else { b[y] }).collect())
        }
        (Values::Ints(a), Values::Ints(b)) => {
            Values::Ints(places.map(|((c, x), y)| if holds[c] != 0 { a[x] } else { b[y] }).collect())
        }
        _ => return Err("chooses between whole and floating-point numbers".to_owned()),
    };
    Ok(vec![Tensor { dims, values }])
}

/// Folds the last axis, or all.
pub(super) fn reduce(node: &Node, given: &Given<'_>, of: impl Fn(&[f32]) -> f32) -> Result<Vec<Tensor>> {
    let tensor = first(given)?;
    let axes = match given.get(1).copied().flatten() {
        Some(axes) => axes.as_ints()?.to_vec(),
        None => node.ints("axes").to_vec(),
    };
    let places = axes.iter().map(|axis| axis_of(*axis, tensor.dims.len())).collect::<Result<Vec<_>>>()?;
    let keep = node.int("keepdims", 1) != 0;
    let (width, mut dims) = match places[..] {
        [] => (tensor.len(), vec![]),
        [axis] if axis + 1 == tensor.dims.len() => (tensor.dims[axis], tensor.dims[..axis].to_vec()),
        _ => return Err("folds other axes than the last or all".to_owned()),
    };
    if keep {
        dims.resize(tensor.dims.len(), 1);
    }
    Ok(vec![Tensor::floats(dims, tensor.as_floats()?.chunks_exact(width.max(1)).map(of).collect())])
}
