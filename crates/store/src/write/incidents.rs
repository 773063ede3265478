//! Incidents into their tables, and what people change of them.

use crate::sqlite::IncidentChange;
use record::{Incident, IncidentStatus};
use rusqlite::{Connection, OptionalExtension, params};

const UPSERT: &str = "
INSERT INTO incidents (id, raised_ns, first_ns, last_ns, kind, title, severity, status, score, alerts, over_budget, body)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)
ON CONFLICT (id) DO UPDATE SET raised_ns = excluded.raised_ns, first_ns = excluded.first_ns,
  last_ns = excluded.last_ns, kind = excluded.kind, title = excluded.title, severity = excluded.severity,
  status = excluded.status, score = excluded.score, alerts = excluded.alerts, over_budget = excluded.over_budget,
  body = excluded.body";

/// The stored incident, None when there is none (or its body cannot be read).
fn stored(connection: &Connection, id: &str) -> rusqlite::Result<Option<Incident>> {
    let body: Option<String> = connection
        .prepare_cached("SELECT body FROM incidents WHERE id = ?1")?
        .query_row([id], |row| row.get(0))
        .optional()?;
    Ok(body.and_then(|text| serde_json::from_str(&text).ok()))
}

fn put(connection: &Connection, incident: &Incident) -> rusqlite::Result<()> {
    let body = serde_json::to_string(incident).map_err(|e| rusqlite::Error::ToSqlConversionFailure(Box::new(e)))?;
    connection.prepare_cached(UPSERT)?.execute(params![
        incident.id,
        incident.raised.0,
        incident.first_seen.0,
        incident.last_seen.0,
        incident.kind.name(),
        incident.title,
        incident.severity as i64,
        incident.status.name(),
        incident.score,
        incident.alerts as i64,
        incident.over_budget,
        body
    ])?;
    Ok(())
}

/// JSON has no infinity and no NaN: they become the largest number and 0, so that what was written can be read.
fn finite(value: &mut f64) {
    *value = if value.is_nan() { 0.0 } else { value.clamp(f64::MIN, f64::MAX) };
}

fn make_finite(incident: &mut Incident) {
    finite(&mut incident.score);
    for why in &mut incident.why {
        [&mut why.value, &mut why.share].into_iter().chain(&mut why.expected).for_each(finite);
    }
    for detector in &mut incident.detectors {
        finite(&mut detector.score);
        finite(&mut detector.p_value);
    }
}

/// Adds or replaces incidents with their addresses and flows.
pub(crate) fn write(connection: &Connection, incidents: &[Incident]) -> rusqlite::Result<()> {
    for incident in incidents {
        let mut incident = incident.clone();
        make_finite(&mut incident);
        if let Some(old) = stored(connection, &incident.id)? {
            // Open again because it has outgrown its suppression is not the same as nobody having looked.
            let outgrown = old.suppressed_by.is_some() && incident.suppressed_by.is_none();
            if incident.status == IncidentStatus::Open && !outgrown {
                incident.status = old.status;
                incident.suppressed_by = incident.suppressed_by.or(old.suppressed_by);
            }
            incident.feedback = incident.feedback.or(old.feedback);
            if incident.notes.len() < old.notes.len() {
                incident.notes = old.notes;
            }
        }
        put(connection, &incident)?;
        connection.prepare_cached("DELETE FROM incident_ips WHERE incident = ?1")?.execute([&incident.id])?;
        let mut add =
            connection.prepare_cached("INSERT OR IGNORE INTO incident_ips (ip, incident, role) VALUES (?1, ?2, ?3)")?;
        for (role, list) in [(0, &incident.src), (1, &incident.dest)] {
            for ip in list {
                add.execute(params![ip.0.as_slice(), incident.id, role])?;
            }
        }
        let mut add =
            connection.prepare_cached("INSERT OR IGNORE INTO incident_flows (flow_id, incident) VALUES (?1, ?2)")?;
        for flow in &incident.flows {
            add.execute(params![*flow as i64, incident.id])?;
        }
    }
    Ok(())
}

/// Applies what people changed; a change of an incident that is not there is passed over.
pub(crate) fn change(connection: &Connection, changes: &[(String, IncidentChange)]) -> rusqlite::Result<()> {
    for (id, change) in changes {
        let Some(mut incident) = stored(connection, id)? else { continue };
        if let Some(status) = change.status {
            incident.status = status;
        }
        if let Some(note) = &change.note
            && !incident.notes.contains(note)
        {
            incident.notes.push(note.clone());
        }
        incident.feedback = change.feedback.unwrap_or(incident.feedback);
        incident.suppressed_by = change.suppressed_by.unwrap_or(incident.suppressed_by);
        put(connection, &incident)?;
        if let Some(feedback) = &change.feedback {
            let word = feedback.map_or("", |f| f.verdict.name());
            connection
                .prepare_cached("UPDATE incidents SET feedback = ?2 WHERE id = ?1")?
                .execute(params![id, word])?;
        }
    }
    Ok(())
}
