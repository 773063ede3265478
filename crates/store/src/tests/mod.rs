//! The store as a whole: written, read again, bounded, damaged, killed.
#![allow(clippy::unwrap_used)]

pub(crate) mod support;

mod bounds;
mod damage;
mod lists;
mod roundtrip;
mod series;
mod speed;
