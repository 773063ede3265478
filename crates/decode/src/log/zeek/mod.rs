//! Zeek's logs, tab-separated (names, separators and marks for unset fields stand in `#` lines, columns in any order) and as JSON
//! lines. Owns both spellings; what the columns mean is in `conn`, `events` and `notice`.

mod conn;
mod events;
mod notice;

pub(super) use conn::{outcome, state};
pub(super) use events::{NAME_PORTS_ALIKE, tls_version};

use super::build::Between;
use super::{Heads, Line, LogError, LogFormat, fields, time};
use record::{Endpoint, LogEntry, Timestamp};
use serde_json::{Map, Value};
use std::borrow::Cow;

/// Most columns of a log.
const COLUMNS_MAX: usize = 512;
/// Most values of a set or vector that are read.
const VALUES_MAX: usize = 64;

/// The `#` lines of a tab-separated log.
#[derive(Clone, Debug)]
pub(crate) struct Head {
    separator: String,
    set_separator: String,
    empty: String,
    unset: String,
    path: String,
    columns: Vec<String>,
}

impl Default for Head {
    fn default() -> Self {
        Self {
            separator: "\t".into(),
            set_separator: ",".into(),
            empty: "(empty)".into(),
            unset: "-".into(),
            path: String::new(),
            columns: Vec::new(),
        }
    }
}

/// One entry of a log, whichever way it is written.
enum Row<'a> {
    Cells { head: &'a Head, cells: Vec<&'a str> },
    Object(&'a Map<String, Value>),
}

impl<'a> Row<'a> {
    /// A field that is set and not empty.
    fn get(&self, name: &str) -> Option<Cow<'a, str>> {
        match self {
            Self::Cells { head, cells } => {
                let place = head.columns.iter().position(|column| column == name)?;
                let cell = *cells.get(place)?;
                (cell != head.unset && cell != head.empty && !cell.is_empty()).then_some(Cow::Borrowed(cell))
            }
            Self::Object(object) => match object.get(name)? {
                Value::String(text) if !text.is_empty() => Some(Cow::Borrowed(text.as_str())),
                Value::Number(number) => Some(Cow::Owned(number.to_string())),
                Value::Bool(flag) => Some(Cow::Borrowed(if *flag { "T" } else { "F" })),
                _ => None,
            },
        }
    }

    /// The values of a set or vector.
    fn list(&self, name: &str) -> Vec<String> {
        match self {
            Self::Cells { head, .. } => {
                let Some(text) = self.get(name) else { return Vec::new() };
                text.split(head.set_separator.as_str()).take(VALUES_MAX).map(str::to_owned).collect()
            }
            Self::Object(object) => match object.get(name) {
                Some(Value::Array(values)) => values
                    .iter()
                    .take(VALUES_MAX)
                    .map(|value| value.as_str().map_or_else(|| value.to_string(), str::to_owned))
                    .collect(),
                _ => Vec::new(),
            },
        }
    }

    fn count(&self, name: &str) -> Result<u64, LogError> {
        self.get(name).map_or(Ok(0), |text| fields::count(&text))
    }

    /// The time of the entry: an epoch with a fraction, or RFC 3339.
    fn ts(&self) -> Result<Timestamp, LogError> {
        if let Self::Object(object) = self
            && let Some(seconds) = object.get("ts").and_then(Value::as_f64)
        {
            // Zeek writes microseconds; a double does not hold more of an epoch.
            return Ok(Timestamp(((seconds * 1e6).round() as i64).saturating_mul(1_000)));
        }
        let text = self.get("ts").ok_or(LogError::BadTime)?;
        time::epoch_seconds(&text).or_else(|| time::iso(&text)).ok_or(LogError::BadTime)
    }

    /// An interval of seconds, ns; 0 where it is unset.
    fn interval_ns(&self, name: &str) -> Result<i64, LogError> {
        let Some(text) = self.get(name) else { return Ok(0) };
        let seconds: f64 = text.parse().map_err(|_| LogError::BadNumber)?;
        Ok((seconds * 1e9).round() as i64)
    }

    /// Whose connection it is; None where the entry is about none.
    fn between(&self, proto: Option<u8>) -> Result<Option<Between>, LogError> {
        let (Some(src), Some(dest)) = (self.get("id.orig_h"), self.get("id.resp_h")) else { return Ok(None) };
        let named = self.get("proto").and_then(|name| fields::protocol(&name));
        let proto = named.or(proto).unwrap_or(0);
        let port = |name| self.get(name).map_or(Ok(0), |text| fields::port(&text));
        let src = Endpoint { addr: fields::address(&src)?, port: port("id.orig_p")? };
        let dest = Endpoint { addr: fields::address(&dest)?, port: port("id.resp_p")? };
        // Zeek writes type and code of ICMP where others have ports, and calls both versions `icmp`.
        let proto = if proto == 1 && !src.addr.is_v4() { 58 } else { proto };
        Ok(Some(Between { src, dest, proto }))
    }
}

/// What a log of that name tells.
fn tell(path: &str, row: &Row<'_>, out: &mut Vec<LogEntry>) -> Result<(), LogError> {
    match path {
        "conn" => conn::read(row, out),
        "dns" => events::dns(row, out),
        "ssl" => events::ssl(row, out),
        "http" => events::http(row, out),
        "ssh" => events::ssh(row, out),
        "notice" => notice::read(row, out),
        other => {
            out.push(LogEntry::NotUsed(format!("zeek {other}")));
            Ok(())
        }
    }
}

/// Tab-separated logs.
pub(crate) struct Tsv;

impl LogFormat for Tsv {
    fn name(&self) -> &'static str {
        "zeek"
    }
    fn claims(&self, line: &Line<'_>, heads: &Heads) -> bool {
        match &heads.zeek {
            _ if separator_code(line.text).is_some() => true,
            Some(head) => line.text.starts_with('#') || line.text.contains(head.separator.as_str()),
            None => false,
        }
    }
    fn read(&self, line: &Line<'_>, heads: &mut Heads, out: &mut Vec<LogEntry>) -> Result<(), LogError> {
        if line.text.starts_with('#') || separator_code(line.text).is_some() {
            head_line(line.text, heads);
            return Ok(());
        }
        let head = heads.zeek.as_ref().filter(|head| !head.columns.is_empty()).ok_or(LogError::NoHead)?;
        let cells: Vec<&str> = line.text.split(head.separator.as_str()).take(COLUMNS_MAX).collect();
        // Labelled logs of some makers end in spaces where the others have tabs, so more is allowed, but not less.
        if cells.len() < head.columns.len() {
            return Err(LogError::Cut);
        }
        tell(&head.path, &Row::Cells { head, cells }, out)
    }
}

/// What stands behind `#separator`: a space by Zeek, a tab by some who write its logs anew.
fn separator_code(text: &str) -> Option<&str> {
    text.trim_start().strip_prefix("#separator")?.strip_prefix([' ', '\t'])
}

/// Takes one `#` line; logs written one after the other begin anew.
fn head_line(text: &str, heads: &mut Heads) {
    if let Some(code) = separator_code(text) {
        let byte = code.trim().strip_prefix("\\x").and_then(|hex| u8::from_str_radix(hex, 16).ok());
        let separator = byte.map_or_else(|| "\t".to_owned(), |byte| char::from(byte).to_string());
        heads.zeek = Some(Head { separator, ..Head::default() });
        return;
    }
    let Some(head) = &mut heads.zeek else { return };
    let Some((name, value)) = text.split_once(head.separator.as_str()) else { return };
    match name {
        "#set_separator" => head.set_separator = value.to_owned(),
        "#empty_field" => head.empty = value.to_owned(),
        "#unset_field" => head.unset = value.to_owned(),
        "#path" => head.path = value.to_owned(),
        "#fields" => {
            let names = value.split(head.separator.as_str()).flat_map(|field| field.split("   "));
            head.columns = names.take(COLUMNS_MAX).map(|name| name.trim().to_owned()).collect();
        }
        _ => {}
    }
}

/// JSON lines.
pub(crate) struct Json;

impl LogFormat for Json {
    fn name(&self) -> &'static str {
        "zeek_json"
    }
    fn claims(&self, line: &Line<'_>, _: &Heads) -> bool {
        line.json().is_some_and(|json| {
            json.starts_with("{\"ts\":") || json.contains("\"id.orig_h\":") || json.contains("\"_path\":")
        })
    }
    fn read(&self, line: &Line<'_>, _: &mut Heads, out: &mut Vec<LogEntry>) -> Result<(), LogError> {
        let json = line.json().ok_or(LogError::BadJson)?;
        let object: Map<String, Value> = serde_json::from_str(json).map_err(|_| LogError::BadJson)?;
        let row = Row::Object(&object);
        let named = row.get("_path");
        let path = named.as_deref().unwrap_or_else(|| path_of(&object));
        tell(path, &row, out)
    }
}

/// Which log an entry without `_path` is of, by fields that no other has.
fn path_of(object: &Map<String, Value>) -> &'static str {
    let has = |names: &[&str]| names.iter().all(|name| object.contains_key(*name));
    if has(&["conn_state"]) {
        "conn"
    } else if has(&["note", "msg"]) {
        "notice"
    } else if has(&["trans_id", "rejected"]) {
        "dns"
    } else if has(&["trans_depth", "request_body_len"]) {
        "http"
    } else if has(&["resumed", "established"]) {
        "ssl"
    } else if has(&["auth_attempts"]) {
        "ssh"
    } else {
        "other"
    }
}

#[cfg(test)]
mod tests;
