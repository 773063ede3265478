//! Rows to learn from, bounded: when full, half of the times leave, chosen by their hash, so that what stays is whole times
//! spread evenly over all that was seen. Owns the bound; knows nothing of what the columns mean.

use flow::mix;
use record::Matrix;

/// Rows that room is made for at once; a larger bound may never be reached, and its memory may not be there.
const ROOM_MAX: usize = 65_536;

/// Rows with the number of the time (a second, a minute) and the source of each.
#[derive(Clone)]
pub(crate) struct Lesson {
    /// One row each.
    pub(crate) rows: Matrix,
    /// Number of its time.
    pub(crate) times: Vec<i64>,
    /// Its source.
    pub(crate) sources: Vec<u64>,
    halved: u32,
    rows_max: usize,
}

impl Lesson {
    /// Empty, with room for all of it up to `ROOM_MAX`: memory that is never touched costs nothing, growing would touch it twice.
    pub(crate) fn new(columns: usize, rows_max: usize) -> Self {
        let rows = Matrix::with_capacity(rows_max.min(ROOM_MAX), columns);
        Self { rows, times: Vec::new(), sources: Vec::new(), halved: 0, rows_max: rows_max.max(100) }
    }

    /// Rows kept.
    pub(crate) fn len(&self) -> usize {
        self.times.len()
    }

    /// True when rows of this time are wanted.
    pub(crate) fn keeps(&self, time: i64) -> bool {
        mix(time as u64) & ((1 << self.halved) - 1) == 0
    }

    /// Offers one row.
    pub(crate) fn push(&mut self, row: &[f32], time: i64, source: u64) {
        while self.keeps(time) && self.times.len() >= self.rows_max && self.halved < 32 {
            self.halve();
        }
        if self.keeps(time) && self.times.len() < self.rows_max {
            self.rows.push(row);
            self.times.push(time);
            self.sources.push(source);
        }
    }

    /// From now on at most so many rows.
    pub(crate) fn bound(&mut self, rows_max: usize) {
        self.rows_max = rows_max;
        while self.times.len() > rows_max && self.halved < 32 {
            self.halve();
        }
    }

    fn halve(&mut self) {
        self.halved += 1;
        let (rows, times, sources) =
            (std::mem::take(&mut self.rows), std::mem::take(&mut self.times), std::mem::take(&mut self.sources));
        self.rows = Matrix::with_capacity(self.rows_max, rows.columns);
        for (at, time) in times.into_iter().enumerate() {
            if !self.keeps(time) {
                continue;
            }
            self.rows.push(rows.row(at));
            self.times.push(time);
            self.sources.push(sources[at]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_times_stay_and_they_are_spread() {
        let mut lesson = Lesson::new(1, 1_000);
        for time in 0..2_000 {
            (0..5).for_each(|source| lesson.push(&[time as f32], time, source));
        }
        assert!((250..=1_000).contains(&lesson.times.len()), "{}", lesson.times.len());
        assert_eq!(lesson.rows.rows(), lesson.times.len());
        let of = |range: std::ops::Range<i64>| lesson.times.iter().filter(|time| range.contains(time)).count();
        assert!(of(0..1_000) > 50 && of(1_000..2_000) > 50);
        assert_eq!(lesson.sources.iter().filter(|source| **source == 0).count() * 5, lesson.times.len());
    }
}
