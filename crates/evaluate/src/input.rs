//! What `train` and `evaluate` are given: captures or tables, their truth, in order of time, or a part of that. Owns which of both a
//! file is, the order and the part; the rows are `captures`' and `tables`'.

use crate::captures::{self, Flows};
use crate::meter::MeterConfig;
use crate::rows::RowInfo;
use crate::tables::{self, Opened, Prepared, ReadOptions, TableError, TablePlan};
use crate::truth::{self, Event, Truth, TruthOptions};
use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64Mcg;
use record::{Matrix, Timestamp};
use std::collections::HashSet;
use std::fmt::Write as _;
use std::io::Read;
use std::path::{Path, PathBuf};

/// What a person says about the input.
#[derive(Clone, Debug)]
pub struct InputOptions {
    /// Tables.
    pub read: ReadOptions,
    /// Attacks.
    pub truth: TruthOptions,
    /// Part of the rows in order of time, shares from 0 to 1.
    pub part: (f64, f64),
    /// Part of the benign rows among them; attacks stay. For sources whose attacks all lie in one place.
    pub benign_part: (f64, f64),
}

impl Default for InputOptions {
    fn default() -> Self {
        Self { read: ReadOptions::default(), truth: TruthOptions::default(), part: (0.0, 1.0), benign_part: (0.0, 1.0) }
    }
}

/// Rows as they were read.
enum Content {
    Flows(Flows),
    Table(Box<Prepared>),
}

/// See the module.
pub struct Input {
    content: Content,
    /// Places in the content of the rows used, in order of time.
    order: Vec<usize>,
    truth: Option<Truth>,
    /// Only a part of the benign rows is used, but all attacks: what another part is judged by must not be learned.
    all_attacks: bool,
    /// Events, when they are the truth.
    pub events: Option<Vec<Event>>,
    /// What a person should know.
    pub notes: Vec<String>,
    /// SHA-256 of the files as they are on disk, one after the other; empty for standard input.
    pub data_sha256: String,
    /// Packets read; 0 for tables.
    pub packets: u64,
}

/// Rows ready for models.
#[derive(Debug, Default)]
pub struct Dataset {
    /// Feature rows.
    pub rows: Matrix,
    /// Who, when, where.
    pub info: Vec<RowInfo>,
    /// Attacks; None when nobody said.
    pub truth: Option<Truth>,
}

impl Dataset {
    /// First start and last end.
    #[must_use]
    pub fn span(&self) -> Option<(Timestamp, Timestamp)> {
        let first = self.info.iter().filter_map(|row| row.start).min()?;
        let last = self.info.iter().filter_map(|row| row.end.or(row.start)).max()?;
        Some((first, last))
    }
}

impl Input {
    /// Reads everything. `progress` gets packets so far.
    ///
    /// # Errors
    /// Files that cannot be read or do not belong together, truth that does not fit them.
    pub fn open(
        files: &[PathBuf],
        meter: &MeterConfig,
        options: &InputOptions,
        progress: &mut dyn FnMut(u64),
    ) -> Result<Self, TableError> {
        let opened = files.iter().map(|file| tables::open(file)).collect::<Result<Vec<_>, _>>()?;
        let mut input = if are_captures(&opened)? {
            Self::of_captures(opened, meter, options, progress)?
        } else {
            Self::of_tables(opened, options)?
        };
        if let Some(path) = &options.truth.events {
            let events = truth::read_events(path)?;
            input.truth = Some(truth::of_events(&events, input.all_info()));
            input.events = Some(events);
        }
        input.data_sha256 = digest(files)?;
        input.arrange(options);
        Ok(input)
    }

    fn of_captures(
        files: Vec<Opened>,
        meter: &MeterConfig,
        options: &InputOptions,
        progress: &mut dyn FnMut(u64),
    ) -> Result<Self, TableError> {
        if options.truth.column.is_some() {
            let what = "--label-column is for tables; say which packets or times of a capture are attacks with --packet-labels or --labels";
            return Err(TableError::columns(what));
        }
        let labels = if options.truth.packets.is_empty() {
            None
        } else {
            let files = options.truth.packets.iter().map(|path| truth::read_packet_labels(path));
            Some(files.collect::<Result<Vec<_>, _>>()?.concat())
        };
        let mut flows = captures::read(files, meter, labels.as_deref(), progress)?;
        let truth = labels.map(|_| {
            let mut truth = Truth::benign(flows.info.len());
            let kind = truth.kind("attack");
            for (row, _) in flows.attacks.iter().enumerate().filter(|(_, attack)| **attack) {
                truth.of_row[row] = Some(kind);
            }
            truth
        });
        let (notes, packets) = (std::mem::take(&mut flows.notes), flows.packets);
        Ok(Self { truth, notes, packets, ..Self::new(Content::Flows(flows)) })
    }

    fn of_tables(files: Vec<Opened>, options: &InputOptions) -> Result<Self, TableError> {
        if !options.truth.packets.is_empty() {
            let what = "--packet-labels is for captures; say which rows are attacks with --label-column and --benign, or with --labels";
            return Err(TableError::columns(what));
        }
        let mut table = tables::read_opened(files, &options.read)?;
        let truth = options.truth.column.as_ref().map(|labels| truth::of_column(&table, labels)).transpose()?;
        let notes = std::mem::take(&mut table.raw.notes);
        Ok(Self { truth, notes, ..Self::new(Content::Table(Box::new(table))) })
    }

    fn new(content: Content) -> Self {
        Self {
            content,
            order: Vec::new(),
            truth: None,
            all_attacks: false,
            events: None,
            notes: Vec::new(),
            data_sha256: String::new(),
            packets: 0,
        }
    }

    fn all_info(&self) -> &[RowInfo] {
        match &self.content {
            Content::Flows(flows) => &flows.info,
            Content::Table(table) => &table.info,
        }
    }

    /// Rows with a known truth in order of their end (rows without a time stay where they are), of which `part` is used.
    fn arrange(&mut self, options: &InputOptions) {
        let info = self.all_info();
        let known = |row: &usize| self.truth.as_ref().is_none_or(|truth| truth.of_row[*row].is_some());
        let mut order: Vec<usize> = (0..info.len()).filter(known).collect();
        let unknown = info.len() - order.len();
        if order.iter().all(|row| info[*row].end.is_some()) {
            order.sort_by_key(|row| info[*row].end);
        }
        let mut order = part_of(&order, options.part).to_vec();
        self.all_attacks = options.benign_part != (0.0, 1.0);
        if let Some(truth) = self.truth.as_ref().filter(|_| self.all_attacks) {
            let benign: Vec<usize> = order.iter().copied().filter(|row| truth.of_row[*row] == Some(0)).collect();
            let chosen: HashSet<usize> = part_of(&benign, options.benign_part).iter().copied().collect();
            order.retain(|row| truth.of_row[*row] != Some(0) || chosen.contains(row));
        }
        self.order = order;
        if unknown > 0 {
            self.notes.push(format!("{unknown} rows with an unknown label are left out"));
        }
    }

    /// Forgets the labels and leaves so many attack rows among the benign ones that they are `share` of all: how the contamination
    /// guard is measured. The same seed leaves the same rows.
    pub fn leave_attacks(&mut self, share: f64, seed: u64) {
        let Some(truth) = self.truth.take() else { return };
        let benign = |row: &usize| truth.of_row[*row] == Some(0);
        let attacks: Vec<usize> = self.order.iter().copied().filter(|row| !benign(row)).collect();
        let quiet = self.order.len() - attacks.len();
        let wanted = (quiet as f64 * share / (1.0 - share)).round() as usize;
        let left: HashSet<usize> = shuffled(attacks, seed).into_iter().take(wanted).collect();
        self.order.retain(|row| benign(row) || left.contains(row));
        self.notes.push(format!("labels are forgotten, {} attack rows stay among {quiet} benign ones", left.len()));
    }

    /// True when a part of the benign rows was asked for, which leaves all attacks in.
    #[must_use]
    pub fn keeps_all_attacks(&self) -> bool {
        self.all_attacks
    }

    /// Rows used.
    #[must_use]
    pub fn rows(&self) -> usize {
        self.order.len()
    }

    /// What the rows are: `flows of captures`, `CICFlowMeter table`.
    #[must_use]
    pub fn describe(&self) -> String {
        match &self.content {
            Content::Flows(_) => "flows of captures".to_owned(),
            Content::Table(table) => table.format.to_owned(),
        }
    }

    /// True for tables.
    #[must_use]
    pub fn is_table(&self) -> bool {
        matches!(self.content, Content::Table(_))
    }

    /// What a model may know of a table's columns, learned from its benign rows (all, when nobody said); None for captures.
    ///
    /// # Errors
    /// As [`TablePlan::learn`]; no benign row.
    pub fn plan(&self) -> Result<Option<TablePlan>, TableError> {
        let Content::Table(table) = &self.content else { return Ok(None) };
        let benign = |row: &usize| self.truth.as_ref().is_none_or(|truth| truth.of_row[*row] == Some(0));
        let rows: Vec<usize> = self.order.iter().copied().filter(benign).collect();
        if rows.is_empty() {
            return Err(TableError::file(table.raw.name(), "no row is benign; there is nothing to learn from"));
        }
        TablePlan::learn(table, &rows).map(Some)
    }

    /// The rows used, as `plan` reads them (captures need none).
    ///
    /// # Errors
    /// Captures where the plan is for tables, and the other way round; columns that are missing or hold something else.
    pub fn dataset(&mut self, plan: Option<&TablePlan>) -> Result<Dataset, TableError> {
        let info: Vec<RowInfo> = self.order.iter().map(|row| self.all_info()[*row]).collect();
        let truth = self.truth.as_ref().map(|truth| truth.chosen(&self.order));
        let rows = match (&self.content, plan) {
            (Content::Flows(flows), None) => {
                let mut rows = Matrix::with_capacity(self.order.len(), flows.rows.columns);
                self.order.iter().for_each(|row| rows.push(flows.rows.row(*row)));
                rows
            }
            (Content::Table(table), Some(plan)) => {
                let (rows, mut notes) = plan.apply(table, &self.order)?;
                self.notes.append(&mut notes);
                rows
            }
            (Content::Flows(_), Some(plan)) => {
                return Err(TableError::columns(format!(
                    "the models learned from a table ({}), the input is a capture; give a table of that kind, or models trained on captures",
                    plan.format
                )));
            }
            (Content::Table(table), None) => {
                return Err(TableError::columns(format!(
                    "{} is a table, the models learned from captures; give a capture, or train on a table of this kind",
                    table.raw.name()
                )));
            }
        };
        Ok(Dataset { rows, info, truth })
    }
}

/// The rows from one share to another.
fn part_of(rows: &[usize], (from, to): (f64, f64)) -> &[usize] {
    let place = |share: f64| (share * rows.len() as f64).round() as usize;
    rows.get(place(from)..place(to)).unwrap_or_default()
}

/// Fisher and Yates.
fn shuffled(mut rows: Vec<usize>, seed: u64) -> Vec<usize> {
    let mut random = Pcg64Mcg::seed_from_u64(seed);
    for place in (1..rows.len()).rev() {
        rows.swap(place, random.random_range(0..=place));
    }
    rows
}

/// All captures, or all tables.
fn are_captures(files: &[Opened]) -> Result<bool, TableError> {
    let find = |captures: bool| files.iter().find(|file| file.is_capture == captures);
    if let (Some(capture), Some(table)) = (find(true), find(false)) {
        return Err(TableError::columns(format!(
            "{} is a capture and {} is a table; give either captures or tables",
            capture.name, table.name
        )));
    }
    Ok(find(true).is_some())
}

/// SHA-256 of the files' bytes, one after the other, as `cat FILES | sha256sum` gives it.
fn digest(files: &[PathBuf]) -> Result<String, TableError> {
    let mut context = ring::digest::Context::new(&ring::digest::SHA256);
    let mut buffer = vec![0; 1 << 16];
    for path in files {
        if path == Path::new("-") {
            return Ok(String::new());
        }
        let failed = |error: &std::io::Error| {
            TableError::file(&path.display().to_string(), format!("it cannot be read: {error}"))
        };
        let mut file = std::fs::File::open(path).map_err(|error| failed(&error))?;
        loop {
            match file.read(&mut buffer).map_err(|error| failed(&error))? {
                0 => break,
                count => context.update(&buffer[..count]),
            }
        }
    }
    Ok(context.finish().as_ref().iter().fold(String::with_capacity(64), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    }))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::truth::ColumnLabels;

    /// 100 rows, latest first, each tenth an attack, two with an unknown label.
    fn open(options: InputOptions) -> Input {
        let mut text = String::from("start,n,m,label\n");
        for row in (0..100).rev() {
            let label = match row {
                5 | 7 => "unknown",
                _ if row % 10 == 0 => "scan",
                _ => "benign",
            };
            let _ = writeln!(text, "{},{row},{},{label}", 1_600_000_000 + row, row * 31 % 17);
        }
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("t.csv");
        std::fs::write(&path, text).unwrap();
        let column = ColumnLabels { column: "label".into(), benign: vec!["benign".into()], kind: None };
        let truth = TruthOptions { column: Some(column), ..TruthOptions::default() };
        Input::open(&[path], &MeterConfig::default(), &InputOptions { truth, ..options }, &mut |_| {}).unwrap()
    }

    fn seconds(input: &Input) -> Vec<i64> {
        input.order.iter().map(|row| input.all_info()[*row].start.unwrap().seconds() - 1_600_000_000).collect()
    }

    #[test]
    fn rows_are_in_order_of_time_and_parts_of_it() {
        let whole = open(InputOptions::default());
        assert!(seconds(&whole).is_sorted() && whole.rows() == 98);
        assert!(whole.notes.iter().any(|note| note.starts_with("2 rows with an unknown label")));
        let half = open(InputOptions { part: (0.5, 1.0), ..InputOptions::default() });
        assert_eq!(seconds(&half), (51..100).collect::<Vec<_>>());
        assert_eq!(half.data_sha256.len(), 64);
        let later = open(InputOptions { benign_part: (0.5, 1.0), ..InputOptions::default() });
        let truth = later.truth.as_ref().unwrap().chosen(&later.order);
        assert_eq!(truth.attacks().iter().filter(|attack| **attack).count(), 10);
        assert!(later.rows() == 10 + 44 && later.keeps_all_attacks());
    }

    #[test]
    fn attacks_that_stay_are_few_and_the_same_for_a_seed() {
        let left = |seed| {
            let mut input = open(InputOptions::default());
            input.leave_attacks(0.05, seed);
            assert!(input.truth.is_none() && input.rows() == 88 + 5);
            seconds(&input)
        };
        assert_eq!(left(1), left(1));
        assert_ne!(left(1), left(2));
    }
}
