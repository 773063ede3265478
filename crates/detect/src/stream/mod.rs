//! Models that learn while they judge, for host windows: no training run, no stored rows. Owns half-space trees.

mod half_space_trees;

pub use half_space_trees::{HalfSpaceSettings, HalfSpaceTrees};
