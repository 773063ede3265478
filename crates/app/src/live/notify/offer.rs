//! The judge thread's end: which changes of incidents are worth a look by the queueing thread. Owns what is never told, and a bound
//! on how often the same incident is handed over; it never waits.

use super::outbox::Outbox;
use super::{LOOK, Work};
use crate::live::worker::wall_clock;
use crossbeam_channel::{Sender, TrySendError};
use record::{Cause, HealthItem, Incident, IncidentStatus, Notice, Severity};
use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Incidents remembered as handed over.
const SEEN_MAX: usize = 8_192;
/// The newest state of a growing incident is handed over again at most this often…
const AGAIN_EVERY: Duration = LOOK;
/// …and for this long: by then it has been told or waits with what matters.
const AGAIN_FOR: Duration = Duration::from_mins(1);

struct Seen {
    severity: Severity,
    first: Instant,
    last: Instant,
}

/// Hands incidents over.
pub struct Notifier {
    work: Sender<Work>,
    outbox: Arc<Outbox>,
    /// False: nothing is told (made-up traffic).
    tells: bool,
    seen: HashMap<String, Seen>,
    order: VecDeque<String>,
}

impl Notifier {
    pub(super) fn new(work: Sender<Work>, outbox: Arc<Outbox>, tells: bool) -> Self {
        Self { work, outbox, tells, seen: HashMap::new(), order: VecDeque::new() }
    }

    /// An incident is new or has changed. Held back by the budget, suppressed, already in somebody's hands, or a step of a story (whose
    /// first incident tells of it): not told.
    pub fn offer(&mut self, incident: &Incident) {
        let silent = incident.over_budget || incident.suppressed_by.is_some() || incident.part_of.is_some();
        let taken = incident.status != IncidentStatus::Open;
        if !self.tells || silent || taken || !self.outbox.has_channels() || !self.is_news(incident) {
            return;
        }
        let told = Incident { flows: Vec::new(), notes: Vec::new(), ..incident.clone() };
        let notice = Notice { incident: told, cause: Cause::Raised, queued: wall_clock() };
        match self.work.try_send(Work::Tell(Box::new(notice))) {
            Ok(()) => self.remember(incident),
            // Its next change is another chance.
            Err(TrySendError::Full(_)) => self.outbox.count_lost(1),
            Err(TrySendError::Disconnected(_)) => {}
        }
    }

    fn is_news(&self, incident: &Incident) -> bool {
        self.seen.get(&incident.id).is_none_or(|seen| {
            let grows = seen.last.elapsed() >= AGAIN_EVERY && seen.first.elapsed() < AGAIN_FOR;
            incident.severity > seen.severity || grows
        })
    }

    fn remember(&mut self, incident: &Incident) {
        let now = Instant::now();
        if let Some(seen) = self.seen.get_mut(&incident.id) {
            seen.severity = seen.severity.max(incident.severity);
            seen.last = now;
            return;
        }
        self.seen.insert(incident.id.clone(), Seen { severity: incident.severity, first: now, last: now });
        self.order.push_back(incident.id.clone());
        if self.order.len() > SEEN_MAX
            && let Some(oldest) = self.order.pop_front()
        {
            self.seen.remove(&oldest);
        }
    }

    /// Lines for the health strip.
    pub fn health(&self) -> Vec<HealthItem> {
        self.outbox.health()
    }
}

impl Drop for Notifier {
    fn drop(&mut self) {
        // The thread may have ended before us.
        let _ = self.work.send_timeout(Work::Stop, Duration::from_secs(1));
    }
}
