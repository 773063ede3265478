//! Telling people outside of incidents: the judge thread offers them, one thread queues them on disk for each channel that wants them,
//! and each channel has a courier of its own, so that a slow mail server holds up nobody else. Owns the threads and what is told at
//! all; rules of time are the store's, words the alert room's.

mod courier;
mod offer;
pub mod outbox;

#[cfg(test)]
mod tests;

pub use offer::Notifier;
pub use outbox::Outbox;

use super::judging::lock;
use super::spawn;
use crate::failure::{Context, Result};
use courier::Courier;
use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, bounded};
use record::Notice;
use std::path::Path;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};
use store::notify::{Channel, NotifyConfig};

/// Work that waits for the queueing thread.
const WORK_MAX: usize = 4_096;
/// Incidents queued in one write.
const BATCH_MAX: usize = 512;
/// How often settings are looked at while nothing comes.
const LOOK: Duration = Duration::from_millis(500);

/// How long the end of the process waits for couriers.
const DISMISS_MAX: Duration = Duration::from_secs(15);

/// What the queueing thread is given.
pub enum Work {
    /// An incident.
    Tell(Box<Notice>),
    /// The judge has ended.
    Stop,
}

/// Opens the queue and starts the threads. Of made-up traffic nothing is told unless it is set so.
pub fn start(config: &NotifyConfig, data_dir: &Path, demo: bool) -> Result<(Notifier, Arc<Outbox>, JoinHandle<()>)> {
    let outbox = Arc::new(Outbox::open(config.clone(), data_dir).plain()?);
    let (work, given) = bounded(WORK_MAX);
    let notifier = Notifier::new(work, Arc::clone(&outbox), !demo || config.demo);
    let clerk = Clerk { outbox: Arc::clone(&outbox), given, couriers: Vec::new() };
    let thread = spawn("notify", move || clerk.run())?;
    Ok((notifier, outbox, thread))
}

/// A courier's thread.
struct Running {
    channel: Channel,
    settings: NotifyConfig,
    /// Dropped: it ends.
    wake: Sender<()>,
    thread: JoinHandle<()>,
}

/// The queueing thread.
struct Clerk {
    outbox: Arc<Outbox>,
    given: Receiver<Work>,
    couriers: Vec<Running>,
}

impl Clerk {
    fn run(mut self) {
        let mut config = self.outbox.config();
        self.hire(&config);
        loop {
            let first = match self.given.recv_timeout(LOOK) {
                Ok(Work::Tell(notice)) => Some(notice),
                Ok(Work::Stop) | Err(RecvTimeoutError::Disconnected) => break,
                Err(RecvTimeoutError::Timeout) => None,
            };
            let newest = self.outbox.config();
            if newest != config {
                config = newest;
                self.hire(&config);
            }
            if let Some(notice) = first
                && self.take(*notice, &config)
            {
                break;
            }
        }
        self.dismiss();
    }

    /// The process ends. A courier whose far side does not answer is left behind: its message stays in the queue.
    fn dismiss(&mut self) {
        let threads: Vec<(Channel, JoinHandle<()>)> = self.couriers.drain(..).map(|r| (r.channel, r.thread)).collect();
        let begun = Instant::now();
        for (channel, thread) in threads {
            while !thread.is_finished() && begun.elapsed() < DISMISS_MAX {
                std::thread::sleep(Duration::from_millis(5));
            }
            if thread.is_finished() {
                let _ = thread.join();
            } else {
                tracing::warn!(
                    "notifications, channel {}: no answer; what waits is sent at the next start",
                    channel.name
                );
            }
        }
    }

    /// Queues an incident and those that came with it; true when the judge has ended.
    fn take(&mut self, first: Notice, config: &NotifyConfig) -> bool {
        let (mut notices, mut ended) = (vec![first], false);
        while notices.len() < BATCH_MAX && !ended {
            match self.given.try_recv() {
                Ok(Work::Tell(notice)) => notices.push(*notice),
                Ok(Work::Stop) => ended = true,
                Err(_) => break,
            }
        }
        let offers: Vec<(String, Notice)> = notices
            .iter()
            .flat_map(|notice| {
                let wanting = config.channels.iter().filter(|channel| wants(channel, notice));
                wanting.map(|channel| (channel.name.clone(), notice.clone()))
            })
            .collect();
        self.outbox.queue(&offers, config.queue_max);
        for running in self.couriers.iter().filter(|r| offers.iter().any(|(name, _)| *name == r.channel.name)) {
            // Full: it has been woken already.
            let _ = running.wake.try_send(());
        }
        ended
    }

    /// Couriers for these settings. One whose channel changed ends after what it is doing, and only then its successor begins.
    fn hire(&mut self, config: &NotifyConfig) {
        let mut before: Vec<Running> = std::mem::take(&mut self.couriers);
        for channel in config.channels.iter().filter(|channel| channel.enabled) {
            let at = before.iter().position(|running| running.channel.name == channel.name);
            let old = at.map(|at| before.swap_remove(at));
            self.couriers.extend(match old {
                Some(old) if old.channel == *channel && same_travel(&old.settings, config) => Some(old),
                old => self.courier(channel, config, old),
            });
        }
        // What is left has no channel any more: it ends by itself.
        drop(before);
        self.outbox.keep_only_channels(config);
    }

    fn courier(&self, channel: &Channel, config: &NotifyConfig, old: Option<Running>) -> Option<Running> {
        let (wake, woken) = bounded(1);
        let courier = Courier::new(channel.clone(), config.clone(), Arc::clone(&self.outbox), woken);
        let predecessor = old.map(|old| {
            drop(old.wake);
            old.thread
        });
        let work = move || {
            if let Some(thread) = predecessor {
                let _ = thread.join();
            }
            courier.run();
        };
        match spawn("courier", work) {
            Ok(thread) => Some(Running { channel: channel.clone(), settings: config.clone(), wake, thread }),
            Err(failure) => {
                tracing::error!("notifications, channel {}: {failure}", channel.name);
                None
            }
        }
    }
}

/// True when nothing differs but the list of channels.
fn same_travel(one: &NotifyConfig, two: &NotifyConfig) -> bool {
    NotifyConfig { channels: Vec::new(), ..one.clone() } == NotifyConfig { channels: Vec::new(), ..two.clone() }
}

/// Is this channel told of this incident?
fn wants(channel: &Channel, notice: &Notice) -> bool {
    let incident = &notice.incident;
    let mut kinds = incident.timeline.iter().map(|step| step.kind).chain([incident.kind]);
    channel.enabled
        && incident.severity >= channel.severity_min
        && (channel.kinds.is_empty() || kinds.any(|kind| channel.kinds.contains(&kind)))
}

impl Outbox {
    /// Takes new settings over.
    pub fn reconfigure(&self, config: NotifyConfig) {
        *lock(&self.config) = config;
    }
}
