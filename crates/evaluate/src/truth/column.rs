//! A label column: every value but the benign ones is an attack of that kind. Rows whose label is empty, `unknown` or `background`
//! are nobody's: they are neither learned from nor counted.

use super::{Truth, is_unknown};
use crate::tables::{Prepared, Role, TableError};

/// What a person says about a label column.
#[derive(Clone, Debug, Default)]
pub struct ColumnLabels {
    /// Name, or number from 1.
    pub column: String,
    /// Values that mean benign; capitals do not matter.
    pub benign: Vec<String>,
    /// Column that names the kind of an attack, when it is another one.
    pub kind: Option<String>,
}

/// Reads the column. Without a column for kinds, the table's own (`detailed-label`) is taken where it says something.
///
/// # Errors
/// No such column; no row has one of the benign values, which is a misspelling more often than the truth.
pub fn of_column(table: &Prepared, labels: &ColumnLabels) -> Result<Truth, TableError> {
    let column = table.raw.named(&labels.column, "--label-column")?;
    let kind_column = match &labels.kind {
        Some(name) => Some(table.raw.named(name, "--kind-column")?),
        None => {
            table.meanings.iter().position(|meaning| meaning.role == Role::Kind && meaning.name == "detailed_label")
        }
    };
    let is_benign = |text: &str| labels.benign.iter().any(|value| value.trim().eq_ignore_ascii_case(text));
    let mut truth = Truth::benign(table.raw.rows);
    let mut benign_rows = 0;
    for row in 0..table.raw.rows {
        let text = table.raw.columns[column].text(row);
        if is_benign(&text) {
            benign_rows += 1;
            continue;
        }
        if text.is_empty() || is_unknown(&text) {
            truth.of_row[row] = None;
            continue;
        }
        let kind = kind_column.map(|column| table.raw.columns[column].text(row)).filter(|kind| !kind.is_empty());
        truth.of_row[row] = Some(truth.kind(&kind.unwrap_or(text)));
    }
    if benign_rows == 0 {
        let mut values: Vec<String> =
            (0..table.raw.rows).map(|row| table.raw.columns[column].text(row)).take(5000).collect();
        values.sort_unstable();
        values.dedup();
        values.truncate(8);
        return Err(TableError::columns(format!(
            "--benign {}: no row of column {} of {} has that value; it holds {}",
            labels.benign.join(","),
            labels.column,
            table.raw.name(),
            values.join(", ")
        )));
    }
    Ok(truth)
}
