//! When scans begin by themselves. Owns the times, which outlive the process: a scan that was due while it was down is made once, soon after the
//! start. The same seed and times give the same jitter.

use super::ScanDesk;
use crate::live::judging::lock;
use crate::live::worker::wall_clock;
use record::{ScanOrigin, Timestamp};
use scan::ScanConfig;
use serde::{Deserialize, Serialize};
use serve::LiveError;
use serve::shapes::ScanAsked;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;
use store::{Read, StoreBatch};

/// Where the table is kept.
const SETTING: &str = "scan.timetable";
/// The first scan, and one that was missed, begins so long after the start, nanoseconds.
const SOON_NS: i64 = 30 * 1_000_000_000;
/// One that could not begin because another runs is tried again after this, nanoseconds.
const AGAIN_NS: i64 = 60 * 1_000_000_000;
const NS_PER_H: f64 = 3_600.0 * 1e9;
/// How often the clock is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// What is scanned by itself, and when next.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Timetable {
    /// Targets.
    pub targets: Vec<String>,
    /// Hours between two.
    pub every_h: f64,
    /// Up to so much earlier or later, percent.
    pub jitter_percent: u32,
    /// When next.
    pub next: Timestamp,
}

impl Timetable {
    /// The table that the settings ask for; None: nothing is scanned by itself. A table that stays keeps its time.
    pub fn renewed(kept: Option<Self>, config: &ScanConfig, now: Timestamp) -> Option<Self> {
        if config.every_h <= 0.0 || config.allow.is_empty() {
            return None;
        }
        let targets = if config.scheduled.is_empty() { &config.allow } else { &config.scheduled };
        let (every_h, jitter_percent) = (config.every_h, config.jitter_percent);
        let period = period_ns(every_h);
        let soon = now.plus_ns(SOON_NS.min(period));
        // Within one period and its jitter: a clock that was set back does not stop the scans.
        let latest = now.plus_ns(period / 2 * 3);
        let next = match kept {
            Some(kept) if kept.targets == *targets && kept.every_h == every_h && kept.next <= latest => {
                if kept.next < now { soon } else { kept.next }
            }
            _ => soon,
        };
        Some(Self { targets: targets.clone(), every_h, jitter_percent, next })
    }

    /// The time after a scan that began now: one period on, by chance a little more or less.
    pub fn after(&self, now: Timestamp, seed: u64) -> Timestamp {
        let period = period_ns(self.every_h);
        let chance = mixed(seed ^ now.0.unsigned_abs()) >> 11;
        let part = chance as f64 / (1_u64 << 53) as f64 * 2.0 - 1.0;
        let jitter = period as f64 * f64::from(self.jitter_percent) / 100.0 * part;
        now.plus_ns(period).plus_ns(jitter as i64)
    }
}

fn period_ns(every_h: f64) -> i64 {
    (every_h * NS_PER_H) as i64
}

/// A number without a pattern (splitmix64).
fn mixed(number: u64) -> u64 {
    let mut z = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// The thread that looks at the clock; at the end it ends the scans.
pub struct Timing {
    /// Scans.
    pub scans: Arc<ScanDesk>,
}

impl Timing {
    /// Runs until the process stops.
    pub fn run(self) {
        let kept = self.scans.reader.setting(SETTING).ok().flatten();
        let mut table: Option<Timetable> = kept.and_then(|text| serde_json::from_str(&text).ok());
        let mut looked = None;
        while !self.scans.stop.load(Ordering::Relaxed) {
            let config = self.scans.desk.running().scan;
            let now = wall_clock();
            if looked.as_ref() != Some(&config) {
                table = Timetable::renewed(table.take(), &config, now);
                self.keep(table.as_ref());
                looked = Some(config);
            }
            if let Some(due) = table.as_mut().filter(|table| table.next <= now) {
                due.next = self.begin(due, now);
                self.keep(table.as_ref());
            }
            std::thread::sleep(LOOK_EVERY);
        }
        self.scans.end_all();
    }

    /// Begins a scan that is due; when the next is.
    fn begin(&self, due: &Timetable, now: Timestamp) -> Timestamp {
        let asked = ScanAsked { targets: due.targets.clone(), ..ScanAsked::default() };
        match self.scans.ask(&asked, ScanOrigin::Schedule) {
            Ok(_) => due.after(now, self.scans.seed),
            Err(LiveError::Conflict(_)) => now.plus_ns(AGAIN_NS),
            Err(error) => {
                tracing::warn!("a scan of the timetable did not begin: {error}");
                due.after(now, self.scans.seed)
            }
        }
    }

    fn keep(&self, table: Option<&Timetable>) {
        *lock(&self.scans.timetable) = table.cloned();
        let text = table.and_then(|table| serde_json::to_string(table).ok()).unwrap_or_default();
        let settings = vec![(SETTING.to_owned(), text)];
        if let Err(error) = self.scans.desk.store().write(StoreBatch { settings, ..StoreBatch::default() }) {
            tracing::error!("store: {error}");
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    const HOUR_NS: i64 = 3_600 * 1_000_000_000;

    fn config(every_h: f64) -> ScanConfig {
        ScanConfig { allow: vec!["10.0.0.0/24".to_owned()], every_h, ..ScanConfig::default() }
    }

    const NOW: Timestamp = Timestamp(1_800_000_000_000_000_000);

    #[test]
    fn nothing_is_scanned_by_itself_until_it_is_allowed_and_asked_for() {
        assert_eq!(Timetable::renewed(None, &config(0.0), NOW), None);
        assert_eq!(Timetable::renewed(None, &ScanConfig { every_h: 1.0, ..ScanConfig::default() }, NOW), None);
        assert_eq!(Timetable::renewed(None, &config(1.0), NOW).unwrap().next, NOW.plus_ns(SOON_NS));
        assert_eq!(
            Timetable::renewed(None, &config(0.001), NOW).unwrap().next,
            NOW.plus_ns(3_600_000_000),
            "no later than due"
        );
    }

    #[test]
    fn the_time_is_kept_and_what_was_missed_is_made_once_and_soon() {
        let first = Timetable::renewed(None, &config(24.0), NOW).unwrap();
        let table = Timetable { next: first.after(NOW, 7), ..first };
        let later = NOW.plus_ns(HOUR_NS);
        assert_eq!(Timetable::renewed(Some(table.clone()), &config(24.0), later).unwrap().next, table.next);
        let after_days = NOW.plus_ns(100 * HOUR_NS);
        let missed = Timetable::renewed(Some(table.clone()), &config(24.0), after_days).unwrap();
        assert_eq!(missed.next, after_days.plus_ns(SOON_NS));
        assert!(missed.after(missed.next, 7) > after_days.plus_ns(20 * HOUR_NS), "one, not four");
        assert_eq!(Timetable::renewed(Some(table.clone()), &config(12.0), later).unwrap().next, later.plus_ns(SOON_NS));
        let set_back = NOW.plus_ns(-1_000 * HOUR_NS);
        assert_eq!(Timetable::renewed(Some(table), &config(24.0), set_back).unwrap().next, set_back.plus_ns(SOON_NS));
    }

    #[test]
    fn jitter_is_bounded_and_the_same_for_the_same_seed() {
        let table = Timetable { jitter_percent: 10, ..Timetable::renewed(None, &config(10.0), NOW).unwrap() };
        let hours = |n: i64, seed| table.after(NOW.plus_ns(n), seed).since(NOW.plus_ns(n)) as f64 / NS_PER_H;
        let all: Vec<f64> = (0..200).map(|n| hours(n, 1)).collect();
        assert!(all.iter().all(|h| (9.0..=11.0).contains(h)), "{all:?}");
        assert!(all.iter().any(|h| *h < 9.5) && all.iter().any(|h| *h > 10.5), "{all:?}");
        assert_eq!(hours(5, 1), hours(5, 1));
        let exact = Timetable { jitter_percent: 0, ..table.clone() };
        assert_eq!(exact.after(NOW, 1), NOW.plus_ns(10 * HOUR_NS));
    }
}
