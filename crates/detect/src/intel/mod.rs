//! Threat-intelligence lists: addresses, networks, domains, URLs and JA4 fingerprints that others found bad. Owns how lists are read
//! (plain text, CSV, STIX 2.1), their bounds, and the look-up; refuses to know where a list came from and what a match means
//! to people (`behaviour/threat_intel.rs`).

mod config;
mod csv_list;
mod entry;
mod stix;
mod table;
mod text_list;

pub use config::{IntelConfig, ListConfig};
pub use entry::{Indicator, refang};
pub use table::{Indicators, Listed};

use record::{Severity, Timestamp};
use serde::{Deserialize, Serialize};

/// How a list is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ListFormat {
    /// By its content: JSON is STIX; a first line with separators and a known column name is CSV; else text.
    #[default]
    Auto,
    /// One indicator a line; `#` and `;` begin comments; hosts files (`0.0.0.0 name`) too.
    Text,
    /// Comma, semicolon or tab separated values, with or without a header.
    Csv,
    /// A STIX 2.1 bundle (OASIS) of indicators.
    Stix,
}

/// One list, as it came.
#[derive(Clone, Debug, Default)]
pub struct ListText<'a> {
    /// Name that people gave it.
    pub name: String,
    /// The bytes.
    pub bytes: &'a [u8],
    /// Their form.
    pub format: ListFormat,
    /// What a home host that uses something on it deserves.
    pub severity: Severity,
    /// Indicators valid until before this are left out (STIX `valid_until`).
    pub now: Timestamp,
}

/// What was read of one list.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListReport {
    /// Its name.
    pub name: String,
    /// Indicators taken.
    pub entries: u64,
    /// The same indicator stood on a list before this one, or twice on this one.
    pub repeated: u64,
    /// Lines or objects that say nothing that can be matched here (file hashes, mail addresses).
    pub not_matchable: u64,
    /// Too broad to be meant: a top-level domain, a network of half the Internet.
    pub too_broad: u64,
    /// No longer valid, or revoked.
    pub expired: u64,
    /// Beyond the bound of all lists together.
    pub over_bound: u64,
    /// First line or object that could not be read, in words.
    pub first_problem: String,
}

/// Why a list could not be read at all.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ListError {
    /// Not what its format says.
    #[error("the list {name} is not {format}: {why}")]
    Malformed {
        /// List.
        name: String,
        /// `STIX`, `CSV`.
        format: &'static str,
        /// Reason with its place.
        why: String,
    },
    /// Something, but no indicator in it: most likely the wrong file, or an error page.
    #[error(
        "the list {name} holds no address, network, domain, URL or JA4 fingerprint (first line: {first}); is it the right file?"
    )]
    Empty {
        /// List.
        name: String,
        /// Its first line, shortened.
        first: String,
    },
}

/// Takes one indicator with its note; the table or a test.
type Take<'a> = dyn FnMut(Found) + 'a;

/// One thing found in a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Found {
    /// An indicator and what the list says of it.
    Indicator(Indicator, String),
    /// Not matchable, with the text.
    Other(String),
    /// Too broad, with the text.
    TooBroad(String),
    /// Revoked or past its end.
    Expired,
}

fn recognise(bytes: &[u8]) -> ListFormat {
    let start = bytes.iter().position(|b| !b.is_ascii_whitespace()).map_or(&bytes[..0], |at| &bytes[at..]);
    if start.starts_with(b"{") || start.starts_with(b"\xef\xbb\xbf{") {
        return ListFormat::Stix;
    }
    if csv_list::looks_like(bytes) { ListFormat::Csv } else { ListFormat::Text }
}

/// Reads one list and hands every find to `take`.
fn read(list: &ListText<'_>, take: &mut Take<'_>) -> Result<(), ListError> {
    let format = if list.format == ListFormat::Auto { recognise(list.bytes) } else { list.format };
    match format {
        ListFormat::Stix => stix::read(list, take),
        ListFormat::Csv => csv_list::read(list, take),
        ListFormat::Text | ListFormat::Auto => {
            text_list::read(list.bytes, take);
            Ok(())
        }
    }
}

#[cfg(test)]
mod tests;
