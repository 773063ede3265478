//! Publishing the rows of one kind exactly once. What has been published follows from the names of the files alone: nothing is written
//! beside them that could contradict them. Owns where a writer goes on, and what it does after a failure.

use super::ArchiveError;
use super::config::{ArchiveConfig, ArchiveKind};
use super::names::{Listing, Part, day_of};
use super::place::Place;
use super::tables::{Key, Table, pairs};
use crate::Reader;
use crate::columnar::{self, TableWriter};
use parquet::file::metadata::{KeyValue, SortingColumn};
use std::collections::HashMap;

/// Rows read from the store at a time.
const READ_ROWS: usize = 2_048;
/// What files say of their form.
pub(super) const FORM: &str = "tripline.archive/1";

/// What one publication did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Published {
    pub rows: u64,
    pub files: u64,
    pub bytes: u64,
    /// Rows that the store had deleted before.
    pub missed: u64,
    /// More may wait.
    pub more: bool,
}

/// Where a kind stands.
#[derive(Debug, Default)]
struct Standing {
    /// Everything up to here is published.
    cursor: i64,
    /// What the files of this writer hold, by day; looked at up to `known`.
    covered: HashMap<String, Vec<Part>>,
    /// The largest number of a file when this was looked up.
    known: i64,
}

/// One kind's publisher.
pub(super) struct Publisher {
    table: &'static dyn Table,
    writer: String,
    rows_max: usize,
    /// None: to be found out from the archive, at the start and after every failure.
    state: Option<Standing>,
}

impl Publisher {
    pub(super) fn new(table: &'static dyn Table, writer: &str, config: &ArchiveConfig) -> Self {
        Self { table, writer: writer.to_owned(), rows_max: config.file_max_rows, state: None }
    }

    pub(super) fn kind(&self) -> ArchiveKind {
        self.table.kind()
    }

    /// Everything up to this number is in the archive; None while that is not known.
    pub(super) fn cursor(&self) -> Option<i64> {
        self.state.as_ref().map(|state| state.cursor)
    }

    /// Publishes what comes next. After a failure the archive is asked anew how far it is: a request that failed may have been done.
    pub(super) fn publish(
        &mut self,
        place: &dyn Place,
        store: &Reader,
        oldest_day: &str,
    ) -> Result<Published, ArchiveError> {
        let state = match self.state.take() {
            Some(state) => state,
            None => look_up(place, self.table.kind(), &self.writer)?,
        };
        let (state, published) = self.publish_from(state, place, store, oldest_day)?;
        self.state = Some(state);
        Ok(published)
    }

    fn publish_from(
        &self,
        mut state: Standing,
        place: &dyn Place,
        store: &Reader,
        oldest_day: &str,
    ) -> Result<(Standing, Published), ArchiveError> {
        // What the newest files stand for is gone through again by itself: only there can a day be missing.
        let upto = if state.cursor < state.known { state.known } else { i64::MAX };
        let next = self.table.keys(store, state.cursor, upto, self.rows_max)?;
        let range = (state.cursor + 1, next.last);
        let mut done = Published { missed: next.missed, ..Published::default() };
        for (day, keys) in by_day(&next.found) {
            let covered = state.covered.get(&day).map_or(&[][..], Vec::as_slice);
            let wanted: Vec<Key> =
                keys.into_iter().filter(|key| !covered.iter().any(|part| part.covers(key.number))).collect();
            if day.as_str() < oldest_day || wanted.is_empty() {
                continue;
            }
            let (content, rows) = self.encode(store, &wanted)?;
            done.missed += wanted.len() as u64 - rows;
            if rows > 0 {
                let part = Part::new(&day, &self.writer, range, &content);
                place.put(&part.name(self.table.kind()), content.into())?;
                done.rows += rows;
                done.files += 1;
                done.bytes += part.bytes;
            }
        }
        let again = upto != i64::MAX && next.looked_at < self.rows_max;
        // Where nothing is left of what the newest files stand for, the store has deleted it since.
        state.cursor = if again { state.known } else { next.last };
        if state.cursor >= state.known {
            state.covered.clear();
        }
        done.more = upto != i64::MAX || next.looked_at >= self.rows_max;
        Ok((state, done))
    }

    /// A file of these rows, in the order of time.
    fn encode(&self, store: &Reader, keys: &[Key]) -> Result<(Vec<u8>, u64), ArchiveError> {
        let failed = |e| ArchiveError::of_file(e, "in memory", self.table.kind().name());
        let mut file = writer(self.table).map_err(failed)?;
        let mut written = 0;
        for chunk in keys.chunks(READ_ROWS) {
            let numbers: Vec<i64> = chunk.iter().map(|key| key.number).collect();
            for row in self.table.rows(store, &numbers)? {
                file.push(row.into_iter()).map_err(failed)?;
                written += 1;
            }
        }
        let content = std::mem::take(file.finish().map_err(failed)?);
        Ok((content, written))
    }
}

/// A file in memory with a table's columns.
pub(super) fn writer(table: &dyn Table) -> parquet::errors::Result<TableWriter<Vec<u8>>> {
    let time = table.columns().iter().position(|(name, _)| name == table.time()).unwrap_or_default() as i32;
    let sorted = vec![SortingColumn { column_idx: time, descending: false, nulls_first: false }];
    let about = [("tripline.form", FORM), ("tripline.kind", table.kind().name())];
    let about = about.map(|(key, value)| KeyValue::new(key.to_owned(), value.to_owned())).to_vec();
    let properties = columnar::properties().set_sorting_columns(Some(sorted)).set_key_value_metadata(Some(about));
    TableWriter::new(Vec::new(), pairs(table.columns()), properties.build())
}

/// Rows by day and, within it, by time.
fn by_day(keys: &[Key]) -> Vec<(String, Vec<Key>)> {
    let mut sorted = keys.to_vec();
    sorted.sort_unstable_by_key(|key| (key.time_ns, key.number));
    let mut days: Vec<(String, Vec<Key>)> = Vec::new();
    for key in sorted {
        let day = day_of(key.time_ns);
        match days.last_mut().filter(|(last, _)| *last == day) {
            Some((_, keys)) => keys.push(key),
            None => days.push((day, vec![key])),
        }
    }
    days
}

/// How far a writer has come, by the names of its files. A publication is a file a day, one after the other: all but the newest are whole,
/// and of that one the days that are missing can be told.
fn look_up(place: &dyn Place, kind: ArchiveKind, writer: &str) -> Result<Standing, ArchiveError> {
    let mut state = Standing::default();
    let listing = Listing::of(place, kind, None)?;
    for (day, parts) in listing.parts {
        let own: Vec<Part> = parts.into_iter().filter(|part| part.writer == writer).collect();
        state.known = own.iter().map(|part| part.last).max().unwrap_or_default().max(state.known);
        state.covered.insert(day, own);
    }
    let newest = state.covered.values().flatten().filter(|part| part.last == state.known);
    state.cursor = newest.map(|part| part.first - 1).max().unwrap_or_default();
    Ok(state)
}
