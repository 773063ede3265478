//! Settings of notifications: the channels, what each is told and when, and how messages travel. Owns names, defaults and what
//! cannot be; a channel's own part is checked by its sink.

use super::quiet::QuietHours;
use super::secret::Secret;
use record::{KafkaConnection, Kind, Severity};
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// Most channels.
pub const CHANNELS_MAX: usize = 32;
/// Messages an hour of forms that people read, when a channel sets none.
const PEOPLE_RATE: u32 = 30;

/// Section `[notify]`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct NotifyConfig {
    /// Address of this dashboard as readers of a message reach it; empty: messages carry no link.
    pub dashboard_url: String,
    /// Tell of the incidents of `tripline demo` too. They are made up.
    pub demo: bool,
    /// A new incident waits this long for what belongs to it, so that one message tells all of it, seconds.
    pub settle_s: f64,
    /// Wait after a first failure, seconds; it doubles with each further one.
    pub retry_first_s: f64,
    /// Longest wait between two attempts, seconds.
    pub retry_max_s: f64,
    /// What was not accepted after this long is given up and listed as failed, hours.
    pub give_up_h: f64,
    /// Incidents that may wait, all channels together; beyond it the oldest of the least severe ones fall out, counted.
    pub queue_max: usize,
    /// Failed messages that are kept for looking at; the oldest go first.
    pub failed_max: usize,
    /// Who is told.
    pub channels: Vec<Channel>,
}

impl Default for NotifyConfig {
    fn default() -> Self {
        Self {
            dashboard_url: String::new(),
            demo: false,
            settle_s: 5.0,
            retry_first_s: 1.0,
            retry_max_s: 300.0,
            give_up_h: 72.0,
            queue_max: 10_000,
            failed_max: 1_000,
            channels: Vec::new(),
        }
    }
}

/// One receiver.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Channel {
    /// Its name in this file, on the page and on the command line.
    pub name: String,
    /// `email`, `webhook`, `syslog`, `file`, `command` or `kafka`; the table of that name says the rest.
    pub kind: String,
    /// False: nothing is queued or sent.
    pub enabled: bool,
    /// Least severity that is told.
    pub severity_min: Severity,
    /// Kinds that are told; empty: all.
    pub kinds: Vec<Kind>,
    /// Hours in which nothing is sent; what came in them goes out as one message at their end.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub quiet: Option<QuietHours>,
    /// Collect for this long and send one message, minutes; 0: each incident at once.
    pub digest_min: f64,
    /// Messages an hour; what is over it waits and comes summed up in the next one. 0: no limit. Absent: 30 for mail and chat, no
    /// limit for the rest.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rate_per_hour: Option<u32>,
    /// Longest wait for the far side, seconds.
    pub timeout_s: f64,
    /// Mail.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub email: Option<EmailConfig>,
    /// HTTP.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub webhook: Option<WebhookConfig>,
    /// Syslog.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub syslog: Option<SyslogConfig>,
    /// A file of JSON lines.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file: Option<FileConfig>,
    /// A program.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub command: Option<CommandConfig>,
    /// A topic.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kafka: Option<KafkaTopic>,
}

impl Default for Channel {
    fn default() -> Self {
        Self {
            name: String::new(),
            kind: String::new(),
            enabled: true,
            severity_min: Severity::Medium,
            kinds: Vec::new(),
            quiet: None,
            digest_min: 0.0,
            rate_per_hour: None,
            timeout_s: 10.0,
            email: None,
            webhook: None,
            syslog: None,
            file: None,
            command: None,
            kafka: None,
        }
    }
}

/// How a connection is protected.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum MailTls {
    /// Not at all: for a relay on this machine.
    None,
    /// From the greeting on by STARTTLS, which must be offered.
    #[default]
    Starttls,
    /// From the first byte.
    Tls,
}

/// `email = {…}`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct EmailConfig {
    /// Mail server.
    pub host: String,
    /// Port; absent: 25 for `none`, 587 for `starttls`, 465 for `tls`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub port: Option<u16>,
    /// `none`, `starttls` or `tls`.
    pub tls: MailTls,
    /// Log-in name; empty: no log-in.
    pub user: String,
    /// Log-in password.
    pub password: Secret,
    /// Sender: `Tripline <tripline@example.net>`.
    pub from: String,
    /// Receivers.
    pub to: Vec<String>,
    /// PEM file of the authority that signed the server's certificate; absent: those that this machine trusts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ca_file: Option<PathBuf>,
}

/// Whose JSON a webhook takes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[allow(missing_docs)]
pub enum Template {
    #[default]
    Json,
    Slack,
    Teams,
    Discord,
    Telegram,
    Ntfy,
    Pagerduty,
}

/// `webhook = {…}`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct WebhookConfig {
    /// Where to; shown to nobody, because many services put the key in it.
    pub url: Secret,
    /// `json`, `slack`, `teams`, `discord`, `telegram`, `ntfy` or `pagerduty`.
    pub template: Template,
    /// Key of the signature in `X-Tripline-Signature`; absent: not signed.
    #[serde(skip_serializing_if = "Secret::is_none")]
    pub secret: Secret,
    /// `Authorization: Bearer …`; absent: none.
    #[serde(skip_serializing_if = "Secret::is_none")]
    pub bearer: Secret,
    /// Further headers.
    #[serde(skip_serializing_if = "std::collections::BTreeMap::is_empty")]
    pub headers: std::collections::BTreeMap<String, String>,
    /// Telegram's chat.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub chat_id: String,
    /// ntfy's topic.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub topic: String,
    /// PagerDuty's integration key.
    #[serde(skip_serializing_if = "Secret::is_none")]
    pub routing_key: Secret,
    /// PEM file of the authority that signed the server's certificate; absent: those that this machine trusts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ca_file: Option<PathBuf>,
}

/// What carries syslog.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SyslogTransport {
    /// RFC 5426: nobody says that it arrived.
    Udp,
    /// RFC 6587 with octet counting.
    #[default]
    Tcp,
    /// RFC 5425.
    Tls,
}

/// What a syslog message says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SyslogFormat {
    /// One sentence.
    #[default]
    Text,
    /// Common Event Format.
    Cef,
    /// EVE JSON.
    Eve,
}

/// `syslog = {…}`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SyslogConfig {
    /// Syslog server.
    pub host: String,
    /// Port; absent: 514, or 6514 for `tls`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub port: Option<u16>,
    /// `udp`, `tcp` or `tls`.
    pub transport: SyslogTransport,
    /// `text`, `cef` or `eve`.
    pub format: SyslogFormat,
    /// Facility, 0 to 23; 13 is "log audit".
    pub facility: u8,
    /// PEM file of the authority that signed the server's certificate; absent: those that this machine trusts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ca_file: Option<PathBuf>,
}

impl Default for SyslogConfig {
    fn default() -> Self {
        Self {
            host: String::new(),
            port: None,
            transport: SyslogTransport::default(),
            format: SyslogFormat::default(),
            facility: 13,
            ca_file: None,
        }
    }
}

/// `file = {…}`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct FileConfig {
    /// Appended to; opened for each message, so that it may be rotated at any time.
    pub path: PathBuf,
}

/// `command = {…}`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct CommandConfig {
    /// Program; no shell reads it.
    pub program: PathBuf,
    /// Its arguments.
    pub args: Vec<String>,
}

/// `kafka = {…}`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct KafkaTopic {
    /// Where incidents go.
    pub topic: String,
    /// Brokers and log-in; without brokers, those of section `[kafka]`.
    pub connection: KafkaConnection,
}

impl NotifyConfig {
    /// Gives channels that name no brokers those of section `[kafka]`.
    pub fn fill_brokers(&mut self, connection: &KafkaConnection) {
        for kafka in self.channels.iter_mut().filter_map(|channel| channel.kafka.as_mut()) {
            if !kafka.connection.is_set() {
                kafka.connection.clone_from(connection);
            }
        }
    }

    /// Refuses what cannot be, with the place of the first mistake.
    ///
    /// # Errors
    /// One sentence.
    pub fn check(&self) -> Result<(), String> {
        let positive =
            [("settle_s", self.settle_s, 0.0, 3_600.0), ("retry_first_s", self.retry_first_s, 0.01, 3_600.0)];
        let more = [("retry_max_s", self.retry_max_s, 0.01, 86_400.0), ("give_up_h", self.give_up_h, 0.01, 8_760.0)];
        for (name, value, low, high) in positive.into_iter().chain(more) {
            if !(low..=high).contains(&value) {
                return Err(format!("notify.{name} is {value}; set {low} to {high}"));
            }
        }
        if self.queue_max == 0 {
            return Err("notify.queue_max is 0: nothing could wait; set 1 or more".to_owned());
        }
        if !self.dashboard_url.is_empty() && !self.dashboard_url.starts_with("http") {
            return Err("notify.dashboard_url must begin with http:// or https://".to_owned());
        }
        if self.channels.len() > CHANNELS_MAX {
            return Err(format!("notify.channels lists {}; {CHANNELS_MAX} is the most", self.channels.len()));
        }
        for (number, channel) in self.channels.iter().enumerate() {
            let name = if channel.name.is_empty() { format!("number {}", number + 1) } else { channel.name.clone() };
            channel.check().map_err(|why| format!("notify.channels, {name}: {why}"))?;
            if self.channels[..number].iter().any(|other| other.name == channel.name) {
                return Err(format!("notify.channels: two are called {name}; a name is one channel's"));
            }
        }
        Ok(())
    }
}

impl Channel {
    /// Refuses what cannot be, without asking the far side.
    ///
    /// # Errors
    /// One sentence.
    pub fn check(&self) -> Result<(), String> {
        if self.name.is_empty() || self.name.len() > 64 || self.name.chars().any(char::is_control) {
            return Err("give it a name of 1 to 64 letters".to_owned());
        }
        let sink = super::sinks::of(self)?;
        for (kind, there) in [
            ("email", self.email.is_some()),
            ("webhook", self.webhook.is_some()),
            ("syslog", self.syslog.is_some()),
            ("file", self.file.is_some()),
            ("command", self.command.is_some()),
            ("kafka", self.kafka.is_some()),
        ] {
            if there != (kind == sink.kind) {
                let verb = if there { "must not have" } else { "needs" };
                return Err(format!("a channel of kind {} {verb} the table `{kind}`", sink.kind));
            }
        }
        if !(0.1..=300.0).contains(&self.timeout_s) {
            return Err(format!("timeout_s is {}; set 0.1 to 300", self.timeout_s));
        }
        if !(0.0..=10_080.0).contains(&self.digest_min) {
            return Err(format!("digest_min is {}; set 0 to 10080 (a week)", self.digest_min));
        }
        if let Some(quiet) = &self.quiet {
            quiet.check()?;
        }
        (sink.check)(self)
    }

    /// Messages an hour; None: no limit.
    #[must_use]
    pub fn rate(&self) -> Option<u32> {
        let chat = self.webhook.as_ref().is_some_and(|w| !matches!(w.template, Template::Json | Template::Pagerduty));
        let people = self.email.is_some() || chat;
        self.rate_per_hour.or(people.then_some(PEOPLE_RATE)).filter(|rate| *rate > 0)
    }
}
