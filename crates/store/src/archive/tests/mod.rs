//! The archive against a place in memory that fails and "crashes" at will, and against a folder.
#![allow(clippy::unwrap_used)]

mod crashes;
mod folder;
mod rows;
mod support;
