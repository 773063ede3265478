//! The JSON of notifications: channels with their state, and what was given up. Nothing in it is secret.

use record::{Kind, Severity, Timestamp};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// How a channel does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum ChannelState {
    /// Nothing waits, and the last attempt was accepted; or there was none yet.
    #[default]
    Idle,
    /// Incidents wait for their time: settling, a digest.
    Waiting,
    /// Incidents wait for the end of quiet hours or of the hour's limit.
    Held,
    /// The far side does not accept; tried again at `next_try`.
    Failing,
    /// Switched off in the settings.
    Off,
}

/// CHANNEL.
#[derive(Clone, Debug, Default, Serialize, Deserialize, ToSchema)]
pub struct NotificationChannel {
    /// Name.
    pub name: String,
    /// `email`, `webhook`, `syslog`, `file`, `command`, `kafka`.
    pub kind: String,
    /// Where it goes, without anything secret: addresses, a host, a path.
    pub target: String,
    /// Least severity that is told.
    pub severity_min: Severity,
    /// Kinds that are told; empty: all.
    pub kinds: Vec<Kind>,
    /// State.
    pub state: ChannelState,
    /// The state in words.
    pub text: String,
    /// Incidents that wait.
    pub waiting: u64,
    /// Messages that the far side accepted, all runs together.
    pub accepted: u64,
    /// Incidents that fell out of the full queue.
    pub dropped: u64,
    /// Messages given up that are still listed in `failed`.
    pub failed: u64,
    /// When the last message was accepted; null before.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub last_accepted: Option<Timestamp>,
    /// The far side's words then.
    pub said: String,
    /// Why the last attempt failed; empty after one that did not.
    pub last_error: String,
    /// Failures in a row.
    pub failures: u32,
    /// When it is tried again, or when what is held goes out; null when nothing waits.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub next_try: Option<Timestamp>,
}

/// A message that was given up: refused for good, or not accepted for too long.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct FailedNotification {
    /// Number.
    pub id: i64,
    /// Channel.
    pub channel: String,
    /// Incident.
    pub incident: String,
    /// Its title then.
    pub title: String,
    /// Its severity then.
    pub severity: Severity,
    /// When it was queued.
    #[schema(value_type = String, format = DateTime)]
    pub queued: Timestamp,
    /// When it was given up.
    #[schema(value_type = String, format = DateTime)]
    pub failed: Timestamp,
    /// Why: the far side's words.
    pub why: String,
}

/// NOTIFICATIONS.
#[derive(Clone, Debug, Default, Serialize, Deserialize, ToSchema)]
pub struct Notifications {
    /// Channels in the order of the settings.
    pub channels: Vec<NotificationChannel>,
    /// Given up, newest first, at most 100.
    pub failed: Vec<FailedNotification>,
    /// Incidents that could not be queued.
    pub lost: u64,
}

/// Which channel to act on.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NotificationRequest {
    /// Its name.
    pub channel: String,
}

/// A test message was accepted.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct NotificationAccepted {
    /// Channel.
    pub channel: String,
    /// The far side's words.
    pub said: String,
}

/// Failed messages were put back into the queue.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct NotificationsRetried {
    /// How many.
    pub incidents: u64,
}
