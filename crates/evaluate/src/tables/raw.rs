//! A table as it was read: named columns of numbers or texts, and where each row stands. Owns the rule which of both a column is;
//! gives columns no meaning.
//!
//! A column holds numbers until a text comes; then all of it is texts, and numbers among them are written in one way (`80`, not
//! `80.0`), so that the same category has the same text in every file. `""`, `-`, `?`, `null`, `none`, `na`, `n/a`, `nan` and
//! `(empty)` are missing values.

use super::error::{TableError, listed};
use std::collections::HashMap;

/// Most cells of one table: what is read must fit in memory (8 bytes a cell).
const CELLS_MAX: usize = 500_000_000;

/// The values of one column.
#[derive(Clone, Debug)]
pub enum Cells {
    /// Numbers; NaN is a missing value.
    Numbers(Vec<f64>),
    /// A code for each row, and the texts; the text `""` is a missing value.
    Texts(Texts),
}

/// Texts, each kept once.
#[derive(Clone, Debug, Default)]
pub struct Texts {
    /// Place in `names` of each row.
    pub codes: Vec<u32>,
    /// Distinct texts in order of appearance.
    pub names: Vec<String>,
    places: HashMap<String, u32>,
}

impl Texts {
    fn push(&mut self, text: &str) {
        let code = if let Some(code) = self.places.get(text) {
            *code
        } else {
            let code = self.names.len() as u32;
            self.names.push(text.to_owned());
            self.places.insert(text.to_owned(), code);
            code
        };
        self.codes.push(code);
    }

    /// The text of a row.
    #[must_use]
    pub fn at(&self, row: usize) -> &str {
        &self.names[self.codes[row] as usize]
    }
}

/// One column.
#[derive(Clone, Debug)]
pub struct RawColumn {
    /// Its name as the file has it, or `column_3` in a file without names.
    pub name: String,
    /// Values.
    pub cells: Cells,
}

/// A whole table, from one file or several with the same columns.
#[derive(Clone, Debug, Default)]
pub struct RawTable {
    /// Columns in the order of the first file.
    pub columns: Vec<RawColumn>,
    /// Rows.
    pub rows: usize,
    files: Vec<String>,
    origin: Vec<(u32, u64)>,
    /// Things a person should know: columns left out, rows without meaning.
    pub notes: Vec<String>,
}

/// True for the spellings of "nothing here".
fn is_missing(text: &str) -> bool {
    matches!(text, "" | "-" | "?")
        || (text.len() <= 7
            && ["null", "none", "na", "n/a", "nan", "(empty)"].iter().any(|word| word.eq_ignore_ascii_case(text)))
}

/// One way to write a number.
fn written(value: f64) -> String {
    if value.is_nan() { String::new() } else { format!("{value}") }
}

impl RawColumn {
    /// Empty, numbers for now.
    pub(crate) fn new(name: impl Into<String>) -> Self {
        Self { name: name.into(), cells: Cells::Numbers(Vec::new()) }
    }

    /// Appends one value.
    pub(crate) fn push(&mut self, text: &str) {
        let text = text.trim();
        let number = if is_missing(text) { Some(f64::NAN) } else { text.parse::<f64>().ok() };
        match (&mut self.cells, number) {
            (Cells::Numbers(values), Some(number)) => values.push(number),
            (Cells::Numbers(_), None) => {
                self.make_texts();
                self.push(text);
            }
            (Cells::Texts(texts), Some(number)) => texts.push(&written(number)),
            (Cells::Texts(texts), None) => texts.push(text),
        }
    }

    fn make_texts(&mut self) {
        if let Cells::Numbers(values) = &self.cells {
            let mut texts = Texts::default();
            for value in values {
                texts.push(&written(*value));
            }
            self.cells = Cells::Texts(texts);
        }
    }

    /// Appends all of `other`.
    fn append(&mut self, other: Self) {
        if matches!(other.cells, Cells::Texts(_)) {
            self.make_texts();
        }
        match (&mut self.cells, other.cells) {
            (Cells::Numbers(values), Cells::Numbers(more)) => values.extend(more),
            (Cells::Texts(texts), Cells::Numbers(more)) => more.iter().for_each(|value| texts.push(&written(*value))),
            (Cells::Texts(texts), Cells::Texts(more)) => {
                (0..more.codes.len()).for_each(|row| texts.push(more.at(row)));
            }
            (Cells::Numbers(_), Cells::Texts(_)) => {}
        }
    }

    /// A row as text; empty when missing.
    #[must_use]
    pub fn text(&self, row: usize) -> String {
        match &self.cells {
            Cells::Numbers(values) => written(values[row]),
            Cells::Texts(texts) => texts.at(row).to_owned(),
        }
    }

    /// A row as a number; NaN when missing or a text.
    #[must_use]
    pub fn number(&self, row: usize) -> f64 {
        match &self.cells {
            Cells::Numbers(values) => values[row],
            Cells::Texts(texts) => texts.at(row).parse().unwrap_or(f64::NAN),
        }
    }
}

impl RawTable {
    /// An empty table with these columns.
    ///
    /// # Errors
    /// A name that stands twice.
    pub(crate) fn new(file: &str, names: impl Iterator<Item = String>) -> Result<Self, TableError> {
        let mut columns: Vec<RawColumn> = Vec::new();
        for name in names {
            // CICFlowMeter's first release wrote `Fwd Header Length` twice, with the same values.
            let times = columns.iter().filter(|column| column.name == name).count();
            columns.push(RawColumn::new(if times == 0 { name } else { format!("{name}.{times}") }));
        }
        if columns.is_empty() {
            return Err(TableError::file(file, "it has no columns; give a table with one row a flow"));
        }
        Ok(Self { columns, files: vec![file.to_owned()], ..Self::default() })
    }

    /// Appends one row; as many texts as columns.
    pub(crate) fn push<'a>(&mut self, line: u64, cells: impl Iterator<Item = &'a str>) -> Result<(), TableError> {
        if (self.rows + 1).saturating_mul(self.columns.len()) > CELLS_MAX {
            let what = format!("the table has more than {CELLS_MAX} cells; give it in parts");
            return Err(TableError::row(&self.files[0], line, what));
        }
        self.columns.iter_mut().zip(cells).for_each(|(column, cell)| column.push(cell));
        self.origin.push((0, line));
        self.rows += 1;
        Ok(())
    }

    /// Appends another file's table: columns by name.
    ///
    /// # Errors
    /// A column of this table that the other one lacks.
    pub(crate) fn append(&mut self, mut other: Self) -> Result<(), TableError> {
        let name = other.files[0].clone();
        let missing: Vec<&str> = self.columns.iter().map(|c| &*c.name).filter(|n| other.find(n).is_none()).collect();
        if !missing.is_empty() {
            let what = format!(
                "column {} of {} is missing; files given together must have the same columns",
                listed(&missing),
                self.files[0]
            );
            return Err(TableError::file(&name, what));
        }
        let extra: Vec<&str> = other.columns.iter().map(|c| &*c.name).filter(|n| self.find(n).is_none()).collect();
        if !extra.is_empty() {
            self.notes.push(format!("{name}: columns that {} lacks are not used: {}", self.files[0], listed(&extra)));
        }
        for column in &mut self.columns {
            if let Some(place) = other.columns.iter().position(|c| c.name == column.name) {
                column.append(other.columns.swap_remove(place));
            }
        }
        let file = self.files.len() as u32;
        self.files.push(name);
        self.origin.extend(other.origin.iter().map(|(_, line)| (file, *line)));
        self.rows += other.rows;
        self.notes.append(&mut other.notes);
        Ok(())
    }

    /// A column by its exact name.
    #[must_use]
    pub fn find(&self, name: &str) -> Option<usize> {
        self.columns.iter().position(|column| column.name == name)
    }

    /// A column as a person names it: its name (capitals do not matter), or its number counted from 1.
    ///
    /// # Errors
    /// No such column; the message lists those there are.
    pub fn named(&self, asked: &str, option: &str) -> Result<usize, TableError> {
        let by_name = self.find(asked);
        let by_letters = || self.columns.iter().position(|c| c.name.trim().eq_ignore_ascii_case(asked.trim()));
        let by_number = || asked.parse::<usize>().ok().filter(|n| (1..=self.columns.len()).contains(n)).map(|n| n - 1);
        by_name.or_else(by_letters).or_else(by_number).ok_or_else(|| {
            let names: Vec<&str> = self.columns.iter().map(|column| &*column.name).collect();
            let count = names.len();
            TableError::columns(format!(
                "{option} {asked}: {} has no such column; its {count} columns are {}",
                self.files.first().map_or("the table", |file| file),
                listed(&names)
            ))
        })
    }

    /// File and line of a row, for messages.
    #[must_use]
    pub fn origin(&self, row: usize) -> (&str, u64) {
        let (file, line) = self.origin[row];
        (&self.files[file as usize], line)
    }

    /// The number of the file a row came from.
    #[must_use]
    pub fn file_of(&self, row: usize) -> u32 {
        self.origin[row].0
    }

    /// First file, for messages.
    #[must_use]
    pub fn name(&self) -> &str {
        self.files.first().map_or("the table", |file| file)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn table(name: &str, columns: &[&str], rows: &[&[&str]]) -> RawTable {
        let mut table = RawTable::new(name, columns.iter().map(|c| (*c).to_owned())).unwrap();
        for (place, row) in rows.iter().enumerate() {
            table.push(place as u64 + 2, row.iter().copied()).unwrap();
        }
        table
    }

    #[test]
    fn a_column_is_numbers_until_a_text_comes() {
        let t = table("a", &["n", "c"], &[&["1.50", "80.0"], &["-", " tcp "], &["inf", "80"], &["NaN", "?"]]);
        assert!((t.columns[0].number(0), t.columns[0].number(2)) == (1.5, f64::INFINITY));
        assert!(t.columns[0].number(1).is_nan() && t.columns[0].number(3).is_nan());
        let texts: Vec<String> = (0..4).map(|row| t.columns[1].text(row)).collect();
        assert_eq!(texts, ["80", "tcp", "80", ""]);
    }

    #[test]
    fn files_join_by_name_and_say_what_differs() {
        let mut a = table("a", &["x", "y"], &[&["1", "2"]]);
        a.append(table("b", &["y", "z", "x"], &[&["tcp", "9", "3"]])).unwrap();
        assert_eq!((a.rows, a.columns[0].number(1), a.columns[1].text(1)), (2, 3.0, "tcp".to_owned()));
        assert_eq!((a.origin(1), a.columns[1].text(0)), (("b", 2), "2".to_owned()));
        assert!(a.notes[0].contains("not used: z"), "{:?}", a.notes);
        let error = a.append(table("c", &["x"], &[])).unwrap_err().to_string();
        assert!(error.starts_with("c: column y of a is missing"), "{error}");
    }

    #[test]
    fn columns_are_named_or_numbered() {
        let t = table("a", &["x", "Label", "3"], &[]);
        assert_eq!(t.named("label", "--label-column").unwrap(), 1);
        assert_eq!((t.named("2", "--drop").unwrap(), t.named("3", "--drop").unwrap()), (1, 2));
        let error = t.named("9", "--drop").unwrap_err().to_string();
        assert!(error.contains("--drop 9") && error.contains("x, Label, 3"), "{error}");
    }
}
