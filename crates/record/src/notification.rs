//! What is told to people outside: the incident as it was then, why it is told, and the message that a channel carries. Owns the
//! nouns only: what is said stands in `alert`, how it travels in `store`.

use crate::{Incident, Severity, Timestamp};
use serde::{Deserialize, Serialize};

/// Why an incident is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "what", content = "from")]
pub enum Cause {
    /// For the first time.
    Raised,
    /// Again, because it matters more than when it was told; the severity of that time.
    Rose(Severity),
    /// Somebody tries the channel; the incident is made up.
    Test,
}

/// An incident to be told, as it was when it was queued.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Notice {
    /// The incident, without its list of flows.
    pub incident: Incident,
    /// Why now.
    pub cause: Cause,
    /// Wall time at which it was queued.
    pub queued: Timestamp,
}

/// How a channel wants to be told: which parts of a [`Message`] are filled.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Form {
    /// Subject, plain text, HTML and picture.
    Mail,
    /// `body`: our own JSON.
    Json,
    /// `body`: Slack's message with attachments.
    Slack,
    /// `body`: an Adaptive Card as Teams' workflows take it.
    Teams,
    /// `body`: Discord's message with embeds.
    Discord,
    /// `body`: Telegram's `sendMessage`, without its `chat_id`.
    Telegram,
    /// `body`: ntfy's JSON, without its `topic`.
    Ntfy,
    /// `body`: an event of PagerDuty's Events API v2, without its `routing_key`.
    Pagerduty,
    /// `line`: one sentence.
    Text,
    /// `line`: ArcSight's Common Event Format.
    Cef,
    /// `line`: Suricata's EVE JSON.
    Eve,
}

impl Form {
    /// All of them.
    pub const ALL: [Self; 11] = [
        Self::Mail,
        Self::Json,
        Self::Slack,
        Self::Teams,
        Self::Discord,
        Self::Telegram,
        Self::Ntfy,
        Self::Pagerduty,
        Self::Text,
        Self::Cef,
        Self::Eve,
    ];
    /// True for forms that tell one incident each: a digest is several of them.
    #[must_use]
    pub const fn is_single(self) -> bool {
        matches!(self, Self::Pagerduty | Self::Text | Self::Cef | Self::Eve)
    }
}

/// One message, ready for a channel.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Message {
    /// The same on every attempt, so that a repeat after a crash can be told; hexadecimal digits.
    pub key: String,
    /// When it was put together, wall time; part of the mail's header, not of the key.
    pub at: Timestamp,
    /// The worst of what it tells.
    pub severity: Severity,
    /// Kind of the incident, or `digest`.
    pub kind: String,
    /// One line.
    pub subject: String,
    /// Plain text.
    pub text: String,
    /// The same as HTML; shows the picture as `cid:picture`.
    pub html: String,
    /// PNG.
    pub picture: Vec<u8>,
    /// Pages that go with it, HTML: a file's name and its bytes.
    pub pages: Vec<(String, Vec<u8>)>,
    /// One JSON object.
    pub body: String,
    /// One line without its end.
    pub line: String,
}
