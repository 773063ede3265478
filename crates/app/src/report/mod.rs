//! A report: what happened in a time, for somebody who was not there. Owns its content: `shape.rs` the object, `draft.rs` how rows are
//! added up, `words.rs` the sentences (all three pure), `gather.rs` reads the rows of a store, `losses.rs` what was lost by reason and hour. How it looks is `render::report_html`'s.

mod draft;
mod gather;
pub mod losses;
pub mod settings;
pub mod shape;
#[cfg(test)]
mod tests;
mod words;

pub use gather::{Place, gather};
pub use settings::ReportSettings;
pub use shape::Report;
pub use words::{counted, kind as kind_words, span};

use crate::export_args::ReportForm;
use crate::failure::{Context, Result};
use crate::render::{report_csv, report_html};

/// The report in one of its forms.
pub fn written(report: &Report, form: ReportForm) -> Result<Vec<u8>> {
    match form {
        ReportForm::Html => Ok(report_html::page(report).into_bytes()),
        ReportForm::Csv => Ok(report_csv::incidents(report).into_bytes()),
        ReportForm::Json => {
            let mut text = serde_json::to_vec_pretty(report).context("report")?;
            text.push(b'\n');
            Ok(text)
        }
    }
}
