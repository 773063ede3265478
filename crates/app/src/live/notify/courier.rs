//! One channel's thread: asks the queue what may go, has it put into words, gives it to the sink, and writes down what became of it.
//! Nothing leaves the queue before the far side has accepted it.

use super::outbox::Outbox;
use crate::live::worker::wall_clock;
use crossbeam_channel::{Receiver, RecvTimeoutError};
use record::{Form, Notice, Timestamp, timestamp::NS_PER_S};
use std::sync::Arc;
use std::time::{Duration, Instant};
use store::notify::plan::{DIGEST_MAX, next};
use store::notify::queue::Batch;
use store::notify::{Channel, Delivery, Next, NotifyConfig, OpenChannel, Pace, backoff, form_of};

/// Longest sleep: what another process put into the queue (`notify --retry`) is found then.
const SLEEP_MAX: Duration = Duration::from_secs(10);
/// Wait after the queue could not be written.
const QUEUE_WAIT: Duration = Duration::from_secs(5);
/// How long a courier goes on at the end of the process.
const LAST_ROUND: Duration = Duration::from_secs(5);

/// The thread's state.
pub(super) struct Courier {
    channel: Channel,
    form: Form,
    config: NotifyConfig,
    outbox: Arc<Outbox>,
    woken: Receiver<()>,
    open: Option<OpenChannel>,
    failures: u32,
    /// Not before this, after a failure.
    not_before: Option<Instant>,
    /// Accepted, but the queue could not be told: key and words. It must not be sent again.
    accepted: Option<(String, String)>,
    /// The process ends: settled or not, what may go goes now.
    last: bool,
}

/// What a look at the queue came to.
enum Look {
    Send(Batch),
    Sleep(Duration),
}

impl Courier {
    pub(super) fn new(channel: Channel, config: NotifyConfig, outbox: Arc<Outbox>, woken: Receiver<()>) -> Self {
        let form = form_of(&channel);
        Self {
            channel,
            form,
            config,
            outbox,
            woken,
            open: None,
            failures: 0,
            not_before: None,
            accepted: None,
            last: false,
        }
    }

    /// Until the other end of `woken` is dropped; then one round more for what may go at once.
    pub(super) fn run(mut self) {
        loop {
            let sleep = self.round(None);
            match self.woken.recv_timeout(sleep) {
                Ok(()) | Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => break,
            }
        }
        self.last = true;
        if self.failures == 0 {
            self.round(Some(Instant::now() + LAST_ROUND));
        }
    }

    /// Sends what may go; how long to sleep then.
    fn round(&mut self, until: Option<Instant>) -> Duration {
        loop {
            let ended =
                until.is_none() && matches!(self.woken.try_recv(), Err(crossbeam_channel::TryRecvError::Disconnected));
            if ended || until.is_some_and(|until| Instant::now() >= until) {
                return Duration::ZERO;
            }
            if let Some(wait) = self.not_before.and_then(|at| at.checked_duration_since(Instant::now())) {
                return wait.min(SLEEP_MAX);
            }
            match self.look() {
                Look::Send(batch) => {
                    self.send(&batch);
                    self.outbox.count(&self.channel.name);
                }
                Look::Sleep(sleep) => return sleep,
            }
        }
    }

    fn look(&mut self) -> Look {
        let name = &self.channel.name;
        let asleep = || Look::Sleep(SLEEP_MAX);
        match self.outbox.with_queue(|queue| queue.under_way(name)) {
            None => return asleep(),
            Some(Some(batch)) => return Look::Send(batch),
            Some(None) => {}
        }
        let now = wall_clock();
        let Some(waiting) = self.outbox.with_queue(|queue| queue.waiting(name, DIGEST_MAX)) else { return asleep() };
        let Some((sent, oldest)) = self.outbox.with_queue(|queue| queue.sent_last_hour(name, now)) else {
            return asleep();
        };
        let settle_ns = if self.last { 0 } else { (self.config.settle_s * NS_PER_S as f64) as i64 };
        let pace = Pace { now, settle_ns, sent_last_hour: sent, oldest_sent: oldest };
        match next(&self.channel, self.form, &waiting, pace) {
            Next::Send(ids) => self.put_together(&ids),
            Next::Idle => {
                self.rest(None, false);
                asleep()
            }
            Next::Wait { until, hold } => {
                if !hold.is_empty() {
                    self.outbox.with_queue(|queue| queue.hold(&hold));
                }
                self.rest(Some(until), !hold.is_empty());
                let wait = Duration::from_nanos(until.since(now).max(1_000_000) as u64);
                Look::Sleep(wait.min(SLEEP_MAX))
            }
        }
    }

    fn rest(&self, next: Option<Timestamp>, held: bool) {
        self.outbox.count(&self.channel.name);
        self.outbox.set_condition(&self.channel.name, |condition| {
            condition.next = next;
            condition.held = held;
        });
    }

    /// Fixes what is one message, and its key, before the first attempt.
    fn put_together(&self, ids: &[i64]) -> Look {
        let name = &self.channel.name;
        let batch = self.outbox.with_queue(|queue| {
            let notices = queue.notices(ids)?;
            queue.put_together(name, ids, &alert::notification::key(name, &notices))
        });
        batch.map_or(Look::Sleep(SLEEP_MAX), Look::Send)
    }

    fn send(&mut self, batch: &Batch) {
        if batch.notices.is_empty() {
            self.give_up(batch, "it was queued by another version and cannot be read");
            return;
        }
        match self.attempt(batch) {
            Delivery::Accepted(said) => self.note_accepted(&batch.key, &said),
            Delivery::Later { why, after } if self.is_too_old(&batch.notices) => {
                let hours = self.config.give_up_h;
                self.give_up(batch, &format!("not accepted for {hours} hours: {why}"));
                self.back_off(&why, after);
            }
            Delivery::Later { why, after } => {
                self.outbox.with_queue(|queue| queue.failed_once(&self.channel.name, &batch.key));
                self.back_off(&why, after);
            }
            Delivery::Refused(why) => {
                tracing::warn!("notifications, channel {}: refused: {why}", self.channel.name);
                self.give_up(batch, &why);
            }
        }
    }

    fn note_accepted(&mut self, key: &str, said: &str) {
        let name = self.channel.name.as_str();
        if self.failures > 0 {
            tracing::info!("notifications, channel {name}: accepted again");
        }
        tracing::debug!("notifications, channel {name}, delivery {key}: {said}");
        self.failures = 0;
        self.not_before = None;
        self.accepted = None;
        self.outbox.set_condition(name, |condition| {
            condition.failures = 0;
            condition.last_error.clear();
            condition.next = None;
            condition.held = false;
        });
        if self.outbox.with_queue(|queue| queue.accepted(name, key, wall_clock(), said)).is_none() {
            self.accepted = Some((key.to_owned(), said.to_owned()));
            self.not_before = Some(Instant::now() + QUEUE_WAIT);
        }
    }

    fn attempt(&mut self, batch: &Batch) -> Delivery {
        if let Some((_, said)) = self.accepted.take().filter(|(key, _)| *key == batch.key) {
            return Delivery::Accepted(said);
        }
        if self.open.is_none() {
            match OpenChannel::open(&self.channel) {
                Ok(open) => self.open = Some(open),
                // A missing file or variable may come back; the message is not to blame.
                Err(why) => return Delivery::Later { why, after: None },
            }
        }
        let message = self.outbox.message(&self.channel, &self.config.dashboard_url, &batch.key, &batch.notices);
        self.open
            .as_mut()
            .map_or_else(|| Delivery::Later { why: "not open".to_owned(), after: None }, |open| open.deliver(&message))
    }

    fn is_too_old(&self, notices: &[Notice]) -> bool {
        let age_ns = notices.iter().map(|notice| wall_clock().since(notice.queued)).max().unwrap_or(0);
        age_ns as f64 > self.config.give_up_h * 3.6e12
    }

    fn back_off(&mut self, why: &str, after: Option<Duration>) {
        self.failures = self.failures.saturating_add(1);
        // Secrets and certificates are read again: a failure may be mended by a new file.
        self.open = None;
        let seed = backoff::seed_of(&self.channel.name);
        let wait = backoff::wait(self.config.retry_first_s, self.config.retry_max_s, self.failures, seed);
        let wait = wait.max(after.unwrap_or_default());
        self.not_before = Some(Instant::now() + wait);
        if self.failures == 1 {
            tracing::warn!("notifications, channel {}: not accepted, tried again: {why}", self.channel.name);
        }
        let next = wall_clock().plus_ns(i64::try_from(wait.as_nanos()).unwrap_or(i64::MAX));
        let failures = self.failures;
        self.outbox.set_condition(&self.channel.name, |condition| {
            condition.failures = failures;
            why.clone_into(&mut condition.last_error);
            condition.next = Some(next);
        });
    }

    fn give_up(&mut self, batch: &Batch, why: &str) {
        let (now, max) = (wall_clock(), self.config.failed_max);
        let given_up = self.outbox.with_queue(|queue| queue.give_up(&self.channel.name, &batch.key, now, why, max));
        if given_up.is_none() {
            self.not_before = Some(Instant::now() + QUEUE_WAIT);
        }
        self.outbox.set_condition(&self.channel.name, |condition| why.clone_into(&mut condition.last_error));
    }
}
