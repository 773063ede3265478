//! Incidents: a row each time one was found to have changed, in the folder of the day on which it was raised. Of the rows of an incident the
//! one with the largest `number` is how it stands.

use super::{ArchiveKind, Keys, Table, json, owned, seconds};
use crate::columnar::{COUNT, Cell, Column, JSON, MAYBE, NUMBER, TEXT, TIME, WHOLE, YES_NO};
use crate::formats::parquet::time;
use crate::{Reader, StoreError};
use record::Incident;
use std::sync::LazyLock;

static NAMES: LazyLock<Vec<(String, &'static str)>> = LazyLock::new(|| {
    owned(&[
        ("number", WHOLE),
        ("updated", TIME),
        ("id", TEXT),
        ("raised", TIME),
        ("first_seen", TIME),
        ("last_seen", TIME),
        ("kind", TEXT),
        ("title", TEXT),
        ("severity", TEXT),
        ("status", TEXT),
        ("score", NUMBER),
        ("alerts", COUNT),
        ("over_budget", YES_NO),
        ("part_of", MAYBE),
        ("src_ip", JSON),
        ("dest_ip", JSON),
        ("dest_port", JSON),
        ("attack", JSON),
        ("incident", JSON),
    ])
});

/// Incidents.
pub(super) struct Incidents;

impl Table for Incidents {
    fn kind(&self) -> ArchiveKind {
        ArchiveKind::Incidents
    }
    fn columns(&self) -> &[(String, &'static str)] {
        &NAMES
    }
    fn time(&self) -> &'static str {
        "raised"
    }
    fn keys(&self, store: &Reader, after: i64, upto: i64, limit: usize) -> Result<Keys, StoreError> {
        store.incident_keys(after, upto, limit)
    }
    fn rows(&self, store: &Reader, numbers: &[i64]) -> Result<Vec<Vec<Cell>>, StoreError> {
        Ok(store
            .incidents_numbered(numbers)?
            .into_iter()
            .map(|(number, at_s, incident)| row(number, at_s, &incident))
            .collect())
    }
}

fn row(number: i64, at_s: i64, incident: &Incident) -> Vec<Cell> {
    vec![
        Cell::Int64(number),
        seconds(at_s),
        Cell::text(&incident.id),
        time(incident.raised),
        time(incident.first_seen),
        time(incident.last_seen),
        Cell::text(incident.kind.name()),
        Cell::text(&incident.title),
        Cell::text(incident.severity.name()),
        Cell::text(incident.status.name()),
        Cell::Double(incident.score),
        Cell::count(incident.alerts),
        Cell::Bool(incident.over_budget),
        Cell::maybe(incident.part_of.clone()),
        json(&incident.src),
        json(&incident.dest),
        json(&incident.dest_port),
        json(&incident.attack),
        json(incident),
    ]
}

/// Number, and the incident of a row of all columns.
pub(in super::super) fn incident_back(columns: &[Column], at: usize) -> Option<(i64, Incident)> {
    let (number, body) = (columns.first()?, columns.last()?);
    Some((number.whole(at), serde_json::from_slice(body.bytes(at)).ok()?))
}
