//! How the API's side asks the judge, and what it looks up for a person's verdict: the incident's flows as vectors, incidents of the
//! past that a scope covers, incidents that a suppression hides. Owns the waiting and the looking; deciding is the judge thread's.

use super::answers::Answers;
use super::feedback::{self, Standing};
use super::judging::lock;
use super::requests::{Request, Saying, Undoing};
use super::worker::wall_clock;
use crossbeam_channel::Sender;
use record::{FeedbackScope, FeedbackVerdict, Incident, IncidentStatus, Matrix, Timestamp};
use serve::LiveError;
use serve::shapes::{FeedbackGiven, FeedbackPreview, ScopePreview, SuppressionView, Suppressions};
use std::collections::BTreeMap;
use std::time::Duration;
use store::{IncidentDetail, Query, Read};

/// Longest wait for the judge to answer.
const ANSWER_WAIT: Duration = Duration::from_secs(10);

const SCOPES: [FeedbackScope; 3] = [FeedbackScope::Pair, FeedbackScope::HostService, FeedbackScope::Everywhere];

pub(super) fn unavailable(error: &store::StoreError) -> LiveError {
    LiveError::Unavailable(error.to_string())
}

impl Answers {
    /// Sends a request to the judge and waits for its answer.
    pub(super) fn ask<T>(&self, request: impl FnOnce(Sender<T>) -> Request) -> Result<T, LiveError> {
        let (reply, answer) = crossbeam_channel::bounded(1);
        let late = || LiveError::Unavailable("the judge is busy; try again".to_owned());
        self.requests.send_timeout(request(reply), ANSWER_WAIT).map_err(|_| late())?;
        answer.recv_timeout(ANSWER_WAIT).map_err(|_| late())
    }

    /// The incident as it is stored.
    pub(super) fn stored(&self, id: &str) -> Result<IncidentDetail, LiveError> {
        let found = self.reader.incident(id).map_err(|e| unavailable(&e))?;
        found.ok_or_else(|| LiveError::NotFound(format!("there is no incident {id}")))
    }

    /// Keeps a person's verdict, or takes it back.
    pub(super) fn say(&self, id: &str, given: FeedbackGiven) -> Result<Incident, LiveError> {
        let detail = self.stored(id)?;
        let standing = lock(&self.verdicts).of_incident(id).map(|s: &Standing| s.id);
        match (standing, given.verdict) {
            (Some(standing), _) => drop(self.take_back(standing)?),
            (None, Some(_)) => {}
            (None, None) => {
                let other = detail.incident.suppressed_by;
                return Err(LiveError::Conflict(other.map_or_else(
                    || "nothing was said of this incident".to_owned(),
                    |by| format!("nothing was said of this incident; suppression {by} hides it, take that back"),
                )));
            }
        }
        let incident = self.stored(id)?.incident;
        let Some(verdict) = given.verdict else { return Ok(incident) };
        let moved = if verdict == FeedbackVerdict::FalsePositive {
            self.covered(&incident, given.scope.unwrap_or_default(), given.until)?
        } else {
            Vec::new()
        };
        let moved = moved.into_iter().map(|i| (i.id, i.status)).collect();
        let rows = self.vectors(&detail)?;
        self.ask(|reply| Request::Said(Box::new(Saying { incident, given, rows, moved, reply })))??;
        Ok(self.stored(id)?.incident)
    }

    /// Takes a verdict back; how many incidents came back.
    pub(super) fn take_back(&self, id: u64) -> Result<u64, LiveError> {
        let hidden = self.hidden_by(id)?;
        self.ask(|reply| Request::Undo(Undoing { id, hidden, reply }))?
    }

    /// What each scope would hide.
    pub(super) fn preview(&self, id: &str) -> Result<FeedbackPreview, LiveError> {
        let incident = self.stored(id)?.incident;
        let mut scopes = Vec::with_capacity(SCOPES.len());
        for scope in SCOPES {
            let covered = self.covered(&incident, scope, None)?;
            scopes.push(ScopePreview {
                scope,
                text: alert::words(&incident, scope),
                incidents: covered.len() as u64,
                alerts: covered.iter().map(|i| i.alerts).sum(),
            });
        }
        Ok(FeedbackPreview { scopes })
    }

    /// Suppressions in force with what they hide, newest first.
    pub(super) fn hidden_by_each(&self) -> Result<Suppressions, LiveError> {
        let counts = self.reader.suppressed_counts().map_err(|e| unavailable(&e))?;
        let hidden: BTreeMap<u64, u64> = counts.into_iter().collect();
        let now = wall_clock();
        let view = |standing: &Standing| {
            let suppression = standing.suppression.clone()?;
            Some(SuppressionView {
                active: suppression.until.is_none_or(|until| until > now),
                title: standing.title.clone(),
                incidents: hidden.get(&suppression.id).copied().unwrap_or(0),
                suppression,
            })
        };
        Ok(Suppressions { items: lock(&self.verdicts).all().rev().filter_map(view).collect() })
    }

    /// Stored incidents that wait for somebody and that a suppression of this scope would hide; this one is always among them.
    fn covered(
        &self,
        incident: &Incident,
        scope: FeedbackScope,
        until: Option<Timestamp>,
    ) -> Result<Vec<Incident>, LiveError> {
        let suppression = alert::suppression(incident, 0, scope, Timestamp(0), until);
        let mut covered = Vec::new();
        let same = if incident.kind.is_learned() { String::new() } else { format!("kind:{}", incident.kind.name()) };
        self.visit(&same, |found| {
            let waits = matches!(found.status, IncidentStatus::Open | IncidentStatus::Acknowledged);
            if found.id == incident.id || (waits && alert::covers(&suppression, &found)) {
                covered.push(found);
            }
        })?;
        Ok(covered)
    }

    /// Stored incidents that a suppression hides.
    pub(super) fn hidden_by(&self, id: u64) -> Result<Vec<Incident>, LiveError> {
        let mut hidden = Vec::new();
        self.visit(&format!("suppressed_by:{id}"), |incident| hidden.push(incident))?;
        Ok(hidden)
    }

    /// Every stored incident that passes, newest first.
    pub(super) fn visit(&self, filter: &str, mut visit: impl FnMut(Incident)) -> Result<(), LiveError> {
        let filter =
            Query::parse(filter, store::query::INCIDENT_FIELDS).map_err(|e| LiveError::Unavailable(e.to_string()))?;
        self.reader.visit_incidents(&filter, &mut visit).map_err(|e| unavailable(&e))
    }

    /// Vectors of an incident's flows that are still kept.
    fn vectors(&self, detail: &IncidentDetail) -> Result<Matrix, LiveError> {
        let columns = features::flow_schema().features.len();
        let mut rows = Matrix::with_capacity(0, columns);
        let mut row = Vec::with_capacity(columns);
        for flow in detail.flows.iter().take(feedback::FLOWS_MAX) {
            let Some(found) = self.reader.flow(flow.flow_id).map_err(|e| unavailable(&e))? else { continue };
            row.clear();
            features::flow_vector(&found.record, &mut row);
            rows.push(&row);
        }
        Ok(rows)
    }
}
