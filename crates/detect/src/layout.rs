//! The shapes that kernels read: ranked trees, dense layers, matrices with strides. Owns how numbers lie in memory and
//! that they fit; computes nothing.

use crate::kernels::{LANES, Lanes, TREE_DEPTH, TREE_LEAVES};

/// Most thresholds of one column, so that a rank is a byte.
pub(crate) const CUTS_MAX: usize = 255;

/// The thresholds of one column in ascending blocks, the rest NaN, which no value reaches.
#[derive(Clone, Debug)]
pub(crate) struct Cuts {
    /// First threshold of each block but the first.
    pub(crate) pivots: Lanes,
    pub(crate) blocks: [Lanes; LANES],
}

impl Cuts {
    /// `sorted` are at most `CUTS_MAX` distinct thresholds, ascending.
    pub(crate) fn new(sorted: &[f32]) -> Self {
        let at = |place: usize| sorted.get(place).copied().unwrap_or(f32::NAN);
        Self {
            pivots: std::array::from_fn(|block| if block + 1 < LANES { at((block + 1) * LANES) } else { f32::NAN }),
            blocks: std::array::from_fn(|block| std::array::from_fn(|place| at(block * LANES + place))),
        }
    }
}

/// Inner node of a ranked tree: rows whose rank in `column` is below `rank` go to the odd child of `place`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Step {
    pub(crate) column: u8,
    pub(crate) rank: u8,
    pub(crate) place: u8,
}

/// A tree whose thresholds are ranks. Holds only the nodes that split, level by level; rows in a leaf above the last level
/// go to the even children from there.
#[derive(Clone, Debug)]
pub(crate) struct RankedTree {
    pub(crate) levels: [Vec<Step>; TREE_DEPTH],
    pub(crate) leaves: [u16; TREE_LEAVES],
}

/// Output columns are padded to a multiple of this, so that every width can take whole tiles.
pub(crate) const OUTPUT_TILE: usize = 8;

/// One dense layer: `weights` is inputs × `outputs` (padded to `OUTPUT_TILE`), `bias` has `outputs` values.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Layer {
    pub(crate) weights: Vec<f32>,
    pub(crate) bias: Vec<f32>,
    pub(crate) rectified: bool,
}

/// A matrix as `kernels::product` reads it: values and the distance between rows and between columns.
#[derive(Clone, Copy)]
pub(crate) struct View<'a> {
    pub(crate) values: &'a [f32],
    pub(crate) rows: usize,
    pub(crate) columns: usize,
    pub(crate) row_stride: usize,
    pub(crate) column_stride: usize,
}

impl<'a> View<'a> {
    /// Row-major.
    pub(crate) fn new(values: &'a [f32], rows: usize, columns: usize) -> Self {
        Self { values, rows, columns, row_stride: columns, column_stride: 1 }
    }
    /// Rows and columns changed over, without moving a value.
    pub(crate) fn transposed(self) -> Self {
        Self {
            rows: self.columns,
            columns: self.rows,
            row_stride: self.column_stride,
            column_stride: self.row_stride,
            ..self
        }
    }
    /// The last element lies within the values.
    pub(crate) fn fits(&self) -> bool {
        self.rows == 0
            || self.columns == 0
            || (self.rows - 1) * self.row_stride + (self.columns - 1) * self.column_stride < self.values.len()
    }
}
