//! From files to raw tables: one file a way of writing. Which one it is, its first bytes tell.

mod delimited;
mod json_lines;
mod parquet;
mod zeek_tsv;

use super::raw::RawTable;
use super::{ReadOptions, TableError};
use std::io::{BufRead, BufReader, Cursor, Read};
use std::path::Path;

/// Name for messages, unpacked bytes, and what a person said, to a table.
type ReadTable = fn(&str, Box<dyn BufRead>, &ReadOptions) -> Result<RawTable, TableError>;

/// A way of writing tables.
pub(super) struct TableReader {
    /// For messages.
    pub(super) name: &'static str,
    /// Do these first bytes look like it?
    recognise: fn(&[u8]) -> bool,
    read: ReadTable,
}

/// The registry; the first that recognises the bytes reads. The last takes any text.
pub(super) static READERS: &[TableReader] = &[parquet::READER, zeek_tsv::READER, json_lines::READER, delimited::READER];

/// Bytes that a kind of file is recognised by.
const FIRST_BYTES: usize = 64 * 1024;

/// An input whose first bytes were looked at.
pub(crate) struct Opened {
    /// For messages.
    pub(crate) name: String,
    /// All of it, unpacked.
    pub(crate) bytes: Box<dyn Read + Send>,
    /// It begins like a capture: a table is what does not.
    pub(crate) is_capture: bool,
}

/// Opens a file, packed or not, or standard input (`-`), which can be read once only.
pub(crate) fn open(path: &Path) -> Result<Opened, TableError> {
    let name = if path == Path::new("-") { "standard input".to_owned() } else { path.display().to_string() };
    let mut unpacked = source::open_unpacked(path)?;
    let mut first = Vec::with_capacity(4);
    unpacked.by_ref().take(4).read_to_end(&mut first).map_err(|error| broken(&name, &error))?;
    let is_capture = source::is_capture(&first);
    Ok(Opened { name, bytes: Box::new(Cursor::new(first).chain(unpacked)), is_capture })
}

fn broken(name: &str, error: &std::io::Error) -> TableError {
    let what = format!("it cannot be read: {error}; check it with `zstd -t` or `gzip -t` if it is packed");
    TableError::file(name, what)
}

/// Reads one table.
pub(super) fn read(opened: Opened, options: &ReadOptions) -> Result<RawTable, TableError> {
    let Opened { name, bytes: mut input, .. } = opened;
    // A reader hands out what it likes; what a file is must not depend on that.
    let mut first = Vec::new();
    input.by_ref().take(FIRST_BYTES as u64).read_to_end(&mut first).map_err(|error| broken(&name, &error))?;
    if first.iter().all(u8::is_ascii_whitespace) {
        return Err(TableError::file(&name, "it is empty; give a table with a header line and one row a flow"));
    }
    if first.contains(&0) && !parquet::is_it(&first) {
        return Err(TableError::file(
            &name,
            "it is neither a capture nor a table; pcap, pcapng, CSV, TSV, JSON lines, Zeek logs and Parquet are read",
        ));
    }
    let reader = READERS.iter().find(|reader| (reader.recognise)(&first));
    let reader = reader.ok_or_else(|| TableError::file(&name, "it is no table of a known kind"))?;
    let whole = BufReader::with_capacity(FIRST_BYTES, Cursor::new(first).chain(input));
    let table = (reader.read)(&name, Box::new(whole), options)?;
    if table.rows == 0 {
        return Err(TableError::file(
            &name,
            format!("it holds no rows ({}); give a table with one row a flow", reader.name),
        ));
    }
    Ok(table)
}

/// A reading error at a line.
fn at_line(name: &str, line: u64, error: &std::io::Error) -> TableError {
    TableError::row(name, line, format!("it cannot be read: {error}"))
}
