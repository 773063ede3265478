//! Whose table is this? One file a maker: how it names its columns, and what they mean. The registry is in the order of asking; the
//! last one takes any table and looks at the values.

mod cicflowmeter;
mod eve;
mod general;
mod nfstream;
mod nsl_kdd;
mod tripline;
mod zeek;

use super::meaning::Meaning;
use super::raw::RawTable;

/// A maker's way of naming columns.
pub(super) struct Dialect {
    /// For reports.
    pub(super) name: &'static str,
    /// Is it this maker's table?
    pub(super) recognise: fn(&RawTable) -> bool,
    /// What a column means; None: look at its values.
    meaning: fn(&RawTable, usize) -> Option<Meaning>,
}

/// The registry.
pub(super) static DIALECTS: &[Dialect] =
    &[nsl_kdd::DIALECT, zeek::DIALECT, nfstream::DIALECT, tripline::DIALECT, eve::DIALECT, cicflowmeter::DIALECT];

/// The maker's name and the meaning of every column. A name is given once.
pub(super) fn meanings(table: &RawTable) -> (&'static str, Vec<Meaning>) {
    let dialect = DIALECTS.iter().find(|dialect| (dialect.recognise)(table));
    let own = |column: usize| dialect.and_then(|dialect| (dialect.meaning)(table, column));
    let mut meanings: Vec<Meaning> =
        (0..table.columns.len()).map(|column| own(column).unwrap_or_else(|| general::meaning(table, column))).collect();
    general::one_of_each(&mut meanings);
    (dialect.map_or("a general table", |dialect| dialect.name), meanings)
}

/// True when the table has all of these columns.
fn has(table: &RawTable, names: &[&str]) -> bool {
    names.iter().all(|name| table.find(name).is_some())
}
