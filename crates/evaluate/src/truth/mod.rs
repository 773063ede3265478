//! Which rows are attacks. Three ways of saying so, one file each: a label column, events (who attacked whom, from when to when), and a
//! label for each packet. Labels choose what is learned and count results; no threshold ever sees them.

mod column;
mod episodes;
mod events;
mod packets;

pub use column::{ColumnLabels, of_column};
pub use episodes::episodes;
pub use events::{Event, read_events};
pub use packets::{AttackPackets, read_packet_labels};

use crate::rows::RowInfo;
use std::path::PathBuf;

/// Most kinds told apart, benign among them; the rest is `other`.
const KINDS_MAX: usize = 250;

/// What a person says about truth; at most one of the three.
#[derive(Clone, Debug, Default)]
pub struct TruthOptions {
    /// CSV `start,end,src,dest,dest_port,kind`.
    pub events: Option<PathBuf>,
    /// One 0 or 1 a line for each packet; files in the order of the captures.
    pub packets: Vec<PathBuf>,
    /// A column of the table, with its values that mean benign.
    pub column: Option<ColumnLabels>,
}

impl TruthOptions {
    /// True when nothing is said.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.events.is_none() && self.packets.is_empty() && self.column.is_none()
    }
}

/// The truth about rows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Truth {
    /// Kinds; the first is `benign`.
    pub kinds: Vec<String>,
    /// Place in `kinds` of each row; None: nobody knows.
    pub of_row: Vec<Option<u8>>,
}

impl Truth {
    /// All of `rows` benign so far.
    #[must_use]
    pub fn benign(rows: usize) -> Self {
        Self { kinds: vec!["benign".to_owned()], of_row: vec![Some(0); rows] }
    }

    /// The number of a kind, a new one when it is new.
    pub(crate) fn kind(&mut self, name: &str) -> u8 {
        let name = if name.is_empty() { "attack" } else { name };
        if let Some(place) = self.kinds.iter().position(|kind| kind == name) {
            return place as u8;
        }
        if self.kinds.len() >= KINDS_MAX && name != "other" {
            return self.kind("other");
        }
        self.kinds.push(name.to_owned());
        (self.kinds.len() - 1) as u8
    }

    /// These rows only, in this order.
    #[must_use]
    pub fn chosen(&self, rows: &[usize]) -> Self {
        Self { kinds: self.kinds.clone(), of_row: rows.iter().map(|row| self.of_row[*row]).collect() }
    }

    /// True for each row that is an attack.
    #[must_use]
    pub fn attacks(&self) -> Vec<bool> {
        self.of_row.iter().map(|kind| kind.is_some_and(|kind| kind > 0)).collect()
    }
}

/// Words for "nobody knows": such rows are neither learned from nor counted.
fn is_unknown(kind: &str) -> bool {
    ["unknown", "background"].iter().any(|word| word.eq_ignore_ascii_case(kind))
}

/// The truth of rows by events.
#[must_use]
pub fn of_events(events: &[Event], info: &[RowInfo]) -> Truth {
    let mut truth = Truth::benign(info.len());
    // Events that nobody can tell apart from benign traffic come last: a row that is surely an attack stays one.
    let (unknown, sure): (Vec<&Event>, Vec<&Event>) = events.iter().partition(|event| is_unknown(&event.kind));
    for event in sure.into_iter().chain(unknown) {
        let kind = if is_unknown(&event.kind) { None } else { Some(truth.kind(&event.kind)) };
        for (row, info) in info.iter().enumerate() {
            if truth.of_row[row] == Some(0) && event.holds(info) {
                truth.of_row[row] = kind;
            }
        }
    }
    truth
}
