//! Incidents like another one: the newest of the same kind, with the same source, target or domain, ranked by how much they share.
//! Each is looked up by an index and bounded, so that a hundred thousand of one kind cost no more than ten.

use super::incidents::incident;
use crate::rows::SimilarIncident;
use record::{Incident, IpAddr16};
use rusqlite::{Connection, Params, Row, params};
use std::collections::BTreeMap;

/// Similar ones told.
const TOLD_MAX: usize = 10;
/// Newest candidates of each way in which an incident may be alike.
const CANDIDATES: usize = 40;
/// Hosts and domains of an incident of which candidates are looked up.
const NAMES_MAX: usize = 4;

/// Sources and targets count as such in both: who was scanned before is a target then as now.
const BY_HOST: &str = "SELECT incident FROM incident_ips WHERE ip = ?1 AND role = ?2 ORDER BY raised_ns DESC LIMIT 40";
const BY_KIND: &str = "SELECT id FROM incidents WHERE kind = ?1 COLLATE NOCASE ORDER BY raised_ns DESC LIMIT 40";
const BY_DOMAIN: &str =
    "SELECT incident FROM incident_tags WHERE tag = 'domain' AND value = ?1 ORDER BY raised_ns DESC LIMIT 40";

/// The like of an incident.
pub(super) fn of(connection: &Connection, found: &Incident) -> rusqlite::Result<Vec<SimilarIncident>> {
    let mut ids: Vec<String> = Vec::new();
    for (role, hosts) in [(0, &found.src), (1, &found.dest)] {
        for ip in hosts.iter().take(NAMES_MAX) {
            candidates(connection, BY_HOST, params![ip.0.as_slice(), role], &mut ids)?;
        }
    }
    for domain in found.domains.iter().take(NAMES_MAX) {
        candidates(connection, BY_DOMAIN, [domain], &mut ids)?;
    }
    candidates(connection, BY_KIND, [found.kind.name()], &mut ids)?;
    let mut one = connection.prepare_cached("SELECT body FROM incidents WHERE id = ?1")?;
    let mut like = BTreeMap::new();
    for id in ids.into_iter().filter(|id| *id != found.id) {
        if like.contains_key(&id) {
            continue;
        }
        for other in one.query_map([&id], incident)? {
            let other = other?;
            let same = shared(found, &other);
            like.insert(id.clone(), SimilarIncident { incident: other, same });
        }
    }
    let mut like: Vec<SimilarIncident> = like.into_values().filter(|s| !s.same.is_empty()).collect();
    like.sort_by(|a, b| {
        let order = |s: &SimilarIncident| (std::cmp::Reverse((s.same.len(), s.incident.raised)), s.incident.id.clone());
        order(a).cmp(&order(b))
    });
    like.truncate(TOLD_MAX);
    Ok(like)
}

fn candidates(
    connection: &Connection,
    text: &str,
    parameters: impl Params,
    ids: &mut Vec<String>,
) -> rusqlite::Result<()> {
    debug_assert!(text.ends_with(&CANDIDATES.to_string()));
    let mut statement = connection.prepare_cached(text)?;
    for id in statement.query_map(parameters, |row: &Row| row.get(0))? {
        ids.push(id?);
    }
    Ok(())
}

/// What both have, most telling last.
fn shared(a: &Incident, b: &Incident) -> Vec<String> {
    let hosts = |a: &[IpAddr16], b: &[IpAddr16]| a.iter().any(|ip| b.contains(ip));
    let all = [
        ("kind", a.kind == b.kind),
        ("source", hosts(&a.src, &b.src)),
        ("target", hosts(&a.dest, &b.dest)),
        ("domain", a.domains.iter().any(|d| b.domains.contains(d))),
    ];
    all.into_iter().filter(|(_, same)| *same).map(|(name, _)| name.to_owned()).collect()
}
