//! The kinds of channel: one file and one line of `SINKS` each. Owns what an attempt can come to, and that no word about it shows a
//! secret.

mod command;
mod email;
mod file;
#[cfg(feature = "kafka")]
mod kafka;
mod syslog;
mod webhook;

#[cfg(test)]
mod tests;

use super::config::Channel;
use super::secret::{MASK, Secret};
use record::{Form, Message};
use std::time::Duration;

/// Longest text of the far side that is kept, characters.
const WORDS_MAX: usize = 400;

/// What became of an attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Delivery {
    /// The far side has it; its words.
    Accepted(String),
    /// Not now: try again.
    Later {
        /// Why.
        why: String,
        /// How long the far side asked to wait.
        after: Option<Duration>,
    },
    /// Never: the far side refuses this message, or what is set can not work.
    Refused(String),
}

impl Delivery {
    fn later(why: impl Into<String>) -> Self {
        Self::Later { why: why.into(), after: None }
    }
}

/// A channel that messages can be given to.
pub trait Sink: Send {
    /// One attempt; takes no longer than about the channel's `timeout_s`.
    fn deliver(&mut self, message: &Message) -> Delivery;
}

/// One kind of channel.
pub struct SinkKind {
    /// As written in the settings.
    pub kind: &'static str,
    /// Refuses what cannot be, without asking the far side.
    pub check: fn(&Channel) -> Result<(), String>,
    /// How it wants to be told.
    pub form: fn(&Channel) -> Form,
    /// Where it goes, without anything secret.
    pub target: fn(&Channel) -> String,
    /// Its secrets, to be kept out of words.
    pub secrets: fn(&Channel) -> Vec<Secret>,
    /// Reads secrets and files; does not connect.
    pub open: fn(&Channel) -> Result<Box<dyn Sink>, String>,
}

/// The registry.
pub const SINKS: &[SinkKind] = &[
    email::KIND,
    webhook::KIND,
    syslog::KIND,
    file::KIND,
    command::KIND,
    #[cfg(feature = "kafka")]
    kafka::KIND,
];

/// The kind of a channel.
///
/// # Errors
/// A sentence that lists the kinds.
pub fn of(channel: &Channel) -> Result<&'static SinkKind, String> {
    SINKS.iter().find(|sink| sink.kind == channel.kind).ok_or_else(|| {
        if channel.kind == "kafka" {
            return "this program was built without Apache Kafka (feature `kafka`); take a build with it".to_owned();
        }
        let known: Vec<_> = SINKS.iter().map(|sink| sink.kind).collect();
        format!("kind `{}` is not known; write one of {}", channel.kind, known.join(", "))
    })
}

/// How a channel wants to be told.
#[must_use]
pub fn form_of(channel: &Channel) -> Form {
    of(channel).map_or(Form::Json, |sink| (sink.form)(channel))
}

/// A channel whose secrets are read.
pub struct OpenChannel {
    sink: Box<dyn Sink>,
    secrets: Vec<String>,
}

impl OpenChannel {
    /// Reads secrets and files; does not connect.
    ///
    /// # Errors
    /// A sentence.
    pub fn open(channel: &Channel) -> Result<Self, String> {
        let kind = of(channel)?;
        let secrets = (kind.secrets)(channel);
        let secrets = secrets.iter().filter_map(|s| s.reveal().ok()).filter(|s| s.len() >= 4).collect();
        Ok(Self { sink: (kind.open)(channel)?, secrets })
    }

    /// One attempt; its words show no secret and are one line.
    pub fn deliver(&mut self, message: &Message) -> Delivery {
        match self.sink.deliver(message) {
            Delivery::Accepted(said) => Delivery::Accepted(self.scrub(&said)),
            Delivery::Later { why, after } => Delivery::Later { why: self.scrub(&why), after },
            Delivery::Refused(why) => Delivery::Refused(self.scrub(&why)),
        }
    }

    fn scrub(&self, words: &str) -> String {
        let hidden = self.secrets.iter().fold(words.to_owned(), |text, secret| text.replace(secret, MASK));
        let line: String = hidden.split_whitespace().collect::<Vec<_>>().join(" ");
        line.chars().filter(|c| !c.is_control()).take(WORDS_MAX).collect()
    }
}

/// A socket says "temporarily unavailable" when its time is over.
fn is_time_out(error: &std::io::Error) -> bool {
    matches!(error.kind(), std::io::ErrorKind::WouldBlock | std::io::ErrorKind::TimedOut)
}

fn timeout(channel: &Channel) -> Duration {
    Duration::from_secs_f64(channel.timeout_s.clamp(0.1, 300.0))
}

/// Reads a secret; the error names the setting.
fn reveal(name: &str, secret: &Secret) -> Result<String, String> {
    secret.reveal().map_err(|why| format!("{name}: {why}"))
}
