//! The inner loops of the models, compiled three times: for every processor, for AVX2 with FMA, for AVX-512. Plain loops
//! over fixed-size arrays that the compiler turns into vectors; no gather instructions, which measured slower. Knows no
//! model, only arrays. The one file of this room that may use `unsafe`: calling a function compiled for a processor
//! feature after having asked the processor for it.
#![allow(unsafe_code)]

/// Rows scored side by side.
pub(crate) const LANES: usize = 16;
/// One value of `LANES` rows.
pub(crate) type Lanes = [f32; LANES];
/// Depth to which trees are filled: 2^8 = 256 leaves.
pub(crate) const TREE_DEPTH: u32 = 8;
/// Leaves of a filled tree, and one more than its inner nodes.
pub(crate) const TREE_LEAVES: usize = 1 << TREE_DEPTH;

/// Inner node: a row whose `feature` is at least `threshold` goes right.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Node {
    pub(crate) threshold: f32,
    pub(crate) feature: u32,
}

/// A tree filled to `TREE_DEPTH`: node 1 is the root, the children of n are 2n and 2n + 1, node 0 is unused; leaves hold
/// path lengths.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Tree {
    pub(crate) nodes: [Node; TREE_LEAVES],
    pub(crate) leaves: [f32; TREE_LEAVES],
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
                    $body::<true>($($arg),*);
                }
                #[target_feature(enable = "avx2,fma,avx512f,avx512vl,avx512dq,avx512bw")]
                fn avx512($($arg: $type),*) {
                    $body::<true>($($arg),*);
                }
                match width {
                    // SAFETY: `Width::Avx2` is only made after the processor said it has AVX2 and FMA.
                    Width::Avx2 => return unsafe { avx2($($arg),*) },
                    // SAFETY: `Width::Avx512` is only made after the processor said it has these features.
                    Width::Avx512 => return unsafe { avx512($($arg),*) },
                    Width::Portable => {}
                }
            }
            $body::<false>($($arg),*);
        }
    };
}

/// Columns up to which a block of rows is a table of fixed size, so that no access needs a check.
const NARROW: usize = 64;
/// Most columns a schema may have.
pub(crate) const COLUMNS_MAX: usize = 256;

dispatched! {
    /// Adds each row's path length in every tree to `sums`, in the order of the trees. `block` holds groups of `LANES`
    /// rows, `stride` columns each (64 or 256: see [`forest_stride`]), transposed; `sums` one value a row.
    fn forest_paths, forest_paths_body, (trees: &[Tree], block: &[Lanes], stride: usize, sums: &mut [Lanes])
}

/// Columns a group of rows takes in the block of [`forest_paths`].
pub(crate) fn forest_stride(columns: usize) -> usize {
    if columns <= NARROW { NARROW } else { COLUMNS_MAX }
}

#[inline(always)]
fn forest_paths_body<const WIDE: bool>(trees: &[Tree], block: &[Lanes], stride: usize, sums: &mut [Lanes]) {
    for tree in trees {
        if stride == NARROW {
            for (group, sum) in block.as_chunks::<NARROW>().0.iter().zip(sums.iter_mut()) {
                walk(tree, group, sum);
            }
        } else {
            for (group, sum) in block.as_chunks::<COLUMNS_MAX>().0.iter().zip(sums.iter_mut()) {
                walk(tree, group, sum);
            }
        }
    }
}

/// One tree, `LANES` rows in step: no branch depends on the data.
#[inline(always)]
fn walk<const COLUMNS: usize>(tree: &Tree, group: &[Lanes; COLUMNS], sum: &mut Lanes) {
    let mut at = [1usize; LANES];
    for _ in 0..TREE_DEPTH {
        for lane in 0..LANES {
            // The masks only tell the compiler what `Tree` and the loader already promise.
            let node = tree.nodes[at[lane] & (TREE_LEAVES - 1)];
            let value = group[node.feature as usize & (COLUMNS - 1)][lane];
            at[lane] = 2 * at[lane] + usize::from(value >= node.threshold);
        }
    }
    for lane in 0..LANES {
        sum[lane] += tree.leaves[at[lane] & (TREE_LEAVES - 1)];
    }
}
