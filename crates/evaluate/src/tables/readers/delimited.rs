//! CSV and its kin: comma, tab, semicolon or bar, with a line of names or without. The rules of RFC 4180 are the `csv` crate's.

use super::{TableReader, at_line};
use crate::tables::raw::RawTable;
use crate::tables::{Header, ReadOptions, TableError};
use std::io::{BufRead, Read};

/// Comma, tab, semicolon, bar; the one most frequent in the first line.
pub(super) const READER: TableReader = TableReader { name: "CSV", recognise: |_| true, read };

const DELIMITERS: [u8; 4] = [b',', b'\t', b';', b'|'];

fn delimiter(first_line: &[u8]) -> u8 {
    let pieces = |delimiter: u8| first_line.split(|byte| *byte == delimiter).count();
    // The first of equals wins, and `max_by_key` takes the last.
    DELIMITERS.into_iter().rev().max_by_key(|delimiter| pieces(*delimiter)).unwrap_or(b',')
}

/// A line of names holds no number.
fn is_header(record: &csv::StringRecord) -> bool {
    record.iter().all(|cell| cell.trim().parse::<f64>().is_err())
}

fn read(name: &str, mut input: Box<dyn BufRead>, options: &ReadOptions) -> Result<RawTable, TableError> {
    let first = input.fill_buf().map_err(|error| at_line(name, 1, &error))?;
    // Some tools write a byte order mark.
    let mark = if first.starts_with(&[0xef, 0xbb, 0xbf]) { 3 } else { 0 };
    let line_end = first.iter().position(|b| *b == b'\n').unwrap_or(first.len());
    let delimiter = delimiter(&first[..line_end]);
    input.consume(mark);
    let mut reader = csv::ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .delimiter(delimiter)
        .from_reader(input as Box<dyn Read>);
    let mut record = csv::ByteRecord::new();
    let Some(first) = next(name, &mut reader, &mut record)? else {
        return Err(TableError::file(name, "it holds no rows; give a table with one row a flow"));
    };
    let named = match options.header {
        Header::Auto => is_header(&first),
        Header::Yes => true,
        Header::No => false,
    };
    let columns = first.len();
    if columns == 1 && named {
        let what =
            format!("its first line `{:.60}` is one column; is this a table, separated by commas or tabs?", &first[0]);
        return Err(TableError::file(name, what));
    }
    let names = |place: usize| {
        if named { first[place].trim().to_owned() } else { format!("column_{}", place + 1) }
    };
    let mut table = RawTable::new(name, (0..columns).map(names))?;
    if !named {
        table.push(1, first.iter())?;
    }
    while let Some(row) = next(name, &mut reader, &mut record)? {
        let line = record.position().map_or(0, csv::Position::line);
        if row.len() != columns {
            let what = format!(
                "the row has {} columns where {columns} are expected; correct the row or quote the cell that holds a separator",
                row.len()
            );
            return Err(TableError::row(name, line, what));
        }
        table.push(line, row.iter())?;
    }
    Ok(table)
}

/// The next row; bytes that are not UTF-8 become replacement marks, because an old tool's dash in a label is no reason to stop.
fn next(
    name: &str,
    reader: &mut csv::Reader<Box<dyn Read>>,
    record: &mut csv::ByteRecord,
) -> Result<Option<csv::StringRecord>, TableError> {
    let more = reader.read_byte_record(record).map_err(|error| {
        let line = error.position().map_or_else(|| reader.position().line(), csv::Position::line);
        TableError::row(name, line, format!("it cannot be read: {error}"))
    })?;
    Ok(more.then(|| csv::StringRecord::from_byte_record_lossy(record.clone())))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn table(text: &'static str) -> Result<RawTable, String> {
        read("t.csv", Box::new(text.as_bytes()), &ReadOptions::default()).map_err(|error| error.to_string())
    }

    #[test]
    fn separators_marks_and_quotes() {
        for text in ["a,b\n1,x\n", "\u{feff}a;b\r\n1;x\r\n", "a\tb\n1\tx", "a|b\n1|x\n\n"] {
            let t = table(text).unwrap();
            assert_eq!((t.rows, &*t.columns[0].name, t.columns[1].text(0)), (1, "a", "x".to_owned()), "{text:?}");
        }
        let quoted = table("a,b\n\"1,5\",\"say \"\"x\"\"\"\n").unwrap();
        assert_eq!((quoted.columns[0].text(0), quoted.columns[1].text(0)), ("1,5".into(), "say \"x\"".into()));
    }

    #[test]
    fn a_file_without_names_has_numbered_columns() {
        let t = table("0,tcp,normal\n1,udp,normal\n").unwrap();
        assert_eq!((t.rows, &*t.columns[1].name, t.columns[1].text(0)), (2, "column_2", "tcp".to_owned()));
    }

    #[test]
    fn a_row_of_another_length_is_named_by_its_line() {
        let error = table("a,b\n1,2\n1,2\n3,4,5\n").unwrap_err();
        assert!(error.starts_with("t.csv, line 4: the row has 3 columns where 2"), "{error}");
        assert!(table("just prose\nmore of it\n").unwrap_err().contains("one column"));
    }
}
