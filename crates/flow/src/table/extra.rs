//! The rare statistics of a flow: active and idle spans, and bulk transfers, as CICFlowMeter defines them with its errors
//! mended (durations instead of absolute times). Kept apart because most flows need neither.

use super::entry::{Entry, Side};
use super::index::NONE;
use super::slab::Slab;
use record::Moments;

/// A pause longer than this ends a bulk, ns.
const BULK_GAP_NS: i64 = 1_000_000_000;
/// Payload packets in a row that make a bulk.
const BULK_PACKETS_MIN: u8 = 4;

/// Totals of one direction's bulks.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Bulks {
    pub bytes: u64,
    pub packets: u64,
    pub duration_ns: u64,
    pub count: u32,
}

/// Allocated at the first idle gap or the first bulk.
#[derive(Clone, Debug, Default)]
pub(super) struct Extra {
    pub active: Moments,
    pub idle: Moments,
    active_start: i64,
    pub bulks: [Bulks; 2],
}

fn extra_of<'a>(entry: &mut Entry, extras: &'a mut Slab<Extra>) -> Option<&'a mut Extra> {
    if entry.extra == NONE {
        entry.extra = extras.insert(Extra { active_start: entry.start, ..Extra::default() });
    }
    (entry.extra != NONE).then(|| extras.get_mut(entry.extra))
}

/// Notes a gap of `gap_ns` before `t` that is longer than the idle threshold: the busy span before it ends.
pub(super) fn add_idle(entry: &mut Entry, extras: &mut Slab<Extra>, gap_ns: i64, t: i64) {
    if let Some(extra) = extra_of(entry, extras) {
        let busy = (t - gap_ns).saturating_sub(extra.active_start);
        if busy > 0 {
            extra.active.add(busy as f64);
        }
        extra.idle.add(gap_ns as f64);
        extra.active_start = t;
    }
}

/// Closes the last busy span, for the report.
pub(super) fn active_with_last(extra: &Extra, last: i64) -> Moments {
    let mut active = extra.active;
    let busy = last.saturating_sub(extra.active_start);
    if extra.idle.count > 0 && busy > 0 {
        active.add(busy as f64);
    }
    active
}

/// Follows the run of payload packets of one direction; payload of the other direction or a pause ends it.
#[inline]
pub(super) fn follow_run(entry: &mut Entry, extras: &mut Slab<Extra>, side: usize, t: i64, payload: u32) {
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
            if let Some(extra) = extra_of(entry, extras) {
                let bulks = &mut extra.bulks[side];
                bulks.count += 1;
                bulks.packets += u64::from(BULK_PACKETS_MIN);
                bulks.bytes += bytes;
                bulks.duration_ns += t.wrapping_sub(start) as u64;
            }
        }
    } else {
        let since = t.wrapping_sub(entry.run_last) as u64;
        if let Some(extra) = extra_of(entry, extras) {
            let bulks = &mut extra.bulks[side];
            bulks.packets += 1;
            bulks.bytes += u64::from(payload);
            bulks.duration_ns += since;
        }
    }
    entry.run_last = t;
}

/// Payload moments of a side.
pub(super) fn payload_moments(side: &Side) -> Moments {
    if side.packets == 0 {
        return Moments::default();
    }
    Moments {
        count: u64::from(side.packets),
        sum: side.payload_sum as f64,
        sum_squares: side.payload_sum_squares,
        min: f64::from(side.payload_min),
        max: f64::from(side.payload_max),
    }
}
