//! The columns of each kind of rows where it is a table (CSV, Parquet). Columns are only appended: people's scripts count on them.

use super::What;
use crate::FlowRow;
use crate::formats::kept_object;
use record::{FlowRecord, Incident, Why};
use serde_json::{Value, json};

/// What a column holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Text,
    /// RFC 3339 in JSON and CSV, microseconds in Parquet.
    Time,
    Whole,
    Number,
    Bool,
    /// A list: joined by `;` in CSV, JSON in Parquet.
    List,
}
use Kind::{Bool, List, Number, Text, Time, Whole};

/// Name and kind.
pub(super) type Column = (&'static str, Kind);

/// Columns of a kind of rows.
pub(super) const fn of(what: What) -> &'static [Column] {
    match what {
        What::Flows => FLOW,
        What::Alerts => ALERT,
        What::Incidents => INCIDENT,
        What::Hosts => HOST,
        What::Series => SERIES,
        What::Scans => SCAN,
    }
}

#[rustfmt::skip]
const FLOW: &[Column] = &[
    ("flow_id", Whole), ("start", Time), ("end", Time), ("duration_ms", Number), ("src_ip", Text), ("src_port", Whole),
    ("dest_ip", Text), ("dest_port", Whole), ("proto", Text), ("app_proto", Text), ("state", Text), ("history", Text),
    ("reason", Text), ("pkts_toserver", Whole), ("pkts_toclient", Whole), ("bytes_toserver", Whole),
    ("bytes_toclient", Whole), ("community_id", Text), ("in_iface", Text), ("vlan", Whole), ("tunnel", Text),
    ("host_name", Text), ("score", Number), ("p_value", Number), ("anomalous", Bool), ("process", Text),
    ("process_id", Whole),
];
#[rustfmt::skip]
const ALERT: &[Column] = &[
    ("timestamp", Time), ("of", Text), ("kind", Text), ("severity", Text), ("title", Text), ("score", Number),
    ("p_value", Number), ("src_ip", List), ("src_port", Whole), ("dest_ip", List), ("dest_port", List), ("proto", Text),
    ("app_proto", Text), ("flow_id", Whole), ("community_id", Text), ("incident", Text), ("status", Text),
];
#[rustfmt::skip]
const INCIDENT: &[Column] = &[
    ("id", Text), ("kind", Text), ("title", Text), ("severity", Text), ("status", Text), ("score", Number),
    ("first_seen", Time), ("last_seen", Time), ("raised", Time), ("src", List), ("dest", List), ("dest_port", List),
    ("alerts", Whole), ("attack", List), ("flows", List), ("over_budget", Bool), ("advice", Text), ("reasons", List),
];
#[rustfmt::skip]
const HOST: &[Column] = &[
    ("ip", Text), ("mac", Text), ("name", Text), ("home", Bool), ("first_seen", Time), ("last_seen", Time),
    ("flows_out", Whole), ("flows_in", Whole), ("bytes_out", Whole), ("bytes_in", Whole), ("label", Text),
    ("importance", Text), ("risk", Whole), ("incidents_open", Whole),
];
/// Columns of a flow's record beside those of its row.
#[rustfmt::skip]
const RECORD: &[Column] = &[
    ("first_seen", Time), ("report", Whole), ("src_mac", Text), ("dest_mac", Text), ("icmp_type", Whole),
    ("icmp_code", Whole), ("app", List), ("app_response", List),
];
const SERIES: &[Column] =
    &[("timestamp", Time), ("metric", Text), ("step_s", Whole), ("value", Number), ("watched_s", Whole)];
#[rustfmt::skip]
const SCAN: &[Column] = &[
    ("id", Text), ("started", Time), ("ended", Time), ("targets", List), ("backend", Text), ("origin", Text),
    ("state", Text), ("words", Text), ("hosts_up", Whole), ("hosts_down", Whole), ("ports_open", Whole),
    ("changes", Whole), ("previous", Text), ("anomalies", Whole),
];

/// Columns as Parquet has them: of flows also the record's and every statistic (`forward_packets`), as `tripline flows -o parquet`.
pub(super) fn whole(what: What) -> Vec<(String, Kind)> {
    let owned = |columns: &[Column]| columns.iter().map(|(name, kind)| ((*name).to_owned(), *kind)).collect::<Vec<_>>();
    let mut all = owned(of(what));
    if what == What::Flows {
        all.extend(owned(RECORD));
        // Every record has the same statistics; an empty one names them.
        let flow = FlowRecord::default();
        let named = kept_object(&flow, &FlowRow::new(&flow, None, "", ""));
        all.extend(flat(named.get("statistics")).map(|(name, _)| (name, Number)));
    }
    all
}

/// A flow as a row of that table: its statistics are columns.
pub(super) fn flow_record(flow: &FlowRecord, row: &FlowRow) -> Value {
    let mut object = kept_object(flow, row);
    let nested = object.remove("statistics");
    object.extend(flat(nested.as_ref()));
    Value::Object(object)
}

fn flat(statistics: Option<&Value>) -> impl Iterator<Item = (String, Value)> {
    let sides = ["forward", "backward", "both"].into_iter();
    let found = sides.filter_map(move |side| Some((side, statistics?.get(side)?.as_object()?)));
    found.flat_map(|(side, values)| values.iter().map(move |(name, value)| (format!("{side}_{name}"), value.clone())))
}

/// An incident as a row of a table: its reasons as text.
pub(super) fn incident(incident: &Incident) -> Value {
    let mut row = serde_json::to_value(incident).unwrap_or_default();
    row["reasons"] = json!(incident.why.iter().map(reason).collect::<Vec<_>>());
    row
}

fn reason(why: &Why) -> String {
    let unit = if why.unit.is_empty() { String::new() } else { format!(" {}", why.unit) };
    let [low, high] = why.expected;
    format!("{} {}{unit}, expected {low} to {high}", why.feature, why.value)
}
