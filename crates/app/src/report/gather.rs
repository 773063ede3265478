//! Reads what a report is made of: rows of a store, versions of models, what was lost. Owns which rows; adds nothing up itself.

use super::draft::{Draft, METRICS};
use super::losses;
use super::shape::{EventLine, HostLine, Network, ReasonLine, Report, VersionLine};
use crate::config::Config;
use crate::live::{retrain, versions};
use record::{IpAddr16, Timestamp};
use std::collections::HashMap;
use std::ops::ControlFlow;
use std::path::Path;
use store::civil;
use store::export::RowSource;
use store::query::{HOST_FIELDS, INCIDENT_FIELDS, SCAN_FIELDS, SERIES_FIELDS};
use store::read::TopWhat;
use store::{HostSort, ListQuery, Query, Read, Reader, StoreError, TimeRange};

/// Scans whose changes are read.
const SCANS_MAX: usize = 200;
/// Busiest hosts shown.
const HOSTS_MAX: usize = 15;

/// Where a report is made.
pub struct Place<'a> {
    /// The store.
    pub reader: &'a Reader,
    /// Rows; the store, or it and what lies before.
    pub rows: &'a dyn RowSource,
    /// Settings.
    pub config: &'a Config,
    /// Models and the rest.
    pub data_dir: &'a Path,
    /// Whose clock.
    pub clock: civil::Place,
    /// This machine's name.
    pub sensor: String,
    /// Wall clock.
    pub now: Timestamp,
}

/// Reads and adds up. An archive that cannot be read makes a report of the database alone, which says so.
///
/// # Errors
/// What the store said.
pub fn gather(place: &Place, from: Timestamp, to: Timestamp) -> Result<Report, StoreError> {
    match gather_from(place, place.rows, from, to) {
        Err(StoreError::Archive { what }) => {
            let mut report = gather_from(place, place.reader, from, to)?;
            report.notes.push(format!("What the database no longer keeps is missing here: {what}"));
            Ok(report)
        }
        done => done,
    }
}

fn gather_from(place: &Place, rows: &dyn RowSource, from: Timestamp, to: Timestamp) -> Result<Report, StoreError> {
    let mut draft = Draft::new(from, to, place.clock.clone());
    // The end is not in the time.
    let both = TimeRange { from: Some(draft.before_from()), to: Some(to.plus_ns(-1)) };
    let time = TimeRange { from: Some(from), ..both };
    for metric in METRICS {
        let filter = Query::parse(&format!("metric:{metric}"), SERIES_FIELDS)?;
        rows.series(&filter, both, &mut |row| {
            draft.series(&row);
            ControlFlow::Continue(())
        })?;
    }
    rows.incidents(&Query::all(INCIDENT_FIELDS), both, &mut |incident| {
        draft.incident(&incident);
        ControlFlow::Continue(())
    })?;
    let mut runs = Vec::new();
    rows.scans(&Query::all(SCAN_FIELDS), time, &mut |scan| {
        runs.push(scan);
        if runs.len() < SCANS_MAX { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    })?;
    for scan in &runs {
        place.reader.events_of_scan(&scan.id)?.iter().for_each(|event| draft.change(event));
    }
    let hosts = place.reader.top(TopWhat::Hosts, time)?;
    let named: Vec<(String, HostLine)> = hosts
        .into_iter()
        .take(HOSTS_MAX)
        .map(|row| {
            let line = HostLine {
                name: name_of(place.reader, &row.name)?,
                ip: row.name.clone(),
                bytes: row.bytes,
                packets: row.packets,
                flows: row.flows,
                incidents: 0,
            };
            Ok((row.name, line))
        })
        .collect::<Result<_, StoreError>>()?;
    let log = place.reader.setting(retrain::LOG_NAME)?;
    let log: retrain::Log = log.and_then(|text| serde_json::from_str(&text).ok()).unwrap_or_default();
    let lost = losses::kept(place.reader)?.within(from, to);
    let budget = place.config.alert.per_hour;
    Ok(draft.finish(place.now, |report, by_address| {
        report.network = Network { sensor: place.sensor.clone(), home: place.config.networks.home.clone() };
        report.hosts = hosts_with(named, by_address);
        report.scans.runs = runs;
        report.models.versions = versions_of(place);
        report.models.events = events(place, &log.events, from, to);
        report.models.budget_per_hour = budget;
        report.losses.reasons = reasons(lost);
        notes(report, place);
    }))
}

/// What people call a host, else its own name.
fn name_of(reader: &Reader, ip: &str) -> Result<String, StoreError> {
    let filter = Query::parse(&format!("ip:{ip}"), HOST_FIELDS)?;
    let query = ListQuery { filter, range: TimeRange::default(), limit: 1, cursor: None };
    let found = Read::hosts(reader, &query, HostSort::FirstSeen)?.items.into_iter().next();
    Ok(found.map_or(String::new(), |row| if row.label.is_empty() { row.host.name } else { row.label }))
}

fn hosts_with(named: Vec<(String, HostLine)>, by_address: &HashMap<IpAddr16, u64>) -> Vec<HostLine> {
    let incidents = |ip: &str| ip.parse().ok().and_then(|ip: IpAddr16| by_address.get(&ip)).copied().unwrap_or(0);
    named.into_iter().map(|(ip, line)| HostLine { incidents: incidents(&ip), ..line }).collect()
}

fn versions_of(place: &Place) -> Vec<VersionLine> {
    let show = |ts: Timestamp| place.clock.show(ts, "%Y-%m-%d %H:%M");
    let kinds = ["flow", "packet", "host", "series"];
    let in_use = |kind: &str| versions::list(place.data_dir, kind).into_iter().find(|version| version.in_use);
    let line = |kind: &str| {
        in_use(kind).map(|version| VersionLine {
            kind: kind.to_owned(),
            version: version.note.version,
            made: version.note.made.map_or(String::new(), show),
            text: version.error.unwrap_or(version.note.text),
        })
    };
    kinds.into_iter().filter_map(line).collect()
}

fn events(place: &Place, log: &[serve::shapes::ModelEvent], from: Timestamp, to: Timestamp) -> Vec<EventLine> {
    let line = |event: &serve::shapes::ModelEvent| EventLine {
        at: place.clock.show(event.ts, "%Y-%m-%d %H:%M"),
        what: event.what.clone(),
        text: event.text.clone(),
    };
    log.iter().filter(|event| event.ts >= from && event.ts < to).map(line).collect()
}

fn reasons(lost: record::Counters) -> Vec<ReasonLine> {
    let line = |(reason, count): (String, u64)| {
        let mut alone = record::Counters::default();
        alone.add(&reason, count);
        ReasonLine { of: losses::of(&alone).to_owned(), reason, count }
    };
    let mut all: Vec<ReasonLine> =
        lost.0.into_iter().filter(|(_, n)| *n > 0).map(|(r, n)| line((r.clone(), n))).collect();
    all.sort_by(|a, b| b.count.cmp(&a.count).then(a.reason.cmp(&b.reason)));
    all
}

/// What the reader should know of the report itself.
fn notes(report: &mut Report, place: &Place) {
    let shown = report.incidents.len() as u64;
    if report.totals.incidents > shown {
        report.notes.push(format!(
            "{shown} of {} incidents are in this report, the most severe; `tripline export incidents` gives all.",
            report.totals.incidents
        ));
    }
    if report.to > place.now {
        report.notes.push("The time is not over: the end of this report is missing.".to_owned());
    }
    let kept = place.config.store.series_hour_age_days;
    let days = report.made.since(report.from) / (86_400 * record::timestamp::NS_PER_S);
    if days > i64::try_from(kept).unwrap_or(i64::MAX) {
        report.notes.push(format!(
            "Numbers over time are kept for {kept} days (store.series_hour_age_days): older ones are missing."
        ));
    }
}
