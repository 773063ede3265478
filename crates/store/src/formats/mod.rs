//! Text formats of flow records, one file each, one line a record. Owns how each spells a record; knows no file and no
//! clock. No format ever writes NaN or an infinity.

mod csv;
mod eve;
mod json;
#[cfg(test)]
mod tests;
mod zeek;

pub use json::{FlowStatistics, statistics};

use record::{FlowRecord, Moments};
use std::io::{self, Write};

/// What a record does not know of itself.
#[derive(Clone, Debug)]
pub struct FormatContext {
    /// Community ID of a record (`flow::community_id_of`; this room knows no hash).
    pub community_id: fn(&FlowRecord) -> String,
    /// Interface names by index; an index without a name is written as empty.
    pub interfaces: Vec<String>,
}

impl FormatContext {
    fn interface(&self, flow: &FlowRecord) -> &str {
        self.interfaces.get(usize::from(flow.interface)).map_or("", String::as_str)
    }
}

/// One format.
pub trait FlowFormat: Sync {
    /// Name on the command line.
    fn name(&self) -> &'static str;
    /// What it is, for `--help` and the manual.
    fn about(&self) -> &'static str;
    /// Lines before the first record.
    fn header(&self, _line: &mut String) {}
    /// One record, with its line end.
    fn record(&self, flow: &FlowRecord, context: &FormatContext, line: &mut String);
}

/// Every format. A new one is a file and a line here.
pub const FORMATS: &[&dyn FlowFormat] = &[&csv::Csv, &json::Json, &eve::Eve, &zeek::Zeek];

/// Takes records and writes them.
pub trait FlowWriter {
    /// Writes one record.
    fn write(&mut self, flow: &FlowRecord) -> io::Result<()>;
    /// Writes what is still held back and flushes.
    fn finish(&mut self) -> io::Result<()>;
}

/// Bytes held back before they are written.
const BUFFER_BYTES: usize = 1 << 16;

struct Lines<W: Write> {
    format: &'static dyn FlowFormat,
    context: FormatContext,
    buffer: String,
    out: W,
}

impl<W: Write> Lines<W> {
    fn write_out(&mut self) -> io::Result<()> {
        let written = self.out.write_all(self.buffer.as_bytes());
        self.buffer.clear();
        written
    }
}

impl<W: Write> FlowWriter for Lines<W> {
    fn write(&mut self, flow: &FlowRecord) -> io::Result<()> {
        self.format.record(flow, &self.context, &mut self.buffer);
        if self.buffer.len() >= BUFFER_BYTES { self.write_out() } else { Ok(()) }
    }

    fn finish(&mut self) -> io::Result<()> {
        self.write_out()?;
        self.out.flush()
    }
}

/// A writer by the format's name; None when there is no such format. The header is written with the first bytes, also
/// when no record follows.
pub fn flow_writer<'w, W: Write + 'w>(name: &str, out: W, context: FormatContext) -> Option<Box<dyn FlowWriter + 'w>> {
    let format = FORMATS.iter().copied().find(|format| format.name() == name)?;
    let mut buffer = String::with_capacity(BUFFER_BYTES + 4_096);
    format.header(&mut buffer);
    Some(Box::new(Lines { format, context, buffer, out }))
}

/// A number that is always one: 0 for what cannot be computed.
fn finite(value: f64) -> f64 {
    if value.is_finite() { value } else { 0.0 }
}

/// `a / b`, 0 when there is nothing to divide by.
fn ratio(a: f64, b: f64) -> f64 {
    if b == 0.0 { 0.0 } else { finite(a / b) }
}

/// Mean, standard deviation, largest, smallest, each divided by `unit`.
fn four(moments: &Moments, unit: f64) -> [f64; 4] {
    [moments.mean(), moments.std_dev(), moments.max, moments.min].map(|value| finite(value / unit))
}
