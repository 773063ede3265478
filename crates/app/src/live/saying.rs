//! A person's verdict and its undo, carried through: the log, the suppressions, incidents of the past and of now, and what trainings
//! will learn. Owns the order of these; each part has its own room.

use super::feedback::{self, Body};
use super::judging::{Judging, lock};
use super::requests::{Saying, Undoing};
use super::worker::wall_clock;
use record::{FeedbackVerdict, IncidentFeedback, IncidentStatus, Matrix};
use serve::LiveError;
use std::collections::BTreeMap;
use store::{IncidentChange, ListQuery, Query, Read, StoreBatch, TimeRange};

/// Changed incidents told on the live stream at once; pages load the rest when they ask.
const TOLD_MAX: usize = 200;

impl Judging {
    /// Keeps a verdict; its number.
    pub(super) fn said(&mut self, saying: &Saying) -> Result<u64, LiveError> {
        let Saying { incident, given, rows, moved, .. } = saying;
        let Some(verdict) = given.verdict else {
            return Err(LiveError::Conflict("there is no verdict in it".to_owned()));
        };
        let Some(id) = lock(&self.verdicts).reserve() else {
            let max = feedback::EVENTS_MAX;
            return Err(LiveError::Conflict(format!("{max} verdicts are kept already: the log is full")));
        };
        let (at, hides) = (wall_clock(), verdict == FeedbackVerdict::FalsePositive);
        let scope = hides.then(|| given.scope.unwrap_or_default());
        let feedback = IncidentFeedback { id, verdict, scope, until: given.until, at };
        let body = Body::Verdict {
            feedback,
            suppression: scope.map(|scope| Box::new(alert::suppression(incident, id, scope, at, given.until))),
            title: incident.title.clone(),
            kind: incident.kind.name().to_owned(),
            schema: features::flow_schema().fingerprint(),
            moved: moved.clone(),
        };
        let event = feedback::event(id, at, &incident.id, &body, rows.clone());
        let hide = || IncidentChange {
            status: Some(IncidentStatus::FalsePositive),
            suppressed_by: Some(Some(id)),
            ..IncidentChange::default()
        };
        let mut changes: Vec<(String, IncidentChange)> =
            moved.iter().map(|(moved, _)| (moved.clone(), hide())).collect();
        let judged = IncidentChange { feedback: Some(Some(feedback)), ..IncidentChange::default() };
        changes.push((incident.id.clone(), judged));
        self.keep(StoreBatch { changes, feedback: vec![event.clone()], ..StoreBatch::default() })?;
        lock(&self.verdicts).take(event, body);
        let manager = self.judge.incidents();
        for (moved, _) in moved {
            let _ = manager.set_suppressed(moved, Some(id), IncidentStatus::FalsePositive);
        }
        let _ = manager.set_feedback(&incident.id, Some(feedback));
        let text = match verdict {
            FeedbackVerdict::FalsePositive => format!("\"{}\" was called a false positive", incident.title),
            FeedbackVerdict::TruePositive => format!("\"{}\" was called an attack", incident.title),
        };
        let teaches = match rows.rows() {
            0 => "it names no flow that could be learned from".to_owned(),
            flows => format!("{flows} of its flows count in the next training"),
        };
        self.retrain.log("feedback", format!("{text}; {teaches}"));
        let touched = moved.iter().map(|(id, _)| id.clone()).chain([incident.id.clone()]);
        self.after_saying(touched.collect());
        Ok(id)
    }

    /// Takes a verdict back; how many incidents came back.
    pub(super) fn undo(&mut self, undoing: &Undoing) -> Result<u64, LiveError> {
        let standing = lock(&self.verdicts).get(undoing.id).cloned();
        let Some(standing) = standing else {
            return Err(LiveError::NotFound(format!("there is no verdict {} that stands", undoing.id)));
        };
        let Some(id) = lock(&self.verdicts).reserve() else {
            return Err(LiveError::Conflict("the log of verdicts is full".to_owned()));
        };
        let others: Vec<_> = lock(&self.verdicts).suppressions().into_iter().filter(|s| s.id != undoing.id).collect();
        let before: BTreeMap<&str, IncidentStatus> =
            standing.moved.iter().map(|(id, status)| (id.as_str(), *status)).collect();
        let mut changes = Vec::new();
        for incident in &undoing.hidden {
            let other = others.iter().find(|s| alert::covers(s, incident)).map(|s| s.id);
            // What a person has moved since stays where it is.
            let back = other.is_none() && incident.status == IncidentStatus::FalsePositive;
            let status = before.get(incident.id.as_str()).copied().unwrap_or(IncidentStatus::Open);
            let status = if back { status } else { incident.status };
            let change =
                IncidentChange { status: Some(status), suppressed_by: Some(other), ..IncidentChange::default() };
            changes.push((incident.id.clone(), change));
            let _ = self.judge.incidents().set_suppressed(&incident.id, other, status);
        }
        let unsaid = IncidentChange { feedback: Some(None), ..IncidentChange::default() };
        changes.push((standing.incident.clone(), unsaid));
        let touched = changes.iter().map(|(id, _)| id.clone()).collect();
        let came_back = undoing.hidden.len() as u64;
        let body = Body::Undo { of: undoing.id };
        let event = feedback::event(id, wall_clock(), &standing.incident, &body, Matrix::default());
        self.keep(StoreBatch { changes, feedback: vec![event.clone()], ..StoreBatch::default() })?;
        lock(&self.verdicts).take(event, body);
        let _ = self.judge.incidents().set_feedback(&standing.incident, None);
        self.retrain.log("feedback", format!("The verdict on \"{}\" was taken back", standing.title));
        self.after_saying(touched);
        Ok(came_back)
    }

    fn keep(&self, batch: StoreBatch) -> Result<(), LiveError> {
        self.store.write(batch).and_then(|()| self.store.flush()).map_err(|e| LiveError::Unavailable(e.to_string()))
    }

    /// Suppressions in force, lessons for the next training, the count of open incidents, and the pages.
    fn after_saying(&mut self, touched: Vec<String>) {
        let (suppressions, lessons) = {
            let verdicts = lock(&self.verdicts);
            (verdicts.suppressions(), verdicts.lessons(self.settings.learn.false_positive_weight))
        };
        self.judge.incidents().set_suppressions(suppressions);
        self.lessons = lessons;
        let reader = self.store.reader();
        for id in touched.iter().take(TOLD_MAX) {
            if let Ok(Some(found)) = reader.incident(id) {
                self.publisher.incident(&found.incident);
            }
        }
        for id in touched {
            let open = reader
                .incident(&id)
                .is_ok_and(|d| d.is_some_and(|d| d.incident.status == IncidentStatus::Open && !d.incident.over_budget));
            if open {
                self.run.open.insert(id)
            } else {
                self.run.open.remove(&id)
            };
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
