//! What a user can type after `tripline scan`. Owns names, help and examples; does nothing: `commands::scan` acts.

use clap::{Args, ValueEnum};
use std::path::PathBuf;

/// Shown below the help.
pub const EXAMPLES: &str = "Examples:
  tripline scan 192.168.1.0/24 -c tripline.toml         with allow = [\"192.168.1.0/24\"] in its section [scan]
  tripline scan 192.168.1.0/24 -c tripline.toml -o xml -w monday.xml
  tripline scan 192.168.1.0/24 -c tripline.toml --diff --import monday.xml
  tripline scan --diff --import monday.xml --import tuesday.xml      exit code 1 when they differ
  tripline scan 127.0.0.1 --set 'scan.allow=[\"127.0.0.1\"]' --backend connect";

/// `scan`.
#[derive(Debug, Clone, Args)]
pub struct ScanArgs {
    /// Addresses, networks (192.168.1.0/24) or names to scan, all inside scan.allow
    #[arg(value_name = "TARGET", required_unless_present = "import")]
    pub targets: Vec<String>,
    /// Who scans [default: nmap, or connections of its own where nmap is not installed]
    #[arg(long, value_enum, value_name = "WHO")]
    pub backend: Option<Backend>,
    /// Say what changed: between two imports, or between one import and the scan of the targets; exit code 1 when anything did
    #[arg(long)]
    pub diff: bool,
    /// Result of nmap (-oX) to show or compare, `-` is standard input; may be given several times
    #[arg(long, value_name = "NMAP.xml")]
    pub import: Vec<PathBuf>,
    /// Output format
    #[arg(short = 'o', long = "output", value_enum, default_value_t = ScanFormat::Text)]
    pub output: ScanFormat,
    /// Write to this file instead of standard output
    #[arg(short = 'w', long = "write", value_name = "OUT")]
    pub write: Option<PathBuf>,
}

/// Who scans.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Backend {
    /// nmap, which must be installed
    Nmap,
    /// TCP connections of this program: open ports and what services say first
    Connect,
}

/// Output of `scan`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ScanFormat {
    /// For people
    Text,
    /// One object (tripline.scan/1, tripline.scan_diff/1)
    Json,
    /// As nmap (-oX) and ndiff (--xml) write it
    Xml,
}
