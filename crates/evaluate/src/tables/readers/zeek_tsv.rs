//! Zeek's tab-separated logs, also `.labeled` ones: names and separator stand in `#` lines.

use super::{TableReader, at_line};
use crate::tables::raw::RawTable;
use crate::tables::{ReadOptions, TableError};
use std::io::BufRead;

/// `#separator`, `#fields`.
pub(super) const READER: TableReader =
    TableReader { name: "Zeek log", recognise: |first| first.starts_with(b"#separator"), read };

fn read(name: &str, input: Box<dyn BufRead>, _: &ReadOptions) -> Result<RawTable, TableError> {
    let mut separator = '\t';
    let mut table: Option<RawTable> = None;
    for (place, line) in input.lines().enumerate() {
        let number = place as u64 + 1;
        let line = line.map_err(|error| at_line(name, number, &error))?;
        let line = line.trim_end_matches('\r');
        if let Some(code) = line.strip_prefix("#separator ") {
            let byte = code.trim().strip_prefix("\\x").and_then(|hex| u8::from_str_radix(hex, 16).ok());
            separator = byte.map_or(separator, char::from);
        } else if let Some(fields) = line.strip_prefix("#fields") {
            // Logs written one after the other repeat their head.
            if table.is_none() {
                // Labelled logs of some makers end in spaces where the others have tabs.
                let fields = fields.trim_start_matches(separator).split(separator).flat_map(|f| f.split("   "));
                table = Some(RawTable::new(name, fields.map(|field| field.trim().to_owned()))?);
            }
        } else if !line.starts_with('#') && !line.is_empty() {
            let missing = || TableError::row(name, number, "there is no #fields line before the first row");
            push(table.as_mut().ok_or_else(missing)?, name, number, line, separator)?;
        }
    }
    table.ok_or_else(|| TableError::file(name, "it has no #fields line; copy the whole log"))
}

fn push(table: &mut RawTable, name: &str, line: u64, text: &str, separator: char) -> Result<(), TableError> {
    let mut cells: Vec<&str> = text.split(separator).collect();
    let columns = table.columns.len();
    if cells.len() != columns {
        cells = cells.into_iter().flat_map(|cell| cell.split("   ")).collect();
    }
    if cells.len() != columns {
        let what = format!("the row has {} columns where #fields names {columns}; the log may be cut", cells.len());
        return Err(TableError::row(name, line, what));
    }
    table.push(line, cells.into_iter())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn table(text: &'static str) -> Result<RawTable, String> {
        read("conn.log", Box::new(text.as_bytes()), &ReadOptions::default()).map_err(|error| error.to_string())
    }

    #[test]
    fn heads_rows_and_labels_behind_spaces() {
        let log = "#separator \\x09\n#path\tconn\n#fields\tts\tproto\tlabel   detailed-label\n1.5\ttcp\tMalicious   C&C\n#close\tnow\n";
        let t = table(log).unwrap();
        assert_eq!((t.rows, t.columns.len(), t.columns[3].text(0)), (1, 4, "C&C".to_owned()));
        assert_eq!(t.origin(0), ("conn.log", 4));
    }

    #[test]
    fn cut_logs_say_so() {
        assert!(table("#separator \\x09\n#fields\ta\tb\n1\n").unwrap_err().contains("line 3: the row has 1 columns"));
        assert!(table("#separator \\x09\n1\t2\n").unwrap_err().contains("no #fields line"));
    }
}
