//! One run of a scan as people ask for it and follow it: state, progress, sums. Owns the nouns; what was found is `scan`'s.

use crate::Timestamp;
use serde::{Deserialize, Serialize};

macro_rules! named {
    ($(#[$about:meta])* $name:ident { $($(#[$of:meta])* $variant:ident = $text:literal),+ $(,)? }) => {
        $(#[$about])*
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
        #[serde(rename_all = "lowercase")]
        #[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
        pub enum $name { $($(#[$of])* $variant),+ }
        impl $name {
            /// Lower-case name, as JSON has it.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $text),+ }
            }
            /// Reads the name.
            #[must_use]
            pub fn parse(name: &str) -> Option<Self> {
                [$(Self::$variant),+].into_iter().find(|known| known.name() == name)
            }
        }
    };
}

named!(
    /// Who scanned.
    ScanBackend {
        /// nmap.
        #[default]
        Nmap = "nmap",
        /// Connections of our own.
        Connect = "connect",
        /// A file of nmap.
        Import = "import",
    }
);

named!(
    /// Who wanted it.
    ScanOrigin {
        /// A person.
        #[default]
        Manual = "manual",
        /// The timetable.
        Schedule = "schedule",
        /// A file that a person handed over.
        Import = "import",
        /// The command line.
        Command = "command",
    }
);

named!(
    /// How far it is.
    ScanState {
        /// It runs.
        #[default]
        Running = "running",
        /// It is whole.
        Done = "done",
        /// Hosts are missing: out of time, killed, or the program ended.
        Incomplete = "incomplete",
        /// It gave nothing.
        Failed = "failed",
        /// A person ended it.
        Cancelled = "cancelled",
    }
);

/// How far a running scan is.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ScanProgress {
    /// Done of its task, percent.
    pub percent: f64,
    /// Task in the scanner's words (`Service scan`).
    pub task: String,
    /// What it thinks is left of it, seconds.
    pub remaining_s: Option<u64>,
    /// Hosts that are done.
    pub hosts_done: u64,
}

/// One run of a scan.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ScanRow {
    /// Name.
    pub id: String,
    /// What was scanned: networks, addresses and names as they were given.
    pub targets: Vec<String>,
    /// Who scanned.
    pub backend: ScanBackend,
    /// Who wanted it.
    pub origin: ScanOrigin,
    /// How far it is.
    pub state: ScanState,
    /// When it began.
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = DateTime))]
    pub started: Timestamp,
    /// When it ended; null while it runs.
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>, format = DateTime))]
    pub ended: Option<Timestamp>,
    /// Why it is incomplete or failed; empty otherwise.
    pub words: String,
    /// Hosts that were up.
    pub hosts_up: u64,
    /// Hosts that were told to be down.
    pub hosts_down: u64,
    /// Open ports of all hosts.
    pub ports_open: u64,
    /// Hosts that changed against the previous whole scan of the same targets; null: there is none.
    pub changes: Option<u64>,
    /// That scan.
    pub previous: Option<String>,
    /// Hosts that are strange in it.
    pub anomalies: u64,
    /// Only while it runs.
    pub progress: Option<ScanProgress>,
}
