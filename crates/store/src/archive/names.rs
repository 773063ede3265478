//! Names of the archive's files: `kind=flows/day=2026-11-23/part-<writer>-<first>-<last>-<content>.parquet`. Owns what a name says: who
//! wrote the file, and that it holds every row of this day whose number is from `first` to `last`. From the names alone follows how far
//! a writer has come, and which file another one has taken the place of.

use super::ArchiveError;
use super::config::ArchiveKind;
use super::place::{Entry, Place};
use record::Timestamp;
use std::collections::BTreeMap;

/// Nanoseconds of a day.
const DAY_NS: i64 = 86_400 * 1_000_000_000;

/// One file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Part {
    /// Day, as in its folder.
    pub day: String,
    /// Who wrote it.
    pub writer: String,
    /// First and last number of the rows that it stands for.
    pub first: i64,
    pub last: i64,
    /// Beginning of its content's digest.
    pub content: String,
    /// Size; 0 when it is not known.
    pub bytes: u64,
}

/// The UTC day of a time.
pub(super) fn day_of(time_ns: i64) -> String {
    Timestamp(time_ns.div_euclid(DAY_NS).saturating_mul(DAY_NS)).rfc3339().chars().take(10).collect()
}

/// Folder of a kind.
pub(super) fn folder(kind: ArchiveKind) -> String {
    format!("kind={}/", kind.name())
}

/// Folder of a day.
pub(super) fn day_folder(kind: ArchiveKind, day: &str) -> String {
    format!("{}day={day}/", folder(kind))
}

/// A name for a store that begins to archive: told by nobody else.
///
/// # Errors
/// The system has no randomness.
pub fn new_writer() -> Result<String, ArchiveError> {
    let mut bytes = [0; 4];
    let random = ring::rand::SystemRandom::new();
    ring::rand::SecureRandom::fill(&random, &mut bytes).map_err(|_| {
        ArchiveError::Config("the system gives no random numbers for the archive's name of this store".to_owned())
    })?;
    Ok(hex(&bytes))
}

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write;
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

impl Part {
    /// The name of a file with this content.
    pub(super) fn new(day: &str, writer: &str, (first, last): (i64, i64), content: &[u8]) -> Self {
        let digest = ring::digest::digest(&ring::digest::SHA256, content);
        let digest = hex(digest.as_ref().get(..8).unwrap_or_default());
        let bytes = content.len() as u64;
        Self { day: day.to_owned(), writer: writer.to_owned(), first, last, content: digest, bytes }
    }

    /// Its whole name.
    pub(super) fn name(&self, kind: ArchiveKind) -> String {
        let Self { day, writer, first, last, content, .. } = self;
        format!("{}part-{writer}-{first:012}-{last:012}-{content}.parquet", day_folder(kind, day))
    }

    /// Reads a name; None for what is no file of ours.
    pub(super) fn parse(entry: &Entry) -> Option<Self> {
        let mut parts = entry.name.split('/').skip_while(|part| !part.starts_with("kind="));
        let (_, day, file) = (parts.next()?, parts.next()?, parts.next()?);
        let mut words = file.strip_prefix("part-")?.strip_suffix(".parquet")?.split('-');
        let part = Self {
            day: day.strip_prefix("day=")?.to_owned(),
            writer: words.next()?.to_owned(),
            first: words.next()?.parse().ok()?,
            last: words.next()?.parse().ok()?,
            content: words.next()?.to_owned(),
            bytes: entry.bytes,
        };
        (words.next().is_none() && part.first <= part.last).then_some(part)
    }

    /// True when the other holds all that this one holds: of two with the same numbers the one that comes first by content stays.
    pub(super) fn is_replaced_by(&self, other: &Self) -> bool {
        let same = (self.first, self.last) == (other.first, other.last);
        let inside = other.first <= self.first && self.last <= other.last;
        self.writer == other.writer && inside && (!same || other.content < self.content)
    }

    /// True when the row of this number would be in it.
    pub(super) fn covers(&self, number: i64) -> bool {
        (self.first..=self.last).contains(&number)
    }
}

/// The files of a kind by day, those that others have taken the place of apart.
#[derive(Debug, Default)]
pub(super) struct Listing {
    /// What counts, by writer and number.
    pub parts: BTreeMap<String, Vec<Part>>,
    /// What does not any more.
    pub replaced: Vec<Part>,
}

impl Listing {
    /// Every file of a kind, or of one of its days.
    pub(super) fn of(place: &dyn Place, kind: ArchiveKind, day: Option<&str>) -> Result<Self, ArchiveError> {
        let below = day.map_or_else(|| folder(kind), |day| day_folder(kind, day));
        let mut by_day: BTreeMap<String, Vec<Part>> = BTreeMap::new();
        for part in place.list(&below)?.iter().filter_map(Part::parse) {
            by_day.entry(part.day.clone()).or_default().push(part);
        }
        let mut listing = Self::default();
        for (day, mut parts) in by_day {
            parts.sort_by(|a, b| {
                (&a.writer, a.first, b.last, &a.content).cmp(&(&b.writer, b.first, a.last, &b.content))
            });
            let mut kept: Vec<Part> = Vec::new();
            for part in parts {
                // Sorted so that what takes the place of others comes before them.
                if kept.last().is_some_and(|before| part.is_replaced_by(before)) {
                    listing.replaced.push(part);
                } else {
                    kept.push(part);
                }
            }
            listing.parts.insert(day, kept);
        }
        Ok(listing)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn names_are_read_as_they_are_written_and_others_are_passed_over() {
        let part = Part::new("2026-11-23", "ab12cd34", (1, 250_000), b"content");
        let name = part.name(ArchiveKind::Flows);
        assert!(name.starts_with("kind=flows/day=2026-11-23/part-ab12cd34-000000000001-000000250000-"), "{name}");
        assert_eq!(Part::parse(&Entry { name: name.clone(), bytes: 7 }).unwrap(), part);
        for other in
            ["kind=flows/day=2026-11-23/x.parquet", "kind=flows/day=2026-11-23/part-a-2-1-c.parquet", "_tmp", ""]
        {
            assert!(Part::parse(&Entry { name: other.to_owned(), bytes: 0 }).is_none(), "{other}");
        }
        assert_eq!(day_of(1_760_000_400 * 1_000_000_000), "2025-10-09");
        assert_eq!((day_of(0).as_str(), day_of(-1).as_str()), ("1970-01-01", "1969-12-31"));
    }

    #[test]
    fn the_larger_file_stands_for_the_smaller_ones_in_it() {
        let part = |first, last, text: &str| Part::new("2026-11-23", "w", (first, last), text.as_bytes());
        let (all, small, beside) = (part(1, 30, "all"), part(11, 20, "small"), part(31, 40, "beside"));
        assert!(small.is_replaced_by(&all) && !all.is_replaced_by(&small) && !beside.is_replaced_by(&all));
        let twin = part(11, 20, "twin");
        assert!(twin.is_replaced_by(&small) != small.is_replaced_by(&twin), "one of two stays");
        assert!(!all.is_replaced_by(&all));
        let stranger = Part { writer: "x".to_owned(), ..all };
        assert!(!small.is_replaced_by(&stranger));
    }
}
