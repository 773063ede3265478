//! Files of logs as observations: any number of files, merged by time, through the same judge as packets. Owns which files are logs,
//! the order of their lines and what is told of them; formats are `decode::log`'s, contacts and flow records `flow::Exported`'s.

mod merge;
mod observer;

pub use observer::{LogObserver, LogTotals};

use crate::meter::{MeterConfig, MeterCounters};
use crate::replay::{self, ReplayResult};
use merge::Merge;
use record::{Observation, Timestamp};
use source::SourceError;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

/// Bytes by which a log is recognised.
const FIRST_BYTES: usize = 64 * 1024;
/// Observations handed on together, about as many as of packets.
const EPOCH_OBSERVATIONS: usize = 8_192;

/// One file of logs, read.
#[derive(Clone, Debug)]
pub struct LogFile {
    /// As given.
    pub path: PathBuf,
    /// What was counted.
    pub counters: decode::log::LogCounters,
    /// Why reading ended early, in words; empty when it did not.
    pub note: String,
}

/// True when the files are logs.
///
/// # Errors
/// Some are and some are not.
pub fn are_logs(files: &[PathBuf]) -> Result<bool, SourceError> {
    // What cannot be opened is told by whoever opens it.
    let is_log = |path: &PathBuf| {
        let first = source::first_bytes(path, FIRST_BYTES).unwrap_or_default();
        !source::is_capture(&first) && decode::log::recognise(&first).is_some()
    };
    let (logs, others): (Vec<&PathBuf>, Vec<&PathBuf>) = files.iter().partition(|path| is_log(path));
    match (logs.first(), others.first()) {
        (Some(log), Some(other)) => {
            let (log, other) = (log.display().to_string(), other.display().to_string());
            Err(SourceError::MixedInput { log, other })
        }
        (log, _) => Ok(log.is_some()),
    }
}

/// When the lines of a file were written at the latest: the year of those that have none. A pipe is written now.
fn reference(path: &Path) -> Timestamp {
    let modified = std::fs::metadata(path).and_then(|about| about.modified());
    let since = |time: std::time::SystemTime| time.duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    let since = since(modified.unwrap_or_else(|_| std::time::SystemTime::now()));
    Timestamp(i64::try_from(since.as_nanos()).unwrap_or(i64::MAX))
}

/// Reads logs, merged by time, and hands each epoch to `sink`; `progress` gets lines so far.
pub(crate) fn replay(
    files: &[PathBuf],
    config: &MeterConfig,
    progress: &mut dyn FnMut(u64),
    sink: &mut dyn FnMut(&mut Vec<Observation>),
) -> Result<ReplayResult, SourceError> {
    let totals = read(files, config, &mut |lines, epoch| {
        sink(epoch);
        progress(lines);
        ControlFlow::Continue(())
    })?;
    let meter = MeterCounters { first: totals.first, last: totals.last, ..MeterCounters::default() };
    Ok(ReplayResult { meter, sources: Vec::new(), workers: 1, logs: Some(totals) })
}

/// Reads logs, merged by time. `sink` gets lines so far and each epoch, in the order of time, and says whether to go on.
///
/// # Errors
/// A file cannot be opened.
pub fn read(
    files: &[PathBuf],
    config: &MeterConfig,
    sink: &mut dyn FnMut(u64, &mut Vec<Observation>) -> ControlFlow<()>,
) -> Result<LogTotals, SourceError> {
    let mut observer =
        LogObserver::new(config.exports.join.clone(), (!config.records_only).then(|| config.home.clone()));
    let mut merge = Merge::open(files, reference)?;
    let mut out = Vec::new();
    let mut goes_on = ControlFlow::Continue(());
    while goes_on.is_continue()
        && let Some(entry) = merge.next()
    {
        observer.observe(entry, &mut out);
        if out.len() >= EPOCH_OBSERVATIONS {
            replay::sort(&mut out);
            goes_on = sink(merge.lines(), &mut out);
            out.clear();
        }
    }
    observer.finish(&mut out);
    replay::sort(&mut out);
    // What was stopped is told to its end all the same: connections that are open have a first half that was seen.
    let _ = sink(merge.lines(), &mut out);
    let mut totals = observer.totals();
    totals.late = merge.late();
    totals.files = merge.into_files();
    Ok(totals)
}

#[cfg(test)]
mod packed_test;
#[cfg(test)]
mod tests;
