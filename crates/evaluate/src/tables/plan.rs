//! How a table becomes a matrix: learned from the training rows, kept in the artifact, applied to any later table. Owns every rule
//! about values:
//!
//! - a quantity whose training values are all ≥ 0 and reach above 1 enters as sign·ln(1 + |x|), any other as it is;
//! - a missing value is 0 where training had nothing below 0, otherwise the training median; an infinite one is the largest (or
//!   smallest) finite value of training;
//! - a category is its rarity, and with up to 12 values one flag for each value beside it; a value never seen in training has the
//!   greatest surprise and no flag;
//! - a destination port enters only as its group of services;
//! - a quantity that follows the clock (|correlation with the order in time| above 0.99 in every file of 100 rows or more) is a
//!   clock or a row number and is left out, as is a column without any value.

use super::error::listed;
use super::meaning::{Role, unit};
use super::raw::{Cells, RawTable};
use super::{Prepared, TableError};
use record::{Feature, FeatureKind, Matrix, Schema};
use serde::{Deserialize, Serialize};
use std::collections::HashMap;

/// Values of a category that get a flag of their own.
const FLAGS_MAX: usize = 12;
/// Values of a category that are told apart.
const VALUES_MAX: usize = 4096;
/// Columns that models take.
const COLUMNS_MAX: usize = 256;
/// Rows of a file below which nothing is said about clocks.
const CLOCK_ROWS_MIN: usize = 100;
const CLOCK_CORRELATION: f64 = 0.99;

/// How one input column is read.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Coding {
    /// A quantity.
    Number {
        /// Enters as a logarithm.
        log: bool,
        /// For missing values.
        fill: f64,
        /// For −∞.
        low: f64,
        /// For ∞.
        high: f64,
    },
    /// A category: known values, most frequent first; code = place + 1.
    Rarity(Vec<String>),
    /// One flag for each of these values.
    Flags(Vec<String>),
    /// The group of services of a port.
    Service,
}

/// One input column.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PlanColumn {
    /// Shared name.
    pub name: String,
    /// How.
    pub coding: Coding,
}

/// What was learned about a table's columns.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TablePlan {
    /// Whose table it was.
    pub format: String,
    /// Columns in order.
    pub columns: Vec<PlanColumn>,
    /// Columns that are not used, and why.
    pub left_out: Vec<(String, String)>,
}

impl TablePlan {
    /// Learns from `rows` (places in the table) of a prepared table.
    ///
    /// # Errors
    /// No column is left, or too many are.
    pub fn learn(table: &Prepared, rows: &[usize]) -> Result<Self, TableError> {
        let mut plan = Self { format: table.format.to_owned(), columns: Vec::new(), left_out: Vec::new() };
        for (column, meaning) in table.meanings.iter().enumerate() {
            match meaning.role {
                Role::Number => plan.learn_number(table, column, rows),
                Role::Category | Role::Protocol => plan.learn_category(table, column, rows),
                Role::DestinationPort => {
                    plan.columns.push(PlanColumn { name: meaning.name.to_string(), coding: Coding::Service });
                }
                _ => plan.leave(table, column, "it names a machine, a moment, a row or the answer"),
            }
        }
        plan.fit_in(table)
    }

    fn leave(&mut self, table: &Prepared, column: usize, why: &str) {
        self.left_out.push((table.raw.columns[column].name.clone(), why.to_owned()));
    }

    fn learn_number(&mut self, table: &Prepared, column: usize, rows: &[usize]) {
        let raw = &table.raw.columns[column];
        if matches!(raw.cells, Cells::Texts(_)) {
            return self.learn_category(table, column, rows);
        }
        let mut values: Vec<f64> = rows.iter().map(|row| raw.number(*row)).filter(|v| v.is_finite()).collect();
        if values.is_empty() {
            return self.leave(table, column, "it has no value in training");
        }
        if follows_the_clock(table, column, rows) {
            return self.leave(table, column, "it follows the clock: a time or a row number");
        }
        values.sort_by(f64::total_cmp);
        let (low, median, high) = (values[0], values[values.len() / 2], values[values.len() - 1]);
        let log = low >= 0.0 && (high > 1.0 || high == 0.0);
        let fill = if low >= 0.0 { 0.0 } else { median };
        let name = table.meanings[column].name.to_string();
        self.columns.push(PlanColumn { name, coding: Coding::Number { log, fill, low, high } });
    }

    fn learn_category(&mut self, table: &Prepared, column: usize, rows: &[usize]) {
        let mut counts: HashMap<String, usize> = HashMap::new();
        for row in rows {
            *counts.entry(table.category(column, *row)).or_default() += 1;
        }
        let mut values: Vec<(String, usize)> = counts.into_iter().collect();
        values.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
        if values.iter().all(|(value, _)| value.is_empty()) {
            return self.leave(table, column, "it has no value in training");
        }
        values.truncate(VALUES_MAX);
        let values: Vec<String> = values.into_iter().map(|(value, _)| value).collect();
        let name = table.meanings[column].name.to_string();
        if (2..=FLAGS_MAX).contains(&values.len()) {
            self.columns.push(PlanColumn { name: name.clone(), coding: Coding::Flags(values.clone()) });
        }
        self.columns.push(PlanColumn { name, coding: Coding::Rarity(values) });
    }

    /// Gives up flags, widest first, until the models can take the columns.
    fn fit_in(mut self, table: &Prepared) -> Result<Self, TableError> {
        while self.width() > COLUMNS_MAX {
            let flags = |(place, column): (usize, &PlanColumn)| match &column.coding {
                Coding::Flags(values) => Some((values.len(), place)),
                _ => None,
            };
            let Some((_, place)) = self.columns.iter().enumerate().filter_map(flags).max() else {
                return Err(TableError::columns(format!(
                    "{}: {} columns are more than the {COLUMNS_MAX} that the models take; leave some out with --drop",
                    table.raw.name(),
                    self.width()
                )));
            };
            self.columns.remove(place);
        }
        if self.columns.is_empty() {
            let what = "no column is left to learn from; the models need quantities or categories";
            return Err(TableError::file(table.raw.name(), what));
        }
        Ok(self)
    }

    fn width(&self) -> usize {
        self.columns
            .iter()
            .map(|column| if let Coding::Flags(values) = &column.coding { values.len() } else { 1 })
            .sum()
    }

    /// The schema of [`TablePlan::apply`]'s rows.
    #[must_use]
    pub fn schema(&self) -> Schema {
        let mut features = Vec::with_capacity(self.width());
        for PlanColumn { name, coding } in &self.columns {
            let words = name.replace('_', " ");
            let mut push = |name: String, unit: &'static str, kind, phrase: String| {
                features.push(Feature { name: name.into(), unit: unit.into(), kind, phrase: phrase.into() });
            };
            match coding {
                Coding::Number { log, .. } => {
                    let kind = if *log { FeatureKind::Log1p } else { FeatureKind::Linear };
                    push(name.clone(), unit(name), kind, words);
                }
                Coding::Rarity(_) => {
                    push(format!("{name}_rarity"), "nats", FeatureKind::Category, format!("this {words}"));
                }
                Coding::Service => {
                    push("service_group_rarity".into(), "nats", FeatureKind::Category, "this service".into());
                }
                Coding::Flags(values) => {
                    for value in values {
                        let shown = if value.is_empty() { "none" } else { value };
                        push(format!("{name}_{shown}"), "ratio", FeatureKind::Linear, format!("{words} {shown}"));
                    }
                }
            }
        }
        Schema { name: "table/1".into(), features: features.into() }
    }

    /// The rows of a table, in the order of `rows`; also what a person should know about it.
    ///
    /// # Errors
    /// Columns of the plan that the table lacks, by name; a text where training had quantities, by line.
    pub fn apply(&self, table: &Prepared, rows: &[usize]) -> Result<(Matrix, Vec<String>), TableError> {
        let places = self.places(table)?;
        let mut out = Matrix::with_capacity(rows.len(), self.width());
        let mut coders = Vec::with_capacity(places.len());
        for (column, place) in self.columns.iter().zip(&places) {
            coders.push(Coder::new(&column.coding, table, *place, rows)?);
        }
        for row in rows {
            for coder in &coders {
                coder.push(table, *row, &mut out.values);
            }
        }
        Ok((out, self.unknown_columns(table)))
    }

    fn places(&self, table: &Prepared) -> Result<Vec<usize>, TableError> {
        let place = |column: &PlanColumn| table.meanings.iter().position(|meaning| meaning.name == column.name);
        let mut missing: Vec<&str> =
            self.columns.iter().filter(|column| place(column).is_none()).map(|column| &*column.name).collect();
        missing.dedup();
        if missing.is_empty() {
            return Ok(self.columns.iter().filter_map(place).collect());
        }
        Err(TableError::columns(format!(
            "{} ({}) lacks columns that the models learned from ({}): {}; give a table of the same kind, or train on this one",
            table.raw.name(),
            table.format,
            self.format,
            listed(&missing)
        )))
    }

    fn unknown_columns(&self, table: &Prepared) -> Vec<String> {
        let unknown: Vec<&str> = table
            .meanings
            .iter()
            .zip(&table.raw.columns)
            .filter(|(meaning, raw)| {
                matches!(meaning.role, Role::Number | Role::Category | Role::Protocol | Role::DestinationPort)
                    && self.columns.iter().all(|column| column.name != meaning.name)
                    && self.left_out.iter().all(|(name, _)| *name != raw.name)
            })
            .map(|(_, raw)| &*raw.name)
            .collect();
        if unknown.is_empty() {
            return Vec::new();
        }
        let name = table.raw.name();
        vec![format!("{name}: columns that the models do not know are not used: {}", listed(&unknown))]
    }
}

/// One column of the plan, ready for many rows.
enum Coder<'a> {
    Number { place: usize, log: bool, fill: f64, low: f64, high: f64 },
    Rarity { place: usize, codes: HashMap<&'a str, u32> },
    Flags { place: usize, values: &'a [String] },
    Service,
}

impl<'a> Coder<'a> {
    fn new(coding: &'a Coding, table: &Prepared, place: usize, rows: &[usize]) -> Result<Self, TableError> {
        Ok(match coding {
            Coding::Number { log, fill, low, high } => {
                only_numbers(&table.raw, place, rows)?;
                Self::Number { place, log: *log, fill: *fill, low: *low, high: *high }
            }
            Coding::Rarity(values) => {
                let codes = values.iter().enumerate().map(|(code, value)| (&**value, code as u32 + 1)).collect();
                Self::Rarity { place, codes }
            }
            Coding::Flags(values) => Self::Flags { place, values },
            Coding::Service => Self::Service,
        })
    }

    fn push(&self, table: &Prepared, row: usize, out: &mut Vec<f32>) {
        match self {
            Self::Number { place, log, fill, low, high } => {
                let value = match table.raw.columns[*place].number(row) {
                    v if v.is_nan() => *fill,
                    v if v == f64::INFINITY => *high,
                    v if v == f64::NEG_INFINITY => *low,
                    v => v,
                };
                let value = if *log { value.signum() * value.abs().ln_1p() } else { value };
                out.push((value as f32).clamp(f32::MIN, f32::MAX));
            }
            Self::Rarity { place, codes } => {
                // 0 is what training never saw.
                out.push(codes.get(&*table.category(*place, row)).copied().unwrap_or(0) as f32);
            }
            Self::Flags { place, values } => {
                let category = table.category(*place, row);
                out.extend(values.iter().map(|value| f32::from(u8::from(*value == category))));
            }
            Self::Service => out.push(table.info[row].service.unwrap_or(0) as f32),
        }
    }
}

fn only_numbers(raw: &RawTable, place: usize, rows: &[usize]) -> Result<(), TableError> {
    let Cells::Texts(texts) = &raw.columns[place].cells else { return Ok(()) };
    let text = |row: &&usize| !texts.at(**row).is_empty() && texts.at(**row).parse::<f64>().is_err();
    let Some(row) = rows.iter().find(text) else { return Ok(()) };
    let (file, line) = raw.origin(*row);
    let (name, value) = (&raw.columns[place].name, texts.at(*row));
    Err(TableError::row(file, line, format!("column {name} is `{value:.40}`, where the models learned numbers")))
}

/// Pearson's correlation of a column with the order in time, file by file.
fn follows_the_clock(table: &Prepared, column: usize, rows: &[usize]) -> bool {
    let mut by_file: Vec<(u32, Vec<f64>)> = Vec::new();
    for row in rows {
        let file = table.raw.file_of(*row);
        let place = by_file.iter().position(|(known, _)| *known == file).unwrap_or_else(|| {
            by_file.push((file, Vec::new()));
            by_file.len() - 1
        });
        by_file[place].1.push(table.raw.columns[column].number(*row));
    }
    by_file.retain(|(_, values)| values.len() >= CLOCK_ROWS_MIN);
    !by_file.is_empty() && by_file.iter().all(|(_, values)| correlation_with_order(values).abs() > CLOCK_CORRELATION)
}

fn correlation_with_order(values: &[f64]) -> f64 {
    let known: Vec<(f64, f64)> =
        values.iter().enumerate().filter(|(_, v)| v.is_finite()).map(|(place, v)| (place as f64, *v)).collect();
    let n = known.len() as f64;
    let (mean_x, mean_y) =
        (known.iter().map(|(x, _)| x).sum::<f64>() / n, known.iter().map(|(_, y)| y).sum::<f64>() / n);
    let (mut xy, mut xx, mut yy) = (0.0, 0.0, 0.0);
    for (x, y) in &known {
        let (x, y) = (x - mean_x, y - mean_y);
        (xy, xx, yy) = (xy + x * y, xx + x * x, yy + y * y);
    }
    let spread = (xx * yy).sqrt();
    if spread > 0.0 { xy / spread } else { 0.0 }
}
