//! Formats of flow records, one file each: lines of text, and Parquet's columns. Owns how each spells a record; knows no
//! file and no clock. No format ever writes NaN or an infinity.

mod csv;
mod eve;
mod json;
pub(crate) mod parquet;
#[cfg(test)]
mod tests;
mod zeek;

pub(crate) use json::kept_object;
pub use json::{FlowStatistics, statistics};

use crate::rows::FlowRow;
use record::{FlowRecord, Moments};
use std::borrow::Cow;
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

/// What is known of one record beside itself: of a kept flow its row, of any other what the context says.
#[derive(Clone, Copy)]
struct Told<'a> {
    context: &'a FormatContext,
    row: Option<&'a FlowRow>,
}

impl Told<'_> {
    fn interface(&self, flow: &FlowRecord) -> &str {
        self.row.map_or_else(|| self.context.interface(flow), |row| row.in_iface.as_str())
    }

    fn community_id(&self, flow: &FlowRecord) -> Cow<'_, str> {
        match self.row {
            Some(row) => Cow::Borrowed(&row.community_id),
            None => Cow::Owned((self.context.community_id)(flow)),
        }
    }

    /// The row of the list; that of a kept flow says what the models said.
    fn flow_row(&self, flow: &FlowRecord) -> Cow<'_, FlowRow> {
        match self.row {
            Some(row) => Cow::Borrowed(row),
            None => Cow::Owned(FlowRow::new(flow, None, &self.community_id(flow), self.interface(flow))),
        }
    }
}

/// One format.
pub trait FlowFormat: Sync {
    /// Name on the command line.
    fn name(&self) -> &'static str;
    /// What it is, for `--help` and the manual.
    fn about(&self) -> &'static str;
    /// False for bytes that no terminal should be sent.
    fn is_text(&self) -> bool {
        true
    }
    /// A writer that holds back a bounded number of records.
    fn open<'w>(
        &'static self,
        out: Box<dyn Write + Send + 'w>,
        context: FormatContext,
    ) -> io::Result<Box<dyn FlowWriter + 'w>>;
}

/// A format of one line a record; every one is a `FlowFormat`.
trait LineFormat: Sync {
    fn name(&self) -> &'static str;
    fn about(&self) -> &'static str;
    /// Lines before the first record.
    fn header(&self, _line: &mut String) {}
    /// One record, with its line end.
    fn record(&self, flow: &FlowRecord, told: Told<'_>, line: &mut String);
}

impl<F: LineFormat> FlowFormat for F {
    fn name(&self) -> &'static str {
        LineFormat::name(self)
    }
    fn about(&self) -> &'static str {
        LineFormat::about(self)
    }
    fn open<'w>(
        &'static self,
        out: Box<dyn Write + Send + 'w>,
        context: FormatContext,
    ) -> io::Result<Box<dyn FlowWriter + 'w>> {
        let mut buffer = String::with_capacity(BUFFER_BYTES + 4_096);
        self.header(&mut buffer);
        Ok(Box::new(Lines { format: self, context, buffer, out }))
    }
}

/// Every format. A new one is a file and a line here.
pub const FORMATS: &[&dyn FlowFormat] = &[&csv::Csv, &json::Json, &eve::Eve, &zeek::Zeek, &parquet::Parquet];

/// Takes records and writes them.
pub trait FlowWriter {
    /// Writes one record.
    fn write(&mut self, flow: &FlowRecord) -> io::Result<()>;
    /// Writes one record that is kept, with its row of the list; lines of text take from it what the models said.
    fn write_kept(&mut self, flow: &FlowRecord, _row: &FlowRow) -> io::Result<()> {
        self.write(flow)
    }
    /// Writes what is still held back and the format's end, and flushes. A header is there also when no record was.
    fn finish(&mut self) -> io::Result<()>;
}

/// Bytes held back before they are written.
const BUFFER_BYTES: usize = 1 << 16;

struct Lines<'w> {
    format: &'static dyn LineFormat,
    context: FormatContext,
    buffer: String,
    out: Box<dyn Write + Send + 'w>,
}

impl Lines<'_> {
    fn write_out(&mut self) -> io::Result<()> {
        let written = self.out.write_all(self.buffer.as_bytes());
        self.buffer.clear();
        written
    }
}

impl Lines<'_> {
    fn put(&mut self, flow: &FlowRecord, row: Option<&FlowRow>) -> io::Result<()> {
        self.format.record(flow, Told { context: &self.context, row }, &mut self.buffer);
        if self.buffer.len() >= BUFFER_BYTES { self.write_out() } else { Ok(()) }
    }
}

impl FlowWriter for Lines<'_> {
    fn write(&mut self, flow: &FlowRecord) -> io::Result<()> {
        self.put(flow, None)
    }

    fn write_kept(&mut self, flow: &FlowRecord, row: &FlowRow) -> io::Result<()> {
        self.put(flow, Some(row))
    }

    fn finish(&mut self) -> io::Result<()> {
        self.write_out()?;
        self.out.flush()
    }
}

/// The format of this name; None when there is none.
pub fn flow_format(name: &str) -> Option<&'static dyn FlowFormat> {
    FORMATS.iter().copied().find(|format| format.name() == name)
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
