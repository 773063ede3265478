//! What one line of a log tells: a flow, an application message, or another tool's alert. Owns the nouns; knows no log's format.

use crate::{AppEvent, ExportedFlow, IpAddr16, Severity, Timestamp};
use serde::{Deserialize, Serialize};

/// What a firewall did with a packet or a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum FirewallAction {
    /// Let through.
    Allowed,
    /// Dropped without a word to the sender.
    Blocked,
    /// Refused with a reset or an ICMP message.
    Reset,
}

impl FirewallAction {
    /// The name used in records and pages.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Allowed => "allowed",
            Self::Blocked => "blocked",
            Self::Reset => "reset",
        }
    }
}

/// How much of a flow one line covers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Extent {
    /// A whole connection, or a report of one.
    #[default]
    Whole,
    /// One packet.
    Packet,
    /// The beginning of a connection whose end has a line of its own: it must not be counted twice.
    Opening,
}

/// A flow that a log line tells of.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct LoggedFlow {
    /// The flow.
    pub flow: ExportedFlow,
    /// What the firewall did, where it is one and says so.
    pub action: Option<FirewallAction>,
    /// How much of the flow the line covers.
    pub extent: Extent,
}

/// Another tool's alert.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ImportedAlert {
    /// When it was raised.
    pub ts: Timestamp,
    /// Which tool: `Suricata`, `Zeek`, `FortiGate` …
    pub product: &'static str,
    /// Who sent what it matched; all zero where the alert names nobody.
    pub src: IpAddr16,
    /// Who got it; all zero where the alert names nobody.
    pub dest: IpAddr16,
    /// Sender's port.
    pub src_port: u16,
    /// Receiver's port.
    pub dest_port: u16,
    /// IP protocol, 0 unknown.
    pub proto: u8,
    /// Number of the signature, 0 where it has none.
    pub signature_id: u64,
    /// Name of the signature.
    pub signature: String,
    /// Its category; may be empty.
    pub category: String,
    /// How much it matters, mapped from the tool's own scale.
    pub severity: Severity,
    /// The tool's own word for it (`severity 2`, `high`), for people.
    pub severity_said: String,
    /// What the tool did with the traffic.
    pub action: Option<FirewallAction>,
}

/// What came of one line.
#[derive(Clone, Debug)]
pub enum LogEntry {
    /// A flow.
    Flow(Box<LoggedFlow>),
    /// An application message.
    App(Box<AppEvent>),
    /// Another tool's alert.
    Alert(Box<ImportedAlert>),
    /// Read, but there is nothing in it for Tripline: what it is (`zeek weird`, `cisco 111008`).
    NotUsed(String),
}
