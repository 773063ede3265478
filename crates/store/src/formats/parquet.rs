//! Apache Parquet: one row a flow, columns named as the fields of our JSON (each statistic with `forward_`, `backward_` or
//! `both_` before its name), zstd. Rows are held back until a row group is full, so memory is bounded for any number of
//! flows. Uses the crate's plain column writers: no Arrow in between (docs/decisions/0005).

use super::json::{FlowStatistics, statistics};
use super::{FlowFormat, FlowWriter, FormatContext};
use crate::rows::{FlowRow, Statistics, mac_text};
use parquet::basic::{Compression, ZstdLevel};
use parquet::data_type::{ByteArray, ByteArrayType, DoubleType, Int32Type, Int64Type};
use parquet::errors::ParquetError;
use parquet::file::properties::WriterProperties;
use parquet::file::writer::{SerializedColumnWriter, SerializedFileWriter};
use parquet::schema::parser::parse_message_type;
use record::{AppData, FlowRecord, Timestamp};
use std::io::{self, Write};
use std::sync::Arc;

/// Rows of one group: about 20 MB held back at most. Smaller groups compress worse, larger ones need more memory.
pub(super) const GROUP_ROWS: usize = 16_384;

/// One value of a row.
enum Cell {
    Int32(i32),
    Int64(i64),
    Double(f64),
    Text(String),
    /// Null when there is none.
    Maybe(Option<String>),
}

/// What a column's value is read from.
struct Flow<'a> {
    record: &'a FlowRecord,
    row: &'a FlowRow,
}

/// Name, type as Parquet's schema language writes it (`{}` is the name), and value of a column.
type Column = (&'static str, &'static str, fn(&Flow) -> Cell);

const TIME: &str = "required int64 {} (TIMESTAMP(MICROS,true));";
const COUNT: &str = "required int64 {} (INTEGER(64,false));";
const U32: &str = "required int32 {} (INTEGER(32,false));";
const U16: &str = "required int32 {} (INTEGER(16,false));";
const U8: &str = "required int32 {} (INTEGER(8,false));";
const NUMBER: &str = "required double {};";
const TEXT: &str = "required binary {} (STRING);";
const MAYBE: &str = "optional binary {} (STRING);";
const JSON: &str = "optional binary {} (JSON);";

/// Columns before the statistics.
#[rustfmt::skip]
const COLUMNS: [Column; 30] = [
    ("flow_id", COUNT, |f| count(f.row.flow_id)),
    ("start", TIME, |f| time(f.row.start)),
    ("end", TIME, |f| time(f.row.end)),
    ("first_seen", TIME, |f| time(f.record.first_seen)),
    ("duration_ms", NUMBER, |f| Cell::Double(f.row.duration_ms)),
    ("src_ip", TEXT, |f| Cell::Text(f.row.src_ip.to_string())),
    ("src_port", U16, |f| Cell::Int32(f.row.src_port.into())),
    ("dest_ip", TEXT, |f| Cell::Text(f.row.dest_ip.to_string())),
    ("dest_port", U16, |f| Cell::Int32(f.row.dest_port.into())),
    ("proto", TEXT, |f| text(&f.row.proto)),
    ("app_proto", TEXT, |f| text(&f.row.app_proto)),
    ("state", TEXT, |f| text(&f.row.state)),
    ("history", TEXT, |f| text(&f.row.history)),
    ("reason", TEXT, |f| text(&f.row.reason)),
    ("pkts_toserver", COUNT, |f| count(f.row.pkts_toserver)),
    ("pkts_toclient", COUNT, |f| count(f.row.pkts_toclient)),
    ("bytes_toserver", COUNT, |f| count(f.row.bytes_toserver)),
    ("bytes_toclient", COUNT, |f| count(f.row.bytes_toclient)),
    ("community_id", TEXT, |f| text(&f.row.community_id)),
    ("in_iface", TEXT, |f| text(&f.row.in_iface)),
    ("vlan", U16, |f| Cell::Int32(f.row.vlan.into())),
    ("tunnel", TEXT, |f| text(&f.row.tunnel)),
    ("host_name", TEXT, |f| text(&f.row.host_name)),
    ("report", U32, |f| Cell::Int32(f.record.report.cast_signed())),
    ("src_mac", MAYBE, |f| Cell::Maybe(mac_text(f.record.src_mac))),
    ("dest_mac", MAYBE, |f| Cell::Maybe(mac_text(f.record.dest_mac))),
    ("icmp_type", U8, |f| Cell::Int32(f.record.icmp_type.into())),
    ("icmp_code", U8, |f| Cell::Int32(f.record.icmp_code.into())),
    ("app", JSON, |f| app(f.record.app.as_ref().and_then(|a| a.request.as_ref()))),
    ("app_response", JSON, |f| app(f.record.app.as_ref().and_then(|a| a.response.as_ref()))),
];

/// Counts stay below 2^63: a flow is no longer than the capture.
fn count(value: u64) -> Cell {
    Cell::Int64(value.cast_signed())
}
fn time(ts: Timestamp) -> Cell {
    Cell::Int64(ts.0.div_euclid(1_000))
}
fn text(value: &str) -> Cell {
    Cell::Text(value.to_owned())
}
fn app(data: Option<&AppData>) -> Cell {
    Cell::Maybe(data.and_then(|data| serde_json::to_string(data).ok()))
}

/// The statistics' columns, in the order of their values.
fn sides(all: &FlowStatistics) -> [(&'static str, &Statistics); 3] {
    [("forward", &all.forward), ("backward", &all.backward), ("both", &all.both)]
}

/// The table in Parquet's schema language.
fn schema() -> String {
    let fixed = COLUMNS.iter().map(|(name, kind, _)| kind.replace("{}", name));
    // Every record has the same statistics; an empty one names them.
    let all = statistics(&FlowRecord::default());
    let more = sides(&all)
        .into_iter()
        .flat_map(|(side, values)| values.keys().map(move |name| NUMBER.replace("{}", &format!("{side}_{name}"))));
    format!("message flow {{ {} }}", fixed.chain(more).collect::<Vec<_>>().join(" "))
}

/// Values of one column that wait for their row group.
enum Waiting {
    Int32(Vec<i32>),
    Int64(Vec<i64>),
    Double(Vec<f64>),
    /// Values that are there, and for each row 1 (there) or 0 (null).
    Text(Vec<ByteArray>, Vec<i16>),
}

impl Waiting {
    fn new(kind: &str) -> Self {
        match kind {
            TIME | COUNT => Self::Int64(Vec::new()),
            U32 | U16 | U8 => Self::Int32(Vec::new()),
            NUMBER => Self::Double(Vec::new()),
            _ => Self::Text(Vec::new(), Vec::new()),
        }
    }

    fn push(&mut self, cell: Cell) {
        match (self, cell) {
            (Self::Int32(values), Cell::Int32(value)) => values.push(value),
            (Self::Int64(values), Cell::Int64(value)) => values.push(value),
            (Self::Double(values), Cell::Double(value)) => values.push(value),
            (Self::Text(values, _), Cell::Text(value)) => values.push(value.into_bytes().into()),
            (Self::Text(values, there), Cell::Maybe(value)) => {
                there.push(i16::from(value.is_some()));
                values.extend(value.map(|text| ByteArray::from(text.into_bytes())));
            }
            // A column's type and value stand in one line of the table; a test writes and reads every column.
            _ => debug_assert!(false, "a value of another type than its column's"),
        }
    }

    fn write(&mut self, column: &mut SerializedColumnWriter<'_>) -> parquet::errors::Result<()> {
        match self {
            Self::Int32(values) => column.typed::<Int32Type>().write_batch(values, None, None)?,
            Self::Int64(values) => column.typed::<Int64Type>().write_batch(values, None, None)?,
            Self::Double(values) => column.typed::<DoubleType>().write_batch(values, None, None)?,
            Self::Text(values, there) => {
                let there = (!there.is_empty()).then_some(there.as_slice());
                column.typed::<ByteArrayType>().write_batch(values, there, None)?
            }
        };
        self.clear();
        Ok(())
    }

    fn clear(&mut self) {
        match self {
            Self::Int32(values) => values.clear(),
            Self::Int64(values) => values.clear(),
            Self::Double(values) => values.clear(),
            Self::Text(values, there) => {
                values.clear();
                there.clear();
            }
        }
    }
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
        let properties = WriterProperties::builder()
            .set_compression(Compression::ZSTD(ZstdLevel::default()))
            .set_created_by(format!("tripline version {}", env!("CARGO_PKG_VERSION")))
            .build();
        let schema = Arc::new(parse_message_type(&schema()).map_err(io_error)?);
        let file = SerializedFileWriter::new(out, schema, Arc::new(properties)).map_err(io_error)?;
        let all = statistics(&FlowRecord::default());
        let numbers = sides(&all).iter().map(|(_, values)| values.len()).sum();
        let kinds = COLUMNS.iter().map(|(_, kind, _)| *kind).chain(std::iter::repeat_n(NUMBER, numbers));
        Ok(Box::new(Groups { context, columns: kinds.map(Waiting::new).collect(), rows: 0, file }))
    }
}

struct Groups<'w> {
    context: FormatContext,
    columns: Vec<Waiting>,
    /// Rows that wait.
    rows: usize,
    file: SerializedFileWriter<Box<dyn Write + Send + 'w>>,
}

/// The system's own error, where there is one: a full disk shall say so.
fn io_error(error: ParquetError) -> io::Error {
    match error {
        ParquetError::External(inner) => match inner.downcast::<io::Error>() {
            Ok(system) => *system,
            Err(other) => io::Error::other(other),
        },
        other => io::Error::other(other),
    }
}

impl Groups<'_> {
    fn write_group(&mut self) -> parquet::errors::Result<()> {
        if self.rows == 0 {
            return Ok(());
        }
        let mut group = self.file.next_row_group()?;
        for waiting in &mut self.columns {
            let Some(mut column) = group.next_column()? else { break };
            waiting.write(&mut column)?;
            column.close()?;
        }
        group.close()?;
        self.rows = 0;
        Ok(())
    }
}

impl FlowWriter for Groups<'_> {
    fn write(&mut self, flow: &FlowRecord) -> io::Result<()> {
        let row = FlowRow::new(flow, None, &(self.context.community_id)(flow), self.context.interface(flow));
        let flow_of = Flow { record: flow, row: &row };
        let all = statistics(flow);
        let fixed = COLUMNS.iter().map(|(_, _, value)| value(&flow_of));
        let numbers = sides(&all).into_iter().flat_map(|(_, values)| values.values().map(|value| Cell::Double(*value)));
        for (column, cell) in self.columns.iter_mut().zip(fixed.chain(numbers)) {
            column.push(cell);
        }
        self.rows += 1;
        if self.rows >= GROUP_ROWS { self.write_group().map_err(io_error) } else { Ok(()) }
    }

    fn finish(&mut self) -> io::Result<()> {
        self.write_group().map_err(io_error)?;
        self.file.finish().map_err(io_error)?;
        self.file.inner_mut().flush()
    }
}
