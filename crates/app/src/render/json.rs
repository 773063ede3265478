//! `analyze -o json`: the contract's object, with the incidents that the budget held back beside it.

use evaluate::Outcome;
use serde_json::Value;
use std::io::{self, Write};

/// Writes one object and a line end.
pub fn analysis(output: &mut impl Write, outcome: &Outcome) -> io::Result<()> {
    let mut value = serde_json::to_value(&outcome.analysis)?;
    if let Value::Object(object) = &mut value {
        object.insert("held_back".to_owned(), serde_json::to_value(&outcome.held_back)?);
    }
    serde_json::to_writer_pretty(&mut *output, &value)?;
    writeln!(output)
}
