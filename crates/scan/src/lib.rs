//! Active scanning: nmap as a child process and a connect probe of our own, of permitted targets only; nmap's XML; and what changed
//! between two scans. Owns who may be asked and how fast; knows no store, no page and no schedule.

mod diff;
mod nouns;
mod xml;

pub use diff::{Change, HostChange, HostDiff, PortDiff, ScanDiff, ScriptDiff, SetDiff, diff, diff_text, diff_xml};
pub use nouns::{AddressKind, ExtraPorts, HostAddress, OsMatch, Scan, ScannedHost, ScannedPort, ScriptOutput, Service};
pub use xml::{Limits, NmapXml, Part, Progress, XmlError, read_scan, write_scan};
