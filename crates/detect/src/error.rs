//! What can go wrong while learning or loading, in words a person can act on.

use thiserror::Error;

/// Errors of training and loading. Judging cannot fail.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum DetectError {
    /// Not enough to learn from.
    #[error("only {rows} rows to learn from, at least {needed} are needed: give more benign traffic")]
    TooFewRows {
        /// Rows given.
        rows: usize,
        /// Rows needed.
        needed: usize,
    },
    /// The matrix does not fit the schema.
    #[error("the rows have {found} columns, schema {schema} has {expected}")]
    Columns {
        /// Schema's name.
        schema: String,
        /// Columns of the schema.
        expected: usize,
        /// Columns of the matrix.
        found: usize,
    },
    /// A user's own model is not understood, or does not fit.
    #[error("imported model {name}: {why}")]
    Import {
        /// Its name.
        name: String,
        /// What is wrong.
        why: String,
    },
    /// A setting is out of its range.
    #[error("setting {name} = {value} is out of range ({range})")]
    Setting {
        /// Setting.
        name: &'static str,
        /// Value given.
        value: String,
        /// What is allowed.
        range: &'static str,
    },
    /// The bytes are no artifact, or a damaged one.
    #[error("the model file is damaged: {0}; delete it to learn anew")]
    Damaged(String),
    /// Written by another version of the program.
    #[error("the model file has format version {found}, this program reads {expected}; delete it to learn anew")]
    FormatVersion {
        /// In the file.
        found: u32,
        /// Understood.
        expected: u32,
    },
    /// Made for other features.
    #[error(
        "the model file was learned on feature schema {found}, this program uses {expected}; delete it to learn anew"
    )]
    SchemaMismatch {
        /// In the file.
        found: String,
        /// In the program.
        expected: String,
    },
}
