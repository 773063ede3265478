//! Rows as text: CSV, one JSON array, one JSON object a line. Owns quoting; rows are JSON objects whose names are the columns'.

use super::columns::Column;
use serde_json::Value;
use std::io::{self, Write};

/// Takes rows and writes them.
pub(super) trait RowWriter {
    fn write(&mut self, row: &Value) -> io::Result<()>;
    /// Writes what is held back and the form's end, and flushes.
    fn finish(&mut self) -> io::Result<()>;
}

/// Bytes held back before they are written.
const BUFFER_BYTES: usize = 1 << 16;

/// How rows stand in the text.
#[derive(Clone, Copy)]
pub(super) enum Style {
    Csv(&'static [Column]),
    Array,
    Lines,
}

pub(super) struct Text<'w> {
    style: Style,
    out: Box<dyn Write + Send + 'w>,
    buffer: Vec<u8>,
    rows: u64,
}

impl<'w> Text<'w> {
    pub(super) fn new(style: Style, out: Box<dyn Write + Send + 'w>) -> Self {
        let mut buffer = Vec::with_capacity(BUFFER_BYTES + 4_096);
        match style {
            Style::Csv(columns) => {
                let names: Vec<&str> = columns.iter().map(|(name, _)| *name).collect();
                buffer.extend_from_slice(format!("{}\r\n", names.join(",")).as_bytes());
            }
            Style::Array => buffer.push(b'['),
            Style::Lines => {}
        }
        Self { style, out, buffer, rows: 0 }
    }

    fn flush(&mut self) -> io::Result<()> {
        let written = self.out.write_all(&self.buffer);
        self.buffer.clear();
        written
    }
}

impl RowWriter for Text<'_> {
    fn write(&mut self, row: &Value) -> io::Result<()> {
        match self.style {
            Style::Csv(columns) => csv_row(row, columns, &mut self.buffer),
            Style::Array => {
                self.buffer.extend_from_slice(if self.rows == 0 { b"\n" } else { b",\n" });
                serde_json::to_writer(&mut self.buffer, row)?;
            }
            Style::Lines => {
                serde_json::to_writer(&mut self.buffer, row)?;
                self.buffer.push(b'\n');
            }
        }
        self.rows += 1;
        if self.buffer.len() >= BUFFER_BYTES { self.flush() } else { Ok(()) }
    }

    fn finish(&mut self) -> io::Result<()> {
        if matches!(self.style, Style::Array) {
            self.buffer.extend_from_slice(b"\n]\n");
        }
        self.flush()?;
        self.out.flush()
    }
}

fn csv_row(row: &Value, columns: &[Column], out: &mut Vec<u8>) {
    for (index, (column, _)) in columns.iter().enumerate() {
        if index > 0 {
            out.push(b',');
        }
        out.extend_from_slice(quoted(&cell(&row[*column])).as_bytes());
    }
    out.extend_from_slice(b"\r\n");
}

/// Lists are joined by a semicolon; text from the network that a spreadsheet would take for a formula gets an apostrophe.
fn cell(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) if text.starts_with(['=', '+', '-', '@', '\t', '\r']) => format!("'{text}"),
        Value::String(text) => text.clone(),
        Value::Array(list) => list.iter().map(cell).collect::<Vec<_>>().join(";"),
        other => other.to_string(),
    }
}

fn quoted(text: &str) -> String {
    if text.contains([',', '"', '\n', '\r']) { format!("\"{}\"", text.replace('"', "\"\"")) } else { text.to_owned() }
}
