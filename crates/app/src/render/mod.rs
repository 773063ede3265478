//! Results as people and programs read them, one file a format. Owns words and layout; decides nothing.

mod charts;
pub mod evaluation_html;
pub mod evaluation_text;
pub mod eve;
pub mod html;
pub mod json;
pub mod report_csv;
pub mod report_html;
pub mod text;

pub use alert::units;
