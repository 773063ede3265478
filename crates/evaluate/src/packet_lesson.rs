//! What the packet level learns from: rows of packets with their second and sender, bounded; and, while a model judges, a sample of the
//! last days for its challengers. Owns what may be learned: nothing of hosts in open incidents, nor of senders against whom evidence has
//! gathered; and whole seconds that are held out, by which a challenger is judged.

use crate::lesson::Lesson;
use detect::DetectError;
use detect::packet::{COLUMNS, PacketLesson, PacketModel};
use flow::mix;
use record::{IpAddr16, Matrix};
use std::collections::VecDeque;

/// Days of which rows are kept, each with the same share.
const DAYS_MAX: usize = 7;
const DAY_S: i64 = 86_400;
/// Neighbouring seconds look alike, so whole blocks of them are held out.
const BLOCK_S: i64 = 8;
/// Of the blocks, one in so many is held out.
const HELD_OUT_ONE_IN: u64 = 5;
/// Held-out rows, as a divisor of those to learn from.
const HELD_OUT_SHARE: usize = 4;
/// Rows of one second that wait until it is over; the budget of packets is spent long before.
const WAITING_MAX: usize = 4_096;

/// Rows of packets with the second and the sender of each.
#[derive(Clone, Debug)]
pub struct PacketMaterial {
    /// Log columns, one row a packet, in order of time within a day.
    pub rows: Matrix,
    /// Its second since 1970.
    pub seconds: Vec<i64>,
    /// Its sender, a number that tells senders apart.
    pub senders: Vec<u64>,
    /// Fewest rows that teach anything.
    pub rows_min: usize,
}

impl PacketMaterial {
    /// Nothing yet.
    #[must_use]
    pub fn new(rows_min: usize) -> Self {
        Self { rows: Matrix::with_capacity(0, COLUMNS), seconds: Vec::new(), senders: Vec::new(), rows_min }
    }

    /// What a lesson holds.
    pub(crate) fn of(lesson: Lesson, rows_min: usize) -> Self {
        Self { rows: lesson.rows, seconds: lesson.times, senders: lesson.sources, rows_min }
    }

    /// Learns; see [`PacketModel::train`].
    ///
    /// # Errors
    /// Too few rows or seconds.
    pub fn train(&self, seed: u64) -> Result<PacketModel, DetectError> {
        let Self { rows, seconds, senders, rows_min } = self;
        PacketModel::train(&PacketLesson { rows, seconds, senders, rows_min: *rows_min }, seed)
    }

    /// The first `count` rows.
    #[must_use]
    pub fn first(&self, count: usize) -> Self {
        let count = count.min(self.seconds.len());
        let values = self.rows.values[..count * COLUMNS].to_vec();
        Self {
            rows: Matrix { values, columns: COLUMNS },
            seconds: self.seconds[..count].to_vec(),
            senders: self.senders[..count].to_vec(),
            rows_min: self.rows_min,
        }
    }

    fn append(&mut self, part: &Lesson) {
        self.rows.values.extend_from_slice(&part.rows.values);
        self.seconds.extend_from_slice(&part.times);
        self.senders.extend_from_slice(&part.sources);
    }
}

/// What a challenger of the packet level is trained on and judged by.
#[derive(Clone, Debug)]
pub struct PacketChallenge {
    /// For the model, oldest day first.
    pub learn: PacketMaterial,
    /// So many of these rows are of the older half of the time.
    pub older: usize,
    /// Held out, for the examination.
    pub judge: PacketMaterial,
}

/// One row on its way.
struct Row {
    columns: [f32; COLUMNS],
    second: i64,
    sender: u64,
    host: Option<IpAddr16>,
}

struct Day {
    number: i64,
    learn: Lesson,
    held_out: Lesson,
}

/// The sample of the last days.
pub(crate) struct PacketReservoir {
    rows_max: usize,
    days: VecDeque<Day>,
    /// Of the second under way.
    waiting: Vec<Row>,
    /// Of seconds that are over; whose hosts are in an incident is still to be asked.
    over: Vec<Row>,
}

impl PacketReservoir {
    /// Empty; `rows_max` rows to learn from and a quarter of them held out.
    pub(crate) fn new(rows_max: usize) -> Self {
        Self { rows_max, days: VecDeque::new(), waiting: Vec::new(), over: Vec::new() }
    }

    /// A packet of the second under way.
    pub(crate) fn wait(&mut self, columns: &[f32; COLUMNS], second: i64, sender: u64, host: Option<IpAddr16>) {
        let kept = self.days.back().is_none_or(|day| {
            let part = if is_held_out(second) { &day.held_out } else { &day.learn };
            part.keeps(second) || second.div_euclid(DAY_S) != day.number
        });
        if kept && self.waiting.len() < WAITING_MAX {
            self.waiting.push(Row { columns: *columns, second, sender, host });
        }
    }

    /// The second is over; nothing is learned of these senders in it.
    pub(crate) fn close(&mut self, strange: &[u64]) {
        let ordinary = |row: &Row| !strange.contains(&row.sender);
        let room = WAITING_MAX.saturating_sub(self.over.len());
        self.over.extend(self.waiting.drain(..).filter(ordinary).take(room));
    }

    /// Takes in what waits, but for hosts in an open incident.
    pub(crate) fn settle(&mut self, in_incident: impl Fn(IpAddr16) -> bool) {
        for row in std::mem::take(&mut self.over) {
            if row.host.is_some_and(&in_incident) {
                continue;
            }
            self.enter(row.second.div_euclid(DAY_S));
            let number = row.second.div_euclid(DAY_S);
            let Some(day) = self.days.iter_mut().rev().find(|day| day.number == number) else { continue };
            let part = if is_held_out(row.second) { &mut day.held_out } else { &mut day.learn };
            part.push(&row.columns, row.second, row.sender);
        }
    }

    /// Begins a day: the others give up what it needs, and the oldest goes when there are too many.
    fn enter(&mut self, number: i64) {
        if self.days.back().is_some_and(|newest| number <= newest.number) {
            return;
        }
        self.days.push_back(Day { number, learn: Lesson::new(COLUMNS, 0), held_out: Lesson::new(COLUMNS, 0) });
        if self.days.len() > DAYS_MAX {
            self.days.pop_front();
        }
        let quota = (self.rows_max / self.days.len()).max(100);
        for day in &mut self.days {
            day.learn.bound(quota);
            day.held_out.bound((quota / HELD_OUT_SHARE).max(100));
        }
    }

    /// Everything for one training; None while there are fewer than `rows_min` rows to learn from.
    pub(crate) fn material(&self, rows_min: usize) -> Option<PacketChallenge> {
        let (mut learn, mut judge) = (PacketMaterial::new(rows_min), PacketMaterial::new(rows_min));
        let mut older = 0;
        for (place, day) in self.days.iter().enumerate() {
            learn.append(&day.learn);
            judge.append(&day.held_out);
            if place < self.days.len() / 2 {
                older = learn.seconds.len();
            }
        }
        if self.days.len() == 1 {
            older = learn.seconds.len() / 2;
        }
        (learn.seconds.len() >= rows_min).then_some(PacketChallenge { learn, older, judge })
    }
}

/// Another hash than that by which a training divides its seconds.
fn is_held_out(second: i64) -> bool {
    mix(second.div_euclid(BLOCK_S) as u64 ^ 0x0068_656c_646f_7574).is_multiple_of(HELD_OUT_ONE_IN)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    const NOBODY: fn(IpAddr16) -> bool = |_| false;

    fn fed(kept: &mut PacketReservoir, seconds: std::ops::Range<i64>, sender: u8) {
        for second in seconds {
            for n in 0..4 {
                let row = [second as f32 + n as f32; COLUMNS];
                kept.wait(&row, second, u64::from(sender), Some(IpAddr16::v4([192, 0, 2, sender])));
            }
            kept.close(&[]);
            kept.settle(NOBODY);
        }
    }

    #[test]
    fn a_week_is_kept_with_the_same_share_a_day_and_held_out_seconds_are_not_learned() {
        let mut kept = PacketReservoir::new(2_800);
        for day in 0..9 {
            fed(&mut kept, day * DAY_S..day * DAY_S + 2_000, 1);
        }
        let numbers: Vec<i64> = kept.days.iter().map(|day| day.number).collect();
        assert_eq!(numbers, [2, 3, 4, 5, 6, 7, 8]);
        for day in &kept.days {
            assert!((100..=400).contains(&day.learn.len()), "{}", day.learn.len());
            assert!(day.held_out.len() <= 100, "{}", day.held_out.len());
        }
        let challenge = kept.material(500).unwrap();
        assert!(challenge.learn.seconds.len() <= 2_800 && challenge.learn.seconds.is_sorted());
        assert!(challenge.older > 0 && challenge.older < challenge.learn.seconds.len() / 2 + 100);
        let learned = |second: &i64| challenge.learn.seconds.contains(second);
        assert!(!challenge.judge.seconds.is_empty() && !challenge.judge.seconds.iter().any(learned));
        assert!(kept.material(2_801).is_none());
    }

    #[test]
    fn nothing_is_learned_of_incidents_and_of_senders_with_evidence_against_them() {
        let mut kept = PacketReservoir::new(10_000);
        for second in 0..100 {
            for sender in 1..=3 {
                kept.wait(&[0.0; COLUMNS], second, sender, Some(IpAddr16::v4([192, 0, 2, sender as u8])));
            }
            kept.close(&[2]);
            kept.settle(|host| host == IpAddr16::v4([192, 0, 2, 3]));
        }
        let challenge = kept.material(1).unwrap();
        let senders = challenge.learn.senders.iter().chain(&challenge.judge.senders);
        assert_eq!((senders.clone().count(), senders.filter(|sender| **sender == 1).count()), (100, 100));
    }

    #[test]
    fn a_burst_is_bounded() {
        let mut kept = PacketReservoir::new(1_000);
        for n in 0..100_000 {
            kept.wait(&[n as f32; COLUMNS], 1, 1, None);
        }
        assert_eq!(kept.waiting.len(), WAITING_MAX);
        kept.close(&[]);
        kept.settle(NOBODY);
        let held = kept.days[0].learn.len() + kept.days[0].held_out.len();
        assert!(kept.waiting.is_empty() && kept.over.is_empty() && held <= 1_000, "{held}");
    }
}
