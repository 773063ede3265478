//! The store as a whole: written, read again, bounded, damaged, killed.
#![allow(clippy::unwrap_used)]

pub(crate) mod support;

mod assets;
mod bounds;
mod damage;
mod drawings;
mod hosts;
mod inbox;
mod journal;
mod lists;
mod migration;
mod roundtrip;
mod series;
mod speed;
mod spool;
