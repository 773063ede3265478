//! Models that learn while they judge, for host windows. Owns half-space trees and the host level made of them.

mod half_space_trees;
mod host_model;

pub use half_space_trees::{HalfSpaceSettings, HalfSpaceTrees};
pub use host_model::{HostLesson, HostModel, MEMBER};
