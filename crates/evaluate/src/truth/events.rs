//! Events: CSV `start,end,src,dest,dest_port,kind` with a line of names, empty for "any". `src` and `dest` are an address, a network
//! (`10.0.0.0/8`) or a link address; times are RFC 3339 or seconds since the epoch.
//!
//! A row belongs to an event when it overlaps it in time and its two ends are those of the event, in either direction: answers belong
//! to an attack as well. The port is that of the event's `dest`.

use crate::rows::{Party, RowInfo, mac};
use crate::tables::{TableError, time};
use record::{MacAddr, Prefix, Timestamp};
use std::path::Path;

/// One end of an event.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
enum End {
    #[default]
    Any,
    Network(Prefix),
    Link(MacAddr),
}

impl End {
    fn parse(text: &str) -> Option<Self> {
        if text.is_empty() {
            return Some(Self::Any);
        }
        if let Some(mac) = mac(text) {
            return Some(Self::Link(mac));
        }
        let whole = text.parse::<record::IpAddr16>().ok().and_then(|addr| {
            let bits = if addr.is_v4() { 32 } else { 128 };
            Prefix::new(addr, bits)
        });
        whole.or_else(|| text.parse().ok()).map(Self::Network)
    }

    fn holds(self, party: Option<&Party>) -> bool {
        match self {
            Self::Any => true,
            Self::Network(prefix) => party.and_then(|p| p.addr).is_some_and(|addr| prefix.contains(addr)),
            Self::Link(mac) => party.and_then(|p| p.mac) == Some(mac),
        }
    }
}

/// One attack.
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    /// None: since ever.
    pub start: Option<Timestamp>,
    /// None: for ever.
    pub end: Option<Timestamp>,
    src: End,
    dest: End,
    dest_port: Option<u16>,
    /// Kind; `attack` when the file names none.
    pub kind: String,
}

impl Event {
    /// See the module. A row without a time is in no event that has one.
    #[must_use]
    pub fn holds(&self, row: &RowInfo) -> bool {
        let begins = self.end.is_none_or(|end| row.start.is_some_and(|start| start <= end));
        let ends = self.start.is_none_or(|start| row.end.or(row.start).is_some_and(|end| end >= start));
        let (source, destination) = (row.source.as_ref(), row.destination.as_ref());
        let port = |of: Option<u16>| self.dest_port.is_none() || self.dest_port == of;
        let there = || self.src.holds(source) && self.dest.holds(destination) && port(row.destination_port);
        let back = || self.src.holds(destination) && self.dest.holds(source) && port(row.source_port);
        begins && ends && (there() || back())
    }
}

/// Column names understood, each with its other spellings.
const NAMES: [&[&str]; 6] = [
    &["start", "start_utc", "start_epoch", "from"],
    &["end", "end_utc", "end_epoch", "to"],
    &["src", "source", "src_ip"],
    &["dest", "dst", "destination", "dest_ip", "dst_ip"],
    &["dest_port", "dst_port", "port"],
    &["kind", "attack", "event", "label", "type"],
];

/// Reads a file of events.
///
/// # Errors
/// A file that cannot be read, without `start` and `end`, or with a value that is no time, address or port: with its line.
pub fn read_events(path: &Path) -> Result<Vec<Event>, TableError> {
    let name = path.display().to_string();
    let input = source::open_unpacked(path)?;
    let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::All).from_reader(input);
    let head =
        reader.headers().map_err(|error| TableError::file(&name, format!("it cannot be read: {error}")))?.clone();
    let place = |names: &[&str]| names.iter().find_map(|name| head.iter().position(|h| h.eq_ignore_ascii_case(name)));
    let places = NAMES.map(place);
    if places[0].is_none() || places[1].is_none() {
        let what = "it has no columns start and end; write a first line start,end,src,dest,dest_port,kind";
        return Err(TableError::file(&name, what));
    }
    let mut events = Vec::new();
    for record in reader.records() {
        let record = record.map_err(|error| TableError::file(&name, format!("it cannot be read: {error}")))?;
        let line = record.position().map_or(0, csv::Position::line);
        let cell = |column: usize| places[column].and_then(|place| record.get(place)).unwrap_or("");
        let bad = |column: usize, what: &str| TableError::row(&name, line, format!("`{}` is {what}", cell(column)));
        let at = |column: usize| match cell(column) {
            "" => Ok(None),
            text => time::from_text(text).map(Some).ok_or_else(|| bad(column, "no time; write RFC 3339 or seconds")),
        };
        let end =
            |column: usize| End::parse(cell(column)).ok_or_else(|| bad(column, "no address, network or link address"));
        let port = |text: &str| if text.is_empty() { Ok(None) } else { text.parse().map(Some) };
        let (start, until) = (at(0)?, at(1)?);
        if start.zip(until).is_some_and(|(start, until)| until < start) {
            return Err(TableError::row(&name, line, "the event ends before it starts"));
        }
        events.push(Event {
            start,
            end: until,
            src: end(2)?,
            dest: end(3)?,
            dest_port: port(cell(4)).map_err(|_| bad(4, "no port"))?,
            kind: if cell(5).is_empty() { "attack".to_owned() } else { cell(5).to_owned() },
        });
    }
    Ok(events)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn events(text: &str) -> Result<Vec<Event>, String> {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("events.csv");
        std::fs::write(&path, text).unwrap();
        read_events(&path).map_err(|error| error.to_string())
    }

    fn row(start: i64, end: i64, src: &str, dest: &str, ports: (u16, u16)) -> RowInfo {
        RowInfo {
            start: Some(Timestamp::from_parts(start, 0)),
            end: Some(Timestamp::from_parts(end, 0)),
            source: Party::from_text(src),
            destination: Party::from_text(dest),
            source_port: Some(ports.0),
            destination_port: Some(ports.1),
            ..RowInfo::default()
        }
    }

    #[test]
    fn a_row_belongs_by_time_and_ends_either_way() {
        let base = 1_500_000_000;
        let text =
            format!("start,end,src,dest,dest_port,kind\n{},{},10.0.0.1,192.168.0.0/16,22,guess\n", base, base + 10);
        let event = &events(&text).unwrap()[0];
        let at = |from: i64, to: i64| row(base + from, base + to, "10.0.0.1", "192.168.7.7", (5000, 22));
        assert!(event.holds(&at(-5, 0)) && event.holds(&at(10, 99)) && event.holds(&at(-5, 99)));
        assert!(!event.holds(&at(-5, -1)) && !event.holds(&at(11, 12)));
        assert!(event.holds(&row(base, base, "192.168.7.7", "10.0.0.1", (22, 5000))));
        assert!(!event.holds(&row(base, base, "192.168.7.7", "10.0.0.1", (5000, 22))));
        assert!(!event.holds(&row(base, base, "10.0.0.2", "192.168.7.7", (5000, 22))));
        let any = &events("start,end,src\n,,00:10:18:cb:8c:13\n").unwrap()[0];
        assert!(any.holds(&row(0, 0, "x", "00:10:18:cb:8c:13", (0, 0))) && any.kind == "attack");
    }

    #[test]
    fn bad_events_are_named_by_their_line() {
        for (text, expected) in [
            ("start,end\n2017-01-01T00:00:00Z,yesterday\n", "line 2: `yesterday` is no time"),
            ("start,end,src\n,,nobody\n", "line 2: `nobody` is no address"),
            ("start,end,dest_port\n,,99999\n", "`99999` is no port"),
            ("start,end\n1500000010,1500000000\n", "ends before it starts"),
            ("when,kind\n1,2\n", "no columns start and end"),
        ] {
            let error = events(text).unwrap_err();
            assert!(error.contains(expected), "{error}");
        }
    }
}
