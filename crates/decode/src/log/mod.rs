//! Lines of logs to flows, application messages and alerts: one file a format, one ordered list. Each line finds its own format, so
//! that a file may hold several (a router's syslog does). Owns the list, what formats remember between lines, and the counts;
//! knows no file, socket or clock: the time that a line leaves out comes from a reference that the caller gives.

mod argus;
mod build;
mod cef;
mod cisco;
mod cloud;
mod eve;
mod fields;
mod filterlog;
mod juniper;
mod key_value;
mod lines;
mod mikrotik;
mod netfilter;
mod palo_alto;
mod parser;
mod suricata_fast;
mod syslog;
mod time;
mod vpc;
mod zeek;

pub use lines::{LINE_BYTES_MAX, LineCutter};
pub use parser::{LogCounters, LogParser, Unreadable, recognise};

use record::{LogEntry, Timestamp};

/// Why a line cannot be read. Closed, so that counts have names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogError {
    /// No format knows it.
    Unknown,
    /// It ends early, or has another number of columns than its head.
    Cut,
    /// Its columns are not named yet: the head of the log is missing.
    NoHead,
    /// It does not say between whom.
    NoAddress,
    /// An address is none (a host name, or damaged).
    BadAddress,
    /// A port is none.
    BadPort,
    /// A number is none.
    BadNumber,
    /// A time is none.
    BadTime,
    /// JSON that is none.
    BadJson,
}

impl LogError {
    /// The counter's name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Unknown => "format_unknown",
            Self::Cut => "line_cut",
            Self::NoHead => "head_missing",
            Self::NoAddress => "address_missing",
            Self::BadAddress => "address_invalid",
            Self::BadPort => "port_invalid",
            Self::BadNumber => "number_invalid",
            Self::BadTime => "time_invalid",
            Self::BadJson => "json_invalid",
        }
    }
}

/// One line and what its frame said.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Line<'a> {
    /// The whole line.
    pub(crate) text: &'a str,
    /// Without syslog's frame.
    framed: syslog::Framed<'a>,
    /// What stands for a time that the line does not give: the one before it, or the reference.
    now: Timestamp,
}

impl<'a> Line<'a> {
    /// Takes the frame off. JSON has none to lose.
    fn new(text: &'a str, reference: Timestamp, now: Timestamp) -> Self {
        let framed = if text.starts_with('{') {
            syslog::Framed { ts: None, program: "", message: text }
        } else {
            syslog::unframe(text, reference)
        };
        Self { text, framed, now }
    }
    /// The line's own time, or what stands for it.
    fn ts(&self) -> Timestamp {
        self.framed.ts.unwrap_or(self.now)
    }
    /// The message without its frame.
    fn message(&self) -> &'a str {
        self.framed.message
    }
    /// The JSON object in it: at its beginning or behind a frame.
    fn json(&self) -> Option<&'a str> {
        [self.text, self.framed.message].into_iter().find(|text| text.starts_with('{'))
    }
}

/// What formats remember of the lines before.
#[derive(Clone, Debug, Default)]
pub(crate) struct Heads {
    zeek: Option<zeek::Head>,
    vpc: Option<vpc::Head>,
    argus: Option<argus::Head>,
    cisco: cisco::Directions,
}

/// One format of log lines.
pub(crate) trait LogFormat: Sync {
    /// Lower-case name, also the counter's.
    fn name(&self) -> &'static str;
    /// True when the line is of this format; looks at little and allocates nothing.
    fn claims(&self, line: &Line<'_>, heads: &Heads) -> bool;
    /// Appends what the line tells. Never panics, whatever the line is.
    fn read(&self, line: &Line<'_>, heads: &mut Heads, out: &mut Vec<LogEntry>) -> Result<(), LogError>;
}

/// Every format; the first that claims a line reads it. Telling marks come first, columns without a mark last.
pub(crate) const FORMATS: &[&dyn LogFormat] = &[
    &zeek::Tsv,
    &eve::Eve,
    &zeek::Json,
    &cloud::Gcp,
    &cloud::Azure,
    &argus::Argus,
    &vpc::Aws,
    &suricata_fast::Fast,
    &netfilter::Netfilter,
    &cisco::Cisco,
    &cef::Cef,
    &juniper::Juniper,
    &filterlog::Filterlog,
    &palo_alto::PaloAlto,
    &mikrotik::Mikrotik,
    &key_value::KeyValue,
    &syslog::Other,
];

#[cfg(test)]
mod damage_test;
