//! The rare statistics of a flow: active and idle spans, and bulk transfers, as CICFlowMeter defines them with its errors
//! mended (durations instead of absolute times), and the wide sums of long flows. Kept apart because most flows need none.

use super::entry::{Entry, Narrow, Side};
use super::index::NONE;
use super::slab::Slab;
use record::Moments;

/// A pause longer than this ends a bulk, ns.
const BULK_GAP_NS: i64 = 1_000_000_000;
/// Payload packets in a row that make a bulk.
const BULK_PACKETS_MIN: u8 = 4;

/// Totals of one direction's bulks. 32 bits count a span's packets (`PACKETS_MAX`).
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Bulks {
    pub bytes: u64,
    pub duration_ns: u64,
    pub packets: u32,
    pub count: u32,
}

/// A direction's sums of a whole span.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Sums {
    pub bytes: u64,
    pub ip_bytes: u64,
    pub header_bytes: u64,
    pub payload: u64,
    /// FIN first, CWR last.
    pub flags: [u32; 8],
}

impl Sums {
    fn add(&mut self, narrow: &Narrow) {
        self.bytes += u64::from(narrow.bytes);
        self.ip_bytes += u64::from(narrow.ip_bytes);
        self.header_bytes += u64::from(narrow.header_bytes);
        self.payload += u64::from(narrow.payload);
        for (sum, count) in self.flags.iter_mut().zip(narrow.flags) {
            *sum += u32::from(count);
        }
    }

    /// All flags seen.
    pub(super) fn flags_seen(&self) -> u8 {
        (0..8).filter(|bit| self.flags[*bit] > 0).fold(0, |seen, bit| seen | 1 << bit)
    }
}

/// `Moments` with its count kept elsewhere: two counts share a word.
#[derive(Clone, Copy, Debug, Default)]
struct Spread {
    sum: f64,
    sum_squares: f64,
    min: f64,
    max: f64,
}

impl Spread {
    fn moments(&self, count: u32) -> Moments {
        let Self { sum, sum_squares, min, max } = *self;
        Moments { count: u64::from(count), sum, sum_squares, min, max }
    }

    fn add(&mut self, count: &mut u32, value: f64) {
        let mut moments = self.moments(*count);
        moments.add(value);
        let Moments { sum, sum_squares, min, max, .. } = moments;
        *self = Self { sum, sum_squares, min, max };
        *count = count.saturating_add(1);
    }
}

/// Active and idle spans up to the last idle gap.
#[derive(Clone, Debug)]
struct Pauses {
    active: Spread,
    idle: Spread,
    active_count: u32,
    idle_count: u32,
    active_start: i64,
}

/// What a report tells of them.
#[derive(Clone, Debug, Default)]
pub(super) struct Rare {
    pub active: Moments,
    pub idle: Moments,
    pub bulks: [Bulks; 2],
    /// Of the whole span, what the entry holds included.
    pub sums: [Sums; 2],
}

/// The rare statistics of all flows: a place of its own kind at a flow's first idle gap, at its first bulk and when its sums
/// grow long, so that one does not pay for the other.
pub(super) struct Extras {
    pauses: Slab<Pauses>,
    bulks: Slab<[Bulks; 2]>,
    sums: Slab<[Sums; 2]>,
}

impl Extras {
    pub(super) fn new() -> Self {
        Self { pauses: Slab::new(), bulks: Slab::new(), sums: Slab::new() }
    }

    /// What there is of a flow whose last packet came at `last`.
    pub(super) fn of(&self, entry: &Entry, last: i64) -> Rare {
        let mut rare = Rare::default();
        if entry.pauses != NONE {
            let pauses = self.pauses.get(entry.pauses);
            rare.idle = pauses.idle.moments(pauses.idle_count);
            rare.active = pauses.active.moments(pauses.active_count);
            // The busy span that is not closed yet.
            let busy = last.saturating_sub(pauses.active_start);
            if busy > 0 {
                rare.active.add(busy as f64);
            }
        }
        if entry.bulks != NONE {
            rare.bulks = *self.bulks.get(entry.bulks);
        }
        if entry.sums != NONE {
            rare.sums = *self.sums.get(entry.sums);
        }
        for (sums, side) in rare.sums.iter_mut().zip(&entry.sides) {
            sums.add(&side.narrow);
        }
        rare
    }

    /// Gives a flow's places back; its numbers still name them.
    pub(super) fn release(&mut self, entry: &Entry) {
        if entry.pauses != NONE {
            self.pauses.release(entry.pauses);
        }
        if entry.bulks != NONE {
            self.bulks.release(entry.bulks);
        }
        if entry.sums != NONE {
            self.sums.release(entry.sums);
        }
    }

    /// Notes a gap of `gap_ns` before `t` that is longer than the idle threshold: the busy span before it ends.
    #[cold]
    pub(super) fn add_idle(&mut self, entry: &mut Entry, gap_ns: i64, t: i64) {
        if entry.pauses == NONE {
            entry.pauses = self.pauses.insert(Pauses {
                active: Spread::default(),
                idle: Spread::default(),
                active_count: 0,
                idle_count: 0,
                active_start: entry.start(),
            });
        }
        if entry.pauses == NONE {
            return;
        }
        let pauses = self.pauses.get_mut(entry.pauses);
        let busy = (t - gap_ns).saturating_sub(pauses.active_start);
        if busy > 0 {
            pauses.active.add(&mut pauses.active_count, busy as f64);
        }
        pauses.idle.add(&mut pauses.idle_count, gap_ns as f64);
        pauses.active_start = t;
    }

    /// Moves a side's narrow sums here.
    #[cold]
    pub(super) fn widen(&mut self, entry: &mut Entry, side: usize) {
        if entry.sums == NONE {
            entry.sums = self.sums.insert([Sums::default(); 2]);
        }
        if entry.sums != NONE {
            let narrow = std::mem::replace(&mut entry.sides[side].narrow, Narrow::ZERO);
            self.sums.get_mut(entry.sums)[side].add(&narrow);
        }
    }

    fn bulks_of(&mut self, entry: &mut Entry, side: usize) -> Option<&mut Bulks> {
        if entry.bulks == NONE {
            entry.bulks = self.bulks.insert([Bulks::default(); 2]);
        }
        (entry.bulks != NONE).then(|| &mut self.bulks.get_mut(entry.bulks)[side])
    }
}

/// Follows the run of payload packets of one direction; payload of the other direction or a pause ends it.
#[inline]
pub(super) fn follow_run(entry: &mut Entry, extras: &mut Extras, side: usize, t: i64, payload: u32) {
    let goes_on =
        entry.run_packets > 0 && usize::from(entry.run_side) == side && t.wrapping_sub(entry.run_last) <= BULK_GAP_NS;
    if !goes_on {
        entry.run_packets = 1;
        entry.run_side = side as u8;
        entry.run_bytes = payload;
        entry.run_start = t;
        entry.run_last = t;
        return;
    }
    if entry.run_packets < BULK_PACKETS_MIN {
        entry.run_packets += 1;
        entry.run_bytes = entry.run_bytes.saturating_add(payload);
        if entry.run_packets == BULK_PACKETS_MIN {
            let (bytes, start) = (u64::from(entry.run_bytes), entry.run_start);
            if let Some(bulks) = extras.bulks_of(entry, side) {
                bulks.count += 1;
                bulks.packets += u32::from(BULK_PACKETS_MIN);
                bulks.bytes += bytes;
                bulks.duration_ns += t.wrapping_sub(start) as u64;
            }
        }
    } else {
        let since = t.wrapping_sub(entry.run_last) as u64;
        if let Some(bulks) = extras.bulks_of(entry, side) {
            bulks.packets += 1;
            bulks.bytes += u64::from(payload);
            bulks.duration_ns += since;
        }
    }
    entry.run_last = t;
}

/// Payload moments of a side with its sums.
pub(super) fn payload_moments(side: &Side, sums: &Sums) -> Moments {
    if side.packets == 0 {
        return Moments::default();
    }
    Moments {
        count: u64::from(side.packets),
        sum: sums.payload as f64,
        sum_squares: side.payload_sum_squares,
        min: f64::from(side.payload_min),
        max: f64::from(side.payload_max),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rare_statistics_stay_within_their_memory_bound() {
        assert_eq!((std::mem::size_of::<Pauses>(), std::mem::size_of::<[Bulks; 2]>()), (80, 48));
    }

    #[test]
    fn a_spread_with_its_count_is_the_same_as_moments() {
        let (mut spread, mut count, mut moments) = (Spread::default(), 0, Moments::default());
        for value in [7.0, 3.5, 11.25] {
            spread.add(&mut count, value);
            moments.add(value);
        }
        assert_eq!(format!("{:?}", spread.moments(count)), format!("{moments:?}"));
    }
}
