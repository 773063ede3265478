//! What people ask of the judge thread through the API, and how it answers. Owns the list; every request is answered once, and
//! whoever asked may have hung up.

use super::importing::{Ground, Importing};
use super::judging::Judging;
use super::versions::NoReturn;
use crossbeam_channel::Sender;
use record::{Alert, Importance, Incident, IncidentStatus, IpAddr16, Matrix};
use serve::LiveError;
use serve::shapes::FeedbackGiven;
use std::collections::BTreeMap;
use store::IncidentChange;

/// A person's change of an incident.
pub struct Change {
    /// Incident.
    pub id: String,
    /// What becomes of it.
    pub what: IncidentChange,
    /// Where the changed incident goes; None when the judge no longer holds it (the store does).
    pub reply: Sender<Option<Incident>>,
}

/// A person's verdict, with what the store knows of it.
pub struct Saying {
    /// The incident as it is stored.
    pub incident: Incident,
    /// What was said; never an undo.
    pub given: FeedbackGiven,
    /// Vectors of its flows.
    pub rows: Matrix,
    /// Incidents of the past that a false positive moves, this one included, with where they are.
    pub moved: Vec<(String, IncidentStatus)>,
    /// The verdict's number.
    pub reply: Sender<Result<u64, LiveError>>,
}

/// A verdict is taken back.
pub struct Undoing {
    /// Its number.
    pub id: u64,
    /// Stored incidents that it hides.
    pub hidden: Vec<Incident>,
    /// How many came back.
    pub reply: Sender<Result<u64, LiveError>>,
}

/// Suppressions changed in the store already: what the judge has to take over.
pub struct Ruling {
    /// Incidents of the past that moved.
    pub moved: Vec<String>,
    /// Answered when it is in force.
    pub reply: Sender<()>,
}

/// One request.
pub enum Request {
    /// Suppressions.
    Rules(Ruling),
    /// How much hosts matter.
    Importances(BTreeMap<IpAddr16, Importance>, Sender<()>),
    /// Status or note.
    Change(Box<Change>),
    /// Verdict.
    Said(Box<Saying>),
    /// Undo of a verdict.
    Undo(Undoing),
    /// Alerts of a scan; the incident that each became a part of, where the judge still holds it.
    Alerts(Vec<Alert>, Sender<Vec<Option<Incident>>>),
    /// A training now.
    Retrain(Sender<Result<(), String>>),
    /// A kept version of a kind of models in place.
    RollBack(String, u64, Sender<Result<(), NoReturn>>),
    /// What an import begins from.
    Ground(Sender<Result<Ground, String>>),
    /// Models with a user's own among them, in place.
    Import(Box<Importing>, Sender<Result<(), String>>),
}

impl Judging {
    /// Answers everything that waits.
    pub(super) fn apply_requests(&mut self) {
        while let Ok(request) = self.requests.try_recv() {
            match request {
                Request::Change(change) => self.change(*change),
                Request::Rules(ruling) => {
                    self.ruled(&ruling.moved);
                    let _ = ruling.reply.send(());
                }
                Request::Importances(importances, reply) => {
                    self.judge.incidents().set_importances(importances);
                    let _ = reply.send(());
                }
                Request::Alerts(alerts, reply) => {
                    let _ = reply.send(self.alerted(alerts));
                }
                Request::Said(saying) => {
                    let answer = self.said(&saying);
                    let _ = saying.reply.send(answer);
                }
                Request::Undo(undoing) => {
                    let answer = self.undo(&undoing);
                    let _ = undoing.reply.send(answer);
                }
                Request::Retrain(reply) => {
                    let answer = self.retrain_now();
                    let _ = reply.send(answer);
                }
                Request::RollBack(kind, version, reply) => {
                    let answer = self.roll_back(&kind, version);
                    let _ = reply.send(answer);
                }
                Request::Ground(reply) => {
                    let _ = reply.send(self.ground());
                }
                Request::Import(importing, reply) => {
                    let answer = self.import(*importing);
                    let _ = reply.send(answer);
                }
            }
        }
    }

    /// Takes alerts from outside the traffic; the incidents are told with the next round, as those of detectors are.
    fn alerted(&mut self, alerts: Vec<Alert>) -> Vec<Option<Incident>> {
        let incidents = self.judge.incidents();
        let mut became = Vec::with_capacity(alerts.len());
        for alert in alerts {
            let (kind, title) = (alert.kind, alert.title.clone());
            let src = alert.src.first().copied();
            incidents.alert(alert);
            let same = |incident: &&Incident| {
                incident.kind == kind && (incident.title == title || src.is_some_and(|ip| incident.src.contains(&ip)))
            };
            became.push(incidents.live().filter(same).max_by_key(|incident| incident.last_seen).cloned());
        }
        became
    }
}
