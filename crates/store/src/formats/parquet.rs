//! Apache Parquet: one row a flow, columns named as the fields of our JSON (each statistic with `forward_`, `backward_` or
//! `both_` before its name), zstd. Rows are held back until a row group is full, so memory is bounded for any number of
//! flows. Uses the crate's plain column writers: no Arrow in between (docs/decisions/0005).

use super::json::{FlowStatistics, statistics};
use super::{FlowFormat, FlowWriter, FormatContext};
use crate::columnar::{self, COUNT, Cell, JSON, MAYBE, NUMBER, TEXT, TIME, TableWriter, U8, U16, U32, io_error};
use crate::rows::{FlowRow, Statistics, mac_text};
use record::{AppData, FlowRecord, Timestamp};
use std::io::{self, Write};

/// What a column's value is read from.
pub(crate) struct Flow<'a> {
    pub record: &'a FlowRecord,
    pub row: &'a FlowRow,
}

/// Name, type as Parquet's schema language writes it (`{}` is the name), and value of a column.
pub(crate) type Column = (&'static str, &'static str, fn(&Flow) -> Cell);

/// Columns before the statistics.
#[rustfmt::skip]
pub(crate) const COLUMNS: [Column; 30] = [
    ("flow_id", COUNT, |f| Cell::count(f.row.flow_id)),
    ("start", TIME, |f| time(f.row.start)),
    ("end", TIME, |f| time(f.row.end)),
    ("first_seen", TIME, |f| time(f.record.first_seen)),
    ("duration_ms", NUMBER, |f| Cell::Double(f.row.duration_ms)),
    ("src_ip", TEXT, |f| text(&f.row.src_ip.to_string())),
    ("src_port", U16, |f| Cell::Int32(f.row.src_port.into())),
    ("dest_ip", TEXT, |f| text(&f.row.dest_ip.to_string())),
    ("dest_port", U16, |f| Cell::Int32(f.row.dest_port.into())),
    ("proto", TEXT, |f| text(&f.row.proto)),
    ("app_proto", TEXT, |f| text(&f.row.app_proto)),
    ("state", TEXT, |f| text(&f.row.state)),
    ("history", TEXT, |f| text(&f.row.history)),
    ("reason", TEXT, |f| text(&f.row.reason)),
    ("pkts_toserver", COUNT, |f| Cell::count(f.row.pkts_toserver)),
    ("pkts_toclient", COUNT, |f| Cell::count(f.row.pkts_toclient)),
    ("bytes_toserver", COUNT, |f| Cell::count(f.row.bytes_toserver)),
    ("bytes_toclient", COUNT, |f| Cell::count(f.row.bytes_toclient)),
    ("community_id", TEXT, |f| text(&f.row.community_id)),
    ("in_iface", TEXT, |f| text(&f.row.in_iface)),
    ("vlan", U16, |f| Cell::Int32(f.row.vlan.into())),
    ("tunnel", TEXT, |f| text(&f.row.tunnel)),
    ("host_name", TEXT, |f| text(&f.row.host_name)),
    ("report", U32, |f| Cell::Int32(f.record.report.cast_signed())),
    ("src_mac", MAYBE, |f| Cell::maybe(mac_text(f.record.src_mac))),
    ("dest_mac", MAYBE, |f| Cell::maybe(mac_text(f.record.dest_mac))),
    ("icmp_type", U8, |f| Cell::Int32(f.record.icmp_type.into())),
    ("icmp_code", U8, |f| Cell::Int32(f.record.icmp_code.into())),
    ("app", JSON, |f| app(f.record.app.as_ref().and_then(|a| a.request.as_ref()))),
    ("app_response", JSON, |f| app(f.record.app.as_ref().and_then(|a| a.response.as_ref()))),
];

pub(crate) fn time(ts: Timestamp) -> Cell {
    Cell::Int64(ts.0.div_euclid(1_000))
}
fn text(value: &str) -> Cell {
    Cell::text(value)
}
fn app(data: Option<&AppData>) -> Cell {
    Cell::maybe(data.and_then(|data| serde_json::to_string(data).ok()))
}

/// The statistics' columns, in the order of their values.
fn sides(all: &FlowStatistics) -> [(&'static str, &Statistics); 3] {
    [("forward", &all.forward), ("backward", &all.backward), ("both", &all.both)]
}

/// Names of the statistics' columns. Every record has the same; an empty one names them.
pub(crate) fn statistic_names() -> Vec<String> {
    let all = statistics(&FlowRecord::default());
    let names =
        |(side, values): (&str, &Statistics)| values.keys().map(|name| format!("{side}_{name}")).collect::<Vec<_>>();
    sides(&all).into_iter().flat_map(names).collect()
}

/// Values of all columns of a flow.
pub(crate) fn cells(flow: &Flow) -> Vec<Cell> {
    let all = statistics(flow.record);
    let fixed = COLUMNS.iter().map(|(_, _, value)| value(flow));
    let numbers = sides(&all).into_iter().flat_map(|(_, values)| values.values().map(|value| Cell::Double(*value)));
    fixed.chain(numbers).collect()
}

/// Parquet files.
pub(super) struct Parquet;

impl FlowFormat for Parquet {
    fn name(&self) -> &'static str {
        "parquet"
    }
    fn about(&self) -> &'static str {
        "Apache Parquet with the columns of json, compressed with zstd"
    }
    fn is_text(&self) -> bool {
        false
    }
    fn open<'w>(
        &'static self,
        out: Box<dyn Write + Send + 'w>,
        context: FormatContext,
    ) -> io::Result<Box<dyn FlowWriter + 'w>> {
        let statistics = statistic_names();
        let fixed = COLUMNS.iter().map(|(name, kind, _)| (*name, *kind));
        let columns = fixed.chain(statistics.iter().map(|name| (name.as_str(), NUMBER)));
        let table = TableWriter::new(out, columns, columnar::properties().build()).map_err(io_error)?;
        Ok(Box::new(Groups { context, table }))
    }
}

struct Groups<'w> {
    context: FormatContext,
    table: TableWriter<Box<dyn Write + Send + 'w>>,
}

impl FlowWriter for Groups<'_> {
    fn write(&mut self, flow: &FlowRecord) -> io::Result<()> {
        let row = FlowRow::new(flow, None, &(self.context.community_id)(flow), self.context.interface(flow));
        self.table.push(cells(&Flow { record: flow, row: &row }).into_iter()).map_err(io_error)
    }

    fn finish(&mut self) -> io::Result<()> {
        self.table.finish().map_err(io_error)?.flush()
    }
}
