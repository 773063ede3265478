//! Tables as input: CSV and its kin, Zeek logs, JSON lines, Parquet; flows of any maker, or any rows of quantities and categories.
//!
//! Reading order: `readers` (bytes to named columns), `dialects` (what the columns mean), `plan` (columns to a matrix: learned in
//! training, kept in the artifact). Owns all of that; knows no model.

mod dialects;
mod error;
mod meaning;
mod plan;
mod raw;
mod readers;
#[cfg(test)]
mod tests;
pub(crate) mod time;

pub use error::{TableError, listed};
pub use meaning::{Meaning, Role};
pub use plan::{Coding, PlanColumn, TablePlan};
pub use raw::{Cells, RawColumn, RawTable, Texts};
pub(crate) use readers::{Opened, open};

use crate::rows::{Party, RowInfo};
use std::path::PathBuf;

/// Does the first line name the columns?
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Header {
    /// Yes, when no cell of it is a number.
    #[default]
    Auto,
    /// It does.
    Yes,
    /// It is a row.
    No,
}

/// What a person says about a table.
#[derive(Clone, Debug, Default)]
pub struct ReadOptions {
    /// First line.
    pub header: Header,
    /// Columns to leave out, by name or number from 1.
    pub drop: Vec<String>,
}

/// A table whose columns have a meaning.
#[derive(Debug)]
pub struct Prepared {
    /// Values.
    pub raw: RawTable,
    /// Whose table it is.
    pub format: &'static str,
    /// What each column is for.
    pub meanings: Vec<Meaning>,
    /// Who, when, where of each row.
    pub info: Vec<RowInfo>,
}

/// Reads tables that belong together.
///
/// # Errors
/// A file that cannot be read, a row of another length, files with other columns, a column to drop that is not there.
pub fn read(files: &[PathBuf], options: &ReadOptions) -> Result<Prepared, TableError> {
    let opened = files.iter().map(|file| open(file)).collect::<Result<_, _>>()?;
    read_opened(opened, options)
}

/// Like [`read`], of files that are open.
pub(crate) fn read_opened(opened: Vec<Opened>, options: &ReadOptions) -> Result<Prepared, TableError> {
    let mut whole: Option<RawTable> = None;
    for file in opened {
        let table = readers::read(file, options)?;
        match &mut whole {
            None => whole = Some(table),
            Some(whole) => whole.append(table)?,
        }
    }
    let raw = whole.ok_or_else(|| TableError::columns("no table is given; name a file"))?;
    let (format, mut meanings) = dialects::meanings(&raw);
    for asked in &options.drop {
        meanings[raw.named(asked, "--drop")?].role = Role::Ignored;
    }
    let mut table = Prepared { raw, format, meanings, info: Vec::new() };
    table.info = (0..table.raw.rows).map(|row| table.info_of(row)).collect();
    Ok(table)
}

impl Prepared {
    fn column(&self, role: Role) -> Option<usize> {
        self.meanings.iter().position(|meaning| meaning.role == role)
    }

    fn quantity(&self, name: &str, row: usize) -> Option<f64> {
        let column = self.meanings.iter().position(|meaning| meaning.name == name)?;
        Some(self.raw.columns[column].number(row)).filter(|value| value.is_finite())
    }

    /// A category's value; protocols by their names.
    pub(crate) fn category(&self, column: usize, row: usize) -> String {
        let text = self.raw.columns[column].text(row);
        if self.meanings[column].role != Role::Protocol {
            return text;
        }
        match &*text {
            "6" => "tcp".into(),
            "17" => "udp".into(),
            "1" => "icmp".into(),
            "58" => "icmp6".into(),
            _ => text.to_ascii_lowercase(),
        }
    }

    fn info_of(&self, row: usize) -> RowInfo {
        let text = |role| self.column(role).map(|column| self.raw.columns[column].text(row));
        let number = |role| self.column(role).map(|column| self.raw.columns[column].number(row));
        let at = |role| text(role).and_then(|text| time::from_text(&text));
        let port = |role| number(role).filter(|port| (0.0..=65_535.0).contains(port)).map(|port| port as u16);
        let start = at(Role::Start);
        let lasts_ns = [("duration_s", 1e9), ("duration_ms", 1e6), ("duration_us", 1e3)];
        let lasts_ns = lasts_ns.iter().find_map(|(name, unit)| Some(self.quantity(name, row)? * unit));
        let destination_port = port(Role::DestinationPort);
        let protocol = self.column(Role::Protocol).map_or(String::new(), |column| self.category(column, row));
        let packets = ["forward_packets", "backward_packets"].iter().filter_map(|name| self.quantity(name, row)).sum();
        // NSL-KDD has no clock; its own window counts stand for rate and fan-out.
        let fan_out = self.quantity("dst_host_diff_srv_rate", row).zip(self.quantity("dst_host_count", row));
        RowInfo {
            start,
            end: at(Role::End).or_else(|| start.map(|start| start.plus_ns(lasts_ns.unwrap_or(0.0) as i64))),
            source: text(Role::Source).and_then(|text| Party::from_text(&text)),
            destination: text(Role::Destination).and_then(|text| Party::from_text(&text)),
            source_port: port(Role::SourcePort),
            destination_port,
            service: destination_port.map(|port| features::service_code(protocol_number(&protocol), port)),
            service_name: self.service_name(destination_port, row),
            packets,
            rate: if self.format == "NSL-KDD" { self.quantity("count", row) } else { None },
            fan_out: fan_out.filter(|_| self.format == "NSL-KDD").map(|(share, hosts)| share * hosts),
        }
    }

    /// What the destination-port baseline counts: the port, or where there is none the service.
    fn service_name(&self, port: Option<u16>, row: usize) -> Option<u32> {
        if let Some(port) = port {
            return Some(u32::from(port));
        }
        let service = self.meanings.iter().position(|meaning| meaning.name == "service")?;
        Some(crate::rows::fnv(&self.raw.columns[service].text(row)) as u32)
    }
}

fn protocol_number(name: &str) -> u8 {
    match name {
        "tcp" => 6,
        "udp" => 17,
        "icmp" => 1,
        "icmp6" => 58,
        other if other.contains("tcp") => 6,
        other if other.contains("udp") => 17,
        other => other.parse().unwrap_or(0),
    }
}
