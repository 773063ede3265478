//! Lists as separated values: feeds with a header whose columns are named, and feeds without one. Owns which column is the indicator
//! and which is its note.

use super::entry::recognise;
use super::text_list::shorten;
use super::{Found, ListError, ListText, Take};

/// Names under which feeds give the indicator, most specific first.
const VALUE_COLUMNS: [&str; 17] = [
    "ioc_value",
    "indicator",
    "ioc",
    "url",
    "ja4",
    "ja4_fingerprint",
    "dst_ip",
    "ip_address",
    "ipaddress",
    "ip",
    "cidr",
    "network",
    "domain",
    "fqdn",
    "hostname",
    "host",
    "value",
];
/// Names under which feeds say what it is.
const NOTE_COLUMNS: [&str; 11] = [
    "malware_printable",
    "malware",
    "threat",
    "signature",
    "listingreason",
    "reason",
    "description",
    "tags",
    "category",
    "threat_type",
    "comment",
];
/// Lines looked at to recognise the format.
const LOOKED_AT: usize = 50;

/// The first lines that say something, a header behind a comment mark among them (`# "first_seen","dst_ip"`).
fn head(bytes: &[u8]) -> impl Iterator<Item = &str> {
    bytes.split(|b| *b == b'\n').take(LOOKED_AT).filter_map(|line| std::str::from_utf8(line).ok())
}

fn cells(line: &str) -> Vec<String> {
    let bare = line.trim_start_matches(['#', ' ', '\u{feff}']).trim();
    let separator = separator(bare);
    bare.split(separator).map(|cell| cell.trim().trim_matches('"').to_ascii_lowercase()).collect()
}

fn separator(line: &str) -> char {
    [',', ';', '\t'].into_iter().max_by_key(|s| line.matches(*s).count()).unwrap_or(',')
}

fn header_columns(line: &str) -> Option<(usize, Option<usize>)> {
    let cells = cells(line);
    let place = |names: &[&str]| names.iter().find_map(|name| cells.iter().position(|cell| cell == name));
    (cells.len() > 1).then(|| place(&VALUE_COLUMNS).map(|value| (value, place(&NOTE_COLUMNS))))?
}

/// True when a header with a known column stands among the first lines.
pub(super) fn looks_like(bytes: &[u8]) -> bool {
    head(bytes).any(|line| header_columns(line).is_some())
}

/// Reads the rows.
pub(super) fn read(list: &ListText<'_>, take: &mut Take<'_>) -> Result<(), ListError> {
    let header = head(list.bytes).find(|line| header_columns(line).is_some());
    let columns = header.and_then(header_columns);
    let sample = header.or_else(|| head(list.bytes).find(|l| !l.trim().is_empty() && !l.starts_with('#')));
    let mut rows = csv::ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .comment(Some(b'#'))
        .trim(csv::Trim::All)
        .delimiter(separator(sample.unwrap_or_default()) as u8)
        .from_reader(list.bytes);
    for (number, row) in rows.byte_records().enumerate() {
        let row = row.map_err(|e| ListError::Malformed {
            name: list.name.clone(),
            format: "CSV",
            why: format!("record {}: {e}", number + 1),
        })?;
        let cell = |at: usize| String::from_utf8_lossy(row.get(at).unwrap_or_default()).trim().to_owned();
        if let Some((value, note)) = columns {
            if header.is_some_and(|h| cells(h).get(value) == Some(&cell(value).to_ascii_lowercase())) {
                continue;
            }
            take(recognise(&cell(value), shorten(&note.map(cell).unwrap_or_default())));
        } else {
            take(first_indicator((0..row.len()).map(cell)));
        }
    }
    Ok(())
}

/// Without a header the first cell that is an indicator counts.
fn first_indicator(cells: impl Iterator<Item = String>) -> Found {
    let mut first = None;
    for cell in cells {
        match recognise(&cell, "") {
            Found::Other(text) => first = first.or(Some(text)),
            found => return found,
        }
    }
    Found::Other(first.unwrap_or_default())
}
