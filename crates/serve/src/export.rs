//! Lists as CSV (RFC 4180) or one JSON array, page by page. Owns columns and quoting; sends chunks to whoever takes them.

use serde::Serialize;
use serde_json::Value;
use store::query::{FLOW_FIELDS, HOST_FIELDS, INCIDENT_FIELDS};
use store::read::PAGE_ROWS_MAX;
use store::{Field, ListQuery, Page, Query, Read, StoreError, TimeRange};

const FLOW_COLUMNS: &[&str] = &[
    "flow_id",
    "start",
    "end",
    "duration_ms",
    "src_ip",
    "src_port",
    "dest_ip",
    "dest_port",
    "proto",
    "app_proto",
    "state",
    "history",
    "reason",
    "pkts_toserver",
    "pkts_toclient",
    "bytes_toserver",
    "bytes_toclient",
    "community_id",
    "in_iface",
    "vlan",
    "tunnel",
    "host_name",
    "score",
    "p_value",
    "anomalous",
];
const INCIDENT_COLUMNS: &[&str] = &[
    "id",
    "kind",
    "title",
    "severity",
    "status",
    "score",
    "first_seen",
    "last_seen",
    "raised",
    "src",
    "dest",
    "dest_port",
    "alerts",
    "attack",
    "flows",
    "over_budget",
    "advice",
];
const HOST_COLUMNS: &[&str] = &[
    "ip",
    "mac",
    "name",
    "home",
    "first_seen",
    "last_seen",
    "flows_out",
    "flows_in",
    "bytes_out",
    "bytes_in",
    "label",
    "importance",
];

/// What can be exported.
#[derive(Clone, Copy)]
pub(crate) enum Table {
    Flows,
    Incidents,
    Hosts,
}

impl Table {
    pub(crate) fn parse(name: &str) -> Option<Self> {
        match name {
            "flows" => Some(Self::Flows),
            "incidents" => Some(Self::Incidents),
            "hosts" => Some(Self::Hosts),
            _ => None,
        }
    }
    pub(crate) const fn fields(self) -> &'static [Field] {
        match self {
            Self::Flows => FLOW_FIELDS,
            Self::Incidents => INCIDENT_FIELDS,
            Self::Hosts => HOST_FIELDS,
        }
    }
    const fn columns(self) -> &'static [&'static str] {
        match self {
            Self::Flows => FLOW_COLUMNS,
            Self::Incidents => INCIDENT_COLUMNS,
            Self::Hosts => HOST_COLUMNS,
        }
    }
}

#[derive(Clone, Copy)]
pub(crate) enum Format {
    Csv,
    Json,
}

pub(crate) struct Export {
    pub table: Table,
    pub format: Format,
    pub filter: Query,
    pub range: TimeRange,
}

/// A piece of the download; an error ends it, so that a cut download is noticed as one.
pub(crate) type Chunk = Result<Vec<u8>, std::io::Error>;

impl Export {
    /// Reads page after page and sends them until the end, an error, or nobody takes them.
    pub(crate) fn run(&self, read: &dyn Read, send: &dyn Fn(Chunk) -> bool) {
        let limit = PAGE_ROWS_MAX;
        let mut query = ListQuery { filter: self.filter.clone(), range: self.range, limit, cursor: None };
        let head = match self.format {
            Format::Csv => format!("{}\r\n", self.table.columns().join(",")),
            Format::Json => "[".to_owned(),
        };
        let mut first = true;
        let mut chunk = head.into_bytes();
        loop {
            let next = match self.page(read, &query, &mut first, &mut chunk) {
                Ok(next) => next,
                Err(e) => {
                    send(Err(std::io::Error::other(e.to_string())));
                    return;
                }
            };
            if next.is_none() && matches!(self.format, Format::Json) {
                chunk.extend_from_slice(b"\n]\n");
            }
            if !send(Ok(std::mem::take(&mut chunk))) || next.is_none() {
                return;
            }
            query.cursor = next;
        }
    }

    fn page(
        &self,
        read: &dyn Read,
        query: &ListQuery,
        first: &mut bool,
        out: &mut Vec<u8>,
    ) -> Result<Option<String>, StoreError> {
        match self.table {
            Table::Flows => Ok(self.rows(read.flows(query)?, first, out)),
            Table::Incidents => Ok(self.rows(read.incidents(query)?, first, out)),
            Table::Hosts => Ok(self.rows(read.hosts(query, store::HostSort::default())?, first, out)),
        }
    }

    fn rows<T: Serialize>(&self, page: Page<T>, first: &mut bool, out: &mut Vec<u8>) -> Option<String> {
        for row in &page.items {
            let Ok(value) = serde_json::to_value(row) else { continue };
            match self.format {
                Format::Csv => csv_row(&value, self.table.columns(), out),
                Format::Json => {
                    out.extend_from_slice(if *first { b"\n" } else { b",\n" });
                    out.extend_from_slice(value.to_string().as_bytes());
                }
            }
            *first = false;
        }
        page.next_cursor
    }
}

fn csv_row(row: &Value, columns: &[&str], out: &mut Vec<u8>) {
    for (index, column) in columns.iter().enumerate() {
        if index > 0 {
            out.push(b',');
        }
        out.extend_from_slice(quoted(&cell(&row[*column])).as_bytes());
    }
    out.extend_from_slice(b"\r\n");
}

/// Lists are joined by a semicolon; text from the network that a spreadsheet would take for a formula gets an apostrophe.
fn cell(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) if text.starts_with(['=', '+', '-', '@', '\t', '\r']) => format!("'{text}"),
        Value::String(text) => text.clone(),
        Value::Array(list) => list.iter().map(cell).collect::<Vec<_>>().join(";"),
        other => other.to_string(),
    }
}

fn quoted(text: &str) -> String {
    if text.contains([',', '"', '\n', '\r']) { format!("\"{}\"", text.replace('"', "\"\"")) } else { text.to_owned() }
}
