//! The inner loops of the models, compiled three times: for every processor, for AVX2 with FMA, for AVX-512. Plain loops over
//! fixed-size arrays that the compiler turns into vectors, and where it does not, loops over the trait `Simd`, whose default
//! methods are the plain form; no gather instructions, which measured slower. Knows no model, only arrays. The one file of
//! this room that may use `unsafe`: for calling a function compiled for a processor feature after having asked the processor
//! for it, for vector loads, stores and prefetches within arrays of known size, and for the matrix product's raw pointers.
//! Every wide form is tested against the plain one.
#![allow(unsafe_code)]
// Index loops over arrays of fixed size: iterator adaptors are not inlined into functions of wider processors.
#![allow(clippy::needless_range_loop)]

// Their names say what they are; a list of forty would say no more.
#[allow(clippy::wildcard_imports)]
#[cfg(target_arch = "x86_64")]
use std::arch::x86_64::*;

pub(crate) use crate::width::Width;

use crate::activation::ln;
use crate::layout::{Cuts, Layer, RankedTree, View};

/// Rows scored side by side.
pub(crate) const LANES: usize = 16;
/// One value of `LANES` rows.
pub(crate) type Lanes = [f32; LANES];
/// Levels of a ranked tree; it has 2^8 = 256 leaves.
pub(crate) const TREE_DEPTH: usize = 8;
/// Leaves of a tree filled to `TREE_DEPTH`, and one more than its inner nodes.
pub(crate) const TREE_LEAVES: usize = 1 << TREE_DEPTH;
/// Most columns a schema may have.
pub(crate) const COLUMNS_MAX: usize = 256;

/// Compiles `$body`, generic over [`Simd`], three times and picks by width at run time.
macro_rules! dispatched {
    ($(#[$doc:meta])* fn $name:ident, $body:ident, ($($arg:ident: $type:ty),*)) => {
        $(#[$doc])*
        pub(crate) fn $name(width: Width, $($arg: $type),*) {
            #[cfg(target_arch = "x86_64")]
            {
                #[target_feature(enable = "avx2,fma,popcnt,bmi1")]
                fn avx2($($arg: $type),*) {
                    $body::<Avx2>($($arg),*);
                }
                #[target_feature(enable = "avx2,fma,popcnt,bmi1,avx512f,avx512vl,avx512dq,avx512bw")]
                fn avx512($($arg: $type),*) {
                    $body::<Avx512>($($arg),*);
                }
                match width {
                    // SAFETY: `Width::Avx2` is only made after the processor said it has these features.
                    Width::Avx2 => return unsafe { avx2($($arg),*) },
                    // SAFETY: `Width::Avx512` is only made after the processor said it has these features.
                    Width::Avx512 => return unsafe { avx512($($arg),*) },
                    Width::Portable => {}
                }
            }
            $body::<Plain>($($arg),*);
        }
    };
}

/// Plain code compiled for each width (`run` is inlined always). Nothing is fused: the results are the same to the bit.
pub(crate) trait Widened {
    type Out;
    fn run(self) -> Self::Out;
}

/// Runs `work` as wide as this processor can.
#[inline]
pub(crate) fn widened<W: Widened>(width: Width, work: W) -> W::Out {
    #[cfg(target_arch = "x86_64")]
    {
        #[target_feature(enable = "avx2,fma,popcnt,bmi1")]
        fn avx2<W: Widened>(work: W) -> W::Out {
            work.run()
        }
        #[target_feature(enable = "avx2,fma,popcnt,bmi1,avx512f,avx512vl,avx512dq,avx512bw")]
        fn avx512<W: Widened>(work: W) -> W::Out {
            work.run()
        }
        match width {
            // SAFETY: `Width::Avx2` is only made after the processor said it has these features.
            Width::Avx2 => return unsafe { avx2(work) },
            // SAFETY: `Width::Avx512` is only made after the processor said it has these features.
            Width::Avx512 => return unsafe { avx512(work) },
            Width::Portable => {}
        }
    }
    work.run()
}

/// Rows that go down ranked trees together: one bit each of a mask.
pub(crate) const TILE: usize = 64;
/// One column of them as ranks: how many of its thresholds a value reaches.
pub(crate) type Ranks = [u8; TILE];
/// Where [`descend`] notes which rows reach a node.
pub(crate) type Reached = [u64; 2 * TREE_LEAVES];

/// What a processor has for 64 bytes or 16 floats at once. The methods' bodies are the plain form.
trait Simd {
    /// Its eight floats.
    type Octet: Octet;
    /// Its `LANES` floats.
    type Row: Floats;
    /// Outputs of a dense layer whose sums its registers hold for `LANES` rows.
    const DENSE_TILE: usize;
    /// Rows of a product whose sums they hold.
    const PRODUCT_ROWS: usize = 6;
    /// Bit i is set where `values[i]` is at least `least`.
    #[inline(always)]
    fn at_least(values: &Ranks, least: u8) -> u64 {
        (0..TILE).fold(0, |mask, row| mask | u64::from(values[row] >= least) << row)
    }
    /// Byte i is made of bits i of the masks, the first mask's bit highest.
    #[inline(always)]
    fn joined(masks: &[u64; TREE_DEPTH]) -> Ranks {
        std::array::from_fn(|row| masks.iter().fold(0, |byte, mask| byte << 1 | (mask >> row & 1) as u8))
    }
    /// How many of `cuts` are at most `value`.
    #[inline(always)]
    fn reached(cuts: &Lanes, value: f32) -> usize {
        cuts.iter().filter(|cut| value >= **cut).count()
    }
    /// Adds each row's leaf to its sum.
    #[inline(always)]
    fn add_leaves(leaves: &[u16; TREE_LEAVES], places: &Ranks, sums: &mut [u32; TILE]) {
        for row in 0..TILE {
            sums[row] += u32::from(leaves[places[row] as usize]);
        }
    }
}

struct Plain;
impl Simd for Plain {
    type Octet = [f32; PRODUCT_TILE];
    type Row = [Self::Octet; 2];
    const DENSE_TILE: usize = 2;
}

#[cfg(target_arch = "x86_64")]
struct Avx2;
// SAFETY of all methods: `dispatched` calls them only in a function compiled for AVX2, which the processor has; loads
// and stores lie within arrays of 64 bytes or 16 floats and need no alignment.
#[cfg(target_arch = "x86_64")]
impl Simd for Avx2 {
    type Octet = __m256;
    type Row = [__m256; 2];
    const DENSE_TILE: usize = 4;
    #[inline(always)]
    fn at_least(values: &Ranks, least: u8) -> u64 {
        let half = |first: usize| unsafe {
            let part = _mm256_loadu_si256(values[first..].as_ptr().cast());
            let high = _mm256_cmpeq_epi8(_mm256_max_epu8(part, _mm256_set1_epi8(least as i8)), part);
            u64::from(_mm256_movemask_epi8(high) as u32)
        };
        half(0) | half(TILE / 2) << (TILE / 2)
    }
    #[inline(always)]
    fn joined(masks: &[u64; TREE_DEPTH]) -> Ranks {
        let mut places = [0; TILE];
        unsafe {
            let bits = _mm256_set1_epi64x(0x8040_2010_0804_0201_u64 as i64);
            let byte_of_lane =
                _mm256_setr_epi64x(0, 0x0101_0101_0101_0101, 0x0202_0202_0202_0202, 0x0303_0303_0303_0303);
            for half in 0..2 {
                let mut found = _mm256_setzero_si256();
                for level in 0..masks.len() {
                    let mask = _mm256_set1_epi32((masks[level] >> (half * TILE / 2)) as i32);
                    let spread = _mm256_and_si256(_mm256_shuffle_epi8(mask, byte_of_lane), bits);
                    let set = _mm256_cmpeq_epi8(spread, bits);
                    let value = _mm256_set1_epi8((TREE_LEAVES >> (level + 1)) as i8);
                    found = _mm256_or_si256(found, _mm256_and_si256(set, value));
                }
                _mm256_storeu_si256(places[half * TILE / 2..].as_mut_ptr().cast(), found);
            }
        }
        places
    }
    #[inline(always)]
    fn reached(cuts: &Lanes, value: f32) -> usize {
        let half = |first: usize| unsafe {
            let part = _mm256_loadu_ps(cuts[first..].as_ptr());
            _mm256_movemask_ps(_mm256_cmp_ps::<_CMP_GE_OQ>(_mm256_set1_ps(value), part))
        };
        (half(0) | half(LANES / 2) << (LANES / 2)).count_ones() as usize
    }
}

#[cfg(target_arch = "x86_64")]
struct Avx512;
// SAFETY of all methods: as for `Avx2`, with AVX-512 F and BW; `add_leaves` loads eight times 32 of 256 leaves, and
// loads and stores four times 16 of 64 sums.
#[cfg(target_arch = "x86_64")]
impl Simd for Avx512 {
    type Octet = __m256;
    // On processors whose wide units are pairs of halves the same number of products, in half the instructions.
    type Row = __m512;
    const DENSE_TILE: usize = 8;
    const PRODUCT_ROWS: usize = 8;
    #[inline(always)]
    fn at_least(values: &Ranks, least: u8) -> u64 {
        unsafe { _mm512_cmpge_epu8_mask(_mm512_loadu_si512(values.as_ptr().cast()), _mm512_set1_epi8(least as i8)) }
    }
    #[inline(always)]
    fn joined(masks: &[u64; TREE_DEPTH]) -> Ranks {
        let mut places = [0; TILE];
        unsafe {
            let mut found = _mm512_setzero_si512();
            for level in 0..masks.len() {
                let value = (TREE_LEAVES >> (level + 1)) as i8;
                found = _mm512_or_si512(found, _mm512_maskz_set1_epi8(masks[level], value));
            }
            _mm512_storeu_si512(places.as_mut_ptr().cast(), found);
        }
        places
    }
    #[inline(always)]
    fn reached(cuts: &Lanes, value: f32) -> usize {
        let reached =
            unsafe { _mm512_cmp_ps_mask::<_CMP_GE_OQ>(_mm512_set1_ps(value), _mm512_loadu_ps(cuts.as_ptr())) };
        reached.count_ones() as usize
    }
    #[inline(always)]
    fn add_leaves(leaves: &[u16; TREE_LEAVES], places: &Ranks, sums: &mut [u32; TILE]) {
        for half in 0..2 {
            unsafe {
                let part = |place: usize| _mm512_loadu_si512(leaves[32 * place..].as_ptr().cast());
                let place = _mm512_cvtepu8_epi16(_mm256_loadu_si256(places[32 * half..].as_ptr().cast()));
                // Bits 0 to 5 of a place choose within two registers, bits 6 and 7 between the four answers.
                let pick = |first: usize| _mm512_permutex2var_epi16(part(first), place, part(first + 1));
                let bit6 = _mm512_test_epi16_mask(place, _mm512_set1_epi16(64));
                let bit7 = _mm512_test_epi16_mask(place, _mm512_set1_epi16(128));
                let low = _mm512_mask_mov_epi16(pick(0), bit6, pick(2));
                let high = _mm512_mask_mov_epi16(pick(4), bit6, pick(6));
                let leaf = _mm512_mask_mov_epi16(low, bit7, high);
                let quarters = [_mm512_castsi512_si256(leaf), _mm512_extracti64x4_epi64::<1>(leaf)];
                for quarter in 0..2 {
                    let sums = sums[32 * half + 16 * quarter..].as_mut_ptr();
                    let sum =
                        _mm512_add_epi32(_mm512_loadu_si512(sums.cast()), _mm512_cvtepu16_epi32(quarters[quarter]));
                    _mm512_storeu_si512(sums.cast(), sum);
                }
            }
        }
    }
}

dispatched! {
    /// Ranks of column `column` of `TILE` rows, which `rows` begins with, row-major.
    fn rank, rank_body, (cuts: &Cuts, rows: &[f32], columns: usize, column: usize, ranks: &mut Ranks)
}

#[inline(always)]
fn rank_body<S: Simd>(cuts: &Cuts, rows: &[f32], columns: usize, column: usize, ranks: &mut Ranks) {
    for (rank, row) in ranks.iter_mut().zip(rows.chunks_exact(columns)) {
        let block = S::reached(&cuts.pivots, row[column]);
        *rank = (block * LANES + S::reached(&cuts.blocks[block & (LANES - 1)], row[column])) as u8;
    }
}

dispatched! {
    /// Adds the path steps of `TILE` rows in one tree to `sums`: every node is compared with all rows at once, and a mask
    /// holds which rows reach it. Same sums as walking each row down. `ranks` are by column, for the cuts of this tree.
    fn descend, descend_body,
    (tree: &RankedTree, ranks: &[Ranks; COLUMNS_MAX], reached: &mut Reached, sums: &mut [u32; TILE])
}

#[inline(always)]
fn descend_body<S: Simd>(
    tree: &RankedTree,
    ranks: &[Ranks; COLUMNS_MAX],
    reached: &mut Reached,
    sums: &mut [u32; TILE],
) {
    reached[1] = u64::MAX;
    let mut odd = [0; TREE_DEPTH];
    for level in 0..TREE_DEPTH {
        for step in &tree.levels[level] {
            let place = step.place as usize;
            let (here, above) = (reached[place], S::at_least(&ranks[step.column as usize], step.rank));
            reached[2 * place] = here & above;
            reached[2 * place + 1] = here & !above;
            odd[level] |= here & !above;
        }
    }
    S::add_leaves(&tree.leaves, &S::joined(&odd), sums);
}

dispatched! {
    /// The first `LANES` rows of `rows` (row-major, `columns.len()` values each), standardised, a column after another:
    /// (value − centre) · factor within ±`clip`.
    fn standardise, standardise_body,
    (rows: &[f32], centres: &[f32], factors: &[f32], clip: f32, columns: &mut [Lanes])
}

#[inline(always)]
fn standardise_body<S: Simd>(rows: &[f32], centres: &[f32], factors: &[f32], clip: f32, columns: &mut [Lanes]) {
    let (width, needed) = (columns.len(), LANES * columns.len());
    let (rows, centres, factors) = (&rows[..needed], &centres[..width], &factors[..width]);
    if width < PRODUCT_TILE {
        for place in 0..needed {
            let (column, lane) = (place % width, place / width);
            let z = (rows[place] - centres[column]) * factors[column];
            columns[column][lane] = (if z < clip { z } else { clip }).max(-clip);
        }
        return;
    }
    // SAFETY: loads and stores of eight floats lie within checked slices; a pointer to fetch from may lead anywhere.
    unsafe {
        // The next rows come from memory while these are worked on.
        for line in (0..needed).step_by(LANES) {
            S::Octet::fetch(rows.as_ptr().wrapping_add(needed + line));
        }
        // The last block overlaps the one before it: single floats stored would stall the wide loads that follow.
        for first in (0..width).step_by(PRODUCT_TILE).map(|first| first.min(width - PRODUCT_TILE)) {
            for half in [0, PRODUCT_TILE] {
                let mut block = [S::Octet::splat(0.0); PRODUCT_TILE];
                for row in 0..PRODUCT_TILE {
                    block[row] = S::Octet::load(rows[(half + row) * width + first..][..PRODUCT_TILE].as_ptr());
                }
                let block = S::Octet::turned(block);
                for column in 0..PRODUCT_TILE {
                    let (centre, factor) = (centres[first + column], factors[first + column]);
                    let values = block[column].standardised(S::Octet::splat(centre), S::Octet::splat(factor), clip);
                    values.store(columns[first + column][half..].as_mut_ptr());
                }
            }
        }
    }
}

dispatched! {
    /// `output` = layer(`input`) for `LANES` rows; `input` has at least one entry an input, `output` one a padded output.
    fn dense, dense_body, (layer: &Layer, input: &[Lanes], output: &mut [Lanes])
}

#[inline(always)]
fn dense_body<S: Simd>(layer: &Layer, input: &[Lanes], output: &mut [Lanes]) {
    let outputs = layer.bias.len();
    // Buffers may be longer than this layer needs.
    let (input, output) = (&input[..layer.weights.len() / outputs.max(1)], &mut output[..outputs]);
    for first in (0..outputs).step_by(S::DENSE_TILE) {
        match S::DENSE_TILE {
            8 => dense_tile::<S::Row, 8>(layer, input, output, first),
            4 => dense_tile::<S::Row, 4>(layer, input, output, first),
            _ => dense_tile::<S::Row, 2>(layer, input, output, first),
        }
    }
}

/// `TILE` outputs from `first` on, their sums kept in registers, which the compiler does not do by itself.
#[inline(always)]
fn dense_tile<V: Floats, const TILE: usize>(layer: &Layer, input: &[Lanes], output: &mut [Lanes], first: usize) {
    let outputs = layer.bias.len();
    let bias = &layer.bias[first..first + TILE];
    // SAFETY: loads and stores are of whole arrays of 16 floats.
    unsafe {
        let mut sums = [V::splat(0.0); TILE];
        for place in 0..TILE {
            sums[place] = V::splat(bias[place]);
        }
        for row in 0..input.len() {
            let values = V::load(input[row].as_ptr());
            let weights = &layer.weights[row * outputs + first..][..TILE];
            for place in 0..TILE {
                sums[place] = V::splat(weights[place]).times_plus(values, sums[place]);
            }
        }
        let floor = V::splat(if layer.rectified { 0.0 } else { f32::NEG_INFINITY });
        for place in 0..TILE {
            sums[place].or_above(floor).store(output[first + place].as_mut_ptr());
        }
    }
}

dispatched! {
    /// Adds Σ ln(1 + min((output − input)² · factor, `cap`)) over the columns to `sums`, for `LANES` rows. `cap` at most
    /// 1000, so that the product of `PRODUCT_TERMS` terms stays finite.
    fn capped_log_error, capped_log_error_body,
    (input: &[Lanes], output: &[Lanes], factors: &[f32], cap: f32, sums: &mut Lanes)
}

/// Terms multiplied before one logarithm is taken of all of them: (1 + 1000)^12 is within f32.
const PRODUCT_TERMS: usize = 12;

#[inline(always)]
fn capped_log_error_body<S: Simd>(input: &[Lanes], output: &[Lanes], factors: &[f32], cap: f32, sums: &mut Lanes) {
    let output = &output[..input.len()];
    for first in (0..factors.len()).step_by(PRODUCT_TERMS) {
        let mut products = [1.0f32; LANES];
        // SAFETY: loads and stores are of whole arrays of 16 floats.
        unsafe {
            let (zero, one, cap) = (S::Row::splat(0.0), S::Row::splat(1.0), S::Row::splat(cap));
            let mut product = one;
            for column in first..(first + PRODUCT_TERMS).min(factors.len()) {
                let (x, y) = (S::Row::load(input[column].as_ptr()), S::Row::load(output[column].as_ptr()));
                let gap = x.times_plus(S::Row::splat(-1.0), y);
                let factor = S::Row::splat(factors[column]);
                let error = gap.times_plus(gap, zero).times_plus(factor, zero).or_below(cap);
                product = product.times_plus(error, product);
            }
            product.store(products.as_mut_ptr());
        }
        for lane in 0..LANES {
            sums[lane] += ln(products[lane]);
        }
    }
}

dispatched! {
    /// Puts the indices of the `count` smallest of `values` into `found`, in no order; among equals the first ones.
    /// `values` has a multiple of `STRIPES` entries, `count` is at most `STRIPES`.
    fn smallest, smallest_body, (values: &[f32], count: usize, found: &mut Vec<u32>)
}

/// Stripes whose minima bound the smallest values.
pub(crate) const STRIPES: usize = 64;

#[inline(always)]
fn smallest_body<S: Simd>(values: &[f32], count: usize, found: &mut Vec<u32>) {
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

/// Columns of a product's right side and result are a multiple of this.
pub(crate) const PRODUCT_TILE: usize = 8;

/// `out` row i = `start` + Σ `left`(i, k) · `right` row k. `right` is row-major with as many columns as `start`, a multiple
/// of `PRODUCT_TILE`; `out` rows are `stride` apart. Does nothing when the shapes do not agree (a fault of the caller, which
/// debug builds report).
pub(crate) fn product(width: Width, left: View<'_>, right: &[f32], start: &[f32], out: &mut [f32], stride: usize) {
    let columns = start.len();
    let fits = left.fits()
        && right.len() >= left.columns * columns
        && columns.is_multiple_of(PRODUCT_TILE)
        && (left.rows == 0 || out.len() >= (left.rows - 1) * stride + columns);
    debug_assert!(fits, "shapes of a product do not agree");
    if fits {
        fitting_product(width, Operands { left, right, start, out, stride });
    }
}

/// What `product` was given, after its check.
pub(crate) struct Operands<'a> {
    left: View<'a>,
    right: &'a [f32],
    start: &'a [f32],
    out: &'a mut [f32],
    stride: usize,
}

dispatched! { fn fitting_product, product_body, (operands: Operands<'_>) }

#[inline(always)]
fn product_body<S: Simd>(mut operands: Operands<'_>) {
    let (mut column, columns) = (0, operands.start.len());
    while column < columns {
        // SAFETY: `product` has checked that the last element of each operand lies within its slice; columns of a strip stay
        // below theirs.
        column += unsafe {
            match columns - column {
                32.. if S::PRODUCT_ROWS == 8 => product_strip::<S, [S::Row; 2]>(&mut operands, column),
                16.. => product_strip::<S, S::Row>(&mut operands, column),
                _ => product_strip::<S, S::Octet>(&mut operands, column),
            }
        };
    }
}

/// `V::COUNT` columns of a product, as many rows at once as registers hold. Returns `V::COUNT`.
///
/// # Safety
/// The columns from `column` on exist in all operands.
#[inline(always)]
unsafe fn product_strip<S: Simd, V: Floats>(operands: &mut Operands<'_>, column: usize) -> usize {
    let mut row = 0;
    while row < operands.left.rows {
        // SAFETY: as promised by the caller; rows of a tile stay below `left.rows`.
        row += unsafe {
            match operands.left.rows - row {
                8.. if S::PRODUCT_ROWS == 8 => product_tile::<V, 8>(operands, row, column),
                6.. => product_tile::<V, 6>(operands, row, column),
                2.. => product_tile::<V, 2>(operands, row, column),
                _ => product_tile::<V, 1>(operands, row, column),
            }
        };
    }
    V::COUNT
}

/// `ROWS` rows by `V::COUNT` columns of a product, kept in registers. Returns `ROWS`.
///
/// # Safety
/// Rows `row..row + ROWS` and columns `column..column + V::COUNT` exist in all operands.
#[inline(always)]
unsafe fn product_tile<V: Floats, const ROWS: usize>(given: &mut Operands<'_>, row: usize, column: usize) -> usize {
    // SAFETY: as promised by the caller.
    unsafe {
        let mut sums = [V::load(given.start.as_ptr().add(column)); ROWS];
        let mut a = given.left.values.as_ptr().add(row * given.left.row_stride);
        let mut b = given.right.as_ptr().add(column);
        for _ in 0..given.left.columns {
            let values = V::load(b);
            for place in 0..ROWS {
                sums[place] = V::splat(*a.add(place * given.left.row_stride)).times_plus(values, sums[place]);
            }
            // Beyond the end after the last step, where nothing is read.
            (a, b) = (a.wrapping_add(given.left.column_stride), b.wrapping_add(given.start.len()));
        }
        for place in 0..ROWS {
            sums[place].store(given.out.as_mut_ptr().add((row + place) * given.stride + column));
        }
    }
    ROWS
}

/// `COUNT` floats. Pointers passed to it are valid for as many, of any alignment.
trait Floats: Copy {
    const COUNT: usize;
    unsafe fn load(from: *const f32) -> Self;
    unsafe fn store(self, to: *mut f32);
    unsafe fn splat(value: f32) -> Self;
    /// self · factor + sum.
    unsafe fn times_plus(self, factor: Self, sum: Self) -> Self;
    /// The larger of both.
    unsafe fn or_above(self, floor: Self) -> Self;
    /// The smaller of both; `roof` for what is no number.
    unsafe fn or_below(self, roof: Self) -> Self;
}

/// Eight floats.
trait Octet: Floats {
    /// (self − centre) · factor within ±`clip`; `clip` for what is no number.
    unsafe fn standardised(self, centre: Self, factor: Self, clip: f32) -> Self;
    /// Asks for what lies there to be brought near.
    #[inline(always)]
    unsafe fn fetch(_from: *const f32) {}
    /// Rows become columns.
    unsafe fn turned(block: [Self; PRODUCT_TILE]) -> [Self; PRODUCT_TILE];
}

/// The methods of [`Floats`] as one expression each.
macro_rules! floats {
    ($type:ty, $count:expr, |$from:ident| $load:expr, |$to:ident, $self:ident| $store:expr, |$value:ident| $splat:expr,
     |$a:ident, $b:ident, $c:ident| $times_plus:expr, |$d:ident, $e:ident| $above:expr, |$f:ident, $g:ident| $below:expr
     $(; $V:ident: $bound:ident)?) => {
        // SAFETY of all methods: as the trait asks; those of a processor are called only in functions compiled for it.
        #[allow(unused_unsafe)]
        impl$(<$V: $bound>)? Floats for $type {
            const COUNT: usize = $count;
            #[inline(always)] unsafe fn load($from: *const f32) -> Self { unsafe { $load } }
            #[inline(always)] unsafe fn store(self, $to: *mut f32) { let $self = self; unsafe { $store } }
            #[inline(always)] unsafe fn splat($value: f32) -> Self { unsafe { $splat } }
            #[inline(always)] unsafe fn times_plus(self, $b: Self, $c: Self) -> Self { let $a = self; unsafe { $times_plus } }
            #[inline(always)] unsafe fn or_above(self, $e: Self) -> Self { let $d = self; unsafe { $above } }
            #[inline(always)] unsafe fn or_below(self, $g: Self) -> Self { let $f = self; unsafe { $below } }
        }
    };
}

#[cfg(target_arch = "x86_64")]
floats! { __m256, 8, |from| _mm256_loadu_ps(from), |to, v| _mm256_storeu_ps(to, v), |value| _mm256_set1_ps(value),
|v, by, sum| _mm256_fmadd_ps(v, by, sum), |v, floor| _mm256_max_ps(v, floor), |v, roof| _mm256_min_ps(v, roof) }
#[cfg(target_arch = "x86_64")]
floats! { __m512, 16, |from| _mm512_loadu_ps(from), |to, v| _mm512_storeu_ps(to, v), |value| _mm512_set1_ps(value),
|v, by, sum| _mm512_fmadd_ps(v, by, sum), |v, floor| _mm512_max_ps(v, floor), |v, roof| _mm512_min_ps(v, roof) }
floats! { [f32; 8], 8, |from| from.cast::<Self>().read_unaligned(), |to, v| to.cast::<Self>().write_unaligned(v),
|value| [value; 8], |v, by, sum| std::array::from_fn(|lane| v[lane] * by[lane] + sum[lane]),
|v, floor| std::array::from_fn(|lane| if v[lane] > floor[lane] { v[lane] } else { floor[lane] }),
|v, roof| std::array::from_fn(|lane| if v[lane] < roof[lane] { v[lane] } else { roof[lane] }) }
floats! { [V; 2], 2 * V::COUNT, |from| [V::load(from), V::load(from.add(V::COUNT))],
|to, v| { v[0].store(to); v[1].store(to.add(V::COUNT)); }, |value| [V::splat(value); 2],
|v, by, sum| [v[0].times_plus(by[0], sum[0]), v[1].times_plus(by[1], sum[1])],
|v, floor| [v[0].or_above(floor[0]), v[1].or_above(floor[1])],
|v, roof| [v[0].or_below(roof[0]), v[1].or_below(roof[1])]; V: Floats }

impl Octet for [f32; PRODUCT_TILE] {
    #[inline(always)]
    unsafe fn standardised(self, centre: Self, factor: Self, clip: f32) -> Self {
        let z: Self = std::array::from_fn(|lane| (self[lane] - centre[lane]) * factor[lane]);
        z.map(|z| (if z < clip { z } else { clip }).max(-clip))
    }
    #[inline(always)]
    unsafe fn turned(block: [Self; PRODUCT_TILE]) -> [Self; PRODUCT_TILE] {
        std::array::from_fn(|column| std::array::from_fn(|row| block[row][column]))
    }
}

// SAFETY of all methods: called only in functions compiled for AVX2 and FMA; pointers are as the trait asks.
#[cfg(target_arch = "x86_64")]
impl Octet for __m256 {
    #[inline(always)]
    unsafe fn standardised(self, centre: Self, factor: Self, clip: f32) -> Self {
        unsafe {
            let z = _mm256_mul_ps(_mm256_sub_ps(self, centre), factor);
            _mm256_max_ps(_mm256_min_ps(z, _mm256_set1_ps(clip)), _mm256_set1_ps(-clip))
        }
    }
    #[inline(always)]
    unsafe fn fetch(from: *const f32) {
        unsafe { _mm_prefetch::<_MM_HINT_T0>(from.cast()) }
    }
    #[inline(always)]
    unsafe fn turned(mut a: [Self; PRODUCT_TILE]) -> [Self; PRODUCT_TILE] {
        let mut b = a;
        for i in [0, 2, 4, 6] {
            b[i] = unsafe { _mm256_unpacklo_ps(a[i], a[i + 1]) };
            b[i + 1] = unsafe { _mm256_unpackhi_ps(a[i], a[i + 1]) };
        }
        for i in [0, 1, 4, 5] {
            // Columns 0 and 1, then 2 and 3, of four rows; the upper halves hold those four further.
            let to = i / 4 * 4 + i % 4 * 2;
            a[to] = unsafe { _mm256_shuffle_ps::<0x44>(b[i], b[i + 2]) };
            a[to + 1] = unsafe { _mm256_shuffle_ps::<0xee>(b[i], b[i + 2]) };
        }
        for i in 0..4 {
            b[i] = unsafe { _mm256_permute2f128_ps::<0x20>(a[i], a[i + 4]) };
            b[i + 4] = unsafe { _mm256_permute2f128_ps::<0x31>(a[i], a[i + 4]) };
        }
        b
    }
}

#[cfg(test)]
#[path = "kernels_test.rs"]
mod tests;
#[cfg(test)]
pub(crate) use tests::widths;
