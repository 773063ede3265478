//! Copies of kept reports on an object store (`reports.copy_to`). Owns which are there already, over restarts too, and when one that could not be
//! copied is tried again; the report itself stays on the shelf whatever becomes of its copy.

use super::{FORMS, ReportDesk};
use crate::archived;
use crate::config::Config;
use crate::failure::Failure;
use crate::live::judging::lock;
use serve::ReportFormat;
use std::time::{Duration, Instant};

/// Name of the setting in the store: the reports that are there.
const SETTING: &str = "reports.copied";
/// A copy that failed is tried again after this.
const AGAIN_AFTER: Duration = Duration::from_mins(2);
/// Longest wait for an answer of the object store, seconds: the end of the process waits for it.
const TIMEOUT_MAX_S: u64 = 10;

/// What was copied.
pub(super) struct Copies {
    done: Vec<String>,
    not_before: Option<Instant>,
}

impl Copies {
    pub(super) fn open(desk: &ReportDesk) -> Self {
        Self { done: desk.setting(SETTING).unwrap_or_default(), not_before: None }
    }

    /// Copies what is kept and not there yet, oldest first; one report a call.
    pub(super) fn work(&mut self, desk: &ReportDesk) {
        let config = desk.desk.running();
        if config.reports.copy_to.is_empty() || self.not_before.is_some_and(|at| Instant::now() < at) {
            return;
        }
        let kept: Vec<String> = lock(&desk.shelf).rows().iter().rev().map(|row| row.id.clone()).collect();
        let Some(id) = next(&kept, &self.done) else { return };
        match Self::copy(desk, &config, id) {
            Ok(()) => {
                // What the shelf has forgotten is forgotten here too: the list is as long as the shelf at most.
                self.done.retain(|done| kept.contains(done));
                self.done.push(id.clone());
                desk.keep_setting(SETTING, &self.done);
                self.not_before = None;
                lock(&desk.trouble).clear();
                desk.note(id, format!("copied to {}", config.reports.copy_to));
            }
            Err(error) => {
                self.not_before = Some(Instant::now() + AGAIN_AFTER);
                let text = format!("report {id} is kept here and was not copied, tried again in 2 minutes: {error}");
                tracing::error!("{text}");
                *lock(&desk.trouble) = text;
            }
        }
    }

    fn copy(desk: &ReportDesk, config: &Config, id: &str) -> Result<(), Failure> {
        let mut config = config.clone();
        config.archive.timeout_s = config.archive.timeout_s.min(TIMEOUT_MAX_S);
        for (format, _) in FORMS {
            let read = lock(&desk.shelf).read(id, format);
            // Deleted by a person since: there is nothing to copy.
            let Some(bytes) = read else { return Ok(()) };
            let bytes = bytes.map_err(|error| Failure::new(error.to_string()))?;
            archived::put(&config, &address(&config.reports.copy_to, id, format), bytes)?;
        }
        Ok(())
    }
}

/// The oldest that is kept and not done.
fn next<'k>(kept: &'k [String], done: &[String]) -> Option<&'k String> {
    kept.iter().find(|id| !done.contains(id))
}

/// Where a form of a report goes.
fn address(copy_to: &str, id: &str, format: ReportFormat) -> String {
    format!("{}/{id}.{}", copy_to.trim_end_matches('/'), format.name())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_missing_one_is_next() {
        let kept = ["a", "b", "c"].map(str::to_owned);
        assert_eq!(next(&kept, &[]), Some(&kept[0]));
        assert_eq!(next(&kept, &kept[..1]), Some(&kept[1]));
        assert_eq!(next(&kept, &kept), None);
    }

    #[test]
    fn a_form_is_an_object_of_its_own() {
        assert_eq!(address("s3://b/reports/", "r1", ReportFormat::Html), "s3://b/reports/r1.html");
        assert_eq!(address("gs://b", "r1", ReportFormat::Csv), "gs://b/r1.csv");
    }
}
