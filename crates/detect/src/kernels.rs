//! The inner loops of the models, most of them compiled three times: for every processor, for AVX2 with FMA, for AVX-512.
//! Plain loops over fixed-size arrays that the compiler turns into vectors; no gather instructions, which measured
//! slower. Knows no model, only arrays. The one file of this room that may use `unsafe`: for calling a function compiled
//! for a processor feature after having asked the processor for it, for vector loads and stores within arrays of known
//! size, and for the matrix product's raw pointers. Every wide form is tested against the plain one.
#![allow(unsafe_code)]
// Index loops over arrays of fixed size: iterator adaptors are not inlined into functions of wider processors.
#![allow(clippy::needless_range_loop)]

/// Rows scored side by side.
pub(crate) const LANES: usize = 16;
/// One value of `LANES` rows.
pub(crate) type Lanes = [f32; LANES];
/// Depth to which trees are filled: 2^8 = 256 leaves.
pub(crate) const TREE_DEPTH: u32 = 8;
/// Leaves of a filled tree, and one more than its inner nodes.
pub(crate) const TREE_LEAVES: usize = 1 << TREE_DEPTH;

/// Inner node: a row whose `feature` is below `threshold` (or no number) goes to the odd child, others to the even one.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Node {
    pub(crate) threshold: f32,
    pub(crate) feature: u32,
}

impl Node {
    /// The child of node `place` that a row with this `value` goes to. One comparison and one addition with carry.
    #[inline(always)]
    #[allow(clippy::neg_cmp_op_on_partial_ord)] // The negation is what lets the carry flag be the answer.
    pub(crate) fn child(threshold: f32, place: u32, value: f32) -> u32 {
        2 * place + u32::from(!(value >= threshold))
    }
}

/// A tree filled to `TREE_DEPTH`: node 1 is the root, the children of n are 2n and 2n + 1, node 0 is unused; leaves hold
/// path lengths.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Tree {
    pub(crate) nodes: [Node; TREE_LEAVES],
    pub(crate) leaves: [f32; TREE_LEAVES],
}

/// Trees whose every feature is known to be one of `columns`: what the unchecked walk relies on.
#[derive(Clone, Debug)]
pub(crate) struct Forest {
    trees: Vec<Tree>,
    columns: usize,
}

impl Forest {
    /// None when a tree asks for a column that is not there, or there are more columns than `COLUMNS_MAX`.
    pub(crate) fn new(trees: Vec<Tree>, columns: usize) -> Option<Self> {
        let mut features = trees.iter().flat_map(|tree| tree.nodes.iter().map(|node| node.feature as usize));
        let sound = columns > 0 && columns <= COLUMNS_MAX && features.all(|feature| feature < columns);
        sound.then_some(Self { trees, columns })
    }

    /// No trees: every path is 0.
    pub(crate) fn empty() -> Self {
        Self { trees: Vec::new(), columns: COLUMNS_MAX }
    }

    pub(crate) fn trees(&self) -> &[Tree] {
        &self.trees
    }

    /// Columns a group of rows takes in the block of [`Forest::paths`].
    pub(crate) fn stride(&self) -> usize {
        if self.columns <= NARROW { NARROW } else { COLUMNS_MAX }
    }

    /// Adds each row's path length in every tree to `sums`, in the order of the trees. `block` holds groups of `LANES`
    /// rows, `stride()` columns each, transposed; `sums` has one entry a group. All widths give the same bits.
    pub(crate) fn paths(&self, width: Width, block: &[Lanes], sums: &mut [Lanes]) {
        if self.columns <= NARROW {
            self.walk_groups(width, block.as_chunks::<NARROW>().0, sums);
        } else {
            self.walk_groups(width, block.as_chunks::<COLUMNS_MAX>().0, sums);
        }
    }

    fn walk_groups<const COLUMNS: usize>(&self, width: Width, groups: &[[Lanes; COLUMNS]], sums: &mut [Lanes]) {
        debug_assert!(self.columns <= COLUMNS);
        for tree in &self.trees {
            for (group, sum) in groups.iter().zip(sums.iter_mut()) {
                let mut places = [1; LANES];
                let mut levels = TREE_DEPTH;
                #[cfg(target_arch = "x86_64")]
                if width == Width::Avx512 {
                    // SAFETY: `Width::Avx512` is only made after the processor said it has AVX-512 F.
                    unsafe { top_levels_avx512(tree, group, &mut places) };
                    levels -= TOP_LEVELS;
                }
                // SAFETY: `Forest::new` has checked that every feature is below `columns`, and the caller chose
                // `COLUMNS` at least as large; places begin at the level that `levels` leaves to walk.
                unsafe { walk(tree, group, &mut places, levels, sum) };
            }
        }
    }
}

/// Which processor features the loops may use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Width {
    /// Any processor of the target.
    Portable,
    /// AVX2 and FMA.
    Avx2,
    /// AVX-512 F, VL, DQ and BW.
    Avx512,
}

impl Width {
    /// The widest this processor has; the standard library remembers the answer.
    #[inline]
    pub(crate) fn widest() -> Self {
        #[cfg(target_arch = "x86_64")]
        {
            let avx512 = is_x86_feature_detected!("avx512f")
                && is_x86_feature_detected!("avx512vl")
                && is_x86_feature_detected!("avx512dq")
                && is_x86_feature_detected!("avx512bw");
            let avx2 = is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma");
            if avx512 && avx2 {
                return Self::Avx512;
            }
            if avx2 {
                return Self::Avx2;
            }
        }
        Self::Portable
    }
}

/// Compiles `$body` three times and picks by width at run time.
macro_rules! dispatched {
    ($(#[$doc:meta])* fn $name:ident, $body:ident, ($($arg:ident: $type:ty),*)) => {
        $(#[$doc])*
        pub(crate) fn $name(width: Width, $($arg: $type),*) {
            #[cfg(target_arch = "x86_64")]
            {
                #[target_feature(enable = "avx2,fma")]
                fn avx2($($arg: $type),*) {
                    $body($($arg),*);
                }
                #[target_feature(enable = "avx2,fma,avx512f,avx512vl,avx512dq,avx512bw")]
                fn avx512($($arg: $type),*) {
                    $body($($arg),*);
                }
                match width {
                    // SAFETY: `Width::Avx2` is only made after the processor said it has AVX2 and FMA.
                    Width::Avx2 => return unsafe { avx2($($arg),*) },
                    // SAFETY: `Width::Avx512` is only made after the processor said it has these features.
                    Width::Avx512 => return unsafe { avx512($($arg),*) },
                    Width::Portable => {}
                }
            }
            $body($($arg),*);
        }
    };
}

/// Columns up to which a block of rows is a table of fixed size, so that no access needs a check.
const NARROW: usize = 64;
/// Most columns a schema may have.
pub(crate) const COLUMNS_MAX: usize = 256;

/// The last `levels` levels and the leaf of one tree, `LANES` rows in step: no branch depends on the data. Not compiled for
/// wider processors: the compiler makes gather instructions of it there, which took twice the time.
///
/// # Safety
/// Every feature of `tree` is below `COLUMNS`; every place is a node of level `TREE_DEPTH − levels`.
#[inline(always)]
unsafe fn walk<const COLUMNS: usize>(
    tree: &Tree,
    group: &[Lanes; COLUMNS],
    places: &mut [u32; LANES],
    levels: u32,
    sum: &mut Lanes,
) {
    for _ in 0..levels {
        for lane in 0..LANES {
            // SAFETY: a place above the last level is below `TREE_LEAVES`, and the feature is below `COLUMNS`.
            let (node, value) = unsafe {
                let node = tree.nodes.get_unchecked(places[lane] as usize);
                (node, group.get_unchecked(node.feature as usize)[lane])
            };
            places[lane] = Node::child(node.threshold, places[lane], value);
        }
    }
    for lane in 0..LANES {
        sum[lane] += tree.leaves[places[lane] as usize & (TREE_LEAVES - 1)];
    }
}

/// The first levels of one tree: compares every node with all rows at once, keeping for each node the set of rows that
/// reach it: 15 comparisons instead of 64 dependent steps.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f")]
fn top_levels_avx512<const COLUMNS: usize>(tree: &Tree, group: &[Lanes; COLUMNS], places: &mut [u32; LANES]) {
    use std::arch::x86_64::{
        _CMP_GE_OQ, _mm512_loadu_ps, _mm512_mask_cmp_ps_mask, _mm512_mask_or_epi32, _mm512_set1_epi32, _mm512_set1_ps,
        _mm512_storeu_si512,
    };
    const TOP: usize = 1 << TOP_LEVELS;
    let mut reached = [0u16; 2 * TOP];
    reached[1] = u16::MAX;
    let mut found = _mm512_set1_epi32(TOP as i32);
    for level in 0..TOP_LEVELS {
        let mut odd = 0;
        for place in 1 << level..2 << level {
            let node = tree.nodes[place];
            let values = &group[node.feature as usize & (COLUMNS - 1)];
            // SAFETY: `values` is an array of 16 floats; the load needs no alignment.
            let values = unsafe { _mm512_loadu_ps(values.as_ptr()) };
            let above = _mm512_mask_cmp_ps_mask::<_CMP_GE_OQ>(reached[place], values, _mm512_set1_ps(node.threshold));
            let below = reached[place] & !above;
            reached[2 * place] = above;
            reached[2 * place + 1] = below;
            odd |= below;
        }
        found = _mm512_mask_or_epi32(found, odd, found, _mm512_set1_epi32((TOP >> (level + 1)) as i32));
    }
    // SAFETY: `places` is an array of 16 numbers of 32 bits; the store needs no alignment.
    unsafe { _mm512_storeu_si512(places.as_mut_ptr().cast(), found) };
}

/// Levels that [`top_levels_avx512`] takes.
#[cfg(target_arch = "x86_64")]
const TOP_LEVELS: u32 = 4;

dispatched! {
    /// Standardises `LANES` rows in place, a column after another: (value − centre) · factor within ±`clip`.
    fn standardise, standardise_body, (centres: &[f32], factors: &[f32], clip: f32, columns: &mut [Lanes])
}

#[inline(always)]
fn standardise_body(centres: &[f32], factors: &[f32], clip: f32, columns: &mut [Lanes]) {
    for column in 0..columns.len().min(centres.len()).min(factors.len()) {
        let (values, centre, factor) = (&mut columns[column], centres[column], factors[column]);
        for lane in 0..LANES {
            let z = (values[lane] - centre) * factor;
            let z = if z < clip { z } else { clip };
            values[lane] = if z > -clip { z } else { -clip };
        }
    }
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

/// `output` = layer(`input`) for `LANES` rows; `input` has one entry an input, `output` one a padded output. The wide
/// forms keep a tile of sums in registers, which the compiler does not do with the plain loops.
pub(crate) fn dense(width: Width, layer: &Layer, input: &[Lanes], output: &mut [Lanes]) {
    // Buffers may be longer than this layer needs.
    let input = &input[..layer.weights.len() / layer.bias.len().max(1)];
    #[cfg(target_arch = "x86_64")]
    match width {
        // SAFETY: `Width::Avx512` is only made after the processor said it has AVX-512 F.
        Width::Avx512 => return unsafe { dense_avx512(layer, input, output) },
        // SAFETY: `Width::Avx2` is only made after the processor said it has AVX2 and FMA.
        Width::Avx2 => return unsafe { dense_avx2(layer, input, output) },
        Width::Portable => {}
    }
    dense_plain(layer, input, output);
}

fn rectify(value: f32) -> f32 {
    if value > 0.0 { value } else { 0.0 }
}

fn dense_plain(layer: &Layer, input: &[Lanes], output: &mut [Lanes]) {
    const TILE: usize = 2;
    let outputs = layer.bias.len();
    let tiles = output.as_chunks_mut::<TILE>().0.iter_mut().zip(layer.bias.as_chunks::<TILE>().0);
    for (tile, (out, bias)) in tiles.enumerate() {
        let (mut first, mut second) = ([bias[0]; LANES], [bias[1]; LANES]);
        for (values, row) in input.iter().zip(layer.weights.chunks_exact(outputs)) {
            let [one, two] = row.as_chunks::<TILE>().0[tile];
            for lane in 0..LANES {
                first[lane] += values[lane] * one;
                second[lane] += values[lane] * two;
            }
        }
        *out = if layer.rectified { [first.map(rectify), second.map(rectify)] } else { [first, second] };
    }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f")]
fn dense_avx512(layer: &Layer, input: &[Lanes], output: &mut [Lanes]) {
    use std::arch::x86_64::{_mm512_fmadd_ps, _mm512_loadu_ps, _mm512_max_ps, _mm512_set1_ps, _mm512_storeu_ps};
    let outputs = layer.bias.len();
    // Index loops on purpose: iterator adaptors are not inlined here, and then the sums live in memory.
    for tile in 0..outputs / OUTPUT_TILE {
        let mut sums = [_mm512_set1_ps(0.0); OUTPUT_TILE];
        for place in 0..OUTPUT_TILE {
            sums[place] = _mm512_set1_ps(layer.bias[tile * OUTPUT_TILE + place]);
        }
        let mut at = tile * OUTPUT_TILE;
        for row in 0..input.len() {
            // SAFETY: the entry is an array of 16 floats; the load needs no alignment.
            let values = unsafe { _mm512_loadu_ps(input[row].as_ptr()) };
            let weights = &layer.weights[at..at + OUTPUT_TILE];
            for place in 0..OUTPUT_TILE {
                sums[place] = _mm512_fmadd_ps(values, _mm512_set1_ps(weights[place]), sums[place]);
            }
            at += outputs;
        }
        let floor = _mm512_set1_ps(if layer.rectified { 0.0 } else { f32::NEG_INFINITY });
        for place in 0..OUTPUT_TILE {
            let out = &mut output[tile * OUTPUT_TILE + place];
            // SAFETY: `out` is an array of 16 floats; the store needs no alignment.
            unsafe { _mm512_storeu_ps(out.as_mut_ptr(), _mm512_max_ps(sums[place], floor)) };
        }
    }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma")]
fn dense_avx2(layer: &Layer, input: &[Lanes], output: &mut [Lanes]) {
    use std::arch::x86_64::{_mm256_fmadd_ps, _mm256_loadu_ps, _mm256_max_ps, _mm256_set1_ps, _mm256_storeu_ps};
    const TILE: usize = 4;
    let outputs = layer.bias.len();
    for tile in 0..outputs / TILE {
        let (mut low, mut high) = ([_mm256_set1_ps(0.0); TILE], [_mm256_set1_ps(0.0); TILE]);
        for place in 0..TILE {
            low[place] = _mm256_set1_ps(layer.bias[tile * TILE + place]);
            high[place] = low[place];
        }
        let mut at = tile * TILE;
        for row in 0..input.len() {
            let values: &Lanes = &input[row];
            // SAFETY: both halves lie within the array of 16 floats; the loads need no alignment.
            let (first, second) = unsafe { (_mm256_loadu_ps(values.as_ptr()), _mm256_loadu_ps(values[8..].as_ptr())) };
            let weights = &layer.weights[at..at + TILE];
            for place in 0..TILE {
                let weight = _mm256_set1_ps(weights[place]);
                low[place] = _mm256_fmadd_ps(first, weight, low[place]);
                high[place] = _mm256_fmadd_ps(second, weight, high[place]);
            }
            at += outputs;
        }
        let floor = _mm256_set1_ps(if layer.rectified { 0.0 } else { f32::NEG_INFINITY });
        for place in 0..TILE {
            let out: &mut Lanes = &mut output[tile * TILE + place];
            // SAFETY: both halves lie within the array of 16 floats; the stores need no alignment.
            unsafe {
                _mm256_storeu_ps(out.as_mut_ptr(), _mm256_max_ps(low[place], floor));
                _mm256_storeu_ps(out[8..].as_mut_ptr(), _mm256_max_ps(high[place], floor));
            }
        }
    }
}

dispatched! {
    /// Adds Σ ln(1 + min((output − input)² · factor, `cap`)) over the columns to `sums`, for `LANES` rows. `cap` at most
    /// 1000, so that the product of `PRODUCT_TERMS` terms stays finite.
    fn capped_log_error, capped_log_error_body,
    (input: &[Lanes], output: &[Lanes], factors: &[f32], cap: f32, sums: &mut Lanes)
}

/// Terms multiplied before one logarithm is taken of all of them: (1 + 1000)^8 is well within f32.
const PRODUCT_TERMS: usize = 8;

#[inline(always)]
fn capped_log_error_body(input: &[Lanes], output: &[Lanes], factors: &[f32], cap: f32, sums: &mut Lanes) {
    let mut column = 0;
    while column < factors.len() {
        let end = (column + PRODUCT_TERMS).min(factors.len());
        let mut product = [1.0f32; LANES];
        while column < end {
            let (x, y, factor) = (&input[column], &output[column], factors[column]);
            for lane in 0..LANES {
                let gap = y[lane] - x[lane];
                let error = gap * gap * factor;
                product[lane] *= 1.0 + if error < cap { error } else { cap };
            }
            column += 1;
        }
        for lane in 0..LANES {
            sums[lane] += ln(product[lane]);
        }
    }
}

/// Natural logarithm of a finite number ≥ 1, relative error below 1e-6: exponent and mantissa apart, then the series of
/// the inverse hyperbolic tangent. Branch-free, so that loops over it become vectors.
#[inline(always)]
fn ln(x: f32) -> f32 {
    // Moving the split to √½ keeps the mantissa within √½ and √2.
    let bits = x.to_bits().wrapping_sub(0x3f35_04f3);
    let exponent = (bits as i32 >> 23) as f32;
    let mantissa = f32::from_bits((bits & 0x007f_ffff).wrapping_add(0x3f35_04f3));
    let t = (mantissa - 1.0) / (mantissa + 1.0);
    let square = t * t;
    let series = 2.0 + square * (0.666_666_7 + square * (0.4 + square * (0.285_714_3 + square * 0.222_222_2)));
    exponent * std::f32::consts::LN_2 + t * series
}

dispatched! {
    /// Puts the indices of the `count` smallest of `values` into `found`, in no order; among equals the first ones.
    /// `values` has a multiple of `STRIPES` entries, `count` is at most `STRIPES`.
    fn smallest, smallest_body, (values: &[f32], count: usize, found: &mut Vec<u32>)
}

/// Stripes whose minima bound the smallest values.
pub(crate) const STRIPES: usize = 64;

#[inline(always)]
fn smallest_body(values: &[f32], count: usize, found: &mut Vec<u32>) {
    found.clear();
    let mut minima = [f32::INFINITY; STRIPES];
    for chunk in values.as_chunks::<STRIPES>().0 {
        for (minimum, value) in minima.iter_mut().zip(chunk) {
            *minimum = if *value < *minimum { *value } else { *minimum };
        }
    }
    // At least `count` values are at most this: one in each of `count` stripes.
    let bound = *minima.select_nth_unstable_by(count.clamp(1, STRIPES) - 1, f32::total_cmp).1;
    for (chunk, part) in values.as_chunks::<LANES>().0.iter().enumerate() {
        let mut mask = 0u32;
        for lane in 0..LANES {
            mask |= u32::from(part[lane] <= bound) << lane;
        }
        while mask != 0 {
            found.push(chunk as u32 * LANES as u32 + mask.trailing_zeros());
            mask &= mask - 1;
        }
    }
    if found.len() > count && count > 0 {
        let key = |index: &u32| values[*index as usize];
        found.select_nth_unstable_by(count - 1, |a, b| key(a).total_cmp(&key(b)).then(a.cmp(b)));
        found.truncate(count);
    }
}

/// A matrix as `gemm` reads it: values and the distance between rows and between columns.
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
    fn fits(&self) -> bool {
        self.rows == 0
            || self.columns == 0
            || (self.rows - 1) * self.row_stride + (self.columns - 1) * self.column_stride < self.values.len()
    }
}

/// `out` = a · b, row-major, `a.rows × b.columns`. Does nothing when the shapes do not agree (a fault of the caller, which
/// debug builds report).
pub(crate) fn gemm(a: View<'_>, b: View<'_>, out: &mut [f32]) {
    let fits = a.columns == b.rows && a.fits() && b.fits() && out.len() >= a.rows * b.columns;
    debug_assert!(fits, "shapes of a product do not agree");
    if !fits || a.rows == 0 || b.columns == 0 {
        return;
    }
    let (m, k, n) = (a.rows, a.columns, b.columns);
    // SAFETY: `fits` has checked that the last element each operand is asked for lies within its slice, strides are not
    // negative, and `out` is borrowed exclusively, so that it overlaps neither operand.
    unsafe {
        matrixmultiply::sgemm(
            m,
            k,
            n,
            1.0,
            a.values.as_ptr(),
            a.row_stride as isize,
            a.column_stride as isize,
            b.values.as_ptr(),
            b.row_stride as isize,
            b.column_stride as isize,
            0.0,
            out.as_mut_ptr(),
            n as isize,
            1,
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Random;

    fn widths() -> Vec<Width> {
        let mut widths = vec![Width::Portable];
        if Width::widest() != Width::Portable {
            widths.push(Width::Avx2);
        }
        if Width::widest() == Width::Avx512 {
            widths.push(Width::Avx512);
        }
        widths
    }

    fn random_lanes(random: &mut Random, count: usize) -> Vec<Lanes> {
        (0..count).map(|_| std::array::from_fn(|_| random.normal())).collect()
    }

    #[test]
    fn dense_layers_agree_with_the_plain_sum() {
        let mut random = Random::new(1, 1);
        for (inputs, outputs) in [(1, 8), (51, 32), (32, 56)] {
            let weights = (0..inputs * outputs).map(|_| random.normal()).collect();
            let bias = (0..outputs).map(|_| random.normal()).collect();
            let layer = Layer { weights, bias, rectified: outputs == 32 };
            let input = random_lanes(&mut random, inputs);
            for width in widths() {
                let mut output = vec![[0.0; LANES]; outputs];
                dense(width, &layer, &input, &mut output);
                for (j, values) in output.iter().enumerate() {
                    for (lane, value) in values.iter().enumerate() {
                        let terms = (0..inputs).map(|i| input[i][lane] * layer.weights[i * outputs + j]);
                        let sum = layer.bias[j] + terms.sum::<f32>();
                        let plain = if layer.rectified { sum.max(0.0) } else { sum };
                        assert!((value - plain).abs() < 1e-4, "{width:?}: {value} {plain}");
                    }
                }
            }
        }
    }

    #[test]
    fn log_errors_agree_with_the_plain_form() {
        let mut random = Random::new(2, 1);
        let (input, output) = (random_lanes(&mut random, 51), random_lanes(&mut random, 56));
        let factors: Vec<f32> = (0..51).map(|_| random.unit() * 90.0).collect();
        for width in widths() {
            let mut sums = [0.5; LANES];
            capped_log_error(width, &input, &output, &factors, 100.0, &mut sums);
            for (lane, sum) in sums.iter().enumerate() {
                let term = |c: usize| ((output[c][lane] - input[c][lane]).powi(2) * factors[c]).min(100.0).ln_1p();
                let plain = 0.5 + (0..51).map(term).sum::<f32>();
                assert!((sum - plain).abs() < 1e-3, "{width:?}: {sum} {plain}");
            }
        }
    }

    #[test]
    fn logarithm_is_accurate() {
        for step in 0..4000 {
            let x = 1.0f32 * 1.02f32.powi(step);
            assert!((ln(x) - x.ln()).abs() <= 1e-6 * x.ln().max(1.0), "{x}");
        }
    }

    #[test]
    fn smallest_finds_what_sorting_finds() {
        let mut random = Random::new(3, 1);
        for rows in [64, 128, 2048] {
            for kind in 0..3 {
                let draw = |random: &mut Random| match kind {
                    0 => random.normal(),
                    1 => random.below(3) as f32,
                    _ => 1.0,
                };
                let values: Vec<f32> = (0..rows).map(|_| draw(&mut random)).collect();
                let mut order: Vec<u32> = (0..rows as u32).collect();
                order.sort_by(|a, b| values[*a as usize].total_cmp(&values[*b as usize]).then(a.cmp(b)));
                for count in [1, 20, 64] {
                    let mut expected = order[..count].to_vec();
                    expected.sort_unstable();
                    for width in widths() {
                        let mut found = Vec::new();
                        smallest(width, &values, count, &mut found);
                        found.sort_unstable();
                        assert_eq!(found, expected, "{width:?}, {rows} rows, {count}");
                    }
                }
            }
        }
    }

    #[test]
    fn products_agree_with_the_plain_sum() {
        let mut random = Random::new(4, 1);
        let (m, k, n) = (7, 5, 9);
        let a: Vec<f32> = (0..m * k).map(|_| random.normal()).collect();
        let b: Vec<f32> = (0..n * k).map(|_| random.normal()).collect();
        let mut out = vec![f32::NAN; m * n];
        gemm(View::new(&a, m, k), View::new(&b, n, k).transposed(), &mut out);
        for i in 0..m {
            for j in 0..n {
                let plain: f32 = (0..k).map(|p| a[i * k + p] * b[j * k + p]).sum();
                assert!((out[i * n + j] - plain).abs() < 1e-5);
            }
        }
    }
}
