//! Capture filters in tcpdump's syntax.

pub mod error;

pub use error::FilterError;
