//! The one error type of the program: a sentence that says what, where and what to do. Owns the exit codes.

use std::fmt;

/// Done.
pub const EXIT_DONE: u8 = 0;
/// Something was found (`analyze --fail-on`, `check`, `scan --diff`).
pub const EXIT_FOUND: u8 = 1;
/// Wrong use, bad input or failure.
pub const EXIT_FAILURE: u8 = 2;

/// Why the command could not do its work.
#[derive(Debug)]
pub struct Failure(String);

/// Result of everything in `app`.
pub type Result<T> = std::result::Result<T, Failure>;

impl Failure {
    /// From a sentence; line breaks become spaces, because the contract promises one line.
    pub fn new(message: impl Into<String>) -> Self {
        Self(message.into().split_whitespace().collect::<Vec<_>>().join(" "))
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Turns a room's error into a failure with its place.
pub trait Context<T> {
    /// Prefixes the error's own words.
    fn context(self, place: impl fmt::Display) -> Result<T>;
    /// Takes the error's words as they are: they already say what, where and what to do.
    fn plain(self) -> Result<T>;
}

impl<T, E: fmt::Display> Context<T> for std::result::Result<T, E> {
    fn context(self, place: impl fmt::Display) -> Result<T> {
        self.map_err(|e| Failure::new(format!("{place}: {e}")))
    }
    fn plain(self) -> Result<T> {
        self.map_err(|e| Failure::new(e.to_string()))
    }
}
