//! Small files of a finished day become large ones, and days that are over their age go. Owns the order of it: the large file is put first
//! and the small ones are deleted at once, so that nothing is ever missing; for those seconds a reader that sees only files sees rows twice,
//! and ours does not, because the name of the large one says that it stands for the small ones.

use super::ArchiveError;
use super::config::{ArchiveConfig, ArchiveKind};
use super::file::{Group, TableFile};
use super::names::{Listing, Part, day_of};
use super::place::Place;
use super::publish::writer;
use super::tables::{Table, pairs};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Most files that become one at a time: each holds at most one row group in memory, and only where their times overlap.
const INPUTS_MAX: usize = 128;
const HOUR_NS: i64 = 3_600 * 1_000_000_000;

/// What one look did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Compacted {
    /// Files merged.
    pub merged: u64,
    /// Files deleted because their day is over its age.
    pub expired: u64,
}

/// Looks at the files of a kind. Others' files are left to them, but for their age.
pub(super) fn tidy(
    place: &Arc<dyn Place>,
    table: &dyn Table,
    own: &str,
    config: &ArchiveConfig,
    now_ns: i64,
) -> Result<Compacted, ArchiveError> {
    let mut done = Compacted::default();
    let kind = table.kind();
    let Listing { parts, replaced } = Listing::of(place.as_ref(), kind, None)?;
    // What an earlier look was kept from deleting.
    for part in replaced.iter().filter(|part| part.writer == own) {
        place.delete(&part.name(kind))?;
    }
    let oldest = oldest_day(config, now_ns);
    let open = day_of(now_ns.saturating_sub((config.compact_after_h as i64).saturating_mul(HOUR_NS)));
    for (day, parts) in parts {
        if day < oldest {
            for part in &parts {
                place.delete(&part.name(kind))?;
                done.expired += 1;
            }
        } else if day < open {
            for few in groups(parts, own, config.file_max_bytes) {
                done.merged += merge(place, table, &day, &few)?;
            }
        }
    }
    Ok(done)
}

/// The first day that is kept; empty: all are.
pub(super) fn oldest_day(config: &ArchiveConfig, now_ns: i64) -> String {
    if config.retention_days == 0 {
        return String::new();
    }
    day_of(now_ns.saturating_sub((config.retention_days as i64).saturating_mul(24 * HOUR_NS)))
}

/// Neighbours that together are small enough; a file that is large already is left as it is.
fn groups(parts: Vec<Part>, own: &str, most_bytes: u64) -> Vec<Vec<Part>> {
    let (mut groups, mut group, mut bytes) = (Vec::new(), Vec::new(), 0);
    let mut end = |group: &mut Vec<Part>| {
        let whole = std::mem::take(group);
        if whole.len() > 1 {
            groups.push(whole);
        }
    };
    for part in parts.into_iter().filter(|part| part.writer == own) {
        if part.bytes >= most_bytes / 2 {
            end(&mut group);
            bytes = 0;
            continue;
        }
        if bytes + part.bytes > most_bytes || group.len() >= INPUTS_MAX {
            end(&mut group);
            bytes = 0;
        }
        bytes += part.bytes;
        group.push(part);
    }
    end(&mut group);
    groups
}

/// One of the files that become one.
struct Input {
    file: TableFile,
    /// Groups not yet begun.
    next: usize,
    /// The group that is being read, and the row in it.
    group: Option<(Group, usize)>,
    /// Earliest time of what is left; None: nothing is.
    time: Option<i64>,
}

impl Input {
    /// Finds the earliest time of what is left without reading it, where the file says it.
    fn look_ahead(&mut self, table: &dyn Table, time: usize) -> Result<(), ArchiveError> {
        if let Some((group, row)) = &self.group {
            if let Some(column) = group.columns.get(time).filter(|_| *row < group.rows) {
                self.time = Some(column.whole(*row));
                return Ok(());
            }
            self.group = None;
        }
        self.time = None;
        if self.next < self.file.groups() {
            match self.file.span(self.next, table.time()) {
                Some((first, _)) => self.time = Some(first),
                None => return self.load(table, time),
            }
        }
        Ok(())
    }

    fn load(&mut self, table: &dyn Table, time: usize) -> Result<(), ArchiveError> {
        self.group = Some((self.file.read(self.next, pairs(table.columns()))?, 0));
        self.next += 1;
        self.look_ahead(table, time)
    }
}

/// Makes one file of several, then deletes these. Says how many it took the place of; files of another form are left as they are.
fn merge(place: &Arc<dyn Place>, table: &dyn Table, day: &str, parts: &[Part]) -> Result<u64, ArchiveError> {
    let (Some(first), Some(last)) = (parts.first(), parts.last()) else { return Ok(0) };
    let mut inputs = BTreeMap::new();
    for (n, part) in parts.iter().enumerate() {
        let file = TableFile::open(place, &part.name(table.kind()), part.bytes)?;
        if !file.has_columns(table.columns().iter().map(|(name, _)| name.as_str())) {
            return Ok(0);
        }
        inputs.insert(n, Input { file, next: 0, group: None, time: None });
    }
    let content = merged(table, inputs)?;
    let part = Part::new(day, &first.writer, (first.first, last.last), &content);
    place.put(&part.name(table.kind()), content.into())?;
    delete(place.as_ref(), table.kind(), parts)?;
    Ok(parts.len() as u64)
}

fn delete(place: &dyn Place, kind: ArchiveKind, parts: &[Part]) -> Result<(), ArchiveError> {
    parts.iter().try_for_each(|part| place.delete(&part.name(kind)))
}

/// All rows of the inputs, which are sorted, in the order of time.
fn merged(table: &dyn Table, mut inputs: BTreeMap<usize, Input>) -> Result<Vec<u8>, ArchiveError> {
    let failed = |e| ArchiveError::of_file(e, "in memory", table.kind().name());
    let time = table.columns().iter().position(|(name, _)| name == table.time()).unwrap_or_default();
    let mut file = writer(table).map_err(failed)?;
    let mut queue = std::collections::BinaryHeap::new();
    for (n, input) in &mut inputs {
        input.look_ahead(table, time)?;
        queue.extend(input.time.map(|time| std::cmp::Reverse((time, *n))));
    }
    while let Some(std::cmp::Reverse((_, n))) = queue.pop() {
        let Some(input) = inputs.get_mut(&n) else { continue };
        match &mut input.group {
            Some((group, row)) => {
                file.push(group.row(*row)).map_err(failed)?;
                *row += 1;
                input.look_ahead(table, time)?;
            }
            None => input.load(table, time)?,
        }
        queue.extend(input.time.map(|time| std::cmp::Reverse((time, n))));
    }
    Ok(std::mem::take(file.finish().map_err(failed)?))
}
