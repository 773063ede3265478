//! Suppressions in a person's own scope, carried through: what one would hide, the log, the incidents of the past, and the judge. Owns
//! the order of these. The store is written here and not by the judge, because a rule may move a hundred thousand incidents.

use super::answers::Answers;
use super::asking::unavailable;
use super::feedback::{self, Body};
use super::judging::{Judging, lock};
use super::requests::{Request, Ruling};
use super::worker::wall_clock;
use record::{Incident, IncidentStatus, Matrix, Suppression, SuppressionRule, Timestamp};
use serve::LiveError;
use serve::shapes::{RuleAdded, RuleExample, RuleGiven, RulePreview};
use std::collections::{BTreeMap, BTreeSet};
use store::{AuditEntry, IncidentChange, ListQuery, Query, Read, StoreBatch, TimeRange};

/// Examples shown with a preview.
const EXAMPLES: usize = 5;
/// Changed incidents told on the live stream at once; pages load the rest when they ask.
const TOLD_MAX: usize = 200;

/// Does it wait for somebody? Only such incidents are hidden.
fn waits(incident: &Incident) -> bool {
    matches!(incident.status, IncidentStatus::Open | IncidentStatus::Acknowledged) && incident.suppressed_by.is_none()
}

/// What narrows the search for what a rule covers: one kind has an index.
fn filter(rule: &SuppressionRule) -> String {
    match rule.kind.as_slice() {
        [kind] => format!("kind:{}", kind.name()),
        _ => String::new(),
    }
}

impl Answers {
    /// What a rule would hide.
    pub(super) fn rule_preview(&self, given: RuleGiven) -> Result<RulePreview, LiveError> {
        let rule = alert::checked_rule(given.rule).map_err(LiveError::Refused)?;
        let suppression = alert::rule_suppression(rule, String::new(), 0, Timestamp(0), given.until);
        let mut preview = RulePreview { text: suppression.text.clone(), ..RulePreview::default() };
        self.ruled_by(&suppression, |incident| {
            preview.incidents += 1;
            preview.alerts += incident.alerts;
            if preview.examples.len() < EXAMPLES {
                preview.examples.push(RuleExample { id: incident.id, title: incident.title });
            }
        })?;
        Ok(preview)
    }

    fn ruled_by(&self, suppression: &Suppression, mut take: impl FnMut(Incident)) -> Result<(), LiveError> {
        let filter = suppression.rule.as_ref().map_or_else(String::new, filter);
        self.visit(&filter, |incident| {
            if waits(&incident) && alert::covers(suppression, &incident) {
                take(incident);
            }
        })
    }

    /// Puts a rule in force.
    pub(super) fn rule(&self, given: RuleGiven) -> Result<RuleAdded, LiveError> {
        let rule = alert::checked_rule(given.rule).map_err(LiveError::Refused)?;
        let _one = lock(&self.desk.ruling);
        let Some(id) = lock(&self.verdicts).reserve() else {
            return Err(LiveError::Conflict(format!(
                "{} things said are kept already: the log is full",
                feedback::EVENTS_MAX
            )));
        };
        let at = wall_clock();
        let suppression = alert::rule_suppression(rule, given.reason, id, at, given.until);
        let mut moved = Vec::new();
        self.ruled_by(&suppression, |incident| moved.push((incident.id, incident.status)))?;
        let hide = IncidentChange {
            status: Some(IncidentStatus::FalsePositive),
            suppressed_by: Some(Some(id)),
            ..IncidentChange::default()
        };
        let changes = moved.iter().map(|(moved, _)| (moved.clone(), hide.clone())).collect();
        let text = format!("{}: {} ({} incidents hidden)", suppression.text, suppression.reason, moved.len());
        let touched: Vec<String> = moved.iter().map(|(id, _)| id.clone()).collect();
        let incidents = moved.len() as u64;
        let body = Body::Rule { suppression: Box::new(suppression.clone()), moved };
        self.keep_rule(id, changes, body, audit(at, id, text))?;
        self.ask(|reply| Request::Rules(Ruling { moved: touched.clone(), reply }))?;
        self.hide_what_slipped(id, touched, &hide)?;
        Ok(RuleAdded { title: suppression.text.clone(), suppression, active: true, incidents })
    }

    /// Takes a rule back; how many incidents came back.
    pub(super) fn take_rule_back(&self, of: u64) -> Result<u64, LiveError> {
        let _one = lock(&self.desk.ruling);
        let standing = lock(&self.verdicts).get(of).cloned();
        let missing = || LiveError::NotFound(format!("there is no suppression {of}"));
        let standing = standing.ok_or_else(missing)?;
        let others: Vec<_> = lock(&self.verdicts).suppressions().into_iter().filter(|s| s.id != of).collect();
        let Some(id) = lock(&self.verdicts).reserve() else {
            return Err(LiveError::Conflict("the log of what was said is full".to_owned()));
        };
        let before: BTreeMap<String, IncidentStatus> = standing.moved.into_iter().collect();
        let hidden = self.hidden_by(of)?;
        let changes: Vec<_> = hidden.iter().map(|incident| back(incident, &others, &before)).collect();
        let touched: Vec<String> = changes.iter().map(|(id, _)| id.clone()).collect();
        let came_back = touched.len() as u64;
        let text = format!("taken back: {} ({came_back} incidents came back)", standing.title);
        self.keep_rule(id, changes, Body::Undo { of }, audit(wall_clock(), of, text))?;
        self.ask(|reply| Request::Rules(Ruling { moved: touched, reply }))?;
        Ok(came_back)
    }

    /// The judge may have written an incident again after the store had hidden it and before the judge knew of the rule: such a write
    /// says open. From now on it knows.
    fn hide_what_slipped(&self, rule: u64, moved: Vec<String>, hide: &IncidentChange) -> Result<(), LiveError> {
        let store = self.desk.store();
        store.flush().map_err(|e| unavailable(&e))?;
        let hidden: BTreeSet<String> = self.hidden_by(rule)?.into_iter().map(|incident| incident.id).collect();
        let slipped = moved.into_iter().filter(|id| !hidden.contains(id));
        let changes: Vec<_> = slipped.map(|id| (id, hide.clone())).collect();
        if changes.is_empty() {
            return Ok(());
        }
        let batch = StoreBatch { changes, ..StoreBatch::default() };
        store.write(batch).and_then(|()| store.flush()).map_err(|e| unavailable(&e))
    }

    fn keep_rule(
        &self,
        id: u64,
        changes: Vec<(String, IncidentChange)>,
        body: Body,
        audit: AuditEntry,
    ) -> Result<(), LiveError> {
        let event = feedback::event(id, audit.ts, "", &body, Matrix::default());
        let batch = StoreBatch { changes, feedback: vec![event.clone()], audit: vec![audit], ..StoreBatch::default() };
        self.desk.store().write(batch).and_then(|()| self.desk.store().flush()).map_err(|e| unavailable(&e))?;
        lock(&self.verdicts).take(event, body);
        Ok(())
    }
}

/// An incident that nothing hides any more goes where it was; what a person has moved since stays where it is.
fn back(
    incident: &Incident,
    others: &[Suppression],
    before: &BTreeMap<String, IncidentStatus>,
) -> (String, IncidentChange) {
    let other = others.iter().find(|s| alert::covers(s, incident)).map(|s| s.id);
    let returns = other.is_none() && incident.status == IncidentStatus::FalsePositive;
    let was = before.get(&incident.id).copied().unwrap_or(IncidentStatus::Open);
    let status = Some(if returns { was } else { incident.status });
    (incident.id.clone(), IncidentChange { status, suppressed_by: Some(other), ..IncidentChange::default() })
}

fn audit(ts: Timestamp, id: u64, text: String) -> AuditEntry {
    AuditEntry { ts, what: "suppression".to_owned(), subject: id.to_string(), text }
}

impl Judging {
    /// Suppressions changed: those in force, the count of open incidents, and the pages.
    pub(super) fn ruled(&mut self, moved: &[String]) {
        let suppressions = lock(&self.verdicts).suppressions();
        let reader = self.store.reader();
        for id in moved {
            self.run.open.remove(id);
        }
        let manager = self.judge.incidents();
        let live: Vec<String> = manager.live().map(|incident| incident.id.clone()).collect();
        manager.set_suppressions(suppressions);
        for id in live.iter().filter(|id| moved.contains(id)) {
            // As the store has it: where it was before a suppression is not known to the manager.
            if let Ok(Some(found)) = reader.incident(id) {
                let _ = manager.set_suppressed(id, found.incident.suppressed_by, found.incident.status);
            }
        }
        for id in moved.iter().take(TOLD_MAX) {
            if let Ok(Some(found)) = reader.incident(id) {
                self.publisher.incident(&found.incident);
            }
        }
        let Ok(filter) = Query::parse("status:open over_budget:false step:false", store::query::INCIDENT_FIELDS) else {
            return;
        };
        let query = ListQuery { filter, range: TimeRange::default(), limit: 1, cursor: None };
        if let Ok(page) = reader.incidents(&query) {
            lock(&self.status).incidents_open = page.total;
        }
    }
}
