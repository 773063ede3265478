//! An export made: rows of a source through a writer, as they come. Owns what goes through which writer; holds back a page of rows and,
//! for Parquet, a row group.

use super::columns::{self, flow_record, incident as incident_row};
use super::table::{RowWriter, Style, Text};
use super::table_parquet::ParquetRows;
use super::{Ask, ExportError, Form, RowSource, What, alerts, pcapng};
use crate::StoreError;
use crate::formats::{FlowWriter, FormatContext, flow_format};
use record::Incident;
use serde::Serialize;
use serde_json::Value;
use std::io::{self, Write};
use std::ops::ControlFlow;
use std::sync::Arc;

/// Rows between two words about the progress.
const TOLD_EVERY: u64 = 512;

/// Makes exports of one source.
#[derive(Clone)]
pub struct Exporter {
    source: Arc<dyn RowSource>,
    /// The EVE event of an incident; its words are the alert room's.
    incident_eve: fn(&Incident) -> Value,
}

/// What an export came to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Done {
    /// Rows written; sections of packets.
    pub rows: u64,
    /// What is not in it, in words.
    pub notes: Vec<String>,
}

/// Rows on their way: how many, and the first failure.
struct Counted<'p> {
    rows: u64,
    progress: &'p mut dyn FnMut(u64),
    failed: Option<io::Error>,
}

impl Counted<'_> {
    fn took(&mut self, written: io::Result<()>) -> ControlFlow<()> {
        if let Err(error) = written {
            self.failed = Some(error);
            return ControlFlow::Break(());
        }
        self.rows += 1;
        if self.rows.is_multiple_of(TOLD_EVERY) {
            (self.progress)(self.rows);
        }
        ControlFlow::Continue(())
    }

    fn ended(&mut self, read: Result<(), StoreError>) -> Result<(), ExportError> {
        match self.failed.take() {
            Some(error) => Err(ExportError::Write(error)),
            None => Ok(read?),
        }
    }
}

fn value(row: &impl Serialize) -> Value {
    // Rows have string keys and finite numbers: they are always objects.
    serde_json::to_value(row).unwrap_or_default()
}

impl Exporter {
    /// Of rows that come from `source`.
    #[must_use]
    pub fn new(source: Arc<dyn RowSource>, incident_eve: fn(&Incident) -> Value) -> Self {
        Self { source, incident_eve }
    }

    /// How many rows it will be; None: nobody knows before.
    ///
    /// # Errors
    /// What the source said.
    pub fn total(&self, ask: &Ask) -> Result<Option<u64>, ExportError> {
        match &ask.own {
            Some(filter) if ask.what != What::Alerts && ask.form != Form::Pcapng => {
                Ok(self.source.total(ask.what, filter, ask.range)?)
            }
            _ => Ok(None),
        }
    }

    /// Refuses what would come to nothing before anything is written.
    ///
    /// # Errors
    /// No packets are kept.
    pub fn check(&self, ask: &Ask) -> Result<(), ExportError> {
        if ask.form == Form::Pcapng {
            pcapng::find(self.source.as_ref(), ask)?;
        }
        Ok(())
    }

    /// Writes all rows, then flushes. `progress` is told of rows from time to time.
    ///
    /// # Errors
    /// `Write` when nobody takes them; else what the source said. What was written before is not whole.
    pub fn run<'w>(
        &self,
        ask: &Ask,
        out: Box<dyn Write + Send + 'w>,
        progress: &mut dyn FnMut(u64),
    ) -> Result<Done, ExportError> {
        if ask.form == Form::Pcapng {
            return self.packets(ask, out, progress);
        }
        let mut counted = Counted { rows: 0, progress, failed: None };
        match flow_format_of(ask) {
            Some(name) => self.flow_records(ask, name, out, &mut counted)?,
            None => self.rows(ask, out, &mut counted)?,
        }
        let rows = counted.rows;
        (counted.progress)(rows);
        Ok(Done { rows, notes: Vec::new() })
    }

    fn packets(
        &self,
        ask: &Ask,
        mut out: Box<dyn Write + Send + '_>,
        progress: &mut dyn FnMut(u64),
    ) -> Result<Done, ExportError> {
        let (with, without) = pcapng::find(self.source.as_ref(), ask)?;
        let rows = pcapng::write(self.source.as_ref(), &with, &mut out, progress).map_err(ExportError::Write)?;
        let mut notes = vec![format!(
            "packets of {rows} incidents, a section each: those that were still in memory when it was raised, not all that passed"
        )];
        let gone = with.len() as u64 - rows;
        let lacking = without as u64 + gone;
        if lacking > 0 {
            notes.push(format!("no packets are kept of {lacking} more incidents that match"));
        }
        Ok(Done { rows, notes })
    }

    /// Whole records, by one of the formats of flows.
    fn flow_records(
        &self,
        ask: &Ask,
        name: &str,
        out: Box<dyn Write + Send + '_>,
        counted: &mut Counted,
    ) -> Result<(), ExportError> {
        let (Some(format), Some(filter)) = (flow_format(name), &ask.own) else { return Ok(()) };
        // A kept row knows its Community ID and interface.
        let context = FormatContext { community_id: |_| String::new(), interfaces: Vec::new() };
        let mut writer: Box<dyn FlowWriter> = format.open(out, context).map_err(ExportError::Write)?;
        let read =
            self.source.flows(filter, ask.range, &mut |(record, row)| counted.took(writer.write_kept(&record, &row)));
        counted.ended(read)?;
        writer.finish().map_err(ExportError::Write)
    }

    /// Rows as JSON objects, by a writer of tables.
    fn rows(&self, ask: &Ask, out: Box<dyn Write + Send + '_>, counted: &mut Counted) -> Result<(), ExportError> {
        let columns = columns::of(ask.what);
        let mut writer: Box<dyn RowWriter> = match ask.form {
            Form::Csv => Box::new(Text::new(Style::Csv(columns), out)),
            Form::Json => Box::new(Text::new(Style::Array, out)),
            Form::Parquet => {
                Box::new(ParquetRows::new(ask.what.name(), columns::whole(ask.what), out).map_err(ExportError::Write)?)
            }
            _ => Box::new(Text::new(Style::Lines, out)),
        };
        self.visit(ask, &mut *writer, counted)?;
        writer.finish().map_err(ExportError::Write)
    }

    fn visit(&self, ask: &Ask, writer: &mut dyn RowWriter, counted: &mut Counted) -> Result<(), ExportError> {
        let (source, range) = (self.source.as_ref(), ask.range);
        let is_eve = ask.form == Form::Eve;
        if let Some(filter) = &ask.flows {
            let row = if is_eve { alerts::eve_of_flow } else { alerts::row_of_flow };
            let read = source.flows(filter, range, &mut |(_, flow)| counted.took(writer.write(&row(&flow))));
            counted.ended(read)?;
        }
        let Some(filter) = &ask.own else { return Ok(()) };
        let read = match ask.what {
            What::Flows if ask.form == Form::Parquet => source
                .flows(filter, range, &mut |(record, row)| counted.took(writer.write(&flow_record(&record, &row)))),
            What::Flows => source.flows(filter, range, &mut |(_, row)| counted.took(writer.write(&value(&row)))),
            What::Hosts => source.hosts(filter, range, &mut |row| counted.took(writer.write(&value(&row)))),
            What::Series => source.series(filter, range, &mut |row| counted.took(writer.write(&value(&row)))),
            What::Scans => source.scans(filter, range, &mut |row| counted.took(writer.write(&value(&row)))),
            What::Alerts | What::Incidents => source.incidents(filter, range, &mut |incident| {
                let row = match (ask.what, ask.form) {
                    (_, Form::Eve) => (self.incident_eve)(&incident),
                    (What::Alerts, _) => alerts::row_of_incident(&incident),
                    (_, Form::Csv | Form::Parquet) => incident_row(&incident),
                    _ => value(&incident),
                };
                counted.took(writer.write(&row))
            }),
        };
        counted.ended(read)
    }
}

/// The format of flows that writes it; None: it is a table or a list.
fn flow_format_of(ask: &Ask) -> Option<&'static str> {
    match (ask.what, ask.form) {
        (What::Flows, Form::Cicflowmeter) => Some("csv"),
        (What::Flows, Form::JsonLines) => Some("json"),
        (What::Flows, form @ (Form::Eve | Form::Zeek)) => Some(form.name()),
        _ => None,
    }
}
