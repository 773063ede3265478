//! What people say of detections: the log of it, replayed at every start, and what follows from it now (suppressions, flows that are
//! benign or attacks after all). Owns the fold from the log to the present; matching is `alert`'s, keeping is `store`'s.

use super::retrain::Lessons;
use crate::config::Config;
use crate::failure::{Context, Failure, Result};
use evaluate::challenge::Pinned;
use record::{FeedbackVerdict, IncidentFeedback, IncidentStatus, Matrix, Suppression, Timestamp};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::Path;
use store::{FeedbackEvent, Read};

/// Things said that are kept; more are refused.
pub const EVENTS_MAX: usize = 10_000;
/// Flows of one incident whose vectors are kept.
pub const FLOWS_MAX: usize = 256;

/// What one event says; the store keeps it as JSON.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "said", rename_all = "snake_case")]
pub enum Body {
    /// A verdict.
    Verdict {
        /// What the incident carries.
        feedback: IncidentFeedback,
        /// What a false positive hides.
        suppression: Option<Box<Suppression>>,
        /// Title of the incident, for lists.
        title: String,
        /// Kind of incident, the label of an attack.
        kind: String,
        /// Fingerprint of the vectors' schema.
        schema: u64,
        /// Incidents of the past that it moved, with where they were.
        moved: Vec<(String, IncidentStatus)>,
    },
    /// A suppression in a person's own scope, of no incident.
    Rule {
        /// What it hides.
        suppression: Box<Suppression>,
        /// Incidents of the past that it moved, with where they were.
        moved: Vec<(String, IncidentStatus)>,
    },
    /// Takes back the event of this number.
    Undo {
        /// Number.
        of: u64,
    },
}

/// A verdict or rule that stands.
#[derive(Clone, Debug)]
pub struct Standing {
    /// Number.
    pub id: u64,
    /// Incident; empty for a rule.
    pub incident: String,
    /// What the incident carries; None for a rule.
    pub feedback: Option<IncidentFeedback>,
    /// What it hides.
    pub suppression: Option<Suppression>,
    /// Title of the incident.
    pub title: String,
    /// Kind of the incident.
    pub kind: String,
    /// Incidents that it moved, with where they were.
    pub moved: Vec<(String, IncidentStatus)>,
    /// Fingerprint of the vectors' schema.
    pub schema: u64,
    /// Vectors of the incident's flows.
    pub rows: Matrix,
}

/// Everything said that stands, by number.
#[derive(Clone, Debug, Default)]
pub struct Verdicts {
    standing: BTreeMap<u64, Standing>,
    events: usize,
    last: u64,
}

impl Verdicts {
    /// Replays the log.
    pub fn replay(log: Vec<FeedbackEvent>) -> Self {
        let mut verdicts = Self::default();
        for event in log {
            verdicts.events += 1;
            verdicts.last = verdicts.last.max(event.id);
            match serde_json::from_str(&event.body) {
                Ok(body) => verdicts.fold(event, body),
                Err(error) => tracing::warn!("feedback {} cannot be read and counts for nothing: {error}", event.id),
            }
        }
        verdicts
    }

    /// Takes one event in; a newer verdict on an incident takes the place of an older one.
    pub fn take(&mut self, event: FeedbackEvent, body: Body) {
        self.events += 1;
        self.last = self.last.max(event.id);
        self.fold(event, body);
    }

    fn fold(&mut self, event: FeedbackEvent, body: Body) {
        match body {
            Body::Undo { of } => drop(self.standing.remove(&of)),
            Body::Rule { suppression, moved } => {
                let standing = Standing {
                    id: event.id,
                    incident: String::new(),
                    feedback: None,
                    title: suppression.text.clone(),
                    suppression: Some(*suppression),
                    kind: String::new(),
                    moved,
                    schema: 0,
                    rows: Matrix::default(),
                };
                self.standing.insert(event.id, standing);
            }
            Body::Verdict { feedback, suppression, title, kind, schema, moved } => {
                self.standing.retain(|_, standing| standing.incident != event.incident);
                let rows = Matrix { values: event.values, columns: event.columns as usize };
                let (id, incident) = (event.id, event.incident);
                self.standing.insert(
                    id,
                    Standing {
                        id,
                        incident,
                        feedback: Some(feedback),
                        suppression: suppression.map(|s| *s),
                        title,
                        kind,
                        moved,
                        schema,
                        rows,
                    },
                );
            }
        }
    }

    /// Number for the next event; None when the log is full.
    fn next_id(&self) -> Option<u64> {
        (self.events < EVENTS_MAX).then_some(self.last + 1)
    }

    /// Number for the next event, given once; None when the log is full. One that is never used leaves a gap.
    pub fn reserve(&mut self) -> Option<u64> {
        let id = self.next_id()?;
        self.last = id;
        Some(id)
    }

    /// The verdict that stands on an incident.
    pub fn of_incident(&self, incident: &str) -> Option<&Standing> {
        self.standing.values().find(|s| s.incident == incident)
    }

    /// The verdict of this number.
    pub fn get(&self, id: u64) -> Option<&Standing> {
        self.standing.get(&id)
    }

    /// All that stand, oldest first.
    pub fn all(&self) -> impl DoubleEndedIterator<Item = &Standing> {
        self.standing.values()
    }

    /// What is hidden now.
    pub fn suppressions(&self) -> Vec<Suppression> {
        self.standing.values().filter_map(|s| s.suppression.clone()).collect()
    }

    /// What trainings learn from it; vectors of another schema say nothing about this one.
    pub fn lessons(&self, weight: usize) -> Lessons {
        let schema = features::flow_schema();
        let empty = || Matrix::with_capacity(0, schema.features.len());
        let mut lessons = Lessons::default();
        (lessons.said.benign, lessons.said.attacks, lessons.said.weight) = (empty(), empty(), weight);
        for standing in self.standing.values().filter(|s| s.schema == schema.fingerprint()) {
            let Some(feedback) = standing.feedback else { continue };
            let benign = feedback.verdict == FeedbackVerdict::FalsePositive;
            let part = if benign { &mut lessons.said.benign } else { &mut lessons.said.attacks };
            part.values.extend_from_slice(&standing.rows.values);
            if !benign && standing.rows.rows() > 0 {
                let kind = lessons.attacks.entry(standing.kind.clone()).or_insert_with(empty);
                kind.values.extend_from_slice(&standing.rows.values);
                lessons.pinned.push(Pinned { incident: standing.incident.clone(), rows: standing.rows.clone() });
            }
        }
        lessons
    }
}

/// What stands in a data directory, as labels of a training; a process may be using it meanwhile.
///
/// # Errors
/// There is no database, or it cannot be read.
pub fn of_store(dir: &Path, config: &Config) -> Result<evaluate::Verdicts> {
    let place = format!("--verdicts {}", dir.display());
    let log = store::Reader::open(dir, &config.store).and_then(|reader| reader.feedback()).context(&place)?;
    let weight = config.learn.false_positive_weight;
    let lessons = Verdicts::replay(log).lessons(weight);
    if lessons.said.benign.rows() == 0 && lessons.attacks.is_empty() {
        let advice = "say on the dashboard what incidents were, or leave --verdicts out";
        return Err(Failure::new(format!("{place}: nobody has said anything there that names flows; {advice}")));
    }
    Ok(evaluate::Verdicts { benign: lessons.said.benign, attacks: lessons.attacks, weight })
}

/// An event for the store.
pub fn event(id: u64, ts: Timestamp, incident: &str, body: &Body, rows: Matrix) -> FeedbackEvent {
    FeedbackEvent {
        id,
        ts,
        incident: incident.to_owned(),
        body: serde_json::to_string(body).unwrap_or_default(),
        columns: rows.columns as u32,
        values: rows.values,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn verdict(id: u64, incident: &str, verdict: FeedbackVerdict, value: f32) -> FeedbackEvent {
        let schema = features::flow_schema();
        let mut rows = Matrix::with_capacity(1, schema.features.len());
        rows.push(&vec![value; schema.features.len()]);
        let feedback = IncidentFeedback { id, verdict, scope: None, until: None, at: Timestamp(0) };
        let body = Body::Verdict {
            feedback,
            suppression: None,
            title: "A thing".to_owned(),
            kind: "beacon".to_owned(),
            schema: schema.fingerprint(),
            moved: vec![("x".to_owned(), IncidentStatus::Acknowledged)],
        };
        event(id, Timestamp(id as i64), incident, &body, rows)
    }

    fn undo(id: u64, of: u64) -> FeedbackEvent {
        event(id, Timestamp(id as i64), "", &Body::Undo { of }, Matrix::default())
    }

    #[test]
    fn the_log_says_what_stands_and_undo_leaves_nothing() {
        let log = vec![
            verdict(1, "a", FeedbackVerdict::FalsePositive, 1.0),
            verdict(2, "b", FeedbackVerdict::TruePositive, 2.0),
            verdict(3, "a", FeedbackVerdict::TruePositive, 3.0),
        ];
        let verdicts = Verdicts::replay(log.clone());
        assert_eq!(verdicts.of_incident("a").unwrap().id, 3, "the newer verdict counts");
        let lessons = verdicts.lessons(5);
        assert_eq!((lessons.said.benign.rows(), lessons.said.attacks.rows(), lessons.pinned.len()), (0, 2, 2));
        assert_eq!(lessons.attacks["beacon"].rows(), 2, "labels by kind");
        assert_eq!(verdicts.next_id(), Some(4));
        let mut undone = log;
        undone.extend([undo(4, 3), undo(5, 2)]);
        let verdicts = Verdicts::replay(undone);
        assert_eq!(verdicts.all().count(), 0);
        assert_eq!(verdicts.lessons(5).said.attacks.rows(), 0);
        assert_eq!(verdicts.next_id(), Some(6));
    }

    #[test]
    fn what_cannot_be_read_counts_for_nothing() {
        let mut broken = verdict(2, "a", FeedbackVerdict::FalsePositive, 1.0);
        broken.body = "{".to_owned();
        let verdicts = Verdicts::replay(vec![verdict(1, "b", FeedbackVerdict::FalsePositive, 1.0), broken]);
        assert_eq!((verdicts.all().count(), verdicts.next_id()), (1, Some(3)), "no number is given twice");
    }
}
