//! Active scanning: nmap as a child process and a connect probe of our own, of permitted targets only; nmap's XML; and what changed
//! between two scans. Owns who may be asked and how fast; knows no store, no page and no schedule.

mod connect;
mod control;
mod diff;
mod inventory;
mod nmap;
mod ports;
mod settings;
mod targets;
mod text;
mod xml;

pub use connect::ConnectScan;
pub use control::{Cancel, Control, ScanError};
pub use diff::{Change, HostChange, HostDiff, PortDiff, ScanDiff, ScriptDiff, SetDiff, diff, diff_text, diff_xml};
pub use inventory::{Fold, fold};
pub use nmap::{NmapScan, SCRIPTS, is_installed};
pub use ports::PortList;
pub use record::scan::{
    AddressKind, ExtraPorts, HostAddress, OsMatch, Scan, ScannedHost, ScannedPort, ScriptOutput, Service,
};
pub use settings::ScanConfig;
pub use targets::{AllowList, Refused, Resolve, Targets, resolve};
pub use text::scan_text;
pub use xml::{Limits, NmapXml, Part, Progress, XmlError, read_scan, write_scan};
