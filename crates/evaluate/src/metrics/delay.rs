//! From the start of an attack to the first row of it that was called. A row counts when it is over: before that nobody could have
//! judged it.

use record::Timestamp;

/// An attack of one kind in one stretch of time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Episode {
    /// Its beginning.
    pub start: Timestamp,
    /// Places of its rows.
    pub rows: Vec<usize>,
}

/// Seconds from start to first call of each episode that was called at all, in the order of the episodes.
#[must_use]
pub fn delays(episodes: &[Episode], called: &[bool], over: &[Option<Timestamp>]) -> Vec<f64> {
    let first = |episode: &Episode| {
        let rows = episode.rows.iter().filter(|row| called.get(**row).copied().unwrap_or(false));
        let time = rows.filter_map(|row| over.get(*row).copied().flatten()).min()?;
        Some(time.since(episode.start).max(0) as f64 / 1e9)
    };
    episodes.iter().filter_map(first).collect()
}

/// The middle value (mean of the two middle ones); None of nothing.
#[must_use]
pub fn median(mut values: Vec<f64>) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    match values.len() {
        0 => None,
        n if n % 2 == 1 => Some(values[middle]),
        _ => Some(f64::midpoint(values[middle - 1], values[middle])),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_called_row_counts() {
        let at = |s: i64| Timestamp(s * 1_000_000_000);
        let over = [Some(at(12)), Some(at(15)), Some(at(31)), None];
        let called = [false, true, true, true];
        let episodes = [
            Episode { start: at(10), rows: vec![0, 1] },
            Episode { start: at(30), rows: vec![2] },
            Episode { start: at(40), rows: vec![0] },
            Episode { start: at(50), rows: vec![3] },
        ];
        assert_eq!(delays(&episodes, &called, &over), [5.0, 1.0]);
        assert_eq!((median(vec![5.0, 1.0]), median(vec![]), median(vec![3.0])), (Some(3.0), None, Some(3.0)));
    }
}
