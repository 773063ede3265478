//! What can be wrong with a table: one line each that says what, where and what to do.

/// Names shown in one message at most.
const NAMES_MAX: usize = 12;

/// The first names, and how many more there are: a message stays one line to read.
#[must_use]
pub fn listed(names: &[&str]) -> String {
    let shown = names.iter().take(NAMES_MAX).copied().collect::<Vec<_>>().join(", ");
    let more = names.len().saturating_sub(NAMES_MAX);
    if more > 0 { format!("{shown} and {more} more") } else { shown }
}

/// Failure of reading a table, or of reading it with a model's eyes.
#[derive(Debug, thiserror::Error)]
pub enum TableError {
    /// The file could not be opened or read.
    #[error(transparent)]
    Source(#[from] source::SourceError),
    /// A row, at a line of a file.
    #[error("{file}, line {line}: {what}")]
    Row {
        /// File.
        file: String,
        /// Line, counted from 1.
        line: u64,
        /// What is wrong and what to do.
        what: String,
    },
    /// The file as a whole.
    #[error("{file}: {what}")]
    File {
        /// File.
        file: String,
        /// What is wrong and what to do.
        what: String,
    },
    /// Columns that are asked for and not there.
    #[error("{what}")]
    Columns {
        /// Which, where, and what to do.
        what: String,
    },
}

impl TableError {
    pub(crate) fn row(file: &str, line: u64, what: impl Into<String>) -> Self {
        Self::Row { file: file.to_owned(), line, what: what.into() }
    }
    pub(crate) fn file(file: &str, what: impl Into<String>) -> Self {
        Self::File { file: file.to_owned(), what: what.into() }
    }
    pub(crate) fn columns(what: impl Into<String>) -> Self {
        Self::Columns { what: what.into() }
    }
}
