//! One file of the archive, read row group by row group over a `Place`. Owns how much is asked at a time; what a row means is its table's.

use super::ArchiveError;
use super::place::Place;
use crate::columnar::{Cell, Column};
use bytes::{Buf, Bytes};
use parquet::errors::{ParquetError, Result};
use parquet::file::reader::{ChunkReader, FileReader, Length, SerializedFileReader};
use parquet::file::statistics::Statistics;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

/// Bytes asked for at a time when a file is read from front to back.
const AHEAD_BYTES: u64 = 1 << 20;
/// Bytes asked for first: the file's end, which says where everything is.
const TAIL_BYTES: u64 = 64 << 10;
/// Most bytes of the head of a page.
const PAGE_HEAD_BYTES: usize = 64 << 10;

/// A file far away, with the piece of it that was asked for last.
struct Remote {
    place: Arc<dyn Place>,
    name: String,
    len: u64,
    piece: Mutex<(u64, Bytes)>,
}

impl Length for Remote {
    fn len(&self) -> u64 {
        self.len
    }
}

impl ChunkReader for Remote {
    type T = bytes::buf::Reader<Bytes>;

    fn get_read(&self, start: u64) -> Result<Self::T> {
        let length = PAGE_HEAD_BYTES.min(self.len.saturating_sub(start) as usize);
        self.get_bytes(start, length).map(Buf::reader)
    }

    fn get_bytes(&self, start: u64, length: usize) -> Result<Bytes> {
        let wanted = start + length as u64;
        if wanted > self.len {
            return Err(ParquetError::EOF(format!("{wanted} is behind the end at {}", self.len)));
        }
        let mut piece = self.piece.lock().unwrap_or_else(PoisonError::into_inner);
        let (from, bytes) = &*piece;
        if start < *from || wanted > from + bytes.len() as u64 {
            let end = wanted.max(start + AHEAD_BYTES).min(self.len);
            let fetched = self.place.get(&self.name, start..end).map_err(|e| ParquetError::External(Box::new(e)))?;
            *piece = (start, fetched);
        }
        let (from, bytes) = &*piece;
        let at = (start - from) as usize;
        if at + length > bytes.len() {
            return Err(ParquetError::EOF(format!(
                "{} bytes came instead of {length}",
                bytes.len().saturating_sub(at)
            )));
        }
        Ok(bytes.slice(at..at + length))
    }
}

/// One file, opened.
pub(super) struct TableFile {
    reader: SerializedFileReader<Remote>,
    columns: HashMap<String, usize>,
    address: String,
    name: String,
}

/// Values of some columns of one row group, in the order in which they were asked for.
pub(super) struct Group {
    pub rows: usize,
    pub columns: Vec<Column>,
}

impl Group {
    /// A whole row.
    pub(super) fn row(&self, row: usize) -> impl Iterator<Item = Cell> {
        self.columns.iter().map(move |column| column.cell(row))
    }
}

impl TableFile {
    /// Reads the file's end.
    pub(super) fn open(place: &Arc<dyn Place>, name: &str, len: u64) -> std::result::Result<Self, ArchiveError> {
        let address = place.address().to_owned();
        let from = len.saturating_sub(TAIL_BYTES);
        let tail = place.get(name, from..len)?;
        let piece = Mutex::new((from, tail));
        let remote = Remote { place: Arc::clone(place), name: name.to_owned(), len, piece };
        let reader = SerializedFileReader::new(remote).map_err(|e| ArchiveError::of_file(e, &address, name))?;
        let schema = reader.metadata().file_metadata().schema_descr_ptr();
        let columns = schema.columns().iter().enumerate().map(|(n, column)| (column.name().to_owned(), n)).collect();
        Ok(Self { reader, columns, address, name: name.to_owned() })
    }

    /// Row groups.
    pub(super) fn groups(&self) -> usize {
        self.reader.num_row_groups()
    }

    /// True when its columns are these, in this order.
    pub(super) fn has_columns<'c>(&self, mut names: impl Iterator<Item = &'c str>) -> bool {
        let found = self.reader.metadata().file_metadata().schema_descr_ptr();
        found.columns().iter().all(|column| names.next() == Some(column.name())) && names.next().is_none()
    }

    /// Smallest and largest value of a column of whole numbers in a group; None when the file does not say.
    pub(super) fn span(&self, group: usize, column: &str) -> Option<(i64, i64)> {
        let place = *self.columns.get(column)?;
        let metadata = self.reader.metadata().row_groups().get(group)?;
        match metadata.columns().get(place)?.statistics()? {
            Statistics::Int64(values) => Some((*values.min_opt()?, *values.max_opt()?)),
            _ => None,
        }
    }

    /// Values of columns, by name and type; one that the file does not have is empty in every row.
    pub(super) fn read<'c>(
        &self,
        group: usize,
        wanted: impl Iterator<Item = (&'c str, &'c str)>,
    ) -> std::result::Result<Group, ArchiveError> {
        self.read_group(group, wanted).map_err(|e| ArchiveError::of_file(e, &self.address, &self.name))
    }

    fn read_group<'c>(&self, group: usize, wanted: impl Iterator<Item = (&'c str, &'c str)>) -> Result<Group> {
        let reader = self.reader.get_row_group(group)?;
        let rows = usize::try_from(reader.metadata().num_rows())?;
        let mut columns = Vec::new();
        for (name, kind) in wanted {
            columns.push(match self.columns.get(name) {
                Some(place) => {
                    let optional = reader.metadata().column(*place).column_descr().max_def_level() > 0;
                    Column::read(reader.get_column_reader(*place)?, rows, optional)?
                }
                None => Column::new(kind),
            });
        }
        Ok(Group { rows, columns })
    }
}
