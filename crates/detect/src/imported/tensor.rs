//! Numbers with a shape, and how shapes go together. Every size is bounded before memory is asked for: files of strangers
//! come here. Knows no operator.

use super::proto::RawTensor;

/// Most elements of one tensor.
const ELEMENTS_MAX: usize = 1 << 24;
/// Most dimensions.
const DIMS_MAX: usize = 8;

/// What goes wrong inside an imported model, in words.
pub(super) type Result<T> = std::result::Result<T, String>;

/// The numbers. Truth values are whole numbers 0 and 1.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Values {
    Floats(Vec<f32>),
    Ints(Vec<i64>),
}

/// Row-major numbers.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Tensor {
    pub(super) dims: Vec<usize>,
    pub(super) values: Values,
}

/// Elements of a shape, when they are not too many.
pub(super) fn elements(dims: &[usize]) -> Result<usize> {
    let product = dims.iter().try_fold(1_usize, |product, dim| product.checked_mul(*dim));
    let allowed = product.filter(|count| *count <= ELEMENTS_MAX && dims.len() <= DIMS_MAX);
    allowed.ok_or_else(|| format!("a tensor of {dims:?} is too large, {ELEMENTS_MAX} elements are the most"))
}

impl Tensor {
    pub(super) fn floats(dims: Vec<usize>, values: Vec<f32>) -> Self {
        Self { dims, values: Values::Floats(values) }
    }
    pub(super) fn ints(dims: Vec<usize>, values: Vec<i64>) -> Self {
        Self { dims, values: Values::Ints(values) }
    }
    pub(super) fn len(&self) -> usize {
        match &self.values {
            Values::Floats(values) => values.len(),
            Values::Ints(values) => values.len(),
        }
    }
    /// Floating-point numbers, or an error: ONNX does not mix.
    pub(super) fn as_floats(&self) -> Result<&[f32]> {
        match &self.values {
            Values::Floats(values) => Ok(values),
            Values::Ints(_) => Err("expects floating-point numbers and gets whole ones".to_owned()),
        }
    }
    pub(super) fn as_ints(&self) -> Result<&[i64]> {
        match &self.values {
            Values::Ints(values) => Ok(values),
            Values::Floats(_) => Err("expects whole numbers and gets floating-point ones".to_owned()),
        }
    }
    /// As floating-point numbers, whatever they are.
    pub(super) fn to_floats(&self) -> Vec<f32> {
        match &self.values {
            Values::Floats(values) => values.clone(),
            Values::Ints(values) => values.iter().map(|value| *value as f32).collect(),
        }
    }
    /// The same numbers in another shape of the same size.
    pub(super) fn reshaped(&self, dims: Vec<usize>) -> Result<Self> {
        if elements(&dims)? != self.len() {
            return Err(format!("{:?} does not become {dims:?}", self.dims));
        }
        Ok(Self { dims, values: self.values.clone() })
    }
    /// Picks elements by place; places are checked by the caller's construction.
    pub(super) fn picked(&self, dims: Vec<usize>, places: &[usize]) -> Self {
        let values = match &self.values {
            Values::Floats(values) => Values::Floats(places.iter().map(|at| values[*at]).collect()),
            Values::Ints(values) => Values::Ints(places.iter().map(|at| values[*at]).collect()),
        };
        Self { dims, values }
    }
    /// Rows and columns of a matrix; a row of numbers is one row.
    pub(super) fn matrix(&self) -> Result<(usize, usize)> {
        match self.dims[..] {
            [columns] => Ok((1, columns)),
            [rows, columns] => Ok((rows, columns)),
            _ => Err(format!("expects rows and columns and gets {:?}", self.dims)),
        }
    }

    /// From the file.
    pub(super) fn read(raw: &RawTensor) -> Result<Self> {
        if raw.location == 1 {
            return Err("its numbers lie in another file: export with the weights inside".to_owned());
        }
        let dims: Option<Vec<usize>> = raw.dims.iter().map(|dim| usize::try_from(*dim).ok()).collect();
        let dims = dims.ok_or("a dimension is negative")?;
        let count = elements(&dims)?;
        let values = match raw.data_type {
            1 => Values::Floats(numbers(raw, &raw.floats, f32::from_le_bytes)),
            // Doubles become floats, as everything is computed in.
            11 => Values::Floats(numbers(raw, &raw.doubles, f64::from_le_bytes).iter().map(|v| *v as f32).collect()),
            7 => Values::Ints(numbers(raw, &raw.int64s, i64::from_le_bytes)),
            6 => Values::Ints(numbers(raw, &raw.int32s, i32::from_le_bytes).iter().map(|v| i64::from(*v)).collect()),
            9 if raw.raw.is_empty() => Values::Ints(raw.int32s.iter().map(|v| i64::from(*v)).collect()),
            9 => Values::Ints(raw.raw.iter().map(|v| i64::from(*v)).collect()),
            other => {
                return Err(format!(
                    "numbers of ONNX's type {other} are not read; float, double, int32, int64 and bool are"
                ));
            }
        };
        let tensor = Self { dims, values };
        if tensor.len() == count { Ok(tensor) } else { Err(format!("{} numbers for a shape of {count}", tensor.len())) }
    }
}

/// Numbers as a list or as little-endian bytes.
fn numbers<T: Copy, const N: usize>(raw: &RawTensor, listed: &[T], of_bytes: fn([u8; N]) -> T) -> Vec<T> {
    if raw.raw.is_empty() { listed.to_vec() } else { raw.raw.as_chunks::<N>().0.iter().map(|b| of_bytes(*b)).collect() }
}

/// The shape that two shapes broadcast to: equal dimensions, or 1 for any.
pub(super) fn broadcast(a: &[usize], b: &[usize]) -> Result<Vec<usize>> {
    let length = a.len().max(b.len());
    let at = |dims: &[usize], place: usize| (place + dims.len()).checked_sub(length).map_or(1, |own| dims[own]);
    let dim = |place: usize| match (at(a, place), at(b, place)) {
        (one, other) if one == other => Ok(one),
        (1, other) => Ok(other),
        (one, 1) => Ok(one),
        _ => Err(format!("{a:?} and {b:?} do not go together")),
    };
    let dims = (0..length).map(dim).collect::<Result<Vec<_>>>()?;
    elements(&dims)?;
    Ok(dims)
}

/// For each element of `dims`, the place of the element of `from` that stands there.
pub(super) fn spread(from: &[usize], dims: &[usize]) -> Vec<usize> {
    let total: usize = dims.iter().product();
    let mut steps = vec![0; dims.len()];
    let mut step = 1;
    for (own, dim) in from.iter().enumerate().rev() {
        let place = own + dims.len() - from.len();
        steps[place] = if *dim == 1 { 0 } else { step };
        step *= dim;
    }
    let mut index = vec![0; dims.len()];
    let mut at = 0;
    let mut places = Vec::with_capacity(total);
    for _ in 0..total {
        places.push(at);
        for place in (0..dims.len()).rev() {
            index[place] += 1;
            at += steps[place];
            if index[place] < dims[place] {
                break;
            }
            at -= steps[place] * dims[place];
            index[place] = 0;
        }
    }
    places
}

/// An axis counted from the front; negative ones count from the back.
pub(super) fn axis_of(axis: i64, dims: usize) -> Result<usize> {
    let own = if axis < 0 { axis.saturating_add(dims as i64) } else { axis };
    usize::try_from(own).ok().filter(|own| *own < dims).ok_or_else(|| format!("axis {axis} of {dims} dimensions"))
}
