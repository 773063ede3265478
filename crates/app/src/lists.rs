//! Threat-intelligence lists of this process: read at the start, looked at again, and handed to the detectors whole. Owns when they
//! are read, which state each is in, and that a list which went bad changes nothing; `source` fetches, `detect` reads.

use crate::failure::{Context, Result};
use detect::intel::{Indicators, IntelConfig, ListConfig, ListReport, ListText};
use record::Timestamp;
use serve::shapes::{ThreatList, ThreatLists};
use source::ListOrigin;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Folder of copies in the data directory.
const COPIES: &str = "lists";

/// One list with its state.
struct Kept {
    config: ListConfig,
    origin: ListOrigin,
    /// What came by URL, where no copy can be kept.
    fetched: Option<Vec<u8>>,
    report: ListReport,
    read: Option<Timestamp>,
    problem: Option<String>,
}

/// All lists.
pub struct Lists {
    config: IntelConfig,
    kept: Vec<Kept>,
    entries: u64,
}

impl Lists {
    /// Names them; nothing is read yet. `data_dir` is where copies of what comes by URL are kept.
    pub fn new(config: &IntelConfig, data_dir: Option<&Path>) -> Self {
        let copies = data_dir.map(|dir| dir.join(COPIES));
        let kept = config.lists.iter().map(|list| Kept {
            origin: ListOrigin::new(&list.name, &list.from, config.list_bytes_max, copies.as_deref()),
            config: list.clone(),
            fetched: None,
            report: ListReport { name: list.name.clone(), ..ListReport::default() },
            read: None,
            problem: None,
        });
        Self { config: config.clone(), kept: kept.collect(), entries: 0 }
    }

    /// Reads every list that lies here. A file that is missing or no list is an error; a list by URL that was never fetched is not
    /// there yet.
    pub fn compile(&mut self) -> Result<Arc<Indicators>> {
        let mut all = Indicators::default();
        let mut reports = Vec::new();
        for kept in &mut self.kept {
            let bytes = match kept.origin.stored().plain()? {
                Some(bytes) => Some(bytes),
                None => kept.fetched.clone(),
            };
            reports.push(match bytes {
                Some(bytes) => Some(all.add(&text(&kept.config, &bytes), self.config.entries_max).plain()?),
                None => None,
            });
        }
        // Only a set that is whole changes what is shown.
        for (kept, report) in self.kept.iter_mut().zip(reports) {
            if let Some(report) = report {
                kept.read = kept.origin.stored_at().map(stamp).or(Some(now()));
                kept.report = report;
            }
        }
        self.entries = all.len() as u64;
        Ok(Arc::new(all))
    }

    /// Looks at every list; the new set when something changed. What cannot be had or read leaves the set as it was and is said in
    /// the list's state.
    pub fn look(&mut self) -> Option<Arc<Indicators>> {
        let every = Duration::from_secs(u64::from(self.config.refresh_min) * 60);
        let mut changed = false;
        for kept in &mut self.kept {
            match kept.look(every) {
                Ok(news) => changed |= news,
                Err(problem) => {
                    tracing::warn!("threat list {}: {problem}", kept.config.name);
                    kept.problem = Some(problem);
                }
            }
        }
        if !changed {
            return None;
        }
        self.compile().map_err(|e| tracing::warn!("threat lists stay as they were: {e}")).ok()
    }

    /// Fetches what is not here or older than a refresh; for commands that run once.
    pub fn fetch(&mut self) -> Result<()> {
        let every = Duration::from_secs(u64::from(self.config.refresh_min) * 60);
        for kept in self.kept.iter_mut().filter(|kept| kept.origin.is_remote()) {
            let fresh = kept.origin.stored_at().and_then(|at| at.elapsed().ok()).is_some_and(|age| age < every);
            if fresh {
                continue;
            }
            if let Err(problem) = kept.look(Duration::ZERO) {
                // An old copy is better than none, and said.
                if kept.origin.stored_at().is_none() {
                    return Err(crate::failure::Failure::new(problem));
                }
                tracing::warn!("threat list {}: {problem}; the copy of an earlier fetch is used", kept.config.name);
            }
        }
        Ok(())
    }

    /// What people are shown.
    pub fn view(&self) -> ThreatLists {
        let lists = self.kept.iter().map(|kept| ThreatList {
            name: kept.config.name.clone(),
            from: without_secrets(&kept.config.from),
            severity: kept.config.severity,
            entries: kept.report.entries,
            repeated: kept.report.repeated,
            not_matchable: kept.report.not_matchable,
            too_broad: kept.report.too_broad,
            expired: kept.report.expired,
            over_bound: kept.report.over_bound,
            first_problem: kept.report.first_problem.clone(),
            read: kept.read,
            problem: kept.problem.clone(),
        });
        ThreatLists { entries: self.entries, entries_max: self.config.entries_max as u64, lists: lists.collect() }
    }
}

impl Kept {
    /// True when there is something new, found good.
    fn look(&mut self, every: Duration) -> std::result::Result<bool, String> {
        let Some(bytes) = self.origin.changed(every).map_err(|e| e.to_string())? else {
            return Ok(false);
        };
        // Tried alone first: what is no list must not replace one.
        Indicators::default().add(&text(&self.config, &bytes), usize::MAX).map_err(|e| e.to_string())?;
        if self.origin.is_remote() {
            self.origin.keep(&bytes).map_err(|e| e.to_string())?;
            self.fetched = self.origin.stored_at().is_none().then_some(bytes);
        }
        self.problem = None;
        Ok(true)
    }
}

/// The lists of a command that runs once.
pub fn of_command(config: &IntelConfig, data_dir: Option<&Path>) -> Result<Arc<Indicators>> {
    let mut lists = Lists::new(config, data_dir);
    lists.fetch()?;
    lists.compile()
}

fn text<'a>(config: &ListConfig, bytes: &'a [u8]) -> ListText<'a> {
    ListText { name: config.name.clone(), bytes, format: config.format, severity: config.severity, now: now() }
}

fn stamp(at: SystemTime) -> Timestamp {
    let since = at.duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp(i64::try_from(since.as_nanos()).unwrap_or(i64::MAX))
}

fn now() -> Timestamp {
    stamp(SystemTime::now())
}

/// An address without the key that feeds put behind `?` or before `@`.
fn without_secrets(from: &str) -> String {
    let Some((scheme, rest)) = from.split_once("://") else { return from.to_owned() };
    let (plain, query) = rest.split_once('?').map_or((rest, ""), |(plain, _)| (plain, "?…"));
    let (authority, path) = plain.find('/').map_or((plain, ""), |at| plain.split_at(at));
    let host = authority.rsplit('@').next().unwrap_or_default();
    format!("{scheme}://{host}{path}{query}")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn config(path: &Path) -> IntelConfig {
        let list = format!("[[lists]]\nname = 'bad'\nfrom = '{}'\n", path.display());
        toml::from_str(&list).unwrap()
    }

    #[test]
    fn a_list_that_goes_bad_changes_nothing_and_is_told_until_it_is_good_again() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("bad.txt");
        std::fs::write(&path, "198.51.100.1\n").unwrap();
        let mut lists = Lists::new(&config(&path), None);
        assert_eq!(lists.compile().unwrap().len(), 1);
        assert!(lists.look().is_none(), "nothing changed");
        std::fs::write(&path, "<html>an error page</html>").unwrap();
        assert!(lists.look().is_none());
        let view = lists.view();
        assert!(view.lists[0].problem.as_ref().unwrap().contains("is it the right file?"));
        assert_eq!((view.entries, view.lists[0].entries), (1, 1), "what was read before stays");
        std::fs::write(&path, "198.51.100.1\n198.51.100.2\n198.51.100.3\n").unwrap();
        assert_eq!(lists.look().unwrap().len(), 3);
        assert_eq!(lists.view().lists[0].problem, None);
    }

    #[test]
    fn a_missing_file_is_said_at_the_start() {
        let dir = tempfile::tempdir().unwrap();
        let said = of_command(&config(&dir.path().join("none.txt")), None).unwrap_err().to_string();
        assert!(said.contains("cannot read the list") && said.contains("none.txt"), "{said}");
    }

    #[test]
    fn keys_in_addresses_are_not_shown() {
        assert_eq!(without_secrets("https://me:pw@feed.example/v1/list?key=abc"), "https://feed.example/v1/list?…");
        assert_eq!(without_secrets("https://feed.example/list.txt"), "https://feed.example/list.txt");
        assert_eq!(without_secrets("lists/bad.txt"), "lists/bad.txt");
    }
}
