//! What is wrong with a filter expression, where, and what to write instead.

use std::fmt;

/// A filter that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FilterError {
    /// The whole expression.
    pub expression: String,
    /// Byte where it goes wrong, from 0; the expression's length when it ends too early.
    pub position: usize,
    /// What is wrong.
    pub what: String,
    /// What to do.
    pub advice: String,
}

impl FilterError {
    pub(crate) fn new(expression: &str, position: usize, what: impl Into<String>, advice: impl Into<String>) -> Self {
        Self { expression: expression.to_owned(), position, what: what.into(), advice: advice.into() }
    }
}

impl fmt::Display for FilterError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "filter `{}`, column {}: {}; {}", self.expression, self.position + 1, self.what, self.advice)
    }
}

impl std::error::Error for FilterError {}
