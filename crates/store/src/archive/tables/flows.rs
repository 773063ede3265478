//! Flows: the columns of `tripline flows -o parquet`, before them the row's number, after them what the store knows beyond the record.
//! `record` is the record in the store's own form, so that a flow comes back whole.

use super::{ArchiveKind, Keys, Table};
use crate::columnar::{BYTES, Cell, Column, MAYBE_COUNT, MAYBE_NUMBER, NUMBER, TEXT, WHOLE, YES_NO};
use crate::formats::parquet::{COLUMNS, Flow, cells, statistic_names};
use crate::reader::flows::whole;
use crate::{FlowRow, Reader, StoreError};
use record::{FlowRecord, Timestamp};
use std::sync::LazyLock;

static NAMES: LazyLock<Vec<(String, &'static str)>> = LazyLock::new(|| {
    let fixed = COLUMNS.iter().map(|(name, kind, _)| ((*name).to_owned(), *kind));
    let numbers = statistic_names().into_iter().map(|name| (name, NUMBER));
    let more = [
        ("score", MAYBE_NUMBER),
        ("p_value", MAYBE_NUMBER),
        ("anomalous", YES_NO),
        ("process", TEXT),
        ("process_id", MAYBE_COUNT),
        ("record", BYTES),
    ];
    [("number".to_owned(), WHOLE)].into_iter().chain(fixed).chain(numbers).chain(super::owned(&more)).collect()
});

/// Flows.
pub(super) struct Flows;

impl Table for Flows {
    fn kind(&self) -> ArchiveKind {
        ArchiveKind::Flows
    }
    fn columns(&self) -> &[(String, &'static str)] {
        &NAMES
    }
    fn time(&self) -> &'static str {
        "end"
    }
    fn keys(&self, store: &Reader, after: i64, upto: i64, limit: usize) -> Result<Keys, StoreError> {
        store.flow_keys(after, upto, limit, false)
    }
    fn rows(&self, store: &Reader, numbers: &[i64]) -> Result<Vec<Vec<Cell>>, StoreError> {
        let found = store.flows_numbered(numbers)?;
        Ok(found.into_iter().map(|flow| row(flow.number, &flow.record, &flow.row, &flow.blob)).collect())
    }
}

fn row(number: i64, record: &FlowRecord, row: &FlowRow, blob: &[u8]) -> Vec<Cell> {
    let mut all = Vec::with_capacity(NAMES.len());
    all.push(Cell::Int64(number));
    all.extend(cells(&Flow { record, row }));
    all.push(row.score.map_or(Cell::Null, Cell::Double));
    all.push(row.p_value.map_or(Cell::Null, Cell::Double));
    all.push(Cell::Bool(row.anomalous));
    all.push(Cell::text(&row.process));
    all.push(row.process_id.map_or(Cell::Null, |id| Cell::count(id.into())));
    // Times of files end at microseconds: what is below them goes before the record.
    let below = |time: Timestamp| (time.0.rem_euclid(1_000) as u16).to_le_bytes();
    let kept = [&below(row.start)[..], &below(row.end)[..], blob].concat();
    all.push(Cell::Bytes(kept));
    all
}

/// What is read of a flow to have it back.
const WANTED: [&str; 28] = [
    "flow_id",
    "start",
    "end",
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
    "process",
    "process_id",
    "record",
    "number",
];

/// The columns that `flow_back` takes.
pub(in super::super) fn flow_columns() -> impl Iterator<Item = (&'static str, &'static str)> + Clone {
    let kind = |name: &str| NAMES.iter().find(|(known, _)| known == name).map_or(TEXT, |(_, kind)| *kind);
    WANTED.iter().map(move |name| (*name, kind(name)))
}

/// A flow as the store had it, and its number.
pub(in super::super) fn flow_back(columns: &[Column], at: usize) -> Option<(i64, FlowRecord, FlowRow)> {
    let [
        flow_id,
        start,
        end,
        src_ip,
        src_port,
        dest_ip,
        dest_port,
        proto,
        app_proto,
        state,
        history,
        reason,
        pkts_toserver,
        pkts_toclient,
        bytes_toserver,
        bytes_toclient,
        community_id,
        in_iface,
        vlan,
        tunnel,
        host_name,
        score,
        p_value,
        anomalous,
        process,
        process_id,
        record,
        number,
    ] = columns
    else {
        return None;
    };
    let (below, blob) = record.bytes(at).split_first_chunk::<4>().unwrap_or((&[0; 4], &[]));
    let time = |column: &Column, low: u8, high: u8| {
        Timestamp(column.whole(at).saturating_mul(1_000).saturating_add(i64::from(u16::from_le_bytes([low, high]))))
    };
    let text = |column: &Column| column.text(at).to_owned();
    let count = |column: &Column| column.whole(at).cast_unsigned();
    let [start_low, start_high, end_low, end_high] = *below;
    let (start, end) = (time(start, start_low, start_high), time(end, end_low, end_high));
    let row = FlowRow {
        flow_id: count(flow_id),
        start,
        end,
        duration_ms: end.since(start).max(0) as f64 / 1e6,
        src_ip: src_ip.text(at).parse().unwrap_or_default(),
        src_port: src_port.whole(at) as u16,
        dest_ip: dest_ip.text(at).parse().unwrap_or_default(),
        dest_port: dest_port.whole(at) as u16,
        proto: text(proto),
        app_proto: text(app_proto),
        state: text(state),
        history: text(history),
        reason: text(reason),
        pkts_toserver: count(pkts_toserver),
        pkts_toclient: count(pkts_toclient),
        bytes_toserver: count(bytes_toserver),
        bytes_toclient: count(bytes_toclient),
        community_id: text(community_id),
        in_iface: text(in_iface),
        vlan: vlan.whole(at) as u16,
        tunnel: text(tunnel),
        host_name: text(host_name),
        score: score.number(at),
        p_value: p_value.number(at),
        anomalous: anomalous.whole(at) != 0,
        process: text(process),
        process_id: process_id.is_there(at).then(|| process_id.whole(at) as u32),
        src_country: String::new(),
        dest_country: String::new(),
    };
    let record = whole(&row, blob);
    Some((number.whole(at), record, row))
}
