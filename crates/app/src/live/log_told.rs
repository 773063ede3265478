//! What the lines of one live log told: counts, how late they come, the newest of those that cannot be read. Owns the bound on these
//! samples, which may hold secrets and so go to `GET /sources` alone, never to the health strip, notifications or this program's log.

use decode::log::{LogCounters, Unreadable};
use record::Timestamp;
use serve::shapes::{LogSample, LogView};
use std::collections::{BTreeMap, VecDeque};

/// Newest unreadable lines kept of each reason; reasons are a closed list.
const SAMPLE_OF_REASON_MAX: usize = 2;

/// See the module.
#[derive(Clone, Debug, Default)]
pub struct LogTold {
    /// Lines by what they are.
    pub counters: LogCounters,
    /// Lines that were ahead of this machine's clock.
    pub ahead: u64,
    /// Latest time that a line told.
    pub newest: Option<Timestamp>,
    /// How long after what they tell the newest lines came.
    pub late_ms: u64,
    sample: BTreeMap<&'static str, VecDeque<LogSample>>,
}

impl LogTold {
    /// Lines that came together at `now` told times up to `ts`.
    pub fn told(&mut self, ts: Timestamp, now: Timestamp) {
        self.newest = self.newest.max(Some(ts));
        self.late_ms = u64::try_from(now.since(ts) / 1_000_000).unwrap_or(0);
    }

    /// A line that could not be read.
    pub fn unreadable(&mut self, received: Timestamp, from: String, line: Unreadable) {
        let kept = self.sample.entry(line.reason).or_default();
        kept.push_back(LogSample { received, from, reason: line.reason.to_owned(), text: line.text });
        if kept.len() > SAMPLE_OF_REASON_MAX {
            kept.pop_front();
        }
    }

    /// As the API shows it, newest samples first.
    pub fn view(&self) -> LogView {
        let counters = &self.counters;
        let mut sample: Vec<LogSample> = self.sample.values().flatten().cloned().collect();
        sample.sort_by_key(|line| std::cmp::Reverse(line.received));
        LogView {
            used: counters.used,
            heads: counters.heads,
            formats: counters.formats.clone(),
            not_used: counters.not_used.clone(),
            unreadable: counters.unreadable.clone(),
            ahead: self.ahead,
            too_long: counters.too_long,
            not_utf8: counters.not_utf8,
            sample,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn samples_are_the_newest_of_each_reason() {
        let mut told = LogTold::default();
        let line = |reason, n: i64| Unreadable { line: 1, reason, text: format!("{reason} {n}") };
        told.unreadable(Timestamp(1), "a.log".to_owned(), line("json_invalid", 1));
        for n in 2..100 {
            told.unreadable(Timestamp(n), String::new(), line("format_unknown", n));
        }
        let texts: Vec<String> = told.view().sample.into_iter().map(|line| line.text).collect();
        assert_eq!(texts, ["format_unknown 99", "format_unknown 98", "json_invalid 1"]);
    }

    #[test]
    fn lines_that_come_late_say_so() {
        let mut told = LogTold::default();
        told.told(Timestamp::from_parts(100, 0), Timestamp::from_parts(700, 0));
        assert_eq!((told.newest, told.late_ms), (Some(Timestamp::from_parts(100, 0)), 600_000));
        told.told(Timestamp::from_parts(90, 0), Timestamp::from_parts(90, 0));
        assert_eq!((told.newest, told.late_ms), (Some(Timestamp::from_parts(100, 0)), 0));
    }
}
