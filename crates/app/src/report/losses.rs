//! What was lost, by hour and reason, kept among the store's settings so that a report of last week can say it. Owns the log and its
//! bound; who counts is the running process.

use crate::live::losses::Losses;
use record::{Counters, Timestamp, timestamp::NS_PER_S};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use store::{Read, Reader, StoreError};

/// Where the log is kept.
pub const SETTING: &str = "losses.log";
/// Hours with losses that are kept; the oldest go first.
pub const HOURS_MAX: usize = 2_000;

const HOUR_S: i64 = 3_600;

/// Losses by the start of their hour, seconds since 1970, and reason.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Log {
    hours: BTreeMap<i64, BTreeMap<String, u64>>,
}

impl Log {
    /// Adds what was lost since the last look; true when there was something.
    pub fn add(&mut self, now: Timestamp, before: &Counters, after: &Counters) -> bool {
        let hour = now.seconds().div_euclid(HOUR_S) * HOUR_S;
        let mut any = false;
        for (reason, count) in &after.0 {
            let earlier = before.0.get(reason).copied().unwrap_or(0);
            if *count > earlier {
                *self.hours.entry(hour).or_default().entry(reason.clone()).or_default() += count - earlier;
                any = true;
            }
        }
        while self.hours.len() > HOURS_MAX {
            self.hours.pop_first();
        }
        any
    }

    /// Sums of the hours that begin within a time.
    pub fn within(&self, from: Timestamp, to: Timestamp) -> Counters {
        let mut sums = Counters::default();
        // The hour that the time begins in is in it: better too much than a loss that no report tells.
        let first = from.seconds().div_euclid(HOUR_S) * HOUR_S;
        let last = to.0.saturating_sub(1).div_euclid(NS_PER_S);
        if first <= last {
            for (reason, count) in self.hours.range(first..=last).flat_map(|(_, reasons)| reasons) {
                sums.add(reason, *count);
            }
        }
        sums
    }
}

/// The log of a store.
///
/// # Errors
/// What the store said.
pub fn kept(reader: &Reader) -> Result<Log, StoreError> {
    let text = reader.setting(SETTING)?;
    // A log that cannot be read is no reason to make no report.
    Ok(text.and_then(|text| serde_json::from_str(&text).ok()).unwrap_or_default())
}

/// What of was lost, by the first of these counters.
pub fn of(drops: &Counters) -> &'static str {
    let losses = Losses::of(drops);
    let kinds = [
        (&losses.packets, "packets"),
        (&losses.history, "history"),
        (&losses.memory, "tables"),
        (&losses.exports, "exports"),
        (&losses.messages, "syslog"),
        (&losses.senders, "senders"),
        (&losses.exported, "exported flows"),
    ];
    kinds.into_iter().find(|(counters, _)| counters.total() > 0).map_or("packets", |(_, name)| name)
}
