//! Reading the archive: rows of a kind and a span of time that pass a filter, a row group in memory at a time. Days outside the span are
//! not opened, row groups outside it not fetched. Owns that a row is given once, also while files are merged, and of incidents and scans
//! the newest state alone.

use super::ArchiveError;
use super::cloud::Cloud;
use super::config::{ArchiveConfig, ArchiveKind};
use super::file::{Group, TableFile};
use super::matching::{flow_matches, incident_matches, scan_matches, verdict_matches};
use super::names::{Listing, Part, day_of};
use super::place::Place;
use super::tables::{
    ArchivedScan, ArchivedVerdict, flow_back, flow_columns, incident_back, pairs, scan_back, table, verdict_back,
};
use crate::columnar::{Column, TEXT, WHOLE};
use crate::{FlowRow, Query, TimeRange};
use record::{FlowRecord, Incident};
use std::collections::HashMap;
use std::ops::ControlFlow;
use std::sync::Arc;

/// How often a file that was merged away while it was wanted is looked for again.
const LOOKS_MAX: u32 = 5;

/// The reading side. All calls block: an async caller uses its blocking threads.
pub struct ArchiveReader {
    place: Arc<dyn Place>,
}

/// Takes a group of a file; breaks when enough was seen.
type EachGroup<'t> = dyn FnMut(&Part, &Group) -> Result<ControlFlow<()>, ArchiveError> + 't;
/// Number and row of one place of a group.
type Back<'t, T> = dyn Fn(&[Column], usize) -> Option<(i64, T)> + 't;
/// Takes a group; breaks when enough was seen.
type TakeGroup<'t> = dyn FnMut(&Group) -> Result<ControlFlow<()>, ArchiveError> + 't;

impl ArchiveReader {
    /// Opens the archive that the settings name.
    ///
    /// # Errors
    /// The settings cannot be, or the folder cannot be read.
    pub fn open(config: &ArchiveConfig) -> Result<Self, ArchiveError> {
        Ok(Self { place: Arc::new(Cloud::open(config)?) })
    }

    #[cfg(test)]
    pub(super) fn at(place: Arc<dyn Place>) -> Self {
        Self { place }
    }

    /// Days that hold rows of a kind, oldest first, as `2026-11-23`.
    ///
    /// # Errors
    /// The archive cannot be reached.
    pub fn days(&self, kind: ArchiveKind) -> Result<Vec<String>, ArchiveError> {
        Ok(Listing::of(self.place.as_ref(), kind, None)?.parts.into_keys().collect())
    }

    /// Flows that ended in a span and pass, day by day, until `take` breaks: whole records, as the store had them.
    ///
    /// # Errors
    /// The archive cannot be reached, or a file cannot be read.
    pub fn flows(
        &self,
        range: TimeRange,
        query: &Query,
        take: &mut dyn FnMut(FlowRecord, FlowRow) -> ControlFlow<()>,
    ) -> Result<(), ArchiveError> {
        self.visit_flows((self.days_within(ArchiveKind::Flows, range)?, range), query, (None, i64::MAX), take)
    }

    /// Those of one writer below a number (its store holds the others), newest day first.
    ///
    /// # Errors
    /// As of `flows`.
    pub(super) fn flows_of(
        &self,
        writer: &str,
        range: TimeRange,
        query: &Query,
        below: i64,
        take: &mut dyn FnMut(FlowRecord, FlowRow) -> ControlFlow<()>,
    ) -> Result<(), ArchiveError> {
        let mut days = self.days_within(ArchiveKind::Flows, range)?;
        days.reverse();
        self.visit_flows((days, range), query, (Some(writer), below), take)
    }

    fn visit_flows(
        &self,
        (days, range): (Vec<String>, TimeRange),
        query: &Query,
        (writer, below): (Option<&str>, i64),
        take: &mut dyn FnMut(FlowRecord, FlowRow) -> ControlFlow<()>,
    ) -> Result<(), ArchiveError> {
        let mut stopped = false;
        self.visit_parts(ArchiveKind::Flows, days, &mut |part| {
            if part.first >= below || writer.is_some_and(|writer| writer != part.writer) {
                return Ok(ControlFlow::Continue(()));
            }
            let mut each = |group: &Group| {
                for (number, record, row) in (0..group.rows).filter_map(|at| flow_back(&group.columns, at)) {
                    let wanted = number < below && part.covers(number) && within(range, row.end.0, row.end.0);
                    if wanted && flow_matches(query, &row) && take(record, row).is_break() {
                        stopped = true;
                        return Ok(ControlFlow::Break(()));
                    }
                }
                Ok(ControlFlow::Continue(()))
            };
            let columns: Vec<(&str, &str)> = flow_columns().collect();
            self.visit_part(ArchiveKind::Flows, part, ("end", range), &columns, &mut each)?;
            Ok(if stopped { ControlFlow::Break(()) } else { ControlFlow::Continue(()) })
        })
    }

    /// Verdicts of flows that ended in a span and pass (`flow_id`, `score`, `p_value`, `anomalous`).
    ///
    /// # Errors
    /// As of `flows`.
    pub fn verdicts(
        &self,
        range: TimeRange,
        query: &Query,
        take: &mut dyn FnMut(ArchivedVerdict) -> ControlFlow<()>,
    ) -> Result<(), ArchiveError> {
        let mut stopped = false;
        self.visit_rows(ArchiveKind::Verdicts, ("ts", range), &mut |part, group| {
            for at in 0..group.rows {
                let number = group.columns.first().map_or(0, |column| column.whole(at));
                let Some(verdict) = verdict_back(&group.columns, at).filter(|_| part.covers(number)) else { continue };
                let wanted = within(range, verdict.ts.0, verdict.ts.0) && verdict_matches(query, &verdict);
                if wanted && take(verdict).is_break() {
                    stopped = true;
                    return Ok(ControlFlow::Break(()));
                }
            }
            Ok(if stopped { ControlFlow::Break(()) } else { ControlFlow::Continue(()) })
        })
    }

    /// Incidents that overlap a span and pass, each as it stood last, by the day on which it was raised.
    ///
    /// # Errors
    /// As of `flows`.
    pub fn incidents(
        &self,
        range: TimeRange,
        query: &Query,
        take: &mut dyn FnMut(Incident) -> ControlFlow<()>,
    ) -> Result<(), ArchiveError> {
        self.visit_incidents(None, range, query, take)
    }

    /// Those of one writer.
    ///
    /// # Errors
    /// As of `flows`.
    pub(super) fn incidents_of(
        &self,
        writer: &str,
        range: TimeRange,
        query: &Query,
        take: &mut dyn FnMut(Incident) -> ControlFlow<()>,
    ) -> Result<(), ArchiveError> {
        self.visit_incidents(Some(writer), range, query, take)
    }

    fn visit_incidents(
        &self,
        writer: Option<&str>,
        range: TimeRange,
        query: &Query,
        take: &mut dyn FnMut(Incident) -> ControlFlow<()>,
    ) -> Result<(), ArchiveError> {
        let of = (ArchiveKind::Incidents, writer, range);
        self.newest(of, &incident_back, &|incident| &incident.id, &mut |incident| {
            let wanted = within(range, incident.first_seen.0, incident.last_seen.0);
            if wanted && incident_matches(query, &incident) { take(incident) } else { ControlFlow::Continue(()) }
        })
    }

    /// Scans that overlap a span and pass, each as it stood last, with what they found.
    ///
    /// # Errors
    /// As of `flows`.
    pub fn scans(
        &self,
        range: TimeRange,
        query: &Query,
        take: &mut dyn FnMut(ArchivedScan) -> ControlFlow<()>,
    ) -> Result<(), ArchiveError> {
        self.visit_scans(None, range, query, take)
    }

    /// Those of one writer.
    ///
    /// # Errors
    /// As of `flows`.
    pub(super) fn scans_of(
        &self,
        writer: &str,
        range: TimeRange,
        query: &Query,
        take: &mut dyn FnMut(ArchivedScan) -> ControlFlow<()>,
    ) -> Result<(), ArchiveError> {
        self.visit_scans(Some(writer), range, query, take)
    }

    fn visit_scans(
        &self,
        writer: Option<&str>,
        range: TimeRange,
        query: &Query,
        take: &mut dyn FnMut(ArchivedScan) -> ControlFlow<()>,
    ) -> Result<(), ArchiveError> {
        let of = (ArchiveKind::Scans, writer, range);
        self.newest(of, &scan_back, &|scan| &scan.row.id, &mut |scan| {
            let ended = scan.row.ended.unwrap_or(scan.row.started);
            let wanted = within(range, scan.row.started.0, ended.0);
            if wanted && scan_matches(query, &scan) { take(scan) } else { ControlFlow::Continue(()) }
        })
    }

    /// Rows whose newest version counts. All versions of one are in one day's folder, so that a day at a time is enough: first the numbers
    /// of the newest, then the rows.
    fn newest<T>(
        &self,
        (kind, writer, range): (ArchiveKind, Option<&str>, TimeRange),
        back: &Back<T>,
        id: &dyn Fn(&T) -> &String,
        take: &mut dyn FnMut(T) -> ControlFlow<()>,
    ) -> Result<(), ArchiveError> {
        // What was raised before the span may have gone on into it.
        let days = TimeRange { from: None, to: range.to };
        for day in self.days_within(kind, days)? {
            let mut newest: HashMap<(String, String), i64> = HashMap::new();
            let mut last = |part: &Part, group: &Group| {
                if writer.is_some_and(|writer| writer != part.writer) {
                    return Ok(ControlFlow::Continue(()));
                }
                for at in 0..group.rows {
                    let [number, name] = group.columns.as_slice() else { break };
                    let newest = newest.entry((part.writer.clone(), name.text(at).to_owned())).or_insert(i64::MIN);
                    *newest = number.whole(at).max(*newest);
                }
                Ok(ControlFlow::Continue(()))
            };
            let ids = [("number", WHOLE), ("id", TEXT)];
            let _ = self.visit_day(kind, &day, ("", TimeRange::default()), &ids, &mut last)?;
            let mut stopped = false;
            let mut each = |part: &Part, group: &Group| {
                for (number, row) in (0..group.rows).filter_map(|at| back(&group.columns, at)) {
                    let key = (part.writer.clone(), id(&row).clone());
                    // Taken out, so that a version that is there twice counts once.
                    if newest.get(&key) == Some(&number) && newest.remove(&key).is_some() && take(row).is_break() {
                        stopped = true;
                        return Ok(ControlFlow::Break(()));
                    }
                }
                Ok(ControlFlow::Continue(()))
            };
            let all = table(kind).map(|table| pairs(table.columns()).collect::<Vec<_>>()).unwrap_or_default();
            let _ = self.visit_day(kind, &day, ("", TimeRange::default()), &all, &mut each)?;
            if stopped {
                break;
            }
        }
        Ok(())
    }

    fn days_within(&self, kind: ArchiveKind, range: TimeRange) -> Result<Vec<String>, ArchiveError> {
        let (from, to) = (range.from.map(|time| day_of(time.0)), range.to.map(|time| day_of(time.0)));
        let inside =
            |day: &String| from.as_ref().is_none_or(|from| day >= from) && to.as_ref().is_none_or(|to| day <= to);
        Ok(self.days(kind)?.into_iter().filter(inside).collect())
    }

    fn visit_rows(
        &self,
        kind: ArchiveKind,
        (time, range): (&str, TimeRange),
        each: &mut EachGroup,
    ) -> Result<(), ArchiveError> {
        let all = table(kind).map(|table| pairs(table.columns()).collect::<Vec<_>>()).unwrap_or_default();
        for day in self.days_within(kind, range)? {
            if self.visit_day(kind, &day, (time, range), &all, each)?.is_break() {
                break;
            }
        }
        Ok(())
    }

    fn visit_day(
        &self,
        kind: ArchiveKind,
        day: &str,
        span: (&str, TimeRange),
        columns: &[(&str, &str)],
        each: &mut EachGroup,
    ) -> Result<ControlFlow<()>, ArchiveError> {
        let listing = Listing::of(self.place.as_ref(), kind, Some(day))?;
        for part in listing.parts.values().flatten() {
            let mut stopped = false;
            let mut take = |group: &Group| {
                let flow = each(part, group)?;
                stopped = flow.is_break();
                Ok(flow)
            };
            self.visit_part(kind, part, span, columns, &mut take)?;
            if stopped {
                return Ok(ControlFlow::Break(()));
            }
        }
        Ok(ControlFlow::Continue(()))
    }

    fn visit_parts(
        &self,
        kind: ArchiveKind,
        days: Vec<String>,
        each: &mut dyn FnMut(&Part) -> Result<ControlFlow<()>, ArchiveError>,
    ) -> Result<(), ArchiveError> {
        for day in days {
            let listing = Listing::of(self.place.as_ref(), kind, Some(&day))?;
            for part in listing.parts.values().flatten() {
                if each(part)?.is_break() {
                    return Ok(());
                }
            }
        }
        Ok(())
    }

    /// The row groups of a file that may hold something of a span. A file that was merged into a larger one since it was listed is read
    /// from that one: whoever takes the groups leaves out the rows that the part does not cover.
    fn visit_part(
        &self,
        kind: ArchiveKind,
        part: &Part,
        (time, range): (&str, TimeRange),
        columns: &[(&str, &str)],
        take: &mut TakeGroup,
    ) -> Result<(), ArchiveError> {
        let mut place = part.clone();
        let mut group = 0;
        for _ in 0..LOOKS_MAX {
            match self.visit_file(kind, &place, (time, range), columns, &mut group, take) {
                Err(ArchiveError::Gone { .. }) if group == 0 => {
                    let listing = Listing::of(self.place.as_ref(), kind, Some(&part.day))?;
                    let now = listing.parts.into_values().flatten().find(|other| part.is_replaced_by(other));
                    // Not merged but too old: its rows are gone for good.
                    let Some(now) = now else { return Ok(()) };
                    place = now;
                }
                other => return other,
            }
        }
        Err(ArchiveError::Gone { address: self.place.address().to_owned(), name: part.name(kind) })
    }

    fn visit_file(
        &self,
        kind: ArchiveKind,
        part: &Part,
        (time, range): (&str, TimeRange),
        columns: &[(&str, &str)],
        next: &mut usize,
        take: &mut TakeGroup,
    ) -> Result<(), ArchiveError> {
        let file = TableFile::open(&self.place, &part.name(kind), part.bytes)?;
        while *next < file.groups() {
            let span = file.span(*next, time);
            // Times of files end at microseconds.
            let outside = span.is_some_and(|(first, last)| {
                !within(range, first.saturating_mul(1_000), last.saturating_mul(1_000).saturating_add(999))
            });
            if !outside && take(&file.read(*next, columns.iter().copied())?)?.is_break() {
                return Ok(());
            }
            *next += 1;
        }
        Ok(())
    }
}

fn within(range: TimeRange, first_ns: i64, last_ns: i64) -> bool {
    range.from.is_none_or(|from| last_ns >= from.0) && range.to.is_none_or(|to| first_ns <= to.0)
}
