//! Rows as Apache Parquet: one column each, null where a row has no value. Rows are held back until a row group is full, so memory is
//! bounded for any number.

use super::columns::Kind;
use super::table::RowWriter;
use parquet::basic::{Compression, ZstdLevel};
use parquet::data_type::{BoolType, ByteArray, ByteArrayType, DataType, DoubleType, Int64Type};
use parquet::errors::{ParquetError, Result as Parquet};
use parquet::file::properties::WriterProperties;
use parquet::file::writer::{SerializedColumnWriter, SerializedFileWriter};
use parquet::schema::parser::parse_message_type;
use record::Timestamp;
use serde_json::Value;
use std::io::{self, Write};
use std::sync::Arc;

/// Rows of one group.
pub(super) const GROUP_ROWS: usize = 16_384;

/// Values that are there, and for each row 1 (there) or 0 (null).
struct Waiting<T> {
    values: Vec<T>,
    there: Vec<i16>,
}

impl<T> Waiting<T> {
    const fn new() -> Self {
        Self { values: Vec::new(), there: Vec::new() }
    }
    fn push(&mut self, value: Option<T>) {
        self.there.push(i16::from(value.is_some()));
        self.values.extend(value);
    }
    fn write<D: DataType<T = T>>(&mut self, column: &mut SerializedColumnWriter<'_>) -> Parquet<()>
    where
        T: Clone,
    {
        column.typed::<D>().write_batch(&self.values, Some(&self.there), None)?;
        self.values.clear();
        self.there.clear();
        Ok(())
    }
}

/// The system's own error, where there is one: a full disk shall say so.
fn io_error(error: ParquetError) -> io::Error {
    match error {
        ParquetError::External(inner) => match inner.downcast::<io::Error>() {
            Ok(system) => *system,
            Err(other) => io::Error::other(other),
        },
        other => io::Error::other(other),
    }
}

enum Values {
    Whole(Waiting<i64>),
    Number(Waiting<f64>),
    Bool(Waiting<bool>),
    Text(Waiting<ByteArray>),
}

impl Values {
    const fn new(kind: Kind) -> Self {
        match kind {
            Kind::Whole | Kind::Time => Self::Whole(Waiting::new()),
            Kind::Number => Self::Number(Waiting::new()),
            Kind::Bool => Self::Bool(Waiting::new()),
            Kind::Text | Kind::List => Self::Text(Waiting::new()),
        }
    }

    fn push(&mut self, kind: Kind, value: &Value) {
        match self {
            Self::Whole(waiting) if kind == Kind::Time => {
                let ts = value.as_str().and_then(Timestamp::parse_rfc3339);
                waiting.push(ts.map(|ts| ts.0.div_euclid(1_000)));
            }
            // Counts stay below 2^63.
            Self::Whole(waiting) => waiting.push(value.as_u64().map(u64::cast_signed).or(value.as_i64())),
            Self::Number(waiting) => waiting.push(value.as_f64()),
            Self::Bool(waiting) => waiting.push(value.as_bool()),
            Self::Text(waiting) => waiting.push(match value {
                Value::Null => None,
                Value::String(text) => Some(text.as_str().into()),
                other => Some(other.to_string().as_str().into()),
            }),
        }
    }

    fn write(&mut self, column: &mut SerializedColumnWriter<'_>) -> Parquet<()> {
        match self {
            Self::Whole(waiting) => waiting.write::<Int64Type>(column),
            Self::Number(waiting) => waiting.write::<DoubleType>(column),
            Self::Bool(waiting) => waiting.write::<BoolType>(column),
            Self::Text(waiting) => waiting.write::<ByteArrayType>(column),
        }
    }
}

/// The table in Parquet's schema language.
fn schema(name: &str, columns: &[(String, Kind)]) -> String {
    let column = |(name, kind): &(String, Kind)| {
        let (kind, means) = match kind {
            Kind::Text => ("binary", " (STRING)"),
            Kind::List => ("binary", " (JSON)"),
            Kind::Time => ("int64", " (TIMESTAMP(MICROS,true))"),
            Kind::Whole => ("int64", ""),
            Kind::Number => ("double", ""),
            Kind::Bool => ("boolean", ""),
        };
        format!("optional {kind} {name}{means};")
    };
    format!("message {name} {{ {} }}", columns.iter().map(column).collect::<Vec<_>>().join(" "))
}

pub(super) struct ParquetRows<'w> {
    columns: Vec<(String, Kind)>,
    values: Vec<Values>,
    rows: usize,
    file: SerializedFileWriter<Box<dyn Write + Send + 'w>>,
}

impl<'w> ParquetRows<'w> {
    pub(super) fn new(
        name: &str,
        columns: Vec<(String, Kind)>,
        out: Box<dyn Write + Send + 'w>,
    ) -> io::Result<ParquetRows<'w>> {
        let schema = Arc::new(parse_message_type(&schema(name, &columns)).map_err(io_error)?);
        let properties = WriterProperties::builder()
            .set_compression(Compression::ZSTD(ZstdLevel::default()))
            .set_created_by(format!("tripline version {}", env!("CARGO_PKG_VERSION")))
            .build();
        let file = SerializedFileWriter::new(out, schema, Arc::new(properties)).map_err(io_error)?;
        let values = columns.iter().map(|(_, kind)| Values::new(*kind)).collect();
        Ok(Self { columns, values, rows: 0, file })
    }

    fn write_group(&mut self) -> Parquet<()> {
        if self.rows == 0 {
            return Ok(());
        }
        let mut group = self.file.next_row_group()?;
        for values in &mut self.values {
            let Some(mut column) = group.next_column()? else { break };
            values.write(&mut column)?;
            column.close()?;
        }
        group.close()?;
        self.rows = 0;
        Ok(())
    }
}

impl RowWriter for ParquetRows<'_> {
    fn write(&mut self, row: &Value) -> io::Result<()> {
        for ((name, kind), values) in self.columns.iter().zip(&mut self.values) {
            values.push(*kind, &row[name.as_str()]);
        }
        self.rows += 1;
        if self.rows >= GROUP_ROWS { self.write_group().map_err(io_error) } else { Ok(()) }
    }

    fn finish(&mut self) -> io::Result<()> {
        self.write_group().map_err(io_error)?;
        self.file.finish().map_err(io_error)?;
        self.file.inner_mut().flush()
    }
}
