//! Tables as Apache Parquet has them: typed columns that wait for their row group, and row groups read back. Uses the crate's plain column
//! readers and writers, no Arrow in between (docs/decisions/0005). Knows no flow and no file.

use parquet::basic::{Compression, ZstdLevel};
use parquet::column::reader::{ColumnReader, ColumnReaderImpl};
use parquet::data_type::{BoolType, ByteArray, ByteArrayType, DataType, DoubleType, Int32Type, Int64Type};
use parquet::errors::{ParquetError, Result};
use parquet::file::properties::{WriterProperties, WriterPropertiesBuilder};
use parquet::file::writer::{SerializedColumnWriter, SerializedFileWriter};
use parquet::schema::parser::parse_message_type;
use std::io::{self, Write};
use std::sync::Arc;

/// Rows of one group: about 20 MB held back at most. Smaller groups compress worse, larger ones need more memory.
pub(crate) const GROUP_ROWS: usize = 16_384;

// Types of columns as Parquet's schema language writes them; `{}` is the name.
pub(crate) const TIME: &str = "required int64 {} (TIMESTAMP(MICROS,true));";
pub(crate) const MAYBE_TIME: &str = "optional int64 {} (TIMESTAMP(MICROS,true));";
pub(crate) const COUNT: &str = "required int64 {} (INTEGER(64,false));";
pub(crate) const MAYBE_COUNT: &str = "optional int64 {} (INTEGER(64,false));";
/// A whole number with a sign.
pub(crate) const WHOLE: &str = "required int64 {};";
pub(crate) const U32: &str = "required int32 {} (INTEGER(32,false));";
pub(crate) const U16: &str = "required int32 {} (INTEGER(16,false));";
pub(crate) const U8: &str = "required int32 {} (INTEGER(8,false));";
pub(crate) const NUMBER: &str = "required double {};";
pub(crate) const MAYBE_NUMBER: &str = "optional double {};";
pub(crate) const TEXT: &str = "required binary {} (STRING);";
pub(crate) const MAYBE: &str = "optional binary {} (STRING);";
pub(crate) const JSON: &str = "optional binary {} (JSON);";
pub(crate) const YES_NO: &str = "required boolean {};";
/// Bytes that only we read.
pub(crate) const BYTES: &str = "required binary {};";

/// One value of a row.
pub(crate) enum Cell {
    Int32(i32),
    Int64(i64),
    Double(f64),
    Bool(bool),
    Bytes(Vec<u8>),
    Null,
}

impl Cell {
    pub(crate) fn text(value: &str) -> Self {
        Self::Bytes(value.as_bytes().to_vec())
    }
    pub(crate) fn maybe(value: Option<String>) -> Self {
        value.map_or(Self::Null, |text| Self::Bytes(text.into_bytes()))
    }
    /// Counts stay below 2^63: a flow is no longer than the capture.
    pub(crate) const fn count(value: u64) -> Self {
        Self::Int64(value.cast_signed())
    }
}

#[derive(Clone, Debug)]
enum Values {
    Int32(Vec<i32>),
    Int64(Vec<i64>),
    Double(Vec<f64>),
    Bool(Vec<bool>),
    Bytes(Vec<ByteArray>),
}

/// Place of a row without a value.
const NULL: u32 = u32::MAX;

/// Values of one column of one row group.
#[derive(Clone, Debug)]
pub(crate) struct Column {
    values: Values,
    /// Of an optional column: where each row's value is, or `NULL`. Empty: each row has one.
    at: Vec<u32>,
    optional: bool,
}

impl Column {
    pub(crate) fn new(kind: &str) -> Self {
        let values = match kind {
            TIME | MAYBE_TIME | COUNT | MAYBE_COUNT | WHOLE => Values::Int64(Vec::new()),
            U32 | U16 | U8 => Values::Int32(Vec::new()),
            NUMBER | MAYBE_NUMBER => Values::Double(Vec::new()),
            YES_NO => Values::Bool(Vec::new()),
            _ => Values::Bytes(Vec::new()),
        };
        Self { values, at: Vec::new(), optional: kind.starts_with("optional") }
    }

    fn len(&self) -> usize {
        match &self.values {
            Values::Int32(values) => values.len(),
            Values::Int64(values) => values.len(),
            Values::Double(values) => values.len(),
            Values::Bool(values) => values.len(),
            Values::Bytes(values) => values.len(),
        }
    }

    pub(crate) fn push(&mut self, cell: Cell) {
        if self.optional {
            self.at.push(if matches!(cell, Cell::Null) { NULL } else { self.len() as u32 });
        }
        match (&mut self.values, cell) {
            (Values::Int32(values), Cell::Int32(value)) => values.push(value),
            (Values::Int64(values), Cell::Int64(value)) => values.push(value),
            (Values::Double(values), Cell::Double(value)) => values.push(value),
            (Values::Bool(values), Cell::Bool(value)) => values.push(value),
            (Values::Bytes(values), Cell::Bytes(value)) => values.push(value.into()),
            (_, Cell::Null) if self.optional => {}
            // A column's type and value stand in one line of its table; tests write and read every column.
            _ => debug_assert!(false, "a value of another type than its column's"),
        }
    }

    fn place(&self, row: usize) -> Option<usize> {
        if !self.optional {
            return Some(row);
        }
        self.at.get(row).filter(|at| **at != NULL).map(|at| *at as usize)
    }

    /// The value of a row.
    pub(crate) fn cell(&self, row: usize) -> Cell {
        let Some(at) = self.place(row) else { return Cell::Null };
        let found = match &self.values {
            Values::Int32(values) => values.get(at).copied().map(Cell::Int32),
            Values::Int64(values) => values.get(at).copied().map(Cell::Int64),
            Values::Double(values) => values.get(at).copied().map(Cell::Double),
            Values::Bool(values) => values.get(at).copied().map(Cell::Bool),
            Values::Bytes(values) => values.get(at).map(|value| Cell::Bytes(value.data().to_vec())),
        };
        found.unwrap_or(Cell::Null)
    }

    /// A whole number; 0 when there is none.
    pub(crate) fn whole(&self, row: usize) -> i64 {
        let Some(at) = self.place(row) else { return 0 };
        match &self.values {
            Values::Int32(values) => values.get(at).map_or(0, |value| i64::from(*value)),
            Values::Int64(values) => values.get(at).copied().unwrap_or_default(),
            Values::Bool(values) => values.get(at).map_or(0, |value| i64::from(*value)),
            _ => 0,
        }
    }

    /// True when the row has a value.
    pub(crate) fn is_there(&self, row: usize) -> bool {
        self.place(row).is_some()
    }

    /// A number, None when there is none.
    pub(crate) fn number(&self, row: usize) -> Option<f64> {
        match &self.values {
            Values::Double(values) => self.place(row).and_then(|at| values.get(at).copied()),
            _ => None,
        }
    }

    /// Bytes; empty when there are none.
    pub(crate) fn bytes(&self, row: usize) -> &[u8] {
        match &self.values {
            Values::Bytes(values) => self.place(row).and_then(|at| values.get(at)).map_or(&[], ByteArray::data),
            _ => &[],
        }
    }

    /// Text; empty when there is none.
    pub(crate) fn text(&self, row: usize) -> &str {
        std::str::from_utf8(self.bytes(row)).unwrap_or_default()
    }

    /// Writes all values and forgets them.
    pub(crate) fn write(&mut self, column: &mut SerializedColumnWriter<'_>) -> Result<()> {
        let levels: Vec<i16> = self.at.iter().map(|at| i16::from(*at != NULL)).collect();
        let levels = self.optional.then_some(levels.as_slice());
        match &self.values {
            Values::Int32(values) => column.typed::<Int32Type>().write_batch(values, levels, None)?,
            Values::Int64(values) => column.typed::<Int64Type>().write_batch(values, levels, None)?,
            Values::Double(values) => column.typed::<DoubleType>().write_batch(values, levels, None)?,
            Values::Bool(values) => column.typed::<BoolType>().write_batch(values, levels, None)?,
            Values::Bytes(values) => column.typed::<ByteArrayType>().write_batch(values, levels, None)?,
        };
        self.clear();
        Ok(())
    }

    fn clear(&mut self) {
        self.at.clear();
        match &mut self.values {
            Values::Int32(values) => values.clear(),
            Values::Int64(values) => values.clear(),
            Values::Double(values) => values.clear(),
            Values::Bool(values) => values.clear(),
            Values::Bytes(values) => values.clear(),
        }
    }

    /// Reads the values of a row group.
    pub(crate) fn read(reader: ColumnReader, rows: usize, optional: bool) -> Result<Self> {
        let (values, levels) = match reader {
            ColumnReader::Int32ColumnReader(r) => read_all(r, rows).map(|(v, l)| (Values::Int32(v), l)),
            ColumnReader::Int64ColumnReader(r) => read_all(r, rows).map(|(v, l)| (Values::Int64(v), l)),
            ColumnReader::DoubleColumnReader(r) => read_all(r, rows).map(|(v, l)| (Values::Double(v), l)),
            ColumnReader::BoolColumnReader(r) => read_all(r, rows).map(|(v, l)| (Values::Bool(v), l)),
            ColumnReader::ByteArrayColumnReader(r) => read_all(r, rows).map(|(v, l)| (Values::Bytes(v), l)),
            _ => Err(ParquetError::NYI("a column of a type that Tripline never writes".into())),
        }?;
        let mut next = 0;
        let mut place = |level: &i16| {
            if *level == 0 {
                return NULL;
            }
            next += 1;
            next - 1
        };
        let at = if optional { levels.iter().map(&mut place).collect() } else { Vec::new() };
        Ok(Self { values, at, optional })
    }
}

fn read_all<T: DataType>(mut reader: ColumnReaderImpl<T>, rows: usize) -> Result<(Vec<T::T>, Vec<i16>)> {
    let (mut values, mut levels) = (Vec::new(), Vec::new());
    let mut done = 0;
    while done < rows {
        let (records, _, _) = reader.read_records(rows - done, Some(&mut levels), None, &mut values)?;
        if records == 0 {
            return Err(ParquetError::EOF(format!("a column ends after {done} of {rows} rows")));
        }
        done += records;
    }
    Ok((values, levels))
}

/// Properties of every file that is written here.
pub(crate) fn properties() -> WriterPropertiesBuilder {
    WriterProperties::builder()
        .set_compression(Compression::ZSTD(ZstdLevel::default()))
        .set_created_by(format!("tripline version {}", env!("CARGO_PKG_VERSION")))
}

/// Rows that become a file, one row group after the other.
pub(crate) struct TableWriter<W: Write + Send> {
    columns: Vec<Column>,
    /// Rows that wait.
    waiting: usize,
    file: SerializedFileWriter<W>,
}

impl<W: Write + Send> TableWriter<W> {
    /// Columns by name and type.
    pub(crate) fn new<'c>(
        out: W,
        columns: impl Iterator<Item = (&'c str, &'c str)> + Clone,
        properties: WriterProperties,
    ) -> Result<Self> {
        let fields: Vec<String> = columns.clone().map(|(name, kind)| kind.replace("{}", name)).collect();
        let schema = parse_message_type(&format!("message flow {{ {} }}", fields.join(" ")))?;
        let file = SerializedFileWriter::new(out, Arc::new(schema), Arc::new(properties))?;
        Ok(Self { columns: columns.map(|(_, kind)| Column::new(kind)).collect(), waiting: 0, file })
    }

    /// Adds a row; a full group is written.
    pub(crate) fn push(&mut self, row: impl Iterator<Item = Cell>) -> Result<()> {
        for (column, cell) in self.columns.iter_mut().zip(row) {
            column.push(cell);
        }
        self.waiting += 1;
        if self.waiting >= GROUP_ROWS { self.write_group() } else { Ok(()) }
    }

    fn write_group(&mut self) -> Result<()> {
        if self.waiting == 0 {
            return Ok(());
        }
        let mut group = self.file.next_row_group()?;
        for waiting in &mut self.columns {
            let Some(mut column) = group.next_column()? else { break };
            waiting.write(&mut column)?;
            column.close()?;
        }
        group.close()?;
        self.waiting = 0;
        Ok(())
    }

    /// Writes what waits and the file's end.
    pub(crate) fn finish(&mut self) -> Result<&mut W> {
        self.write_group()?;
        self.file.finish()?;
        Ok(self.file.inner_mut())
    }
}

/// The system's own error, where there is one: a full disk shall say so.
pub(crate) fn io_error(error: ParquetError) -> io::Error {
    match error {
        ParquetError::External(inner) => match inner.downcast::<io::Error>() {
            Ok(system) => *system,
            Err(other) => io::Error::other(other),
        },
        other => io::Error::other(other),
    }
}
