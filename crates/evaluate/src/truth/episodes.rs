//! Attacks as a person counts them: each event is one episode (events of the same time and kind together, for they describe one
//! attack); without events, rows of one kind with less than five minutes between them.

use super::{Event, Truth};
use crate::metrics::Episode;
use crate::rows::RowInfo;
use record::Timestamp;
use std::collections::BTreeMap;

const PAUSE_NS: i64 = 300 * 1_000_000_000;

/// Episodes of attack rows, in order of time. Rows without a time are in none.
#[must_use]
pub fn episodes(events: Option<&[Event]>, truth: &Truth, info: &[RowInfo]) -> Vec<Episode> {
    let attacks: Vec<usize> = (0..info.len()).filter(|row| truth.of_row[*row].is_some_and(|kind| kind > 0)).collect();
    let mut found = match events {
        Some(events) => by_event(events, &attacks, info),
        None => by_pause(truth, &attacks, info),
    };
    found.sort_by_key(|episode| episode.start);
    found
}

fn by_event(events: &[Event], attacks: &[usize], info: &[RowInfo]) -> Vec<Episode> {
    let mut episodes: BTreeMap<(Timestamp, Option<Timestamp>, &str), Vec<usize>> = BTreeMap::new();
    for event in events {
        let Some(start) = event.start else { continue };
        let rows = attacks.iter().copied().filter(|row| event.holds(&info[*row]));
        episodes.entry((start, event.end, &event.kind)).or_default().extend(rows);
    }
    episodes.into_iter().map(|((start, ..), rows)| Episode { start, rows }).collect()
}

fn by_pause(truth: &Truth, attacks: &[usize], info: &[RowInfo]) -> Vec<Episode> {
    let mut open: BTreeMap<Option<u8>, (Timestamp, usize)> = BTreeMap::new();
    let mut episodes: Vec<Episode> = Vec::new();
    let mut timed: Vec<(Timestamp, usize)> = attacks.iter().filter_map(|row| Some((info[*row].start?, *row))).collect();
    timed.sort_unstable();
    for (start, row) in timed {
        let kind = truth.of_row[row];
        let over = info[row].end.unwrap_or(start);
        if let Some((last, place)) = open.get_mut(&kind).filter(|(last, _)| start.since(*last) < PAUSE_NS) {
            *last = (*last).max(over);
            episodes[*place].rows.push(row);
        } else {
            open.insert(kind, (over, episodes.len()));
            episodes.push(Episode { start, rows: vec![row] });
        }
    }
    episodes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pause_of_five_minutes_ends_an_episode() {
        let at = |s: i64| RowInfo { start: Some(Timestamp::from_parts(s, 0)), ..RowInfo::default() };
        let info = [at(0), at(100), at(250), at(900), at(950)];
        let truth = Truth {
            kinds: vec!["benign".into(), "scan".into(), "flood".into()],
            of_row: vec![Some(1), Some(0), Some(1), Some(1), Some(2)],
        };
        let found: Vec<Vec<usize>> = episodes(None, &truth, &info).into_iter().map(|episode| episode.rows).collect();
        assert_eq!(found, [vec![0, 2], vec![3], vec![4]]);
    }
}
