//! What the threads of notifications share: settings, the queue on disk, and the state of each channel. Owns the words that health
//! strip and API show; nothing in them is secret.

use crate::live::judging::lock;
use crate::live::reporting::mail;
use crate::live::status::item;
use crate::live::worker::wall_clock;
use record::{Cause, HealthItem, HealthLevel, Message, Notice, Timestamp};
use serve::LiveError;
use serve::shapes::{
    ChannelState, FailedNotification, NotificationAccepted, NotificationChannel, Notifications, NotificationsRetried,
};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use store::notify::queue::QUEUE_NAME;
use store::notify::{Channel, Delivery, NotifyConfig, OpenChannel, Queue, QueueError, Tally, form_of, sinks};

/// Given-up messages that the API lists.
const FAILED_SHOWN: usize = 100;

/// How a channel does, as its courier last saw it.
#[derive(Clone, Debug, Default)]
pub struct Condition {
    /// Failures in a row.
    pub failures: u32,
    /// Why the last attempt failed.
    pub last_error: String,
    /// When something happens next.
    pub next: Option<Timestamp>,
    /// True when entries are held by quiet hours or the limit.
    pub held: bool,
    /// The queue's numbers.
    pub tally: Tally,
}

/// Shared by judge, couriers and API.
pub struct Outbox {
    pub(super) config: Mutex<NotifyConfig>,
    queue: Mutex<Option<Queue>>,
    conditions: Mutex<BTreeMap<String, Condition>>,
    lost: AtomicU64,
    /// What the queue last failed with; empty while it works.
    trouble: Mutex<String>,
    any: AtomicBool,
    data_dir: PathBuf,
    /// This machine's name.
    pub sensor: String,
}

impl Outbox {
    /// Opens the queue when there is somebody to tell, or something left to tell.
    ///
    /// # Errors
    /// `QueueError`.
    pub fn open(config: NotifyConfig, data_dir: &Path) -> Result<Self, QueueError> {
        let wanted = !config.channels.is_empty() || data_dir.join(QUEUE_NAME).exists();
        let queue = if wanted { Some(Queue::open(data_dir)?) } else { None };
        Ok(Self {
            any: AtomicBool::new(!config.channels.is_empty()),
            config: Mutex::new(config),
            queue: Mutex::new(queue),
            conditions: Mutex::default(),
            lost: AtomicU64::new(0),
            trouble: Mutex::default(),
            data_dir: data_dir.to_owned(),
            sensor: own_name(),
        })
    }

    pub(super) fn config(&self) -> NotifyConfig {
        lock(&self.config).clone()
    }

    /// False: offering is pointless.
    pub(super) fn has_channels(&self) -> bool {
        self.any.load(Ordering::Relaxed)
    }

    pub(super) fn count_lost(&self, incidents: u64) {
        self.lost.fetch_add(incidents, Ordering::Relaxed);
    }

    /// Works on the queue; a failure is logged once, shown, and None.
    pub(super) fn with_queue<T>(&self, work: impl FnOnce(&mut Queue) -> Result<T, QueueError>) -> Option<T> {
        let mut queue = lock(&self.queue);
        if queue.is_none() {
            match Queue::open(&self.data_dir) {
                Ok(opened) => *queue = Some(opened),
                Err(error) => self.trouble(&error),
            }
        }
        let result = work(queue.as_mut()?);
        drop(queue);
        match result {
            Ok(done) => {
                lock(&self.trouble).clear();
                Some(done)
            }
            Err(error) => {
                self.trouble(&error);
                None
            }
        }
    }

    fn trouble(&self, error: &QueueError) {
        let mut trouble = lock(&self.trouble);
        let text = error.to_string();
        if *trouble != text {
            tracing::error!("{text}");
            *trouble = text;
        }
    }

    pub(super) fn queue(&self, offers: &[(String, Notice)], queue_max: usize) {
        if !offers.is_empty() && self.with_queue(|queue| queue.offer(offers, queue_max)).is_none() {
            self.count_lost(offers.len() as u64);
        }
    }

    /// New settings: what waits for channels that are gone is listed as failed.
    pub(super) fn keep_only_channels(&self, config: &NotifyConfig) {
        self.any.store(!config.channels.is_empty(), Ordering::Relaxed);
        let names: Vec<&str> = config.channels.iter().map(|channel| channel.name.as_str()).collect();
        if lock(&self.queue).is_some() || !names.is_empty() {
            self.with_queue(|queue| queue.keep_only(&names, wall_clock(), config.failed_max));
        }
        let mut conditions = lock(&self.conditions);
        conditions.retain(|name, _| names.contains(&name.as_str()));
        for name in names {
            conditions.entry(name.to_owned()).or_default();
        }
        drop(conditions);
        for channel in &config.channels {
            self.count(&channel.name);
        }
    }

    /// Reads a channel's numbers again.
    pub(super) fn count(&self, channel: &str) {
        if let Some(tally) = self.with_queue(|queue| queue.tally(channel)) {
            lock(&self.conditions).entry(channel.to_owned()).or_default().tally = tally;
        }
    }

    pub(super) fn set_condition(&self, channel: &str, change: impl FnOnce(&mut Condition)) {
        if let Some(condition) = lock(&self.conditions).get_mut(channel) {
            change(condition);
        }
    }

    /// The message that a channel carries.
    pub(super) fn message(&self, channel: &Channel, url: &str, key: &str, notices: &[Notice]) -> Message {
        let told = alert::notification::Told {
            channel: &channel.name,
            sensor: &self.sensor,
            dashboard_url: url,
            now: wall_clock(),
        };
        let (reports, incidents): (Vec<&Notice>, Vec<&Notice>) =
            notices.iter().partition(|notice| mail::report_of(notice).is_some());
        let incidents: Vec<Notice> = incidents.into_iter().cloned().collect();
        let message = alert::notification::render(form_of(channel), key, &incidents, told);
        mail::with_reports(message, &reports, &self.data_dir, url)
    }

    /// Queues a report for channels, as incidents are: it leaves when the far side has accepted it.
    pub fn queue_report(&self, channels: &[String], notice: &Notice) {
        let config = self.config();
        let set = |name: &&String| config.channels.iter().any(|channel| channel.name == **name && channel.enabled);
        let offers: Vec<_> = channels.iter().filter(set).map(|name| (name.clone(), notice.clone())).collect();
        self.queue(&offers, config.queue_max);
    }

    /// One line a channel in trouble, and one for what was lost.
    pub fn health(&self) -> Vec<HealthItem> {
        if !self.has_channels() {
            return Vec::new();
        }
        let mut items = Vec::new();
        for (name, condition) in lock(&self.conditions).iter() {
            items.extend(channel_health(name, condition));
        }
        let trouble = lock(&self.trouble).clone();
        if !trouble.is_empty() {
            let action = "Free disk space or point --data-dir at another place.";
            items.push(item("notifications", HealthLevel::Error, trouble, action));
        }
        let lost = self.lost.load(Ordering::Relaxed);
        if lost > 0 {
            let text = format!("{lost} incidents could not be queued for notification");
            items.push(item(
                "notifications",
                HealthLevel::Warning,
                text,
                "They are in the inbox. See the log for the reason.",
            ));
        }
        items
    }

    /// Counters for `/metrics` and `/health`.
    pub fn counters(&self) -> Vec<(String, u64)> {
        let conditions = lock(&self.conditions);
        let sum = |of: fn(&Tally) -> u64| conditions.values().map(|c| of(&c.tally)).sum::<u64>();
        vec![
            ("notifications_accepted".to_owned(), sum(|t| t.accepted)),
            ("dropped.notifications_queue_full".to_owned(), sum(|t| t.dropped)),
            ("dropped.notifications_not_queued".to_owned(), self.lost.load(Ordering::Relaxed)),
        ]
    }

    /// For the API.
    pub fn view(&self) -> Result<Notifications, LiveError> {
        let config = self.config();
        let channels = config.channels.iter().map(|channel| self.channel_view(channel)).collect();
        let failed = if lock(&self.queue).is_some() {
            let failed = self.with_queue(|queue| queue.failures(FAILED_SHOWN));
            failed.ok_or_else(|| LiveError::Unavailable(lock(&self.trouble).clone()))?
        } else {
            Vec::new()
        };
        let failed = failed.into_iter().map(|f| FailedNotification {
            id: f.id,
            channel: f.channel,
            incident: f.incident,
            title: f.title,
            severity: f.severity,
            queued: f.queued,
            failed: f.failed,
            why: f.why,
        });
        Ok(Notifications { channels, failed: failed.collect(), lost: self.lost.load(Ordering::Relaxed) })
    }

    fn channel_view(&self, channel: &Channel) -> NotificationChannel {
        self.count(&channel.name);
        let condition = lock(&self.conditions).get(&channel.name).cloned().unwrap_or_default();
        let state = state(channel, &condition);
        let tally = condition.tally;
        let text = match state {
            ChannelState::Off => "Switched off in the settings".to_owned(),
            ChannelState::Failing => format!("Not accepted: {}", condition.last_error),
            ChannelState::Held => "Held by quiet hours or the limit an hour".to_owned(),
            ChannelState::Waiting => "Collecting".to_owned(),
            ChannelState::Idle if tally.accepted == 0 => "Nothing to tell yet".to_owned(),
            ChannelState::Idle => format!("Accepted: {}", tally.said),
        };
        NotificationChannel {
            name: channel.name.clone(),
            kind: channel.kind.clone(),
            target: sinks::of(channel).map_or(String::new(), |sink| (sink.target)(channel)),
            severity_min: channel.severity_min,
            kinds: channel.kinds.clone(),
            state,
            text,
            waiting: tally.waiting,
            accepted: tally.accepted,
            dropped: tally.dropped,
            failed: tally.failed,
            last_accepted: tally.last_accepted,
            said: tally.said,
            last_error: condition.last_error,
            failures: condition.failures,
            next_try: condition.next,
        }
    }

    /// Sends a made-up incident now, past the queue.
    pub fn test(&self, name: &str) -> Result<NotificationAccepted, LiveError> {
        let config = self.config();
        let channel = find(&config, name)?;
        let said = try_channel(channel, &config.dashboard_url, &self.sensor).map_err(LiveError::FarSide)?;
        Ok(NotificationAccepted { channel: name.to_owned(), said })
    }

    /// Puts given-up messages back.
    pub fn retry(&self, name: &str) -> Result<NotificationsRetried, LiveError> {
        let config = self.config();
        find(&config, name)?;
        let back = self.with_queue(|queue| queue.try_again(Some(name), wall_clock()));
        let back = back.ok_or_else(|| LiveError::Unavailable(lock(&self.trouble).clone()))?;
        self.count(name);
        Ok(NotificationsRetried { incidents: back as u64 })
    }
}

fn find<'a>(config: &'a NotifyConfig, name: &str) -> Result<&'a Channel, LiveError> {
    let found = config.channels.iter().find(|channel| channel.name == name);
    found.ok_or_else(|| LiveError::NotFound(format!("no notification channel is called \"{name}\"")))
}

/// Sends a made-up incident through a channel; the far side's words, or why it was not accepted.
pub fn try_channel(channel: &Channel, dashboard_url: &str, sensor: &str) -> Result<String, String> {
    let notice = alert::notification::sample(wall_clock());
    let key = alert::notification::key(&channel.name, std::slice::from_ref(&notice));
    debug_assert_eq!(notice.cause, Cause::Test);
    let told = alert::notification::Told { channel: &channel.name, sensor, dashboard_url, now: wall_clock() };
    let message = alert::notification::render(form_of(channel), &key, &[notice], told);
    match OpenChannel::open(channel)?.deliver(&message) {
        Delivery::Accepted(said) => Ok(said),
        Delivery::Later { why, .. } | Delivery::Refused(why) => Err(why),
    }
}

fn state(channel: &Channel, condition: &Condition) -> ChannelState {
    match condition {
        _ if !channel.enabled => ChannelState::Off,
        Condition { failures: 1.., .. } => ChannelState::Failing,
        Condition { held: true, .. } => ChannelState::Held,
        Condition { tally: Tally { waiting: 1.., .. }, .. } => ChannelState::Waiting,
        _ => ChannelState::Idle,
    }
}

fn channel_health(name: &str, condition: &Condition) -> Vec<HealthItem> {
    let mut items = Vec::new();
    let tally = &condition.tally;
    let key = format!("notify:{name}");
    if condition.failures > 0 {
        let text =
            format!("Notifications: \"{name}\" does not accept; {} wait: {}", tally.waiting, condition.last_error);
        let action = "Nothing is lost while it waits. Check the channel with `tripline notify --test`.";
        items.push(item(&key, HealthLevel::Warning, text, action));
    }
    if tally.failed > 0 {
        let text = format!("Notifications: {} for \"{name}\" were refused or given up", tally.failed);
        items.push(item(&key, HealthLevel::Warning, text, "See why under Settings, correct it, and send them again."));
    }
    if tally.dropped > 0 {
        let text = format!("Notifications: {} for \"{name}\" fell out of the full queue", tally.dropped);
        items.push(item(&key, HealthLevel::Warning, text, "Raise notify.queue_max, or tell this channel less."));
    }
    items
}

/// This machine's name.
pub fn own_name() -> String {
    let name = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let name = name.trim();
    if name.is_empty() { "tripline".to_owned() } else { name.to_owned() }
}
