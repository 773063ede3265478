//! Apache Parquet by the crate that writes ours (docs/decisions/0005), row by row, without Arrow. The file is read whole: its
//! footer is at the end.

use super::{TableReader, at_line};
use crate::tables::raw::RawTable;
use crate::tables::{ReadOptions, TableError};
use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::record::Field;
use std::io::{BufRead, Read};

/// Largest file that is read whole, bytes.
const BYTES_MAX: u64 = 2 << 30;

/// `PAR1`.
pub(super) const READER: TableReader = TableReader { name: "Parquet", recognise: is_it, read };

pub(super) fn is_it(first: &[u8]) -> bool {
    first.starts_with(b"PAR1")
}

fn read(name: &str, mut input: Box<dyn BufRead>, _: &ReadOptions) -> Result<RawTable, TableError> {
    let mut bytes = Vec::new();
    input.by_ref().take(BYTES_MAX + 1).read_to_end(&mut bytes).map_err(|error| at_line(name, 1, &error))?;
    if bytes.len() as u64 > BYTES_MAX {
        return Err(TableError::file(name, "it is larger than 2 GiB; give it in parts"));
    }
    let broken = |error: parquet::errors::ParquetError| {
        TableError::file(name, format!("it is damaged: {error}; write it again"))
    };
    let reader = SerializedFileReader::new(bytes::Bytes::from(bytes)).map_err(broken)?;
    let schema = reader.metadata().file_metadata().schema_descr();
    let names = schema.root_schema().get_fields().iter().map(|field| field.name().to_owned());
    let mut table = RawTable::new(name, names)?;
    let mut cells: Vec<String> = Vec::new();
    for (place, row) in reader.get_row_iter(None).map_err(broken)?.enumerate() {
        let row = row.map_err(broken)?;
        cells.clear();
        cells.extend(row.get_column_iter().map(|(_, field)| text(field)));
        table.push(place as u64 + 1, cells.iter().map(String::as_str))?;
    }
    Ok(table)
}

/// Times as seconds since the epoch, lists and maps as nothing.
fn text(field: &Field) -> String {
    match field {
        Field::Null | Field::Group(_) | Field::ListInternal(_) | Field::MapInternal(_) => String::new(),
        Field::Bool(flag) => u8::from(*flag).to_string(),
        Field::Str(text) => text.clone(),
        Field::Bytes(bytes) => String::from_utf8_lossy(bytes.data()).into_owned(),
        Field::TimestampMillis(ms) => format!("{}", *ms as f64 / 1e3),
        Field::TimestampMicros(us) => format!("{}", *us as f64 / 1e6),
        Field::Float(value) => value.to_string(),
        Field::Double(value) => value.to_string(),
        other => other.to_string(),
    }
}
