//! Incidents into their tables, and what people change of them.

use crate::sqlite::IncidentChange;
use record::{Incident, IncidentStatus};
use rusqlite::{Connection, OptionalExtension, params};

const UPSERT: &str = "
INSERT INTO incidents (id, raised_ns, first_ns, last_ns, kind, title, severity, status, score, alerts, over_budget, body,
  suppressed_by, part_of)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14)
ON CONFLICT (id) DO UPDATE SET raised_ns = excluded.raised_ns, first_ns = excluded.first_ns,
  last_ns = excluded.last_ns, kind = excluded.kind, title = excluded.title, severity = excluded.severity,
  status = excluded.status, score = excluded.score, alerts = excluded.alerts, over_budget = excluded.over_budget,
  body = excluded.body, suppressed_by = excluded.suppressed_by, part_of = excluded.part_of";

/// A move of many: status and suppression alone, without reading what else there is.
const MOVE: &str = "
UPDATE incidents SET status = coalesce(?2, status), suppressed_by = ?3,
  body = json_set(body, '$.status', coalesce(?2, status), '$.suppressed_by', ?3) WHERE id = ?1";

/// Rank of an open incident among those of its hosts: its severity and one, 0 when nobody has to look at it (a step of a story is
/// looked at with its story).
const RANK: &str = "
UPDATE incident_ips SET open =
    (SELECT CASE WHEN status = 'open' AND over_budget = 0 AND part_of IS NULL THEN severity + 1 ELSE 0 END FROM incidents WHERE id = ?1)
WHERE incident = ?1";

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
        body,
        incident.suppressed_by.map(|id| id as i64),
        incident.part_of,
    ])?;
    Ok(())
}

fn rank(connection: &Connection, id: &str) -> rusqlite::Result<()> {
    connection.prepare_cached(RANK)?.execute([id]).map(|_| ())
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
        write_hosts(connection, &incident)?;
        write_tags(connection, &incident)?;
        let mut add =
            connection.prepare_cached("INSERT OR IGNORE INTO incident_flows (flow_id, incident) VALUES (?1, ?2)")?;
        for flow in &incident.flows {
            add.execute(params![*flow as i64, incident.id])?;
        }
    }
    Ok(())
}

/// The addresses of an incident, anew.
fn write_hosts(connection: &Connection, incident: &Incident) -> rusqlite::Result<()> {
    connection.prepare_cached("DELETE FROM incident_ips WHERE incident = ?1")?.execute([&incident.id])?;
    let mut add = connection.prepare_cached(
        "INSERT OR IGNORE INTO incident_ips (ip, raised_ns, incident, role, open) VALUES (?1, ?2, ?3, ?4, ?5)",
    )?;
    let waits = incident.status == IncidentStatus::Open && !incident.over_budget && incident.part_of.is_none();
    let open = if waits { incident.severity as i64 + 1 } else { 0 };
    for (role, list) in [(0, &incident.src), (1, &incident.dest)] {
        for ip in list {
            add.execute(params![ip.0.as_slice(), incident.raised.0, incident.id, role, open])?;
        }
    }
    Ok(())
}

/// What lists find an incident by beside its columns.
fn write_tags(connection: &Connection, incident: &Incident) -> rusqlite::Result<()> {
    connection.prepare_cached("DELETE FROM incident_tags WHERE incident = ?1")?.execute([&incident.id])?;
    let mut add = connection.prepare_cached(
        "INSERT OR IGNORE INTO incident_tags (tag, value, raised_ns, incident) VALUES (?1, ?2, ?3, ?4)",
    )?;
    let detectors = incident.detectors.iter().map(|detector| ("detector", &detector.name));
    let attack = incident.attack.iter().map(|technique| ("attack", technique));
    let domains = incident.domains.iter().map(|domain| ("domain", domain));
    for (tag, value) in detectors.chain(attack).chain(domains) {
        add.execute(params![tag, value, incident.raised.0, incident.id])?;
    }
    Ok(())
}

/// Applies what people changed; a change of an incident that is not there is passed over.
pub(crate) fn change(connection: &Connection, changes: &[(String, IncidentChange)]) -> rusqlite::Result<()> {
    for (id, change) in changes {
        if let (None, None, Some(by)) = (&change.note, &change.feedback, change.suppressed_by) {
            let status = change.status.map(IncidentStatus::name);
            connection.prepare_cached(MOVE)?.execute(params![id, status, by.map(|by| by as i64)])?;
            rank(connection, id)?;
            continue;
        }
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
        rank(connection, id)?;
        if let Some(feedback) = &change.feedback {
            let word = feedback.map_or("", |f| f.verdict.name());
            connection
                .prepare_cached("UPDATE incidents SET feedback = ?2 WHERE id = ?1")?
                .execute(params![id, word])?;
        }
    }
    Ok(())
}
